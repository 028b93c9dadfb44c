package scorecard_test

import (
	"testing"

	"galdecon/galdecon"
	"galdecon/galdecon/cvae"
	"galdecon/galdecon/ddpm"
	"galdecon/galdecon/internal/galtest"
	"galdecon/galdecon/scorecard"
)

func TestSamplers(t *testing.T) {
	folder, err := trained()
	if err != nil {
		t.Fatal(err)
	}
	methods, model, err := scorecard.Load("micro", folder, "own", "ddim", "stochastic:3")
	if err != nil {
		t.Fatal(err)
	}
	if len(methods) != 3 || methods[0].Name != "micro" || methods[1].Name != "micro, ddim" ||
		methods[2].Name != "micro, stochastic:3" || methods[1].Identity == methods[2].Identity {
		t.Errorf("methods %+v", methods)
	}
	for name, want := range map[string]ddpm.Sampler{
		"own":                micro.Sampler,
		"dpm-solver":         {Steps: 4, SecondOrder: true},
		"stochastic:7":       {Steps: 7, Eta: 1, SecondOrder: true},
		"ddim":               {Steps: 4},
		"ancestral":          {Steps: 20, Eta: 1},
		"ancestral:50":       {Steps: 50, Eta: 1},
		"ancestral-beta":     {Steps: 50, Eta: 1, LargeVariance: true}, // T
		"ancestral-beta:10":  {Steps: 10, Eta: 1, LargeVariance: true},
		"consistent":         micro.Sampler,
		"consistent:0000006": {Steps: 6, Eta: 1, SecondOrder: true, DataConsistency: true},
	} {
		if got, err := scorecard.Sampler(name, model); got != want || err != nil {
			t.Errorf("%s is %+v, %v, want %+v", name, got, err, want)
		}
	}
	for _, name := range scorecard.SamplerNames() {
		if _, err := scorecard.Sampler(name, model); err != nil {
			t.Error(err)
		}
	}
	for name, part := range map[string]string{"magic": `"magic"; choose one of own`,
		"ddim:": "no number of steps", "ddim:x": "ddim:20", "ddim:51": "got 51",
		"ddim:0": "got 0"} {
		_, _, err = scorecard.Load("micro", folder, name)
		galtest.Wants(t, name, err, part, "scorecard: ")
	}
	_, err = scorecard.Sampler("ddim", galdecon.Config{CVAE: &cvae.Config{}})
	galtest.Wants(t, "a CVAE's sampler", err, "CVAE")
	_, _, err = scorecard.Load("micro", t.TempDir())
	galtest.Wants(t, "no model", err, "there is no model")

	// Each is a row of its own, with other candidates from the same weights.
	c := config(methods...)
	c.Methods, c.Features = c.Methods[:3], nil
	card := run(t, c, t.TempDir())
	if len(card.Rows) != 3 || card.Rows[0].MSE.Value == card.Rows[1].MSE.Value ||
		card.Rows[1].MSE.Value == card.Rows[2].MSE.Value {
		t.Errorf("samplers give\n%s", card)
	}
}

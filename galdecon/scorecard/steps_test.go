package scorecard_test

import (
	"math"
	"strings"
	"testing"

	"galdecon/galdecon"
	"galdecon/galdecon/ddpm"
	"galdecon/galdecon/internal/galtest"
	"galdecon/galdecon/psf"
	"galdecon/galdecon/scorecard"
)

// What is said about a sampler are the figures of its candidates.
func TestCompareSteps(t *testing.T) {
	folder, err := trained()
	if err != nil {
		t.Fatal(err)
	}
	d, err := galdecon.Load(folder)
	if err != nil {
		t.Fatal(err)
	}
	y := blobs(3, micro.Size)
	k, err := psf.Gaussian{Sigma: 1}.Render(7)
	if err != nil {
		t.Fatal(err)
	}
	x, err := galdecon.Observe(y, []psf.PSF{k}, 0.003, 1)
	if err != nil {
		t.Fatal(err)
	}
	samplers := []ddpm.Sampler{{Steps: 3, SecondOrder: true, DataConsistency: true},
		{Steps: 50, Eta: 1, LargeVariance: true}}
	benchmark := galdecon.Benchmark{Truth: y, Observations: x, Candidates: 4, Seed: 7}
	done := 0
	found, err := scorecard.CompareSteps(t.Context(), d, samplers, benchmark,
		func(n int) { done = n })
	if err != nil {
		t.Fatal(err)
	}
	if len(found) != 2 || done != 2 {
		t.Fatalf("%d samplers, %d reported", len(found), done)
	}
	with, err := d.WithSampler(samplers[0])
	if err != nil {
		t.Fatal(err)
	}
	posteriors, err := with.Sample(t.Context(), x, 4, 7)
	if err != nil {
		t.Fatal(err)
	}
	report, err := galdecon.Evaluate(y, posteriors)
	if err != nil {
		t.Fatal(err)
	}
	want, got := report.Mean(), found[0]
	if got.Sampler != samplers[0] || got.Retained != want.Retained ||
		got.Reconvolution != want.Reconvolution || got.Mean != want.Accuracy.Mean ||
		got.Variance != want.Variance {
		t.Errorf("the first sampler's figures are %+v, want %+v", got, want)
	}
	if !(got.Seconds > 0) || !(got.Spread > 0) || math.IsNaN(got.Coverage) {
		t.Errorf("the first sampler's figures are %+v", got)
	}
	text := scorecard.StepsTable(found).String()
	for _, part := range []string{"DPM-Solver++(2M)", "ancestral, σ² = β", " 50 "} {
		if !strings.Contains(text, part) {
			t.Errorf("the table lacks %q:\n%s", part, text)
		}
	}
	_, err = scorecard.CompareSteps(t.Context(), d, []ddpm.Sampler{{Steps: 51}}, benchmark, nil)
	galtest.Wants(t, "too many steps", err, "got 51")
	one := benchmark
	one.Candidates = 1
	_, err = scorecard.CompareSteps(t.Context(), d, samplers[:1], one, nil)
	galtest.Wants(t, "one candidate", err, "at least 2")
}

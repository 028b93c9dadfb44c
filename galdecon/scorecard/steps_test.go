package scorecard_test

import (
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"gonum.org/v1/gonum/stat"

	"galdecon/galdecon"
	"galdecon/galdecon/ddpm"
	"galdecon/galdecon/internal/galtest"
	"galdecon/galdecon/posterior"
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

// The ratio of means has the error that repeated surveys scatter by, which pairs make small.
func TestAgainst(t *testing.T) {
	const n, surveys = 40, 600
	rng := rand.New(rand.NewPCG(1, 2))
	variance := func(row posterior.Row) float64 { return row.Variance }
	survey := func() (ratio, err float64) {
		var a, b scorecard.Steps
		for i := range n {
			hard := math.Exp(rng.NormFloat64())
			row := posterior.Row{ID: strconv.Itoa(i)}
			row.Variance = hard
			a.Report.Rows = append(a.Report.Rows, row)
			row.Variance = 2 * hard * (1 + 0.1*rng.NormFloat64())
			b.Report.Rows = append(b.Report.Rows, row)
		}
		a.Report.Rows = append(a.Report.Rows, posterior.Row{ID: "refused by the other"})
		return b.Against(a, variance)
	}
	var ratios, errs []float64
	for range surveys {
		ratio, err := survey()
		ratios, errs = append(ratios, ratio), append(errs, err)
	}
	mean, scatter := stat.MeanStdDev(ratios, nil)
	if math.Abs(mean-2) > 0.01 {
		t.Errorf("the ratio is %g, want 2", mean)
	}
	if stated := stat.Mean(errs, nil); math.Abs(stated/scatter-1) > 0.2 || stated > 0.1 {
		t.Errorf("the error is said to be %g, and is %g", stated, scatter)
	}
}

package sweep_test

import (
	"context"
	"math"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"galdecon/galdecon"
	"galdecon/galdecon/cvae"
	"galdecon/galdecon/ddpm"
	"galdecon/galdecon/fit"
	"galdecon/galdecon/internal/devicetest"
	"galdecon/galdecon/internal/galtest"
	"galdecon/galdecon/internal/micro"
	"galdecon/galdecon/psf"
	"galdecon/galdecon/sweep"
)

func microCVAE() galdecon.Config {
	c := micro.Config()
	c.Diffusion, c.Sampler = ddpm.Config{}, ddpm.Sampler{}
	c.CVAE = &cvae.Config{Latent: 2, Features: []int{4, 4}, Alpha: 1, Beta: 1, SigmaY: 0.1,
		SigmaX: 0.1}
	return c
}

// A sweep's models are those that a training of each alone gives; a sweep that was interrupted goes
// on, and trains nothing twice.
func TestSweep(t *testing.T) {
	c, y, parent := microCVAE(), micro.Galaxies(8, 16), t.TempDir()
	grid := sweep.Pairs([]float64{0.5, 2}, []float64{1})
	if want := []sweep.Weights{{Alpha: 0.5, Beta: 1}, {Alpha: 2, Beta: 1}}; !reflect.DeepEqual(grid,
		want) {
		t.Fatalf("the grid is %v, want %v", grid, want)
	}
	ctx, stop := context.WithCancel(t.Context())
	var steps [2]int
	count := func(i int, p fit.Progress) { steps[i]++ }
	_, err := sweep.Run(ctx, sweep.Plan{Model: c, Weights: grid}, y, parent,
		func(i int, p fit.Progress) {
			count(i, p)
			if i == 1 {
				stop()
			}
		})
	galtest.Wants(t, "an interrupted sweep", err, "interrupted", "α = 2, β = 1")
	dirs, err := sweep.Run(t.Context(), sweep.Plan{Model: c, Weights: grid}, y, parent, count)
	if err != nil {
		t.Fatal(err)
	}
	if steps != [2]int{c.Fit.Steps, c.Fit.Steps} {
		t.Errorf("%v steps, want %d for each", steps, c.Fit.Steps)
	}
	k := []psf.PSF{devicetest.Gaussian(t, 7, 1)}
	x, err := galdecon.Observe(y, k, c.Instrument.NoiseMax, 5)
	if err != nil {
		t.Fatal(err)
	}
	benchmark := galdecon.Benchmark{Truth: y, Observations: x, Candidates: 3, Seed: 9}
	results, err := sweep.Evaluate(t.Context(), dirs, benchmark)
	if err != nil {
		t.Fatal(err)
	}
	alone := c
	alone.CVAE = &cvae.Config{}
	*alone.CVAE = *c.CVAE
	alone.CVAE.Alpha = 2
	dir := alone.Folder(t.TempDir())
	if err := galdecon.Train(t.Context(), alone, y, dir, nil); err != nil {
		t.Fatal(err)
	}
	single, err := sweep.Evaluate(t.Context(), []string{dir}, benchmark)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(results[1], single[0]) {
		t.Error("a point of a sweep differs from the same trained alone")
	}
	if results[0].Weights != grid[0] || reflect.DeepEqual(results[0].Posteriors,
		results[1].Posteriors) {
		t.Error("the weights make no difference")
	}
	for _, r := range results {
		if len(r.Highs) != y.N || !(r.High > 0) || !(math.Abs(r.Correlation) <= 1) || !(r.KL > 0) ||
			!(r.LogClean < 0) {
			t.Errorf("detail of %v for %d galaxies, %g in all, correlation %g, KL %g, "+
				"log-likelihood %g", r.Highs, y.N, r.High, r.Correlation, r.KL, r.LogClean)
		}
	}
	if factor, low, high := sweep.DetailChange(results[0], results[0]); factor != 1 || low != 1 ||
		high != 1 {
		t.Errorf("against itself detail changes by %g (%g to %g)", factor, low, high)
	}
	there, low, high := sweep.DetailChange(results[0], results[1])
	if back, _, _ := sweep.DetailChange(results[1], results[0]); math.Abs(there*back-1) > 1e-12 ||
		!(low < there && there < high) {
		t.Errorf("detail changes by %g (%g to %g), and back by %g", there, low, high, back)
	}
	if of := sweep.Table(results); len(of.Rows) != len(grid) || of.Validate() != nil ||
		!strings.Contains(of.String(), "0.5") {
		t.Errorf("the table is\n%s", of)
	}

	_, err = sweep.Run(t.Context(), sweep.Plan{Model: micro.Config(), Weights: grid}, y, parent,
		nil)
	galtest.Wants(t, "a diffusion model", err, "only a CVAE")
	_, err = sweep.Run(t.Context(), sweep.Plan{Model: c}, y, parent, nil)
	galtest.Wants(t, "no weights", err, "at least one")
	_, err = sweep.Run(t.Context(), sweep.Plan{Model: c,
		Weights: sweep.Pairs([]float64{1}, []float64{1, math.NaN()})}, y, parent, nil)
	galtest.Wants(t, "NaN", err, "β = NaN")
	_, err = sweep.Run(t.Context(), sweep.Plan{Model: c, Weights: grid}, micro.Galaxies(8, 32),
		parent, nil)
	galtest.Wants(t, "galaxies of another size", err, "32×32")
}

// Programs that run one sweep at the same time share it: no step is made twice, and each returns
// all folders.
func TestSharedSweep(t *testing.T) {
	c, y, parent := microCVAE(), micro.Galaxies(8, 16), t.TempDir()
	c.Fit.Steps = 100
	grid := sweep.Pairs([]float64{0.5, 1, 2}, []float64{1})
	var steps atomic.Int32
	var programs sync.WaitGroup
	for range 2 {
		programs.Go(func() {
			dirs, err := sweep.Run(t.Context(), sweep.Plan{Model: c, Weights: grid}, y, parent,
				func(int, fit.Progress) { steps.Add(1) })
			if err != nil || len(dirs) != len(grid) {
				t.Errorf("the folders are %v; %v", dirs, err)
			}
		})
	}
	programs.Wait()
	if want := int32(len(grid) * c.Fit.Steps); steps.Load() != want {
		t.Errorf("%d steps, want %d", steps.Load(), want)
	}
}

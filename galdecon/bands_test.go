package galdecon_test

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"galdecon/galdecon"
	"galdecon/galdecon/fit"
	"galdecon/galdecon/internal/galtest"
	"galdecon/galdecon/internal/micro"
	"galdecon/galdecon/observe"
	"galdecon/galdecon/posterior"
)

// microBands trains an exchange that is good for nothing, but is one.
var microBands = galdecon.BandsConfig{Size: 16, Galaxies: 4, HalfSteps: 1,
	Fit: fit.Config{Steps: 3, Batch: 2, LearningRate: 0.3, EMA: 0.5, Seed: 1}}

// bandModel is a model with an exchange between bands that has hardly been trained, and its folder.
func bandModel(t *testing.T) (*galdecon.Model, string) {
	t.Helper()
	c := micro.Survey()
	dir := c.Folder(t.TempDir())
	if err := galdecon.Train(t.Context(), c, micro.Galaxies(4, c.Size), dir, nil); err != nil {
		t.Fatal(err)
	}
	if err := galdecon.TrainBands(t.Context(), microBands, dir, t.TempDir(), nil); err != nil {
		t.Fatal(err)
	}
	model, err := galdecon.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	return model, dir
}

// in returns an exposure in a band, brighter by a factor.
func in(band string, e observe.Exposure, factor float32) observe.Exposure {
	e.Band = band
	for i := range e.Image.Pixels {
		e.Image.Pixels[i] *= factor
		e.InvVar[i] /= float64(factor * factor)
	}
	return e
}

// threeBands is a galaxy of 20 × 18 pixels: in r with two exposures, in i with a gap.
func threeBands(t *testing.T) (g, r, r2, i observe.Exposure) {
	t.Helper()
	g, r, r2, i = in("g", blob(t, 20, 18, 0.8), 1), in("r", blob(t, 20, 18, 1.2), 30),
		in("r", blob(t, 20, 18, 0.7), 30), in("i", blob(t, 20, 18, 1), 4)
	for k := range 18 {
		i.InvVar[9*18+k] = 0
	}
	return g, r, r2, i
}

// Bands of a galaxy are drawn together: on one grid, whatever their order, each with what its own
// exposures would see, and so that what one shows changes the others.
func TestSampleBands(t *testing.T) {
	model, _ := bandModel(t)
	g, r, r2, i := threeBands(t)
	sample := func(n int, e ...observe.Exposure) posterior.Bands {
		t.Helper()
		all, err := model.SampleBands(t.Context(), []observe.Observation{one(e...)}, n, 7)
		if err != nil {
			t.Fatal(err)
		}
		return all[0]
	}
	b := sample(5, g, r, r2, i)
	if !slices.Equal(b.Names, []string{"g", "r", "i"}) {
		t.Fatalf("the bands are %v", b.Names)
	}
	for k, p := range b.Posteriors {
		s := p.Samples
		if s.N != 5 || s.Height != 20 || s.Width != 18 || s.Channels != 1 {
			t.Errorf("band %s: candidates are %d×%d×%d×%d", b.Names[k], s.N, s.Height, s.Width,
				s.Channels)
		}
		if views, want := len(p.Views()), []int{1, 2, 1}[k]; views != want {
			t.Errorf("band %s: %d exposures, want %d", b.Names[k], views, want)
		}
		for _, v := range p.Views() {
			total, light := 0.0, 0.0
			for _, pixel := range v.Reblurred.Pixels {
				if math.IsNaN(float64(pixel)) {
					t.Fatalf("band %s: %v", b.Names[k], pixel)
				}
				total += float64(pixel) / 5
			}
			for _, pixel := range v.Observation.Pixels {
				light += float64(pixel)
			}
			if ratio := total / light; ratio < 0.8 || ratio > 1.3 {
				t.Errorf("band %s: candidates have %.2f of the light seen", b.Names[k], ratio)
			}
		}
	}
	if c, err := b.Color("g", "r", 6); err != nil || math.Abs(c.Ratio.Median*30-1) > 0.1 {
		t.Errorf("the color is %v, %v; want a ratio of 1/30", c, err)
	}
	turned := sample(5, i, g, r, r2)
	fewer := sample(3, g, r, r2, i)
	pair := sample(5, g, i)
	for k, name := range b.Names {
		same, err := turned.In(name)
		if err != nil {
			t.Fatal(err)
		}
		near(t, "in another order, band "+name, same.Samples.Pixels, b.Posteriors[k].Samples.Pixels)
		first := b.Posteriors[k].Samples.Pixels[:3*20*18]
		near(t, "of fewer candidates, band "+name, fewer.Posteriors[k].Samples.Pixels, first)
	}
	without, err := pair.In("g")
	if err != nil {
		t.Fatal(err)
	}
	if slices.Equal(without.Samples.Pixels, b.Posteriors[0].Samples.Pixels) {
		t.Error("what r shows makes no difference to g")
	}
}

// near fails the test where values differ by more than rounding.
func near(t *testing.T, what string, got, want []float32) {
	t.Helper()
	peak, largest := 0.0, 0.0
	for i, v := range want {
		peak = max(peak, math.Abs(float64(v)))
		largest = max(largest, math.Abs(float64(got[i]-v)))
	}
	if !(largest <= 1e-3*peak) {
		t.Errorf("%s: values differ by %g of the peak", what, largest/peak)
	}
}

// With one band a model draws what it drew before there was an exchange, to the bit.
func TestOneBandStaysAsItIs(t *testing.T) {
	model, dir := bandModel(t)
	g, r, _, _ := threeBands(t)
	observations := []observe.Observation{one(g), one(r)}
	with, err := model.SampleLooks(t.Context(), observations, 3, 5)
	if err != nil {
		t.Fatal(err)
	}
	bands, err := model.SampleBands(t.Context(), observations, 3, 5)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, galdecon.BandsFile)); err != nil {
		t.Fatal(err)
	}
	bare, err := galdecon.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	before, err := bare.SampleLooks(t.Context(), observations, 3, 5)
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range before {
		if !slices.Equal(p.Samples.Pixels, with[i].Samples.Pixels) ||
			!slices.Equal(p.Samples.Pixels, bands[i].Posteriors[0].Samples.Pixels) {
			t.Errorf("observation %d differs", i)
		}
		if bands[i].Index != i || bands[i].Posteriors[0].Index != i {
			t.Errorf("observation %d has the index %d", i, bands[i].Index)
		}
	}
	// Without an exchange several bands can't be drawn.
	var none *galdecon.BandsError
	_, err = bare.SampleBands(t.Context(), []observe.Observation{one(g, r)}, 2, 1)
	if !errors.As(err, &none) || none.There != "" {
		t.Errorf("without an exchange: %v", err)
	}
}

// What can't be drawn in bands is refused by name, and the others are drawn all the same.
func TestSampleBandsRefuses(t *testing.T) {
	model, dir := bandModel(t)
	g, r, _, i := threeBands(t)
	blind, away, unnamed := i, i, i
	blind.PSFs = nil
	away.Row = 500
	unnamed.Band = ""
	var seven []observe.Exposure
	for _, name := range []string{"u", "g", "r", "i", "z", "y", "J"} {
		seven = append(seven, in(name, blob(t, 20, 18, 1), 1))
	}
	drawn, err := model.SampleBands(t.Context(), []observe.Observation{one(g, blind), one(g, away),
		one(g, unnamed), one(seven...), one(), one(g, r)}, 1, 1)
	refused, rest := posterior.SplitRefusals(err)
	if rest != nil {
		t.Fatal(rest)
	}
	want := []struct {
		reason posterior.Reason
		what   string
	}{{posterior.RefusedData, "band i"}, {posterior.RefusedData, "band i"},
		{posterior.RefusedBands, "no band"}, {posterior.RefusedBands, "7 bands"},
		{posterior.RefusedData, "no exposure"}}
	if len(refused) != len(want) || len(drawn) != 1 || drawn[0].Index != 5 {
		t.Fatalf("%d are refused and %d drawn: %v", len(refused), len(drawn), err)
	}
	for k, w := range want {
		if refused[k].Index != k || refused[k].Reason != w.reason {
			t.Errorf("refusal %d is of %d, for %q", k, refused[k].Index, refused[k].Reason)
		}
		galtest.Wants(t, w.what, refused[k], w.what)
	}
	// Several bands aren't exposures of one.
	_, err = model.SampleLooks(t.Context(), []observe.Observation{one(g, r)}, 1, 1)
	if refused, _ := posterior.SplitRefusals(err); len(refused) != 1 ||
		refused[0].Reason != posterior.RefusedBands {
		t.Errorf("two bands as one are refused by %v", err)
	}
	// An exchange is of one model's weights.
	c := micro.Survey()
	c.Fit.Seed++
	other := c.Folder(t.TempDir())
	if err := galdecon.Train(t.Context(), c, micro.Galaxies(4, c.Size), other, nil); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, galdecon.BandsFile))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(other, galdecon.BandsFile), text, 0o666); err != nil {
		t.Fatal(err)
	}
	foreign, err := galdecon.Load(other)
	if err != nil {
		t.Fatal(err)
	}
	var mismatch *galdecon.BandsError
	_, err = foreign.SampleBands(t.Context(), []observe.Observation{one(g, r)}, 1, 1)
	if !errors.As(err, &mismatch) || mismatch.There == "" || mismatch.There == mismatch.Here {
		t.Errorf("another model's exchange: %v", err)
	}
}

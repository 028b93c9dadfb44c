package posterior_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/posterior"
)

// drawnBands are n candidates of a round galaxy in two bands: their fluxes vary by common, and
// their ratio, 2, by own, both as a share.
func drawnBands(n int, common, own float64) posterior.Bands {
	const side = 24
	r := rand.New(rand.NewPCG(1, 1))
	b := posterior.Bands{Names: []string{"g", "r"}, Posteriors: make([]posterior.Posterior, 2)}
	for i := range b.Posteriors {
		b.Posteriors[i].Samples = galaxy.NewImages(n, side, side, 1)
	}
	for k := range n {
		level := 1 + common*r.NormFloat64()
		for i, flux := range []float64{2 * level * (1 + own*r.NormFloat64()), level} {
			for p := range side * side {
				dy, dx := float64(p/side)-11.5, float64(p%side)-11.5
				b.Posteriors[i].Samples.At(k)[p] = float32(flux * math.Exp(-(dy*dy+dx*dx)/18))
			}
		}
	}
	return b
}

// What the bands of a candidate have in common cancels in a color, and the rest doesn't.
func TestColorOfJointDraws(t *testing.T) {
	b := drawnBands(400, 0.3, 0.02)
	c, err := b.Color("g", "r", 10)
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(c.Ratio.Median-2) > 0.01 || c.Measured != 400 || c.Failed != 0 {
		t.Errorf("the color is %v, want a ratio of 2", c)
	}
	if bar := (c.Ratio.High - c.Ratio.Low) / 2; math.Abs(bar-0.04) > 0.006 {
		t.Errorf("the ratio's error bar is %g, want 0.04", bar)
	}
	if want := -2.5 * math.Log10(c.Ratio.Median); math.Abs(c.Magnitude.Median-want) > 1e-9 {
		t.Errorf("%g magnitudes, want %g", c.Magnitude.Median, want)
	}
	if bar := (c.Magnitude.High - c.Magnitude.Low) / 2; math.Abs(bar-1.0857*0.02) > 0.004 {
		t.Errorf("the magnitude's error bar is %g, want 0.022", bar)
	}
	b.Posteriors[0].Observation = galaxy.NewImages(1, 24, 24, 1)
	b.Posteriors[0].Observation.Scale = []float64{3} // in units of the source
	if c, err = b.Color("g", "r", 10); err != nil || math.Abs(c.Ratio.Median-6) > 0.03 {
		t.Errorf("with a scale of 3 the ratio is %v, %v; want 6", c.Ratio, err)
	}
	measured, err := b.Measure(10)
	if err != nil || len(measured) != 2 {
		t.Fatal(measured, err)
	}
	if bar := (measured[1].Flux.High/measured[1].Flux.Low - 1) / 2; bar < 0.2 {
		t.Errorf("a single flux is known to %g, its candidates vary by 0.3", bar)
	}
}

func TestColorRefuses(t *testing.T) {
	b := drawnBands(4, 0.1, 0.1)
	var unknown *posterior.BandError
	if _, err := b.Color("g", "z", 10); !errors.As(err, &unknown) || unknown.Band != "z" {
		t.Errorf("a band that isn't there: %v", err)
	}
	clear(b.Posteriors[1].Samples.Pixels)
	if _, err := b.Color("g", "r", 10); err == nil {
		t.Error("a band without light has a color")
	}
	b.Posteriors[1].Samples = galaxy.NewImages(3, 24, 24, 1)
	if _, err := b.Color("g", "r", 10); err == nil {
		t.Error("bands that weren't drawn together have a color")
	}
}

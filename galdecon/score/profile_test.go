package score_test

import (
	"math"
	"strings"
	"testing"

	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/score"
)

// The light of a round Gaussian within r is 1 − exp(−r²/2σ²), and its profile a Gaussian; each
// pixel holds the mean of the light over its area, so that σ² is larger by 1/12.
func TestRadialProfile(t *testing.T) {
	const sigma, x, y, width = 4.0, 24.3, 22.9, 0.5
	im := galaxy.NewImages(1, 48, 48, 2)
	edge := func(v float64) float64 { return math.Erf(v / (math.Sqrt2 * sigma)) }
	for i := range im.Pixels {
		col, row := float64(i/2%48)-x, float64(i/2/48)-y
		light := (edge(col+0.5) - edge(col-0.5)) * (edge(row+0.5) - edge(row-0.5)) / 4
		im.Pixels[i] = float32(light * (0.5 + float64(i%2))) // channels whose mean is the light
	}
	p, err := score.RadialProfile(im, x, y, width, 20)
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Radius) != 40 || p.Radius[0] != width || p.Radius[39] != 20 {
		t.Fatalf("the rings are %v", p.Radius)
	}
	wide := 2 * (sigma*sigma + 1.0/12)
	for i, r := range p.Radius {
		within := 1 - math.Exp(-r*r/wide)
		if math.Abs(p.Growth[i]-within) > 0.003 {
			t.Errorf("within %g pixels is %g of the light, want %g", r, p.Growth[i], within)
		}
		inner := r - width
		mean := (math.Exp(-inner*inner/wide) - math.Exp(-r*r/wide)) /
			(math.Pi * (r*r - inner*inner))
		if got := p.Brightness[i]; math.Abs(got-mean) > 0.02*mean+1e-6 {
			t.Errorf("the ring up to %g pixels has a brightness of %g, want %g", r, got, mean)
		}
	}
	// The same circle is measured as photometry does.
	m, err := score.Measure(im, 20)
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(m.Aperture-p.Growth[39]) > 1e-4 {
		t.Errorf("the aperture holds %g, the profile %g", m.Aperture, p.Growth[39])
	}
}

func TestRadialProfileRefuses(t *testing.T) {
	one := galaxy.NewImages(1, 16, 16, 1)
	for want, f := range map[string]func() (score.Profile, error){
		"got 2": func() (score.Profile, error) {
			return score.RadialProfile(galaxy.NewImages(2, 16, 16, 1), 8, 8, 1, 4)
		},
		"outside the image": func() (score.Profile, error) {
			return score.RadialProfile(one, 16, 8, 1, 4)
		},
		"half the shorter side, 8 pixels; got 9": func() (score.Profile, error) {
			return score.RadialProfile(one, 8, 8, 1, 9)
		},
		"got NaN": func() (score.Profile, error) {
			return score.RadialProfile(one, 8, 8, 1, math.NaN())
		},
		"at least 0.125": func() (score.Profile, error) {
			return score.RadialProfile(one, 8, 8, 0.1, 4)
		},
	} {
		if _, err := f(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error is %v, want %q", err, want)
		}
	}
}

package psf_test

import (
	"math"
	"slices"
	"testing"

	"gonum.org/v1/gonum/stat"

	"galdecon/galdecon/moments"
	"galdecon/galdecon/psf"
)

// Draws of a Gaussian are Gaussians of other widths and ellipticities, which have the deviations
// that were asked for.
func TestDraws(t *testing.T) {
	const n, sigma = 300, 2.0
	p, err := psf.Gaussian{Sigma: sigma}.Render(25)
	if err != nil {
		t.Fatal(err)
	}
	doubt := psf.Doubt{Width: 0.05, Shear: 0.02}
	draws, err := p.Draws(n, doubt, 1)
	if err != nil {
		t.Fatal(err)
	}
	var widths, g1 []float64
	for i, d := range draws {
		f, err := d.Fit()
		if err != nil {
			t.Fatal(err)
		}
		widths, g1 = append(widths, math.Log(f.Sigma/sigma)), append(g1, f.Shear.G1)
		want, err := psf.Gaussian{Sigma: f.Sigma, Shear: moments.Shear(f.Shear)}.Render(25)
		if err != nil {
			t.Fatal(err)
		}
		for k, v := range d.Pixels {
			if math.Abs(float64(v-want.Pixels[k])) > 5e-3*float64(slices.Max(want.Pixels)) {
				t.Fatalf("draw %d is no Gaussian: pixel %d is %g, want %g", i, k, v, want.Pixels[k])
			}
		}
	}
	// The deviation of a standard deviation of n values is 1/√(2n) of it, 4 %.
	for what, test := range map[string]struct {
		values []float64
		want   float64
	}{"widths": {widths, doubt.Width}, "ellipticities": {g1, doubt.Shear}} {
		mean, deviation := stat.MeanStdDev(test.values, nil)
		if math.Abs(mean) > 3*test.want/math.Sqrt(n) || math.Abs(deviation/test.want-1) > 0.12 {
			t.Errorf("%s have the mean %.4f and the deviation %.4f, want 0 and %.4f", what, mean,
				deviation, test.want)
		}
	}
	again, err := p.Draws(2, doubt, 1)
	if err != nil || !slices.Equal(again[1].Pixels, draws[1].Pixels) {
		t.Error("the seed doesn't determine the draws")
	}
	same, err := p.Draws(1, psf.Doubt{}, 1)
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range same[0].Pixels {
		if math.Abs(float64(v-p.Pixels[k])) > 1e-6 {
			t.Fatalf("without doubt pixel %d is %g, want %g", k, v, p.Pixels[k])
		}
	}
	for _, bad := range []psf.Doubt{{Width: -1}, {Shear: 2}, {Width: math.NaN()}} {
		if _, err := p.Draws(1, bad, 1); err == nil {
			t.Errorf("%+v is no error", bad)
		}
	}
}

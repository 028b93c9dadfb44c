package galdecon_test

import (
	"math"
	"slices"
	"testing"

	"galdecon/galdecon"
	"galdecon/galdecon/internal/devicetest"
	"galdecon/galdecon/internal/micro"
	"galdecon/galdecon/psf"
)

// A candidate is the same however many are asked for, whatever is drawn together with it, and as
// the end of a path.
func TestCandidatesKeepTheirNumbers(t *testing.T) {
	dir, c := train(t)
	d, err := galdecon.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	x, err := galdecon.Observe(micro.Galaxies(2, 16), []psf.PSF{devicetest.Gaussian(t, 7, 1)},
		c.Instrument.NoiseMax, 3)
	if err != nil {
		t.Fatal(err)
	}
	sample := func(o *galdecon.Observations, n int) []galdecon.Posterior {
		t.Helper()
		p, err := d.Sample(t.Context(), o, n, 1)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	close := func(what string, a, b []float32) {
		t.Helper()
		for i := range a {
			if math.Abs(float64(a[i]-b[i])) > 1e-4 {
				t.Errorf("%s: pixel %d is %g or %g", what, i, a[i], b[i])
				return
			}
		}
	}
	many := sample(x, 20)
	for i, few := range sample(x, 3) {
		for k := range few.Samples.N {
			close("3 or 20 candidates", few.Samples.At(k), many[i].Samples.At(k))
		}
	}
	one, err := x.Select(0)
	if err != nil {
		t.Fatal(err)
	}
	close("one observation or two", sample(one, 7)[0].Samples.Pixels,
		many[0].Samples.Pixels[:7*16*16])
	path, err := d.Path(one, 1)
	if err != nil {
		t.Fatal(err)
	}
	close("a path", path.At(path.N-1), many[0].Samples.At(0))
	if slices.Equal(many[0].Samples.At(0), many[0].Samples.At(8)) {
		t.Error("the second chunk repeats the first")
	}
}

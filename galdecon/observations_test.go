package galdecon_test

import (
	"math"
	"slices"
	"testing"

	"galdecon/galdecon"
	"galdecon/galdecon/classical"
	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/internal/devicetest"
	"galdecon/galdecon/internal/galtest"
	"galdecon/galdecon/internal/micro"
	"galdecon/galdecon/posterior"
	"galdecon/galdecon/psf"
	"galdecon/galdecon/score"
)

func TestObserve(t *testing.T) {
	const n, size = 6, 24
	y := micro.Galaxies(n, size)
	y.Scale = []float64{1, 2, 3, 4, 5, 6}
	kernels := make([]psf.PSF, n)
	for i := range kernels {
		kernels[i] = devicetest.Gaussian(t, 9, 0.6+0.2*float64(i))
	}
	clean, err := galdecon.Observe(y, kernels, 0, 1)
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		for p := range size * size {
			want := 0.0
			for u := range 9 * 9 {
				r, c := p/size-(u/9-4), p%size-(u%9-4)
				if r >= 0 && r < size && c >= 0 && c < size {
					want += float64(kernels[i].Pixels[u]) * float64(y.At(i)[r*size+c])
				}
			}
			if got := float64(clean.Images().At(i)[p]); math.Abs(got-want) > 1e-5 {
				t.Fatalf("image %d, pixel %d is %g, want %g", i, p, got, want)
			}
		}
	}
	if !slices.Equal(clean.Images().IDs, y.IDs) || !slices.Equal(clean.Images().Scale, y.Scale) {
		t.Errorf("IDs %v and scales %v became %v and %v", y.IDs, y.Scale, clean.Images().IDs,
			clean.Images().Scale)
	}
	const noise = 0.05
	noisy, err := galdecon.Observe(y, kernels, noise, 1)
	if err != nil {
		t.Fatal(err)
	}
	// ± 1.2 % by chance
	if got := math.Sqrt(score.MSE(noisy.Images().Pixels,
		clean.Images().Pixels)); math.Abs(got/noise-1) > 0.05 {
		t.Errorf("the noise is %g, want %g", got, noise)
	}
	again, err := galdecon.Observe(y, kernels, noise, 1)
	if err != nil {
		t.Fatal(err)
	}
	other, err := galdecon.Observe(y, kernels, noise, 2)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(again.Images().Pixels, noisy.Images().Pixels) ||
		slices.Equal(other.Images().Pixels, noisy.Images().Pixels) {
		t.Error("the noise doesn't follow from the seed")
	}
	one, err := galdecon.Observe(y, kernels[:1], 0, 1)
	if err != nil {
		t.Fatal(err)
	}
	if score.MSE(one.Images().At(0), clean.Images().At(0)) > 1e-12 ||
		score.MSE(one.Images().At(5), clean.Images().At(5)) < 1e-6 {
		t.Error("one PSF isn't taken for all galaxies")
	}

	nan := micro.Galaxies(1, size)
	nan.Pixels[3] = float32(math.NaN())
	for name, test := range map[string]struct {
		y       *galaxy.Images
		kernels []psf.PSF
		noise   float64
		want    string
	}{
		"NaN pixel":    {nan, kernels[:1], 0, "blob 0"},
		"no PSF":       {y, nil, 0, "6 images need as many PSFs, or one for all; got 0"},
		"too few PSFs": {y, kernels[:2], 0, "got 2"},
		"empty PSF":    {y, []psf.PSF{{}}, 0, "0×0"},
		"broken PSF": {y, []psf.PSF{{Size: 3, Pixels: []float32{1}}}, 0,
			"needs 9 weights, got 1"},
		"unequal PSFs": {micro.Galaxies(2, size),
			[]psf.PSF{devicetest.Gaussian(t, 3, 1), devicetest.Gaussian(t, 5, 1)}, 0, "Resize"},
		"negative noise": {y, kernels, -1, "noise"},
		"NaN noise":      {y, kernels, math.NaN(), "noise"},
		"galaxies lacking": {&galaxy.Images{N: 2, Height: 4, Width: 4, Channels: 1,
			Pixels: make([]float32, 5)}, kernels[:1], 0, "need 32 values"},
	} {
		_, err := galdecon.Observe(test.y, test.kernels, test.noise, 1)
		galtest.Wants(t, name, err, test.want)
	}
}

// An observation in raw counts, standardized, has about the scale of the clean galaxy, whose peak
// is 1, and can be brought back.
func TestStandardize(t *testing.T) {
	y := micro.Galaxies(4, 16)
	kernels := []psf.PSF{devicetest.Gaussian(t, 7, 1)}
	x, err := galdecon.Observe(y, kernels, 1e-3, 3)
	if err != nil {
		t.Fatal(err)
	}
	counts := x.Images().Select(0, 1, 2, 3)
	for i := range counts.Pixels {
		counts.Pixels[i] *= 5000
	}
	standard, err := galdecon.Standardize(seen(t, counts, kernels, []float64{5}))
	if err != nil {
		t.Fatal(err)
	}
	out := standard.Images()
	for i := range out.N {
		for k, v := range out.At(i) {
			if want := float64(counts.At(i)[k]); math.Abs(float64(v)*out.Scale[i]-want) > 1e-3*5000 {
				t.Fatalf("image %d, pixel %d: %g times the scale %g isn't %g", i, k, v,
					out.Scale[i], want)
			}
		}
		// The filter gives a part of the peak back that the blur took, to within the noise.
		own := float64(slices.Max(x.Images().At(i)))
		if ratio := out.Scale[i] / 5000; ratio < 1-(1-own)*0.85-5e-3 || ratio > 1.2 {
			t.Errorf("image %d is scaled by %g, want about 5000; its own peak is %g", i,
				out.Scale[i], 5000*own)
		}
		if got := standard.Noise()[i] * out.Scale[i]; math.Abs(got-5) > 1e-9 {
			t.Errorf("image %d has noise of %g counts, want 5", i, got)
		}
	}
	if counts.Scale != nil {
		t.Error("the input was changed")
	}
	_, err = galdecon.Standardize(seen(t, galaxy.NewImages(1, 16, 16, 1), kernels, []float64{1}))
	galtest.Wants(t, "an empty image", err, "no positive value")
	_, err = galdecon.Standardize(nil)
	galtest.Wants(t, "nothing", err, "no observations")
}

// Wiener's filter undoes some of the blur.
func TestWiener(t *testing.T) {
	y := micro.Galaxies(3, 16)
	kernels := []psf.PSF{devicetest.Gaussian(t, 7, 1)}
	x, err := galdecon.Observe(y, kernels, 1e-3, 3)
	if err != nil {
		t.Fatal(err)
	}
	w, err := classical.Wiener(x, 0.05)
	if err != nil {
		t.Fatal(err)
	}
	if before, after := score.MSE(x.Images().Pixels, y.Pixels),
		score.MSE(w.Pixels, y.Pixels); after > before/2 {
		t.Errorf("MSE %g after the filter, %g before", after, before)
	}
	_, err = classical.Wiener(x, 0)
	galtest.Wants(t, "no prior", err, "positive")
	_, err = posterior.NewObservations(x.Images(), append(kernels, kernels...), nil)
	galtest.Wants(t, "PSFs", err, "as many PSFs")
	for name, empty := range map[string]*galdecon.Observations{"nil": nil, "zero": {}} {
		_, err = classical.Wiener(empty, 0.05)
		galtest.Wants(t, name, err, "no observations")
	}
}

// A model must not take noise that it wasn't trained for as structure.
func TestSampleRefusesNoise(t *testing.T) {
	dir, c := train(t)
	d, err := galdecon.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	kernels := []psf.PSF{devicetest.Gaussian(t, 7, 1)}
	x, err := galdecon.Observe(micro.Galaxies(2, 16), kernels, 10*c.Instrument.NoiseMax, 3)
	if err != nil {
		t.Fatal(err)
	}
	_, err = d.Sample(t.Context(), x, 2, 1)
	galtest.Wants(t, "noise", err, "noise of 0.03", "at most 0.003")
	x = seen(t, x.Images(), kernels, []float64{c.Instrument.NoiseMax})
	_, err = d.Sample(t.Context(), x, 2, 1)
	galtest.Wants(t, "noise that is more than it says", err, "twice what is said (0.003)")
	x = seen(t, x.Images(), kernels, nil) // estimated
	_, err = d.Sample(t.Context(), x, 2, 1)
	galtest.Wants(t, "noise that is estimated", err, "at most 0.003")
}

// What a standardized model draws doesn't depend on the units of the observation, also where their
// squares are beyond float32.
func TestUnits(t *testing.T) {
	c, y := micro.Config(), micro.Galaxies(4, 16)
	c.Standardized, c.Diffusion.DataConsistency = true, true
	dir := c.Folder(t.TempDir())
	if err := galdecon.Train(t.Context(), c, y, dir, nil); err != nil {
		t.Fatal(err)
	}
	d, err := galdecon.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	x, err := galdecon.Observe(y, []psf.PSF{devicetest.Gaussian(t, 7, 1)}, 0.002, 5)
	if err != nil {
		t.Fatal(err)
	}
	want, err := d.Sample(t.Context(), x, 2, 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, unit := range []float64{1e-21, 3e4} {
		counts := seen(t, x.Images().Select(0, 1, 2, 3), x.PSFs(), []float64{0.002 * unit})
		for i, v := range counts.Images().Pixels {
			counts.Images().Pixels[i] = float32(unit * float64(v))
		}
		got, err := d.Sample(t.Context(), counts, 2, 1)
		if err != nil {
			t.Fatal(err)
		}
		path, err := d.Path(seen(t, counts.Images().Select(0), x.PSFs(), counts.Noise()), 1)
		if err != nil {
			t.Fatal(err)
		}
		last := path.At(path.N - 1)
		for i, p := range got {
			if p.Noise != 0.002*unit || !slices.Equal(p.Observation.Pixels, counts.Images().At(i)) {
				t.Errorf("unit %g, image %d: the posterior is of another observation", unit, i)
			}
			for k, v := range p.Samples.Pixels {
				if off := float64(v)/unit - float64(want[i].Samples.Pixels[k]); math.Abs(off) > 1e-3 {
					t.Fatalf("unit %g, image %d: value %d is off by %g of the unit", unit, i, k,
						off)
				}
				if k < len(last) && i == 0 && math.Abs(float64(last[k]-v)) > 1e-3*unit {
					t.Fatalf("unit %g: the path ends with %g at pixel %d, not with %g", unit,
						last[k], k, v)
				}
			}
		}
	}
}

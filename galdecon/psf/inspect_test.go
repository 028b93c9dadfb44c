package psf_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"galdecon/galdecon/moments"
	"galdecon/galdecon/psf"
)

// changed is a PSF with something added to each pixel, in units of its peak.
func changed(t *testing.T, p psf.PSF, add func(row, col int) float64) psf.PSF {
	t.Helper()
	weights := make([]float32, len(p.Pixels))
	peak := float64(p.Pixels[p.Size/2*p.Size+p.Size/2])
	for i, w := range p.Pixels {
		weights[i] = float32(float64(w)/peak + add(i/p.Size, i%p.Size))
	}
	return must(psf.New(p.Size, weights))(t)
}

func star(row, col, sigma, brightness float64) func(r, c int) float64 {
	return func(r, c int) float64 {
		return brightness * math.Exp(-(math.Pow(float64(r)-row, 2)+
			math.Pow(float64(c)-col, 2))/(2*sigma*sigma))
	}
}

func TestInspect(t *testing.T) {
	gaussian := must(psf.Gaussian{Sigma: 1.5}.Render(31))(t)
	moffat := must(psf.Moffat{FWHM: 3.5, Beta: 2.5, Shear: moments.Ellipse(0.8, 1)}.Render(41))(t)
	winged := must(psf.Moffat{FWHM: 3.5, Beta: 1.8}.Render(41))(t)
	airy := must(psf.Airy{LambdaOverD: 2, Obscuration: 0.3}.Render(41))(t)
	flat := func(level float64) func(r,
		c int) float64 {
		return func(int, int) float64 { return level }
	}
	rng := rand.New(rand.NewPCG(5, 5))
	noise := func(sigma float64) func(r, c int) float64 {
		return func(int, int) float64 { return sigma * rng.NormFloat64() }
	}
	for name, test := range map[string]struct {
		p         psf.PSF
		want      psf.Kind // "" for nothing
		value     float64
		tolerance float64
	}{
		"a Gaussian":      {gaussian, "", 0, 0},
		"with little sky": {changed(t, gaussian, flat(0.0001)), "", 0, 0},
		"with some noise": {changed(t, gaussian, noise(0.001)), "", 0, 0},
		"with sky": {changed(t, gaussian, flat(0.002)), psf.Pedestal,
			0.002 * 961 / (2*math.Pi*2.25 + 0.002*961), 0.002},
		"with less sky": {changed(t, gaussian, flat(-0.002)), psf.Pedestal,
			-0.002 * 961 / (2*math.Pi*2.25 - 0.002*961), 0.002},
		"wings with sky": {changed(t, moffat, flat(0.003)), psf.Pedestal, 0.21, 0.03},
		"rings with sky": {changed(t, airy, flat(0.003)), psf.Pedestal, 0.45, 0.1},
		"with a star": {changed(t, gaussian, star(24, 23, 1.5, 0.05)), psf.Neighbor, 0.05,
			1e-3},
		"with half a star": {changed(t, gaussian, star(30, 15, 1.5, 0.05)), psf.Neighbor, 0.05,
			1e-3},
		"wings and a star": {changed(t, moffat, star(5, 20, 1.5, 0.03)), psf.Neighbor, 0.035, 5e-3},
		"noise":            {changed(t, gaussian, noise(0.004)), psf.Noisy, 0.1, 0.02},
		"off center":       {offset(t, 31, 1.5, 0.5, -1), psf.OffCenter, math.Hypot(0.5, 1), 1e-3},
		"a wide Gaussian": {must(psf.Gaussian{Sigma: 3}.Render(15))(t), psf.CutOff,
			math.Exp(-15 * 15 / (2 * math.Pi * 9)), 0.005},
		"a Moffat profile": {moffat, "", 0, 0},
		// (1 + R²/α²)^{1−β} outside the circle of the grid's area.
		"with more wings": {winged, psf.CutOff,
			math.Pow(1+41*41/math.Pi/(3.0625/(math.Exp2(1/1.8)-1)), -0.8), 0.005},
	} {
		found := test.p.Inspect()
		switch {
		case test.want == "" && len(found) > 0:
			t.Errorf("%s: found %v", name, found[0])
		case test.want != "" && len(found) == 0:
			t.Errorf("%s: nothing found", name)
		case test.want != "":
			if found[0].Kind != test.want {
				t.Errorf("%s: %v, want %s", name, found[0], test.want)
			}
			near(t, name+": the value", found[0].Value, test.value, test.tolerance)
		}
	}
	// Light of Airy's rings goes on beyond any grid, but no sky, noise or star is in it.
	for _, p := range []psf.PSF{airy, must(psf.Airy{LambdaOverD: 3}.Render(33))(t),
		must(psf.Airy{LambdaOverD: 3.4, Obscuration: 0.33}.Render(15))(t)} {
		for _, problem := range p.Inspect() {
			if problem.Kind != psf.CutOff {
				t.Errorf("Airy's PSF: %v", problem)
			}
		}
	}
	if found := changed(t, gaussian, star(24, 23, 1.5, 0.05)).Inspect(); found[0].Row != 24 ||
		found[0].Col != 23 {
		t.Errorf("the star is at %d, %d", found[0].Row, found[0].Col)
	}
}

func TestSubtractPedestal(t *testing.T) {
	want := must(psf.Gaussian{Sigma: 1.5}.Render(31))(t)
	for _, level := range []float64{0.002, -0.002} {
		p := changed(t, want, func(int, int) float64 { return level })
		clean, subtracted, err := p.SubtractPedestal()
		if err != nil {
			t.Fatal(err)
		}
		near(t, "the pedestal", subtracted/float64(p.Pixels[480]), level/(1+level), 1e-5)
		for i, w := range want.Pixels {
			near(t, "a pixel", float64(clean.Pixels[i]), float64(w), 1e-6)
		}
	}
	same, subtracted, err := want.SubtractPedestal()
	if err != nil || subtracted != 0 || &same.Pixels[0] != &want.Pixels[0] {
		t.Errorf("%g was subtracted from nothing, error %v", subtracted, err)
	}
}

// What is in a PSF is named where the PSF is refused.
func TestRefusalsAreNamed(t *testing.T) {
	in := psf.Instrument{Size: 25, SigmaMin: 0.8, SigmaMax: 2.2, ShearMax: 0.3, InvBetaMax: 0.5}
	gaussian := must(psf.Gaussian{Sigma: 1.5}.Render(31))(t)
	for name, test := range map[string]struct {
		p    psf.PSF
		want psf.Kind
	}{
		"sky":      {changed(t, gaussian, func(int, int) float64 { return 0.002 }), psf.Pedestal},
		"no sky":   {changed(t, gaussian, func(int, int) float64 { return -0.002 }), psf.Pedestal},
		"a star":   {changed(t, gaussian, star(24, 23, 1.5, 0.05)), psf.Neighbor},
		"far star": {changed(t, gaussian, star(29, 15, 1.5, 0.2)), psf.Neighbor},
		"halo": {changed(t, must(psf.Gaussian{Sigma: 1.5}.Render(101))(t),
			star(50, 50, 12, 0.001)), psf.CutOff},
		"narrow":    {must(psf.Gaussian{Sigma: 0.5}.Render(31))(t), psf.Narrow},
		"wide":      {must(psf.Gaussian{Sigma: 3}.Render(31))(t), psf.Wide},
		"too large": {must(psf.Gaussian{Sigma: 6}.Render(51))(t), psf.CutOff},
		"long": {must(psf.Gaussian{Sigma: 1.5, Shear: moments.Shear{G1: 0.5}}.Render(31))(t),
			psf.Elongated},
	} {
		p, err := test.p.Resize(in.Size)
		if err == nil {
			err = in.Check(p)
		}
		var problem *psf.Problem
		if !errors.As(err, &problem) || problem.Kind != test.want || problem.Hint == "" {
			t.Errorf("%s: error %v, want %s", name, err, test.want)
		}
	}
}

func TestCrop(t *testing.T) {
	p := must(psf.Gaussian{Sigma: 2}.Render(31))(t)
	for _, size := range []int{31, 21, 10, 9, 1} {
		got, lost, err := p.Crop(size)
		if err != nil {
			t.Fatal(err)
		}
		kept := 0.0
		for row := range size {
			for col := range size {
				kept += float64(p.Pixels[(row+15-size/2)*31+col+15-size/2])
			}
		}
		near(t, "the light lost", lost, 1-kept, 1e-6)
		want := must(psf.Gaussian{Sigma: 2}.Render(size))(t)
		for i, w := range want.Pixels {
			near(t, "a pixel", float64(got.Pixels[i]), float64(w), 1e-6)
		}
	}
	for _, size := range []int{0, 32} {
		if _, _, err := p.Crop(size); err == nil {
			t.Errorf("31 pixels were cropped to %d", size)
		}
	}
}

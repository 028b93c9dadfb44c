package psf_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/psf"
)

func TestAddPhotonNoise(t *testing.T) {
	const side, sky, snr = 200, 50.0, 2000.0
	// Half of the image bright, half dark, the second image ten times the first.
	x := galaxy.NewImages(2, side, side, 1)
	x.IDs, x.Objects, x.Scale = []string{"a", "b"}, []string{"m51", "m51"}, []float64{1, 10}
	for i := range side * side / 2 {
		x.At(0)[i], x.At(1)[i] = 1, 10
	}
	noisy, sigma, err := psf.AddPhotonNoise(x, snr, sky, 7)
	if err != nil {
		t.Fatal(err)
	}
	for i, unit := range []float64{1, 10} {
		want := unit * math.Sqrt(side*side/2) / snr
		near(t, "σ of the sky", sigma[i], want, 1e-9*unit)
		gain := math.Sqrt(sky) / want
		// Poisson's variance is its mean
		for half, electrons := range []float64{unit*gain + sky, sky} {
			pixels, truth := noisy.At(i)[half*side*side/2:(half+1)*side*side/2],
				x.At(i)[half*side*side/2]
			mean, variance := 0.0, 0.0
			for _, v := range pixels {
				d := float64(v - truth)
				mean, variance = mean+d/float64(len(pixels)), variance+d*d/float64(len(pixels))
			}
			spread := math.Sqrt(electrons) / gain
			what := fmt.Sprintf("image %d, half %d: ", i, half)
			near(t, what+"the mean error", mean, 0, 4*spread/math.Sqrt(float64(len(pixels))))
			near(t, what+"the variance", variance/(spread*spread), 1,
				4*math.Sqrt(2.1/float64(len(pixels))))
		}
		// Whole electrons.
		for _, v := range noisy.At(i)[:50] {
			electrons := float64(v)*gain + sky
			near(t, "the number of electrons", electrons, math.Round(electrons), 1e-3)
		}
	}
	again, _, err := psf.AddPhotonNoise(x, snr, sky, 7)
	if err != nil || !slices.Equal(again.Pixels, noisy.Pixels) {
		t.Errorf("the same seed gives another image: %v", err)
	}
	if other, _, _ := psf.AddPhotonNoise(x, snr, sky, 8); slices.Equal(other.Pixels, noisy.Pixels) {
		t.Error("another seed gives the same image")
	}
	if err := noisy.Divide([]float64{2, 2}); err != nil {
		t.Fatal(err)
	}
	if x.Scale[0] != 1 || noisy.ID(1) != "b" || noisy.Objects[1] != "m51" || x.At(0)[0] != 1 {
		t.Error("the observation shares memory with the clean image")
	}
}

func TestPoissonRefuses(t *testing.T) {
	good, black, negative := galaxy.NewImages(1, 2, 2, 1), galaxy.NewImages(1, 2, 2, 1),
		galaxy.NewImages(1, 2, 2, 1)
	good.Pixels[0], negative.Pixels[0], negative.Pixels[1] = 1, 1, -1
	for name, test := range map[string]struct {
		x        *galaxy.Images
		snr, sky float64
		want     string
	}{
		"no SNR":    {good, 0, 1, "signal-to-noise"},
		"NaN SNR":   {good, math.NaN(), 1, "signal-to-noise"},
		"no sky":    {good, 1, 0, "sky"},
		"endless":   {good, 1, math.Inf(1), "sky"},
		"black":     {black, 1, 1, "is black"},
		"negative":  {negative, 100, 1, "brighter sky"},
		"no images": {&galaxy.Images{}, 1, 1, "shape"},
	} {
		noisy, sigma, err := psf.AddPhotonNoise(test.x, test.snr, test.sky, 1)
		if err == nil || noisy != nil || sigma != nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v, want one with %q", name, err, test.want)
		}
	}
}

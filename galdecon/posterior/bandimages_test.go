package posterior_test

import (
	"errors"
	"math"
	"testing"

	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/posterior"
)

// A pixel of an image in bands is that of each band's candidate, in units of the source.
func TestImagesInBands(t *testing.T) {
	b := drawnBands(3, 0.3, 0.1)
	b.Posteriors[0].Observation = galaxy.NewImages(1, 24, 24, 1)
	b.Posteriors[0].Observation.Scale = []float64{3}
	im, err := b.Images("r", "g", "r")
	if err != nil {
		t.Fatal(err)
	}
	if im.N != 3 || im.Height != 24 || im.Width != 24 || im.Channels != 3 {
		t.Fatalf("the images are [%d, %d, %d, %d]", im.N, im.Height, im.Width, im.Channels)
	}
	for k := range 3 * 24 * 24 {
		g, r := b.Posteriors[0].Samples.Pixels[k], b.Posteriors[1].Samples.Pixels[k]
		got := im.Pixels[3*k : 3*k+3]
		if got[0] != r || got[2] != r || math.Abs(float64(got[1]-3*g)) > 1e-6*float64(got[1]) {
			t.Fatalf("pixel %d is %v, want %g, %g, %g", k, got, r, 3*g, r)
		}
	}
	if b.Posteriors[1].Samples.Pixels[0] = -1; im.Pixels[0] == -1 {
		t.Error("the images share pixels with the candidates")
	}
}

func TestImagesInBandsRefuse(t *testing.T) {
	b := drawnBands(3, 0.1, 0.1)
	var unknown *posterior.BandError
	if _, err := b.Images("g", "z"); !errors.As(err, &unknown) || unknown.Band != "z" {
		t.Errorf("a band that isn't there: %v", err)
	}
	if _, err := b.Images(); err == nil {
		t.Error("no bands make an image")
	}
	b.Posteriors[1].Samples = galaxy.NewImages(2, 24, 24, 1)
	if _, err := b.Images("g", "r"); err == nil {
		t.Error("bands that weren't drawn together make an image")
	}
	b.Posteriors[1].Samples = nil
	if _, err := b.Images("r"); err == nil {
		t.Error("a band without candidates makes an image")
	}
}

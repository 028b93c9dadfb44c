package galdecon_test

import (
	"math"
	"path/filepath"
	"strings"
	"testing"

	"galdecon/galdecon"
	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/galaxy/files"
	"galdecon/galdecon/galaxy/files/fits"
)

// savePlane writes a file of 64×48 values beside an image and returns its path.
func savePlane(t *testing.T, beside, name string, value func(k int) float32) string {
	t.Helper()
	path := filepath.Join(filepath.Dir(beside), name)
	im := galaxy.NewImages(1, 64, 48, 1)
	for k := range im.Pixels {
		im.Pixels[k] = value(k)
	}
	if err := files.SaveNPY(path, im); err != nil {
		t.Fatal(err)
	}
	return path
}

// Files beside an image say which pixels are bad and how well the others are known.
func TestOpenPlanes(t *testing.T) {
	image, psf := writeField(t, func(image []float64) []fits.NewImage {
		return []fits.NewImage{newPlane("SCI", image)}
	})
	constant := func(v float32) func(int) float32 { return func(int) float32 { return v } }
	spot := func(k int) float32 { return map[bool]float32{true: 1}[k == 9*48+11] }
	mask := savePlane(t, image, "field_mask.npy", spot)
	for name, sigma := range map[string]float64{"field_sigma.npy": 2.5, "field_var.npy": 1.6,
		"field_ivar.npy": 0.5} {
		values := map[string]float64{"field_sigma.npy": sigma, "field_var.npy": sigma * sigma,
			"field_ivar.npy": 1 / (sigma * sigma)}
		plane := savePlane(t, image, name, constant(float32(values[name])))
		f, err := galdecon.Open(image, psf, mask, plane)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := 1 / math.Sqrt(f.InvVar[0]); math.Abs(got-sigma) > 1e-6 {
			t.Errorf("%s: the noise is %g, want %g", name, got, sigma)
		}
		if f.InvVar[9*48+11] != 0 || f.InvVar[9*48+12] == 0 {
			t.Errorf("%s: the mask isn't used", name)
		}
	}

	small := filepath.Join(t.TempDir(), "small_mask.npy")
	if err := files.SaveNPY(small, galaxy.NewImages(1, 16, 16, 1)); err != nil {
		t.Fatal(err)
	}
	sigma := savePlane(t, image, "field_sigma.npy", constant(2))
	for want, planes := range map[string][]string{
		"neither its HDUs nor its name": {savePlane(t, image, "field_more.npy", spot)},
		"16×16 pixels, its image 64×48": {small},
		"both":                          {sigma, savePlane(t, image, "field_rms.npy", constant(3))},
		"no such file":                  {filepath.Join(t.TempDir(), "none_sigma.npy")},
	} {
		if _, err := galdecon.Open(image, psf, planes...); err == nil ||
			!strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v; want an error with %q", planes, err, want)
		}
	}
}

// Advice uses files beside an image that fit it, and says why it doesn't use others.
func TestAdvisePlanes(t *testing.T) {
	image, psf := writeField(t, func(image []float64) []fits.NewImage {
		return []fits.NewImage{newPlane("SCI", image)}
	})
	savePlane(t, image, "field_rms.npy", func(int) float32 { return 2.1 })
	savePlane(t, image, "other_rms.npy", func(int) float32 { return 2 })
	savePlane(t, image, "field_mask.npy", func(k int) float32 {
		return map[bool]float32{true: 1}[k%48 == 3]
	})
	savePlane(t, image, "field_good_mask.npy", func(k int) float32 {
		return map[bool]float32{true: 1}[k%48 != 3]
	})
	advised(t, image, psf, "field_rms.npy, which has standard deviations",
		"field_mask.npy, a mask of 64 pixels", "field_good_mask.npy, a mask by its name, which marks "+
			"98 %: it isn't used", `field_mask.npy", "`, `field_rms.npy"))`, "the gaps",
		"not other_rms", "not WARNING")
	// Errors of another unit aren't its.
	savePlane(t, image, "field_rms.npy", func(int) float32 { return 210 })
	advised(t, image, psf, "not field_rms", "sky's everywhere")
}

// The noise of the galaxy's photons is added where it is bright, as its counts tell.
func TestAddPhotons(t *testing.T) {
	f, err := galdecon.Open(writeField(t, func(image []float64) []fits.NewImage {
		return []fits.NewImage{newPlane("SCI", image)}
	}))
	if err != nil {
		t.Fatal(err)
	}
	dark, bright := f.InvVar[0], f.InvVar[30*48+20]
	if err := f.AddPhotons(2); err != nil {
		t.Fatal(err)
	}
	// The mean of the light within 5×5 pixels of the peak of 200 is 165 counts, of two electrons.
	want := math.Sqrt(1/bright + 165./2)
	if got := 1 / math.Sqrt(f.InvVar[30*48+20]); math.Abs(got/want-1) > 0.03 {
		t.Errorf("at the peak the noise is %g, want %g", got, want)
	}
	if got := f.InvVar[0]; got > dark || got < 0.6*dark {
		t.Errorf("in the sky the weight was %g and is %g", dark, got)
	}
	if err := f.AddPhotons(-1); err == nil {
		t.Error("a negative gain is no error")
	}
}

// An array with its bands last is no image.
func TestOpenBandsLast(t *testing.T) {
	_, psf := writeField(t, func(image []float64) []fits.NewImage {
		return []fits.NewImage{newPlane("SCI", image)}
	})
	path := filepath.Join(t.TempDir(), "rgb.npy")
	if err := files.SaveNPY(path, galaxy.NewImages(32, 32, 3, 1)); err != nil {
		t.Fatal(err)
	}
	if _, err := galdecon.Open(path, psf); err == nil ||
		!strings.Contains(err.Error(), "[h, w, bands]") {
		t.Errorf("bands last: %v", err)
	}
}

package psf_test

import (
	"path/filepath"
	"testing"

	"galdecon/galdecon/psf"
)

// testdata/make_poppy.py makes the files of these tests.

// POPPY's oversampled PSFs, brought to pixels, are POPPY's on pixels: the odd grid in full, the
// even one, whose middle is between pixels there, after the centroid is in the center.
func TestOversampledAsPOPPY(t *testing.T) {
	path := filepath.Join("testdata", "poppy-odd.fits")
	want, got := must(psf.Read(path))(t), must(psf.Read(path+"[OVERSAMP]"))(t)
	if want.Oversampling != 1 || got.Oversampling != 4 || got.Samples[0].Size != 60 {
		t.Errorf("oversampling %d and %d, of %d samples", want.Oversampling, got.Oversampling,
			got.Samples[0].Size)
	}
	near(t, "the pixel scale", got.PixelScale, 0.043, 1e-12)
	near(t, "the pixel scale of DET_SAMP", want.PixelScale, 0.043, 1e-12)
	wide := make([]float64, len(want.PSFs[0].Pixels))
	for i, v := range want.PSFs[0].Pixels {
		wide[i] = float64(v)
	}
	if got.PSFs[0].Size != 15 {
		t.Fatalf("size %d", got.PSFs[0].Size)
	}
	compare(t, "pixels", got.PSFs[0].Pixels, wide, 1e-6)

	path = filepath.Join("testdata", "poppy-even.fits")
	even := must(psf.Read(path + "[OVERSAMP]"))(t)
	m := must(even.PSFs[0].Moments())(t)
	near(t, "the row", m.Row, 0, 0.01)
	near(t, "the column", m.Col, 0, 0.01)
	m = must(must(psf.Load(path))(t)[0].Moments())(t)
	near(t, "the row of 14×14 pixels", m.Row, -0.5, 0.01)
}

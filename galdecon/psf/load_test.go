package psf_test

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/astrogo/fitsio"

	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/galaxy/files"
	"galdecon/galdecon/psf"
)

// writeFITS stores values [rows, cols] as 64-bit floats.
func writeFITS(t *testing.T, rows, cols int, values []float64) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "psf.fits")
	w, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	f, err := fitsio.Create(w)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	image := fitsio.NewImage(-64, []int{cols, rows})
	defer image.Close()
	if err := image.Write(values); err != nil {
		t.Fatal(err)
	}
	if err := f.Write(image); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestLoadFITS(t *testing.T) {
	psfs := must(psf.Load(writeFITS(t, 3, 3, []float64{0, 1, 0, 2, 4, 2, 0, 3, 4})))(t)
	if len(psfs) != 1 || psfs[0].Size != 3 {
		t.Fatalf("%+v", psfs)
	}
	compare(t, "weights", psfs[0].Pixels, []float64{0, 1. / 16, 0, 2. / 16, 4. / 16, 2. / 16, 0, 3. / 16, 4. / 16}, 1e-7)
}

func TestLoadStack(t *testing.T) {
	images := galaxy.NewImages(2, 4, 4, 1)
	images.At(0)[10], images.At(1)[3] = 5, 2
	path := filepath.Join(t.TempDir(), "psfs.npy")
	if err := files.SaveNPY(path, images); err != nil {
		t.Fatal(err)
	}
	psfs := must(psf.Load(path))(t)
	if len(psfs) != 2 || psfs[0].Size != 5 || psfs[0].Pixels[12] != 1 || psfs[1].Pixels[3] != 1 {
		t.Errorf("%+v", psfs)
	}
}

func TestLoadRefuses(t *testing.T) {
	dir := t.TempDir()
	save := func(name string, images *galaxy.Images) string {
		path := filepath.Join(dir, name)
		if err := files.SaveNPY(path, images); err != nil {
			t.Fatal(err)
		}
		return path
	}
	black := galaxy.NewImages(2, 4, 4, 1)
	black.At(0)[0] = 1
	empty := filepath.Join(dir, "empty.fits")
	if err := os.WriteFile(empty, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct{ path, want string }{
		"oblong":    {writeFITS(t, 2, 3, make([]float64, 6)), "sum to 0"},
		"colors":    {save("colors.npy", galaxy.NewImages(1, 4, 4, 3)), "3 channels"},
		"one black": {save("black.npy", black), "black.npy, PSF 1: the weights sum to 0; a PSF must hold light"},
		"NaN":       {writeFITS(t, 1, 1, []float64{math.NaN()}), "NaN"},
		"empty":     {empty, "empty"},
		"missing":   {filepath.Join(dir, "none.npy"), "none.npy"},
	} {
		if _, err := psf.Load(test.path); err == nil || !strings.HasPrefix(err.Error(), "psf: ") || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v, want one with %q", name, err, test.want)
		}
	}
}

// Real PSFs of the Hubble Space Telescope at 0.03″ a pixel: as wide as its diffraction and the detector make them, and round.
func TestHubble(t *testing.T) {
	path := filepath.Join("..", "..", "..", "shared", "data", "galaxies", "psf33.npy")
	if _, err := os.Stat(path); err != nil {
		t.Skip("the measured PSFs are not here: ", err)
	}
	psfs := must(psf.Load(path))(t)
	if len(psfs) != 50 {
		t.Fatalf("%d PSFs, want 50", len(psfs))
	}
	for i, k := range psfs[:4] {
		// ACS F814W: a full width at half maximum of 0.10″ to 0.13″ with the charge diffusion of the detector.
		if width := 0.03 * must(k.FWHM())(t); width < 0.10 || width > 0.13 {
			t.Errorf("PSF %d: the full width at half maximum is %.3f″", i, width)
		}
		centered := must(k.Recenter())(t)
		m := must(centered.Moments())(t)
		near(t, "the row", m.Row, 0, 5e-3)
		near(t, "the column", m.Col, 0, 5e-3)
		near(t, "the change of σ", m.Sigma/must(k.Moments())(t).Sigma, 1, 0.01)
		if m.Shear.Norm() > 0.05 {
			t.Errorf("PSF %d: |g| is %g", i, m.Shear.Norm())
		}
		before, after := must(k.Fit())(t), must(centered.Fit())(t)
		if after.Misfit >= before.Misfit || after.Misfit > 0.08 {
			t.Errorf("PSF %d: the misfit was %g, is %g where it is centered", i, before.Misfit, after.Misfit)
		}
		coarse := must(centered.Rescale(2))(t)
		near(t, "σ on pixels twice as wide", 2*must(coarse.Moments())(t).Sigma/m.Sigma, 1, 0.05)
		in := psf.Instrument{Size: coarse.Size, SigmaMin: 0.8, SigmaMax: 2.2, ShearMax: 0.3, InvBetaMax: 0.5}
		if err := in.Check(coarse); err != nil {
			t.Error(err)
		}
		if err := in.Check(k); err == nil || !strings.Contains(err.Error(), "PSF.Recenter") {
			t.Errorf("PSF %d as it is in the file: error %v", i, err)
		}
	}
}

package files

import (
	"archive/zip"
	"errors"
	"strings"
	"testing"
)

// Flags without names mark pixels as bad, but for one that most pixels have alone, as those have
// that were detected.
func TestFlagOfMostPixels(t *testing.T) {
	for name, c := range map[string]struct {
		values []float64
		want   string
		rule   string
	}{
		"detected":      {[]float64{32, 32, 32, 32, 0, 0, 36, 4}, "------xx", "flag 32"},
		"a mask":        {[]float64{1, 1, 1, 1, 1, 0}, "xxxxx-", anyValue},
		"a plain mask":  {[]float64{255, 255, 255, 0}, "xxx-", anyValue},
		"one flag":      {[]float64{32, 32, 32, 0}, "xxx-", anyValue},
		"labels":        {[]float64{1, 1, 1, 2, 3, 0}, "xxxxx-", anyValue},
		"a few of many": {[]float64{32, 0, 0, 0, 4, 36}, "x---xx", anyValue},
	} {
		bad, rule := anyFlag(c.values)
		if got := marks(bad); got != c.want || !strings.Contains(rule, c.rule) {
			t.Errorf("%s: %s by %q, want %s by %q", name, got, rule, c.want, c.rule)
		}
	}
	path := writeFITS(t, planeOf(-32, []float64{5, 6, 7, 8, 9}),
		planeOf(32, []float64{32, 32, 32, 33, 0}, "EXTNAME = 'MASK    '"))
	m, err := LoadMask(path + "[MASK]")
	if err != nil || marks(m.Bad) != "---x-" {
		t.Errorf("in FITS: %v, %v", m, err)
	}
}

// An archive's images are read beside a catalog, and its variances by their name.
func TestArchiveWithCatalog(t *testing.T) {
	ramp := []float32{1, 2, 3, 4, 5, 6}
	table := numpy("<f4", "3", ramp[:3])
	table = []byte(strings.Replace(string(table), "'descr': '<f4'", "'descr': [('x', '<f8')]", 1))
	arrays := map[string][]byte{"images.npy": numpy("<f4", "2, 3", ramp),
		"variance.npy": numpy("<f4", "2, 3", []float32{4, 4, 4, 4, 4, 9}), "catalog.npy": table,
		"filters.npy": numpy("<U1", "2", ramp[:2])}
	path := write(t, "field.npz", npz(t, zip.Deflate, arrays))
	f, err := Read(path)
	if err != nil || f.Images.N != 1 || f.Images.Width != 3 || f.Chosen != "images" {
		t.Fatalf("read is %+v: %v", f, err)
	}
	for _, part := range []string{"", "[images]", "[variance]"} {
		u, err := LoadUncertainty(path + part)
		if err != nil || u.Kind != KindVariance || u.Height != 2 || u.Width != 3 ||
			u.Values[5] != 9 {
			t.Errorf("%q: the uncertainty is %+v: %v", part, u, err)
		}
	}
	if _, err := Read(path + "[catalog]"); err == nil {
		t.Error("a catalog is read as an image")
	}
	delete(arrays, "variance.npy")
	path = write(t, "field.npz", npz(t, zip.Store, arrays))
	if _, err := LoadUncertainty(path); !errors.Is(err, ErrNoUncertainty) {
		t.Errorf("without variances: %v", err)
	}
	delete(arrays, "images.npy")
	path = write(t, "field.npz", npz(t, zip.Store, arrays))
	if _, err := Read(path); err == nil || !strings.Contains(err.Error(), "no type of number") {
		t.Errorf("a catalog alone: %v", err)
	}
}

// Names of files say what they hold.
func TestKindOfFile(t *testing.T) {
	for name, want := range map[string]Kind{"gal1_sig.npy": KindError, "a/gal_sigma.npy": KindError,
		"nircam_diff_error.fits": KindError, "field.weight.fits.gz": KindWeight,
		"nircam_mask.fits": KindMask, "a.npz[variance]": KindVariance, "mine.fits": KindImage,
		"gal1_im.npy": KindImage, "sigma/mine.fits": KindImage, "psf.fits": KindOther,
		"a.fits[IVAR]": KindInverseVariance} {
		if got := KindOfFile(name); got != want {
			t.Errorf("%s has %s by its name, want %s", name, got, want)
		}
	}
}

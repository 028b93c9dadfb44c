package files

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"galdecon/galdecon/galaxy/files/fits"
)

// extension returns an HDU with a name and cards.
func extension(t *testing.T, name string, cards ...string) *fits.HDU {
	t.Helper()
	data := append(hdu("", 0, 0), hdu(name, 3, 1, cards...)...)
	f, err := fits.Read(bytes.NewReader(data), int64(len(data)))
	if err != nil || len(f.HDUs) != 2 {
		t.Fatalf("%v, %v", f, err)
	}
	return f.HDUs[1]
}

func TestKindOf(t *testing.T) {
	for want, names := range map[Kind][]string{
		KindImage: {"SCI", "sci", "IMAGE", "CCD1", "F814W", "CCDID 1-1.SCI", "COADD", "i", "SCI_1",
			"DATA", "MAPS", "NGC 4321", "SCIIMAGE", "WISE", "SKYMAPPER", "STACK"},
		KindError: {"ERR", "err", "RMS", "UNCERT", "SIGMA", "ERROR IMAGE", "CCD1.RMS",
			"SCI_ERR", "RMSMAP", "NOISE_MAP", "ERRIMG"},
		KindVariance:        {"VAR", "VAR_POISSON", "VARIANCE", "STAT", "var2"},
		KindInverseVariance: {"IVAR", "INVVAR", "IVAR_G", "IVM"},
		KindWeight: {"WHT", "WEIGHT", "WHT_F160W", "WGT", "Weight Map", "WT",
			"WEIGHTMAP", "GOOD"},
		KindMask: {"MASK", "DQ", "DQ,2", "BPM", "MSK", "CCD1.FLG", "SCI_MASK", "DATA QUALITY",
			"DQ_DEF", "BADPIXMASK", "FLAGMAP", "DQMASK1"},
		KindOther: {"CTX", "CON", "THUMB", "PREVIEW", "D2IMARR", "WCSDVARR", "TIME", "SAMP", "PSF", "psfs",
			"SEGM", "BKG", "SKYBKG", "EXPTIMEMAP", "SEGMAP", "SCIMODEL"},
	} {
		for _, name := range names {
			if got := KindOf(extension(t, name)); got != want {
				t.Errorf("%s is %s, want %s", name, got, want)
			}
		}
	}
	for card, want := range map[string]Kind{
		"BUNIT   = 'MJy/sr  '": KindImage, "BUNIT   = 'erg/s/cm2'": KindImage,
		"BUNIT   = 'Jy/arcsec**2'": KindImage, "BUNIT   = 'mag/arcsec^2'": KindImage,
		"BUNIT   = 'W m-2   '": KindImage, "BUNIT   = '10**(-20)*erg/s/cm**2/Angstrom'": KindImage,
		"BUNIT   = 'electron2'": KindVariance, "BUNIT   = 'adu^2   '": KindVariance,
		"BUNIT   = 'nJy**2  '": KindVariance, "BUNIT   = '(electron/s)^2'": KindVariance,
		"BUNIT   = '1/nanomaggy^2'":       KindInverseVariance,
		"BUNIT   = '1/(nanomaggy)^2'":     KindInverseVariance,
		"BUNIT   = 'nanomaggy-2'":         KindInverseVariance,
		"BUNIT   = 'nJy**(-2)'":           KindInverseVariance,
		"UTYPE   = 'VarianceUncertainty'": KindVariance,
		"UTYPE   = 'InverseVariance'":     KindInverseVariance,
		"IMTYPE  = 'invvar  '":            KindInverseVariance, "HDUCLAS2= 'QUALITY '": KindMask,
		"HDUCLAS3= 'MSE     '": KindVariance, "MP_BAD  =                    0": KindMask,
	} {
		if got := KindOf(extension(t, "X", card)); got != want {
			t.Errorf("%s is %s, want %s", card, got, want)
		}
	}
	if got := KindOf(extension(t, "IMAGE", "MP_BAD  =                    0")); got != KindImage {
		t.Errorf("an image with the names of bits is %s", got)
	}
}

func TestChoosePlane(t *testing.T) {
	empty := hdu("", 0, 0)
	integers := func(name string, values ...int) []byte {
		// As BITPIX 32, of which four bytes each are a value too.
		data := bytes.Replace(hdu(name, len(values), 0), []byte(integerCard("BITPIX", -32)),
			[]byte(integerCard("BITPIX", 32)), 1)
		for i, v := range values {
			at := len(data) - 2880 + 4*i
			data[at], data[at+1], data[at+2], data[at+3] = byte(v>>24), byte(v>>16), byte(v>>8),
				byte(v)
		}
		return data
	}
	for name, c := range map[string]struct {
		file   []byte
		part   string
		chosen string // or the error
		value  float32
		note   string
	}{
		"weights first": {slices.Concat(empty, hdu("WEIGHT", 3, 2), hdu("IMAGE", 3, 3)), "",
			"[2] IMAGE", 3, "other planes are [1] WEIGHT"},
		"several chips": {slices.Concat(empty, hdu("CCD1", 3, 1), hdu("CCD2", 3, 2)), "",
			"[1] CCD1", 1, "as in [CCD2]"},
		"a chip by name": {slices.Concat(empty, hdu("CCD1", 3, 1), hdu("CCD2", 3, 2)), "[ccd2]",
			"[2] CCD2", 2, ""},
		"a chip by number": {slices.Concat(empty, hdu("CCD1", 3, 1), hdu("CCD2", 3, 2)), "[2]",
			"[2] CCD2", 2, ""},
		"a second SCI": {slices.Concat(empty, hdu("SCI", 3, 1), hdu("SCI", 3, 2,
			integerCard("EXTVER", 2))),
			"[SCI,2]", "[2] SCI,2", 2, ""},
		"the first of two SCI": {slices.Concat(empty, hdu("SCI", 3, 1), hdu("SCI", 3, 2,
			integerCard("EXTVER", 2))),
			"", "[1] SCI", 1, "as in [SCI,2]"},
		"weights by name": {slices.Concat(empty, hdu("SCI", 3, 1), hdu("WHT", 3, 2)), "[WHT]",
			"[2] WHT", 2, ""},
		"weights alone": {slices.Concat(empty, hdu("WHT", 3, 2)), "", "[1] WHT", 2,
			"has weights by its name"},
		"a preview first": {slices.Concat(integers("", 0, 0, 0), hdu("IMAGE", 3, 3)), "",
			"[1] IMAGE", 3, "[0] PRIMARY"},
		"flags first": {slices.Concat(integers("", 0, 0, 0, 4096), hdu("B", 3, 3)), "",
			"[1] B", 3, ""},
		"a map of one value first": {slices.Concat(empty, hdu("A", 3, 1), integers("B", 3, 3, 9)),
			"", "[2] B", 3, "as in [A]"},
		"counts first": {slices.Concat(integers("", 0, 0, 0, 3), hdu("B", 3, 3)), "",
			"[0] PRIMARY", 0, "as in [B]"},
		"a mask alone": {slices.Concat(empty, hdu("MASK", 3, 2)), "", "LoadMask", 0, ""},
		"only weights": {slices.Concat(empty, hdu("WHT", 3, 2), hdu("ERR", 3, 2)), "",
			"as in [WHT]", 0, ""},
		"no such name": {slices.Concat(empty, hdu("SCI", 3, 2)), "[DRZ]",
			"there are [0] PRIMARY (image 0 x 1), [1] SCI", 0, ""},
		"no image there": {slices.Concat(empty, hdu("SCI", 3, 2)), "[0]",
			"[0] PRIMARY (image 0 x 1) is no image", 0, ""},
		"no plane there": {slices.Concat(empty, hdu("SCI", 3, 2)), "[SCI][*,*,2]",
			"no plane [SCI][*,*,2]", 0, ""},
		"a selector amiss": {slices.Concat(empty, hdu("SCI", 3, 2)), "[SCI,x]", "names no HDU",
			0, ""},
		"a damaged name": {slices.Concat(empty, hdu("SCI", 3, 2), hdu("B", 3, 2)[:2880]),
			"[B]", "truncated", 0, ""},
		"damage behind SCI": {slices.Concat(empty, hdu("SCI", 3, 2), hdu("B", 3, 2)[:2880]), "",
			"[1] SCI", 2, "end of the file"},
	} {
		path := write(t, "a.fits", c.file)
		f, err := Read(path + c.part)
		if err != nil {
			if !strings.Contains(err.Error(), c.chosen) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%s: error %v, want one with %q", name, err, c.chosen)
			}
			continue
		}
		if !strings.HasPrefix(f.Chosen, c.chosen+" (") || f.Images.Pixels[0] != c.value {
			t.Errorf("%s: %s with %v, want %s with %v", name, f.Chosen, f.Images.Pixels, c.chosen,
				c.value)
		}
		if notes := strings.Join(f.Notes, "\n"); (notes == "") != (c.note == "") &&
			name != "flags first" || !strings.Contains(notes, c.note) {
			t.Errorf("%s: notes %q, want %q", name, notes, c.note)
		}
		if want := "a" + c.part; !strings.EqualFold(f.Images.ID(0), want) {
			t.Errorf("%s: ID %s", name, f.Images.ID(0))
		}
	}
}

// A plane of a cube, a file in brackets, and names in a Folder.
func TestNamesOfPlanes(t *testing.T) {
	im, err := Load("testdata/cube.fits[0][*,*,2]")
	if err != nil || im.N != 1 || im.Pixels[0] != 100 || im.Pixels[5] != 111 {
		t.Errorf("%+v, %v", im, err)
	}
	file := slices.Concat(hdu("", 0, 0), hdu("SCI", 3, 1), hdu("WHT", 3, 2))
	dir := fill(t, map[string][]byte{"x[1].fits": file, "y.fits": file})
	if im, err := Load(dir + "/x[1].fits"); err != nil || im.Pixels[0] != 1 {
		t.Errorf("a name with brackets: %+v, %v", im, err)
	}
	for stamp, err := range (Folder{Path: dir + "[WHT]"}).Galaxies(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if im, err := stamp.Read(); err != nil || im.Pixels[0] != 2 {
			t.Errorf("%s: %+v, %v", stamp.ID, im, err)
		}
	}
	if _, err := Load(write(t, "a.npy", numpy("<f4", "1, 2", []float32{1,
		2})) + "[a]"); err == nil ||
		!strings.Contains(err.Error(), "no parts") {
		t.Errorf("error %v of a part of an array", err)
	}
}

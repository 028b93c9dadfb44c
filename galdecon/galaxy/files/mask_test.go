package files

import (
	"archive/zip"
	"bytes"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"galdecon/galdecon/galaxy/files/fits"
	"galdecon/galdecon/internal/galtest"
)

// planeOf is an HDU to write, with values of any BITPIX.
func planeOf(bitpix int, values []float64, cards ...fits.Card) fits.NewImage {
	return fits.NewImage{Header: fits.NewHeader(cards...), Bitpix: bitpix, Shape: []int{1,
		len(values)},
		Pixel: func(i int) float64 { return values[i] }}
}

func writeFITS(t *testing.T, images ...fits.NewImage) string {
	t.Helper()
	var b bytes.Buffer
	if err := fits.Write(&b, images...); err != nil {
		t.Fatal(err)
	}
	return write(t, "a.fits", b.Bytes())
}

func marks(bad []bool) string {
	var b strings.Builder
	for _, is := range bad {
		b.WriteByte("-x"[map[bool]int{true: 1}[is]])
	}
	return b.String()
}

func TestMasksOfFITS(t *testing.T) {
	light := planeOf(-32, []float64{5, 6, 7, 8}, "EXTNAME = 'SCI     '")
	head := func(cards ...fits.Card) fits.NewImage {
		return fits.NewImage{Header: fits.NewHeader(cards...), Bitpix: 8}
	}
	for name, c := range map[string]struct {
		file []fits.NewImage
		want string // marks of the pixels
		note string
	}{
		"none": {[]fits.NewImage{head(), light}, "", ""},
		"CCDData": {[]fits.NewImage{planeOf(-32, []float64{5, 6, 7, 8}),
			planeOf(8, []float64{0, 1, 0, 2}, "EXTNAME = 'MASK    '")}, "-x-x",
			"2 of 4 pixels are bad by [1] MASK"},
		"JWST": {[]fits.NewImage{head("TELESCOP= 'JWST    '"), light,
			planeOf(32, []float64{0, 4, 5, 1 << 30}, "EXTNAME = 'DQ      '")}, "--x-",
			"DO_NOT_USE"},
		"Hubble": {[]fits.NewImage{head("TELESCOP= 'HST     '"), light,
			planeOf(16, []float64{0, 64, 16, 4096}, "EXTNAME = 'DQ      '")}, "--xx",
			"all bits but 32"},
		"another telescope": {[]fits.NewImage{head("TELESCOP= 'WHT     '"), light,
			planeOf(16, []float64{0, 64, 16, 0}, "EXTNAME = 'DQ      '")}, "-xx-", "all but 0"},
		"Rubin": {[]fits.NewImage{head(), planeOf(-32, []float64{5, 6, 7, 8},
			"EXTNAME = 'IMAGE   '"),
			planeOf(32, []float64{32, 1, 256, 8}, "EXTNAME = 'MASK    '", "MP_BAD  = 0",
				"MP_CR   = 3",
				"MP_DETECTED = 5", "HIERARCH MP_DETECTED = 5", "HIERARCH MP_NO_DATA = 8")},
			"-xxx", "BAD, CR, NO_DATA"},
		"weights": {[]fits.NewImage{head(), light,
			planeOf(-32, []float64{0, 4, 5, -1}, "EXTNAME = 'WHT     '")}, "x--x", "weights of 0"},
		"weights of nearly 0": {[]fits.NewImage{head(), light,
			planeOf(-32, []float64{1e-30, 4, 5, 1}, "EXTNAME = 'WHT     '")}, "x---",
			"weights of 0"},
		"good pixels": {[]fits.NewImage{head(), light,
			planeOf(8, []float64{1, 0, 1, 1}, "EXTNAME = 'GOODPIX '")}, "-x--", "weights of 0"},
		"a mask that is likely inverted": {[]fits.NewImage{head(), light,
			planeOf(8, []float64{1, 0, 1, 1}, "EXTNAME = 'MASK    '")}, "x-xx", "turn Images.Bad"},
		"weights that are all 0": {[]fits.NewImage{head(), light,
			planeOf(-32, []float64{0, 0, 0, 0}, "EXTNAME = 'WHT     '")}, "", "no pixel has data"},
		"errors of 0 tell nothing": {[]fits.NewImage{head(), light,
			planeOf(-32, []float64{0, 4, 5, 1}, "EXTNAME = 'ERR     '")}, "", ""},
		"errors without end": {[]fits.NewImage{head(), light,
			planeOf(-32, []float64{math.NaN(), 4, 1e30, 5}, "EXTNAME = 'RMS     '")}, "x-x-",
			"no finite error"},
		"variances without end": {[]fits.NewImage{head(), light,
			planeOf(-32, []float64{3, 4, math.Inf(1), 1}, "EXTNAME = 'VAR     '")}, "--x-",
			"no finite error"},
		"variances of one cause": {[]fits.NewImage{head(), light,
			planeOf(-32, []float64{3, 4, math.NaN(), 1}, "EXTNAME = 'VAR_FLAT'")}, "", ""},
		"of another size": {[]fits.NewImage{head(), light,
			planeOf(8, []float64{0, 1, 1}, "EXTNAME = 'MASK    '")}, "",
			"isn't used: the image has 4 x 1"},
		"of another chip": {[]fits.NewImage{head(), light, planeOf(8, []float64{1, 0, 0, 0},
			"EXTNAME = 'DQ      '", "EXTVER  = 2"),
			planeOf(-32, []float64{1, 0, 0, 0}, "EXTNAME = 'SCI     '", "EXTVER  = 2")}, "",
			"[SCI,2]"},
		"by chips' names": {[]fits.NewImage{head(), planeOf(-32, []float64{5, 6, 7, 8},
			"EXTNAME = 'CCD1.SCI'"),
			planeOf(8, []float64{1, 0, 0, 0}, "EXTNAME = 'CCD2.FLG'"), planeOf(8, []float64{0, 0,
				0, 1}, "EXTNAME = 'CCD1.FLG'"),
			planeOf(-32, []float64{5, 6, 7, 8}, "EXTNAME = 'CCD2.SCI'")}, "---x", "[CCD2.SCI]"},
		"two of them": {[]fits.NewImage{head(), light, planeOf(8, []float64{1, 0, 0, 0},
			"EXTNAME = 'BPM     '"),
			planeOf(-32, []float64{3, 0, 1, 1}, "EXTNAME = 'IVAR    '")}, "xx--", "IVAR"},
	} {
		f, err := Read(writeFITS(t, c.file...))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if notes := strings.Join(f.Notes, "\n"); marks(f.Images.Bad) != c.want ||
			!strings.Contains(notes, c.note) || (notes == "") != (c.note == "") {
			t.Errorf("%s: bad are %s, notes %q; want %s and %q", name, marks(f.Images.Bad), notes,
				c.want, c.note)
		}
		if !slices.Equal(f.Images.Pixels, []float32{5, 6, 7, 8}) {
			t.Errorf("%s: pixels %v", name, f.Images.Pixels)
		}
	}
}

// Load fills what a mask covers, also NaN, and nothing else.
func TestLoadFillsWhatIsMasked(t *testing.T) {
	values, mask := make([]float64, 40), make([]float64, 40)
	for k := range values {
		values[k] = float64(k)
	}
	values[7], values[9], mask[7], mask[9] = math.NaN(), 1e5, 1, 1
	file := func() string {
		return writeFITS(t, planeOf(-32, values), planeOf(8, mask, "EXTNAME = 'MASK    '"))
	}
	im, err := Load(file())
	if err != nil || im.Pixels[7] != 7 || im.Pixels[9] != 9 || !im.Bad[7] || im.Pixels[8] != 8 {
		t.Errorf("%+v, %v", im, err)
	}
	values[20] = math.Inf(1)
	if _, err := Load(file()); err == nil || !strings.Contains(err.Error(), "column 20") {
		t.Errorf("error %v of a pixel that no mask covers", err)
	}
	values[20], mask[20] = 3, 1
	if _, err := Load(file()); err == nil || !strings.Contains(err.Error(), "3 of 40 values") {
		t.Errorf("error %v of too many masked pixels", err)
	}
}

func TestLoadMask(t *testing.T) {
	light := planeOf(-32, []float64{5, 6, 7})
	file := writeFITS(t, light, planeOf(-32, []float64{1, 1, 1}, "EXTNAME = 'WHT     '"),
		planeOf(8, []float64{0, 1, 0}, "EXTNAME = 'DQ      '"), planeOf(8, []float64{1, 1, 0},
			"EXTNAME = 'OTHER   '"))
	truth := numpy("|b1", "1, 3", []bool{true, false, false})
	shape := []float32{1, 2, 3}
	for path, want := range map[string]string{
		file: "-x-", file + "[OTHER]": "xx-", file + "[3]": "xx-",
		write(t, "a.npy", truth): "x--", write(t, "b.npy", gzipped(t, numpy("<i4", "1, 3",
			[]int32{0, 0, 9}))): "--x",
		write(t, "c.npz", npz(t, zip.Deflate, map[string][]byte{"image.npy": numpy("<f4", "1, 3",
			shape), "m.npy": truth})): "x--",
		write(t, "d.npz", npz(t, zip.Deflate, map[string][]byte{"a.npy": truth,
			"b.npy": truth})) + "[b]": "x--",
	} {
		m, err := LoadMask(path)
		if err != nil || marks(m.Bad) != want || m.N != 1 || m.Height != 1 || m.Width != 3 ||
			m.Rule != "all but 0" {
			t.Errorf("%s: %+v, %v; want %s", filepath.Base(path), m, err, want)
		}
	}
	for path, want := range map[string]string{
		writeFITS(t, light, planeOf(8, []float64{0, 1, 0},
			"EXTNAME = 'OTHER   '")): "no plane is a mask by its name",
		file + "[NONE]": "no HDU [NONE]",
		write(t, "d.npz", npz(t, zip.Deflate, map[string][]byte{"a.npy": truth,
			"b.npy": truth})): "can't be told",
		write(t, "d.npy", numpy("|b1", "3,", []bool{true, false,
			false})): "[h, w]",
		write(t, "d.txt", nil):                                 "ending",
		filepath.Join(t.TempDir(), "absent.fits"):              "no such file",
		write(t, "e.npy", numpy("<f4", "1, 3", shape)) + "[x]": "none named",
	} {
		if _, err := LoadMask(path); err == nil || !strings.Contains(err.Error(), want) ||
			!strings.HasPrefix(err.Error(), "files: ") {
			t.Errorf("%s: error %v, want one with %q", filepath.Base(path), err, want)
		}
	}
}

func TestMasksOfNPZ(t *testing.T) {
	stack := numpy("<f4", "2, 1, 3", []float32{1, 2, 3, 4, 5, 6})
	one := numpy("|b1", "1, 3", []bool{true, false, false})
	for name, c := range map[string]struct {
		arrays map[string][]byte
		want   string
	}{
		"for all": {map[string][]byte{"y.npy": stack, "m.npy": one}, "x--x--"},
		"for each": {map[string][]byte{"y.npy": stack, "m.npy": numpy("|b1", "2, 1, 3",
			[]bool{false, true, false, false, false, true})}, "-x---x"},
		"by its name": {map[string][]byte{"y.npy": stack, "mask.npy": numpy("|u1", "1, 3",
			[]uint8{0, 0, 9})}, "--x--x"},
		"of another size": {map[string][]byte{"y.npy": stack, "m.npy": numpy("|b1", "1, 2",
			[]bool{true, false})}, ""},
		"and a PSF": {map[string][]byte{"y.npy": stack, "psf.npy": numpy("<f4", "1, 1",
			[]float32{1}), "m.npy": one}, "x--x--"},
		"in Fortran order": {map[string][]byte{"y.npy": stack, "m.npy": bytes.Replace(one,
			[]byte("False"), []byte("True "), 1)}, "x--x--"},
		"weights": {map[string][]byte{"y.npy": stack, "weight.npy": numpy("<f4", "1, 3",
			[]float32{2, 3, 0})}, "--x--x"},
		"good pixels": {map[string][]byte{"y.npy": stack, "good.npy": one}, "-xx-xx"},
		"errors": {map[string][]byte{"y.npy": stack, "err.npy": numpy("<f4", "2, 1, 3",
			[]float32{2, 3, 1e30, 1e30, 5, 6})}, "--xx--"},
	} {
		f, err := Read(write(t, "a.npz", npz(t, zip.Store, c.arrays)))
		if err != nil || f.Images.N != 2 || marks(f.Images.Bad) != c.want || f.Chosen != "y" {
			t.Errorf("%s: %+v, %v; want marks %s", name, f, err, c.want)
		}
		stamps, images, unreadable := galtest.Contents(t, Folder{Path: write(t, "a.npz", npz(t,
			zip.Store, c.arrays))})
		if len(stamps) != 2 || len(unreadable) > 0 || c.want != "" &&
			marks(images[0].Bad)+marks(images[1].Bad) != c.want {
			t.Errorf("%s in a Folder: %v, %v", name, images, unreadable)
		}
	}
	path := write(t, "a.npz", npz(t, zip.Store, map[string][]byte{"y.npy": stack,
		"psf.npy": numpy("<f4", "1, 1", []float32{7}), "m.npy": one}))
	if f, err := Read(path + "[psf]"); err != nil || f.Images.Pixels[0] != 7 ||
		f.Kind != KindOther || f.Images.ID(0) != "a[psf]" {
		t.Errorf("the PSF: %+v, %v", f, err)
	}
	for part, want := range map[string]string{"[m]": "LoadMask", "[none]": "y (image)"} {
		if _, err := Read(path + part); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want one with %q", part, err, want)
		}
	}
	if _, err := Read(write(t, "m.npz", npz(t, zip.Store,
		map[string][]byte{"m.npy": one}))); err == nil || !strings.Contains(err.Error(),
		"no array of images") {
		t.Errorf("error %v of a mask alone", err)
	}
}

// Bad pixels are in the file that is saved, and come back.
func TestSaveFITSKeepsBadPixels(t *testing.T) {
	for _, shape := range [][4]int{{1, 2, 3, 1}, {3, 2, 3, 1}, {2, 2, 3, 3}, {1, 2, 3, 2}} {
		for _, header := range []*fits.Header{nil, fits.NewHeader("EXTNAME = 'SCI     '",
			"EXTVER  = 3"),
			fits.NewHeader("EXTNAME = 'CCD 7   '"), fits.NewHeader("EXTNAME = 'B_SCI   '")} {
			im := galtest.Ramp(shape[0], shape[1], shape[2], shape[3])
			bad := make([]bool, shape[0]*6)
			bad[2], bad[len(bad)-1] = true, true
			if err := im.Mask(bad); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(t.TempDir(), "a.fits")
			if err := SaveFITS(path, im, header); err != nil {
				t.Fatal(err)
			}
			f, err := Read(path)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(f.Images.Bad, im.Bad) || !slices.Equal(f.Images.Pixels, im.Pixels) {
				t.Errorf("%v with %v: %+v; %v", shape, slices.Collect(header.Cards()), f.Images,
					f.Notes)
			}
			if m, err := LoadMask(path); err != nil || fmt.Sprint(m.Bad) != fmt.Sprint(bad) {
				t.Errorf("%v: the mask is %+v, %v", shape, m, err)
			}
		}
	}
}

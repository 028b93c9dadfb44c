package files

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"image"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"galdecon/galdecon/internal/galtest"
)

// numpy encodes values as numpy.save does, in format version 1.
func numpy(descr, shape string, values any) []byte {
	header := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", descr, shape)
	header += strings.Repeat(" ", 63-(10+len(header))%64) + "\n"
	var order binary.ByteOrder = binary.LittleEndian
	if descr[0] == '>' {
		order = binary.BigEndian
	}
	b := bytes.NewBufferString("\x93NUMPY\x01\x00")
	binary.Write(b, binary.LittleEndian, uint16(len(header)))
	b.WriteString(header)
	binary.Write(b, order, values)
	return b.Bytes()
}

// write puts data into a file of a temporary directory and returns its path.
func write(t *testing.T, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestLoadNPY(t *testing.T) {
	want := []float32{0, 1, 2, 3, 4, 200}
	for descr, values := range map[string]any{
		"<f4": []float32{0, 1, 2, 3, 4, 200}, ">f4": []float32{0, 1, 2, 3, 4, 200},
		"<f8": []float64{0, 1, 2, 3, 4, 200}, ">f8": []float64{0, 1, 2, 3, 4, 200},
		"|u1": []uint8{0, 1, 2, 3, 4, 200}, "<u2": []uint16{0, 1, 2, 3, 4, 200},
		">i2": []int16{0, 1, 2, 3, 4, 200},
		"<i4": []int32{0, 1, 2, 3, 4, 200}, ">u4": []uint32{0, 1, 2, 3, 4, 200},
	} {
		im, err := Load(write(t, "a.npy", numpy(descr, "2, 3", values)))
		if err != nil {
			t.Errorf("%s: %v", descr, err)
			continue
		}
		if im.N != 1 || im.Height != 2 || im.Width != 3 || im.Channels != 1 ||
			!slices.Equal(im.Pixels, want) || im.ID(0) != "a" {
			t.Errorf("%s: got %+v", descr, im)
		}
	}
	im, err := Load(write(t, "neg.npy", numpy("|i1", "1, 2", []int8{-3, 3})))
	if err != nil || im.Pixels[0] != -3 {
		t.Errorf("int8: %v, %v", im, err)
	}
	for shape, want := range map[string][4]int{"2, 3, 1": {2, 3, 1, 1}, "1, 2, 1, 3": {1, 2, 1, 3},
		"1,6": {1, 1, 6, 1}} {
		im, err := Load(write(t, "a.npy", numpy("<f4", shape, []float32{0, 1, 2, 3, 4, 5})))
		if err != nil || [4]int{im.N, im.Height, im.Width, im.Channels} != want {
			t.Errorf("shape (%s): %+v, %v", shape, im, err)
		}
	}
}

func TestLoadCompressedNPY(t *testing.T) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write(numpy("<f4", "2, 1, 2", []float32{1, 2, 3, 4}))
	z.Close()
	im, err := Load(write(t, "stack.npy.gz", b.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	if im.ID(1) != "stack[1]" || !slices.Equal(im.Pixels, []float32{1, 2, 3, 4}) {
		t.Errorf("got %+v", im)
	}
	if _, err := Load(write(t, "cut.npy.gz", b.Bytes()[:b.Len()-12])); err == nil {
		t.Error("a truncated file gave no error")
	}
}

func TestSaveNPY(t *testing.T) {
	want := galtest.Ramp(2, 3, 5, 3)
	path := filepath.Join(t.TempDir(), "out.npy")
	for range 2 { // the second replaces the first
		if err := SaveNPY(path, want); err != nil {
			t.Fatal(err)
		}
	}
	got, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got.Pixels, want.Pixels) || got.N != 2 || got.Height != 3 || got.Width != 5 ||
		got.Channels != 3 {
		t.Errorf("got %+v", got)
	}
	data, _ := os.ReadFile(path)
	if reference := numpy("<f4", "2, 3, 5, 3", want.Pixels); !bytes.Equal(data, reference) ||
		(len(data)-4*len(want.Pixels))%64 != 0 {
		t.Error("the file is not what numpy.save writes")
	}
	if files, _ := os.ReadDir(filepath.Dir(path)); len(files) != 1 {
		t.Errorf("files are left over: %v", files)
	}
	if err := SaveNPY(filepath.Join(path, "below-a-file.npy"), want); err == nil {
		t.Error("saving below a file gave no error")
	}
	want.Pixels[0] = float32(math.Inf(1))
	if err := SaveNPY(path, want); err == nil {
		t.Error("saving an infinite value gave no error")
	}
}

// TestLoadFITS reads the files that testdata/make_fits.py wrote with astropy.
func TestLoadFITS(t *testing.T) {
	ramp := []float32{0, 1, 2, 3, 10, 11, 12, 13, 20, 21, 22, 23}
	cube := slices.Clone(ramp)
	for _, v := range ramp {
		cube = append(cube, v+100)
	}
	shorts := make([]float32, len(ramp))
	for k, v := range ramp {
		shorts[k] = v + 60000
	}
	for name, want := range map[string][]float32{"float32": ramp, "cube": cube, "uint16": shorts,
		"extension": ramp} {
		im, err := Load(filepath.Join("testdata", name+".fits"))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if im.N != len(want)/12 || im.Height != 3 || im.Width != 4 || im.Channels != 1 ||
			!slices.Equal(im.Pixels, want) {
			t.Errorf("%s: got %+v", name, im)
		}
	}
	for name, want := range map[string]string{
		"blank": "value NaN at row 1, column 2", "spectrum": "no HDU with an image",
	} {
		path := filepath.Join("testdata", name+".fits")
		if _, err := Load(path); err == nil || !strings.Contains(err.Error(), want) ||
			!strings.Contains(err.Error(), path) {
			t.Errorf("%s: error %v, want one with %q and the path", name, err, want)
		}
	}
}

func TestFITSWithoutLastPadding(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("testdata", "float32.fits"))
	if err != nil {
		t.Fatal(err)
	}
	path := write(t, "a.fits", data[:2880+12*4])
	if im, err := Load(path); err != nil || im.Pixels[11] != 23 {
		t.Errorf("a file that ends with its last value: %v, %v", im, err)
	}
}

// hdu is an image of 1×n pixels of a value, in an extension if it has a name.
func hdu(name string, n int, value byte, cards ...string) []byte {
	all := []string{"SIMPLE  =                    T"}
	if name != "" {
		all = []string{"XTENSION= 'IMAGE   '"}
	}
	all = append(all, integerCard("BITPIX", -32), integerCard("NAXIS", 2), integerCard("NAXIS1", n),
		integerCard("NAXIS2", 1))
	if name != "" {
		all = append(all, integerCard("PCOUNT", 0), integerCard("GCOUNT", 1),
			fmt.Sprintf("EXTNAME = '%-8s' / what it is", name))
	}
	out := make([]byte, 0, 2*2880)
	for _, card := range append(append(all, cards...), "END") {
		out = append(out, card+strings.Repeat(" ", 80-len(card))...)
	}
	padded := func(b []byte, with string) []byte {
		return append(b, strings.Repeat(with, (2880-len(b)%2880)%2880)...)
	}
	out = padded(out, " ")
	for range n {
		out = binary.BigEndian.AppendUint32(out, math.Float32bits(float32(value)))
	}
	return padded(out, "\x00")
}

func integerCard(key string, value int) string { return fmt.Sprintf("%-8s= %20d", key, value) }

func TestLoadFITSOfSeveralImages(t *testing.T) {
	other := append(bytes.Repeat([]byte("?"), 2880), hdu("SCI", 3, 9)...)
	for name, c := range map[string]struct {
		file []byte
		want byte
	}{
		"no SCI": {slices.Concat(hdu("", 3, 1), hdu("WHT", 3, 2)), 1},
		"SCI after weights": {slices.Concat(hdu("", 0, 0), hdu("WHT", 3, 2),
			hdu("SCI", 3, 3), hdu("ERR", 3, 4)), 3},
		"the first of two": {slices.Concat(hdu("", 3, 1), hdu("Sci", 3, 2),
			hdu("SCI", 3, 3)), 2},
		"SCI without pixels": {slices.Concat(hdu("", 0, 1), hdu("SCI", 0, 2),
			hdu("WHT", 3, 3)), 3},
		"what isn't FITS behind it":     {slices.Concat(hdu("", 3, 1), other), 1},
		"a truncated one behind it":     {slices.Concat(hdu("", 3, 1), hdu("WHT", 3, 2)[:2880]), 1},
		"after SCI one that's no image": {slices.Concat(hdu("", 0, 1), hdu("SCI", 3, 2), other), 2},
	} {
		path := write(t, "a.fits", c.file)
		f, err := Read(path)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		again, err := Load(path)
		if err != nil || f.Images.Pixels[0] != float32(c.want) ||
			again.Pixels[0] != float32(c.want) {
			t.Errorf("%s: pixels %v and %v, error %v; want %d", name, f.Images.Pixels, again, err,
				c.want)
		}
		if f.Header.Has("XTENSION") != f.Header.Has("EXTNAME") {
			t.Errorf("%s: header %v", name, f.Header)
		}
	}
}

func TestLoadStacksInOrder(t *testing.T) {
	one := write(t, "one.npy", numpy("<f4", "1, 2", []float32{1, 2}))
	two := write(t, "two.npy", numpy("<f4", "2, 1, 2", []float32{3, 4, 5, 6}))
	im, err := Load(one, two)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(im.Pixels, []float32{1, 2, 3, 4, 5, 6}) ||
		!slices.Equal(im.IDs, []string{"one", "two[0]", "two[1]"}) {
		t.Errorf("got %+v", im)
	}
	wide := write(t, "wide.npy", numpy("<f4", "1, 3", []float32{1, 2, 3}))
	if _, err := Load(one, wide); err == nil || !strings.Contains(err.Error(), wide) ||
		!strings.Contains(err.Error(), one) {
		t.Errorf("error %v, want one that names both files", err)
	}
}

func TestLoadRefuses(t *testing.T) {
	file, err := os.ReadFile(filepath.Join("testdata", "float32.fits"))
	if err != nil {
		t.Fatal(err)
	}
	good := numpy("<f4", "1, 2", []float32{1, 2})
	nan := float32(math.NaN())
	var picture bytes.Buffer
	if err := png.Encode(&picture, image.NewGray(image.Rect(0, 0, 9, 9))); err != nil {
		t.Fatal(err)
	}
	huge := slices.Clone(picture.Bytes())
	for name, c := range map[string]struct {
		file, want string
		data       []byte
	}{
		"empty":            {"a.npy", "empty", nil},
		"other format":     {"a.npy", "not a NumPy file", []byte("hello, world")},
		"truncated lead":   {"a.npy", "not a NumPy file", good[:5]},
		"truncated header": {"a.npy", "truncated within its header", good[:40]},
		"truncated values": {"a.npy", "truncated", good[:len(good)-1]},
		"absurd shape": {"a.npy", "truncated",
			numpy("<f4", "100000, 100000, 100000", []float32{1})},
		"overflowing shape": {"a.npy", "any computer",
			numpy("<f4", "9223372036854775807, 2", []float32{1})},
		"one axis":  {"a.npy", "[h, w]", numpy("<f4", "2,", []float32{1, 2})},
		"five axes": {"a.npy", "[h, w]", numpy("<f4", "1, 1, 1, 1, 1", []float32{1})},
		"no pixels": {"a.npy", "no image", numpy("<f4", "0, 5", []float32{})},
		"complex":   {"a.npy", "astype", numpy("<c8", "1, 1", []float32{1, 2})},
		"no type": {"a.npy", "astype",
			bytes.Replace(good, []byte("'<f4'"), []byte("''   "), 1)},
		"truncated Fortran": {"a.npy", "truncated",
			bytes.Replace(good[:len(good)-1], []byte("False"), []byte("True "), 1)},
		"NaN": {"a.npy", "NaN at row 0, column 1",
			numpy("<f4", "1, 2", []float32{1, nan})},
		"infinite":          {"a.npy", "+Inf", numpy("<f8", "1, 2", []float64{1, math.Inf(1)})},
		"booleans":          {"a.npy", "LoadMask", numpy("|b1", "1, 2", []bool{false, true})},
		"broken gzip":       {"a.npy.gz", "decompressed", []byte("\x1f\x8b\x00")},
		"text as FITS":      {"a.fits", "not with SIMPLE", []byte("hello, world")},
		"noise as FITS":     {"a.fits", "not with SIMPLE", make([]byte, 5000)},
		"FITS header alone": {"a.fits", "truncated", file[:2880]},
		"FITS without END": {"a.fits", "no END",
			bytes.Replace(file[:2880], []byte("END                 "),
				[]byte("ENX                 "), 1)},
		"FITS too large": {"a.fits", "truncated",
			bytes.Replace(file, []byte("NAXIS1  =                    4"),
				[]byte("NAXIS1  =            100000000"), 1)},
		"FITS absurd": {"a.fits", "fit a file",
			bytes.Replace(file, []byte("NAXIS1  =                    4"),
				[]byte("NAXIS1  =  9000000000000000000"), 1)},
		"FITS negative axis": {"a.fits", "NAXIS1 is -4",
			bytes.Replace(file, []byte("NAXIS1  =                    4"),
				[]byte("NAXIS1  =                   -4"), 1)},
		"FITS odd BITPIX": {"a.fits", "BITPIX",
			bytes.Replace(file, []byte("BITPIX  =                  -32"),
				[]byte("BITPIX  =                   24"), 1)},
		"text as PNG":   {"a.png", "not a PNG, JPEG or TIFF", []byte("hello, world")},
		"truncated PNG": {"a.png", "truncated", picture.Bytes()[:picture.Len()-20]},
		"huge PNG":      {"a.png", "crop", enlargePNG(huge)},
		"no TIFF":       {"a.tiff", "convert", good},
		"TIFF of floats": {"a.tif", "integers of 8 or 16 bits, on one page; convert it",
			grayTIFF(32, 3, 0)},
		"TIFF of 32 bits": {"a.tif", "integers of 8 or 16 bits, on one page; convert it",
			grayTIFF(32, 1, 0)},
		"TIFF of two pages": {"a.tif", "integers of 8 or 16 bits, on one page; convert it",
			grayTIFF(16, 1, 8)},
		"damaged SCI": {"a.fits", "HDU 1: the file is truncated",
			slices.Concat(hdu("", 4, 1), hdu("SCI", 4, 2)[:2880])},
		"no packed FITS": {"a.fits.fz", "not with SIMPLE", good},
		"BMP":            {"a.bmp", "convert", good},
		"no ending":      {"a", "convert", good},
	} {
		path := write(t, c.file, c.data)
		_, err := Load(path)
		if err == nil || !strings.Contains(err.Error(), c.want) ||
			!strings.HasPrefix(err.Error(), "files: ") || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: error %v, want one with %q and the path", name, err, c.want)
		}
	}
	if _, err := Load(); err == nil {
		t.Error("Load() gave no error")
	}
	if _, err := Load(t.TempDir()); err == nil || !strings.Contains(err.Error(), "directory") {
		t.Errorf("error %v of a directory", err)
	}
	if _, err := Load(filepath.Join(t.TempDir(), "absent.npy")); err == nil {
		t.Error("an absent file gave no error")
	}
}

package files

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/image/tiff"

	"galdecon/galdecon/galaxy"
)

// fill writes files, by their paths below a new folder, and returns it.
func fill(t *testing.T, files map[string][]byte) string {
	t.Helper()
	dir := t.TempDir()
	for name, data := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func npz(t *testing.T, method uint16, arrays map[string][]byte) []byte {
	return zipped(t, method, slices.Sorted(maps.Keys(arrays)), arrays)
}

func zipped(t *testing.T, method uint16, names []string, files map[string][]byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, name := range names {
		w, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: method})
		if err != nil {
			t.Fatal(err)
		}
		w.Write(files[name])
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func tarred(t *testing.T, names []string, files map[string][]byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, name := range names {
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(files[name])),
			Typeflag: tar.TypeReg}); err != nil {
			t.Fatal(err)
		}
		w.Write(files[name])
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func gzipped(t *testing.T, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write(data)
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// samples are files of every format, with the pixels that they hold: row 0 is 0, 0.2 and row 1 is
// 0.4, 1.
func samples(t *testing.T) map[string][]byte {
	t.Helper()
	encode := func(f func(b *bytes.Buffer) error) []byte {
		var b bytes.Buffer
		if err := f(&b); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	gray8, gray16, rgb16 := image.NewGray(image.Rect(0, 0, 2, 2)),
		image.NewGray16(image.Rect(0, 0, 2, 2)), image.NewNRGBA64(image.Rect(0, 0, 2, 2))
	for k, v := range known {
		x, y := k%2, k/2
		value := uint16(math.Round(float64(v) * 0xffff))
		gray8.SetGray(x, y, color.Gray{Y: uint8(value >> 8)})
		gray16.SetGray16(x, y, color.Gray16{Y: value})
		rgb16.SetNRGBA64(x, y, color.NRGBA64{R: value, G: value, B: value, A: 0xffff})
	}
	flat := image.NewGray(image.Rect(0, 0, 16, 16)) // JPEG keeps only what is smooth
	for k := range flat.Pix {
		flat.Pix[k] = 102
	}
	values32 := slices.Clone(known)
	var values64 []float64
	for _, v := range known {
		values64 = append(values64, float64(v))
	}
	im := &galaxy.Images{N: 1, Height: 2, Width: 2, Channels: 1, Pixels: known}
	path := filepath.Join(t.TempDir(), "a.fits")
	if err := SaveFITS(path, im, nil); err != nil {
		t.Fatal(err)
	}
	fits, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return map[string][]byte{
		"png8.png":  encode(func(b *bytes.Buffer) error { return png.Encode(b, gray8) }),
		"png16.PNG": encode(func(b *bytes.Buffer) error { return png.Encode(b, gray16) }),
		"rgb16.png": encode(func(b *bytes.Buffer) error { return png.Encode(b, rgb16) }),
		"tiff8.tif": encode(func(b *bytes.Buffer) error { return tiff.Encode(b, gray8, nil) }),
		"tiff16.tiff": encode(func(b *bytes.Buffer) error {
			return tiff.Encode(b, gray16,
				&tiff.Options{Compression: tiff.Deflate})
		}),
		"tiffrgb16.tif": encode(func(b *bytes.Buffer) error { return tiff.Encode(b, rgb16, nil) }),
		"flat.jpg": encode(func(b *bytes.Buffer) error {
			return jpeg.Encode(b, flat,
				&jpeg.Options{Quality: 100})
		}),
		"a.fits":    fits,
		"a.fits.gz": gzipped(t, fits),
		"a.npy":     numpy("<f4", "2, 2", values32),
		"big.npy":   numpy(">f8", "2, 2", values64),
		"a.npy.gz":  gzipped(t, numpy("<f4", "2, 2", values32)),
		"a.npz": npz(t, zip.Store,
			map[string][]byte{"y.npy": numpy("<f4", "1, 2, 2", values32),
				"labels.npy": numpy("<i4", "3,", []int32{1, 2, 3})}),
		"b.npz": npz(t, zip.Deflate,
			map[string][]byte{"y.npy": numpy("<f4", "2, 2", values32)}),
	}
}

var known = []float32{0, 0.2, 0.4, 1}

// checkSamples wants every image to be what samples says.
func checkSamples(t *testing.T, stamps []galaxy.Stamp, images []*galaxy.Images) {
	t.Helper()
	for i, im := range images {
		name := stamps[i].ID
		if strings.HasSuffix(name, ".jpg") {
			if im.Height != 16 || math.Abs(float64(im.Pixels[100])-0.4) > 0.01 {
				t.Errorf("%s: %v", name, im.Pixels)
			}
			continue
		}
		tolerance := 1e-7
		if strings.Contains(name, "8.") {
			tolerance = 1.0 / 255
		} else if strings.Contains(name, "16.") {
			tolerance = 1.0 / 65535
		}
		if want := map[bool]int{false: 1, true: 3}[strings.Contains(name, "rgb")]; im.N != 1 ||
			im.Height != 2 || im.Width != 2 || im.Channels != want {
			t.Errorf("%s: shape [%d, %d, %d, %d]", name, im.N, im.Height, im.Width, im.Channels)
			continue
		}
		for k, v := range im.Pixels {
			if math.Abs(float64(v-known[k/im.Channels])) > tolerance {
				t.Errorf("%s: pixels %v, want %v", name, im.Pixels, known)
			}
		}
	}
}

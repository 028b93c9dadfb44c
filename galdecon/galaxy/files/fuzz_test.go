package files

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"galdecon/galdecon/galaxy"
)

func FuzzDecodeNPY(f *testing.F) {
	f.Add(numpy("<f4", "1, 2", []float32{1, 2}))
	f.Add(numpy(">i2", "2, 1, 2", []int16{1, 2, 3, 4}))
	f.Add(numpy("<f8", "1000000, 1000000", []float64{1}))
	f.Add([]byte("\x93NUMPY\x02\x00\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, data []byte) {
		im, err := decodeNPY(data)
		checkDecoded(t, im, err, len(data))
	})
}

func FuzzDecodeFITS(f *testing.F) {
	files, _ := filepath.Glob(filepath.Join("testdata", "*.fits"))
	for _, path := range files {
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		im, err := decodeFITS(data)
		checkDecoded(t, im, err, len(data))
		found, err := findFITSImage(data, ChannelsFirst)
		if err != nil {
			return
		}
		if window := found.header.Window(1, 2, 1.5); len(window) < len(found.header) {
			t.Fatalf("%d cards became %d", len(found.header), len(window))
		}
	})
}

// FuzzFolder reads archives and files as they come from anywhere.
func FuzzFolder(f *testing.F) {
	good := numpy("<f4", "2, 1, 2", []float32{1, 2, 3, 4})
	var archive, arrays bytes.Buffer
	w, z := tar.NewWriter(&archive), zip.NewWriter(&arrays)
	w.WriteHeader(&tar.Header{Name: "a.npy", Size: int64(len(good)), Typeflag: tar.TypeReg})
	w.Write(good)
	w.Close()
	entry, err := z.Create("a.npy")
	if err != nil {
		f.Fatal(err)
	}
	entry.Write(good)
	z.Close()
	for name, data := range map[string][]byte{"a.tar": archive.Bytes(), "a.zip": arrays.Bytes(), "a.npz": arrays.Bytes(), "a.npy": good, "a.npy.gz": good, "a.tif": good} {
		f.Add(name, data)
	}
	f.Fuzz(func(t *testing.T, name string, data []byte) {
		if kind, _ := formatOf(name); kind == unknown && !isArchive(name) || strings.ContainsAny(name, "/\x00") || len(name) > 100 || hidden(name) {
			return
		}
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Skip(err)
		}
		for s, err := range (Folder{Path: path}).Galaxies(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			if im, err := s.Read(); (im == nil) == (err == nil) {
				t.Fatalf("%s: image %v and error %v", s.ID, im, err)
			}
		}
	})
}

// checkDecoded wants images or an error, and no more pixels than bytes.
func checkDecoded(t *testing.T, im *galaxy.Images, err error, size int) {
	if (im == nil) == (err == nil) {
		t.Fatalf("images %v and error %v", im, err)
	}
	if im != nil && len(im.Pixels) > size {
		t.Fatalf("%d pixels from %d bytes", len(im.Pixels), size)
	}
}

func decodeFITS(data []byte) (*galaxy.Images, error) {
	found, err := findFITSImage(data, PlanesStack)
	if err != nil {
		return nil, err
	}
	return found.read()
}

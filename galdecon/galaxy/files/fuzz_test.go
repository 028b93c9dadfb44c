package files

import (
	"archive/tar"
	"archive/zip"
	"bufio"
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/galaxy/files/fits"
)

func FuzzDecodeNPY(f *testing.F) {
	f.Add(numpy("<f4", "1, 2", []float32{1, 2}))
	f.Add(numpy(">i2", "2, 1, 2", []int16{1, 2, 3, 4}))
	f.Add(numpy("<f8", "1000000, 1000000", []float64{1}))
	f.Add([]byte("\x93NUMPY\x02\x00\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, data []byte) {
		var im *galaxy.Images
		stack, err := openNPY(bufio.NewReader(bytes.NewReader(data)), PlanesStack)
		if err == nil {
			im, err = stack.read(stack.n)
		}
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
		f, err := fits.Read(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			return
		}
		for _, h := range f.HDUs {
			if h.Compressed() {
				return // may be large from few bytes
			}
		}
		p, err := choosePlane(f, nil, ChannelsFirst)
		if err != nil {
			return
		}
		im, err := readPlane(f, p)
		checkDecoded(t, im, err, len(data))
		header := p.hdu.Header.Window(1, 2, 1.5)
		if header.Len() < p.hdu.Header.Len() {
			t.Fatalf("%d cards became %d", p.hdu.Header.Len(), header.Len())
		}
		header.DropLookups()
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
	for name, data := range map[string][]byte{"a.tar": archive.Bytes(), "a.zip": arrays.Bytes(),
		"a.npz": arrays.Bytes(), "a.npy": good, "a.npy.gz": good, "a.tif": good} {
		f.Add(name, data)
	}
	f.Add("a.png", []byte("\x89PNG\r\n\x1a\n"))
	f.Add("a.jpg", []byte("\xff\xd8\xff\xe0"))
	f.Fuzz(func(t *testing.T, name string, data []byte) {
		if formatOf(name) == unknown && !isArchive(name) || strings.ContainsAny(name, "/\x00") ||
			len(name) > 100 || hidden(name) {
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

// FuzzRead reads files of each format, whole and in parts, as images and as masks.
func FuzzRead(f *testing.F) {
	f.Add("a.fits", "[SCI,2][*,*,1]",
		slices.Concat(hdu("", 0, 0), hdu("SCI", 3, 1), hdu("DQ", 3, 1)))
	f.Add("a.npy", "", numpy("|b1", "1, 2", []bool{true, false}))
	f.Add("a.npz", "[a]", []byte("PK\x03\x04"))
	f.Fuzz(func(t *testing.T, name, part string, data []byte) {
		if strings.ContainsFunc(name+part, func(r rune) bool { return r == '/' || r < ' ' }) ||
			len(name)+len(part) > 100 || name == "" ||
			!utf8.ValidString(name+part) || strings.HasPrefix(name, ".") {
			return
		}
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Skip(err)
		}
		file, err := Read(path + part)
		if err == nil && file.Images.CheckShape() != nil ||
			err != nil && strings.Contains(err.Error(), "\n") {
			t.Fatalf("%+v, %v", file, err)
		}
		m, err := LoadMask(path + part)
		if err == nil && len(m.Bad) != m.N*m.Height*m.Width {
			t.Fatalf("%+v", m)
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

package files

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/galaxy/files/fits"
	"galdecon/galdecon/internal/galtest"
)

func TestSaveFITSKeepsTheHeader(t *testing.T) {
	file, err := Read(filepath.Join("testdata", "sky.fits"))
	if err != nil {
		t.Fatal(err)
	}
	im, header := file.Images, file.Header
	if im.N != 1 || im.Height != 5 || im.Width != 8 || im.At(0)[8+3] != 13.5 || im.ID(0) != "sky" {
		t.Fatalf("got %+v", im)
	}
	path := filepath.Join(t.TempDir(), "out.fits")
	if err := SaveFITS(path, im, header); err != nil {
		t.Fatal(err)
	}
	file, err = Read(path)
	if err != nil {
		t.Fatal(err)
	}
	back, again := file.Images, file.Header
	if !slices.Equal(back.Pixels, im.Pixels) || back.Width != im.Width {
		t.Errorf("pixels %v, want %v", back.Pixels, im.Pixels)
	}
	// Every card but those about the pixels' storage is in the new file as it was, and in the same
	// order.
	told := func(h *fits.Header) (out []fits.Card) {
		for c := range h.Cards() {
			if !fits.OfStorage(c.Key()) {
				out = append(out, c)
			}
		}
		return out
	}
	if !slices.Equal(told(again), told(header)) || len(told(again)) != header.Len()-8 {
		t.Errorf("header\n%s\nwant\n%s", told(again), told(header))
	}
	for _, key := range []string{"BZERO", "BLANK"} {
		if _, ok := again.Number(key); ok {
			t.Errorf("%s is in the new header, whose pixels are floats", key)
		}
	}
	if v, ok := again.Number("CRVAL1"); !ok || v != 185.72887500000001 {
		t.Errorf("CRVAL1 is %v", v)
	}
	if _, ok := again.Number("OBJECT"); ok {
		t.Error("a text passes for a number")
	}
	if info, err := os.Stat(path); err != nil || info.Size()%2880 != 0 {
		t.Errorf("the file has %d bytes, not whole blocks", info.Size())
	}
}

func TestSaveFITSShapes(t *testing.T) {
	dir := t.TempDir()
	shapes := [][4]int{{1, 3, 5, 1}, {2, 3, 5, 1}, {1, 3, 5, 3}, {2, 3, 5, 3}, {1, 1, 1, 2}}
	for _, want := range shapes {
		im := galtest.Ramp(want[0], want[1], want[2], want[3])
		path := filepath.Join(dir, fmt.Sprint(want)+".fits")
		if err := SaveFITS(path, im, nil); err != nil {
			t.Fatal(err)
		}
		file, err := Read(path)
		if err != nil {
			t.Fatal(err)
		}
		back, header := file.Images, file.Header
		if got := [4]int{back.N, back.Height, back.Width, back.Channels}; got != want ||
			!slices.Equal(back.Pixels, im.Pixels) {
			t.Errorf("shape %v became %v, with %v", want, got, back.Pixels)
		}
		// The header of one image goes with another.
		for _, other := range shapes {
			path := filepath.Join(t.TempDir(), "other.fits")
			if err := SaveFITS(path, galtest.Ramp(other[0], other[1], other[2], other[3]),
				header); err != nil {
				t.Fatal(err)
			}
			if back, err := Load(path); err != nil ||
				[4]int{back.N, back.Height, back.Width, back.Channels} != other {
				t.Errorf("shape %v with the header of %v became %+v, error %v", other, want, back,
					err)
			}
		}
	}
	nan := galtest.Ramp(1, 2, 2, 1)
	nan.Pixels[1] = float32(math.NaN())
	err := SaveFITS(filepath.Join(dir, "a.fits"), nan, nil)
	if err == nil || !strings.Contains(err.Error(), "NaN") {
		t.Errorf("error %v, want one with NaN", err)
	}
	if files, _ := os.ReadDir(dir); len(files) != len(shapes) {
		t.Errorf("files %v", files)
	}
}

// Regions of the detector aren't those of another image, such as a stamp.
func TestSaveFITSDropsSections(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.fits")
	header := fits.NewHeader("OBJECT  = 'M51'", "DATASEC = '[1:2048,1:4096]'",
		"BIASSEC = '[1:9,1:9]'", "TRIMSEC = '[1:9,1:9]'", "CCDSEC  = '[1:9,1:9]'",
		"DETSEC  = '[1:9,1:9]'")
	if err := SaveFITS(path, galtest.Ramp(1, 3, 5, 1), header); err != nil {
		t.Fatal(err)
	}
	back, err := Read(path)
	if err != nil {
		t.Fatal(err)
	}
	if text := fmt.Sprint(slices.Collect(back.Header.Cards())); strings.Contains(text, "SEC ") ||
		!strings.Contains(text, "M51") {
		t.Errorf("header\n%s", text)
	}
}

// Whether a file is packed its contents tell, not its name.
func TestReadPacked(t *testing.T) {
	source := filepath.Join("testdata", "sky.fits")
	want, err := Read(source)
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(source)
	if err != nil {
		t.Fatal(err)
	}
	packed := gzipped(t, data)
	for name, c := range map[string]struct {
		data []byte
		want string
	}{"sky.fits.gz": {packed, ""}, "sky.fits": {packed, ""}, "sky.fits.bz2": {data, ""},
		"cut.fits.gz": {packed[:len(packed)/2], "no END"}} {
		path := write(t, name, c.data)
		f, err := Read(path)
		switch {
		case c.want != "":
			if err == nil || !strings.Contains(err.Error(), c.want) ||
				!strings.HasPrefix(err.Error(), "files: ") {
				t.Errorf("%s: error %v, want one with %q", name, err, c.want)
			}
		case err != nil:
			t.Errorf("%s: %v", name, err)
		case !slices.Equal(slices.Collect(f.Header.Cards()), slices.Collect(want.Header.Cards())) ||
			f.Images.Width != want.Images.Width || f.Images.ID(0) != "sky":
			t.Errorf("%s: %+v with %d cards", name, f.Images, f.Header.Len())
		}
	}
	array := numpy("<f4", "1, 2", []float32{1, 2})
	for name, data := range map[string][]byte{"a.npy": gzipped(t, array), "a.npy.gz": array} {
		if im, err := Load(write(t, name, data)); err != nil || im.Pixels[1] != 2 {
			t.Errorf("%s: %+v, %v", name, im, err)
		}
	}
}

func TestSaveNoImages(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a")
	for name, im := range map[string]*galaxy.Images{"nil": nil, "empty": {},
		"no pixels": {N: 1, Height: 8, Width: 8, Channels: 1}} {
		for what, err := range map[string]error{"SaveNPY": SaveNPY(path, im),
			"SaveFITS": SaveFITS(path, im, nil)} {
			if err == nil || !strings.HasPrefix(err.Error(), "galaxy: ") {
				t.Errorf("%s of %s images: error %v", what, name, err)
			}
		}
	}
}

package files

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/internal/galtest"
)

func TestSaveFITSKeepsTheHeader(t *testing.T) {
	im, header, err := LoadFITS(filepath.Join("testdata", "sky.fits"))
	if err != nil {
		t.Fatal(err)
	}
	if im.N != 1 || im.Height != 5 || im.Width != 8 || im.At(0)[8+3] != 13.5 || im.ID(0) != "sky" {
		t.Fatalf("got %+v", im)
	}
	path := filepath.Join(t.TempDir(), "out.fits")
	if err := SaveFITS(path, im, header); err != nil {
		t.Fatal(err)
	}
	back, again, err := LoadFITS(path)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(back.Pixels, im.Pixels) || back.Width != im.Width {
		t.Errorf("pixels %v, want %v", back.Pixels, im.Pixels)
	}
	// Every card but those about the pixels' storage is in the new file as it was, and in the same order.
	told := func(h Header) (out []string) {
		for _, card := range h {
			if !describesPixels(keyword(card)) {
				out = append(out, card)
			}
		}
		return out
	}
	if !slices.Equal(told(again), told(header)) || len(told(again)) != len(header)-8 {
		t.Errorf("header\n%s\nwant\n%s", strings.Join(again, "\n"), strings.Join(header, "\n"))
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
	if info, err := os.Stat(path); err != nil || info.Size()%fitsBlock != 0 {
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
		back, header, err := LoadFITS(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := [4]int{back.N, back.Height, back.Width, back.Channels}; got != want || !slices.Equal(back.Pixels, im.Pixels) {
			t.Errorf("shape %v became %v, with %v", want, got, back.Pixels)
		}
		// The header of one image goes with another.
		for _, other := range shapes {
			path := filepath.Join(t.TempDir(), "other.fits")
			if err := SaveFITS(path, galtest.Ramp(other[0], other[1], other[2], other[3]), header); err != nil {
				t.Fatal(err)
			}
			if back, err := Load(path); err != nil || [4]int{back.N, back.Height, back.Width, back.Channels} != other {
				t.Errorf("shape %v with the header of %v became %+v, error %v", other, want, back, err)
			}
		}
	}
	nan := galtest.Ramp(1, 2, 2, 1)
	nan.Pixels[1] = float32(math.NaN())
	for want, err := range map[string]error{
		"NaN":   SaveFITS(filepath.Join(dir, "a.fits"), nan, nil),
		"ASCII": SaveFITS(filepath.Join(dir, "b.fits"), galtest.Ramp(1, 2, 2, 1), Header{"OBJECT  = 'Sérsic'"}),
	} {
		if err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "files: ") {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
	if files, _ := os.ReadDir(dir); len(files) != len(shapes) {
		t.Errorf("files %v", files)
	}
}

// Regions of the detector aren't those of another image, such as a stamp.
func TestSaveFITSDropsSections(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.fits")
	header := Header{"OBJECT  = 'M51'", "DATASEC = '[1:2048,1:4096]'", "BIASSEC = '[1:9,1:9]'", "TRIMSEC = '[1:9,1:9]'", "CCDSEC  = '[1:9,1:9]'", "DETSEC  = '[1:9,1:9]'"}
	if err := SaveFITS(path, galtest.Ramp(1, 3, 5, 1), header); err != nil {
		t.Fatal(err)
	}
	_, back, err := LoadFITS(path)
	if err != nil {
		t.Fatal(err)
	}
	if text := strings.Join(back, "\n"); strings.Contains(text, "SEC ") || !strings.Contains(text, "M51") {
		t.Errorf("header\n%s", text)
	}
}

func TestWithHistory(t *testing.T) {
	header := Header{"OBJECT  = 'M51'"}
	word := strings.Repeat("x", 100)
	got := header.WithHistory(
		"Model tiny, seed 7",
		"",
		"PSF: a Moffat profile of beta 2.5 and a full width of 3.2 pixels at half its maximum, recentred",
		"σ = 1.5\tpixels\nnoise 10",
		word,
		"a "+word,
	)
	want := Header{
		"OBJECT  = 'M51'",
		"HISTORY Model tiny, seed 7",
		"HISTORY",
		"HISTORY PSF: a Moffat profile of beta 2.5 and a full width of 3.2 pixels at half",
		"HISTORY its maximum, recentred",
		"HISTORY ? = 1.5?pixels",
		"HISTORY noise 10",
		"HISTORY " + word[:72],
		"HISTORY " + word[72:],
		"HISTORY a",
		"HISTORY " + word[:72],
		"HISTORY " + word[72:],
	}
	if !slices.Equal(got, want) || len(header) != 1 {
		t.Fatalf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	path := filepath.Join(t.TempDir(), "a.fits")
	if err := SaveFITS(path, galtest.Ramp(1, 3, 5, 1), got.WithHistory("Once more")); err != nil {
		t.Fatal(err)
	}
	_, back, err := LoadFITS(path)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(back) - len(want) - 1; !slices.Equal(back[n:], append(want, "HISTORY Once more")) {
		t.Errorf("the file has the header\n%s", strings.Join(back, "\n"))
	}
	if none := Header(nil).WithHistory(); len(none) != 0 {
		t.Errorf("no lines gave %q", none)
	}
}

// pixelToPlane follows a pixel, counted from 1, through SIP and the CD matrix to the tangent plane in degrees.
func pixelToPlane(h Header, x, y float64) (xi, eta float64) {
	number := func(key string) float64 { v, _ := h.Number(key); return v }
	u, v := x-number("CRPIX1"), y-number("CRPIX2")
	f := u + number("A_2_0")*u*u + number("A_1_1")*u*v
	g := v + number("B_0_2")*v*v + number("B_1_1")*u*v
	return number("CD1_1")*f + number("CD1_2")*g, number("CD2_1")*f + number("CD2_2")*g
}

func TestWindowLeavesTheSkyWhereItIs(t *testing.T) {
	_, header, err := LoadFITS(filepath.Join("testdata", "sky.fits"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		left, top int
		factor    float64
	}{{0, 0, 1}, {2, 1, 1}, {1, 0, 2}, {3, 2, 1.5}} {
		window := header.Window(c.left, c.top, c.factor)
		for _, p := range [][2]float64{{1, 1}, {2, 1}, {3.5, -2}} {
			// Pixel p of the window has its edges at p ± 1/2.
			x, y := float64(c.left)+0.5+(p[0]-0.5)*c.factor, float64(c.top)+0.5+(p[1]-0.5)*c.factor
			xi, eta := pixelToPlane(header, x, y)
			gotXi, gotEta := pixelToPlane(window, p[0], p[1])
			if math.Abs(gotXi-xi) > 1e-15 || math.Abs(gotEta-eta) > 1e-15 {
				t.Errorf("%+v: pixel %v lies at (%g, %g), want (%g, %g)", c, p, gotXi, gotEta, xi, eta)
			}
		}
		if len(window) != len(header) {
			t.Errorf("%d cards became %d", len(header), len(window))
		}
	}
	if comment := header.Window(2, 0, 2)[12]; !strings.HasPrefix(comment, "CRPIX1  = ") || !strings.HasSuffix(comment, "/ reference pixel") {
		t.Errorf("the card of the reference pixel is %q", comment)
	}
}

func TestWindowOfOtherHeaders(t *testing.T) {
	for name, c := range map[string]struct{ in, want Header }{
		"CDELT, FORTRAN's exponent":  {Header{"CRPIX1  = 1.0", "CDELT1  = -2.0D-4", "CDELT2  = 2.0D-4 / deg"}, Header{"CRPIX1  =                 0.75", "CDELT1  =              -0.0004", "CDELT2  =               0.0004 / deg"}},
		"pixels of one degree":       {Header{"CRPIX2  = 1"}, Header{"CRPIX2  =                 0.75", "CDELT1  =                  2.0", "CDELT2  =                  2.0"}},
		"another system, text, none": {Header{"CRPIX1A = 2.0", "CD1_1A  = 3.0", "CRPIX1  = 'no'", "EQUINOX = 2000.0", ""}, Header{"CRPIX1A =                 1.25", "CD1_1A  =                  6.0", "CRPIX1  = 'no'", "EQUINOX = 2000.0", ""}},
	} {
		if got := c.in.Window(0, 0, 2); !slices.Equal(got, c.want) {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}

func TestLoadFITSCompressed(t *testing.T) {
	source := filepath.Join("testdata", "sky.fits")
	want, header, err := LoadFITS(source)
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(source)
	if err != nil {
		t.Fatal(err)
	}
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	if _, err := z.Write(data); err != nil || z.Close() != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "sky.fits.gz")
	for _, c := range []struct {
		data []byte
		want string
	}{{zipped.Bytes(), ""}, {zipped.Bytes()[:zipped.Len()/2], "unexpected EOF"}, {data, "decompressed"}} {
		if err := os.WriteFile(path, c.data, 0o666); err != nil {
			t.Fatal(err)
		}
		im, h, err := LoadFITS(path)
		switch {
		case c.want != "":
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "files: ") {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
		case err != nil:
			t.Error(err)
		case !slices.Equal(h, header) || im.Width != want.Width || im.ID(0) != "sky":
			t.Errorf("%+v with %d cards", im, len(h))
		}
	}
}

func TestSaveNoImages(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a")
	for name, im := range map[string]*galaxy.Images{"nil": nil, "empty": {}, "no pixels": {N: 1, Height: 8, Width: 8, Channels: 1}} {
		for what, err := range map[string]error{"SaveNPY": SaveNPY(path, im), "SaveFITS": SaveFITS(path, im, nil)} {
			if err == nil || !strings.HasPrefix(err.Error(), "galaxy: ") {
				t.Errorf("%s of %s images: error %v", what, name, err)
			}
		}
	}
}

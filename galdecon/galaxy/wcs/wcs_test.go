package wcs

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"testing"

	"galdecon/galdecon/galaxy/files/fits"
)

// header returns a header of cards that testdata/wcs.py has written.
func header(cards []string) *fits.Header {
	h := fits.NewHeader()
	for _, c := range cards {
		h.Append(fits.Card(c))
	}
	return h
}

// Pixels lie in the sky where astropy puts them, to a millionth of a pixel, and back.
func TestAgainstAstropy(t *testing.T) {
	data, err := os.ReadFile("testdata/wcs.json")
	if err != nil {
		t.Fatal(err)
	}
	var forms map[string]struct {
		Cards       []string
		Pixels, Sky [][2]float64
		Scale       float64
	}
	if err := json.Unmarshal(data, &forms); err != nil {
		t.Fatal(err)
	}
	for name, form := range forms {
		w, err := FromHeader(header(form.Cards))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for i, p := range form.Pixels {
			want := form.Sky[i]
			ra, dec := w.Sky(p[0], p[1])
			off := math.Hypot(math.Remainder(ra-want[0], 360)*math.Cos(want[1]*degree), dec-want[1])
			if !(off*3600/form.Scale < 1e-6) {
				t.Errorf("%s: the pixel %v is at (%.9f, %.9f), astropy says (%.9f, %.9f)", name, p,
					ra, dec, want[0], want[1])
			}
			x, y, ok := w.Pixel(want[0], want[1])
			if !ok || !(math.Hypot(x-p[0], y-p[1]) < 1e-6) {
				t.Errorf("%s: the pixel of %v is (%g, %g), %t, want %v", name, want, x, y, ok, p)
			}
		}
		if w.distortion == nil {
			if got := w.PixelScale(w.X, w.Y); math.Abs(got/form.Scale-1) > 1e-6 {
				t.Errorf("%s: the pixel scale is %g″, astropy says %g″", name, got, form.Scale)
			}
		}
	}
}

// A step along the compass leads to the north and to the east.
func TestCompass(t *testing.T) {
	w := &World{RA: 30, Dec: 70, X: 10, Y: 20, Matrix: [2][2]float64{{-2e-5, 1e-5}, {1e-5, 2e-5}}}
	north, east := w.Compass(40, -15)
	ra, dec := w.Sky(40, -15)
	ra1, dec1 := w.Sky(40+north[0]/8, -15+north[1]/8)
	if !(dec1 > dec) || !(math.Abs(ra1-ra) < 1e-3*(dec1-dec)) {
		t.Errorf("north leads from (%.8f, %.8f) to (%.8f, %.8f)", ra, dec, ra1, dec1)
	}
	ra1, dec1 = w.Sky(40+east[0]/8, -15+east[1]/8)
	if !(ra1 > ra) || !(math.Abs(dec1-dec) < 1e-3*(ra1-ra)) {
		t.Errorf("east leads from (%.8f, %.8f) to (%.8f, %.8f)", ra, dec, ra1, dec1)
	}
	// By rows that are counted upwards, as in the sky, east is to the left of north; downwards, as
	// in a picture of the file's first row at the top, it is to the right.
	if north[0]*east[1]-north[1]*east[0] <= 0 {
		t.Errorf("north %v and east %v are those of a mirror image", north, east)
	}
}

// Distortion is linear in the neighborhood of a pixel.
func TestPlain(t *testing.T) {
	w := &World{RA: 30, Dec: 70, X: 2000, Y: 1000, Matrix: [2][2]float64{{-1e-5, 0}, {0, 1e-5}},
		distortion: &sip{a: []term{{2, 0, 1e-6}, {1, 1, -8e-7}}, b: []term{{0, 2, 9e-7}}}}
	plain := w.Plain(300, 400)
	var worst float64
	for _, p := range [][2]float64{{300, 400}, {200, 300}, {400, 300}, {200, 500}, {400, 500}} {
		x, y, ok := plain.Pixel(w.Sky(p[0], p[1]))
		if !ok {
			t.Fatalf("%v isn't in the sky", p)
		}
		worst = max(worst, math.Hypot(x-p[0], y-p[1]))
	}
	if worst > 0.03 || worst == 0 {
		t.Errorf("within 100 pixels the plain coordinates are off by %g pixels", worst)
	}
	ra, dec := w.Sky(310, 421)
	if r, d := w.Window(300, 400).Sky(10, 21); r != ra || d != dec {
		t.Errorf("in a window the pixel is at (%g, %g), in the whole image at (%g, %g)", r, d, ra, dec)
	}
	if n := plain.Plain(0, 0); n != plain {
		t.Error("coordinates without distortion aren't plain already")
	}
}

func TestRefused(t *testing.T) {
	good := []string{"CTYPE1  = 'RA---TAN'", "CTYPE2  = 'DEC--TAN'", "CRVAL1  = 10.0",
		"CRVAL2  = 20.0", "CDELT1  = -0.0001", "CDELT2  = 0.0001"}
	with := func(i int, card string) *fits.Header {
		cards := append([]string{}, good...)
		cards[i] = card
		return header(cards)
	}
	if _, err := FromHeader(header(good)); err != nil {
		t.Fatal(err)
	}
	var missing *MissingError
	if _, err := FromHeader(nil); !errors.As(err, &missing) || missing.Key != "CTYPE1" {
		t.Errorf("no header gives %v", err)
	}
	if _, err := FromHeader(header(good[:5])); !errors.As(err, &missing) ||
		missing.Key != "CDELT2" {
		t.Errorf("a header without CDELT2 gives %v", err)
	}
	var projection *ProjectionError
	for i, card := range map[int]string{0: "CTYPE1  = 'RA---ZPN'", 1: "CTYPE2  = 'GLAT-TAN'"} {
		if _, err := FromHeader(with(i, card)); !errors.As(err, &projection) {
			t.Errorf("%s gives %v", card, err)
		}
	}
	if _, err := FromHeader(with(5, "CDELT2  = 0.0")); err == nil {
		t.Error("pixels without a height are taken")
	}
	if _, err := FromHeader(with(3, "CRVAL2  = 91.0")); err == nil {
		t.Error("a declination of 91° is taken")
	}
	if _, _, ok := (&World{Matrix: [2][2]float64{{-1, 0}, {0, 1}}}).Pixel(180, 0); ok {
		t.Error("there is a pixel behind the observer")
	}
}

func ExampleFromHeader() {
	w, err := FromHeader(fits.NewHeader(
		"CTYPE1  = 'RA---TAN'", "CTYPE2  = 'DEC--TAN'", "CRVAL1  = 150.1", "CRVAL2  = 2.2",
		"CRPIX1  = 16.5", "CRPIX2  = 16.5", "CDELT1  = -8.333E-06", "CDELT2  = 8.333E-06"))
	if err != nil {
		fmt.Println(err)
		return
	}
	ra, dec := w.Sky(15.5, 15.5)
	fmt.Printf("%.4f %+.4f, %.3f″ a pixel\n", ra, dec, w.PixelScale(15.5, 15.5))
	// Output: 150.1000 +2.2000, 0.030″ a pixel
}

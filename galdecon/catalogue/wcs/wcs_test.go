package wcs_test

import (
	"encoding/json"
	"math"
	"os"
	"strings"
	"testing"

	"galdecon/galdecon/catalogue/wcs"
	"galdecon/galdecon/galaxy/files/fits"
)

// Pixels are where astropy has them, to 1e-9 degrees, and back to 1e-6 pixels.
func TestAgainstAstropy(t *testing.T) {
	data, err := os.ReadFile("testdata/sky.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []struct {
		Name          string
		Cards         []string
		X, Y, RA, Dec []float64
	}
	if err := json.Unmarshal(data, &all); err != nil {
		t.Fatal(err)
	}
	for _, c := range all {
		h := fits.NewHeader()
		for _, card := range c.Cards {
			h.Append(fits.Card(card))
		}
		w, err := wcs.New(h)
		if err != nil {
			t.Errorf("%s: %v", c.Name, err)
			continue
		}
		for i := range c.X {
			ra, dec := w.ToSky(c.X[i], c.Y[i])
			off := math.Mod(ra-c.RA[i]+540, 360) - 180
			if math.Abs(off*math.Cos(dec*math.Pi/180)) > 1e-9 || math.Abs(dec-c.Dec[i]) > 1e-9 {
				t.Errorf("%s: (%g, %g) is at %.10g, %.10g, want %.10g, %.10g", c.Name, c.X[i],
					c.Y[i], ra, dec, c.RA[i], c.Dec[i])
			}
			x, y, ok := w.ToPixel(c.RA[i], c.Dec[i])
			if !ok || math.Hypot(x-c.X[i], y-c.Y[i]) > 1e-6 {
				t.Errorf("%s: %g, %g is at (%.9g, %.9g), want (%g, %g)", c.Name, c.RA[i],
					c.Dec[i], x, y, c.X[i], c.Y[i])
			}
		}
	}
}

// The other side of the sky is in no image.
func TestBehind(t *testing.T) {
	w, err := wcs.New(fits.NewHeader("CTYPE1  = 'RA---TAN'", "CTYPE2  = 'DEC--TAN'",
		"CDELT1  = -1E-4", "CDELT2  = 1E-4", "CRVAL1  = 10", "CRVAL2  = 0"))
	if err != nil {
		t.Fatal(err)
	}
	if x, y, ok := w.ToPixel(190, 0); ok {
		t.Errorf("it is at (%g, %g)", x, y)
	}
	if s := w.Scale(); math.Abs(s-0.36) > 1e-9 {
		t.Errorf("a pixel has %g arcsec", s)
	}
}

func TestNotKnown(t *testing.T) {
	for want, cards := range map[string][]fits.Card{
		"no world coordinates": nil,
		"RA---TPV":             {"CTYPE1  = 'RA---TPV'", "CTYPE2  = 'DEC--TPV'"},
		"GLON-CAR":             {"CTYPE1  = 'GLON-CAR'", "CTYPE2  = 'GLAT-CAR'"},
		"no inverse": {"CTYPE1  = 'RA---TAN'", "CTYPE2  = 'DEC--TAN'", "CD1_1   = 1.0",
			"CD2_2   = 0.0"},
		"PV2_1":  {"CTYPE1  = 'RA---SIN'", "CTYPE2  = 'DEC--SIN'", "PV2_1   = 0.1"},
		"CPDIS1": {"CTYPE1  = 'RA---TAN'", "CTYPE2  = 'DEC--TAN'", "CPDIS1  = 'LOOKUP'"},
	} {
		if _, err := wcs.New(fits.NewHeader(cards...)); err == nil ||
			!strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

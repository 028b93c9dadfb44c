package wcs_test

import (
	"encoding/json"
	"errors"
	"math"
	"os"
	"strings"
	"testing"

	"galdecon/galdecon/galaxy/files/fits"
	"galdecon/galdecon/galaxy/wcs"
)

func header(t testing.TB, cards map[string]any) *fits.Header {
	t.Helper()
	h := &fits.Header{}
	for key, value := range cards {
		if err := h.Set(key, value, ""); err != nil {
			t.Fatal(err)
		}
	}
	return h
}

type sky struct {
	Name   string
	Cards  map[string]any
	Points [][4]float64 // column, row, longitude, latitude
}

func skies(t testing.TB) []sky {
	t.Helper()
	data, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var golden struct{ Skies []sky }
	if err := json.Unmarshal(data, &golden); err != nil {
		t.Fatal(err)
	}
	if len(golden.Skies) < 10 {
		t.Fatal("nothing to compare with")
	}
	return golden.Skies
}

// Pixels are where astropy has them in the sky, to a millionth of an arcsecond, and come back.
func TestAsAstropy(t *testing.T) {
	const limit = 1e-6 / 3600
	for _, s := range skies(t) {
		w, err := wcs.Parse(header(t, s.Cards))
		if err != nil {
			t.Errorf("%s: %v", s.Name, err)
			continue
		}
		for _, p := range s.Points {
			lon, lat := w.Sky(p[0], p[1])
			off := math.Mod(lon-p[2]+540, 360) - 180
			if d := math.Hypot(off*math.Cos(lat*math.Pi/180), lat-p[3]); d > limit {
				t.Errorf("%s: pixel (%g, %g) is at (%.12g, %.12g), want (%.12g, %.12g)", s.Name,
					p[0], p[1], lon, lat, p[2], p[3])
			}
			column, row, err := w.Pixel(p[2], p[3])
			if err != nil || math.Hypot(column-p[0], row-p[1]) > 1e-4 {
				t.Errorf("%s: (%g, %g) comes back at (%g, %g), %v", s.Name, p[0], p[1], column, row,
					err)
			}
		}
	}
}

// The header of a window has the coordinates of the pixels in it.
func TestWindow(t *testing.T) {
	for _, s := range skies(t) {
		h := header(t, s.Cards)
		whole, err := wcs.Parse(h)
		if err != nil {
			t.Fatal(err)
		}
		part, err := wcs.Parse(h.Window(20, 10, 3))
		if err != nil {
			t.Errorf("%s: %v", s.Name, err)
			continue
		}
		column, row, err := wcs.Between(part, whole, 5, 7) // amid 3×3
		if err != nil || math.Hypot(column-36, row-32) > 1e-5 {
			t.Errorf("%s: (5, 7) is at (%g, %g), %v", s.Name, column, row, err)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	good := func() map[string]any {
		return map[string]any{"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRVAL1": 10., "CRVAL2": 20.,
			"CRPIX1": 1., "CRPIX2": 2., "CD1_1": -1e-5, "CD2_2": 1e-5}
	}
	if _, err := wcs.Parse(header(t, good())); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		key   string
		value any // nil: without the card
		named string
	}{
		{"CTYPE1", nil, "CTYPE1"}, {"CTYPE1", "RA---SIN", "CTYPE1"}, {"CTYPE2", "DEC--TPV", "CTYPE2"},
		{"CTYPE1", "LINEAR", "CTYPE1"}, {"CTYPE2", "GLAT-TAN", "CTYPE1"},
		{"CTYPE1", "RA---TAN-SIP", "CTYPE2"}, {"A_ORDER", 2, "CTYPE1"}, {"CRVAL1", nil, "CRVAL1"},
		{"CRVAL2", "20", "CRVAL2"}, {"CRPIX2", nil, "CRPIX2"}, {"CD2_2", "x", "CD2_2"},
		{"CD2_2", 0., "CD1_1"}, {"CUNIT1", "pixel", "CUNIT1"}, {"PV1_5", 0.1, "PV1_5"},
		{"PV2_1", 3, "PV2_1"}, {"CPDIS1", "LOOKUP", "a distortion"}, {"D2IMDIS1", "Lookup",
			"a distortion"},
	} {
		cards := good()
		if cards[test.key] = test.value; test.value == nil {
			delete(cards, test.key)
		}
		_, err := wcs.Parse(header(t, cards))
		var keyword *wcs.KeywordError
		if !errors.As(err, &keyword) || keyword.Key != test.named {
			t.Errorf("%s = %v: error %v", test.key, test.value, err)
		}
	}
	cards := good()
	delete(cards, "CD1_1")
	delete(cards, "CD2_2")
	_, err := wcs.Parse(header(t, cards))
	if err == nil || !strings.Contains(err.Error(), "CDELT1 is missing") {
		t.Errorf("error %v", err)
	}
	if _, err := wcs.Parse(nil); err == nil {
		t.Error("there are world coordinates without a header")
	}
}

// Frames are told apart, and taken for the same where only their defaults are spelled out.
func TestFrames(t *testing.T) {
	parse := func(cards ...any) *wcs.WCS {
		all := map[string]any{"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRVAL1": 10.,
			"CRVAL2": 20., "CRPIX1": 1., "CRPIX2": 2., "CD1_1": -1e-5, "CD2_2": 1e-5}
		for i := 0; i < len(cards); i += 2 {
			all[cards[i].(string)] = cards[i+1]
		}
		w, err := wcs.Parse(header(t, all))
		if err != nil {
			t.Fatal(err)
		}
		return w
	}
	for _, test := range []struct {
		a, b *wcs.WCS
		same bool
	}{
		{parse(), parse("RADESYS", "ICRS", "EQUINOX", 2000.), true},
		{parse("EQUINOX", 2000.), parse("RADECSYS", "FK5"), true},
		{parse("EQUINOX", 1950), parse("RADESYS", "FK4"), true},
		{parse(), parse("RADESYS", "FK5"), false}, {parse(), parse("EQUINOX", 1950.), false},
		{parse(), parse("CTYPE1", "GLON-TAN", "CTYPE2", "GLAT-TAN"), false},
	} {
		_, _, err := wcs.Between(test.a, test.b, 3, 4)
		var other *wcs.SkyError
		if (err == nil) != test.same || err != nil && !errors.As(err, &other) {
			t.Errorf("%s and %s: %v", test.a.Frame, test.b.Frame, err)
		}
	}
	// The other side of the sky isn't on the plane.
	if _, _, err := wcs.Between(parse(), parse("CRVAL1", 190., "CRVAL2", -20.), 1, 1); err == nil {
		t.Error("the other side of the sky has a pixel")
	}
}

// What can't be inverted is refused, not given wrong.
func TestFoldedSIP(t *testing.T) {
	w, err := wcs.Parse(header(t, map[string]any{"CTYPE1": "RA---TAN-SIP", "CTYPE2": "DEC--TAN-SIP",
		"CRVAL1": 10., "CRVAL2": 20., "CRPIX1": 1., "CRPIX2": 1., "CD1_1": -1e-5, "CD2_2": 1e-5,
		"A_ORDER": 2, "A_2_0": 0.01, "B_ORDER": 2, "B_0_0": 0.})) // u + u²/100 is at least -25
	if err != nil {
		t.Fatal(err)
	}
	lon, lat := w.Sky(-50, 0)
	if _, _, err := w.Pixel(lon+20*1e-5, lat); err == nil { // u + u²/100 = -45
		t.Error("a place beyond the fold has a pixel")
	}
}

// Whatever a card says, coordinates are understood or refused, without a panic.
func FuzzParse(f *testing.F) {
	for _, seed := range [][2]string{{"CTYPE1", "RA---TAN-SIP"}, {"LONPOLE", "1E300"},
		{"CD1_1", "1E-300"}, {"CRVAL2", "90"}, {"A_2_0", "1"}, {"CUNIT2", "rad"}} {
		f.Add(seed[0], seed[1], 3.5, -100.0)
	}
	all := skies(f)
	f.Fuzz(func(t *testing.T, key, value string, column, row float64) {
		for _, s := range all {
			h := header(t, s.Cards)
			text := fits.Card(key + "= " + value)
			h.DeleteFunc(func(c fits.Card) bool { return c.Key() == text.Key() })
			h.Append(text)
			w, err := wcs.Parse(h)
			if err != nil {
				continue
			}
			lon, lat := w.Sky(column, row)
			w.Pixel(lon, lat)
		}
	})
}

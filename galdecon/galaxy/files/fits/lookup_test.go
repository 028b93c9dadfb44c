package fits

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestWindowScalesPixels(t *testing.T) {
	for key, c := range map[string]struct{ value, want float64 }{
		"PIXAR_SR": {2.5e-14, 1e-13}, "PIXAR_A2": {1, 4}, "PIXSCALE": {0.25, 0.5}, "SECPIX": {1, 2},
		"SECPIX1": {1, 2}, "PIXELSCL": {0.25, 0.5}, "D001SCAL": {0.03, 0.06}, "A_2_0": {1, 2},
		"B_1_0": {1, 1}, "A_DMAX": {4, 2}, "LTV1": {10, 3.75}, "LTM1_1": {1, 0.5},
		"CNPIX2": {100, 51}, "XPIXELSZ": {15, 30}, "EXPTIME": {7, 7}, "CRVAL1": {3, 3},
		"CRPIX1A": {10, 3.75}, "CRPIX2Z": {10, 4.25}, "CRPIX3": {10, 10}, "CDELT3": {1, 1},
		"CD1_2B": {1, 2}, "CD002001": {1, 2}, "CD3_3": {1, 1},
	} {
		h := NewHeader()
		if err := h.Set(key, c.value, "as it was"); err != nil {
			t.Fatal(err)
		}
		// Column 3 and row 2 come first.
		w := h.Window(3, 2, 2)
		if got, _ := w.Number(key); got != c.want {
			t.Errorf("%s: %v became %v, want %v", key, c.value, got, c.want)
		}
		if card, _ := w.Get(key); card.Comment() != "as it was" {
			t.Errorf("%s: the comment became %q", key, card.Comment())
		}
		if got, _ := h.Number(key); got != c.value {
			t.Errorf("%s of the header itself became %v", key, got)
		}
	}
}

func TestWindowPassesOver(t *testing.T) {
	h := NewHeader("CRPIX1  = 'no      '", "PIXSCALE= NaN", "CDELT1  =", "COMMENT CRPIX2  = 3.0")
	before := texts(h)
	for _, c := range h.Window(4, 4, 3).cards[:4] {
		if !slices.Contains(before, strings.TrimRight(string(c), " ")) {
			t.Errorf("the card %q is new", c)
		}
	}
	var none *Header
	if w := none.Window(1, 2, 3); w == nil || w.Len() != 0 {
		t.Errorf("the window of no header is %v", w)
	}
	if notes := none.DropLookups(); notes != nil {
		t.Errorf("no header has %q", notes)
	}
}

func TestDropLookups(t *testing.T) {
	h := NewHeader("OBJECT  = 'M51     '", "CPDIS1  = 'LOOKUP  '", "CPERR1  = 0.043 / pixels",
		"DP1     = 'EXTVER: 1.0'", "HIERARCH DP1.NAXES = 2", "CQDIS2A = 'TPD     '",
		"DQ2A    = 'NAXES: 2.0'", "D2IMDIS1= 'Lookup  '", "D2IM1   = 'EXTVER: 1.0'",
		"D2IMERR1= 0.002", "AXISCORR= 1", "D2IMEXT = 'jref$a.fits'", "DVERR   = 0.1",
		"NPOLFILE= 'jref$n.fits'", "D2IMFILE= 'jref$d.fits'", "DPHASE  = 3.0",
		"CTYPE1  = 'RA---TAN-SIP'", "A_2_0   = 1E-5", "CTYPE3  = 'WAVE-TAB'",
		"PS3_0   = 'WCS-TABLE'", "PV3_1   = 1", "PV1_1   = 1.0")
	notes := h.DropLookups()
	var left []string
	for c := range h.Cards() {
		left = append(left, c.Key())
	}
	if want := []string{"OBJECT", "NPOLFILE", "D2IMFILE", "DPHASE", "CTYPE1", "A_2_0",
		"PV1_1"}; !slices.Equal(left, want) {
		t.Errorf("left are %v, want %v", left, want)
	}
	text := fmt.Sprint(notes)
	for _, want := range []string{"CPDIS1", "up to 0.043 pixels (CPERR1)", "CTYPE3", "CQDIS2A"} {
		if len(notes) != 2 || !strings.Contains(text, want) {
			t.Errorf("notes %q, want two with %q", notes, want)
		}
	}
	if again := h.DropLookups(); again != nil {
		t.Errorf("a second time: %q", again)
	}
}

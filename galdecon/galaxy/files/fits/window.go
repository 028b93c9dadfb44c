package fits

import (
	"math"
	"regexp"
	"slices"
	"strconv"
)

// Window returns the header for the part of the image whose first pixel is (left, top) of it,
// counted from 0, with factor×factor pixels averaged to one; factor must be positive. What says
// where the image lies, and how large its pixels are, is brought along:
//
//   - world coordinates (Greisen & Calabretta 2002, A&A 395, 1061), with alternate ones: CRPIX, and
//     CD or CDELT; the polynomials of SIP (Shupe et al. 2005, ASPC 347, 491);
//   - the coordinates of the detector in IRAF's LTV and LTM, and the plate's in CNPIX, XPIXELSZ and
//     YPIXELSZ of the Digitized Sky Survey;
//   - sizes of pixels, such as PIXSCALE, SECPIX and PIXELSCL, and areas, PIXAR_SR and PIXAR_A2.
//
// Distortions in tables stay those of the whole image: see [Header.DropLookups].
func (h *Header) Window(left, top int, factor float64) *Header {
	w := window{h.Copy(), [2]float64{float64(left), float64(top)}, factor}
	if left == 0 && top == 0 && factor == 1 {
		return w.Header
	}
	// What is missing has a default in the whole image, which isn't that of the window.
	w.complete()
	for i, c := range w.cards {
		value, ok := asFloat(c.Value())
		if !ok {
			continue
		}
		key := c.Key()
		if value, ok = w.moved(key, value); ok {
			if c, err := formatCard(key, value, c.Comment()); err == nil {
				w.cards[i] = c
			}
		}
	}
	return w.Header
}

type window struct {
	*Header
	first  [2]float64
	factor float64
}

var (
	crpix      = regexp.MustCompile(`^CRPIX([12])([A-Z]?)$`)
	cdelt      = regexp.MustCompile(`^CDELT([12])([A-Z]?)$`)
	cd         = regexp.MustCompile(`^CD(?:[1-9]_[12]([A-Z]?)|00[1-9]00[12])$`)
	ctype      = regexp.MustCompile(`^(?:CTYPE|CRVAL)[12]([A-Z]?)$`)
	sip        = regexp.MustCompile(`^[AB]P?_([0-9])_([0-9])$`)
	sipMax     = regexp.MustCompile(`^[AB]P?_DMAX$`)
	ltv        = regexp.MustCompile(`^LTV([12])$`)
	ltm        = regexp.MustCompile(`^LTM[12]_[12]$`)
	plateCount = regexp.MustCompile(`^CNPIX([12])$`)
	pixelSize  = regexp.MustCompile(`^(?:PIX(?:EL)?SCA?LE?[12XY]?|PXSCAL[12]|SECPIX[12]?|CCDSCALE|` +
		`[XY]PIXELSZ|D[0-9]{3}SCAL)$`)
	pixelArea = regexp.MustCompile(`^PIXAR_(?:SR|A2)$`)
)

// moved returns the value in the window of a card with a number, and whether it is another.
func (w *window) moved(key string, value float64) (float64, bool) {
	// A pixel's center in the image is at first + factor·(p − ½) + ½, counted from 1.
	place := func(axis string) float64 { return (value-w.first[axis[0]-'1']-0.5)/w.factor + 0.5 }
	if m := crpix.FindStringSubmatch(key); m != nil {
		return place(m[1]), true
	}
	if m := ltv.FindStringSubmatch(key); m != nil {
		return place(m[1]), true
	}
	if m := plateCount.FindStringSubmatch(key); m != nil {
		return (value + w.first[m[1][0]-'1']) / w.factor, true
	}
	if m := sip.FindStringSubmatch(key); m != nil {
		// SIP corrects pixels by A_p_q·u^p·v^q, u and v being pixels from the reference.
		p, _ := strconv.Atoi(m[1])
		q, _ := strconv.Atoi(m[2])
		return value * math.Pow(w.factor, float64(p+q-1)), true
	}
	switch {
	case cdelt.MatchString(key), cd.MatchString(key), pixelSize.MatchString(key):
		return value * w.factor, true
	case pixelArea.MatchString(key):
		return value * w.factor * w.factor, true
	case ltm.MatchString(key), sipMax.MatchString(key):
		return value / w.factor, true
	}
	return value, false
}

// complete adds the cards with defaults of the systems of coordinates that the header has.
func (w *window) complete() {
	var systems []string // the letters of alternate ones, "" of the first
	matrix := map[string]bool{}
	physical := false
	for c := range w.Cards() {
		key := c.Key()
		for _, of := range []*regexp.Regexp{crpix, ctype, cd} {
			if m := of.FindStringSubmatch(key); m != nil {
				letter := m[len(m)-1]
				matrix[letter] = matrix[letter] || of == cd
				if !slices.Contains(systems, letter) {
					systems = append(systems, letter)
				}
			}
		}
		physical = physical || ltv.MatchString(key) || ltm.MatchString(key)
	}
	add := func(key string, value float64) {
		if !w.Has(key) {
			w.Set(key, value, "")
		}
	}
	for _, axis := range []string{"1", "2"} {
		for _, letter := range systems {
			add("CRPIX"+axis+letter, 0)
			if !matrix[letter] && w.factor != 1 {
				add("CDELT"+axis+letter, 1)
			}
		}
		if physical {
			add("LTV"+axis, 0)
			if w.factor != 1 {
				add("LTM"+axis+"_"+axis, 1)
			}
		}
	}
}

package files

import (
	"math"
	"math/bits"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"galdecon/galdecon/galaxy/files/fits"
)

// Kind is what the values of a plane are.
type Kind string

const (
	// KindImage is light, or counts of it.
	KindImage Kind = "image"
	// KindError is standard deviations, such as ERR and RMS.
	KindError Kind = "standard deviations"
	// KindVariance is variances, such as VAR and STAT.
	KindVariance Kind = "variances"
	// KindInverseVariance is inverse variances, such as IVAR.
	KindInverseVariance Kind = "inverse variances"
	// KindWeight is weights, such as WHT and WEIGHT, of which 0 is no data: exposure times, or
	// inverse variances but for a factor.
	KindWeight Kind = "weights"
	// KindMask is a mask or flags, such as MASK and DQ.
	KindMask Kind = "a mask"
	// KindOther is what else isn't an image of the sky: previews, contexts, models, tables.
	KindOther Kind = "no image of the sky"
)

// TellsNoise reports whether values of the kind say how well pixels are known, and so which have no
// data, without being a mask.
func (k Kind) TellsNoise() bool {
	return slices.Contains([]Kind{KindWeight, KindInverseVariance, KindError, KindVariance}, k)
}

// kinds are those of the names that planes have in surveys' and observatories' files.
var kinds = map[string]Kind{}

func init() {
	for kind, names := range map[Kind]string{
		KindImage: "SCI SCIENCE IMAGE DATA PRIMARY FLUX",
		KindError: "ERR ERROR ERRORS RMS STD STDDEV STDEV SIGMA SIG UNC UNCERT UNCERTAINTY " +
			"NOISE",
		KindVariance:        "VAR VARIANCE VARIANCES STAT MSE",
		KindInverseVariance: "IVAR INVVAR IVM INVVARIANCE",
		KindWeight: "WHT WGT WT WEIGHT WEIGHTS WMAP CONFIDENCE GOOD GOODPIX GOODPIXELS " +
			"VALID",
		KindMask: "MASK MASKS MSK DQ DQF FLAG FLAGS FLG BPM BAD BADPIX BADPIXELS " +
			"QUALITY",
		KindOther: "CTX CON CONTEXT THUMB THUMBNAIL PREVIEW QUICKLOOK SAMP TIME EXP " +
			"EXPTIME EXPMAP EXPOSURE EXPOSURES NEXP NIMAGES COVERAGE COV AREA PSF PSFS SKY BKG BACK " +
			"BACKGROUND MODEL RESID RESIDUAL SEG SEGM SEGMAP SEGMENTATION WAVELENGTH WCSDVARR " +
			"D2IMARR",
	} {
		for name := range strings.FieldsSeq(names) {
			kinds[name] = kind
		}
	}
}

// KindOf says what the values of an HDU are, as far as its header tells: its EXTNAME, such as WHT,
// VAR_POISSON or CCD1.FLG; the types of uncertainties of astropy's CCDData (UTYPE), of ESO's data
// products (HDUCLAS2, HDUCLAS3), and of the Legacy Surveys (IMTYPE); the names of mask bits
// (MP_BAD); or the unit, a square. What tells nothing is an image.
func KindOf(h *fits.HDU) Kind {
	if h.Kind != fits.Image {
		return KindOther
	}
	for _, key := range []string{"UTYPE", "HDUCLAS3", "HDUCLAS2", "IMTYPE"} {
		text, _ := h.Header.Text(key)
		if kind, ok := classes[strings.ToUpper(text)]; ok {
			return kind
		}
	}
	if len(maskBits(h.Header)) > 0 && !isImageName(h.Name()) {
		return KindMask
	}
	if kind, _ := kindOfName(h.Name()); kind != "" {
		if kind != KindImage || h.Name() != "PRIMARY" {
			return kind
		}
	}
	unit, _ := h.Header.Text("BUNIT")
	return kindOfUnit(unit)
}

// KindOfFile says what a file holds as far as its name tells, [KindImage] if it doesn't: "gal_sig.npy"
// has standard deviations. Of a name that chooses a plane, as in "a.npz[variance]", that counts.
func KindOfFile(path string) Kind {
	name, selector, chosen, err := fits.ParseName(path)
	if err != nil {
		return KindImage
	}
	word := strings.TrimSuffix(filepath.Base(name), fileEnding(name))
	if chosen && selector.Name != "" {
		word = selector.Name
	}
	if kind, _ := kindOfName(word); kind != "" {
		return kind
	}
	return KindImage
}

// classes are the kinds of values of cards that tell.
var classes = map[string]Kind{
	"STDDEVUNCERTAINTY": KindError, "VARIANCEUNCERTAINTY": KindVariance,
	"INVERSEVARIANCE": KindInverseVariance, "UNKNOWNUNCERTAINTY": KindError,
	"MSE": KindVariance, "RMSE": KindError, "INVMSE": KindInverseVariance, "ERROR": KindError,
	"QUALITY": KindMask, "CONFIDENCE": KindWeight,
	"INVVAR": KindInverseVariance, "MASKBITS": KindMask, "CHI2": KindOther, "DEPTH": KindOther,
}

// kindOfName says what a plane with a name is, "" if the name doesn't tell, and returns what is
// left of the name: "CCD1" of "CCD1.FLG", "" of "MASK".
func kindOfName(name string) (kind Kind, rest string) {
	words := strings.FieldsFunc(strings.ToUpper(name), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r)
	})
	isKind := func(i int) (Kind, bool) {
		kind, ok := kindOfWord(strings.TrimRight(words[i], "0123456789"))
		if !ok {
			kind, ok = kindOfWord(words[i])
		}
		return kind, ok
	}
	for i := range 2 * len(words) {
		// "ERROR IMAGE" are errors, and what stands last tells most otherwise: "SCI_MODEL".
		at := len(words) - 1 - i%len(words)
		plain := i >= len(words)
		if kind, ok := isKind(at); ok && (plain || kind != KindImage && kind != KindOther) {
			number := strings.TrimLeft(words[at], "ABCDEFGHIJKLMNOPQRSTUVWXYZ")
			others := slices.Delete(slices.Clone(words), at, at+1)
			// The plane of "SCI_MASK" belongs to "SCI".
			others = slices.DeleteFunc(others, func(w string) bool { return kinds[w] == KindImage })
			if number != "" && words[at] != "D2IMARR" {
				others = append(others, number)
			}
			return kind, strings.Join(others, " ")
		}
	}
	return "", strings.Join(words, " ")
}

// kindOfWord returns the kind of a word of a name, which may end with what says nothing, "RMSMAP",
// or be two in one, of which the last tells most: "BADPIXMASK".
func kindOfWord(word string) (Kind, bool) {
	if kind, ok := kinds[word]; ok {
		return kind, true
	}
	for _, end := range []string{"MAP", "MAPS", "IMAGE", "IMG", "PLANE"} {
		if before, ok := strings.CutSuffix(word, end); ok {
			if kind, ok := kinds[before]; ok {
				return kind, true
			}
		}
	}
	for at := 2; at+2 <= len(word); at++ {
		_, first := kinds[word[:at]]
		if kind, ok := kinds[word[at:]]; ok && first {
			return kind, true
		}
	}
	return "", false
}

func isImageName(name string) bool {
	kind, _ := kindOfName(name)
	return kind == KindImage
}

// squares are units of variances: the square of counts or of fluxes, not of lengths and angles.
var squares = regexp.MustCompile(
	`^(?:(?:adu|dn|e|electrons?|counts?|cts?|photons?|nanomaggy|nanomaggies|m?jy|ujy|njy)` +
		`(?:\^|\*\*)?\(?2\)?|\(.*\)(?:\^|\*\*)?\(?2\)?)$`)

func kindOfUnit(unit string) Kind {
	unit = strings.ToLower(strings.ReplaceAll(unit, " ", ""))
	if inverse, ok := strings.CutPrefix(unit, "1/"); ok && squares.MatchString(inverse) {
		return KindInverseVariance
	}
	// The power −2 as it may be written.
	if before, ok := strings.CutSuffix(strings.TrimSuffix(unit, ")"), "-2"); ok &&
		squares.MatchString(strings.TrimRight(before, "(*^")+"2") {
		return KindInverseVariance
	}
	if squares.MatchString(unit) {
		return KindVariance
	}
	return KindImage
}

// maskBits returns the names of a mask's bits as the Rubin Observatory's pipelines write them,
// MP_BAD = 0 and so on.
func maskBits(h *fits.Header) map[string]int {
	var names map[string]int
	for c := range h.Cards() {
		name, ok := strings.CutPrefix(c.Key(), "MP_")
		if bit, isInt := c.Value().(int64); ok && isInt && bit >= 0 && bit < 53 {
			if names == nil {
				names = map[string]int{}
			}
			names[name] = int(bit)
		}
	}
	return names
}

// isConstant reports whether an image has one value, as no image of the sky has.
func isConstant(h *fits.HDU) bool {
	pixels, err := h.Plane(0)
	return err == nil &&
		!slices.ContainsFunc(pixels, func(v float64) bool { return v != pixels[0] })
}

// isDoubtful reports whether an image is rather a preview, of bytes, or a mask whose name doesn't
// tell: integers that are mostly 0, and otherwise combinations of few bits.
func isDoubtful(h *fits.HDU) bool {
	if h.Bitpix < 0 || h.Header.Has("BSCALE") || h.Header.Has("BZERO") {
		return false
	}
	if h.Bitpix == 8 {
		return true
	}
	pixels, err := h.Plane(0)
	if err != nil {
		return true
	}
	zeros, set := 0, map[uint64]bool{}
	for _, v := range pixels {
		switch {
		case v == 0:
			zeros++
		case v < 0 || math.IsNaN(v) || len(set) > 256:
			return false
		default:
			set[uint64(v)] = true
		}
	}
	most, ones := uint64(0), 0
	for v := range set {
		most = max(most, v)
		ones += bits.OnesCount64(v)
	}
	// Counts of photons occur in each number up to the largest, with bits as they come.
	return 2*zeros > len(pixels) &&
		(len(set) == 0 || most >= 16 && ones <= 2*len(set) && uint64(4*len(set)) < most)
}

package files

import (
	"fmt"
	"math"
	"math/bits"
	"slices"
	"strings"

	"galdecon/galdecon/galaxy/files/fits"
)

// Mask says which pixels of images are bad, see [galaxy.Images.Mask].
type Mask struct {
	// N, Height, Width are the shape: N is 1 for a mask of one image, or of all alike.
	N, Height, Width int
	// Bad is true for bad pixels, [N, Height, Width].
	Bad []bool
	// Rule says which values of the file are bad.
	Rule string
}

// Count returns how many pixels are bad.
func (m *Mask) Count() int {
	n := 0
	for _, bad := range m.Bad {
		if bad {
			n++
		}
	}
	return n
}

// LoadMask reads a mask from a plane of a FITS file, or from an array of NumPy's. As in [Read] the
// name may choose which, as in "a.fits[DQ]"; else it's the first that is a mask by its name, or by
// its type, booleans. Values other than 0 are bad, as in astropy's CCDData, but for a flag without a
// name that more than half of all pixels have, most of them alone (that they were detected, say),
// and but for those of known flags:
//
//   - of JWST's and Roman's DQ bit 0 alone, DO_NOT_USE;
//   - of Hubble's DQ all bits but 32, 64, 128 and 1024: unstable and warm pixels, bias and charge
//     traps are usable;
//   - of weights and inverse variances those that are 0, negative, not finite, or 1e-10 of the
//     median; of errors and variances those that are negative, not finite, or 1e10 times the
//     median;
//   - of masks with names of bits (MP_BAD), as the Rubin Observatory's pipelines write them, those
//     of BAD, SAT, CR, NO_DATA, EDGE, INTRP and so on, not DETECTED.
func LoadMask(path string) (*Mask, error) {
	m, err := loadMask(path)
	if err != nil {
		return nil, fmt.Errorf("files: cannot load the mask %s: %w", path, err)
	}
	return m, nil
}

func loadMask(path string) (*Mask, error) {
	name, selector, chosen, err := fits.ParseName(path)
	if err != nil {
		return nil, err
	}
	switch formatOf(name) {
	case fitsFile:
	case numpyArray, numpyArchive:
		if !chosen {
			return loadArrayMask(name, nil)
		}
		return loadArrayMask(name, &selector)
	default:
		return nil,
			fmt.Errorf("the ending %q is not one of .fits, .npy, .npz; convert it to one of them",
				fileEnding(name))
	}
	f, err := openFITS(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if chosen {
		h, err := f.Select(selector)
		if err != nil {
			return nil, err
		}
		return readMask(f, h)
	}
	var found *fits.HDU
	images := 0
	for _, h := range f.HDUs {
		if h.Planes() > 0 {
			if images++; found == nil || KindOf(h) == KindMask && KindOf(found) != KindMask {
				found = h
			}
		}
	}
	if found == nil || images > 1 && KindOf(found) != KindMask {
		return nil, fmt.Errorf("no plane is a mask by its name, of %s; name one, as in %s[1]",
			list(f.HDUs), path)
	}
	return readMask(f, found)
}

// readMask reads the mask that an HDU holds.
func readMask(f *fits.File, h *fits.HDU) (*Mask, error) {
	if err := h.Check(); err != nil {
		return nil, err
	}
	n := h.Planes()
	if n == 0 {
		return nil, fmt.Errorf("%s has no plane of pixels", h)
	}
	m := &Mask{N: n, Height: h.Shape[len(h.Shape)-2], Width: h.Shape[len(h.Shape)-1]}
	var values []float64
	for i := range n {
		plane, err := h.Plane(i)
		if err != nil {
			return nil, err
		}
		values = append(values, plane...)
	}
	if kind := KindOf(h); kind.TellsNoise() {
		m.Bad, m.Rule = withoutData(kind, values)
		return m, nil
	}
	isBad, rule := maskRule(f, h)
	if rule == anyValue {
		m.Bad, m.Rule = anyFlag(values)
		return m, nil
	}
	m.Rule = rule
	for _, v := range values {
		m.Bad = append(m.Bad, isBad(v))
	}
	return m, nil
}

// withoutData returns which pixels have no data by their weights or their errors, and by which
// rule. Errors of 0 don't tell: the root of no counts is one.
func withoutData(kind Kind, values []float64) (bad []bool, rule string) {
	const far = 1e10
	var positive []float64
	for _, v := range values {
		if v > 0 && !math.IsInf(v, 0) {
			positive = append(positive, v)
		}
	}
	slices.Sort(positive)
	least, most := 0.0, math.Inf(1)
	weights := kind == KindWeight || kind == KindInverseVariance
	if len(positive) > 0 {
		if median := positive[len(positive)/2]; weights {
			least = median / far
		} else {
			most = median * far
		}
	}
	bad = make([]bool, len(values))
	for k, v := range values {
		bad[k] = !(v >= least && v < most) || weights && v == 0
	}
	if weights {
		return bad, "weights of 0"
	}
	return bad, "no finite error"
}

// rubin are the names of bits that say that a pixel has no data of its own.
var rubin = []string{"BAD", "SAT", "CR", "NO_DATA", "EDGE", "INTRP", "UNMASKEDNAN", "SENSOR_EDGE",
	"CLIPPED", "REJECTED", "VIGNETTED", "STREAK", "SPIKE", "ITL_DIP", "OUT_OF_BOUNDS"}

// anyFlag returns which values of a mask without known flags are bad: all but 0. A flag that most
// pixels have, mostly alone, isn't one of bad pixels.
func anyFlag(values []float64) (bad []bool, rule string) {
	const least = 8 // below it are labels, as of a segmentation
	often := map[float64]int{}
	for _, v := range values {
		often[v]++
	}
	var common uint64
	for v, n := range often {
		flag := uint64(max(v, 0))
		if v == 0 || float64(flag) != v || bits.OnesCount64(flag) != 1 || flag < least {
			continue
		}
		with := 0
		for other, m := range often {
			if uint64(max(other, 0))&flag != 0 {
				with += m
			}
		}
		if 2*with > len(values) && 2*n > with && with > n {
			common |= flag
		}
	}
	bad = make([]bool, len(values))
	for k, v := range values {
		bad[k] = v != 0 && (common == 0 || uint64(int64(v))&^common != 0)
	}
	if common == 0 {
		return bad, anyValue
	}
	return bad, fmt.Sprintf("%s and flag %d, which most pixels have", anyValue, common)
}

// anyValue is the rule of masks without known flags.
const anyValue = "all but 0"

// maskRule returns which values of a mask are bad, and says so.
func maskRule(f *fits.File, h *fits.HDU) (isBad func(v float64) bool, rule string) {
	bits := func(set uint64) func(float64) bool {
		return func(v float64) bool {
			// A pixel without flags is one that nothing is known of.
			return math.IsNaN(v) || uint64(int64(v))&set != 0
		}
	}
	if names := maskBits(h.Header); names != nil {
		var set uint64
		var used []string
		for name, bit := range names {
			if slices.Contains(rubin, name) {
				set |= 1 << bit
				used = append(used, name)
			}
		}
		slices.Sort(used)
		return bits(set), strings.Join(used, ", ")
	}
	telescope, _ := h.Header.Text("TELESCOP")
	if telescope == "" {
		telescope, _ = f.HDUs[0].Header.Text("TELESCOP")
	}
	if kind, _ := kindOfName(h.Name()); kind == KindMask && strings.HasPrefix(h.Name(), "DQ") {
		switch strings.ToUpper(strings.TrimSpace(telescope)) {
		case "JWST", "ROMAN":
			return bits(1), "bit 0, DO_NOT_USE"
		case "HST":
			return bits(math.MaxUint64 &^ (32 | 64 | 128 | 1024)),
				"all bits but 32, 64, 128 and 1024"
		}
	}
	return func(v float64) bool { return v != 0 }, anyValue
}

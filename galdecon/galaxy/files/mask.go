package files

import (
	"fmt"
	"math"
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
// its type, booleans. Values other than 0 are bad, as in astropy's CCDData, but for those of known
// flags:
//
//   - of JWST's and Roman's DQ bit 0 alone, DO_NOT_USE;
//   - of Hubble's DQ all bits but 32, 64, 128 and 1024: unstable and warm pixels, bias and charge
//     traps are usable;
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
		return nil, fmt.Errorf("the ending %q is not one of .fits, .npy, .npz; convert it to one of them",
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
	isBad, rule := maskRule(f, h)
	m.Rule = rule
	for i := range n {
		plane, err := h.Plane(i)
		if err != nil {
			return nil, err
		}
		for _, v := range plane {
			m.Bad = append(m.Bad, isBad(v))
		}
	}
	return m, nil
}

// rubin are the names of bits that say that a pixel has no data of its own.
var rubin = []string{"BAD", "SAT", "CR", "NO_DATA", "EDGE", "INTRP", "UNMASKEDNAN", "SENSOR_EDGE",
	"CLIPPED", "REJECTED", "VIGNETTED", "STREAK", "SPIKE", "ITL_DIP", "OUT_OF_BOUNDS"}

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
	return func(v float64) bool { return v != 0 }, "all but 0"
}

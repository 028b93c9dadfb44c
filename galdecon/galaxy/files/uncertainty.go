package files

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"galdecon/galdecon/galaxy/files/fits"
)

// Uncertainty is a plane that says how well the pixels of an image are known.
type Uncertainty struct {
	// Kind is what the values are: [KindError], [KindVariance], [KindInverseVariance] or
	// [KindWeight].
	Kind Kind
	// Height and Width are the shape of Values, [Height, Width].
	Height, Width int
	Values        []float32
	// Source names the plane, such as "[2] ERR (image 512 x 512)".
	Source string
}

// ErrNoUncertainty says that a file has no plane of errors, variances or weights.
var ErrNoUncertainty = errors.New("the file has no plane of errors, variances or weights")

// LoadUncertainty reads the plane of a FITS file that says how well the pixels of its image are
// known, as [KindOf] tells: standard deviations (ERR, UNCERT), else variances (VAR; VAR_POISSON and
// VAR_RNOISE and the like are added up), else inverse variances (IVAR), else weights (WHT). As in
// [Read] the name may choose one, as in "a.fits[ERR,2]", or an image, as in "a.fits[SCI,2]", whose
// plane has the same version (EXTVER) and size. Of a NumPy archive it reads the first such array by
// its name, or the one that is chosen; of a stack, its first plane. A file without any is
// [ErrNoUncertainty].
func LoadUncertainty(path string) (*Uncertainty, error) {
	u, err := loadUncertainty(path)
	if err != nil {
		return nil, fmt.Errorf("files: cannot load the uncertainty of %s: %w", path, err)
	}
	return u, nil
}

func loadUncertainty(path string) (*Uncertainty, error) {
	name, selector, chosen, err := fits.ParseName(path)
	if err != nil {
		return nil, err
	}
	switch formatOf(name) {
	case fitsFile:
	case numpyArchive:
		if chosen && KindOfFile(path).TellsNoise() {
			return arrayUncertainty(path)
		}
		return archiveUncertainty(name)
	default:
		return nil, ErrNoUncertainty
	}
	f, err := openFITS(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var image *fits.HDU
	if chosen {
		h, err := f.Select(selector)
		if err != nil {
			return nil, err
		}
		if KindOf(h) != KindImage {
			return readUncertainty(f, KindOf(h), h)
		}
		image = h
	}
	belongs := func(h *fits.HDU) bool {
		return image == nil || h.Version() == image.Version() && slices.Equal(h.Shape, image.Shape)
	}
	for _, kind := range []Kind{KindError, KindVariance, KindInverseVariance, KindWeight} {
		var found []*fits.HDU
		for _, h := range f.HDUs {
			if h.Check() == nil && h.Planes() == 1 && KindOf(h) == kind && belongs(h) {
				found = append(found, h)
			}
		}
		if kind == KindVariance {
			parts := slices.DeleteFunc(slices.Clone(found), func(h *fits.HDU) bool {
				return !strings.HasPrefix(strings.ToUpper(h.Name()), "VAR_")
			})
			if len(parts) > 1 && len(parts) == len(found) {
				return readUncertainty(f, kind, parts...)
			}
		}
		if len(found) > 0 {
			return readUncertainty(f, kind, found[0])
		}
	}
	return nil, ErrNoUncertainty
}

// readUncertainty reads a plane, or the sum of several.
func readUncertainty(f *fits.File, kind Kind, planes ...*fits.HDU) (*Uncertainty, error) {
	switch kind {
	case KindError, KindVariance, KindInverseVariance, KindWeight:
	default:
		return nil, fmt.Errorf("%s has %s; name a plane of errors, variances or weights", planes[0],
			kind)
	}
	var u *Uncertainty
	for _, h := range planes {
		p := &plane{hdu: h, only: -1, kind: kind, named: true}
		if err := p.setLayout(PlanesStack); err != nil {
			return nil, err
		}
		im, err := readPlane(f, p)
		if err != nil {
			return nil, err
		}
		if im.N != 1 || im.Channels != 1 {
			return nil, fmt.Errorf("%s has %d planes; name one", h, im.N*im.Channels)
		}
		if u == nil {
			u = &Uncertainty{Kind: kind, Height: im.Height, Width: im.Width, Values: im.Pixels,
				Source: h.String()}
			continue
		}
		if im.Height != u.Height || im.Width != u.Width {
			return nil, fmt.Errorf("%s is of another size than %s", h, u.Source)
		}
		for k, v := range im.Pixels {
			u.Values[k] += v
		}
		u.Source += " + " + h.String()
	}
	return u, nil
}

// arrayUncertainty reads an array that a name chooses, whose own name says what it is.
func arrayUncertainty(path string) (*Uncertainty, error) {
	f, err := read(path)
	if err != nil {
		return nil, err
	}
	im := f.Images
	if im.Channels != 1 {
		return nil, fmt.Errorf("it has %d channels; name an array [h, w]", im.Channels)
	}
	return &Uncertainty{Kind: f.Kind, Height: im.Height, Width: im.Width, Values: im.At(0),
		Source: "its array " + f.Chosen}, nil
}

// archiveUncertainty reads the array of a NumPy archive that says how well others are known.
func archiveUncertainty(name string) (*Uncertainty, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	entries, err := openNPZ(f, info.Size())
	if err != nil {
		return nil, err
	}
	for _, kind := range []Kind{KindError, KindVariance, KindInverseVariance, KindWeight} {
		for _, e := range entries {
			if e.err == nil && e.kind == kind && len(e.shape) > 1 {
				return arrayUncertainty(name + "[" + e.name + "]")
			}
		}
	}
	return nil, ErrNoUncertainty
}

package galdecon

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode"

	"galdecon/galdecon/galaxy/files"
	"galdecon/galdecon/galaxy/files/fits"
	"galdecon/galdecon/posterior"
)

// plane is a file that tells of the pixels of an image: which are bad, or how well the others are
// known.
type plane struct {
	path string
	bad  []bool // nil unless it is a mask
	rule string
	*files.Uncertainty
	height, width int
}

// loadPlane reads a plane, of what its HDU or else its name says.
func loadPlane(path string) (*plane, error) {
	kind := files.KindOfFile(path)
	if kind != files.KindMask {
		u, err := files.LoadUncertainty(path)
		if errors.Is(err, files.ErrNoUncertainty) && kind.TellsNoise() {
			u, err = wholeFile(path, kind)
		}
		if err == nil {
			return &plane{path: path, Uncertainty: u, height: u.Height, width: u.Width}, nil
		}
		if !errors.Is(err, files.ErrNoUncertainty) {
			return nil, err
		}
	}
	m, err := files.LoadMask(path)
	if err != nil || kind != files.KindMask && !strings.Contains(path, "[") {
		return nil, fmt.Errorf("galdecon: neither its HDUs nor its name tell what %s is: a name "+
			"with sigma, variance, ivar, weight or mask in it does", path)
	}
	return &plane{path: path, bad: m.Bad[:m.Height*m.Width], rule: m.Rule, height: m.Height,
		width: m.Width}, nil
}

// wholeFile reads a file of one plane of a kind.
func wholeFile(path string, kind files.Kind) (*files.Uncertainty, error) {
	f, err := files.Read(path)
	if err != nil {
		return nil, err
	}
	if f.Images.Channels != 1 {
		return nil, fmt.Errorf("galdecon: %s has %d channels; name a plane [h, w]", path,
			f.Images.Channels)
	}
	return &files.Uncertainty{Kind: kind, Height: f.Images.Height, Width: f.Images.Width,
		Values: f.Images.At(0), Source: filepath.Base(path)}, nil
}

// addPlanes marks pixels that masks say are bad, and returns the plane that tells the noise, nil if
// there is none.
func (f *Field) addPlanes(paths []string) (known *files.Uncertainty, err error) {
	for _, path := range paths {
		p, err := loadPlane(path)
		if err != nil {
			return nil, err
		}
		if p.height != f.Image.Height || p.width != f.Image.Width {
			return nil, fmt.Errorf("galdecon: %s has %d×%d pixels, its image %d×%d", path, p.height,
				p.width, f.Image.Height, f.Image.Width)
		}
		switch {
		case p.bad != nil:
			if err := f.Image.Mask(p.bad); err != nil {
				return nil, err
			}
			f.note("the mask %s marks %d of %d pixels as bad (%s)", filepath.Base(path), count(p.bad),
				len(p.bad), p.rule)
		case known != nil:
			return nil, fmt.Errorf("galdecon: both %s and %s tell the noise; name one",
				known.Source, path)
		default:
			known = p.Uncertainty
		}
	}
	return known, nil
}

func count(bad []bool) (n int) {
	for _, b := range bad {
		if b {
			n++
		}
	}
	return n
}

// mostlyBad is the share of an image from which on a mask is doubted.
const mostlyBad = 0.5

// findPlanes looks beside an image for files that tell of its pixels: their names begin with the
// same word and say what they are, and what is in them fits the image. It returns their paths, and
// a sentence for each that it finds.
func (f *Field) findPlanes(image, psf string) (paths, found []string) {
	name, _, _, err := fits.ParseName(image)
	if err != nil {
		return nil, nil
	}
	entries, err := os.ReadDir(filepath.Dir(name))
	if err != nil {
		return nil, nil
	}
	tells := f.fromSky
	for _, e := range entries {
		path := filepath.Join(filepath.Dir(name), e.Name())
		kind := files.KindOfFile(path)
		if e.IsDir() || firstWord(path) != firstWord(name) || path == name ||
			strings.HasPrefix(psf, path) || kind != files.KindMask && !kind.TellsNoise() {
			continue
		}
		p, err := loadPlane(path)
		if err != nil || p.height != f.Image.Height || p.width != f.Image.Width {
			continue
		}
		if p.bad != nil {
			n := count(p.bad)
			if share := float64(n) / float64(len(p.bad)); share > mostlyBad {
				found = append(found, fmt.Sprintf("Beside it lies %s, a mask by its name, which "+
					"marks %.0f %%: it isn't used, since bad pixels are those that aren't 0",
					e.Name(), 100*share))
				continue
			}
			paths = append(paths, path)
			found = append(found, fmt.Sprintf("Beside it lies %s, a mask of %d pixels by its name",
				e.Name(), n))
			continue
		}
		if !tells {
			continue // the image's own file does, or another
		}
		if said, ok := f.agrees(p.Uncertainty); ok {
			tells = false
			paths = append(paths, path)
			found = append(found, fmt.Sprintf("Beside it lies %s, which has %s by its name: a "+
				"noise of %.3g in the median, where the sky shows %.3g", e.Name(), p.Kind, said,
				f.Sky.Noise))
		}
	}
	return paths, found
}

// agrees returns the median noise that a plane says, and whether the sky allows it.
func (f *Field) agrees(u *files.Uncertainty) (said float64, ok bool) {
	if slices.ContainsFunc(u.Values, func(v float32) bool { return v < 0 }) {
		return 0, false
	}
	trial := *f
	trial.Notes = nil
	if err := trial.use(u); err != nil {
		return 0, false
	}
	said = posterior.MedianNoise(trial.InvVar)
	const factor = 3
	return said, math.Abs(math.Log(said/f.Sky.Noise)) < math.Log(factor)
}

// firstWord returns the letters and digits that a file's name begins with.
func firstWord(path string) string {
	base := filepath.Base(path)
	end := strings.IndexFunc(base, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r)
	})
	if end < 0 {
		return base
	}
	return base[:end]
}

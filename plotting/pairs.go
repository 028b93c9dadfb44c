package plotting

import (
	"fmt"

	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/psf"
)

// maxPairs keeps the stored picture small.
const maxPairs = 32

// Pairs shows clean galaxies y, and beneath each its observation x = Π*y + n in the same stretch,
// with its PSF as an inset, the PSF's full width at half maximum in pixels as a caption, and the
// noise in the image.
type Pairs struct {
	// Clean and Observed are up to 32 galaxies and as many observations, of one shape.
	Clean, Observed *galaxy.Images
	// PSFs are Π, one for each observation or one for all.
	PSFs []psf.PSF
	// Noise is the standard deviation of n, one for each observation or one for all; nil where it
	// isn't known.
	Noise []float64
	// Title stands above the figure; it may be empty.
	Title string
}

// Figure draws the pairs. It is an error if there are none or too many, if their shapes or numbers
// differ, or if they aren't valid.
func (p Pairs) Figure() (*Figure, error) {
	if err := check("Pairs.Clean", p.Clean); err != nil {
		return nil, err
	}
	y, x := p.Clean, p.Observed
	if err := checkLike("Pairs.Observed", x, y.N, "the clean image", y); err != nil {
		return nil, err
	}
	if y.N > maxPairs {
		return nil, fmt.Errorf("plotting: Pairs shows up to %d galaxies, not %d; "+
			"choose some with Images.Select", maxPairs, y.N)
	}
	if n := len(p.PSFs); n != 1 && n != y.N {
		return nil, fmt.Errorf("plotting: Pairs has %d PSFs for %d galaxies; "+
			"give as many, or one for all", n, y.N)
	}
	if n := len(p.Noise); n > 1 && n != y.N {
		return nil, fmt.Errorf("plotting: Pairs has %d noise levels for %d galaxies; "+
			"give as many, one for all, or none", n, y.N)
	}
	foot := "each pair in its own stretch"
	if y.Channels == 3 {
		foot = colorStretch.String()
	}
	foot += "; FWHM in pixels, noise as standard deviation"
	g := newGrid(p.Title, foot, y)
	columns := mosaicColumns(y.N)
	var clean, observed row
	for i := range y.N {
		k := p.PSFs[i%len(p.PSFs)]
		if err := k.Validate(); err != nil {
			return nil, fmt.Errorf("plotting: the PSF of %s: %w", y.ID(i), err)
		}
		fwhm, err := k.FWHM()
		if err != nil {
			return nil, fmt.Errorf("plotting: the PSF of %s: %w", y.ID(i), err)
		}
		over := []overlay{frameInset(x.Height, x.Width)}
		if len(p.Noise) > 0 {
			over = append(over, stateText("noise "+number(p.Noise[i%len(p.Noise)])))
		}
		stretch, err := AutoStretch(y.Select(i), x.Select(i))
		if err != nil {
			return nil, err
		}
		if i%columns == 0 {
			clean, observed = row{label: "clean y"}, row{label: "observed x"}
		}
		clean.panels = append(clean.panels, panel{
			caption: y.ID(i),
			img:     picture(y.At(i), y.Width, y.Channels, stretch),
		})
		observed.panels = append(observed.panels, panel{
			caption: "FWHM " + number(fwhm),
			img:     withInset(picture(x.At(i), x.Width, x.Channels, stretch), k.Pixels),
			over:    over,
		})
		if i%columns == columns-1 || i == y.N-1 {
			g.rows = append(g.rows, clean, observed)
		}
	}
	return g.figure(), nil
}

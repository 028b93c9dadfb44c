package plotting

import (
	"fmt"
	"math"
	"slices"

	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/galaxy/wcs"
)

// maxMosaic keeps the stored picture of a mosaic small.
const maxMosaic = 60

// Mosaic is an overview of up to 60 galaxies in a grid, each with its ID.
type Mosaic struct {
	// Images are the galaxies, of 1 or 3 channels. Pixels that Images.Bad marks are hatched.
	Images *galaxy.Images
	// Title stands above the grid; it may be empty.
	Title string
	// PixelScale is the size of a pixel in arcseconds; where it is 0 World says it, if that is
	// known.
	PixelScale float64
	// World says where in the sky the first image is, for a compass in it, see [wcs.Parse]; nil if
	// unknown.
	World *wcs.WCS
	// Stretch is common to all galaxies. If it is zero, each galaxy gets its own [AutoStretch].
	Stretch Stretch
}

// Figure draws the mosaic. It is an error if there are no galaxies or too many, or if they aren't
// valid.
func (m Mosaic) Figure() (*Figure, error) {
	im := withoutBad(m.Images)
	if err := check("Mosaic.Images", im); err != nil {
		return nil, err
	}
	if err := checkPixelScale(m.PixelScale); err != nil {
		return nil, err
	}
	if im.N > maxMosaic {
		return nil, fmt.Errorf("plotting: a mosaic shows up to %d galaxies, not %d; "+
			"choose some with Images.Select", maxMosaic, im.N)
	}
	foot := "each galaxy in its own stretch"
	switch {
	case m.Stretch != (Stretch{}):
		foot = m.Stretch.String()
	case im.Channels == 3:
		foot = colorStretch.String()
	case im.N == 1:
		foot = "in a stretch of its own"
	}
	g := newGrid(m.Title, foot, im)
	var panels []panel
	for i := range im.N {
		stretch, err := m.Stretch.or(im.Select(i))
		if err != nil {
			return nil, err
		}
		p := panel{caption: im.ID(i), img: picture(im.At(i), im.Width, im.Channels, stretch)}
		if bad := im.BadAt(i); bad != nil {
			p.over = append(p.over, hatched(bad, im.Width))
		}
		if i == 0 {
			p.over = append(p.over, scaleBar(pixelScale(m.PixelScale, m.World, im), im.Width),
				compass(m.World, im))
		}
		panels = append(panels, p)
	}
	g.fill(panels)
	return g.figure(), nil
}

// withoutBad returns images with 0 in the pixels that are marked as bad, which may be NaN; a sky
// that is told by the others stays as it is, since the marks do.
func withoutBad(im *galaxy.Images) *galaxy.Images {
	if im == nil || im.Bad == nil || im.CheckShape() != nil {
		return im // check says what is wrong
	}
	out := im.Clone()
	for k, bad := range im.Bad {
		if bad {
			clear(out.Pixels[k*im.Channels : (k+1)*im.Channels])
		}
	}
	return out
}

// fill arranges panels, one or more, in rows.
func (g *grid) fill(panels []panel) {
	for some := range slices.Chunk(panels, mosaicColumns(len(panels))) {
		g.rows = append(g.rows, row{panels: some})
	}
}

// mosaicColumns returns n up to 5, and otherwise the number from 5 to 8 that leaves the fewest
// places empty, the larger one where two are as good.
func mosaicColumns(n int) int {
	if n <= 5 {
		return n
	}
	best, fewest := 0, math.MaxInt
	for columns := 5; columns <= 8; columns++ {
		if empty := (columns - n%columns) % columns; empty <= fewest {
			best, fewest = columns, empty
		}
	}
	return best
}

// checkPixelScale checks arcseconds per pixel.
func checkPixelScale(v float64) error {
	if !(v >= 0) || math.IsInf(v, 0) {
		return fmt.Errorf("plotting: PixelScale is %v; "+
			"it must be a positive number of arcseconds, or 0 if it isn't known", v)
	}
	return nil
}

package plotting

import (
	"fmt"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/psf"
)

// PSFs is an overview of up to 60 PSFs in a grid, each with its name and its full width at half
// maximum in pixels. All are scaled to a peak of 1 and have their centers in the same place, on the
// largest of their grids.
type PSFs struct {
	// PSFs are 1 to 60, each with its own size.
	PSFs []psf.PSF
	// Names are the captions; nil, or as many as PSFs.
	Names []string
	// Title stands above the grid; it may be empty.
	Title string
}

// psfStretch shows the wings of a PSF of peak 1.
var psfStretch = Stretch{High: 1, Softening: 0.1}

// Figure draws the grid. It is an error if there are no PSFs or too many, or if one isn't valid.
func (p PSFs) Figure() (*Figure, error) {
	n := len(p.PSFs)
	if n < 1 || n > maxMosaic {
		return nil, fmt.Errorf("plotting: PSFs shows 1 to %d PSFs, got %d", maxMosaic, n)
	}
	if p.Names != nil && len(p.Names) != n {
		return nil, fmt.Errorf("plotting: PSFs has %d names for %d PSFs; give as many, or none",
			len(p.Names), n)
	}
	size := 0
	for i, k := range p.PSFs {
		if err := k.Validate(); err != nil {
			return nil, fmt.Errorf("plotting: PSFs.PSFs[%d]: %w", i, err)
		}
		size = max(size, k.Size)
	}
	foot := "each scaled to a peak of 1; " + psfStretch.String() + "; FWHM in pixels"
	g := newGrid(p.Title, foot, &galaxy.Images{Height: size, Width: size, Channels: 1})
	var panels []panel
	for i, k := range p.PSFs {
		fwhm, err := k.FWHM()
		if err != nil {
			return nil, fmt.Errorf("plotting: PSFs.PSFs[%d]: %w", i, err)
		}
		values := psfOnStamp(k.Pixels, size, size)
		for at, v := range values {
			values[at] = psfStretch.At(v)
		}
		one := panel{
			img:  mapped(values, size, grayMap(), grayShades),
			over: []overlay{stateText("FWHM " + number(fwhm))},
		}
		if p.Names != nil {
			one.caption = p.Names[i]
		}
		panels = append(panels, one)
	}
	g.fill(panels)
	return g.figure(), nil
}

// stateText writes at the lower left of a panel.
func stateText(s string) overlay {
	return func(c draw.Canvas, _ vg.Length) {
		onImage(c, vg.Point{X: c.Min.X + panelPadding*css, Y: c.Min.Y + 2*css}, s)
	}
}

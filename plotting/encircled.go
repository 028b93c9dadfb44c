package plotting

import (
	"fmt"

	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/psf"
	"galdecon/galdecon/score"
)

// encircledStep is how far the points of an encircled energy are apart, in pixels.
const encircledStep = 0.5

// EncircledEnergy returns the curves of what share of a PSF's light lies within a radius around the
// middle of its grid, in pixels: for 1 to 6 PSFs, each with its name. It is an error if there are
// none or more, as many names aren't there, or a PSF isn't valid.
func EncircledEnergy(psfs []psf.PSF, names []string) (Curves, error) {
	if len(names) != len(psfs) {
		return Curves{}, fmt.Errorf("plotting: EncircledEnergy has %d names for %d PSFs; give as "+
			"many", len(names), len(psfs))
	}
	if err := checkCurves("EncircledEnergy", len(psfs)); err != nil {
		return Curves{}, err
	}
	c := Curves{Title: "Encircled energy", X: "radius in pixels", Y: "light within, %",
		Linear: true}
	for i, k := range psfs {
		if err := k.Validate(); err != nil {
			return Curves{}, fmt.Errorf("plotting: EncircledEnergy: the PSF %s: %w", names[i], err)
		}
		middle := float64(k.Size-1) / 2
		image := &galaxy.Images{N: 1, Height: k.Size, Width: k.Size, Channels: 1, Pixels: k.Pixels}
		p, err := score.RadialProfile(image, middle, middle, encircledStep, float64(k.Size)/2)
		if err != nil {
			return Curves{}, fmt.Errorf("plotting: EncircledEnergy: the PSF %s: %w", names[i], err)
		}
		curve := Curve{Name: names[i], X: []float64{0}, Y: []float64{0}}
		for ring, within := range p.Growth {
			curve.X = append(curve.X, encircledStep*float64(ring+1))
			curve.Y = append(curve.Y, 100*within)
		}
		c.Curves = append(c.Curves, curve)
	}
	return c, nil
}

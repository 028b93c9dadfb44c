package psf

import (
	"errors"
	"math"

	"galdecon/galdecon/moments"
)

// Moments are the place, width and shape of a PSF.
type Moments struct {
	// Row and Col are where its centroid is, in pixels from its center.
	Row, Col float64
	// Sigma is the geometric mean of its two widths in pixels: σ of a Gaussian.
	Sigma float64
	// Shear is its ellipticity.
	Shear moments.Shear
}

// Moments returns the adaptive moments, see [moments.Adaptive], of the interpolated PSF. Unlike the
// plain second moment, which is infinite for Airy's PSF, they don't depend on wings and noise far
// out. A sampled Gaussian of σ ≥ 0.6 pixels gives its σ to 1.5 %. A Moffat PSF gives more than the
// σ of a Gaussian with the same full width at half maximum; a PSF that is cut off by its grid gives
// less than its σ: see [PSF.Fit], which knows of both. A PSF without a single bright place is an
// error.
func (p PSF) Moments() (Moments, error) {
	if err := p.Validate(); err != nil {
		return Moments{}, err
	}
	z, err := p.zoom(6, 4)
	if err != nil {
		return Moments{}, err
	}
	light := moments.Image{Height: z.Size, Width: z.Size, Pixels: make([]float64, len(z.Pixels))}
	for i, v := range z.Pixels {
		light.Pixels[i] = float64(v)
	}
	// From the brightest place, as wide as its half.
	_, area := z.half()
	middle := float64(z.Size / 2)
	start := moments.Round(middle, middle, math.Sqrt(float64(area)/(2*math.Pi*math.Ln2)))
	m, err := moments.Adaptive(light, start, moments.Limits{MaxSteps: 2000})
	edge := float64(z.Size)
	if err != nil || m.X < 0 || m.Y < 0 || m.X > edge || m.Y > edge {
		return Moments{}, errors.New("psf: the PSF has no single bright place whose width " +
			"could be measured; is it one, and not noise?")
	}
	return Moments{
		Row:   z.row + (m.Y-middle)/z.steps,
		Col:   z.col + (m.X-middle)/z.steps,
		Sigma: m.Sigma() / z.steps,
		Shear: m.Shear(),
	}, nil
}

// centroid returns where the light is, in rows and columns from the center, by [PSF.Moments]. The
// first row and column of an even grid don't count, as there are none opposite: the light in them
// would pull a PSF that is centered.
func (p PSF) centroid() (row, col float64, err error) {
	if p.Size > 1 && p.Size%2 == 0 {
		if p, err = p.resample(p.Size-1, 1, 0, 0); err != nil {
			return 0, 0, err
		}
	}
	m, err := p.Moments()
	return m.Row, m.Col, err
}

// FWHM returns the full width at half maximum in pixels: the diameter of the circle of the same
// area as the part of the interpolated PSF that is at least half as bright as its peak. For an
// elliptical PSF it is the geometric mean of the two widths.
func (p PSF) FWHM() (float64, error) {
	if err := p.Validate(); err != nil {
		return 0, err
	}
	z, err := p.zoom(64, 1.5)
	if err != nil {
		return 0, err
	}
	_, area := z.half()
	return 2 * math.Sqrt(float64(area)/math.Pi) / z.steps, nil
}

// zoomed is a PSF interpolated in steps to a pixel, centered on its brightest pixel, which is (row,
// col) from its center.
type zoomed struct {
	PSF
	steps, row, col float64
}

// zoom interpolates so finely that sums over samples are good for integrals: the full width at half
// maximum is at least so many samples. Light beyond some widths of the brightest pixel is left out.
func (p PSF) zoom(samples, widths float64) (zoomed, error) {
	brightest, area := p.half()
	width := 2 * math.Sqrt(float64(area)/math.Pi)
	z := zoomed{
		steps: math.Ceil(samples / width),
		row:   float64(brightest/p.Size - p.Size/2),
		col:   float64(brightest%p.Size - p.Size/2),
	}
	reach := min(widths*width+2, float64(p.Size))
	var err error
	z.PSF, err = p.resample(2*int(reach*z.steps)+1, 1/z.steps, z.row, z.col)
	return z, err
}

// half returns the index of the brightest pixel, and the number of those at least half as bright.
func (p PSF) half() (brightest, area int) {
	for i, w := range p.Pixels {
		if w > p.Pixels[brightest] {
			brightest = i
		}
	}
	for _, w := range p.Pixels {
		if 2*w >= p.Pixels[brightest] {
			area++
		}
	}
	return brightest, area
}

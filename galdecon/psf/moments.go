package psf

import (
	"errors"
	"math"
)

// Moments are the place, width and shape of a PSF.
type Moments struct {
	// Row and Col are where its centroid is, in pixels from its centre.
	Row, Col float64
	// Sigma is the geometric mean of its two widths in pixels: σ of a Gaussian.
	Sigma float64
	// Shear is its ellipticity.
	Shear Shear
}

// Moments are the adaptive moments of Bernstein & Jarvis (2002, Section 3) and Hirata & Seljak (2003): those of the elliptical
// Gaussian that fits the PSF best. Light is weighted with this Gaussian, so that neither faint wings nor noise far out count, as they
// would in the plain second moment, which is infinite for Airy's PSF. A sampled Gaussian of σ ≥ 0.6 pixels gives its σ to 1.5 %. A
// Moffat PSF gives more than the σ of a Gaussian with the same full width at half maximum; a PSF that is cut off
// by its grid gives less than its σ: see [PSF.Fit], which knows of both. A PSF without a single bright place is an error.
func (k PSF) Moments() (Moments, error) {
	if err := k.Validate(); err != nil {
		return Moments{}, err
	}
	z, err := k.zoom(6, 4)
	if err != nil {
		return Moments{}, err
	}
	light := z.PSF
	// From the brightest place, as wide as its half, each step weights with the Gaussian of the step before. The product of two
	// equal Gaussians is one of half the variance, hence the factor 2; an offset is halved likewise.
	row, col := float64(light.Size/2), float64(light.Size/2)
	_, area := light.half()
	rr := float64(area) / (2 * math.Pi * math.Ln2)
	cc, rc := rr, 0.0
	for range 2000 {
		det := rr*cc - rc*rc
		if !(det > 0) {
			break
		}
		var sum, r1, c1, r2, c2, x2 float64
		for i, v := range light.Pixels {
			dr, dc := float64(i/light.Size)-row, float64(i%light.Size)-col
			w := float64(v) * math.Exp(-(cc*dr*dr-2*rc*dr*dc+rr*dc*dc)/(2*det))
			sum, r1, c1 = sum+w, r1+w*dr, c1+w*dc
			r2, c2, x2 = r2+w*dr*dr, c2+w*dc*dc, x2+w*dr*dc
		}
		if !(sum > 0) {
			break
		}
		r1, c1 = r1/sum, c1/sum
		r2, c2, x2 = 2*(r2/sum-r1*r1), 2*(c2/sum-c1*c1), 2*(x2/sum-r1*c1)
		moved := max(math.Abs(r1), math.Abs(c1), math.Abs(r2-rr)/rr, math.Abs(c2-cc)/cc)
		row, col, rr, cc, rc = row+2*r1, col+2*c1, r2, c2, x2
		if moved > 1e-7 {
			continue
		}
		if edge := float64(light.Size); row < 0 || col < 0 || row > edge || col > edge || !(rr*cc > rc*rc) {
			break
		}
		e1, e2 := (cc-rr)/(cc+rr), 2*rc/(cc+rr) // (a²−b²)/(a²+b²) of the axes a and b
		g := 1 + math.Sqrt(1-e1*e1-e2*e2)
		return Moments{
			Row:   z.row + (row-float64(light.Size/2))/z.steps,
			Col:   z.col + (col-float64(light.Size/2))/z.steps,
			Sigma: math.Pow(rr*cc-rc*rc, 0.25) / z.steps,
			Shear: Shear{e1 / g, e2 / g},
		}, nil
	}
	return Moments{}, errors.New("psf: the PSF has no single bright place whose width could be measured; is it one, and not noise?")
}

// centroid is where the light is, in rows and columns from the centre, by [PSF.Moments]. The first row and column of an even grid don't
// count, as there are none opposite: the light in them would pull a PSF that is centred.
func (k PSF) centroid() (row, col float64, err error) {
	if k.Size > 1 && k.Size%2 == 0 {
		if k, err = k.resample(k.Size-1, 1, 0, 0); err != nil {
			return 0, 0, err
		}
	}
	m, err := k.Moments()
	return m.Row, m.Col, err
}

// FWHM is the full width at half maximum in pixels: the diameter of the circle of the same area as the part of the interpolated PSF
// that is at least half as bright as its peak. For an elliptical PSF it is the geometric mean of the two widths.
func (k PSF) FWHM() (float64, error) {
	if err := k.Validate(); err != nil {
		return 0, err
	}
	z, err := k.zoom(64, 1.5)
	if err != nil {
		return 0, err
	}
	_, area := z.half()
	return 2 * math.Sqrt(float64(area)/math.Pi) / z.steps, nil
}

// zoomed is a PSF interpolated in steps to a pixel, centred on its brightest pixel, which is (row, col) from its centre.
type zoomed struct {
	PSF
	steps, row, col float64
}

// zoom interpolates so finely that sums over samples are good for integrals: the full width at half maximum is at least so many
// samples. Light beyond some widths of the brightest pixel is left out.
func (k PSF) zoom(samples, widths float64) (zoomed, error) {
	brightest, area := k.half()
	width := 2 * math.Sqrt(float64(area)/math.Pi)
	z := zoomed{
		steps: math.Ceil(samples / width),
		row:   float64(brightest/k.Size - k.Size/2),
		col:   float64(brightest%k.Size - k.Size/2),
	}
	reach := min(widths*width+2, float64(k.Size))
	var err error
	z.PSF, err = k.resample(2*int(reach*z.steps)+1, 1/z.steps, z.row, z.col)
	return z, err
}

// half is the index of the brightest pixel, and the number of those at least half as bright.
func (k PSF) half() (brightest, area int) {
	for i, w := range k.Pixels {
		if w > k.Pixels[brightest] {
			brightest = i
		}
	}
	for _, w := range k.Pixels {
		if 2*w >= k.Pixels[brightest] {
			area++
		}
	}
	return brightest, area
}

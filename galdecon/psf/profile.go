package psf

import (
	"fmt"
	"math"

	"galdecon/galdecon/moments"
)

// FWHMOfSigma is the full width at half maximum of a Gaussian of σ = 1: 2·√(2 ln 2).
const FWHMOfSigma = 2.3548200450309493

// Gaussian is a Gaussian PSF, the paper's (Section 3) where it is round.
type Gaussian struct {
	// Sigma is σ in pixels, positive: of an elliptical PSF the geometric mean of its two widths.
	Sigma float64
	// Shear is the ellipticity; the zero value is round.
	Shear moments.Shear
}

// Render returns the PSF sampled at pixel centers on a size×size grid and scaled to sum 1. The
// paper uses size 10 and σ = 2.0, 2.5, … 4.0 pixels for images of 128 pixels.
func (g Gaussian) Render(size int) (PSF, error) {
	sigma := g.Sigma
	if !(sigma > 0) || math.IsInf(sigma, 0) {
		return PSF{}, fmt.Errorf("psf: σ of a Gaussian must be a positive number of pixels, got "+
			"%g", sigma)
	}
	if g.Shear != (moments.Shear{}) {
		return Moffat{FWHM: FWHMOfSigma * sigma, Beta: math.Inf(1), Shear: g.Shear}.Render(size)
	}
	return sample(size, func(dx, dy float64) float64 {
		return math.Exp(-(dx*dx + dy*dy) / (2 * sigma * sigma))
	})
}

// Moffat is the PSF (1 + r²/α²)^{−β} of Moffat (1969), with wings as those of the atmosphere, whose
// β is 2.5 to 5 (Trujillo et al. 2001).
type Moffat struct {
	// FWHM is the full width at half maximum in pixels, positive: 2α·√(2^{1/β}−1), of an elliptical
	// PSF the geometric mean of the two.
	FWHM float64
	// Beta is β > 1, which makes the light finite; an infinite β is a Gaussian.
	Beta float64
	// Shear is the ellipticity; the zero value is round.
	Shear moments.Shear
}

// Render returns the PSF sampled at pixel centers on a size×size grid and scaled to sum 1 there:
// light beyond the grid, a share (1 + R²/α²)^{1−β} outside the radius R, isn't known to it.
func (m Moffat) Render(size int) (PSF, error) {
	if !(m.FWHM > 0) || math.IsInf(m.FWHM, 0) {
		return PSF{}, fmt.Errorf("psf: the width of a PSF must be a positive number of pixels, "+
			"got %g", m.FWHM)
	}
	if !(m.Beta > 1) {
		return PSF{}, fmt.Errorf("psf: β of a Moffat PSF must be above 1, where its light is "+
			"finite, got %g", m.Beta)
	}
	if err := m.Shear.Validate(); err != nil {
		return PSF{}, fmt.Errorf("psf: %w", err)
	}
	return sample(size, func(dx, dy float64) float64 {
		return moffat(4*m.Shear.Radius2(dx, dy)/(m.FWHM*m.FWHM), 1/m.Beta)
	})
}

// moffat returns the profile, 1 in its middle and ½ where t, the square of the radius in half
// widths, is 1. Written in 1/β it is good up to the Gaussian, 1/β = 0.
func moffat(t, wings float64) float64 {
	if wings < 1e-9 {
		return math.Exp2(-t)
	}
	return math.Exp(-math.Log1p(t*math.Expm1(wings*math.Ln2)) / wings)
}

// Airy is the PSF of a telescope that is limited by diffraction alone: a round aperture of diameter
// D (Born & Wolf, Section 8.5).
type Airy struct {
	// LambdaOverD is λ/D in pixels, positive. An unobscured PSF has its first dark ring at 1.22 and
	// a full width at half maximum of 1.029 λ/D.
	LambdaOverD float64
	// Obscuration is ε, the diameter of the central obscuration over D, 0 ≤ ε < 1.
	Obscuration float64
}

// Render returns the PSF sampled at pixel centers on a size×size grid and scaled to sum 1. With
// less than 2 pixels for λ/D samples are too few: make it on a finer grid and [PSF.Rebin] it, which
// also integrates over pixels.
func (a Airy) Render(size int) (PSF, error) {
	if !(a.LambdaOverD > 0) || math.IsInf(a.LambdaOverD, 0) {
		return PSF{}, fmt.Errorf("psf: λ/D of an Airy PSF must be a positive number of pixels, "+
			"got %g", a.LambdaOverD)
	}
	if !(a.Obscuration >= 0 && a.Obscuration < 1) {
		return PSF{}, fmt.Errorf("psf: the central obscuration of an Airy PSF must be a part of "+
			"the aperture's "+
			"diameter in [0, 1), got %g", a.Obscuration)
	}
	disc := func(v float64) float64 { // the amplitude 2 J₁(v)/v of a disc
		if v < 1e-6 {
			return 1
		}
		return 2 * math.J1(v) / v
	}
	return sample(size, func(dx, dy float64) float64 {
		v := math.Pi * math.Hypot(dx, dy) / a.LambdaOverD
		amplitude := disc(v) - a.Obscuration*a.Obscuration*disc(a.Obscuration*v)
		return amplitude * amplitude
	})
}

// GaussianSeries returns round Gaussian PSFs of σ from low to high in equal steps, in pixels. The
// paper's (Section 3), for images of 128 pixels, are GaussianSeries(10, 2, 4, 0.5).
func GaussianSeries(size int, low, high, step float64) ([]PSF, error) {
	if !(low > 0 && high >= low && step > 0) || math.IsInf(high, 0) {
		return nil, fmt.Errorf("psf: a series of PSFs needs 0 < low ≤ high and a positive step, "+
			"got %g to %g by %g",
			low, high, step)
	}
	if steps := (high - low) / step; steps > 1e5 {
		return nil, fmt.Errorf("psf: a series of PSFs from %g to %g by %g would have %.3g of "+
			"them; give a larger step",
			low, high, step, steps)
	}
	var psfs []PSF
	// Multiplied, not added up, and with room for rounding, so that the last is there.
	for i := range int((high-low)/step+1e-6) + 1 {
		p, err := Gaussian{Sigma: low + float64(i)*step}.Render(size)
		if err != nil {
			return nil, err
		}
		psfs = append(psfs, p)
	}
	return psfs, nil
}

// sample takes a profile at the pixel centers, dx columns and dy rows from the center.
func sample(size int, profile func(dx, dy float64) float64) (PSF, error) {
	if err := validSize(size); err != nil {
		return PSF{}, err
	}
	weights := make([]float32, size*size)
	for row := range size {
		for col := range size {
			weights[row*size+col] = float32(profile(float64(col-size/2), float64(row-size/2)))
		}
	}
	return New(size, weights)
}

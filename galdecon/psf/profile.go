package psf

import (
	"fmt"
	"math"
)

// fwhmOfSigma is the full width at half maximum of a Gaussian of σ = 1: 2·√(2 ln 2).
const fwhmOfSigma = 2.3548200450309493

// Shear is the ellipticity g = (1−q)/(1+q) of a PSF with the axis ratio q, as a vector at twice the position angle of its long
// axis: G1 > 0 stretches along a row of the image (across its columns), G2 > 0 along the diagonal of growing row and column. The
// zero value is round. It keeps the area: an axis is 1/√q times, the other √q times that of the round PSF. (The reduced shear of
// Bernstein & Jarvis 2002, Section 2.)
type Shear struct{ G1, G2 float64 }

// Ellipse is the shear of a PSF of axis ratio 0 < q ≤ 1 whose long axis lies at an angle in radians from a row of the image,
// counted from growing columns towards growing rows.
func Ellipse(q, angle float64) Shear {
	g := (1 - q) / (1 + q)
	return Shear{g * math.Cos(2*angle), g * math.Sin(2*angle)}
}

// Norm is |g|, between 0 and 1.
func (s Shear) Norm() float64 { return math.Hypot(s.G1, s.G2) }

// AxisRatio is that of the short to the long axis.
func (s Shear) AxisRatio() float64 { return (1 - s.Norm()) / (1 + s.Norm()) }

// Angle is that of the long axis, in radians within ±π/2, see [Ellipse].
func (s Shear) Angle() float64 { return math.Atan2(s.G2, s.G1) / 2 }

func (s Shear) validate() error {
	if !(s.Norm() < 1-1e-9) { // an Ellipse of axis ratio 0 may be rounded below 1
		return fmt.Errorf("psf: the ellipticity of a PSF must be |g| < 1, an axis ratio above 0; got (%g, %g)", s.G1, s.G2)
	}
	return nil
}

// radius2 is r² in the frame where the ellipse is the circle of the same area.
func (s Shear) radius2(dx, dy float64) float64 {
	g2 := s.G1*s.G1 + s.G2*s.G2
	return ((1+g2)*(dx*dx+dy*dy) - 2*s.G1*(dx*dx-dy*dy) - 4*s.G2*dx*dy) / (1 - g2)
}

// Elliptical is the Gaussian PSF with the geometric mean σ of its two widths, in pixels, and an ellipticity, sampled at pixel
// centres on a size×size grid and scaled to sum 1.
func Elliptical(size int, sigma float64, shear Shear) (PSF, error) {
	return Moffat(size, fwhmOfSigma*sigma, math.Inf(1), shear)
}

// Moffat is the PSF (1 + r²/α²)^{−β} of Moffat (1969), with wings as those of the atmosphere, whose β is 2.5 to 5 (Trujillo et al.
// 2001). It is given by its full width at half maximum in pixels, fwhm = 2α·√(2^{1/β}−1), of an elliptical one the geometric mean
// of the two. β > 1 makes the light finite; an infinite β is a Gaussian. It is sampled at pixel centres on a size×size grid and
// scaled to sum 1 there: light beyond the grid, a share (1 + R²/α²)^{1−β} outside the radius R, isn't known to it.
func Moffat(size int, fwhm, beta float64, shear Shear) (PSF, error) {
	if !(fwhm > 0) || math.IsInf(fwhm, 0) {
		return PSF{}, fmt.Errorf("psf: the width of a PSF must be a positive number of pixels, got %g", fwhm)
	}
	if !(beta > 1) {
		return PSF{}, fmt.Errorf("psf: β of a Moffat PSF must be above 1, where its light is finite, got %g", beta)
	}
	if err := shear.validate(); err != nil {
		return PSF{}, err
	}
	return sample(size, func(dx, dy float64) float64 { return moffat(4*shear.radius2(dx, dy)/(fwhm*fwhm), 1/beta) })
}

// moffat is the profile, 1 in its middle and ½ where t, the square of the radius in half widths, is 1. Written in 1/β it is good up
// to the Gaussian, 1/β = 0.
func moffat(t, wings float64) float64 {
	if wings < 1e-9 {
		return math.Exp2(-t)
	}
	return math.Exp(-math.Log1p(t*math.Expm1(wings*math.Ln2)) / wings)
}

// Airy is the PSF of a telescope that is limited by diffraction alone: a round aperture of diameter D with a central obscuration
// of the diameter ε·D, 0 ≤ ε < 1 (Born & Wolf, Section 8.5). λ/D is in pixels; an unobscured PSF has its first dark ring at 1.22 and a
// full width at half maximum of 1.029 λ/D. It is sampled at pixel centres on a size×size grid and scaled to sum 1. With less than
// 2 pixels for λ/D samples are too few: make it on a finer grid and [PSF.Rebin] it, which also integrates over pixels.
func Airy(size int, lambdaOverD, obscuration float64) (PSF, error) {
	if !(lambdaOverD > 0) || math.IsInf(lambdaOverD, 0) {
		return PSF{}, fmt.Errorf("psf: λ/D of an Airy PSF must be a positive number of pixels, got %g", lambdaOverD)
	}
	if !(obscuration >= 0 && obscuration < 1) {
		return PSF{}, fmt.Errorf("psf: the central obscuration of an Airy PSF must be a part of the aperture's diameter in [0, 1), got %g", obscuration)
	}
	disc := func(v float64) float64 { // the amplitude 2 J₁(v)/v of a disc
		if v < 1e-6 {
			return 1
		}
		return 2 * math.J1(v) / v
	}
	return sample(size, func(dx, dy float64) float64 {
		v := math.Pi * math.Hypot(dx, dy) / lambdaOverD
		a := disc(v) - obscuration*obscuration*disc(obscuration*v)
		return a * a
	})
}

// Grid is a row of round Gaussian PSFs of σ from low to high in equal steps, in pixels. The paper's (Section 3), for images of 128
// pixels, is Grid(10, 2, 4, 0.5).
func Grid(size int, low, high, step float64) ([]PSF, error) {
	if !(low > 0 && high >= low && step > 0) || math.IsInf(high, 0) {
		return nil, fmt.Errorf("psf: a grid of PSFs needs 0 < low ≤ high and a positive step, got %g to %g by %g", low, high, step)
	}
	if steps := (high - low) / step; steps > 1e5 {
		return nil, fmt.Errorf("psf: a grid of PSFs from %g to %g by %g would have %.3g of them; give a larger step", low, high, step, steps)
	}
	var kernels []PSF
	// Multiplied, not added up, and with room for rounding, so that the last is there.
	for i := range int((high-low)/step+1e-6) + 1 {
		k, err := Gaussian(size, low+float64(i)*step)
		if err != nil {
			return nil, err
		}
		kernels = append(kernels, k)
	}
	return kernels, nil
}

// sample takes a profile at the pixel centres, dx columns and dy rows from the centre.
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

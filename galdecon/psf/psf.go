// Package psf holds the point-spread functions Π and the observation model x = Π*y (paper, Section
// 2 and 3).
//
// # Conventions
//
// A PSF is a k×k grid of pixel weights that sums to 1, so that convolution keeps flux. (A measured
// one may hold small negative weights, its noise.) Its center is the pixel (k/2, k/2) (integer
// division, rows and columns counted from 0): the middle for an odd k, the pixel right below the
// middle for an even k. That is where the light of a point source stays when it is convolved, so no
// image is shifted, for any k.
//
// # Sources
//
// [Gaussian], [Moffat] and [Airy] sample their profile at pixel centers; make one n times finer and
// [PSF.Rebin] it for its integral over pixels. [Load] reads PSFs from files, and brings oversampled
// ones to the pixels of the detector; [PSF.Inspect] says what else is in them. [PSF.Recenter] and
// [PSF.Rescale] bring them to the center and to the pixels of the images, [PSF.Fit] says how they
// compare with an [Instrument]. A [Field] is a PSF that changes over a detector: [Read] finds it in
// files of PSFEx, STPSF and STDPSF, and [Field.At] has the PSF at a place. [Compose] makes one PSF
// of two that light passes through.
//
// # Boundaries
//
// The sky outside a stamp is taken to be dark: y is zero-padded, and Π*y is cropped to the stamp.
// Light that the PSF carries over the edge is lost, as it is at the edge of a detector.
package psf

import (
	"errors"
	"fmt"
	"math"
)

// PSF is one PSF: Size×Size weights, row-major, of sum 1. See the package documentation for its
// center.
type PSF struct {
	// Size is the number of pixels along a side.
	Size int
	// Pixels are the weights, [Size, Size]; the first is that of the upper left corner.
	Pixels []float32
}

// EffectiveSigma returns σ in pixels of the Gaussian that spreads light over as many pixels, those
// with the same Σ p²: 1/√(4π Σ p²).
func (p PSF) EffectiveSigma() float64 {
	sum := 0.0
	for _, v := range p.Pixels {
		sum += float64(v) * float64(v)
	}
	return 1 / math.Sqrt(4*math.Pi*sum)
}

// Validate returns an error if a PSF that was not made by this package is none: for a number of
// weights that isn't Size×Size, one that is not finite, or a sum that differs from 1 by more than
// 1e-3.
func (p PSF) Validate() error {
	if p.Size < 1 || len(p.Pixels) != p.Size*p.Size {
		return wrongNumber(p.Size, len(p.Pixels))
	}
	sum := 0.0
	for _, w := range p.Pixels {
		sum += float64(w)
	}
	if !(math.Abs(sum-1) <= 1e-3) {
		return fmt.Errorf("psf: the weights of a PSF must sum to 1, these sum to %g; make it "+
			"with psf.New", sum)
	}
	return nil
}

// maxSize is that of the largest grid: 1 GiB of weights.
const maxSize = 1 << 14

func validSize(size int) error {
	if size < 1 || size > maxSize {
		return fmt.Errorf("psf: the grid of a PSF must have a size of 1 to %d pixels, got "+
			"%d", maxSize, size)
	}
	return nil
}

// maxAbsolute is the largest sum of |w| of measured weights of sum 1. Noise makes it large, with
// the number of pixels: a star whose peak is 100 standard deviations, and 3 pixels wide, has 1.6 on
// a grid of 33×33 pixels, and 3.5 on 64×64.
const maxAbsolute = 5

// New makes a PSF from measured weights, size×size, row-major, centered as the package
// documentation says. It scales a copy of them to sum 1. It is a [Problem] if weights are NaN or
// infinite, if their sum isn't positive, or if they are mostly noise: the negative ones take more
// than two thirds of the positive ones away.
func New(size int, weights []float32) (PSF, error) {
	wide := make([]float64, len(weights))
	for i, w := range weights {
		wide[i] = float64(w)
	}
	return normalized(size, wide)
}

func normalized(size int, weights []float64) (PSF, error) {
	if size < 1 || len(weights) != size*size {
		return PSF{}, wrongNumber(size, len(weights))
	}
	sum, absolute := 0.0, 0.0
	for i, w := range weights {
		if math.IsNaN(w) || math.IsInf(w, 0) {
			return PSF{}, &Problem{Kind: NoData, Row: i / size, Col: i % size, Value: w,
				What: fmt.Sprintf("weight %g at row %d, column %d", w, i/size, i%size),
				Hint: "mask or replace such pixels first"}
		}
		sum += w
		absolute += math.Abs(w)
	}
	if !(sum > 0) {
		return PSF{}, everywhere(Dark, sum, 0, fmt.Sprintf("the weights sum to %g", sum),
			"a PSF must hold light: is it the right file or extension?")
	}
	if absolute > maxAbsolute*sum {
		return PSF{}, everywhere(Noisy, absolute/sum, maxAbsolute,
			fmt.Sprintf("the weights sum to %.3g, but without their signs to %.3g: they are "+
				"mostly noise", sum, absolute),
			"was too much sky subtracted? Cut the grid closer to the source, or average several "+
				"stars")
	}
	scaled := make([]float32, len(weights))
	for i, w := range weights {
		scaled[i] = float32(w / sum)
	}
	return PSF{Size: size, Pixels: scaled}, nil
}

func wrongNumber(size, got int) error {
	return fmt.Errorf("psf: a %d×%d PSF needs %d weights, got "+
		"%d", size, size, max(size, 0)*max(size, 0), got)
}

// Stack lays PSFs of one size, at least one, one after the other: the pixels of a [batch, k, k]
// tensor.
func Stack(psfs ...PSF) ([]float32, error) {
	if len(psfs) == 0 {
		return nil, errors.New("psf: there is no PSF; give one for each image, or one for all")
	}
	var flat []float32
	for i, p := range psfs {
		if err := p.Validate(); err != nil {
			return nil, fmt.Errorf("%w (PSF %d)", err, i)
		}
		if p.Size != psfs[0].Size {
			return nil, fmt.Errorf("psf: PSF %d is %d×%d, PSF 0 is %d×%d; Resize them to one "+
				"size first",
				i, p.Size, p.Size, psfs[0].Size, psfs[0].Size)
		}
		flat = append(flat, p.Pixels...)
	}
	return flat, nil
}

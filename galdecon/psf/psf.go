// Package psf holds the point-spread functions Π and the observation model x = Π*y (paper, Section 2 and 3).
//
// # Conventions
//
// A PSF is a k×k grid of pixel weights that sums to 1, so that convolution keeps flux. (A measured one may hold small negative
// weights, its noise.) Its centre is the pixel
// (k/2, k/2) (integer division, rows and columns counted from 0): the middle for an odd k, the pixel right below the middle for
// an even k. That is where the light of a point source stays when it is convolved, so no image is shifted, for any k.
//
// # Sources
//
// [Gaussian], [Elliptical], [Moffat] and [Airy] sample their profile at pixel centres; make one n times finer and [PSF.Rebin] it
// for its integral over pixels. [Load] reads measured PSFs, which hold the pixels of their detector already; [PSF.Recenter] and
// [PSF.Rescale] bring them to the centre and to the pixels of the images, [PSF.Fit] says how they compare with an [Instrument].
// [Compose] makes one PSF of two that light passes through.
//
// # Boundaries
//
// The sky outside a stamp is taken to be dark: y is zero-padded, and Π*y is cropped to the stamp. Light that the PSF carries
// over the edge is lost, as it is at the edge of a detector.
package psf

import (
	"errors"
	"fmt"
	"math"
)

// PSF is one PSF: Size×Size weights, row-major, of sum 1. See the package documentation for its centre.
type PSF struct {
	Size   int
	Pixels []float32
}

// Validate reports what is wrong with a PSF that was not made by this package: a number of weights that isn't Size×Size, one
// that is not finite, or a sum that differs from 1 by more than 1e-3.
func (k PSF) Validate() error {
	if k.Size < 1 || len(k.Pixels) != k.Size*k.Size {
		return fmt.Errorf("psf: a %d×%d PSF needs %d weights, got %d", k.Size, k.Size, max(k.Size, 0)*max(k.Size, 0), len(k.Pixels))
	}
	sum := 0.0
	for _, w := range k.Pixels {
		sum += float64(w)
	}
	if !(math.Abs(sum-1) <= 1e-3) {
		return fmt.Errorf("psf: the weights of a PSF must sum to 1, these sum to %g; make it with psf.New", sum)
	}
	return nil
}

// maxSize is that of the largest grid: 1 GiB of weights.
const maxSize = 1 << 14

func validSize(size int) error {
	if size < 1 || size > maxSize {
		return fmt.Errorf("psf: the grid of a PSF must have a size of 1 to %d pixels, got %d", maxSize, size)
	}
	return nil
}

// maxAbsolute is the largest sum of |w| of measured weights of sum 1. Noise makes it large, with the number of pixels: a star whose peak is 100
// standard deviations, and 3 pixels wide, has 1.6 on a grid of 33×33 pixels, and 3.5 on 64×64.
const maxAbsolute = 5

// New makes a PSF from measured weights, size×size, row-major, centred as the package documentation says. It scales a copy of
// them to sum 1. Weights that are NaN or infinite are refused, and so are those whose sum isn't positive, or that are mostly noise: the negative ones
// take more than two thirds of the positive ones away.
func New(size int, weights []float32) (PSF, error) {
	if size < 1 || len(weights) != size*size {
		return PSF{}, fmt.Errorf("psf: a %d×%d PSF needs %d weights, got %d", size, size, max(size, 0)*max(size, 0), len(weights))
	}
	sum, absolute := 0.0, 0.0
	for i, w := range weights {
		if math.IsNaN(float64(w)) || math.IsInf(float64(w), 0) {
			return PSF{}, fmt.Errorf("psf: weight %g at row %d, column %d: mask or replace such pixels first", w, i/size, i%size)
		}
		sum += float64(w)
		absolute += math.Abs(float64(w))
	}
	if sum <= 0 {
		return PSF{}, fmt.Errorf("psf: the weights sum to %g; a PSF must hold light (is it the right file or extension?)", sum)
	}
	if absolute > maxAbsolute*sum {
		return PSF{}, fmt.Errorf("psf: the weights sum to %.3g, but without their signs to %.3g: they are mostly noise; was too much sky subtracted? Cut the grid closer to the source, or average several stars",
			sum, absolute)
	}
	scaled := make([]float32, len(weights))
	for i, w := range weights {
		scaled[i] = float32(float64(w) / sum)
	}
	return PSF{Size: size, Pixels: scaled}, nil
}

// Resize gives the same PSF on a grid of another size, its centre kept: a larger grid is filled with zeros. A smaller one is
// an error if more than 1 % of the light would be cut off; otherwise the rest is scaled back to sum 1.
func (k PSF) Resize(size int) (PSF, error) {
	if err := k.Validate(); err != nil {
		return PSF{}, err
	}
	if size == k.Size {
		return k, nil
	}
	if err := validSize(size); err != nil {
		return PSF{}, err
	}
	weights := make([]float32, size*size)
	kept, shift := 0.0, size/2-k.Size/2
	for row := range k.Size {
		for col := range k.Size {
			r, c := row+shift, col+shift
			if r >= 0 && r < size && c >= 0 && c < size {
				weights[r*size+c] = k.Pixels[row*k.Size+col]
				kept += float64(k.Pixels[row*k.Size+col])
			}
		}
	}
	if kept < 0.99 {
		return PSF{}, fmt.Errorf("psf: a %d×%d grid holds only %.1f %% of the light of this %d×%d PSF; is it on the image's pixel scale (Kernel.Rescale)? Otherwise use a model with larger PSFs",
			size, size, 100*kept, k.Size, k.Size)
	}
	return New(size, weights)
}

// Stack lays kernels of one size, at least one, one after the other: the pixels of a [batch, k, k] tensor.
func Stack(kernels ...PSF) ([]float32, error) {
	if len(kernels) == 0 {
		return nil, errors.New("psf: there is no PSF; give one for each image, or one for all")
	}
	var flat []float32
	for i, k := range kernels {
		if err := k.Validate(); err != nil {
			return nil, fmt.Errorf("%w (kernel %d)", err, i)
		}
		if k.Size != kernels[0].Size {
			return nil, fmt.Errorf("psf: kernel %d is %d×%d, kernel 0 is %d×%d; Resize them to one size first",
				i, k.Size, k.Size, kernels[0].Size, kernels[0].Size)
		}
		flat = append(flat, k.Pixels...)
	}
	return flat, nil
}

package posterior

import (
	"errors"
	"fmt"
	"math"

	"github.com/gomlx/gomlx/core/tensors"

	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/psf"
)

// Observations are blurred images x = Π*y + n, with what must be known of each to ask for y.
type Observations struct {
	// Images are x, [n, height, width, channels].
	Images *galaxy.Images
	// PSFs are Π, one for each image, or one for all, on the pixel grid of the images.
	PSFs []psf.PSF
	// Noise is the standard deviation of the white noise n in units of the pixels, one for each image or one for all. Where it is
	// empty it is estimated from the images ([galaxy.Images.NoiseLevels]).
	Noise []float64
}

// Complete is the observations with their noise, all checked.
func (o *Observations) Complete() (*Observations, error) {
	if o == nil || o.Images == nil {
		return nil, errors.New("posterior: there are no observations; set Images and PSFs")
	}
	if err := o.Images.Validate(); err != nil {
		return nil, err
	}
	n := o.Images.N
	if len(o.PSFs) != 1 && len(o.PSFs) != n {
		return nil, fmt.Errorf("posterior: %d images need as many PSFs, or one for all; got %d", n, len(o.PSFs))
	}
	for i, k := range o.PSFs {
		if err := k.Validate(); err != nil {
			return nil, fmt.Errorf("posterior: the PSF of %s: %w", o.Images.ID(i), err)
		}
	}
	out := *o
	if len(o.Noise) == 0 {
		var err error
		if out.Noise, err = o.Images.NoiseLevels(); err != nil {
			return nil, err
		}
	}
	if len(out.Noise) != 1 && len(out.Noise) != n {
		return nil, fmt.Errorf("posterior: %d images need as many noise levels, or one for all, or none to have them estimated; got %d", n, len(o.Noise))
	}
	for i, v := range out.Noise {
		if !(v >= 0) || math.IsInf(v, 0) {
			return nil, fmt.Errorf("posterior: the noise of %s must be finite and ≥ 0 in units of its pixels, got %g", o.Images.ID(i), v)
		}
	}
	return &out, nil
}

// At is the PSF and the noise of image i of complete observations.
func (o *Observations) At(i int) (kernel psf.PSF, noise float64) {
	return o.PSFs[i%len(o.PSFs)], o.Noise[i%len(o.Noise)]
}

// Select is the observations of the given images, in their order. Pixels are copied.
func (o *Observations) Select(indices ...int) (*Observations, error) {
	all, err := o.Complete()
	if err != nil {
		return nil, err
	}
	for _, i := range indices {
		if i < 0 || i >= all.Images.N {
			return nil, fmt.Errorf("posterior: there is no observation %d; there are %d, counted from 0", i, all.Images.N)
		}
	}
	out := &Observations{Images: all.Images.Select(indices...)}
	for _, i := range indices {
		kernel, noise := all.At(i)
		out.PSFs, out.Noise = append(out.PSFs, kernel), append(out.Noise, noise)
	}
	return out, nil
}

// Tensors returns the images [n, height, width, channels] and their PSFs [n, k, k], or [1, k, k] of one for all, as graph
// functions take them. PSFs of different sizes are an error.
func (o *Observations) Tensors() (images, psfs *tensors.Tensor, err error) {
	stacked, err := psf.Stack(o.PSFs...)
	if err != nil {
		return nil, nil, err
	}
	size := o.PSFs[0].Size
	return o.Images.Tensor(), tensors.FromFlatDataAndDimensions(stacked, len(o.PSFs), size, size), nil
}

package psf

import (
	"fmt"
	"math"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
)

// Instrument is what a model is trained to look through: the observation x = Π*y + n with a Gaussian PSF of random width and
// white noise n.
type Instrument struct {
	// Size is that of the PSF grid in pixels; PSFs of another size are resized to it, see [Kernel.Resize].
	Size int `json:"size"`
	// SigmaMin and SigmaMax bound the σ of the Gaussian PSFs, in pixels; it is drawn uniformly between them.
	SigmaMin float64 `json:"sigma_min"`
	SigmaMax float64 `json:"sigma_max"`
	// Noise is the standard deviation of n in units of the scaled image, where the peak of a galaxy is 1. The paper neglects
	// it (Section 2); a small value keeps the posterior proper, and every detector has some.
	Noise float64 `json:"noise"`
}

// Validate reports what makes the instrument impossible.
func (in Instrument) Validate() error {
	switch {
	case in.Size < 1:
		return fmt.Errorf("psf: an instrument needs a PSF grid of at least 1 pixel, got %d", in.Size)
	case !(in.SigmaMin > 0) || !(in.SigmaMax >= in.SigmaMin) || math.IsInf(in.SigmaMax, 0):
		return fmt.Errorf("psf: σ of an instrument must satisfy 0 < min ≤ max, got %g to %g pixels", in.SigmaMin, in.SigmaMax)
	case !(in.Noise >= 0) || math.IsInf(in.Noise, 0):
		return fmt.Errorf("psf: the noise of an instrument must be ≥ 0 in units of the peak, got %g", in.Noise)
	}
	return nil
}

// Observe draws a PSF for every clean image y [batch, height, width, channels] and returns the observations x, of the shape
// of y, and the PSFs [batch, Size, Size]. Random numbers come from the store of the scope, so they are seeded with it.
func (in Instrument) Observe(scope *model.Scope, y *graph.Node) (x, psfs *graph.Node) {
	g, batch := y.Graph(), y.Shape().Dimensions[0]
	u := scope.RandomUniform(g, shapes.Make(dtypes.Float32, batch))
	sigmas := graph.AddScalar(graph.MulScalar(u, in.SigmaMax-in.SigmaMin), in.SigmaMin)
	psfs = Gaussians(sigmas, in.Size)
	x = Convolve(y, psfs)
	if in.Noise > 0 {
		x = graph.Add(x, graph.MulScalar(scope.RandomNormal(g, y.Shape()), in.Noise))
	}
	return x, psfs
}

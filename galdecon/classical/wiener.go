package classical

import (
	"errors"
	"fmt"
	"math"
	"sync"

	"github.com/gomlx/gomlx/core/graph"

	"galdecon/galdecon/backend"
	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/internal/executor"
	"galdecon/galdecon/posterior"
	"galdecon/galdecon/psf"
)

// WienerPrior is the standard deviation of the prior with the smallest error on galaxies whose peak
// is 1.
const WienerPrior = 0.03

// minRatio is the least noise over prior whose square float32 holds.
const minRatio = 1e-10

// wienerSteps of conjugate gradients leave an error far below the noise.
const wienerSteps = 10

// Wiener returns the classical deconvolution of observations: Wiener's filter for y that differs
// from x by a white field of standard deviation prior, in units of x. It is what a candidate must
// be compared with, beside doing nothing. Noise below [psf.MinNoise] of the peak counts as that.
func Wiener(observations *posterior.Observations, prior float64) (*galaxy.Images, error) {
	if !(prior > 0) || math.IsInf(prior, 0) {
		return nil,
			fmt.Errorf("classical: Wiener's filter needs a positive standard deviation of the "+
				"prior, got %g", prior)
	}
	if err := observations.Validate(); err != nil {
		return nil, err
	}
	// Squares of small or large pixels are beyond float32. A power of two changes no digit.
	images := observations.Images().Clone()
	images.Scale = nil
	units, lambda := make([]float64, images.N), make([]float32, images.N)
	for i := range images.N {
		peak := 0.0
		for _, v := range images.At(i) {
			peak = max(peak, math.Abs(float64(v)))
		}
		units[i] = 1
		if peak > 0 {
			_, exponent := math.Frexp(peak)
			units[i] = math.Ldexp(1, exponent)
		}
		_, noise := observations.At(i)
		ratio := max(max(noise, psf.MinNoise*peak)/prior, minRatio)
		lambda[i] = float32(ratio * ratio)
	}
	if err := images.Divide(units); err != nil {
		return nil, err
	}
	o, err := posterior.NewObservations(images, observations.PSFs(), observations.Noise())
	if err != nil {
		return nil, err
	}
	x, psfs, err := o.Tensors()
	if err != nil {
		return nil, fmt.Errorf("classical: %w", err)
	}
	exec, err := wienerExec()
	if err != nil {
		return nil, fmt.Errorf("classical: %w", errors.Join(err, executor.Free(x, psfs)))
	}
	out, err := executor.Images(exec, x, psfs, lambda)
	if err != nil {
		return nil, fmt.Errorf("classical: cannot deconvolve: %w", err)
	}
	for i, unit := range units {
		pixels := out.At(i)
		for k, v := range pixels {
			pixels[k] = float32(float64(v) * unit)
		}
	}
	out.LabelAs(observations.Images())
	return out, nil
}

// wienerExec compiles Wiener's filter once for each shape.
var wienerExec = sync.OnceValues(func() (*graph.Exec, error) {
	return backend.NewExec(func(in []*graph.Node) *graph.Node {
		x, psfs, lambda := in[0], in[1], in[2]
		return psf.WienerStep(x, x, psfs, lambda, wienerSteps)
	})
})

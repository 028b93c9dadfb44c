package galdecon

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"galdecon/galdecon/backend"
	"galdecon/galdecon/ddpm"
	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/internal/executor"
	"galdecon/galdecon/posterior"
	"galdecon/galdecon/psf"
	"galdecon/galdecon/random"
)

// Observations are blurred images x = Π*y + n, with what must be known of each to ask for y. They are also what a session takes
// (kernels/session).
type Observations = posterior.Observations

// Observe is what a telescope makes of clean galaxies y [n, height, width, channels]: x = Π*y + n, with a PSF for each galaxy or
// one for all, and white noise of the given standard deviation in units of y, drawn from the seed.
func Observe(galaxies *galaxy.Images, kernels []psf.Kernel, noise float64, seed int64) (*Observations, error) {
	o, err := (&Observations{Images: galaxies, PSFs: kernels, Noise: []float64{noise}}).Complete()
	if err != nil {
		return nil, err
	}
	rng, err := random.State(seed, observationStream)
	if err != nil {
		return nil, err
	}
	x, err := apply(o, observer, rng, float32(noise))
	if err != nil {
		return nil, err
	}
	return &Observations{Images: x, PSFs: kernels, Noise: o.Noise}, nil
}

// Graph functions of images and their PSFs, compiled once for each shape.
var (
	observer = lazily(func(in []*graph.Node) *graph.Node {
		y, psfs, rng, noise := in[0], in[1], in[2], in[3]
		_, z := random.Normal(rng, y.Shape())
		return graph.Add(psf.Convolve(y, psfs), graph.Mul(z, noise))
	})
	wiener = lazily(func(in []*graph.Node) *graph.Node {
		x, psfs, lambda := in[0], in[1], in[2]
		return psf.Correct(x, x, psfs, lambda, wienerSteps)
	})
	sharpen = lazily(func(in []*graph.Node) *graph.Node { return sharp(in[0], in[1], in[2]) })
)

// sharp is x [batch, height, width, channels], deconvolved by Wiener's filter so that it has about the peak of y. It is in proportion to x;
// noise is [batch].
func sharp(x, psfs, noise *graph.Node) *graph.Node {
	seen := graph.MaxScalar(graph.Reshape(peak(x), noise.Shape().Dimensions...), faint)
	lambda := graph.Square(graph.DivScalar(graph.MaxScalar(graph.Div(noise, seen), ddpm.MinNoise), peakPrior))
	return psf.Correct(x, x, psfs, lambda, peakSteps)
}

// peak is galaxy.Images.Peaks within a graph, [batch, 1, 1, 1].
func peak(x *graph.Node) *graph.Node {
	h, w := x.Shape().Dimensions[1], x.Shape().Dimensions[2]
	centre := graph.Slice(x, graph.AxisRange(), graph.AxisRange(h/4, h-h/4), graph.AxisRange(w/4, w-w/4))
	return graph.ReduceAndKeep(centre, graph.ReduceMax, 1, 2, 3)
}

// standardize is Standardize within a graph, of clean images y too, all in units of y, whose peak is about 1.
func standardize(y, x, psfs, noise *graph.Node) (ys, xs, noises *graph.Node) {
	unit := graph.MaxScalar(peak(sharp(x, psfs, noise)), faint)
	return graph.Div(y, unit), graph.Div(x, unit), graph.Div(noise, graph.Reshape(unit, noise.Shape().Dimensions...))
}

// faint stands for the peak of an image without a galaxy, which can be drawn in training.
const faint = 1e-3

func lazily(f func([]*graph.Node) *graph.Node) func() (*graph.Exec, error) {
	return sync.OnceValues(func() (*graph.Exec, error) { return backend.NewExec(f) })
}

// apply runs a function of observations and more, whose result has the shape of the images; labelled as these are.
func apply(o *Observations, compiled func() (*graph.Exec, error), more ...any) (*galaxy.Images, error) {
	psfs, err := psf.Stack(o.PSFs...)
	if err != nil {
		return nil, err
	}
	exec, err := compiled()
	if err != nil {
		return nil, err
	}
	images, kernels := o.Images.Tensor(), tensors.FromFlatDataAndDimensions(psfs, len(o.PSFs), o.PSFs[0].Size, o.PSFs[0].Size)
	result, err := exec.Call1(append([]any{images, kernels}, more...)...)
	if err = errors.Join(err, executor.Free(images, kernels)); err != nil {
		return nil, fmt.Errorf("galdecon: cannot convolve: %w", err)
	}
	out, err := galaxy.FromTensor(result)
	if err = errors.Join(err, executor.Free(result)); err != nil {
		return nil, err
	}
	out.LabelAs(o.Images)
	return out, nil
}

// Wiener is the classical deconvolution of observations: Wiener's filter for y that differs from x by a white field of standard
// deviation prior, in units of x. It is what a candidate must be compared with, beside doing nothing. Noise below
// [ddpm.MinNoise] of the peak counts as that.
func Wiener(observations *Observations, prior float64) (*galaxy.Images, error) {
	if !(prior > 0) || math.IsInf(prior, 0) {
		return nil, fmt.Errorf("galdecon: Wiener's filter needs a positive standard deviation of the prior, got %g", prior)
	}
	o, err := observations.Complete()
	if err != nil {
		return nil, err
	}
	lambda := make([]float32, o.Images.N)
	for i := range lambda {
		peak := 0.0
		for _, v := range o.Images.At(i) {
			peak = max(peak, math.Abs(float64(v)))
		}
		_, noise := o.At(i)
		ratio := max(noise, ddpm.MinNoise*peak, math.SmallestNonzeroFloat32) / prior
		lambda[i] = float32(ratio * ratio)
	}
	return apply(o, wiener, lambda)
}

const (
	// wienerSteps of conjugate gradients leave an error far below the noise. peakSteps don't, and needn't: the unit only has to be the
	// same in training.
	wienerSteps, peakSteps = 10, 3
	// wienerPrior is the standard deviation with the smallest error on galaxies whose peak is 1. peakPrior makes the unit about the peak of y:
	// 0.6 to 0.9 of it for most galaxies of 32 pixels seen through a PSF of σ = 1.5 pixels, 0.35 to 0.85 for 2.2 pixels, less where noise is high.
	wienerPrior, peakPrior = 0.03, 0.3
)

// Standardize divides observations, and their noise, so that the peak of the galaxy *without* its blur is about 1: each by the largest
// value, within the central half, of its Wiener deconvolution. What was divided by is in Images.Scale, multiplied with a Scale that was
// there before. Models that are trained so ([Config].Standardized) do it themselves.
func Standardize(observations *Observations) (*Observations, error) {
	o, err := observations.Complete()
	if err != nil {
		return nil, err
	}
	out, units, err := standardized(o)
	if err != nil {
		return nil, err
	}
	scale := slices.Repeat([]float64{1}, o.Images.N)
	if o.Images.Scale != nil {
		copy(scale, o.Images.Scale)
	}
	for i, u := range units {
		scale[i] *= u
	}
	out.Images.Scale = scale
	return out, nil
}

// standardized divides complete observations, and their noise, by the unit of each.
func standardized(o *Observations) (out *Observations, units []float64, err error) {
	out = &Observations{Images: o.Images.Select(indices(o.Images.N)...), PSFs: o.PSFs, Noise: make([]float64, o.Images.N)}
	out.Images.Scale = nil
	// First by what is seen, which may be of any size, beyond what squares in float32 can hold.
	peaks, err := out.Images.Peaks()
	if err != nil {
		return nil, nil, err
	}
	if err := out.Images.Divide(peaks); err != nil {
		return nil, nil, err
	}
	levels := make([]float32, o.Images.N)
	for i, p := range peaks {
		_, noise := o.At(i)
		levels[i] = float32(noise / p)
	}
	sharp, err := apply(out, sharpen, levels)
	if err != nil {
		return nil, nil, err
	}
	if units, err = sharp.Peaks(); err != nil {
		return nil, nil, err
	}
	if err := out.Images.Divide(units); err != nil {
		return nil, nil, err
	}
	for i, p := range peaks {
		_, noise := o.At(i)
		units[i] *= p
		out.Noise[i] = noise / units[i]
	}
	return out, units, nil
}

func indices(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

// observationStream is the stream of random numbers of a seed that noise is drawn from; no candidate's is this one.
const observationStream = ^uint64(0)

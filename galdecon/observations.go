package galdecon

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/gomlx/gomlx/core/graph"

	"galdecon/galdecon/backend"
	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/internal/executor"
	"galdecon/galdecon/internal/random"
	"galdecon/galdecon/posterior"
	"galdecon/galdecon/psf"
)

// Observations are blurred images x = Π*y + n, with what must be known of each to ask for y. They are also what a session takes
// (kernels/session).
type Observations = posterior.Observations

// Observe is what a telescope makes of clean galaxies y [n, height, width, channels]: x = Π*y + n, with a PSF for each galaxy or
// one for all, and white noise of the given standard deviation in units of y, drawn from the seed.
func Observe(galaxies *galaxy.Images, kernels []psf.PSF, noise float64, seed int64) (*Observations, error) {
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
	sharpen = lazily(func(in []*graph.Node) *graph.Node { return sharp(in[0], in[1], in[2]) })
)

// sharp is x [batch, height, width, channels], deconvolved by Wiener's filter so that it has about the peak of y. It is in proportion to x;
// noise is [batch].
func sharp(x, psfs, noise *graph.Node) *graph.Node {
	seen := graph.MaxScalar(graph.Reshape(peak(x), noise.Shape().Dimensions...), faint)
	lambda := graph.Square(graph.DivScalar(graph.MaxScalar(graph.Div(noise, seen), psf.MinNoise), peakPrior))
	return psf.WienerStep(x, x, psfs, lambda, peakSteps)
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
	images, psfs, err := o.Tensors()
	if err != nil {
		return nil, err
	}
	exec, err := compiled()
	if err != nil {
		return nil, errors.Join(err, executor.Free(images, psfs))
	}
	out, err := executor.Images(exec, append([]any{images, psfs}, more...)...)
	if err != nil {
		return nil, fmt.Errorf("galdecon: cannot convolve: %w", err)
	}
	out.LabelAs(o.Images)
	return out, nil
}

const (
	// peakSteps of conjugate gradients leave an error, which doesn't matter: the unit only has to be the same in training.
	peakSteps = 3
	// peakPrior makes the unit about the peak of y: 0.6 to 0.9 of it for most galaxies of 32 pixels seen through a PSF of
	// σ = 1.5 pixels, 0.35 to 0.85 for 2.2 pixels, less where noise is high.
	peakPrior = 0.3
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
	out = &Observations{Images: o.Images.Clone(), PSFs: o.PSFs, Noise: make([]float64, o.Images.N)}
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

// observationStream is the stream of random numbers of a seed that noise is drawn from; no candidate's is this one.
const observationStream = ^uint64(0)

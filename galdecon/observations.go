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

// Observations are blurred images x = Π*y + n, with what must be known of each to ask for y. They
// are also what a session takes (kernels/session).
type Observations = posterior.Observations

// NewObservations returns observations x [n, height, width, channels] with their PSFs, one for each
// image or one for all, on the pixel grid of the images. noise is the standard deviation of their
// white noise in units of the pixels, one for each image or one for all; where it is empty it is
// estimated. What doesn't fit together is an error, see [posterior.NewObservations].
func NewObservations(images *galaxy.Images, psfs []psf.PSF, noise []float64) (*Observations,
	error) {
	return posterior.NewObservations(images, psfs, noise)
}

// Observe returns what a telescope makes of clean galaxies y [n, height, width, channels],
// x = Π*y + n, with a PSF for each galaxy or one for all, on the pixels of y, and white noise of
// the given standard deviation in units of y, ≥ 0, drawn from the seed.
func Observe(galaxies *galaxy.Images, psfs []psf.PSF, noise float64, seed int64) (*Observations,
	error) {
	o, err := posterior.NewObservations(galaxies, psfs, []float64{noise})
	if err != nil {
		return nil, err
	}
	x, err := apply(o, observer, random.State(seed, observationStream), float32(noise))
	if err != nil {
		return nil, err
	}
	return posterior.NewObservations(x, psfs, o.Noise())
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

// sharp returns x [batch, height, width, channels], deconvolved by Wiener's filter so that it has
// about the peak of y. It is in proportion to x; noise is [batch].
func sharp(x, psfs, noise *graph.Node) *graph.Node {
	seen := graph.MaxScalar(graph.Reshape(peak(x), noise.Shape().Dimensions...), faint)
	lambda := graph.Square(graph.DivScalar(graph.MaxScalar(graph.Div(noise, seen), psf.MinNoise),
		peakPrior))
	return psf.WienerStep(x, x, psfs, lambda, peakSteps)
}

// peak returns what galaxy.Images.Peaks does, within a graph, [batch, 1, 1, 1].
func peak(x *graph.Node) *graph.Node {
	h, w := x.Shape().Dimensions[1], x.Shape().Dimensions[2]
	center := graph.Slice(x, graph.AxisRange(), graph.AxisRange(h/4, h-h/4),
		graph.AxisRange(w/4, w-w/4))
	return graph.ReduceAndKeep(center, graph.ReduceMax, 1, 2, 3)
}

// standardize does what Standardize does, within a graph, to clean images y too, all in units of y,
// whose peak is about 1.
func standardize(y, x, psfs, noise *graph.Node) (ys, xs, noises *graph.Node) {
	unit := graph.MaxScalar(peak(sharp(x, psfs, noise)), faint)
	return graph.Div(y, unit), graph.Div(x, unit), graph.Div(noise,
		graph.Reshape(unit, noise.Shape().Dimensions...))
}

// faint stands for the peak of an image without a galaxy, which can be drawn in training.
const faint = 1e-3

func lazily(f func([]*graph.Node) *graph.Node) func() (*graph.Exec, error) {
	return sync.OnceValues(func() (*graph.Exec, error) { return backend.NewExec(f) })
}

// apply runs a function of observations and more, whose result has the shape of the images, and
// labels it as these are.
func apply(o *Observations, compiled func() (*graph.Exec, error), more ...any) (*galaxy.Images,
	error) {
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
	out.LabelAs(o.Images())
	return out, nil
}

const (
	// peakSteps of conjugate gradients leave an error, which doesn't matter: the unit only has to
	// be the same in training.
	peakSteps = 3
	// peakPrior makes the unit about the peak of y: 0.6 to 0.9 of it for most galaxies of 32 pixels
	// seen through a PSF of σ = 1.5 pixels, 0.35 to 0.85 for 2.2 pixels, less where noise is high.
	peakPrior = 0.3
)

// Standardize divides observations, and their noise, so that the peak of the galaxy *without* its
// blur is about 1: each by the largest value, within the central half, of its Wiener deconvolution.
// What was divided by is in Images.Scale, multiplied with a Scale that was there before. It is an
// error if one has no positive value there. Models that are trained so ([Config].Standardized) do
// it themselves.
func Standardize(observations *Observations) (*Observations, error) {
	if err := observations.Validate(); err != nil {
		return nil, err
	}
	out, units, dark, err := standardized(observations)
	if err != nil {
		return nil, err
	}
	if len(dark) > 0 {
		return nil, fmt.Errorf("galdecon: %s has no positive value within its central half; "+
			"is the galaxy in the center?", observations.Images().ID(dark[0]))
	}
	scale := slices.Repeat([]float64{1}, observations.N())
	copy(scale, observations.Images().Scale)
	for i, u := range units {
		scale[i] *= u
	}
	out.Images().Scale = scale
	return out, nil
}

// standardized divides observations, and their noise, by the unit of each. dark are those without
// one, if there are any; there is nothing else then.
func standardized(o *Observations) (out *Observations, units []float64, dark []int, err error) {
	images := o.Images().Clone()
	images.Scale = nil
	// First by what is seen, which may be of any size, beyond what squares in float32 can hold.
	peaks, dark := peaksOf(images)
	if len(dark) > 0 {
		return nil, nil, dark, nil
	}
	if err := images.Divide(peaks); err != nil {
		return nil, nil, nil, err
	}
	noise, levels := make([]float64, o.N()), make([]float32, o.N())
	for i, p := range peaks {
		_, n := o.At(i)
		noise[i], levels[i] = n/p, float32(n/p)
	}
	out, err = posterior.NewObservations(images, o.PSFs(), noise)
	if err != nil {
		return nil, nil, nil, err
	}
	sharp, err := apply(out, sharpen, levels)
	if err != nil {
		return nil, nil, nil, err
	}
	if units, dark = peaksOf(sharp); len(dark) > 0 {
		return nil, nil, dark, nil
	}
	if err := images.Divide(units); err != nil {
		return nil, nil, nil, err
	}
	for i, p := range peaks {
		_, n := o.At(i)
		units[i] *= p
		noise[i] = n / units[i]
	}
	return out, units, nil, nil
}

// peaksOf returns the largest value of each image within its central half, and the numbers of those
// where it isn't positive.
func peaksOf(images *galaxy.Images) (peaks []float64, dark []int) {
	for i := range images.N {
		peak, err := images.Select(i).Peaks()
		if err != nil {
			dark = append(dark, i)
			peak = []float64{0}
		}
		peaks = append(peaks, peak[0])
	}
	return peaks, dark
}

// observationStream is the stream of random numbers of a seed that noise is drawn from; no
// candidate's is this one.
const observationStream = ^uint64(0)

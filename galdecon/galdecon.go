// Package galdecon is what a notebook imports first: an experiment in probabilistic deconvolution of galaxies, after Xue, Li,
// Patel and Regier (2023). It only composes: clean galaxies ([galaxy]), an instrument that blurs them ([psf]), a model
// ([ddpm] with the network of [unet], or [cvae]), its training ([fit]), and candidates with their scores ([score]).
//
//	config, err := galdecon.Preset("tiny")
//	err = galdecon.Train(ctx, config, galaxies, "checkpoints/tiny", nil)
//	deconvolver, err := galdecon.Load("checkpoints/tiny")
//	posteriors, err := deconvolver.Sample(ctx, observations, kernels, 8, seed)
package galdecon

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"galdecon/galdecon/backend"
	"galdecon/galdecon/cvae"
	"galdecon/galdecon/ddpm"
	"galdecon/galdecon/fit"
	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/psf"
	"galdecon/galdecon/score"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
)

// Train trains a model on clean galaxies [n, Size, Size, Channels] and leaves it in the folder dir. It goes on where an
// interrupted training stopped, and returns at once where it was finished. report, which may be nil, is called after every
// step. When ctx ends, the model is saved and ctx's error returned.
func Train(ctx context.Context, c Config, galaxies *galaxy.Images, dir string, report func(fit.Progress)) error {
	if err := c.Validate(); err != nil {
		return err
	}
	if err := c.fits(galaxies); err != nil {
		return err
	}
	if err := c.Fit.Accepts(galaxies); err != nil {
		return err // before a folder is made
	}
	device, err := backend.Default()
	if err != nil {
		return err
	}
	if err := c.save(dir); err != nil {
		return err
	}
	if err := saveIdentity(dir, galaxies); err != nil {
		return err
	}
	err = fit.Run(ctx, device, c.Fit, galaxies, c.loss, dir, report)
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return fmt.Errorf("galdecon: training was interrupted and saved in %s; run it again to go on: %w", dir, err)
	}
	return err
}

// loss is that of the model, Eq. 2 or Eq. 1, for clean galaxies y, each seen through the instrument.
func (c Config) loss(scope *model.Scope, y *graph.Node) *graph.Node {
	x, psfs := c.Instrument.Observe(scope, y)
	if c.CVAE != nil {
		return c.CVAE.Loss(scope, y, x, psfs)
	}
	return c.Diffusion.Loss(scope, y, ddpm.Condition{X: x, PSFs: psfs, Noise: c.Instrument.Noise})
}

// posterior draws candidates from a trained model; see [ddpm.Posterior].
type posterior interface {
	Draw(rng, x, psfs *tensors.Tensor) (samples, reblurred *tensors.Tensor, err error)
}

// posterior prepares the drawing from the model with trained weights.
func (c Config) posterior(device compute.Backend, weights *model.Scope) (posterior, error) {
	if c.CVAE != nil {
		return cvae.NewPosterior(device, *c.CVAE, weights)
	}
	return ddpm.NewPosterior(device, c.Diffusion, c.Sampler, weights, c.Instrument.Noise)
}

// Observe is what a telescope makes of clean galaxies y [n, height, width, channels]: x = Π*y + n, with a PSF for each galaxy or
// one for all, and white noise of the given standard deviation in units of y, drawn from the seed.
func Observe(galaxies *galaxy.Images, kernels []psf.Kernel, noise float64, seed int64) (*galaxy.Images, error) {
	if !(noise >= 0) {
		return nil, fmt.Errorf("galdecon: the noise must be ≥ 0 in units of the image, got %g", noise)
	}
	rng, err := randomState(seed, observationStream)
	if err != nil {
		return nil, err
	}
	return apply(observer, "galaxies", galaxies, kernels, rng, float32(noise))
}

// Graph functions of images and their PSFs, compiled once for each shape.
var (
	observer = executor(func(in []*graph.Node) *graph.Node {
		y, psfs, rng, noise := in[0], in[1], in[2], in[3]
		_, z := graph.RandomNormal(rng, y.Shape())
		return graph.Add(psf.Convolve(y, psfs), graph.Mul(z, noise))
	})
	wiener = executor(func(in []*graph.Node) *graph.Node {
		x, psfs, lambda := in[0], in[1], in[2]
		return psf.Correct(x, x, psfs, lambda, wienerSteps)
	})
)

func executor(f func([]*graph.Node) *graph.Node) func() (*graph.Exec, error) {
	return sync.OnceValues(func() (*graph.Exec, error) {
		device, err := backend.Default()
		if err != nil {
			return nil, err
		}
		return graph.NewExec(device, f)
	})
}

// apply runs a function of images (called what in errors), PSFs and more, whose result has the shape of the images; it keeps their IDs
// and scales.
func apply(executor func() (*graph.Exec, error), what string, images *galaxy.Images, kernels []psf.Kernel, more ...any) (*galaxy.Images, error) {
	if err := images.Validate(); err != nil {
		return nil, err
	}
	if err := enough(kernels, what, images); err != nil {
		return nil, err
	}
	psfs, err := psf.Stack(kernels...)
	if err != nil {
		return nil, err
	}
	exec, err := executor()
	if err != nil {
		return nil, err
	}
	inputs := []any{images.Tensor(), tensors.FromFlatDataAndDimensions(psfs, len(kernels), kernels[0].Size, kernels[0].Size)}
	result, err := exec.Call1(append(inputs, more...)...)
	if err != nil {
		return nil, fmt.Errorf("galdecon: cannot convolve: %w", err)
	}
	out, err := galaxy.FromTensor(result)
	if err != nil {
		return nil, err
	}
	out.IDs, out.Scale = images.IDs, images.Scale
	return out, nil
}

// enough reports PSFs that are neither one for each image nor one for all.
func enough(kernels []psf.Kernel, what string, images *galaxy.Images) error {
	if len(kernels) != 1 && len(kernels) != images.N {
		return fmt.Errorf("galdecon: %d %s need as many PSFs, or one for all; got %d", images.N, what, len(kernels))
	}
	return nil
}

// Wiener is the classical deconvolution of observations x [n, height, width, channels], with a PSF for each or one for all: Wiener's
// filter with white noise of the given standard deviation, for y that differs from x by a white field of standard deviation prior,
// both in units of x. It is what a candidate must be compared with, beside doing nothing.
func Wiener(x *galaxy.Images, kernels []psf.Kernel, noise, prior float64) (*galaxy.Images, error) {
	if !(noise > 0) || !(prior > 0) {
		return nil, fmt.Errorf("galdecon: Wiener's filter needs positive standard deviations of the noise and the prior, got %g and %g", noise, prior)
	}
	return apply(wiener, "observations", x, kernels, float32(noise*noise/(prior*prior)))
}

const (
	// wienerSteps of conjugate gradients leave an error far below the noise.
	wienerSteps = 10
	// wienerPrior is the standard deviation with the smallest error on galaxies whose peak is 1, peakPrior the one that best gives
	// back their peak: 0.7 to 1.1 of it for PSFs of σ = 1 to 1.5 pixels, 0.6 to 0.9 for 2 pixels.
	wienerPrior, peakPrior = 0.03, 0.3
)

// Standardize divides observations so that the peak of the galaxy *without* its blur is about 1, as models are trained: each by the
// largest value, within the central half, of its Wiener deconvolution. What was divided by is in Scale, multiplied with a Scale
// that was there before. noise is that of x, in units of x's peak.
func Standardize(x *galaxy.Images, kernels []psf.Kernel, noise float64) (*galaxy.Images, error) {
	peaks, err := x.Peaks()
	if err != nil {
		return nil, err
	}
	out := x.Select(indices(x.N)...)
	if out.Scale == nil {
		out.Scale = make([]float64, x.N)
		for i := range out.Scale {
			out.Scale[i] = 1
		}
	}
	out.Divide(peaks)
	sharp, err := Wiener(out, kernels, noise, peakPrior)
	if err != nil {
		return nil, err
	}
	if peaks, err = sharp.Peaks(); err != nil {
		return nil, err
	}
	out.Divide(peaks)
	return out, nil
}

func indices(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

// Streams of random numbers of one seed.
const observationStream = ^uint64(0) // no chunk of samples is this one

// randomState is GoMLX's state for one stream of a seed. (GoMLX's own seeds repeat after 2³¹−1.)
func randomState(seed int64, stream uint64) (*tensors.Tensor, error) {
	random := rand.New(rand.NewPCG(uint64(seed), stream))
	state, err := graph.RNGStateFromSeed(random.Int64())
	if err != nil {
		return nil, fmt.Errorf("galdecon: cannot seed the random numbers: %w", err)
	}
	return state, nil
}

// Interruptible is a context that ends when the notebook's cell, or the program, is interrupted: a training that is given it
// saves and stops.
func Interruptible() context.Context {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second interrupt ends the program
	return ctx
}

// fits reports images that the model isn't made for.
func (c Config) fits(images *galaxy.Images) error {
	if err := images.Validate(); err != nil {
		return err
	}
	if images.Height != c.Size || images.Width != c.Size || images.Channels != c.Channels {
		return fmt.Errorf("galdecon: the model takes images of %d×%d pixels with %d channel(s), these are %d×%d with %d; see galaxy.Images.Prepare",
			c.Size, c.Size, c.Channels, images.Height, images.Width, images.Channels)
	}
	return nil
}

// Deconvolver draws candidates from a trained model.
type Deconvolver struct {
	Config    Config
	posterior posterior
}

// Load reads the model in the folder dir.
func Load(dir string) (*Deconvolver, error) {
	c, err := loadConfig(dir)
	if err != nil {
		return nil, err
	}
	device, err := backend.Default()
	if err != nil {
		return nil, err
	}
	store, err := fit.Load(dir)
	if err != nil {
		return nil, err
	}
	posterior, err := c.posterior(device, fit.Average(store))
	if err != nil {
		return nil, err
	}
	return &Deconvolver{Config: c, posterior: posterior}, nil
}

// inRange reports observations that the model wasn't trained for: pixels that aren't scaled as those of clean galaxies with a peak of 1,
// or noisier ones, which it would take for structure.
func (c Config) inRange(x *galaxy.Images) error {
	noise, err := score.NoiseLevel(x)
	if err != nil {
		return err
	}
	for i := range x.N {
		peak := 0.0
		for _, v := range x.At(i) {
			peak = max(peak, math.Abs(float64(v)))
		}
		if peak < 1e-2 || peak > 3 {
			return fmt.Errorf("galdecon: the largest pixel of %s is %.3g, but the model takes galaxies whose peak without blur is 1; see galdecon.Standardize", x.ID(i), peak)
		}
		// The estimate of a noise-free image is above 0: some of the galaxy passes for noise.
		if limit := max(2*c.Instrument.Noise, 2e-3); noise[i] > limit {
			return fmt.Errorf("galdecon: %s has noise of about %.2g, but the model was trained for %.2g: train one with \"noise\": %.2g in its instrument",
				x.ID(i), noise[i], c.Instrument.Noise, noise[i])
		}
	}
	return nil
}

// Posterior is what a model says about one observation.
type Posterior struct {
	// Observation is x, [1, Size, Size, Channels], and PSF its Π.
	Observation *galaxy.Images
	PSF         psf.Kernel
	// Samples are the candidates y, [n, Size, Size, Channels], and Reblurred is Π*y of each.
	Samples, Reblurred *galaxy.Images
	// Noise is the standard deviation of the noise of x that the model was trained for.
	Noise float64
	// Seed is what the candidates were drawn with.
	Seed int64
}

// chunk is how many samples are drawn at a time: it bounds memory, and is enough to keep a device busy.
const chunk = 64

// Sample draws n candidates for each observation x [m, Size, Size, Channels], seen through its own PSF or one for all. Pixels of x
// must be scaled so that the peak of the galaxy without its blur is about 1, see [Standardize]; noisier observations than the model
// was trained for are refused.
func (d *Deconvolver) Sample(ctx context.Context, x *galaxy.Images, kernels []psf.Kernel, n int, seed int64) ([]Posterior, error) {
	c := d.Config
	if err := c.fits(x); err != nil {
		return nil, err
	}
	if err := c.inRange(x); err != nil {
		return nil, err
	}
	if n < 1 {
		return nil, fmt.Errorf("galdecon: at least one sample must be drawn, got %d", n)
	}
	if err := enough(kernels, "observations", x); err != nil {
		return nil, err
	}
	posteriors := make([]Posterior, x.N)
	for i := range posteriors {
		kernel, err := kernels[i%len(kernels)].Resize(c.Instrument.Size)
		if err != nil {
			return nil, fmt.Errorf("galdecon: the PSF of %s: %w", x.ID(i), err)
		}
		posteriors[i] = Posterior{
			Observation: x.Select(i), PSF: kernel, Noise: c.Instrument.Noise, Seed: seed,
			Samples: galaxy.NewImages(n, c.Size, c.Size, c.Channels), Reblurred: galaxy.NewImages(n, c.Size, c.Size, c.Channels),
		}
	}
	// All chunks have one size, so that one executable serves them; the last is filled up with repetitions.
	total := x.N * n
	size := min(total, chunk)
	each := c.Size * c.Size * c.Channels
	for from := 0; from < total; from += size {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		var pixels, psfs []float32
		for k := range size {
			p := posteriors[(from+k)%total/n]
			pixels, psfs = append(pixels, p.Observation.Pixels...), append(psfs, p.PSF.Weights...)
		}
		y, xy, err := d.draw(pixels, psfs, size, seed, uint64(from))
		if err != nil {
			return nil, err
		}
		for k := range min(size, total-from) {
			p := posteriors[(from+k)/n]
			copy(p.Samples.At((from+k)%n), y[k*each:(k+1)*each])
			copy(p.Reblurred.At((from+k)%n), xy[k*each:(k+1)*each])
		}
	}
	return posteriors, nil
}

// draw draws one chunk and copies it to the host, with a stream of random numbers of its own; the device's memory is freed.
func (d *Deconvolver) draw(pixels, psfs []float32, size int, seed int64, stream uint64) (samples, reblurred []float32, err error) {
	c := d.Config
	rng, err := randomState(seed, stream)
	if err != nil {
		return nil, nil, err
	}
	x := tensors.FromFlatDataAndDimensions(pixels, size, c.Size, c.Size, c.Channels)
	kernels := tensors.FromFlatDataAndDimensions(psfs, size, c.Instrument.Size, c.Instrument.Size)
	y, xy, err := d.posterior.Draw(rng, x, kernels)
	if err != nil {
		return nil, nil, err
	}
	samples, errSamples := tensors.CopyFlatData[float32](y)
	reblurred, errReblurred := tensors.CopyFlatData[float32](xy)
	err = errors.Join(errSamples, errReblurred, rng.FinalizeAll(), x.FinalizeAll(), kernels.FinalizeAll(), y.FinalizeAll(), xy.FinalizeAll())
	if err != nil {
		return nil, nil, fmt.Errorf("galdecon: cannot copy the samples from the device: %w", err)
	}
	return samples, reblurred, nil
}

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
	"os"
	"os/signal"
	"syscall"

	"galdecon/galdecon/backend"
	"galdecon/galdecon/cvae"
	"galdecon/galdecon/ddpm"
	"galdecon/galdecon/fit"
	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/psf"

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
	err = fit.Run(ctx, device, c.Fit, galaxies, c.loss, dir, report)
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return fmt.Errorf("galdecon: training was interrupted; what it has reached is saved in %s, run it again to go on: %w", dir, err)
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
	if err := galaxies.Validate(); err != nil {
		return nil, err
	}
	if len(kernels) != 1 && len(kernels) != galaxies.N {
		return nil, fmt.Errorf("galdecon: %d galaxies need as many PSFs, or one for all; got %d", galaxies.N, len(kernels))
	}
	if !(noise >= 0) {
		return nil, fmt.Errorf("galdecon: the noise must be ≥ 0 in units of the image, got %g", noise)
	}
	psfs, err := psf.Stack(kernels...)
	if err != nil {
		return nil, err
	}
	device, err := backend.Default()
	if err != nil {
		return nil, err
	}
	rng, err := graph.RNGStateFromSeed(seed)
	if err != nil {
		return nil, fmt.Errorf("galdecon: cannot seed the random numbers: %w", err)
	}
	x, err := graph.CallOnce(device, func(y, psfs, rng *graph.Node) *graph.Node {
		_, z := graph.RandomNormal(rng, y.Shape())
		return graph.Add(psf.Convolve(y, psfs), graph.MulScalar(z, noise))
	}, galaxies.Tensor(), tensors.FromFlatDataAndDimensions(psfs, len(kernels), kernels[0].Size, kernels[0].Size), rng)
	if err != nil {
		return nil, fmt.Errorf("galdecon: cannot convolve: %w", err)
	}
	out, err := galaxy.FromTensor(x)
	if err != nil {
		return nil, err
	}
	out.IDs, out.Scale = galaxies.IDs, galaxies.Scale
	return out, nil
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

// inScale reports observations that aren't scaled as clean galaxies are, with peaks near 1.
func inScale(x *galaxy.Images) error {
	for i := range x.N {
		peak := 0.0
		for _, v := range x.At(i) {
			peak = max(peak, math.Abs(float64(v)))
		}
		if peak < 1e-3 || peak > 10 {
			return fmt.Errorf("galdecon: the largest pixel of %s is %.3g, but the model takes galaxies with peaks near 1; see galaxy.Images.Prepare", x.ID(i), peak)
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
	// Seed is what the candidates were drawn with.
	Seed int64
}

// chunk is how many samples are drawn at a time: it bounds memory, and is enough to keep a device busy.
const chunk = 64

// Sample draws n candidates for each observation x [m, Size, Size, Channels], seen through its own PSF or one for all. Pixels of x
// must be scaled as those of clean galaxies are: the peak of the galaxy near 1.
func (d *Deconvolver) Sample(ctx context.Context, x *galaxy.Images, kernels []psf.Kernel, n int, seed int64) ([]Posterior, error) {
	c := d.Config
	if err := c.fits(x); err != nil {
		return nil, err
	}
	if err := inScale(x); err != nil {
		return nil, err
	}
	if n < 1 {
		return nil, fmt.Errorf("galdecon: at least one sample must be drawn, got %d", n)
	}
	if len(kernels) != 1 && len(kernels) != x.N {
		return nil, fmt.Errorf("galdecon: %d observations need as many PSFs, or one for all; got %d", x.N, len(kernels))
	}
	posteriors := make([]Posterior, x.N)
	for i := range posteriors {
		kernel, err := kernels[i%len(kernels)].Resize(c.Instrument.Size)
		if err != nil {
			return nil, fmt.Errorf("galdecon: the PSF of %s: %w", x.ID(i), err)
		}
		posteriors[i] = Posterior{
			Observation: x.Select(i), PSF: kernel, Seed: seed,
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
		// Every chunk has a stream of random numbers of its own.
		rng, err := graph.RNGStateFromSeed(seed + int64(from)<<32)
		if err != nil {
			return nil, fmt.Errorf("galdecon: cannot seed the random numbers: %w", err)
		}
		samples, reblurred, err := d.posterior.Draw(rng,
			tensors.FromFlatDataAndDimensions(pixels, size, c.Size, c.Size, c.Channels),
			tensors.FromFlatDataAndDimensions(psfs, size, c.Instrument.Size, c.Instrument.Size))
		if err != nil {
			return nil, err
		}
		y, xy := tensors.MustCopyFlatData[float32](samples), tensors.MustCopyFlatData[float32](reblurred)
		for k := range min(size, total-from) {
			p := posteriors[(from+k)/n]
			copy(p.Samples.At((from+k)%n), y[k*each:(k+1)*each])
			copy(p.Reblurred.At((from+k)%n), xy[k*each:(k+1)*each])
		}
	}
	return posteriors, nil
}

// Package galdecon is what a notebook imports first: an experiment in probabilistic deconvolution of galaxies, after Xue, Li,
// Patel and Regier (2023). It only composes: clean galaxies ([galaxy]), an instrument that blurs them ([psf]), a model
// ([ddpm] with the network of [unet], or [cvae]), its training ([fit]), and candidates with their scores ([score]).
//
//	config, err := galdecon.Preset("tiny")
//	err = galdecon.Train(ctx, config, galaxies, "checkpoints/tiny", nil)
//	deconvolver, err := galdecon.Load("checkpoints/tiny")
//	posteriors, err := deconvolver.Sample(ctx, observations, 8, seed)
package galdecon

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"os"
	"os/signal"
	"reflect"
	"slices"
	"strings"
	"sync"
	"syscall"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"galdecon/galdecon/backend"
	"galdecon/galdecon/cvae"
	"galdecon/galdecon/ddpm"
	"galdecon/galdecon/fit"
	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/internal/executor"
	"galdecon/galdecon/posterior"
	"galdecon/galdecon/psf"
	"galdecon/galdecon/random"
)

// Train trains a model on clean galaxies [n, Size, Size, Channels] and leaves it in the folder dir. It goes on where an
// interrupted training stopped, and returns at once where it was finished. report, which may be nil, is called after every
// step. When ctx ends, the model after the last whole step is saved and ctx's error returned. It begins with random weights, or
// with those of the model that c.Fit.Begin names, which must be of the same kind.
func Train(ctx context.Context, c Config, galaxies *galaxy.Images, dir string, report func(fit.Progress)) error {
	if err := c.begins(dir); err != nil {
		return err
	}
	trainer, err := NewTrainer(c, galaxies)
	if err != nil {
		return err // before a folder is made
	}
	defer trainer.Close()
	return trainer.Train(ctx, c, dir, report)
}

// Trainer trains models of one configuration, which may differ in the weights of a CVAE's loss, on the same galaxies with one
// compilation.
type Trainer struct {
	trainer  *fit.Trainer
	galaxies *galaxy.Images
}

// NewTrainer returns a trainer of models of a configuration on clean galaxies [n, Size, Size, Channels]. Close it after use.
func NewTrainer(c Config, galaxies *galaxy.Images) (*Trainer, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if err := c.fits(galaxies); err != nil {
		return nil, err
	}
	device, err := backend.Default()
	if err != nil {
		return nil, err
	}
	trainer, err := fit.NewTrainer(device, c.Fit, galaxies, c.loss)
	if err != nil {
		return nil, err
	}
	return &Trainer{trainer, galaxies}, nil
}

// Close frees the device's memory.
func (t *Trainer) Close() { t.trainer.Close() }

// Train trains a model as [Train] does. Its configuration is that of the trainer but for the weights of a CVAE's loss.
func (t *Trainer) Train(ctx context.Context, c Config, dir string, report func(fit.Progress)) error {
	prepare := func() error {
		if err := c.save(dir); err != nil {
			return err
		}
		return saveIdentity(dir, t.galaxies)
	}
	err := t.trainer.Run(ctx, dir, c.inputs(), prepare, report)
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return fmt.Errorf("galdecon: training was interrupted, and its whole steps are saved in %s; run it again to go on: %w", dir, err)
	}
	return err
}

// begins reports a model to begin the training in dir with whose weights mean something else, though they may have the same shapes.
func (c Config) begins(dir string) error {
	if c.Fit.Begin == "" {
		return nil
	}
	if step, err := fit.Step(dir); err != nil || step > 0 {
		return err // it has begun
	}
	from, err := loadConfig(c.Fit.Begin)
	if err != nil {
		return fmt.Errorf("galdecon: cannot begin with the weights of another model: %w", err)
	}
	alike := c
	alike.Diffusion, alike.CVAE, alike.Standardized = from.Diffusion, from.CVAE, from.Standardized
	if !reflect.DeepEqual(alike, c) {
		return fmt.Errorf("galdecon: the model in %s is of another kind%s; begin with one that has the same network, see Config", c.Fit.Begin, difference(alike, c))
	}
	return nil
}

// loss is that of the model, Eq. 2 or Eq. 1, for clean galaxies y, each seen through the instrument.
func (c Config) loss(scope *model.Scope, y *graph.Node) *graph.Node {
	x, psfs, noise := c.Instrument.Observe(scope, y)
	if c.Standardized {
		y, x, noise = standardize(y, x, psfs, noise)
	}
	if c.CVAE != nil {
		terms := c.CVAE.Terms(scope, y, x, psfs)
		fit.Report(scope, "clean", terms.Clean)
		fit.Report(scope, "blurred", terms.Blurred)
		fit.Report(scope, "KL", terms.KL)
		return terms.Loss(fit.Input(scope, y, "alpha"), fit.Input(scope, y, "beta"))
	}
	return c.Diffusion.Loss(scope, y, ddpm.Condition{X: x, PSFs: psfs, Noise: noise})
}

// Export copies the model in the folder dir into the folder to, with nothing but what [Load] needs: an eighth of the size. It can't be
// trained further.
func Export(dir, to string) error {
	c, err := loadConfig(dir)
	if err != nil {
		return err
	}
	return c.ship(to, func() error { return fit.Export(dir, to) })
}

// ship makes a model, whose weights write writes, in the folder dir, where there may be none.
func (c Config) ship(dir string, write func() error) error {
	step, err := fit.Step(dir)
	if err != nil {
		return err
	}
	if step > 0 {
		return fmt.Errorf("galdecon: there is a model in %s; choose another folder", dir)
	}
	if err := c.save(dir); err != nil {
		return err
	}
	return write()
}

// Import makes a model in the folder dir, where there may be none, of weights that are in a file of PyTorch's tensors: those of the
// paper's released program, see [unet.Paper.LoadStateDict]. The configuration must be that of the weights, with the paper's network, as
// the preset paper has, and the T that they were trained with; it counts as trained for its Fit.Steps. The model can't be trained
// further, but another can begin with it, see [fit.Config].
//
//	config, err := galdecon.Preset("paper")
//	config.Diffusion.T, config.Sampler.Steps = 1000, 1000
//	err = galdecon.Import(config, "model.npz", "checkpoints/released")
//	deconvolver, err := galdecon.Load("checkpoints/released")
func Import(c Config, stateDict, dir string) error {
	if err := c.Validate(); err != nil {
		return err
	}
	if c.CVAE != nil || c.Diffusion.Paper == nil {
		return errors.New("galdecon: weights of the released program are for the paper's network; start from the preset paper")
	}
	store := model.NewStore()
	alphaBar, err := c.Diffusion.Paper.LoadStateDict(fit.Average(store).In("unet"), stateDict)
	if err != nil {
		return err
	}
	if alphaBar != nil {
		if err := c.trainedWith(alphaBar); err != nil {
			return fmt.Errorf("galdecon: the weights in %s %w", stateDict, err)
		}
	}
	return c.ship(dir, func() error { return fit.Import(store, dir, c.Fit.Steps) })
}

// trainedWith reports a noise schedule ᾱ_0 to ᾱ_T that isn't the configuration's.
func (c Config) trainedWith(alphaBar []float32) error {
	schedule, err := c.Diffusion.Schedule()
	if err != nil {
		return err
	}
	if T := len(alphaBar) - 1; T != schedule.T() {
		return fmt.Errorf("were trained with T = %d, but the configuration says T = %d: set Diffusion.T", T, schedule.T())
	}
	// The released program counts a β_0 as well and stretches the others a little, which is up to 0.0024 of ᾱ for its T = 1000.
	const tolerance = 0.003
	for t, there := range alphaBar {
		if here := schedule.AlphaBar[t]; math.Abs(float64(there)-here) > tolerance {
			return fmt.Errorf("were trained with another noise schedule than the configuration's: at t = %d of %d their ᾱ is %.4g, here it is %.4g", t, schedule.T(), there, here)
		}
	}
	return nil
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
	switch {
	case images.Height != c.Size || images.Width != c.Size:
		return fmt.Errorf("galdecon: the model takes images of %d×%d pixels, these are %d×%d: Prepare galaxies to train on; of an observation take a galaxy.Images.Cutout, or its Average with the PSF rescaled alike (psf.Kernel.Rescale, or Rebin)",
			c.Size, c.Size, images.Height, images.Width)
	case images.Channels != c.Channels:
		return fmt.Errorf("galdecon: the model takes images of %d channel(s), these have %d: deconvolve each channel of an observation with its PSF, or see galaxy.Images.Grey and WithChannels",
			c.Channels, images.Channels)
	}
	return nil
}

// Deconvolver draws candidates from a trained model. It may be used concurrently.
type Deconvolver struct {
	Config  Config
	weights *weights
	// draw is ddpm.Posterior.Draw or its like.
	draw func(rng, x, psfs, noise *tensors.Tensor) (samples, reblurred *tensors.Tensor, err error)
	// path is ddpm.Posterior.Path.
	path func(rng, x, psfs, noise *tensors.Tensor) (*tensors.Tensor, error)
}

// weights are those of a model with all that was prepared, and is compiled at its first use, to draw with them.
type weights struct {
	device compute.Backend
	scope  *model.Scope

	mu        sync.Mutex
	diffusion map[ddpm.Sampler]*ddpm.Posterior
	cvae      *cvae.Posterior
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
	scope, err := loadWeights(dir)
	if err != nil {
		return nil, err
	}
	check := c.Diffusion.Check
	if c.CVAE != nil {
		check = c.CVAE.Check
	}
	if err := check(device, scope, c.Size, c.Channels, c.Instrument.Size); err != nil {
		return nil, fmt.Errorf("galdecon: the checkpoint in %s isn't that of the configuration beside it: %w", dir, err)
	}
	w := &weights{device: device, scope: scope, diffusion: map[ddpm.Sampler]*ddpm.Posterior{}}
	return w.deconvolver(c)
}

// loadWeights reads the averaged weights of the checkpoint in the folder dir. What is there to train them further would take several times
// their memory.
func loadWeights(dir string) (*model.Scope, error) {
	store, err := fit.Load(dir)
	if err != nil {
		return nil, err
	}
	average := fit.Average(store)
	for _, v := range slices.Collect(store.IterVariables()) {
		if !strings.HasPrefix(v.Path(), average.Scope()+"/") {
			if err := store.DeleteVariable(v.Path()); err != nil {
				return nil, fmt.Errorf("galdecon: cannot free %s: %w", v.Path(), err)
			}
		}
	}
	return average, nil
}

// Reload is the same model with the weights of the checkpoint that is in the folder dir by now, where d has been loaded from an earlier
// one. Nothing that is compiled for d, or for another sampler of [Deconvolver.WithSampler], is compiled again. d itself, and what draws
// with it meanwhile, keeps its weights. It is an error if the folder holds another configuration, but for the sampler: d's stays.
func (d *Deconvolver) Reload(dir string) (*Deconvolver, error) {
	stored, err := loadConfig(dir)
	if err != nil {
		return nil, err
	}
	stored.Sampler = d.Config.Sampler
	if !reflect.DeepEqual(stored, d.Config) {
		return nil, fmt.Errorf("galdecon: the model in %s has another configuration%s; read it by galdecon.Load", dir, difference(stored, d.Config))
	}
	scope, err := loadWeights(dir)
	if err != nil {
		return nil, err
	}
	w, err := d.weights.replaced(scope)
	if err != nil {
		return nil, err
	}
	return w.deconvolver(d.Config)
}

// deconvolver draws with the weights, as a configuration of their model says.
func (w *weights) deconvolver(c Config) (*Deconvolver, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	d := &Deconvolver{Config: c, weights: w}
	if c.CVAE != nil {
		if w.cvae == nil {
			p, err := cvae.NewPosterior(w.device, *c.CVAE, w.scope)
			if err != nil {
				return nil, err
			}
			w.cvae = p
		}
		p := w.cvae
		// The CVAE sees the noise in x only.
		d.draw = func(rng, x, psfs, _ *tensors.Tensor) (samples, reblurred *tensors.Tensor, err error) {
			return p.Draw(rng, x, psfs)
		}
		return d, nil
	}
	p := w.diffusion[c.Sampler]
	if p == nil {
		var err error
		if p, err = ddpm.NewPosterior(w.device, c.Diffusion, c.Sampler, w.scope); err != nil {
			return nil, err
		}
		w.diffusion[c.Sampler] = p
	}
	d.draw, d.path = p.Draw, p.Path
	return d, nil
}

// replaced are other weights, with all that was prepared for w.
func (w *weights) replaced(scope *model.Scope) (*weights, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	other := &weights{device: w.device, scope: scope, diffusion: map[ddpm.Sampler]*ddpm.Posterior{}}
	var err error
	if w.cvae != nil {
		if other.cvae, err = w.cvae.WithWeights(scope); err != nil {
			return nil, err
		}
	}
	for sampler, p := range w.diffusion {
		if other.diffusion[sampler], err = p.WithWeights(scope); err != nil {
			return nil, err
		}
	}
	return other, nil
}

// WithSampler is the same diffusion model with another sampler. The weights are shared, and what is compiled for the sampler is kept:
// choosing it again costs nothing.
func (d *Deconvolver) WithSampler(sampler ddpm.Sampler) (*Deconvolver, error) {
	if d.Config.CVAE != nil {
		return nil, errors.New("galdecon: a CVAE has no sampler to choose")
	}
	c := d.Config
	c.Sampler = sampler
	if err := c.Validate(); err != nil {
		return nil, err
	}
	return d.weights.deconvolver(c)
}

// inRange reports observations that the model wasn't trained for: pixels that aren't scaled as those of clean galaxies with a peak of 1, a sky
// that isn't dark, or more noise, which it would take for structure.
func (c Config) inRange(o *Observations) error {
	found, err := o.Images.NoiseLevels()
	if err != nil {
		return err
	}
	for i, edge := range o.Images.Edges() {
		peak, id := 0.0, o.Images.ID(i)
		for _, v := range o.Images.At(i) {
			peak = max(peak, math.Abs(float64(v)))
		}
		if peak < 1e-2 || peak > 3 {
			return fmt.Errorf("galdecon: the largest pixel of %s is %.3g, but the model takes galaxies whose peak without blur is 1; see galdecon.Standardize", id, peak)
		}
		// Of 400 galaxies.Synthetic with any PSF of the presets it is 0.12 at most, of Hubble's 0.05.
		if edge > 0.2 {
			return fmt.Errorf("galdecon: the border of %s is at %.2g of the galaxy's peak, but outside of it the model takes the sky for dark: subtract the sky (galaxy.Images.Sky and Subtract), "+
				"or see more of the sky, with a larger cutout that is averaged down", id, edge)
		}
		_, noise := o.At(i)
		most := max(c.Instrument.NoiseMax, ddpm.MinNoise)
		seen := most
		if c.Standardized {
			seen *= 5 // a galaxy whose peak the PSF has hidden has a unit of a fifth of it; what its candidates say is more, see witness
		}
		if noise > 1.1*seen {
			return tooNoisy(id, noise, most)
		}
		// The estimate of a noise-free image is above 0: some of the galaxy, and of the noise that y has of its own, passes for noise, up to 0.004
		// of the peak with the narrowest PSF.
		if limit := max(2*noise, 6e-3); found[i] > limit {
			return fmt.Errorf("galdecon: %s looks as if it had noise of %.2g, more than twice what its Noise says (%.2g); leave Noise empty to have it estimated", id, found[i], noise)
		}
	}
	return nil
}

func tooNoisy(id string, noise, most float64) error {
	return fmt.Errorf("galdecon: %s has noise of %.2g of the galaxy's peak without blur, but the model was trained for at most %.2g, and its error bars would be too small: "+
		"average pixels, or train a model with a larger \"noise_max\" in its instrument", id, noise, most)
}

// witness is what the first candidates of an observation say of the galaxy's peak, which noise is measured by and blur hides.
type witness struct {
	peaks float64 // their sum
	n     int
}

// witnesses is how many candidates are asked. Their mean peak is right to a few per cent.
const witnesses = 8

// hear takes the next candidates of an observation, and reports that, by the first of them, it has more noise than the model was trained for.
func (w *witness) hear(part Part, most float64) error {
	if part.First == 0 {
		*w = witness{}
	}
	enough := min(part.N, witnesses)
	if w.n == enough {
		return nil
	}
	for k := range min(part.Samples.N, enough-w.n) {
		peak, err := part.Samples.Select(k).Peaks()
		if err == nil { // otherwise it is as dark as the sky
			w.peaks += peak[0]
		}
		w.n++
	}
	// At the most noise of the training one galaxy in a hundred has 4/3 of it by this measure. With 3/2 of the noise a fifth is refused,
	// with twice as much three quarters; of what passes, intervals of fluxes that should hold 68 % of them hold 59 to 67 %.
	if ratio := part.Noise / (w.peaks / float64(w.n)); w.n == enough && !(ratio <= 1.5*most) {
		return tooNoisy(part.Observation.ID(0), ratio, most)
	}
	return nil
}

// Posterior is what a model says about one observation: its candidates.
type Posterior = posterior.Posterior

// Part are some of the candidates of an observation, as they come.
type Part = posterior.Part

// Sample draws n candidates for each observation x [m, Size, Size, Channels], in its units. For a model that isn't
// [Config].Standardized pixels of x must be scaled so that the peak of the galaxy without its blur is about 1, see [Standardize].
// Observations with more noise than the model was trained for, with a sky that isn't dark, or PSFs that are unlike those of its Instrument, are
// refused, and so are more candidates than fit into memory. How much noise there is relative to the galaxy without blur shows in its first
// candidates: a refusal may come after a few of them.
//
// The random numbers of a candidate depend on the seed, on the number of its observation and on its own number, and on nothing else: the
// first 16 of 1000 candidates are those that are drawn when 16 are asked for, up to rounding. Equal calls give equal bits.
//
// What is drawn together has one of a few sizes, each compiled at its first use, so that most numbers of candidates find
// everything compiled.
func (d *Deconvolver) Sample(ctx context.Context, observations *Observations, n int, seed int64) ([]Posterior, error) {
	return posterior.Collect(d.Stream(ctx, observations, n, seed), nil)
}

// Stream draws what [Deconvolver.Sample] draws, and yields the candidates as they come, a few at a time: for work that shows how far it is,
// and for more candidates than one keeps. An error is the last that it yields.
//
//	bar := plotting.NewProgress()
//	posteriors, err := posterior.Collect(d.Stream(ctx, observations, 1000, seed), bar.Update)
func (d *Deconvolver) Stream(ctx context.Context, observations *Observations, n int, seed int64) iter.Seq2[Part, error] {
	return func(yield func(Part, error) bool) {
		o, seen, units, err := d.accept(observations)
		if err == nil && (n < 1 || int64(n) > math.MaxUint32) {
			err = fmt.Errorf("galdecon: at least one candidate must be drawn of each observation, and at most %d, got %d", uint32(math.MaxUint32), n)
		}
		var device compute.Backend
		if err == nil {
			device, err = backend.Default()
		}
		if err != nil {
			yield(Part{}, err)
			return
		}
		c, m := d.Config, o.Images.N
		each, total, from := c.Size*c.Size*c.Channels, m*n, 0
		var heard witness
		for size := range chunks(total, largestChunk(device, c.Size)) {
			if err := ctx.Err(); err != nil {
				yield(Part{}, err)
				return
			}
			var pixels, psfs, noise []float32
			var streams []uint64
			for k := range size {
				at := (from + k) % total // a chunk that isn't full is filled up with repetitions
				kernel, level := seen.At(at / n)
				pixels, psfs = append(pixels, seen.Images.At(at/n)...), append(psfs, kernel.Weights...)
				noise = append(noise, float32(max(level, c.Instrument.NoiseMin)))
				streams = append(streams, stream(at/n, at%n))
			}
			y, xy, err := d.chunk(pixels, psfs, noise, random.States(seed, streams...))
			if err != nil {
				yield(Part{}, err)
				return
			}
			for k := 0; k < min(size, total-from); {
				i, first := (from+k)/n, (from+k)%n
				count := min(n-first, min(size, total-from)-k)
				kernel, level := o.At(i)
				part := Part{Index: i, First: first, N: n, M: m, Posterior: Posterior{
					Observation: o.Images.Select(i), PSF: kernel, Noise: level, Seed: seed,
					Samples: galaxy.NewImages(count, c.Size, c.Size, c.Channels), Reblurred: galaxy.NewImages(count, c.Size, c.Size, c.Channels),
				}}
				scaled(part.Samples.Pixels, y[k*each:(k+count)*each], units[i])
				scaled(part.Reblurred.Pixels, xy[k*each:(k+count)*each], units[i])
				if c.Standardized {
					if err := heard.hear(part, max(c.Instrument.NoiseMax, ddpm.MinNoise)); err != nil {
						yield(Part{}, err)
						return
					}
				}
				if !yield(part, nil) {
					return
				}
				k += count
			}
			from += size
		}
	}
}

// stream is the stream of random numbers of a candidate.
func stream(observation, candidate int) uint64 { return uint64(observation)<<32 | uint64(candidate) }

// chunkSize is how many candidates are drawn at a time: measured with the preset tiny on a CPU, a candidate takes as long in any
// chunk of 4 to 64, and half as long again alone. On other devices larger chunks pay.
const chunkSize = 8

// largestChunk bounds memory, and is enough to keep a device busy, with images of size×size pixels.
func largestChunk(device compute.Backend, size int) int {
	if strings.Contains(strings.ToLower(device.DeviceDescription(0)), "cpu") {
		return chunkSize
	}
	return gpuChunk(size)
}

// gpuChunk is a multiple of chunkSize: 64 images of 64×64 pixels, or fewer larger ones that take about as much memory.
func gpuChunk(size int) int {
	return chunkSize * min(max(8*64*64/(size*size), 1), 8)
}

// chunks are the sizes of the chunks for a number of candidates, each one of largest, chunkSize and 1. The last is filled up with
// repetitions where that is no more than a sixth of the work; else the rest is drawn one by one.
func chunks(total, largest int) iter.Seq[int] {
	return func(yield func(int) bool) {
		left := total
		for _, size := range []int{largest, chunkSize} {
			for ; left >= size; left -= size {
				if !yield(size) {
					return
				}
			}
		}
		if empty := chunkSize - left; left > 0 && 6*empty <= total+empty {
			yield(chunkSize)
			return
		}
		for range left {
			if !yield(1) {
				return
			}
		}
	}
}

// accept is the observations with PSFs on the model's grid, and as the model sees them, in units of their own; or an error that says why it
// doesn't take them.
func (d *Deconvolver) accept(observations *Observations) (o, seen *Observations, units []float64, err error) {
	c := d.Config
	if o, err = observations.Complete(); err != nil {
		return nil, nil, nil, err
	}
	if err := c.fits(o.Images); err != nil {
		return nil, nil, nil, err
	}
	kernels := make([]psf.Kernel, len(o.PSFs))
	for i, k := range o.PSFs {
		if kernels[i], err = k.Resize(c.Instrument.Size); err != nil {
			return nil, nil, nil, fmt.Errorf("galdecon: the PSF of %s: %w", o.Images.ID(i), err)
		}
		if err := c.Instrument.Knows(kernels[i]); err != nil {
			return nil, nil, nil, fmt.Errorf("galdecon: the PSF of %s: %w", o.Images.ID(i), err)
		}
	}
	o.PSFs = kernels
	seen, units = o, slices.Repeat([]float64{1}, o.Images.N)
	if c.Standardized {
		if seen, units, err = standardized(o); err != nil {
			return nil, nil, nil, err
		}
	}
	return o, seen, units, c.inRange(seen)
}

// scaled is by times the images from.
func scaled(to, from []float32, by float64) {
	for i, v := range from {
		to[i] = float32(by * float64(v))
	}
}

// Path draws the first candidate that [Deconvolver.Sample] draws for one observation and returns the way there: the image y_t after each of the
// sampler's steps, from noise to the candidate, [steps, Size, Size, Channels], in units of x.
func (d *Deconvolver) Path(observations *Observations, seed int64) (*galaxy.Images, error) {
	if d.path == nil {
		return nil, errors.New("galdecon: only a diffusion model that was loaded goes a path; a CVAE draws in one step")
	}
	_, o, units, err := d.accept(observations)
	if err != nil {
		return nil, err
	}
	if o.Images.N != 1 {
		return nil, fmt.Errorf("galdecon: a path is that of one observation, got %d", o.Images.N)
	}
	c := d.Config
	kernel, level := o.At(0)
	noise := float32(max(level, c.Instrument.NoiseMin))
	rng, x := random.States(seed, stream(0, 0)), o.Images.Tensor()
	kernels, levels := tensors.FromFlatDataAndDimensions(kernel.Weights, 1, c.Instrument.Size, c.Instrument.Size), tensors.FromValue([]float32{noise})
	path, err := d.path(rng, x, kernels, levels)
	if err = errors.Join(err, executor.Free(rng, x, kernels, levels)); err != nil {
		return nil, err
	}
	pixels, err := tensors.CopyFlatData[float32](path)
	if err = errors.Join(err, executor.Free(path)); err != nil {
		return nil, fmt.Errorf("galdecon: cannot copy the path from the device: %w", err)
	}
	scaled(pixels, pixels, units[0])
	return &galaxy.Images{N: c.Sampler.Steps, Height: c.Size, Width: c.Size, Channels: c.Channels, Pixels: pixels}, nil
}

// chunk draws one chunk and copies it to the host, with a stream of random numbers for each candidate; the device's memory is freed.
func (d *Deconvolver) chunk(pixels, psfs, noise []float32, rng *tensors.Tensor) (samples, reblurred []float32, err error) {
	c, size := d.Config, len(noise)
	x := tensors.FromFlatDataAndDimensions(pixels, size, c.Size, c.Size, c.Channels)
	kernels := tensors.FromFlatDataAndDimensions(psfs, size, c.Instrument.Size, c.Instrument.Size)
	levels := tensors.FromFlatDataAndDimensions(noise, size)
	y, xy, err := d.draw(rng, x, kernels, levels)
	if err = errors.Join(err, executor.Free(rng, x, kernels, levels)); err != nil {
		return nil, nil, err
	}
	samples, errSamples := tensors.CopyFlatData[float32](y)
	reblurred, errReblurred := tensors.CopyFlatData[float32](xy)
	if err = errors.Join(errSamples, errReblurred, executor.Free(y, xy)); err != nil {
		return nil, nil, fmt.Errorf("galdecon: cannot copy the samples from the device: %w", err)
	}
	return samples, reblurred, nil
}

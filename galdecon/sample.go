package galdecon

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"

	"github.com/gomlx/gomlx/core/tensors"

	"galdecon/galdecon/backend"
	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/internal/executor"
	"galdecon/galdecon/internal/random"
	"galdecon/galdecon/posterior"
)

// Posterior is what a model says about one observation: its candidates.
type Posterior = posterior.Posterior

// Part are some of the candidates of an observation, as they come.
type Part = posterior.Part

// Sample draws n candidates for each observation x [m, Size, Size, Channels], in its units. For a
// model that isn't [Config].Standardized pixels of x must be scaled so that the peak of the galaxy
// without its blur is about 1, see [Standardize].
//
// Observations with more noise than the model was trained for, with a sky that isn't dark, or PSFs
// that are unlike those of its Instrument, are refused: the posteriors are those of the others,
// each with its Index among the observations, and the error is [posterior.Refusals], in which
// errors.As finds each *[Refusal]. How much noise there is relative to the galaxy without blur
// shows in its first candidates: a refusal may come after a few of them. More candidates than fit
// into memory are an error, and so are images of another shape; there are no posteriors then.
//
// The random numbers of a candidate depend on the seed, on the number of its observation, or its key
// ([posterior.Observations.WithKeys]), and on its own number, and on nothing else: the first 16 of 1000 candidates are those that are drawn when 16
// are asked for, up to rounding. Equal calls give equal bits.
//
// What is drawn together has one of a few sizes, each compiled at its first use, so that most
// numbers of candidates find everything compiled.
func (m *Model) Sample(ctx context.Context, observations *Observations, n int,
	seed int64) ([]Posterior, error) {
	return posterior.Collect(m.Stream(ctx, observations, n, seed), nil)
}

// Stream draws what [Model.Sample] draws, and yields the candidates as they come, a few at a time:
// for work that shows how far it is, and for more candidates than one keeps. Of an observation that
// is refused it yields a *[Refusal], after which it goes on with the next; any other error is the
// last that it yields.
//
//	bar := plotting.NewProgress()
//	posteriors, err := posterior.Collect(model.Stream(ctx, observations, 1000, seed), bar.Update)
func (m *Model) Stream(ctx context.Context, observations *Observations, n int,
	seed int64) iter.Seq2[Part, error] {
	return func(yield func(Part, error) bool) {
		if err := checkNumber(n); err != nil {
			yield(Part{}, err)
			return
		}
		if m.Config.Survey != nil {
			if err := observations.Validate(); err != nil {
				yield(Part{}, err)
				return
			}
			m.streamLooks(ctx, m.Config.looksOf(observations), observations.Key, n, seed)(yield)
			return
		}
		p, err := m.prepare(observations)
		if err != nil {
			yield(Part{}, err)
			return
		}
		device, err := backend.Default()
		if err != nil {
			yield(Part{}, err)
			return
		}
		d := drawing{model: m, prepared: p, n: n, seed: seed,
			largest: largestChunk(device, m.Config.Size)}
		for d.left() > 0 {
			if err := ctx.Err(); err != nil {
				yield(Part{}, err)
				return
			}
			parts, err := d.next()
			if err != nil {
				yield(Part{}, err)
				return
			}
			for _, part := range parts {
				if !d.pass(part.Index, yield) || !d.yield(part, yield) {
					return
				}
			}
		}
		d.pass(observations.N(), yield)
	}
}

func checkNumber(n int) error {
	if n < 1 || int64(n) > math.MaxUint32 {
		return fmt.Errorf("galdecon: at least one candidate must be drawn of each observation, "+
			"and at most %d, got %d", uint32(math.MaxUint32), n)
	}
	return nil
}

// drawing is a [Model.Stream] on its way.
type drawing struct {
	*prepared
	model   *Model
	n       int // candidates for each observation
	seed    int64
	largest int
	// The next candidate is that of number candidate of the observation at, among those taken; done
	// are drawn.
	at, candidate, done int
	// passed observations, among those given, need no more word.
	passed int
	guard  noiseGuard
}

// left returns how many candidates are to be drawn.
func (d *drawing) left() int { return (len(d.index)-d.at)*d.n - d.candidate }

// next draws some candidates, and returns them by observation.
func (d *drawing) next() ([]Part, error) {
	c := d.model.Config
	left := d.left()
	size := nextChunk(left, d.done+left, d.largest)
	first := d.at*d.n + d.candidate
	var pixels, psfs, noise []float32
	var streams []uint64
	for k := range size {
		at := first + k%left // a chunk that isn't full is filled up with repetitions
		i := at / d.n
		p, level := d.standardized.At(i)
		pixels, psfs = append(pixels, d.standardized.Images().At(i)...), append(psfs, p.Pixels...)
		noise = append(noise, float32(max(level, c.Instrument.NoiseMin)))
		streams = append(streams, d.given.Key(d.index[i])+uint64(at%d.n))
	}
	y, xy, err := d.model.chunk(pixels, psfs, noise, random.States(d.seed, streams...))
	if err != nil {
		return nil, err
	}
	each := c.Size * c.Size * c.Channels
	var parts []Part
	for k := 0; k < min(size, left); {
		i, from := (first+k)/d.n, (first+k)%d.n
		count := min(d.n-from, min(size, left)-k)
		p, level := d.taken.At(i)
		part := Part{First: from, N: d.n, M: d.given.N(), Posterior: Posterior{
			Index: d.index[i], Observation: d.taken.Images().Select(i), PSF: p, Noise: level,
			Seed: d.seed, Recalibration: d.model.recalibration,
			Samples:   galaxy.NewImages(count, c.Size, c.Size, c.Channels),
			Reblurred: galaxy.NewImages(count, c.Size, c.Size, c.Channels),
		}}
		scale(part.Samples.Pixels, y[k*each:(k+count)*each], d.units[i])
		scale(part.Reblurred.Pixels, xy[k*each:(k+count)*each], d.units[i])
		parts = append(parts, part)
		k += count
	}
	done := first + min(size, left)
	d.at, d.candidate, d.done = done/d.n, done%d.n, d.done+min(size, left)
	return parts, nil
}

// yield yields candidates, or the refusal of their observation if they say that it has too much
// noise.
func (d *drawing) yield(part Part, yield func(Part, error) bool) (more bool) {
	c := d.model.Config
	d.passed = part.Index + 1
	if !c.Standardized {
		return yield(part, nil)
	}
	refusal := d.guard.add(part, c.maxNoise())
	if refusal == nil {
		return yield(part, nil)
	}
	if d.at < len(d.index) && d.index[d.at] == part.Index { // more of it would be drawn
		d.at, d.candidate = d.at+1, 0
	}
	return d.refuse(refusal, yield)
}

// pass yields the refusals of observations up to that of a number.
func (d *drawing) pass(number int, yield func(Part, error) bool) (more bool) {
	for ; d.passed < number; d.passed++ {
		if refusal := d.refused[d.passed]; refusal != nil && !d.refuse(refusal, yield) {
			return false
		}
	}
	return true
}

func (d *drawing) refuse(refusal *Refusal, yield func(Part, error) bool) (more bool) {
	return yield(Part{N: d.n, M: d.given.N(),
		Posterior: Posterior{Index: refusal.Index, Seed: d.seed}}, refusal)
}

// scale sets dst to factor·src.
func scale(dst, src []float32, factor float64) {
	for i, v := range src {
		dst[i] = float32(factor * float64(v))
	}
}

// Path draws the first candidate that [Model.Sample] draws for one observation and returns the way
// there: the image y_t after each of the sampler's steps, from noise to the candidate, [steps,
// Size, Size, Channels], in units of x.
func (m *Model) Path(observations *Observations, seed int64) (*galaxy.Images, error) {
	if m.looks != nil {
		return m.lookPath(observations, seed)
	}
	if m.path == nil {
		return nil,
			errors.New("galdecon: only a diffusion model that was loaded goes a path; a CVAE " +
				"draws in one step")
	}
	o, err := m.prepare(observations)
	if err != nil {
		return nil, err
	}
	if n := observations.N(); n != 1 {
		return nil, fmt.Errorf("galdecon: a path is that of one observation, got %d", n)
	}
	if refusal := o.refused[0]; refusal != nil {
		return nil, refusal
	}
	c := m.Config
	p, level := o.standardized.At(0)
	noise := float32(max(level, c.Instrument.NoiseMin))
	rng, x := random.States(seed, observations.Key(0)), o.standardized.Images().Tensor()
	psfs := tensors.FromFlatDataAndDimensions(p.Pixels, 1, c.Instrument.Size, c.Instrument.Size)
	levels := tensors.FromValue([]float32{noise})
	path, err := m.path(rng, x, psfs, levels)
	if err = errors.Join(err, executor.Free(rng, x, psfs, levels)); err != nil {
		return nil, err
	}
	pixels, err := tensors.CopyFlatData[float32](path)
	if err = errors.Join(err, executor.Free(path)); err != nil {
		return nil, fmt.Errorf("galdecon: cannot copy the path from the device: %w", err)
	}
	scale(pixels, pixels, o.units[0])
	return &galaxy.Images{N: c.Sampler.Steps, Height: c.Size, Width: c.Size, Channels: c.Channels,
		Pixels: pixels}, nil
}

// chunk draws one chunk and copies it to the host, with a stream of random numbers for each
// candidate; the device's memory is freed.
func (m *Model) chunk(pixels, psfs, noise []float32, rng *tensors.Tensor) (samples,
	reblurred []float32, err error) {
	c, size := m.Config, len(noise)
	x := tensors.FromFlatDataAndDimensions(pixels, size, c.Size, c.Size, c.Channels)
	blurs := tensors.FromFlatDataAndDimensions(psfs, size, c.Instrument.Size, c.Instrument.Size)
	levels := tensors.FromFlatDataAndDimensions(noise, size)
	y, xy, err := m.draw(rng, x, blurs, levels)
	if err = errors.Join(err, executor.Free(rng, x, blurs, levels)); err != nil {
		return nil, nil, err
	}
	samples, errSamples := tensors.CopyFlatData[float32](y)
	reblurred, errReblurred := tensors.CopyFlatData[float32](xy)
	if err = errors.Join(errSamples, errReblurred, executor.Free(y, xy)); err != nil {
		return nil, nil, fmt.Errorf("galdecon: cannot copy the samples from the device: %w", err)
	}
	return samples, reblurred, nil
}

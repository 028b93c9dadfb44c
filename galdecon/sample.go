package galdecon

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/tensors"

	"galdecon/galdecon/backend"
	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/internal/executor"
	"galdecon/galdecon/internal/random"
	"galdecon/galdecon/posterior"
	"galdecon/galdecon/psf"
)

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
func (d *Model) Sample(ctx context.Context, observations *Observations, n int, seed int64) ([]Posterior, error) {
	return posterior.Collect(d.Stream(ctx, observations, n, seed), nil)
}

// Stream draws what [Model.Sample] draws, and yields the candidates as they come, a few at a time: for work that shows how far it is,
// and for more candidates than one keeps. An error is the last that it yields.
//
//	bar := plotting.NewProgress()
//	posteriors, err := posterior.Collect(d.Stream(ctx, observations, 1000, seed), bar.Update)
func (d *Model) Stream(ctx context.Context, observations *Observations, n int, seed int64) iter.Seq2[Part, error] {
	return func(yield func(Part, error) bool) {
		o, seen, units, err := d.prepare(observations)
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
		var heard noiseGuard
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
				pixels, psfs = append(pixels, seen.Images.At(at/n)...), append(psfs, kernel.Pixels...)
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
				scale(part.Samples.Pixels, y[k*each:(k+count)*each], units[i])
				scale(part.Reblurred.Pixels, xy[k*each:(k+count)*each], units[i])
				if c.Standardized {
					if err := heard.add(part, max(c.Instrument.NoiseMax, psf.MinNoise)); err != nil {
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

// prepare is the observations with PSFs on the model's grid, and as the model sees them, in units of their own; or an error that says why it
// doesn't take them.
func (d *Model) prepare(observations *Observations) (o, seen *Observations, units []float64, err error) {
	c := d.Config
	if o, err = observations.Complete(); err != nil {
		return nil, nil, nil, err
	}
	if err := c.checkShape(o.Images); err != nil {
		return nil, nil, nil, err
	}
	kernels := make([]psf.PSF, len(o.PSFs))
	for i, k := range o.PSFs {
		if kernels[i], err = k.Resize(c.Instrument.Size); err != nil {
			return nil, nil, nil, fmt.Errorf("galdecon: the PSF of %s: %w", o.Images.ID(i), err)
		}
		if err := c.Instrument.Check(kernels[i]); err != nil {
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
	return o, seen, units, c.checkRange(seen)
}

// scale is by times the images from.
func scale(to, from []float32, by float64) {
	for i, v := range from {
		to[i] = float32(by * float64(v))
	}
}

// Path draws the first candidate that [Model.Sample] draws for one observation and returns the way there: the image y_t after each of the
// sampler's steps, from noise to the candidate, [steps, Size, Size, Channels], in units of x.
func (d *Model) Path(observations *Observations, seed int64) (*galaxy.Images, error) {
	if d.path == nil {
		return nil, errors.New("galdecon: only a diffusion model that was loaded goes a path; a CVAE draws in one step")
	}
	_, o, units, err := d.prepare(observations)
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
	kernels, levels := tensors.FromFlatDataAndDimensions(kernel.Pixels, 1, c.Instrument.Size, c.Instrument.Size), tensors.FromValue([]float32{noise})
	path, err := d.path(rng, x, kernels, levels)
	if err = errors.Join(err, executor.Free(rng, x, kernels, levels)); err != nil {
		return nil, err
	}
	pixels, err := tensors.CopyFlatData[float32](path)
	if err = errors.Join(err, executor.Free(path)); err != nil {
		return nil, fmt.Errorf("galdecon: cannot copy the path from the device: %w", err)
	}
	scale(pixels, pixels, units[0])
	return &galaxy.Images{N: c.Sampler.Steps, Height: c.Size, Width: c.Size, Channels: c.Channels, Pixels: pixels}, nil
}

// chunk draws one chunk and copies it to the host, with a stream of random numbers for each candidate; the device's memory is freed.
func (d *Model) chunk(pixels, psfs, noise []float32, rng *tensors.Tensor) (samples, reblurred []float32, err error) {
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

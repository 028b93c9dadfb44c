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
	"galdecon/galdecon/ddpm"
	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/internal/executor"
	"galdecon/galdecon/internal/random"
	"galdecon/galdecon/observe"
	"galdecon/galdecon/posterior"
	"galdecon/galdecon/psf"
)

// grids are the sides in pixels of the square grids that a model with a [Config.Survey] draws on;
// smaller stamps are padded by pixels without data. Each is compiled at its first use. The network
// is convolutional, so that a large grid needs no tiles, and there are no seams.
var grids = []int{32, 64, 96, 128, 192, 256, 384, 512, 768, 1024}

// lookChunk bounds the memory that candidates on a grid of side × side pixels take together.
func lookChunk(device compute.Backend, side int) int {
	const large = 256
	if side > large {
		return 1
	}
	return largestChunk(device, side)
}

// grid returns the side of the grid for a stamp of height × width pixels, 0 where it is too large.
func grid(height, width int) int {
	for _, side := range grids {
		if max(height, width) <= side {
			return side
		}
	}
	return 0
}

// SampleLooks draws n candidates for each of a number of observations, which may differ in their
// size, exposures, PSFs, weights, gaps and noise, as [Model.Sample] does for observations that are
// alike. The model must have a [Config.Survey]. The candidates of an observation are on its own
// target grid; its posterior's Observation, PSF and Reblurred are those of its first exposure, on
// the pixels of that, and More has those of the others: see [posterior.Posterior.Views].
func (m *Model) SampleLooks(ctx context.Context, observations []observe.Observation, n int,
	seed int64) ([]Posterior, error) {
	return posterior.Collect(m.StreamLooks(ctx, observations, n, seed), nil)
}

// StreamLooks draws what [Model.SampleLooks] draws, and yields the candidates as they come, see
// [Model.Stream].
func (m *Model) StreamLooks(ctx context.Context, observations []observe.Observation, n int,
	seed int64) iter.Seq2[Part, error] {
	return m.streamLooks(ctx, observations, placeKey, n, seed)
}

// placeKey is the key of an observation that has none, see [posterior.Observations.WithKeys].
func placeKey(i int) uint64 { return uint64(i) << 32 }

func (m *Model) streamLooks(ctx context.Context, observations []observe.Observation,
	key func(i int) uint64, n int, seed int64) iter.Seq2[Part, error] {
	return func(yield func(Part, error) bool) {
		if m.Config.Survey == nil {
			yield(Part{}, fmt.Errorf("galdecon: the model %s is for square stamps of %d pixels; "+
				"give them to Sample, or load a model with a Survey, such as galaxy",
				m.Config.Preset, m.Config.Size))
			return
		}
		if err := checkNumber(n); err != nil {
			yield(Part{}, err)
			return
		}
		device, err := backend.Default()
		if err != nil {
			yield(Part{}, err)
			return
		}
		s := sight{model: m, device: device, n: n, seed: seed, observations: observations,
			key: key}
		s.stream(ctx, yield)
	}
}

// sight is a [Model.StreamLooks] on its way.
type sight struct {
	model        *Model
	device       compute.Backend
	n            int // candidates for each observation
	seed         int64
	observations []observe.Observation
	key          func(i int) uint64 // of an observation's random numbers
	guard        lookGuard
}

// look is an observation that can be drawn: completed, and scaled so that it shows about 1.
type look struct {
	observe.Observation
	index, side   int
	height, width int
	kind          string
}

// draw returns the observation as candidate k sees it.
func (l look) draw(k int) observe.Observation {
	o := l.Observation
	o.Exposures = slices.Clone(o.Exposures)
	for i, e := range o.Exposures {
		o.Exposures[i] = e.Draw(k)
	}
	return o
}

// run is a number of candidates that are drawn together: of the looks from first on, and within
// the first of these from candidate from on.
type run struct{ first, from, size int }

func (s *sight) stream(ctx context.Context, yield func(Part, error) bool) {
	var looks []look // of one kind, whose candidates are drawn together
	flush := func() (more bool) {
		defer func() { looks = looks[:0] }()
		return len(looks) == 0 || s.draw(ctx, looks, yield)
	}
	for i, o := range s.observations {
		l, err := s.model.Config.prepareLook(i, o)
		if err == nil && (len(looks) == 0 || l.kind == looks[0].kind) {
			looks = append(looks, l)
			// Enough to fill chunks: what is refused is said soon.
			if len(looks)*s.n < lookChunk(s.device, l.side) {
				continue
			}
			if !flush() {
				return
			}
			continue
		}
		if !flush() {
			return
		}
		if err != nil {
			if !s.refuse(err, i, yield) {
				return
			}
			continue
		}
		looks = append(looks, l)
	}
	flush()
}

// refuse yields the error of one observation, and says whether to go on.
func (s *sight) refuse(err error, i int, yield func(Part, error) bool) (more bool) {
	part := Part{N: s.n, M: len(s.observations), Posterior: Posterior{Index: i, Seed: s.seed}}
	var refusal *Refusal
	return yield(part, err) && errors.As(err, &refusal)
}

// draw draws all candidates of looks of one kind.
func (s *sight) draw(
	ctx context.Context, looks []look, yield func(Part, error) bool,
) (more bool) {
	largest := lookChunk(s.device, looks[0].side)
	skip := make([]bool, len(looks))
	for next := (run{}); next.first < len(looks); {
		if err := ctx.Err(); err != nil {
			yield(Part{}, err)
			return false
		}
		left := (len(looks)-next.first)*s.n - next.from
		next.size = min(nextChunk(left, len(looks)*s.n, largest), largest)
		parts, err := s.chunk(looks, next, left)
		if err != nil {
			yield(Part{}, err)
			return false
		}
		for k, part := range parts {
			at := next.first + k
			if skip[at] {
				continue
			}
			if refusal := s.guard.add(part, s.model.Config.Survey.NoiseMax); refusal != nil {
				skip[at] = true
				if !s.refuse(refusal, part.Index, yield) {
					return false
				}
				continue
			}
			if !yield(part, nil) {
				return false
			}
		}
		done := next.first*s.n + next.from + min(next.size, left)
		next.first, next.from = done/s.n, done%s.n
		if next.first < len(looks) && skip[next.first] { // no more of it
			next.first, next.from = next.first+1, 0
		}
	}
	return true
}

// chunk draws some candidates and returns them by observation.
func (s *sight) chunk(looks []look, r run, left int) ([]Part, error) {
	var members []observe.Observation
	var streams []uint64
	var parts []Part
	for k := range r.size {
		at := r.first*s.n + r.from + k%left // what isn't full is filled up with repetitions
		l := looks[at/s.n]
		members = append(members, l.draw(at%s.n))
		streams = append(streams, s.key(l.index)+uint64(at%s.n))
		if k >= left {
			continue
		}
		if last := len(parts) - 1; last >= 0 && parts[last].Index == l.index {
			continue
		}
		parts = append(parts, s.part(l, at%s.n, min(s.n-at%s.n, min(r.size, left)-k)))
	}
	first := looks[r.first]
	batch, err := observe.NewBatch(first.side, first.side, members...)
	if err != nil {
		return nil, fmt.Errorf("galdecon: cannot put the observations on one grid: %w", err)
	}
	samples, seen, err := drawLooks(s.model.looks, random.States(s.seed, streams...), batch)
	if err != nil {
		return nil, err
	}
	at := 0
	for i, part := range parts {
		for k := range part.Samples.N {
			looks[r.first+i].take(part, k, batch, at, samples, seen)
			at++
		}
	}
	return parts, nil
}

// take copies what was drawn of a member of a batch, and what each exposure sees of it, to
// candidate k of the look's part.
func (l look) take(part Part, k int, batch *observe.Batch, member int, samples []float32,
	seen [][]float32) {
	plane := l.side * l.side
	from, corner := member*plane, batch.Top[member]*l.side+batch.Left[member]
	cut(part.Samples.At(k), samples[from+corner:from+plane], l, l.side)
	for i, v := range part.Views() {
		pixels, _ := l.Exposures[i].Seen(batch, member, seen[i][from:from+plane])
		scale(v.Reblurred.At(k), pixels, l.Unit)
	}
}

// cut copies the pixels of a look's own grid, in its units.
func cut(dst, src []float32, l look, side int) {
	for row := range l.height {
		scale(dst[row*l.width:(row+1)*l.width], src[row*side:row*side+l.width], l.Unit)
	}
}

// part returns the place for some candidates of an observation.
func (s *sight) part(l look, from, n int) Part {
	first := view(l.Exposures[0], n)
	part := Part{First: from, N: s.n, M: len(s.observations), Posterior: Posterior{
		Index: l.index, Seed: s.seed, Observation: first.Observation, PSF: first.PSF,
		InvVar: first.InvVar, Correlation: first.Correlation, Noise: first.Noise,
		Recalibration: s.model.recalibration,
		Samples:       galaxy.NewImages(n, l.height, l.width, 1), Reblurred: first.Reblurred}}
	for _, e := range l.Exposures[1:] {
		part.More = append(part.More, view(e, n))
	}
	return part
}

// view returns an exposure with the place for what it would see of n candidates.
func view(e observe.Exposure, n int) posterior.View {
	given := e.Image.Clone() // without values that mean nothing
	for k, w := range e.InvVar {
		if w > 0 {
			continue
		}
		if given.Bad == nil {
			given.Bad = make([]bool, len(given.Pixels))
		}
		given.Bad[k], given.Pixels[k] = true, 0
	}
	return posterior.View{Observation: given, PSF: e.PSFs[0], InvVar: e.InvVar,
		Correlation: e.Noise, Noise: posterior.MedianNoise(e.InvVar),
		Reblurred: galaxy.NewImages(n, given.Height, given.Width, 1)}
}

// drawLooks draws one candidate for each member of a batch and copies it to the host, with what
// each exposure would see, a plane of the grid; the device's memory is freed.
func drawLooks(p *ddpm.LookGenerator, rng *tensors.Tensor, b *observe.Batch) (
	samples []float32, seen [][]float32, err error) {
	y, looks, err := p.Draw(rng, b)
	if err = errors.Join(err, executor.Free(rng), b.Free()); err != nil {
		return nil, nil, err
	}
	samples, err = tensors.CopyFlatData[float32](y)
	seen = make([][]float32, len(looks))
	for i, look := range looks {
		var errSeen error
		seen[i], errSeen = tensors.CopyFlatData[float32](look)
		err = errors.Join(err, errSeen)
	}
	if err = errors.Join(err, executor.Free(append(looks, y)...)); err != nil {
		return nil, nil, fmt.Errorf("galdecon: cannot copy the samples from the device: %w", err)
	}
	return samples, seen, nil
}

// lookPath is [Model.Path] of a model with a Survey.
func (m *Model) lookPath(observations *Observations, seed int64) (*galaxy.Images, error) {
	if err := observations.Validate(); err != nil {
		return nil, err
	}
	if n := observations.N(); n != 1 {
		return nil, fmt.Errorf("galdecon: a path is that of one observation, got %d", n)
	}
	l, err := m.Config.prepareLook(0, m.Config.looksOf(observations)[0])
	if err != nil {
		return nil, err
	}
	batch, err := observe.NewBatch(l.side, l.side, l.Observation)
	if err != nil {
		return nil, err
	}
	rng := random.States(seed, observations.Key(0))
	path, err := m.looks.Path(rng, batch)
	if err = errors.Join(err, executor.Free(rng), batch.Free()); err != nil {
		return nil, err
	}
	pixels, err := tensors.CopyFlatData[float32](path)
	if err = errors.Join(err, executor.Free(path)); err != nil {
		return nil, fmt.Errorf("galdecon: cannot copy the path from the device: %w", err)
	}
	out := galaxy.NewImages(m.Config.Sampler.Steps, l.height, l.width, 1)
	for i := range out.N {
		from := i*l.side*l.side + batch.Top[0]*l.side + batch.Left[0]
		cut(out.At(i), pixels[from:(i+1)*l.side*l.side], l, l.side)
	}
	return out, nil
}

// looksOf returns observations that are alike one by one, as a model with a Survey takes them.
func (c Config) looksOf(o *Observations) []observe.Observation {
	out := make([]observe.Observation, o.N())
	for i := range out {
		p, noise := o.At(i)
		images := o.Images().Select(i)
		out[i] = observe.Observation{Exposures: []observe.Exposure{{Image: images,
			PSFs: []psf.PSF{p}, InvVar: o.InvVarAt(i, c.leastNoise(images, noise)),
			Noise: o.CorrelationAt(i)}}}
	}
	return out
}

// leastNoise returns the noise of an image, or that which the model takes for none.
func (c Config) leastNoise(image *galaxy.Images, noise float64) float64 {
	peak := 0.0
	for _, v := range image.Pixels {
		peak = max(peak, math.Abs(float64(v)))
	}
	return max(noise, c.Survey.NoiseMin*peak)
}

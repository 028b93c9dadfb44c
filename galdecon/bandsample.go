package galdecon

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"

	"galdecon/galdecon/backend"
	"galdecon/galdecon/ddpm"
	"galdecon/galdecon/internal/random"
	"galdecon/galdecon/observe"
	"galdecon/galdecon/posterior"
)

// SampleBands draws n candidates of each galaxy in all bands that its exposures name
// ([observe.Exposure.Band]), up to [MaxBands], together: each exposure has its own PSF, noise and
// gaps, what one band shows helps the others, and candidate k of all bands is one galaxy, so that
// colors have error bars ([posterior.Bands.Color]). All bands are on the target grid of the
// observation. Of an observation in one band, or without a name, it draws what [Model.SampleLooks]
// does. The order of the bands makes no difference but for rounding.
//
//	seen := observe.Observation{Exposures: []observe.Exposure{
//		{Band: "g", Image: g, PSFs: []psf.PSF{gPSF}, InvVar: gWeights},
//		{Band: "r", Image: r, PSFs: []psf.PSF{rPSF}, InvVar: rWeights},
//	}}
//	galaxies, err := model.SampleBands(ctx, []observe.Observation{seen}, 32, 1)
//	color, err := galaxies[0].Color("g", "r", 12)
//
// The model must have a [Config.Survey] and an exchange between bands, else the error is a
// [*BandsError]. Observations that aren't taken are [posterior.Refusals], which name the band,
// beside what is drawn of the others. Error bars are those of the candidates: a recalibration is of
// single bands.
func (m *Model) SampleBands(ctx context.Context, observations []observe.Observation, n int,
	seed int64) ([]posterior.Bands, error) {
	if err := checkNumber(n); err != nil {
		return nil, err
	}
	var out []posterior.Bands
	var refused posterior.Refusals
	for i, o := range observations {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		one, err := m.sampleBands(ctx, i, o, n, seed)
		var refusal *Refusal
		switch {
		case errors.As(err, &refusal):
			refused = append(refused, refusal)
		case err != nil:
			return nil, err
		default:
			out = append(out, one)
		}
	}
	if len(refused) > 0 {
		return out, refused
	}
	return out, nil
}

// sampleBands draws one observation.
func (m *Model) sampleBands(ctx context.Context, index int, o observe.Observation, n int,
	seed int64) (posterior.Bands, error) {
	b := posterior.Bands{Index: index, Names: o.Bands()}
	if len(b.Names) < 2 || m.Config.Survey == nil {
		key := func(int) uint64 { return placeKey(index) }
		whole, err := posterior.Collect(m.streamLooks(ctx, []observe.Observation{o}, key, n, seed),
			nil)
		if refused, rest := posterior.SplitRefusals(err); len(refused) > 0 {
			refused[0].Index = index
			return b, refused[0]
		} else if rest != nil {
			return b, rest
		}
		whole[0].Index = index
		b.Posteriors = whole
		return b, nil
	}
	looks, err := m.Config.prepareBands(index, o, b.Names)
	if err != nil {
		return b, err
	}
	generator, err := m.bandGenerator(len(b.Names))
	if err != nil {
		return b, err
	}
	s := sight{model: m, n: n, seed: seed, key: placeKey}
	if s.device, err = backend.Default(); err != nil {
		return b, err
	}
	for _, l := range looks {
		part := s.part(l, 0, n).Posterior
		part.Recalibration = nil
		b.Posteriors = append(b.Posteriors, part)
	}
	guards := make([]lookGuard, len(looks))
	size := min(n, max(lookChunk(s.device, looks[0].side)/len(looks), 1))
	for from := 0; from < n; from += size {
		if err := ctx.Err(); err != nil {
			return b, err
		}
		drawn, err := s.bandChunk(generator, looks, b.Names, from, size)
		if err != nil {
			return b, err
		}
		for i, part := range drawn {
			if r := guards[i].add(part, m.Config.Survey.NoiseMax); r != nil {
				return b, inBand(r, b.Names[i])
			}
			p := b.Posteriors[i]
			all := p.Views()
			for k := range part.Samples.N {
				copy(p.Samples.At(from+k), part.Samples.At(k))
				for j, v := range part.Views() {
					copy(all[j].Reblurred.At(from+k), v.Reblurred.At(k))
				}
			}
		}
	}
	return b, nil
}

// bandGenerator returns what draws so many bands together.
func (m *Model) bandGenerator(bands int) (*ddpm.LookGenerator, error) {
	if m.bands == nil {
		if m.noBands != nil {
			return nil, m.noBands
		}
		here, err := weightsHash(m.Config.Diffusion, m.executables.scope)
		if err != nil {
			return nil, err
		}
		return nil, &BandsError{Here: here}
	}
	p, err := m.bands.generator(m)
	if err != nil {
		return nil, err
	}
	return p.Together(bands), nil
}

// prepareBands returns an observation in each of its bands, ready to be drawn, or a *[Refusal].
func (c Config) prepareBands(index int, o observe.Observation, names []string) ([]look, error) {
	refuse := func(format string, args ...any) ([]look, error) {
		return nil, &Refusal{Index: index, ID: o.Exposures[0].Image.ID(0),
			Reason: posterior.RefusedBands, Value: float64(len(names)), Limit: MaxBands,
			What: fmt.Sprintf(format, args...),
			Hint: "name the band of each exposure, the same for those in one filter"}
	}
	if slices.Contains(names, "") {
		return refuse("an exposure has no band, beside others in %q", names)
	}
	if len(names) > MaxBands {
		return refuse("it was seen in %d bands, up to %d are drawn together", len(names), MaxBands)
	}
	var looks []look
	for _, name := range names {
		l, err := c.prepareLook(index, o.In(name))
		var r *Refusal
		if errors.As(err, &r) {
			return nil, inBand(r, name)
		} else if err != nil {
			return nil, err
		}
		looks = append(looks, l)
	}
	return looks, nil
}

// inBand returns a refusal that names the band.
func inBand(r *Refusal, band string) *Refusal {
	r.What = fmt.Sprintf("band %s: %s", band, r.What)
	return r
}

// bandChunk draws so many candidates from a number on in all bands, and returns those that are
// wanted by band.
func (s *sight) bandChunk(generator *ddpm.LookGenerator, looks []look, names []string,
	from, size int) ([]Part, error) {
	var members []observe.Observation
	var streams []uint64
	wanted := min(size, s.n-from)
	for k := range size {
		at := from + k%wanted // what isn't full is filled up with repetitions
		for i, l := range looks {
			members = append(members, l.draw(at))
			streams = append(streams, s.key(l.index)+uint64(at)^bandKey(names[i]))
		}
	}
	side := looks[0].side
	batch, err := observe.NewBatch(side, side, members...)
	if err != nil {
		return nil, fmt.Errorf("galdecon: cannot put the bands on one grid: %w", err)
	}
	samples, seen, err := drawLooks(generator, random.States(s.seed, streams...), batch)
	if err != nil {
		return nil, err
	}
	var parts []Part
	for i, l := range looks {
		part := s.part(l, from, wanted)
		for k := range wanted {
			l.take(part, k, batch, k*len(looks)+i, samples, seen)
		}
		parts = append(parts, part)
	}
	return parts, nil
}

// bandKey tells the random numbers of bands apart, whatever their order.
func bandKey(name string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(name))
	return h.Sum64()
}

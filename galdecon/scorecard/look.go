package scorecard

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"gonum.org/v1/gonum/stat"

	"galdecon/galdecon"
	"galdecon/galdecon/calibration"
	"galdecon/galdecon/classical"
	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/observe"
	"galdecon/galdecon/posterior"
	"galdecon/galdecon/psf"
	"galdecon/galdecon/score"
)

// LookResult is what is measured of the candidates for one exposure of a survey, in units of the
// galaxy, whose peak is about 1. It is what is kept: one line of JSON.
type LookResult struct {
	// Galaxy is the index of the galaxy, ID its name.
	Galaxy int    `json:"galaxy"`
	ID     string `json:"id"`
	// Noise is the median of the noise over the pixels with data, in units of the brightest pixel
	// that would be seen without noise; 0 where nothing is seen. Width is σ in pixels of the
	// Gaussian with the PSF's Σ p². Masked is the share of the stamp without data, be it gaps or
	// what is missing around a smaller stamp.
	Noise  float64 `json:"noise"`
	Width  float64 `json:"width"`
	Masked float64 `json:"masked"`
	// Reason is why the model refused it, and Refused what it said; nothing else is measured then.
	Reason  posterior.Reason `json:"reason,omitempty"`
	Refused string           `json:"refused,omitempty"`
	// Energy is the mean square of the truth, and Wiener the mean square error of Wiener's filter
	// with the true PSF, weights and correlation of noise ([classical.WienerLook]).
	Energy float64 `json:"energy"`
	Wiener float64 `json:"wiener"`
	// Seen and Hidden are of the pixels with data and without.
	Seen   PixelResult `json:"seen"`
	Hidden PixelResult `json:"hidden"`
	// ChiSquared is the mean over candidates and pixels with data of the squared residual in units
	// of the noise: 1 for the truth.
	ChiSquared float64 `json:"chi_squared"`
	// Detail is the power of the candidates at spatial frequencies of [score.DetailFrequency] and
	// more, on average, and TrueDetail that of the truth.
	Detail     float64 `json:"detail"`
	TrueDetail float64 `json:"true_detail"`
	// Truth and Each are measured of the truth and each candidate within a circle of a quarter of
	// the stamp's side; nil where that failed.
	Truth *score.Photometry   `json:"truth"`
	Each  []*score.Photometry `json:"each,omitempty"`
	// Seconds a candidate took.
	Seconds float64 `json:"seconds"`
}

// PixelResult is what is measured of some pixels.
type PixelResult struct {
	// Pixels is their number; nothing is measured of none.
	Pixels int `json:"pixels"`
	// MSE is that of the mean of the candidates, and Variance that of the candidates, on average.
	MSE      float64 `json:"mse"`
	Variance float64 `json:"variance"`
	// Ranks [candidates+1] counts the truth's pixels by their rank among the candidates'.
	Ranks []int `json:"ranks,omitempty"`
}

// all returns the mean over all pixels of what the two have for their own.
func (r *LookResult) all(of func(PixelResult) float64) float64 {
	seen, hidden := float64(r.Seen.Pixels), float64(r.Hidden.Pixels)
	return (seen*of(r.Seen) + hidden*of(r.Hidden)) / (seen + hidden)
}

func (r *LookResult) mse() float64 { return r.all(func(p PixelResult) float64 { return p.MSE }) }

func (r *LookResult) variance() float64 {
	return r.all(func(p PixelResult) float64 { return p.Variance })
}

// segment measures n galaxies from the number first on, as far as they have no result, and hands
// on the results of some at a time.
func (s Strata) segment(
	ctx context.Context, first, n int, known map[int]*LookResult,
	keep func([]*LookResult) error, report func(drawn float64),
) error {
	missing := func(from, to int) bool {
		for i := from; i < to; i++ {
			if known[i] == nil {
				return true
			}
		}
		return false
	}
	if !missing(first, first+n) {
		return nil
	}
	report(0)
	galaxies, err := s.Galaxies(first, n)
	if err != nil {
		return err
	}
	observations, err := galdecon.ObserveSurvey(s.Survey, galaxies,
		s.derive(exposureStream, first))
	if err != nil {
		return err
	}
	results, err := describe(galaxies, observations)
	if err != nil {
		return err
	}
	size := max(atOnce/s.Candidates, 1)
	for from := 0; from < n; from += size {
		to := min(from+size, n)
		if !missing(first+from, first+to) {
			continue
		}
		before := 0.0
		for i := from; i < to; i++ {
			results[i].Galaxy = first + i
			if known[first+i] != nil {
				before++
			}
		}
		block := looks{s, galaxies, observations[from:to], results[from:to], from}
		if err := block.measure(ctx, func(drawn float64) {
			report(max(drawn-before, 0))
		}); err != nil {
			return err
		}
		found := slices.DeleteFunc(slices.Clone(results[from:to]), func(r *LookResult) bool {
			return known[r.Galaxy] != nil
		})
		if err := keep(found); err != nil {
			return err
		}
	}
	return nil
}

// describe returns results that say how the galaxies are seen.
func describe(galaxies *galaxy.Images, observations []observe.Observation) ([]*LookResult, error) {
	const together = 16 // of them are blurred, so that one executable serves all numbers
	var seen *galdecon.Observations
	var results []*LookResult
	for i, o := range observations {
		if i%together == 0 {
			members, psfs := make([]int, together), make([]psf.PSF, together)
			for k := range members {
				members[k] = min(i+k, galaxies.N-1)
				psfs[k] = observations[members[k]].Exposures[0].PSFs[0]
			}
			var err error
			if seen, err = galdecon.Observe(galaxies.Select(members...), psfs, 0, 0); err != nil {
				return nil, err
			}
		}
		r := &LookResult{ID: galaxies.ID(i), Width: o.Exposures[0].PSFs[0].EffectiveSigma()}
		var noise []float64
		for _, w := range o.Exposures[0].InvVar {
			if w > 0 {
				noise = append(noise, 1/math.Sqrt(w))
			}
		}
		r.Masked = 1 - float64(len(noise))/float64(len(o.Exposures[0].InvVar))
		if bright := float64(slices.Max(seen.Images().At(i % together))); len(noise) > 0 && bright > 0 {
			slices.Sort(noise)
			r.Noise = stat.Quantile(0.5, stat.LinInterp, noise, nil) / bright
		}
		results = append(results, r)
	}
	return results, nil
}

// looks are some observations that are sampled at once.
type looks struct {
	Strata
	galaxies     *galaxy.Images
	observations []observe.Observation
	results      []*LookResult // to be filled in
	from         int           // the first one's place among galaxies
}

// measure samples, and fills in what is measured of each observation. report is told for how many
// of them candidates are drawn.
func (l looks) measure(ctx context.Context, report func(drawn float64)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	n := l.Candidates
	fail := func(format string, args ...any) error {
		return fmt.Errorf("scorecard: %s: %w", l.Name, fmt.Errorf(format, args...))
	}
	var elapsed time.Duration
	drawn, next := 0, 0
	var candidates, seen *galaxy.Images // of the observation whose turn it is
	start := time.Now()
	seed := l.derive(candidateStream, l.results[0].Galaxy)
	for part, err := range l.Sample(ctx, l.observations, n, seed) {
		elapsed += time.Since(start)
		var refusal *posterior.Refusal
		switch {
		case errors.As(err, &refusal) && refusal.Index == next && next < len(l.results):
			l.results[next].Reason, l.results[next].Refused = refusal.Reason, refusal.What
			candidates, seen, next = nil, nil, next+1
			start = time.Now()
			continue
		case err != nil:
			return fail("%w", err)
		case part.Samples == nil || part.Reblurred == nil:
			return fail("there are no candidates")
		}
		if candidates == nil {
			y := part.Samples
			candidates = galaxy.NewImages(0, y.Height, y.Width, y.Channels)
			seen = galaxy.NewImages(0, y.Height, y.Width, y.Channels)
		}
		if part.Index != next || part.First != candidates.N || next == len(l.results) {
			return fail("candidate %d of observation %d comes after %d of observation %d",
				part.First, part.Index, candidates.N, next)
		}
		add(candidates, part.Samples)
		add(seen, part.Reblurred)
		drawn += part.Samples.N
		if candidates.N == n {
			if err := l.evaluate(next, candidates, seen); err != nil {
				return fail("%s: %w", l.results[next].ID, err)
			}
			candidates, seen, next = nil, nil, next+1
		}
		report(float64(drawn) / float64(n))
		start = time.Now()
	}
	if next < len(l.results) {
		return fail("there are candidates for %d of %d observations", next, len(l.results))
	}
	for _, r := range l.results {
		if r.Reason == "" { // candidates that are drawn together come at once
			r.Seconds = elapsed.Seconds() / float64(drawn)
		}
	}
	return nil
}

// add appends images to others of their size.
func add(to, more *galaxy.Images) {
	to.N, to.Pixels = to.N+more.N, append(to.Pixels, more.Pixels...)
}

// evaluate fills in what is measured of the candidates [n, height, width, 1] of an observation, of
// which an exposure without noise would show seen.
func (l looks) evaluate(i int, candidates, seen *galaxy.Images) error {
	r, e := l.results[i], l.observations[i].Exposures[0]
	truth := l.galaxies.Select(l.from + i)
	r.Energy = meanSquare(truth.Pixels)
	wiener, err := classical.WienerLook(l.observations[i], l.Prior)
	if err != nil {
		return err
	}
	r.Wiener = score.MSE(wiener.Pixels, truth.Pixels)

	var with, without []int
	for p, w := range e.InvVar {
		if w > 0 {
			with = append(with, p)
		} else {
			without = append(without, p)
		}
	}
	for _, part := range []struct {
		to *PixelResult
		at []int
	}{{&r.Seen, with}, {&r.Hidden, without}} {
		if *part.to, err = pixelsOf(truth, candidates, part.at, l.Seed+int64(r.Galaxy)); err != nil {
			return err
		}
	}
	for k := range seen.N {
		for _, p := range with {
			off := float64(seen.At(k)[p]) - float64(e.Image.Pixels[p])
			r.ChiSquared += e.InvVar[p] * off * off / float64(seen.N*len(with))
		}
	}

	power, err := score.PowerSpectrum(candidates)
	if err != nil {
		return err
	}
	truePower, err := score.PowerSpectrum(truth)
	if err != nil {
		return err
	}
	r.Detail, r.TrueDetail = power.From(score.DetailFrequency),
		truePower.From(score.DetailFrequency)
	r.Truth = photometry(truth)
	for k := range candidates.N {
		r.Each = append(r.Each, photometry(candidates.Select(k)))
	}
	return nil
}

// pixelsOf measures the pixels at some places.
func pixelsOf(truth, candidates *galaxy.Images, at []int, seed int64) (PixelResult, error) {
	r := PixelResult{Pixels: len(at)}
	if len(at) == 0 {
		return r, nil
	}
	samples := make([][]float64, candidates.N)
	var actual []float64
	values := make([]float64, candidates.N)
	for _, p := range at {
		y := float64(truth.Pixels[p])
		actual = append(actual, y)
		for k := range values {
			values[k] = float64(candidates.At(k)[p])
			samples[k] = append(samples[k], values[k])
		}
		mean, variance := stat.MeanVariance(values, nil)
		r.MSE += (mean - y) * (mean - y) / float64(len(at))
		r.Variance += variance / float64(len(at))
	}
	trials, err := calibration.Vectors([][]float64{actual}, [][][]float64{samples})
	if err != nil {
		return PixelResult{}, err
	}
	r.Ranks = trials.Ranks(seed).Counts[0]
	return r, nil
}

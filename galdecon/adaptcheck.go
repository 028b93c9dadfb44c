package galdecon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"

	"gonum.org/v1/gonum/stat"

	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/observe"
	"galdecon/galdecon/posterior"
	"galdecon/galdecon/score"
)

// Check is how well a model predicts observations that it wasn't fitted to. The noise of each is
// split in two (data fission; Leiner et al. 2023): candidates are drawn from a copy with 1/0.8 of
// the variance, and compared with another, whose noise is independent of it, with 1/0.2 of it. So
// no truth is needed, and what fits noise is found out.
type Check struct {
	// Round is the number of the round that the model was fitted in, 0 for the model before, and
	// Observations the number that it was checked on.
	Round        int `json:"round"`
	Observations int `json:"observations"`
	// Score is the mean over pixels with data of −log p of the other copy, by a Gaussian with the
	// mean and variance of the blurred candidates and the noise's, less that of a model that knows
	// all but the noise, in thousandths: ≥ 0 but for chance, less is better. Error is the standard
	// error of its difference to the model before, over observations.
	Score float64 `json:"score"`
	Error float64 `json:"error"`
	// ChiSquared is the mean square of what differs from the mean of the blurred candidates in
	// units of that Gaussian's deviation: 1 where error bars are right.
	ChiSquared float64 `json:"chi_squared"`
	// Power is that of the blurred candidates over the galaxies' own, which the product of the two
	// copies' Fourier transforms shows without noise, at 0.02 to 0.1 cycles per pixel, to 0.2 and
	// to 0.35; NaN where noise hides it.
	Power [3]float64 `json:"-"`
	// scores are those of each observation, 0 where it couldn't be predicted.
	scores []float64
}

// String returns the check in a line.
func (c Check) String() string {
	return fmt.Sprintf("round %d: score %.3f ± %.3f, χ² %.3f, power %.2f %.2f %.2f (%d left out)",
		c.Round, c.Score, c.Error, c.ChiSquared, c.Power[0], c.Power[1], c.Power[2],
		c.Observations)
}

// bands are the limits of Check.Power in cycles per pixel.
var bands = [4]float64{0.02, 0.1, 0.2, 0.35}

const (
	// keptShare is the share of an observation's information that candidates are drawn from.
	keptShare = 0.8
	// checkCandidates is the number for each observation.
	checkCandidates = 8
	// beyondChance is by how many standard errors a round must predict better than the best before.
	beyondChance = 2
	// checkStream are random numbers of the seed for the fission.
	checkStream = 1 << 40
)

// fission returns two copies of an observation whose noises are independent: the first with
// 1/keptShare of the variance, and the image of the first exposure with 1/(1−keptShare) of it.
func fission(o observe.Observation, r *rand.Rand) (first observe.Observation, other []float64,
	err error) {
	more := math.Sqrt(1/keptShare - 1)
	first = o
	first.Exposures = nil
	for k, e := range o.Exposures {
		if e, err = e.Complete(); err != nil {
			return first, nil, err
		}
		im := e.Image.Clone()
		noise := exposureNoise(e, r)
		for p, w := range e.InvVar {
			x := float64(im.Pixels[p])
			if w > 0 {
				noise[p] /= math.Sqrt(w)
				im.Pixels[p] = float32(x + more*noise[p])
			}
			if k == 0 {
				other = append(other, x-noise[p]/more)
			}
			e.InvVar[p] *= keptShare
		}
		e.Image = im
		first.Exposures = append(first.Exposures, e)
	}
	return first, other, nil
}

// check predicts the observations that were left out with the model of a round.
func (p *adapting) check(ctx context.Context, round int, model *Model) (Check, error) {
	var first []observe.Observation
	var others [][]float64
	for i, o := range p.held {
		a, b, err := fission(o, rand.New(rand.NewPCG(uint64(p.Seed), checkStream+uint64(i))))
		if err != nil {
			return Check{}, err
		}
		first, others = append(first, a), append(others, b)
	}
	c := Check{Round: round, scores: make([]float64, len(p.held))}
	var power, truth [3]float64
	// The same random numbers in all rounds: differences are the models'.
	parts := model.streamLooks(ctx, first, placeKey, checkCandidates, p.Seed)
	for post, err := range posterior.Drawn(parts) {
		if err != nil {
			return Check{}, err
		}
		p.say(round, "checking", float64(post.Index+1)/float64(len(first)), nil)
		other := others[post.Index]
		loss, chi := predict(post, other)
		c.scores[post.Index] = loss
		c.Score += loss
		c.ChiSquared += chi
		c.Observations++
		if err := compare(post, other, &power, &truth); err != nil {
			return Check{}, err
		}
	}
	if c.Observations == 0 {
		return Check{}, errors.New("galdecon: none of the observations that were left out could " +
			"be predicted; adapt to less noisy ones")
	}
	n := float64(c.Observations)
	c.Score, c.ChiSquared = c.Score/n, c.ChiSquared/n
	for band := range power {
		c.Power[band] = math.NaN()
		if truth[band] > 0 {
			c.Power[band] = power[band] / truth[band]
		}
	}
	return c, nil
}

// predict returns score and χ² of the other copy of an observation.
func predict(post Posterior, other []float64) (loss, chi float64) {
	n, count := float64(post.Reblurred.N), 0.0
	for k, w := range post.InvVar {
		if !(w > 0) {
			continue
		}
		var sum, square float64
		for c := range post.Reblurred.N {
			v := float64(post.Reblurred.At(c)[k])
			sum, square = sum+v, square+v*v
		}
		mean := sum / n
		noise := keptShare / ((1 - keptShare) * w) // w is that of the first copy
		variance := noise + max(square-n*mean*mean, 0)/(n-1)*(1+1/n)
		rest := other[k] - mean
		chi += rest * rest / variance
		loss += 500 * (rest*rest/variance - 1 + math.Log(variance/noise))
		count++
	}
	return loss / count, chi / count
}

// compare adds the power of the candidates of an observation, blurred, and that of the galaxy, in
// bands. Pixels without data are dark in both.
func compare(post Posterior, other []float64, power, truth *[3]float64) error {
	height, width := post.Observation.Height, post.Observation.Width
	seen := galaxy.NewImages(post.Reblurred.N+2, height, width, 1)
	sum, difference := post.Reblurred.N, post.Reblurred.N+1
	for k, w := range post.InvVar {
		if !(w > 0) {
			continue
		}
		for c := range post.Reblurred.N {
			seen.At(c)[k] = post.Reblurred.At(c)[k]
		}
		// |F(a)+F(b)|² − |F(a)−F(b)|² is four times the real part of F(a) F(b)*.
		a := float64(post.Observation.Pixels[k])
		seen.At(sum)[k], seen.At(difference)[k] = float32(a+other[k]), float32(a-other[k])
	}
	all := make([]int, post.Reblurred.N)
	for c := range all {
		all[c] = c
	}
	var spectra [3]score.Spectrum
	for i, images := range []*galaxy.Images{seen.Select(all...), seen.Select(sum),
		seen.Select(difference)} {
		var err error
		if spectra[i], err = score.PowerSpectrum(images); err != nil {
			return err
		}
	}
	// A bright galaxy counts no more than a faint one.
	unit := spectra[0].From(0)
	if !(unit > 0) {
		return nil
	}
	for ring, f := range spectra[0].Frequency {
		for band := range power {
			if f >= bands[band] && f < bands[band+1] {
				modes := float64(spectra[0].Modes[ring]) / unit
				power[band] += modes * spectra[0].Power[ring]
				truth[band] += modes * (spectra[1].Power[ring] - spectra[2].Power[ring]) / 4
			}
		}
	}
	return nil
}

// checked is [adapting.check], or what it found before, with the error against the first check.
func (p *adapting) checked(ctx context.Context, round int, model *Model) error {
	type stored struct {
		Check
		Power  [3]*float64 `json:"power"` // null for NaN
		Scores []float64   `json:"scores"`
	}
	dir := p.round(round)
	path := filepath.Join(dir, checkFile)
	var s stored
	switch text, err := os.ReadFile(path); {
	case err == nil:
		if err := json.Unmarshal(text, &s); err != nil {
			return fmt.Errorf("galdecon: %s is damaged; delete it: %w", path, err)
		}
		for band, v := range s.Power {
			s.Check.Power[band] = math.NaN()
			if v != nil {
				s.Check.Power[band] = *v
			}
		}
		s.Check.scores = s.Scores
	case !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("galdecon: cannot read the check: %w", err)
	default:
		if s.Check, err = p.check(ctx, round, model); err != nil {
			return err
		}
		s.Scores = s.Check.scores
		for band := range s.Power {
			if v := s.Check.Power[band]; !math.IsNaN(v) {
				s.Power[band] = &v
			}
		}
		text, err := json.Marshal(s)
		if err != nil {
			return fmt.Errorf("galdecon: cannot encode the check: %w", err)
		}
		if err := os.MkdirAll(dir, 0o777); err != nil {
			return fmt.Errorf("galdecon: cannot make the folder of a round: %w", err)
		}
		if err := writeFile(path, text); err != nil {
			return err
		}
	}
	c := s.Check
	if before := p.result.Checks; len(before) > 0 {
		_, c.Error = c.against(before[0])
		better, deviation := c.against(before[p.result.Best])
		if better < -beyondChance*deviation {
			p.result.Best = round
		}
	}
	p.result.Checks = append(p.result.Checks, c)
	p.say(round, "checked", 1, &c)
	return nil
}

// against returns the mean difference of the scores to those of another check, over what both
// predicted, and its standard error.
func (c Check) against(other Check) (difference, deviation float64) {
	var differences []float64
	for i, v := range c.scores {
		if v != 0 && other.scores[i] != 0 {
			differences = append(differences, v-other.scores[i])
		}
	}
	if len(differences) < 2 {
		return 0, 0
	}
	difference, deviation = stat.MeanStdDev(differences, nil)
	return difference, deviation / math.Sqrt(float64(len(differences)))
}

package calibration

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/stat"

	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/score"
)

// Ensemble put posterior samples to the test: m observations of which the truth is known, each with
// the truth's d quantities and n samples of them. Where the truths are drawn from the prior and the
// samples from the posterior, the truth is to all appearances one more sample (Talts et al. 2018),
// and that is what the methods check. They take the observations for independent, but not the d
// quantities of one: neighboring pixels are right and wrong together, so that a thousand pixels are
// far from a thousand observations.
type Ensemble struct {
	m, n, d int
	truth   func(i int) []float64   // [d]
	samples func(i int) [][]float64 // [n][d]
}

// Images returns the ensemble of pixels: truth [m, height, width, channels], and for each of its
// images n ≥ 2 samples [n, height, width, channels]. The images are not copied.
func Images(truth *galaxy.Images, samples []*galaxy.Images) (*Ensemble, error) {
	if truth == nil || slices.Contains(samples, nil) {
		return nil, errors.New("calibration: calibration needs images of the truth, and of " +
			"samples for each of them, got nil")
	}
	if err := truth.Validate(); err != nil {
		return nil, fmt.Errorf("calibration: truth: %w", err)
	}
	if err := checkCounts(truth.N, len(samples)); err != nil {
		return nil, err
	}
	for i, s := range samples {
		if err := score.Match(fmt.Sprintf("samples of observation %d", i), s, "truth",
			truth.Select(i)); err != nil {
			return nil, err
		}
		if err := checkEqual(i, s.N, samples[0].N); err != nil {
			return nil, err
		}
	}
	return &Ensemble{
		m: truth.N, n: samples[0].N, d: len(truth.At(0)),
		truth: func(i int) []float64 { return float64s(truth.At(i)) },
		samples: func(i int) [][]float64 {
			rows := make([][]float64, samples[i].N)
			for k := range rows {
				rows[k] = float64s(samples[i].At(k))
			}
			return rows
		},
	}, nil
}

// Scalars returns the ensemble of one number per galaxy, as its flux: truth [m] and samples [m][n],
// n ≥ 2, in one unit.
func Scalars(truth []float64, samples [][]float64) (*Ensemble, error) {
	vectors := make([][]float64, len(truth))
	for i, v := range truth {
		vectors[i] = []float64{v}
	}
	sampled := make([][][]float64, len(samples))
	for i, values := range samples {
		for _, v := range values {
			sampled[i] = append(sampled[i], []float64{v})
		}
	}
	return Vectors(vectors, sampled)
}

// Vectors returns the ensemble of d numbers per galaxy, as flux, size and two ellipticities: truth
// [m][d] and samples [m][n][d], n ≥ 2.
func Vectors(truth [][]float64, samples [][][]float64) (*Ensemble, error) {
	if err := checkCounts(len(truth), len(samples)); err != nil {
		return nil, err
	}
	d := len(truth[0])
	if d == 0 {
		return nil, fmt.Errorf("calibration: the truth of observation 0 has no quantities")
	}
	check := func(what string, i int, v []float64) error {
		if len(v) != d {
			return fmt.Errorf("calibration: %s of observation %d has %d quantities, the first "+
				"truth has %d", what, i, len(v), d)
		}
		for k, x := range v {
			if math.IsNaN(x) || math.IsInf(x, 0) {
				return fmt.Errorf("calibration: %s of observation %d has the value %v as "+
					"quantity %d; leave out such an observation, and say how many", what, i, x, k)
			}
		}
		return nil
	}
	for i := range truth {
		if err := check("the truth", i, truth[i]); err != nil {
			return nil, err
		}
		if err := checkEqual(i, len(samples[i]), len(samples[0])); err != nil {
			return nil, err
		}
		for k, v := range samples[i] {
			if err := check(fmt.Sprintf("sample %d", k), i, v); err != nil {
				return nil, err
			}
		}
	}
	return &Ensemble{
		m: len(truth), n: len(samples[0]), d: d,
		truth:   func(i int) []float64 { return truth[i] },
		samples: func(i int) [][]float64 { return samples[i] },
	}, nil
}

func checkCounts(truths, samples int) error {
	if truths != samples {
		return fmt.Errorf("calibration: %d truths, but samples of %d observations; give both for "+
			"each", truths, samples)
	}
	if truths == 0 {
		return fmt.Errorf("calibration: calibration needs at least one observation")
	}
	return nil
}

func checkEqual(i, n, first int) error {
	if n < 2 {
		return fmt.Errorf("calibration: calibration needs at least 2 samples of each "+
			"observation, observation %d has %d", i, n)
	}
	if n != first {
		return fmt.Errorf("calibration: observation %d has %d samples, the first has %d; ranks "+
			"among different numbers can't be compared, draw equally many", i, n, first)
	}
	return nil
}

func float64s(values []float32) []float64 {
	out := make([]float64, len(values))
	for i, v := range values {
		out[i] = float64(v)
	}
	return out
}

// SpreadRatio returns the root-mean-square error of the posterior mean over the error that the
// samples promise, the root of their mean variance times 1 + 1/n, the price of a mean of n (Fortin
// et al. 2014): 1 where they are calibrated, above it where they are over-confident or biased,
// below it where they are under-confident. Squares are summed over all quantities, so give those of
// different units apart. The interval is that of a bootstrap over observations, of which there must
// be 2, with that seed. It is an error if no samples vary.
func (t *Ensemble) SpreadRatio(seed int64) (score.Estimate, error) {
	if err := checkAtLeastTwo(t.m); err != nil {
		return score.Estimate{}, err
	}
	squares, variances := make([]float64, t.m), make([]float64, t.m)
	values := make([]float64, t.n)
	for i := range t.m {
		truth, samples := t.truth(i), t.samples(i)
		for k, y := range truth {
			for j := range values {
				values[j] = samples[j][k]
			}
			mean, variance := stat.MeanVariance(values, nil)
			squares[i] += (mean - y) * (mean - y)
			variances[i] += variance * (1 + 1/float64(t.n))
		}
	}
	ratio := func(observation func(k int) int) float64 {
		var square, variance float64
		for k := range t.m {
			square += squares[observation(k)]
			variance += variances[observation(k)]
		}
		if variance == 0 {
			return math.Inf(1) // also of a bootstrap that has hit on nothing but such observations
		}
		return math.Sqrt(square / variance)
	}
	value := ratio(func(k int) int { return k })
	if math.IsInf(value, 1) {
		return score.Estimate{}, fmt.Errorf("calibration: the samples of each of %d observations "+
			"are all the same: they have an error, but no spread", t.m)
	}
	rng := rand.New(rand.NewPCG(uint64(seed), 0))
	ratios := make([]float64, score.Resamples)
	for i := range ratios {
		ratios[i] = ratio(func(int) int { return rng.IntN(t.m) })
	}
	slices.Sort(ratios)
	return score.Estimate{
		Value: value,
		Low:   stat.Quantile(0.025, stat.Empirical, ratios, nil),
		High:  stat.Quantile(0.975, stat.Empirical, ratios, nil),
		Used:  t.m,
	}, nil
}

func checkAtLeastTwo(observations int) error {
	if observations < 2 {
		return fmt.Errorf("calibration: how sure calibration is shows in the scatter between "+
			"observations, of which it needs at least 2, got %d", observations)
	}
	return nil
}

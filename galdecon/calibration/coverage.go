package calibration

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/stat"

	"galdecon/galdecon/score"
)

// Coverage is how often credible intervals hold the truth. Its band comes from a bootstrap over
// observations, so it allows for quantities of one observation that aren't independent. It holds
// from 20 observations on; of 10, twice as many stray from it as should.
type Coverage struct {
	// Observations is m, Samples is n.
	Observations int `json:"observations"`
	Samples      int `json:"samples"`
	// Nominal are the credibilities of the intervals, 5 % to 95 % in steps of 5 %; Empirical are
	// the shares of the truths that lie in them.
	Nominal   []float64 `json:"nominal"`
	Empirical []float64 `json:"empirical"`
	// Distance is the largest |Empirical − Nominal|; few observations have one even where the
	// samples are calibrated.
	Distance float64 `json:"distance"`
	// HalfWidth is that of the band which holds, at 95 % confidence, Empirical of infinitely many
	// observations at all levels at once. So the distance of those is at most Distance + HalfWidth
	// and, if Distance > HalfWidth, isn't 0.
	HalfWidth float64 `json:"error"`
	// P is the probability of a larger Distance by chance, where the samples are calibrated
	// (Kolmogorov and Smirnov's test).
	P float64 `json:"p"`
}

// Central returns the coverage of central intervals, which leave out as much below as above. Those
// between the k-th lowest and the k-th highest of n samples hold the truth in exactly 1 − 2k/(n+1)
// of all cases if the samples are calibrated. Levels between those are interpolated linearly, and
// so is what lies beyond 1 − 2/(n+1), the interval of all samples; the expectation is then exactly
// the nominal level, for any n. Intervals between quantiles of the samples as commonly interpolated
// would hold (n−1)/(n+1) of it. Above the diagonal samples are under-confident, below it
// over-confident or biased. It is an error if there are fewer than 2 observations.
func (r *Ranks) Central(seed int64) (Coverage, error) {
	return r.coverage(func(level float64) [2]float64 {
		return [2]float64{(1 - level) / 2,
			(1 + level) / 2}
	}, seed)
}

// Cumulative returns the coverage of intervals from below up to a quantile: the cumulative
// distribution of the ranks, by which Säilynoja et al. (2022) judge whether they are uniform. More
// sharply than [Ranks.Central] it tells a bias: above the diagonal, the truth lies too low among
// the samples. For ranks of [Ensemble.TARP] it is the expected coverage probability. It is an error
// if there are fewer than 2 observations.
func (r *Ranks) Cumulative(seed int64) (Coverage, error) {
	return r.coverage(func(level float64) [2]float64 { return [2]float64{0, level} }, seed)
}

func (r *Ranks) coverage(interval func(level float64) [2]float64, seed int64) (Coverage, error) {
	if err := r.check(); err != nil {
		return Coverage{}, err
	}
	c := Coverage{Observations: len(r.Counts), Samples: r.Samples}
	var intervals [][2]float64
	for percent := 5; percent < 100; percent += 5 {
		level := float64(percent) / 100
		c.Nominal, intervals = append(c.Nominal, level), append(intervals, interval(level))
	}
	c.Empirical, c.Distance, c.HalfWidth, c.P = compare(r.within(intervals), c.Nominal, seed)
	return c, nil
}

// Histogram is that of ranks, in bins of equal probability.
type Histogram struct {
	// Observations is m, Samples is n.
	Observations int `json:"observations"`
	Samples      int `json:"samples"`
	// Density is the share of the ranks in each bin over the share of a calibrated one, so that 1
	// is expected. A rise at both ends tells of over-confident samples, one in the middle of
	// under-confident, a slope of biased ones.
	Density []float64 `json:"density"`
	// Distance is the largest |Density − 1|. HalfWidth is that of the band around 1 which holds, in
	// 95 % of all cases, all bins at once if the samples are calibrated; P is the probability of a
	// larger Distance then.
	Distance  float64 `json:"distance"`
	HalfWidth float64 `json:"error"`
	P         float64 `json:"p"`
}

// Histogram sorts the ranks into bins, 2 to n+1. Where n+1 isn't a multiple of their number, a rank
// on the border of two counts for both in part. It is an error if there are fewer than 2
// observations.
func (r *Ranks) Histogram(bins int, seed int64) (Histogram, error) {
	if err := r.check(); err != nil {
		return Histogram{}, err
	}
	if bins < 2 || bins > r.Samples+1 {
		return Histogram{}, fmt.Errorf("calibration: %d samples make %d ranks, for 2 to %d bins, "+
			"got %d", r.Samples, r.Samples+1, r.Samples+1, bins)
	}
	intervals, expected := make([][2]float64, bins), make([]float64, bins)
	for k := range intervals {
		intervals[k] = [2]float64{float64(k) / float64(bins), float64(k+1) / float64(bins)}
		expected[k] = 1
	}
	rows := r.within(intervals)
	for i := range rows {
		floats.Scale(float64(bins), rows[i])
	}
	h := Histogram{Observations: len(r.Counts), Samples: r.Samples}
	h.Density, h.Distance, h.HalfWidth, h.P = compare(rows, expected, seed)
	return h, nil
}

// compare tells how far the mean of rows, one for each of independent observations, is from what is
// expected, in the column where it's farthest. bound is what the mean of resampled rows keeps to
// the mean of rows in 95 % of all cases, p how often it strays as far as distance.
func compare(
	rows [][]float64, expected []float64, seed int64,
) (mean []float64, distance, bound, p float64) {
	m := float64(len(rows))
	mean = make([]float64, len(expected))
	for _, row := range rows {
		floats.AddScaled(mean, 1/m, row)
	}
	distance = floats.Distance(mean, expected, math.Inf(1))
	rng := rand.New(rand.NewPCG(uint64(seed), 0))
	strays := make([]float64, score.Resamples)
	again := make([]float64, len(expected))
	farther := 0
	const rounding = 1e-12
	for k := range strays {
		clear(again)
		for range rows {
			floats.Add(again, rows[rng.IntN(len(rows))])
		}
		floats.Scale(1/m, again)
		// Resampled means scatter less than means do, by √((m−1)/m): rows have the one mean that
		// they are measured from.
		strays[k] = floats.Distance(again, mean, math.Inf(1)) * math.Sqrt(m/(m-1))
		if strays[k] >= distance-rounding {
			farther++
		}
	}
	slices.Sort(strays)
	return mean, distance, stat.Quantile(0.95, stat.Empirical, strays, nil),
		float64(farther+1) / float64(score.Resamples+1)
}

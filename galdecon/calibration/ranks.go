package calibration

import (
	"fmt"
	"math"
	"math/rand/v2"
)

// Ranks say where the truth lies among the samples: its rank is the number of samples below it, 0
// to n. Where the samples are calibrated, each of the n+1 ranks is as probable as any other,
// whatever the posterior, and exactly so for any n (Talts et al. 2018, Theorem 1). Ranks of several
// runs with equally many samples are joined by appending their Counts.
type Ranks struct {
	// Samples is n.
	Samples int `json:"samples"`
	// Counts [m][n+1] is, for each observation, how many of its quantities have which rank.
	Counts [][]int `json:"counts"`
}

// Ranks ranks each quantity of each observation. Among samples equal to it, as where both are cut
// off at 0, its place is drawn by chance from the seed.
func (t *Ensemble) Ranks(seed int64) *Ranks {
	r := &Ranks{Samples: t.n, Counts: make([][]int, t.m)}
	values := make([]float64, t.n)
	for i := range r.Counts {
		rng := rand.New(rand.NewPCG(uint64(seed), uint64(i)))
		r.Counts[i] = make([]int, t.n+1)
		truth, samples := t.truth(i), t.samples(i)
		for k, y := range truth {
			for j := range values {
				values[j] = samples[j][k]
			}
			r.Counts[i][rank(y, values, rng)]++
		}
	}
	return r
}

func rank(y float64, values []float64, rng *rand.Rand) int {
	below, equal := 0, 0
	for _, v := range values {
		if v < y {
			below++
		} else if v == y {
			equal++
		}
	}
	if equal > 0 {
		below += rng.IntN(equal + 1)
	}
	return below
}

// TARP ranks the truth as a whole, all d quantities at once: by its distance from reference points
// that are drawn by chance (Lemos et al. 2023, Algorithm 2). The rank is the number of samples that
// lie nearer to one, and [Ranks.Cumulative] of the ranks is the expected coverage probability of
// balls around the references. It thus sees correlations between quantities, which [Ensemble.Ranks]
// doesn't. As in the authors' program, each quantity is scaled to [0, 1] over all truths, the
// references are uniform there, and distances Euclidean. A quantity in which the truths don't
// differ is left out.
//
// The paper takes one reference per observation; more of them cost little and narrow the band. They
// don't depend on the observation, so samples of the prior, which know nothing of it, pass, as they
// pass any test of calibration. It is an error if there are fewer than 2 observations or no
// reference, or if all truths are the same.
func (t *Ensemble) TARP(references int, seed int64) (*Ranks, error) {
	if references < 1 {
		return nil, fmt.Errorf("calibration: TARP needs at least one reference point per "+
			"observation, got %d", references)
	}
	return t.tarp(func(d int, rng *rand.Rand) [][]float64 {
		points := make([][]float64, references)
		for k := range points {
			points[k] = make([]float64, d)
			for j := range d {
				points[k][j] = rng.Float64()
			}
		}
		return points
	}, seed)
}

// tarp takes the references of the next observation from points; they have the d scaled quantities.
func (t *Ensemble) tarp(
	points func(d int, rng *rand.Rand) [][]float64, seed int64,
) (*Ranks, error) {
	if err := checkAtLeastTwo(t.m); err != nil {
		return nil, err
	}
	low, high := make([]float64, t.d), make([]float64, t.d)
	for k := range t.d {
		low[k], high[k] = math.Inf(1), math.Inf(-1)
	}
	for i := range t.m {
		for k, y := range t.truth(i) {
			low[k], high[k] = min(low[k], y), max(high[k], y)
		}
	}
	var used []int
	for k := range t.d {
		if high[k] > low[k] {
			used = append(used, k)
		}
	}
	if len(used) == 0 {
		return nil, fmt.Errorf("calibration: the truths of all %d observations are the same, so "+
			"TARP has no scale", t.m)
	}
	distance := func(v, reference []float64) float64 {
		sum := 0.0
		for j, k := range used {
			d := (v[k]-low[k])/(high[k]-low[k]) - reference[j]
			sum += d * d
		}
		return sum // its root would have the same rank
	}
	r := &Ranks{Samples: t.n, Counts: make([][]int, t.m)}
	distances := make([]float64, t.n)
	for i := range r.Counts {
		rng := rand.New(rand.NewPCG(uint64(seed), uint64(i)))
		r.Counts[i] = make([]int, t.n+1)
		truth, samples := t.truth(i), t.samples(i)
		for _, reference := range points(len(used), rng) {
			for j, s := range samples {
				distances[j] = distance(s, reference)
			}
			r.Counts[i][rank(distance(truth, reference), distances, rng)]++
		}
	}
	return r, nil
}

// check returns an error if ranks weren't made by this package.
func (r *Ranks) check() error {
	if err := checkAtLeastTwo(len(r.Counts)); err != nil {
		return err
	}
	if r.Samples < 1 {
		return fmt.Errorf("calibration: ranks among %d samples", r.Samples)
	}
	for i, counts := range r.Counts {
		total := 0
		for rank, n := range counts {
			if n < 0 {
				return fmt.Errorf("calibration: observation %d has %d quantities of rank %d", i, n,
					rank)
			}
			total += n
		}
		if len(counts) != r.Samples+1 || total == 0 {
			return fmt.Errorf("calibration: observation %d has %d quantities in %d ranks; %d "+
				"samples make %d ranks", i, total, len(counts), r.Samples, r.Samples+1)
		}
	}
	return nil
}

// within is, for each observation, the share of its quantities that lie in each of the intervals
// [low, high] of probability. The rank r of n samples stands for the probabilities from r/(n+1) to
// (r+1)/(n+1); where an interval holds part of them, it gets that part. So the expected share is
// exactly high − low, for any n, where the samples are calibrated.
func (r *Ranks) within(intervals [][2]float64) [][]float64 {
	ranks := float64(r.Samples + 1)
	shares := make([][]float64, len(r.Counts))
	for i, counts := range r.Counts {
		shares[i] = make([]float64, len(intervals))
		total := 0
		for rank, n := range counts {
			total += n
			if n == 0 {
				continue
			}
			for k, interval := range intervals {
				part := min(interval[1]*ranks, float64(rank+1)) -
					max(interval[0]*ranks, float64(rank))
				shares[i][k] += float64(n) * max(part, 0)
			}
		}
		for k := range shares[i] {
			shares[i][k] /= float64(total)
		}
	}
	return shares
}

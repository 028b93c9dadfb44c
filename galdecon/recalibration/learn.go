package recalibration

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat"

	"galdecon/galdecon/score"
)

// Trial is a galaxy whose truth is known, and what is measured of its candidates in the same
// aperture.
type Trial struct {
	Truth      score.Photometry
	Candidates []score.Photometry
}

const (
	// Fewest trials that anything is learned of.
	Fewest = 40
	// strata is their number, and shrinkage how many galaxies those of all others count as in each.
	strata    = 4
	shrinkage = 30
)

// levels are the probabilities of intervals whose ends are mapped.
var levels = []float64{0.68, 0.95}

// Learn learns how candidates are to be moved. Trials whose candidates don't differ are left out.
// It is an error if there are fewer than [Fewest] others, with at least 3 candidates each. Model
// and Seed of what it returns are the caller's to set.
func Learn(trials []Trial) (*Recalibration, error) {
	var used []Trial
	var spreads []float64
	for i, t := range trials {
		if len(t.Candidates) < 3 {
			return nil, fmt.Errorf("recalibration: galaxy %d has %d candidates; at least 3 tell "+
				"how far one is from the others", i, len(t.Candidates))
		}
		if spread, ok := spreadOf(t.Candidates); ok {
			used, spreads = append(used, t), append(spreads, spread)
		}
	}
	if len(used) < Fewest {
		return nil, fmt.Errorf("recalibration: of %d galaxies nothing can be learned; draw at "+
			"least %d", len(used), Fewest)
	}
	r := fit(used, spreads)
	// Galaxies are in no order, so that one half is like the other.
	var before, after [2]halves
	for fold := range 2 {
		var learned, tested []Trial
		var of []float64
		for i, t := range used {
			if i%2 == fold {
				tested = append(tested, t)
				continue
			}
			learned, of = append(learned, t), append(of, spreads[i])
		}
		before[fold] = (*Recalibration)(nil).test(tested)
		after[fold] = fit(learned, of).test(tested)
	}
	for i := range r.Quantities {
		q := &r.Quantities[i]
		if before[0].count[i]*before[1].count[i] == 0 {
			q.Score, q.Width, q.Draws, q.Truths = 1, 1, nil, nil // nothing varies
			continue
		}
		q.Score = (after[0].score[i] + after[1].score[i]) /
			(before[0].score[i] + before[1].score[i])
		q.Width = math.Exp((after[0].width[i] + after[1].width[i] - before[0].width[i] -
			before[1].width[i]) / (before[0].count[i] + before[1].count[i]))
		if !(q.Score < 1) {
			q.Draws, q.Truths = nil, nil
		}
	}
	return r, r.Validate()
}

// fit maps quantiles of all quantities.
func fit(trials []Trial, spreads []float64) *Recalibration {
	r := &Recalibration{Galaxies: len(trials), Candidates: len(trials[0].Candidates)}
	order := make([]int, len(trials))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(spreads[a], spreads[b]) })
	var members [][]int
	for k := range strata {
		in := order[len(order)*k/strata : len(order)*(k+1)/strata]
		middle := spreads[in[len(in)/2]]
		if k > 0 && middle <= r.Spread[len(r.Spread)-1] {
			members[len(members)-1] = append(members[len(members)-1], in...) // all are alike
			continue
		}
		r.Spread, members = append(r.Spread, middle), append(members, slices.Clone(in))
	}
	for _, p := range parts {
		truths := make([][]float64, len(trials))
		var draws, all []float64
		for i, t := range trials {
			truth := []score.Photometry{t.Truth}
			for _, of := range p.values {
				z, among := standardize(p.get(of, truth)[0], p.get(of, t.Candidates))
				truths[i], draws = append(truths[i], z...), append(draws, among...)
			}
			all = append(all, truths[i]...)
		}
		q := Quantity{Name: p.name}
		if len(all) == 0 {
			r.Quantities = append(r.Quantities, q)
			continue
		}
		q.Draws = p.quantiles(draws)
		overall := p.quantiles(all)
		for _, in := range members {
			var own []float64
			for _, i := range in {
				own = append(own, truths[i]...)
			}
			of := slices.Clone(overall)
			if n := float64(len(in)); len(own) > 0 {
				for i, v := range p.quantiles(own) {
					of[i] = (n*v + shrinkage*overall[i]) / (n + shrinkage)
				}
			}
			q.Truths = append(q.Truths, unlimited(q.Draws, of, r.Candidates-1))
		}
		r.Quantities = append(r.Quantities, q)
	}
	return r
}

// standardize returns, for each candidate, how far the truth and it are from the others, in units
// of their spread; nothing where these don't differ.
func standardize(truth float64, candidates []float64) (z, among []float64) {
	for i, c := range candidates {
		others := slices.Delete(slices.Clone(candidates), i, i+1)
		mean, deviation := stat.MeanStdDev(others, nil)
		if !(deviation > 0) {
			continue
		}
		unit := deviation * math.Sqrt(1+1/float64(len(others)))
		z, among = append(z, (truth-mean)/unit), append(among, (c-mean)/unit)
	}
	return z, among
}

// quantiles returns the ends of the intervals of all levels with the median between them, in rising
// order: of a quantity without a preferred direction those of its values and their opposites.
func (p part) quantiles(z []float64) []float64 {
	if !p.log {
		opposite := slices.Clone(z)
		for i := range opposite {
			opposite[i] = -z[i]
		}
		z = slices.Concat(z, opposite)
	}
	slices.Sort(z)
	at := func(q float64) float64 { return quantile(z, q) }
	ends := []float64{at(0.5)}
	if !p.log {
		ends[0] = 0
	}
	for _, level := range levels {
		low, high := at((1-level)/2), at((1+level)/2)
		if !p.log { // interpolated alike
			high = (high - low) / 2
			low = -high
		}
		ends = slices.Concat([]float64{low}, ends, []float64{high})
	}
	return ends
}

// halves are sums over the galaxies of one half, for each quantity: of scores, in units of the
// candidates' spread, of the logarithm of the width of intervals, and of values.
type halves struct{ score, width, count [4]float64 }

// test sums up the score of trials that it moves, in units of their spread before.
func (r *Recalibration) test(trials []Trial) (sum halves) {
	for _, t := range trials {
		moved := r.Apply(t.Candidates)
		truth := []score.Photometry{t.Truth}
		for i, p := range parts {
			for _, of := range p.values {
				deviation := stat.StdDev(p.get(of, t.Candidates), nil)
				if !(deviation > 0) {
					continue
				}
				sum.count[i]++
				values := p.get(of, moved)
				sum.score[i] += CRPS(p.get(of, truth)[0], values) / deviation
				sum.width[i] += math.Log(Width(values))
			}
		}
	}
	return sum
}

// CRPS returns the continuous ranked probability score of candidates, of which there are at least
// two, without the bias that few of them have (Ferro 2014, Quarterly Journal of the Royal
// Meteorological Society 140, 1917): their mean distance from the truth, less half of that from
// each other. It is least, on average, for candidates of the truth's own distribution.
func CRPS(truth float64, candidates []float64) float64 {
	sorted := slices.Sorted(slices.Values(candidates))
	n := float64(len(sorted))
	var off, apart float64
	for i, v := range sorted {
		off += math.Abs(v-truth) / n
		apart += v * (2*float64(i) - n + 1) / (n * (n - 1)) // half the mean of |v − w|
	}
	return off - apart
}

// Width returns that of the interval of 68 % of candidates.
func Width(candidates []float64) float64 {
	sorted := slices.Sorted(slices.Values(candidates))
	return quantile(sorted, 0.84) - quantile(sorted, 0.16)
}

// quantile returns the value below which a further one of the same distribution lies with a
// probability q: the i-th of n sorted ones is the quantile i/(n+1).
func quantile(sorted []float64, q float64) float64 {
	n := float64(len(sorted))
	return stat.Quantile(min(q*(n+1)/n, 1), stat.LinInterp, sorted, nil)
}

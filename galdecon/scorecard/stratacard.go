package scorecard

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/stat"

	"galdecon/galdecon/observe"
	"galdecon/galdecon/posterior"
	"galdecon/galdecon/recalibration"
	"galdecon/galdecon/score"
)

// StrataCard is what a test in strata has found. It is stored as JSON, and shown as text (String)
// and as CSV (WriteCSV).
type StrataCard struct {
	Model string `json:"model"`
	// Galaxies is their number, Candidates that of candidates for each.
	Galaxies   int            `json:"galaxies"`
	Candidates int            `json:"candidates"`
	Seed       int64          `json:"seed"`
	Survey     observe.Survey `json:"survey"`
	// Recalibration is what candidates are moved by, nil for nothing; Unused says why that of the
	// model isn't used.
	Recalibration *recalibration.Recalibration `json:"recalibration,omitempty"`
	Unused        string                       `json:"unused,omitempty"`
	// Refusals are the words of the first observation that was refused for each reason.
	Refusals map[posterior.Reason]string `json:"refusals,omitempty"`
	// Pulls are those of all exposures.
	Pulls []Pulls `json:"pulls"`
	// Strata are first all exposures, and then these by their noise, PSF and gaps.
	Strata []Stratum `json:"strata"`
}

// Stratum is what was found of some exposures. What doesn't exist is nil.
type Stratum struct {
	// By is what the strata differ in: "all", "noise", "PSF" or "no data"; Name is which it is.
	By   string `json:"by"`
	Name string `json:"name"`
	// N is the number of exposures that were sampled, and Refused that of the others by reason. All
	// else is of those that were sampled.
	N       int                      `json:"n"`
	Refused map[posterior.Reason]int `json:"refused,omitempty"`
	// Error is the squared error of the candidates' mean over that of no light at all, on average
	// over galaxies, and Wiener that of Wiener's filter, which is told the true PSF, weights and
	// correlation of noise.
	Error  *score.Estimate `json:"error"`
	Wiener *score.Estimate `json:"wiener"`
	// ErrorOverSpread is of all pixels, with data or without: see [calibration.Ensemble.SpreadRatio].
	// Squares are summed over galaxies whose peak is about 1, so that noisy ones count most.
	ErrorOverSpread *score.Estimate `json:"error_over_spread"`
	// ChiSquared is of pixels with data, 1 for the truth.
	ChiSquared *score.Estimate `json:"chi_squared"`
	// Detail is the candidates' power at spatial frequencies of [score.DetailFrequency] and more,
	// over all galaxies, over that of the truth: 1 for calibrated ones.
	Detail *score.Estimate `json:"detail"`
	// Calibration is of pixels with data, those without, and what is measured of galaxies.
	Calibration []Calibration `json:"calibration"`
	// Recalibrated is of what is measured of galaxies, moved by the card's Recalibration.
	Recalibrated []Recalibrated `json:"recalibrated,omitempty"`
	// Seconds a candidate took, the median over exposures.
	Seconds float64 `json:"seconds"`
}

// Quantities of [Stratum.Calibration] beside those of galaxies.
const (
	seenPixels   = "pixels seen"
	hiddenPixels = "pixels without data"
)

// partition divides exposures into strata.
type partition struct {
	by    string
	value func(r *LookResult) float64
	// edges are the least values of all strata but the first, in rising order.
	edges []float64
	names []string
}

var partitions = []partition{
	{by: "all", names: []string{"all exposures"}},
	{"noise", func(r *LookResult) float64 { return r.Noise }, []float64{0.004, 0.02, 0.1},
		[]string{"noise < 0.004", "0.004 to 0.02", "0.02 to 0.1", "0.1 and more"}},
	{"PSF", func(r *LookResult) float64 { return r.Width }, []float64{1, 2},
		[]string{"PSF of σ < 1 px", "1 to 2 px", "2 px and more"}},
	{"no data", func(r *LookResult) float64 { return r.Masked },
		[]float64{math.SmallestNonzeroFloat64, 0.15},
		[]string{"no gaps", "up to 15 % gaps", "15 % and more"}},
}

// of returns the number of the stratum that an exposure is in; false if it's in none.
func (p partition) of(r *LookResult) (number int, ok bool) {
	if p.value == nil {
		return 0, true
	}
	if p.by == "noise" && r.Noise == 0 {
		return 0, false
	}
	for number < len(p.edges) && p.value(r) >= p.edges[number] {
		number++
	}
	return number, true
}

// card sums up the results of a finished run.
func (s Strata) card(all []*LookResult) (StrataCard, error) {
	card := StrataCard{Model: s.Name, Galaxies: s.N, Candidates: s.Candidates, Seed: s.Seed,
		Survey: s.Survey, Recalibration: s.Recalibration, Unused: s.Unused,
		Pulls: s.pulls(all)}
	for _, r := range all {
		if r.Reason == "" {
			continue
		}
		if card.Refusals == nil {
			card.Refusals = map[posterior.Reason]string{}
		}
		if card.Refusals[r.Reason] == "" {
			card.Refusals[r.Reason] = r.Refused
		}
	}
	for _, p := range partitions {
		members := make([][]*LookResult, len(p.names))
		for _, r := range all {
			if number, ok := p.of(r); ok {
				members[number] = append(members[number], r)
			}
		}
		for i, results := range members {
			stratum, err := s.stratum(results)
			if err != nil {
				return StrataCard{}, fmt.Errorf("scorecard: %s, %s: %w", s.Name, p.names[i], err)
			}
			stratum.By, stratum.Name = p.by, p.names[i]
			card.Strata = append(card.Strata, stratum)
		}
	}
	return card, nil
}

// stratum sums up some results.
func (s Strata) stratum(all []*LookResult) (st Stratum, err error) {
	var results []*LookResult
	for _, r := range all {
		if r.Reason == "" {
			results = append(results, r)
			continue
		}
		if st.Refused == nil {
			st.Refused = map[posterior.Reason]int{}
		}
		st.Refused[r.Reason]++
	}
	if st.N = len(results); st.N == 0 {
		return st, nil
	}
	values := func(of func(r *LookResult) float64) []float64 {
		v := make([]float64, len(results))
		for i, r := range results {
			v[i] = of(r)
		}
		return v
	}
	for _, mean := range []struct {
		to *(*score.Estimate)
		of func(r *LookResult) float64
	}{
		{&st.Error, func(r *LookResult) float64 { return r.mse() / r.Energy }},
		{&st.Wiener, func(r *LookResult) float64 { return r.Wiener / r.Energy }},
		{&st.ChiSquared, func(r *LookResult) float64 { return r.ChiSquared }},
	} {
		e, err := score.Mean(values(mean.of), s.Seed)
		if err != nil {
			return st, err
		}
		*mean.to = &e
	}
	st.Detail = ratio(values(func(r *LookResult) float64 { return r.Detail }),
		values(func(r *LookResult) float64 { return r.TrueDetail }), s.Seed)
	st.ErrorOverSpread = ratio(values((*LookResult).mse), values(func(r *LookResult) float64 {
		return r.variance() * (1 + 1/float64(s.Candidates))
	}), s.Seed)
	if e := st.ErrorOverSpread; e != nil {
		e.Value, e.Low, e.High = math.Sqrt(e.Value), math.Sqrt(e.Low), math.Sqrt(e.High)
	}
	seconds := values(func(r *LookResult) float64 { return r.Seconds })
	slices.Sort(seconds)
	st.Seconds = stat.Quantile(0.5, stat.LinInterp, seconds, nil)
	if st.Calibration, err = s.calibrate(results); err != nil {
		return st, err
	}
	st.Recalibrated, err = s.recalibrate(results)
	return st, err
}

// calibrate measures the calibration of pixels and galaxies.
func (s Strata) calibrate(results []*LookResult) (all []Calibration, err error) {
	for _, part := range []struct {
		name string
		of   func(r *LookResult) PixelResult
	}{
		{seenPixels, func(r *LookResult) PixelResult { return r.Seen }},
		{hiddenPixels, func(r *LookResult) PixelResult { return r.Hidden }},
	} {
		var scattered []scatter
		for _, r := range results {
			if p := part.of(r); p.Pixels > 0 {
				scattered = append(scattered, scatter{p.Ranks, p.MSE, p.Variance})
			}
		}
		of, err := calibratePixels(part.name, s.Candidates, scattered, s.Seed)
		if err != nil {
			return nil, err
		}
		all = append(all, of)
	}
	var objects []measured
	for _, r := range results {
		objects = append(objects, measured{r.Truth, r.Each})
	}
	for _, q := range quantities {
		of, err := q.calibrate(objects, s.Seed)
		if err != nil {
			return nil, err
		}
		all = append(all, of)
	}
	return all, nil
}

// ratio returns the sum of a over that of b, values of the same observations, with the interval of
// a bootstrap over these; nil where nothing is in b.
func ratio(a, b []float64, seed int64) *score.Estimate {
	of := func(pick func(k int) int) float64 {
		var above, below float64
		for k := range a {
			above, below = above+a[pick(k)], below+b[pick(k)]
		}
		return above / below
	}
	e := &score.Estimate{Value: of(func(k int) int { return k }), Used: len(a)}
	rng := rand.New(rand.NewPCG(uint64(seed), 0))
	again := make([]float64, score.Resamples)
	for i := range again {
		again[i] = of(func(int) int { return rng.IntN(len(a)) })
	}
	slices.Sort(again)
	e.Low = stat.Quantile(0.025, stat.Empirical, again, nil)
	e.High = stat.Quantile(0.975, stat.Empirical, again, nil)
	for _, v := range []float64{e.Value, e.Low, e.High} {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil
		}
	}
	return e
}

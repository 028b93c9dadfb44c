package scorecard

import (
	"fmt"
	"math"

	"galdecon/galdecon/calibration"
	"galdecon/galdecon/score"
)

// Calibration says whether candidates scatter around the truth as a posterior does, in one
// quantity.
type Calibration struct {
	// Quantity is "pixels", "flux", "half-light radius", "ellipticity" (both components), or "TARP"
	// for flux, radius and ellipticity together.
	Quantity string `json:"quantity"`
	// Coverage is that of central intervals, for TARP the expected coverage probability; Ranks is
	// the histogram of ranks (SBC). They are nil if fewer than 2 observations are left.
	Coverage *calibration.Coverage  `json:"coverage,omitempty"`
	Ranks    *calibration.Histogram `json:"ranks,omitempty"`
	// ErrorOverSpread is 1 for calibrated candidates and above for over-confident ones; nil for
	// TARP, or if nothing varies.
	ErrorOverSpread *score.Estimate `json:"error_over_spread,omitempty"`
	// Failed observations are left out: their truth or a candidate couldn't be measured.
	Failed int `json:"failed"`
}

const (
	pixels = "pixels"
	joint  = "TARP"
	// references of TARP for each observation.
	references = 100
	// rankBins is the largest number of bins of a histogram.
	rankBins = 10
)

// quantity is what is measured of a galaxy, by name.
type quantity struct {
	name   string
	values func(p *score.Photometry) []float64
}

// The logarithms make errors of faint and bright galaxies alike; ranks don't know them.
var quantities = []quantity{
	{"flux", func(p *score.Photometry) []float64 { return []float64{math.Log(p.Aperture)} }},
	{"half-light radius", func(p *score.Photometry) []float64 {
		return []float64{math.Log(p.HalfLight)}
	}},
	{"ellipticity", func(p *score.Photometry) []float64 { return []float64{p.G1, p.G2} }},
	{joint, func(p *score.Photometry) []float64 {
		return []float64{math.Log(p.Aperture), math.Log(p.HalfLight), p.G1, p.G2}
	}},
}

// calibrate measures the calibration of a method that draws candidates.
func calibrate(results []*Result, seed int64) ([]Calibration, error) {
	var scattered []scatter
	var objects []measured
	for _, r := range results {
		scattered = append(scattered, scatter{r.PixelRanks, r.MSE, r.PixelVariance})
		objects = append(objects, r.measured())
	}
	of, err := calibratePixels(pixels, results[0].Candidates, scattered, seed)
	if err != nil {
		return nil, err
	}
	all := []Calibration{of}
	for _, q := range quantities {
		of, err := q.calibrate(objects, seed)
		if err != nil {
			return nil, err
		}
		all = append(all, of)
	}
	return all, nil
}

// scatter is that of some pixels of one observation: how many of the truth have which rank among
// the candidates, the mean square error of their mean, and the candidates' variance.
type scatter struct {
	ranks         []int
	mse, variance float64
}

// calibratePixels measures the calibration of pixels; it is empty for fewer than 2 observations.
func calibratePixels(
	quantity string, candidates int, all []scatter, seed int64,
) (Calibration, error) {
	if len(all) < 2 {
		return Calibration{Quantity: quantity}, nil
	}
	ranks := &calibration.Ranks{Samples: candidates}
	var truths []float64
	var pairs [][]float64
	for _, s := range all {
		ranks.Counts = append(ranks.Counts, s.ranks)
		// The error over the spread of pixels needs no more than these two sums over them: a pair
		// of candidates with this error of its mean, and this spread, stands for all.
		spread := math.Sqrt(s.variance * (1 + 1/float64(candidates)) / 3)
		truths, pairs = append(truths, 0), append(pairs,
			[]float64{math.Sqrt(s.mse) - spread, math.Sqrt(s.mse) + spread})
	}
	trials, err := calibration.Scalars(truths, pairs)
	if err != nil {
		return Calibration{}, err
	}
	return calibrationOf(quantity, ranks, trials, false, seed)
}

// calibrate measures the calibration of a quantity of galaxies.
func (q quantity) calibrate(results []measured, seed int64) (Calibration, error) {
	var truths [][]float64
	var samples [][][]float64
	for _, r := range results {
		if values, ok := r.values(q.values); ok {
			truths, samples = append(truths, q.values(r.truth)), append(samples, values)
		}
	}
	failed := len(results) - len(truths)
	if len(truths) < 2 {
		return Calibration{Quantity: q.name, Failed: failed}, nil
	}
	trials, err := calibration.Vectors(truths, samples)
	if err != nil {
		return Calibration{}, err
	}
	var ranks *calibration.Ranks
	if q.name == joint {
		ranks, err = trials.TARP(references, seed)
	} else {
		ranks = trials.Ranks(seed)
	}
	if err != nil {
		return Calibration{}, err
	}
	of, err := calibrationOf(q.name, ranks, trials, q.name == joint, seed)
	of.Failed = failed
	return of, err
}

// measured are the truth and each candidate of an observation, nil where it can't be measured.
type measured struct {
	truth *score.Photometry
	each  []*score.Photometry
}

func (r *Result) measured() measured { return measured{r.Truth, r.Each} }

// values of each candidate; false if the truth or one of them has none.
func (r measured) values(of func(p *score.Photometry) []float64) (values [][]float64, ok bool) {
	if r.truth == nil {
		return nil, false
	}
	for _, p := range r.each {
		if p == nil {
			return nil, false
		}
		values = append(values, of(p))
	}
	return values, true
}

func calibrationOf(
	quantity string, ranks *calibration.Ranks, trials *calibration.Ensemble, tarp bool, seed int64,
) (Calibration, error) {
	of := Calibration{Quantity: quantity}
	coverage, err := ranks.Central(seed)
	if tarp {
		coverage, err = ranks.Cumulative(seed)
	}
	if err != nil {
		return of, fmt.Errorf("coverage of %s: %w", quantity, err)
	}
	histogram, err := ranks.Histogram(min(rankBins, ranks.Samples+1), seed)
	if err != nil {
		return of, fmt.Errorf("ranks of %s: %w", quantity, err)
	}
	of.Coverage, of.Ranks = &coverage, &histogram
	// Where nothing varies there is an error but no spread, which the ranks tell too.
	if ratio, err := trials.SpreadRatio(seed); err == nil && !tarp && !math.IsInf(ratio.High, 0) {
		of.ErrorOverSpread = &ratio
	}
	return of, nil
}

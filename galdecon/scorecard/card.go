package scorecard

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"galdecon/galdecon/score"
)

// Card is what a comparison has found. It is stored as JSON, and shown as text (String) and as CSV
// (WriteCSV).
type Card struct {
	// Galaxies is the number of observations, Candidates that of candidates for each.
	Galaxies   int `json:"galaxies"`
	Candidates int `json:"candidates"`
	// Source says where the galaxies come from, and Edge how bright the edges of their stamps are,
	// in units of the peak: the median over galaxies of the median of each. On a dark sky it is
	// near 0.
	Source string  `json:"source"`
	Edge   float64 `json:"edge"`
	// Epsilon is the slack of Eq. 3, Features says what its variance is measured on; it is empty
	// where none was.
	Epsilon  float64 `json:"epsilon"`
	Features string  `json:"features"`
	Seed     int64   `json:"seed"`
	// Frequency is that of the rings of power spectra, in cycles per pixel.
	Frequency []float64 `json:"frequency"`
	// Rows are all methods in the first setting, then in the next.
	Rows []Row `json:"rows"`
	// Differences are those that the paper's Table 1 is about: of each diffusion model and each
	// CVAE, in each setting in which there is a retained fraction.
	Differences []Difference `json:"differences,omitempty"`
}

// Difference is what a diffusion model has more than a CVAE, by the same observations in a setting,
// see [Card.Difference]; [Card.TableOne] shows it.
type Difference struct {
	Diffusion string  `json:"diffusion"`
	CVAE      string  `json:"cvae"`
	Setting   Setting `json:"setting"`
	// Refused is the number of observations that either has refused.
	Refused  int             `json:"refused"`
	Retained *score.Estimate `json:"retained"`
	// Variance is nil if no observation has 2 survivors of both, or there are no features.
	Variance *score.Estimate `json:"feature_variance,omitempty"`
}

// Released are the figures of Table 1 as the paper's released program computes them: with its ε of
// 1e-4 whatever that of the comparison is, with candidates whose error is above 2 among the
// retained (see [score.AuthorsCriterion]), and whatever the noise. (It also stores candidates with
// 8 bits before it measures them, which isn't done here.)
type Released struct {
	Retained *score.Estimate `json:"retained"`
	// FeatureVariance is nil if no observation has 2 candidates that are retained.
	FeatureVariance *score.Estimate `json:"feature_variance,omitempty"`
}

// Row is one method in one setting. What doesn't exist is nil.
type Row struct {
	Method  string  `json:"method"`
	Setting Setting `json:"setting"`
	// Candidates is their number for each observation, 1 of a method that has but one answer.
	Candidates int `json:"candidates"`
	// Refused is the number of observations that the method refused. All else is that of the
	// others.
	Refused int `json:"refused"`
	// Refusal is the reason of the first that was refused, in words.
	Refusal string `json:"refusal,omitempty"`
	// Retained is the fraction of candidates within the slack. With noise of variance ε or more it
	// doesn't exist: not even the truth would be retained.
	Retained *score.Estimate `json:"retained,omitempty"`
	// FeatureVariance is Eq. 4; observations with fewer than 2 survivors are dropped.
	FeatureVariance *score.Estimate `json:"feature_variance,omitempty"`
	// Released are both as the paper's released program has them, if [Config] asks for that.
	Released *Released `json:"released,omitempty"`
	// Reconvolution is the MSE of Π*y to x with the PSF that is assumed, ChiSquared that over the
	// noise's variance: 1 for the truth with the true PSF.
	Reconvolution *score.Estimate `json:"reconvolution"`
	ChiSquared    *score.Estimate `json:"chi_squared,omitempty"`
	// PixelVariance is that of the candidates, VarianceRatio its ratio to the variance of the
	// prior: near 0 the observation tells nearly all.
	PixelVariance *score.Estimate `json:"pixel_variance,omitempty"`
	VarianceRatio *score.Estimate `json:"over_prior,omitempty"`
	// HighFrequency is the power of the candidates over that of the truth, at frequencies from a
	// quarter of a cycle per pixel; the mean is geometric.
	HighFrequency *score.Estimate `json:"high_frequency,omitempty"`
	// MSE, PSNR (dB) and SSIM are those of the candidates' mean to the truth.
	MSE  *score.Estimate `json:"mse"`
	PSNR *score.Estimate `json:"psnr"`
	SSIM *score.Estimate `json:"ssim"`
	// Flux and HalfLight are the relative errors |measured/true − 1| of the candidates' mean,
	// Ellipticity is |Δg|: score.Measure within a circle of a quarter of the stamp's side.
	// Observations of which the truth or the mean can't be measured are dropped.
	Flux        *score.Estimate `json:"flux,omitempty"`
	HalfLight   *score.Estimate `json:"half_light,omitempty"`
	Ellipticity *score.Estimate `json:"ellipticity,omitempty"`
	// Seconds a candidate takes, of the fastest observations of the method in any setting: the
	// first ones wait for a compiler.
	Seconds float64 `json:"seconds"`
	// Calibration is that of methods that draw candidates.
	Calibration []Calibration `json:"calibration,omitempty"`
	// Power and TruePower are the radial power spectra of the candidates and of the truth, averaged
	// over observations (see score.Spectrum).
	Power     []float64 `json:"power"`
	TruePower []float64 `json:"true_power"`
	// Diversity is what Retained and FeatureVariance come from, observation by observation. One
	// that was refused has no candidates.
	Diversity []score.Diversity `json:"diversity"`
}

// card sums up the results of a finished run.
func (c Config) card(s *store) (Card, error) {
	spectrum, err := score.PowerSpectrum(c.Galaxies.Select(0))
	if err != nil {
		return Card{}, err
	}
	edges := c.Galaxies.Edges()
	slices.Sort(edges)
	card := Card{Galaxies: c.Galaxies.N, Source: c.Source, Edge: edges[len(edges)/2],
		Candidates: c.Candidates, Epsilon: c.Epsilon, Features: c.header().Features, Seed: c.Seed,
		Frequency: spectrum.Frequency}
	seconds := map[string]float64{}
	for k, r := range s.results {
		if r.Refused != "" {
			continue
		}
		if before, ok := seconds[k.method]; !ok || r.Seconds < before {
			seconds[k.method] = r.Seconds
		}
	}
	for _, setting := range c.Settings {
		for _, m := range c.Methods {
			var results []*Result
			for i := range c.Galaxies.N {
				results = append(results, s.get(m.Name, setting, i))
			}
			row, err := c.row(results)
			if err != nil {
				return Card{}, fmt.Errorf("scorecard: %s (%s): %w", m.Name, setting, err)
			}
			row.Seconds = seconds[m.Name]
			card.Rows = append(card.Rows, row)
		}
	}
	card.Differences, err = c.differences(card)
	return card, err
}

// differences compares each diffusion model with each CVAE.
func (c Config) differences(card Card) (all []Difference, err error) {
	for _, setting := range c.Settings {
		for _, diffusion := range c.Methods {
			for _, cvae := range c.Methods {
				if diffusion.Model != Diffusion || cvae.Model != CVAE ||
					!card.comparable(diffusion.Name, cvae.Name, setting) {
					continue
				}
				d := Difference{Diffusion: diffusion.Name, CVAE: cvae.Name, Setting: setting}
				if d.Retained, d.Variance, err = card.Difference(d.Diffusion, d.CVAE,
					setting); err != nil {
					return nil, err
				}
				both, _, _ := card.pairs(d.Diffusion, d.CVAE, setting)
				d.Refused = card.Galaxies - len(both)
				all = append(all, d)
			}
		}
	}
	return all, nil
}

// row sums up the results of one method in one setting.
func (c Config) row(all []*Result) (Row, error) {
	row := Row{Method: all[0].Method, Setting: all[0].Setting}
	var results []*Result
	var paper, released []score.Diversity
	for _, r := range all {
		d := score.Diversity{Candidates: r.Candidates, Retained: r.Retained,
			Variance: r.FeatureVariance}
		row.Diversity = append(row.Diversity, d)
		if r.Refused != "" {
			row.Refused++
			row.Refusal = cmp.Or(row.Refusal, r.Refused)
			continue
		}
		results, paper = append(results, r), append(paper, d)
		released = append(released, score.Diversity{
			Candidates: r.Candidates, Retained: r.ReleasedRetained, Variance: r.ReleasedVariance,
		})
	}
	if len(results) == 0 {
		return row, nil
	}
	first := results[0]
	row.Candidates = first.Candidates
	row.Power, row.TruePower = make([]float64, len(first.Power)),
		make([]float64, len(first.TruePower))
	for _, r := range results {
		for k := range row.Power {
			row.Power[k] += r.Power[k] / float64(len(results))
			row.TruePower[k] += r.TruePower[k] / float64(len(results))
		}
	}
	seed := c.Seed
	var err error
	if noise := first.Setting.Noise; noise*noise < c.Epsilon {
		if row.Retained, row.FeatureVariance, err = c.tableOne(paper); err != nil {
			return Row{}, err
		}
	}
	if c.Released {
		row.Released = new(Released)
		if row.Released.Retained, row.Released.FeatureVariance,
			err = c.tableOne(released); err != nil {
			return Row{}, err
		}
	}
	// mean is that of a value per observation; false leaves an observation out.
	mean := func(value func(r *Result) (float64, bool)) *score.Estimate {
		var values []float64
		for _, r := range results {
			if v, ok := value(r); ok {
				values = append(values, v)
			}
		}
		if len(values) == 0 || err != nil {
			return nil
		}
		var e score.Estimate
		e, err = score.Mean(values, seed)
		e.Dropped = len(results) - len(values)
		return &e
	}
	always := func(value func(r *Result) float64) *score.Estimate {
		return mean(func(r *Result) (float64, bool) { return value(r), true })
	}
	row.Reconvolution = always(func(r *Result) float64 { return r.Reconvolution })
	if noise := first.Setting.Noise; noise > 0 {
		row.ChiSquared = always(func(r *Result) float64 {
			return r.Reconvolution / (noise * noise)
		})
	}
	row.MSE = always(func(r *Result) float64 { return r.MSE })
	row.PSNR = always(func(r *Result) float64 { return r.PSNR })
	row.SSIM = always(func(r *Result) float64 { return r.SSIM })
	row.HighFrequency = mean(func(r *Result) (float64, bool) {
		return math.Log(r.HighFrequency), r.HighFrequency > 0
	})
	if n := row.HighFrequency; n != nil {
		n.Value, n.Low, n.High = math.Exp(n.Value), math.Exp(n.Low), math.Exp(n.High)
	}
	measured := func(value func(e score.PhotometryDeviation) float64) *score.Estimate {
		return mean(func(r *Result) (float64, bool) {
			if r.Truth == nil || r.Mean == nil {
				return 0, false
			}
			return math.Abs(value(r.Mean.Deviation(*r.Truth))), true
		})
	}
	row.Flux = measured(func(e score.PhotometryDeviation) float64 { return e.Aperture })
	row.HalfLight = measured(func(e score.PhotometryDeviation) float64 { return e.HalfLight })
	row.Ellipticity = measured(func(e score.PhotometryDeviation) float64 { return e.Ellipticity })
	if row.Candidates > 1 {
		row.PixelVariance = always(func(r *Result) float64 { return r.PixelVariance })
		row.VarianceRatio = always(func(r *Result) float64 { return r.VarianceRatio })
		var calibrated error
		row.Calibration, calibrated = calibrate(results, seed)
		if err == nil {
			err = calibrated
		}
	}
	return row, err
}

// tableOne returns the two figures of Table 1; variance is nil without features, or if no
// observation has 2 candidates that are retained.
func (c Config) tableOne(
	observations []score.Diversity,
) (retained, variance *score.Estimate, err error) {
	r, err := score.MeanRetained(observations, c.Seed)
	if err != nil {
		return nil, nil, err
	}
	if c.Features == nil || !slices.ContainsFunc(observations,
		func(d score.Diversity) bool { return d.Retained >= 2 }) {
		return &r, nil, nil
	}
	v, err := score.MeanVariance(observations, c.Seed)
	return &r, &v, err
}

// Spectrum returns the Power or TruePower of a row with its frequencies.
func (c Card) Spectrum(power []float64) score.Spectrum {
	return score.Spectrum{Frequency: c.Frequency, Power: power}
}

// Row returns the row of a method in a setting, or nil.
func (c Card) Row(method string, setting Setting) *Row {
	for i := range c.Rows {
		if c.Rows[i].Method == method && c.Rows[i].Setting == setting {
			return &c.Rows[i]
		}
	}
	return nil
}

// comparable reports whether the card has retained fractions of two methods for the same
// observations.
func (c Card) comparable(first, second string, setting Setting) bool {
	a, b := c.Row(first, setting), c.Row(second, setting)
	if a == nil || b == nil || a.Retained == nil || b.Retained == nil {
		return false
	}
	both, _, _ := c.pairs(first, second, setting)
	return len(both) > 0
}

// pairs returns the outcomes of two methods for the observations that neither has refused, and the
// seed of a bootstrap over them.
func (c Card) pairs(first, second string, setting Setting) (a, b []score.Diversity, seed int64) {
	all, others := c.Row(first, setting).Diversity, c.Row(second, setting).Diversity
	for i := range all {
		if all[i].Candidates > 0 && others[i].Candidates > 0 {
			a, b = append(a, all[i]), append(b, others[i])
		}
	}
	return a, b, c.Seed
}

// Difference compares two methods by the same observations in a setting: what the first retains
// less what the second does, and its variance less the second's, each with its interval of
// confidence; see [score.Difference]. variance is nil if no observation has 2 survivors of both.
func (c Card) Difference(
	first, second string, setting Setting,
) (retained, variance *score.Estimate, err error) {
	if !c.comparable(first, second, setting) {
		return nil, nil, fmt.Errorf("scorecard: %s and %s can't be compared (%s): the card has "+
			"no retained fraction of both for the same observations", first, second, setting)
	}
	r, v, err := score.Difference(c.pairs(first, second, setting))
	if v.Used == 0 || c.Features == "" {
		return &r, nil, err
	}
	return &r, &v, err
}

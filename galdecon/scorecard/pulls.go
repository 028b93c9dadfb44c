package scorecard

import (
	"math"

	"galdecon/galdecon/posterior"
)

// Pulls are, of each galaxy that can be measured, how far medians of candidates are from the truth,
// in error bars ([posterior.Interval.Pull]): numbers of the unit Gaussian if those are right, and
// if the posterior is Gaussian. An ellipticity has two.
type Pulls struct {
	Quantity string `json:"quantity"`
	// Drawn are those of candidates as they are, Recalibrated of those moved by the card's
	// Recalibration, none without one.
	Drawn        []float64 `json:"drawn"`
	Recalibrated []float64 `json:"recalibrated,omitempty"`
}

// pulls returns those of all quantities but TARP.
func (s Strata) pulls(all []*LookResult) []Pulls {
	var before, after []measured
	for _, r := range all {
		m := measured{r.Truth, r.Each}
		before = append(before, m)
		if s.Recalibration != nil {
			after = append(after, m.moved(s.Recalibration))
		}
	}
	var pulls []Pulls
	for _, q := range quantities {
		if q.name == joint {
			continue
		}
		of := Pulls{Quantity: q.name}
		for _, m := range before {
			of.Drawn = append(of.Drawn, q.pulls(m)...)
		}
		for _, m := range after {
			of.Recalibrated = append(of.Recalibrated, q.pulls(m)...)
		}
		pulls = append(pulls, of)
	}
	return pulls
}

// pulls returns those of one galaxy, none where it can't be measured or candidates don't differ.
func (q quantity) pulls(m measured) (pulls []float64) {
	values, ok := m.values(q.values)
	if !ok || len(values) == 0 {
		return nil
	}
	for k, truth := range q.values(m.truth) {
		pull := posterior.NewInterval(column(values, k)).Pull(truth)
		if !math.IsNaN(pull) && !math.IsInf(pull, 0) {
			pulls = append(pulls, pull)
		}
	}
	return pulls
}

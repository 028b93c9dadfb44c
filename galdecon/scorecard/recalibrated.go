package scorecard

import (
	"math"

	"galdecon/galdecon/recalibration"
	"galdecon/galdecon/score"
)

// Recalibrated is the calibration of a quantity of candidates that are moved by a
// [recalibration.Recalibration], on the same galaxies as without it.
type Recalibrated struct {
	Calibration
	// Width is that of intervals of 68 % over that without it, what it costs in sharpness: a
	// geometric mean. Score is the continuous ranked probability score, in units of the candidates'
	// spread, over that without it: below 1 it pays. Both are nil for TARP.
	Width *score.Estimate `json:"width"`
	Score *score.Estimate `json:"score"`
}

// moved returns what is measured of the candidates, moved. Of an observation in which one couldn't
// be measured nothing counts.
func (m measured) moved(r *recalibration.Recalibration) measured {
	var all []score.Photometry
	for _, p := range m.each {
		if p == nil {
			return m
		}
		all = append(all, *p)
	}
	moved := measured{truth: m.truth}
	for _, p := range r.Apply(all) {
		moved.each = append(moved.each, &p)
	}
	return moved
}

// recalibrate measures the calibration of galaxies with the recalibration, none without one.
func (s Strata) recalibrate(results []*LookResult) (all []Recalibrated, err error) {
	if s.Recalibration == nil {
		return nil, nil
	}
	var before, after []measured
	for _, r := range results {
		m := measured{r.Truth, r.Each}
		before, after = append(before, m), append(after, m.moved(s.Recalibration))
	}
	for _, q := range quantities {
		var of Recalibrated
		if of.Calibration, err = q.calibrate(after, s.Seed); err != nil {
			return nil, err
		}
		if q.name != joint {
			of.compare(q, before, after, s.Seed)
		}
		all = append(all, of)
	}
	return all, nil
}

// compare sets the width and the score.
func (of *Recalibrated) compare(q quantity, before, after []measured, seed int64) {
	var widths, was, is []float64
	for i, m := range before {
		a, ok := m.values(q.values)
		if !ok {
			continue
		}
		b, _ := after[i].values(q.values) // there as well
		truth := q.values(m.truth)
		width, old, moved := 0.0, 0.0, 0.0
		for k := range truth {
			drawn, after := column(a, k), column(b, k)
			unit := recalibration.Width(drawn)
			width += math.Log(recalibration.Width(after)/unit) / float64(len(truth))
			old += recalibration.CRPS(truth[k], drawn) / unit
			moved += recalibration.CRPS(truth[k], after) / unit
		}
		if math.IsNaN(width+old+moved) || math.IsInf(width+old+moved, 0) {
			continue // candidates that don't differ
		}
		widths, was, is = append(widths, width), append(was, old), append(is, moved)
	}
	if len(widths) < 2 {
		return
	}
	of.Score = ratio(is, was, seed)
	if e, err := score.Mean(widths, seed); err == nil {
		e.Value, e.Low, e.High = math.Exp(e.Value), math.Exp(e.Low), math.Exp(e.High)
		of.Width = &e
	}
}

// column returns the k-th value of each row.
func column(rows [][]float64, k int) []float64 {
	values := make([]float64, len(rows))
	for i, row := range rows {
		values[i] = row[k]
	}
	return values
}

package main

import (
	"fmt"
	"math"
	"strings"

	"galdecon/galdecon/calibration"
	"galdecon/galdecon/score"
	"galdecon/galdecon/scorecard"
)

// card is a scorecard, with the figures of all its exposures.
type card struct {
	scorecard.StrataCard
	stratum
}

// stratum is some of a scorecard's exposures. Its methods return figures as documents show them,
// most with half of their interval of 95 %.
type stratum struct{ scorecard.Stratum }

// MeanError is the squared error of the candidates' mean, in per cent of the galaxies' energy.
func (s stratum) MeanError() string { return within(s.Error, 100) }

// WienerError is that of Wiener's filter, without an interval.
func (s stratum) WienerError() string {
	if s.Wiener == nil {
		return "—"
	}
	return fmt.Sprintf("%.0f", 100*s.Wiener.Value)
}

// Spread is the error over the spread of pixels.
func (s stratum) Spread() string { return within(s.ErrorOverSpread, 1) }

// Power is that of detail, over the truth's.
func (s stratum) Power() string { return within(s.Detail, 1) }

// Chi is χ² of pixels with data, without an interval.
func (s stratum) Chi() string {
	if s.ChiSquared == nil {
		return "—"
	}
	return fmt.Sprintf("%.2f", s.ChiSquared.Value)
}

// Points is by how many points the coverage of a quantity is off at most, as candidates are drawn.
func (s stratum) Points(quantity string) (string, error) {
	for _, of := range s.Calibration {
		if of.Quantity == quantity {
			return off(of.Coverage), nil
		}
	}
	return "", fmt.Errorf("%s: there is no coverage of %q", s.Name, quantity)
}

// Corrected is Points of candidates that are recalibrated.
func (s stratum) Corrected(quantity string) (string, error) {
	for _, of := range s.Recalibrated {
		if of.Quantity == quantity {
			return off(of.Coverage), nil
		}
	}
	return "", fmt.Errorf("%s: there is no recalibrated coverage of %q", s.Name, quantity)
}

// Width is by what factor recalibrated intervals of a quantity are wider, and Score the continuous
// ranked probability score over that without.
func (s stratum) Width(quantity string) (string, error) {
	return s.cost(quantity, func(r scorecard.Recalibrated) *score.Estimate { return r.Width })
}

func (s stratum) Score(quantity string) (string, error) {
	return s.cost(quantity, func(r scorecard.Recalibrated) *score.Estimate { return r.Score })
}

func (s stratum) cost(
	quantity string, of func(r scorecard.Recalibrated) *score.Estimate,
) (string, error) {
	for _, r := range s.Recalibrated {
		if e := of(r); r.Quantity == quantity && e != nil {
			return fmt.Sprintf("%.2f", e.Value), nil
		}
	}
	return "", fmt.Errorf("%s: it isn't known what recalibrating %q costs", s.Name, quantity)
}

// Seen are the exposures that weren't refused.
func (c card) Seen() int { return c.N }

// Command is what writes the scorecard, but for where to.
func (c card) Command() string {
	return fmt.Sprintf("`go run ./kernels score --survey --model %s --n %d --candidates %d --seed %d`",
		c.Model, c.Galaxies, c.Candidates, c.Seed)
}

// Corrections is a table of what recalibration does, for all exposures.
func (c card) Corrections() (string, error) {
	lines := []string{
		line("all exposures", "off by, points: as drawn", "recalibrated", "width", "score"),
		"|---|---|---|---|---|",
	}
	for _, r := range c.Recalibrated {
		drawn, err := c.Points(r.Quantity)
		if err != nil {
			return "", err
		}
		width, score := "—", "—"
		if r.Width != nil && r.Score != nil {
			width = fmt.Sprintf("%.2f", r.Width.Value)
			score = fmt.Sprintf("%.2f", r.Score.Value)
		}
		lines = append(lines, line(r.Quantity, drawn, off(r.Coverage), width, score))
	}
	if len(c.Recalibrated) == 0 {
		return "", fmt.Errorf("%s isn't recalibrated: %s", c.Model, c.Unused)
	}
	return strings.Join(lines, "\n"), nil
}

// Table is that of a model's card: all exposures, and those of each noise level.
func (c card) Table() (string, error) {
	columns := []stratum{c.stratum}
	head := []string{"noise, of the brightest pixel", "all"}
	for _, s := range c.Strata {
		if s.By == "noise" {
			columns = append(columns, stratum{s})
			head = append(head, strings.TrimPrefix(s.Name, "noise "))
		}
	}
	plain := func(of func(s stratum) string) func(s stratum) (string, error) {
		return func(s stratum) (string, error) { return of(s), nil }
	}
	points := func(quantity string) func(s stratum) (string, error) {
		return func(s stratum) (string, error) { return s.Points(quantity) }
	}
	corrected := func(quantity string) func(s stratum) (string, error) {
		return func(s stratum) (string, error) { return s.Corrected(quantity) }
	}
	rows := []row{
		{"error of the mean, squared, over the energy, %", plain(stratum.MeanError)},
		{"… of Wiener's filter with the true PSF and weights", plain(stratum.WienerError)},
		{"error over spread of pixels, 1 if calibrated", plain(stratum.Spread)},
		{"χ² of pixels with data, 1 for the truth", plain(stratum.Chi)},
		{"power of detail over the truth's", plain(stratum.Power)},
		{"coverage off by, points: pixels seen", points("pixels seen")},
		{"… pixels in gaps", points("pixels without data")},
		{"… flux", points("flux")},
		{"… half-light radius", points("half-light radius")},
		{"… ellipticity", points("ellipticity")},
		{"… flux, radius and ellipticity together (TARP)", points("TARP")},
	}
	if len(c.Recalibrated) > 0 {
		rows = append(rows,
			row{"recalibrated: flux", corrected("flux")},
			row{"… half-light radius", corrected("half-light radius")},
			row{"… ellipticity", corrected("ellipticity")},
			row{"… together (TARP)", corrected("TARP")})
	}
	lines := []string{line(head...), strings.Repeat("|---", len(head)) + "|"}
	for _, r := range rows {
		cells := []string{r.name}
		for _, s := range columns {
			cell, err := r.cell(s)
			if err != nil {
				return "", err
			}
			cells = append(cells, cell)
		}
		lines = append(lines, line(cells...))
	}
	return strings.Join(lines, "\n"), nil
}

// row is one of a table, with its cell for each stratum.
type row struct {
	name string
	cell func(s stratum) (string, error)
}

func line(cells ...string) string { return "| " + strings.Join(cells, " | ") + " |" }

// within returns an estimate with half of its interval, which has two digits.
func within(e *score.Estimate, scale float64) string {
	if e == nil {
		return "—"
	}
	half := scale * (e.High - e.Low) / 2
	digits := 0
	if half > 0 {
		digits = min(max(1-int(math.Floor(math.Log10(half))), 0), 3)
	}
	return fmt.Sprintf("%.*f ± %.*f", digits, scale*e.Value, digits, half)
}

// off returns by how many points coverage is off, with what too few galaxies leave open.
func off(c *calibration.Coverage) string {
	if c == nil {
		return "—"
	}
	return fmt.Sprintf("%.0f ± %.0f", 100*c.Distance, 100*c.HalfWidth)
}

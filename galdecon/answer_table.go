package galdecon

import (
	"fmt"
	"math"

	"galdecon/galdecon/posterior"
	"galdecon/galdecon/score"
	"galdecon/galdecon/table"
)

// quantity is a column of an answer's table.
type quantity struct {
	name, unit, group string
	of                posterior.Interval
	observed, truth   float64 // NaN where there is none
}

// quantities are the columns.
func (a *Answer) quantities() []quantity {
	length, scale := "pixels", 1.0
	if a.PixelScale > 0 {
		length, scale = "arcsec", a.PixelScale
	}
	unit := 1.0
	if s := a.Posterior.Observation.Scale; s != nil {
		unit = s[0]
	}
	value := func(p *score.Photometry, of func(p *score.Photometry) float64) float64 {
		if p == nil {
			return math.NaN()
		}
		return of(p)
	}
	column := func(name, unit, group string, i posterior.Interval,
		of func(p *score.Photometry) float64) quantity {
		return quantity{name, unit, group, i, value(a.Observed, of), value(a.Truth, of)}
	}
	m := a.Candidates
	flux := column("flux", a.Unit, "", m.Flux,
		func(p *score.Photometry) float64 { return p.Aperture })
	flux.observed *= unit
	return []quantity{flux,
		column("half-light radius", length, "", m.HalfLight.Scaled(scale),
			func(p *score.Photometry) float64 { return scale * p.HalfLight }),
		column("g1", "", "ellipticity", m.G1, func(p *score.Photometry) float64 { return p.G1 }),
		column("g2", "", "ellipticity", m.G2, func(p *score.Photometry) float64 { return p.G2 }),
	}
}

// Tables returns the answer as a table: what the candidates say, what the observation itself shows
// and, where it is known, the truth and how many error bars the candidates are away from it. Its
// notes have χ², how often it is larger by chance, and the warnings.
func (a *Answer) Tables() []table.Table {
	recalibrated := ""
	if a.Candidates.Recalibrated {
		recalibrated = ", recalibrated"
	}
	t := table.Table{
		Title: fmt.Sprintf("%s: %d of %d candidates measured within %g pixels%s",
			a.Posterior.Observation.ID(0), a.Candidates.Measured,
			a.Candidates.Measured+a.Candidates.Failed, a.Aperture, recalibrated),
		Columns: []table.Column{{Name: "what"}},
	}
	known := func(v float64) table.Cell {
		if math.IsNaN(v) {
			return table.Cell{}
		}
		return table.Number(v).As(table.Significant(4))
	}
	candidates, observed := []table.Cell{table.Text("candidates")},
		[]table.Cell{table.Text("observed")}
	truth, pulls := []table.Cell{table.Text("truth")}, []table.Cell{table.Text("pull")}
	for k, q := range a.quantities() {
		t.Columns = append(t.Columns, table.Column{Name: q.name, Unit: q.unit, Group: q.group})
		candidates, observed = append(candidates, q.of.Cell()), append(observed, known(q.observed))
		if a.Truth != nil {
			truth = append(truth, known(q.truth))
			pulls = append(pulls, table.Number(a.Pulls()[k]).As(table.Decimals(1)))
		}
	}
	t.Add(candidates...)
	t.Add(observed...)
	if a.Truth != nil {
		t.Add(truth...)
		t.Add(pulls...)
	}
	verdict := fmt.Sprintf("χ² %.2f (more by chance in %.2g %%)", a.Verdict.ChiSquared,
		100*a.Verdict.PChiSquared)
	if a.SkyError > 0 {
		verdict += fmt.Sprintf("; the sky's level adds ±%.2g to all fluxes alike", a.SkyError)
	}
	t.Notes = append(t.Notes, verdict+".")
	for _, w := range a.Warnings {
		t.Notes = append(t.Notes, "WARNING: "+w)
	}
	return []table.Table{t}
}

// String returns the answer as text, at most 100 columns wide, as [Answer.Tables] has it.
func (a *Answer) String() string { return table.String(a.Tables()...) }

package scorecard

import (
	"fmt"
	"slices"

	"galdecon/galdecon/score"
	"galdecon/galdecon/table"
)

// unit is that of squared pixels in tables, the paper's ε.
const unit = score.Epsilon

// unitName is how it is written.
const unitName = "10⁻⁴"

// brightEdge is more than the edges of galaxies have that models are trained on: most have less
// than 0.01 of the peak.
const brightEdge = 0.02

// vague is the half width of a band of coverage that tells nothing: within it nearly all is right.
const vague = 0.15

// String returns the tables of the card as text, at most 100 columns wide.
func (c Card) String() string { return table.String(c.Tables()...) }

// Tables returns the card as tables: of the candidates, of Table 1 as the paper's released program
// computes it if that was asked for, of the best estimate, of the calibration if candidates were
// drawn, and of what is published of other images.
func (c Card) Tables() []table.Table {
	all := []table.Table{c.candidates()}
	if slices.ContainsFunc(c.Rows, func(r Row) bool { return r.Released != nil }) {
		all = append(all, c.released())
	}
	all = append(all, c.best())
	if names := c.calibrated(); len(names) > 0 {
		all = append(all, c.calibration(names))
	}
	return append(all, published())
}

// subject says what the card is of.
func (c Card) subject() string {
	from := ""
	if c.Source != "" {
		from = " (" + c.Source + ")"
	}
	return fmt.Sprintf("%d galaxies%s, %d candidates of each observation, seed %d; in brackets: "+
		"95 %% confidence", c.Galaxies, from, c.Candidates, c.Seed)
}

// candidates returns the table of what candidates are like.
func (c Card) candidates() table.Table {
	t := table.Table{Title: "Candidates: " + c.subject(), Columns: []table.Column{
		{Name: "method"},
		{Name: "retained", Unit: "%", Group: "of Table 1", Format: table.Decimals(1)},
		{Name: "variance", Group: "of Table 1"},
		{Name: "dropped", Group: "of Table 1"},
		{Name: "χ²", Format: table.Decimals(2)},
		{Name: "variance", Unit: unitName, Group: "of pixels"},
		{Name: "over prior", Group: "of pixels"},
		{Name: "high frequencies", Format: table.Decimals(2)},
		{Name: "time", Unit: "ms", Format: table.Significant(2)},
	}}
	c.fill(&t, func(r Row) []table.Cell {
		time := table.Cell{}
		if r.Seconds != 0 {
			time = table.Number(1000 * r.Seconds)
		}
		return []table.Cell{interval(r.Retained, 100), interval(r.FeatureVariance, 1),
			dropped(r.FeatureVariance), interval(r.ChiSquared, 1), value(r.PixelVariance, 1/unit),
			value(r.VarianceRatio, 1), interval(r.HighFrequency, 1), time}
	})
	retained := fmt.Sprintf("Retained: MSE of Π*y to x below ε = %g", c.Epsilon)
	if c.noiseAboveEpsilon() {
		retained += "; with noise of that variance or more not even the truth is, and χ² tells " +
			"instead"
	}
	t.Notes = append(t.Notes, retained+".",
		"Variance: Eq. 4, of observations with 2 retained candidates or more; dropped: the others.")
	if c.Features != "" {
		t.Notes = append(t.Notes, "Features: "+c.Features+".")
	}
	t.Notes = append(t.Notes,
		"χ²: MSE of Π*y to x over the noise's variance, 1 for the truth. Over prior: the variance "+
			"of pixels over that of the prior. High frequencies: power of candidates over the "+
			"truth's, from 0.25 cycles a pixel. Time: of a candidate, with the compiler's where "+
			"all were drawn at once.")
	if c.Edge > brightEdge {
		t.Notes = append(t.Notes, fmt.Sprintf("Warning: half of the stamps have edges above "+
			"%.2g of the peak. Models are trained on dark skies: if that is sky, subtract it.",
			c.Edge))
	}
	return t
}

// released returns the table of both figures of Table 1, ours and as the released program has them.
func (c Card) released() table.Table {
	t := table.Table{Title: "Table 1 here, and as the paper's released program computes it",
		Columns: append([]table.Column{{Name: "method"}},
			append(tableOneColumns("here", ""), tableOneColumns("released program", "")...)...)}
	c.fill(&t, func(r Row) []table.Cell {
		if r.Released == nil {
			return nil
		}
		return slices.Concat(tableOneCells(r.Retained, r.FeatureVariance),
			tableOneCells(r.Released.Retained, r.Released.FeatureVariance))
	})
	t.Notes = []string{fmt.Sprintf("Released program: ε = %g whatever the noise, and candidates "+
		"whose error is above 2 pass for retained, and for varied.", score.Epsilon)}
	return t
}

// best returns the table of the errors of the candidates' mean.
func (c Card) best() table.Table {
	t := table.Table{Title: "Best estimate: the mean of the candidates against the truth",
		Columns: []table.Column{
			{Name: "method"},
			{Name: "MSE", Unit: unitName, Group: "pixels", Format: table.Decimals(2)},
			{Name: "PSNR", Unit: "dB", Group: "pixels", Format: table.Decimals(1)},
			{Name: "SSIM", Group: "pixels", Format: table.Decimals(3)},
			{Name: "flux", Unit: "%", Group: "photometry", Format: table.Decimals(1)},
			{Name: "half-light radius", Unit: "%", Group: "photometry", Format: table.Decimals(1)},
			{Name: "|Δg|", Group: "photometry", Format: table.Decimals(3)},
			{Name: "failed"},
		}}
	refused := slices.ContainsFunc(c.Rows, func(r Row) bool { return r.Refused > 0 })
	if refused {
		t.Columns = append(t.Columns, table.Column{Name: "refused"})
	}
	c.fill(&t, func(r Row) []table.Cell {
		failed := c.Galaxies - r.Refused
		if r.Flux != nil {
			failed = r.Flux.Dropped
		}
		cells := []table.Cell{interval(r.MSE, 1/unit), interval(r.PSNR, 1), interval(r.SSIM, 1),
			interval(r.Flux, 100), interval(r.HalfLight, 100), interval(r.Ellipticity, 1),
			table.Count(failed)}
		if refused {
			cells = append(cells, table.Count(r.Refused))
		}
		return cells
	})
	t.Notes = []string{"Flux, half-light radius: mean relative errors without sign; |Δg|: of " +
		"adaptive moments. Failed: galaxies that can't be measured."}
	if refused {
		t.Notes = append(t.Notes, "Refused: observations that the method doesn't take; its "+
			"figures in all tables are of the others.")
		told := map[string]bool{}
		for _, r := range c.Rows {
			if r.Refused > 0 && !told[r.Method] {
				told[r.Method] = true
				t.Notes = append(t.Notes, r.Method+", for example: "+r.Refusal)
			}
		}
	}
	return t
}

// calibration returns the table of how far coverage is from credibility, with what it tells.
func (c Card) calibration(names []string) table.Table {
	const distance = "largest distance of coverage from credibility, %"
	t := table.Table{Title: "Calibration", Columns: []table.Column{
		{Name: "method"}, {Name: "left out"},
		{Name: "error / spread", Format: table.Decimals(2)},
	}}
	for _, name := range names {
		t.Columns = append(t.Columns, table.Column{Name: name, Group: distance, Align: table.Right,
			Format: table.Decimals(1)})
	}
	few := false
	c.fill(&t, func(r Row) []table.Cell {
		if len(r.Calibration) == 0 {
			return nil
		}
		ratio := interval(r.Calibration[0].ErrorOverSpread, 1)
		if n := r.Calibration[0].ErrorOverSpread; n != nil {
			ratio = ratio.GoodIf(n.Low <= 1 && n.High >= 1)
		}
		cells, failed := []table.Cell{{}, ratio}, 0
		for _, of := range r.Calibration {
			failed = max(failed, of.Failed)
			if of.Coverage == nil {
				cells = append(cells, table.Cell{})
				continue
			}
			d, band := of.Coverage.Distance, of.Coverage.HalfWidth
			if band > vague && d <= band {
				few = true
				cells = append(cells, table.Text("too few"))
				continue
			}
			cells = append(cells, table.Uncertain(100*d, 100*band).GoodIf(d <= band))
		}
		cells[0] = table.Count(failed)
		return cells
	})
	t.Notes = []string{"Error / spread: of pixels, 1 if calibrated, above if over-confident. " +
		"TARP: flux, radius and ellipticity together. After ±: half the width of the band that " +
		"holds calibrated candidates at 95 %. " +
		"✓: within it, ✗: beyond it. Left out: galaxies that can't be measured in all candidates."}
	if few {
		t.Notes = append(t.Notes, fmt.Sprintf("Too few: the galaxies are too few to tell, as the "+
			"band is wider than ±%g %%.", 100*vague))
	}
	return t
}

// published returns figures for which others measured other images otherwise.
func published() table.Table {
	xue, other := "Xue et al. 2023, Table 1", "Galaxy-Deconv, 500 galaxies"
	t := table.Table{Title: "Published, of other images", Columns: []table.Column{
		{Name: "method"},
		{Name: "retained", Unit: "%", Format: table.Decimals(1)},
		{Name: "variance", Format: table.Decimals(2)},
		{Name: "time", Unit: "s", Format: table.Significant(1)},
		{Name: "20", Group: "|Δg| at a signal-to-noise of", Format: table.Decimals(3)},
		{Name: "200", Group: "|Δg| at a signal-to-noise of", Format: table.Decimals(3)},
	}}
	add := func(source string, cells ...table.Cell) {
		t.Rows = append(t.Rows, table.Row{Section: source, Cells: cells})
	}
	none := table.Cell{}
	for _, m := range paper {
		add(xue, table.Text(m.method), table.Number(m.retained),
			table.Number(m.variance), table.Number(m.seconds), none, none)
	}
	for _, m := range []struct {
		name        string
		noisy, deep float64
	}{{"unrolled ADMM", 0.138, 0.035}, {"Richardson-Lucy, 10 iterations", 0.320, 0.056},
		{"blurred", 0.170, 0.084}} {
		add(other, table.Text(m.name), none, none, none, table.Number(m.noisy),
			table.Number(m.deep))
	}
	t.Notes = []string{
		"Xue et al.: 128×128 pixels in color, official Inception features, time of a candidate " +
			"on an A100. Galaxy-Deconv measures by another estimator (FPFS, with its response), " +
			"so that only an order can be compared.",
		"Flux and half-light radius of deconvolved galaxies: comparable figures that are " +
			"published aren't known to us. Calibration of deconvolved galaxies: none is published.",
	}
	return t
}

// fill adds the rows for which there are cells, after the name of the method, in a section for each
// setting.
func (c Card) fill(t *table.Table, cells func(r Row) []table.Cell) {
	for _, r := range c.Rows {
		if values := cells(r); values != nil {
			t.Rows = append(t.Rows, table.Row{Section: r.Setting.String(),
				Cells: append([]table.Cell{table.Text(r.Method)}, values...)})
		}
	}
}

// calibrated returns the quantities whose calibration is known.
func (c Card) calibrated() (names []string) {
	for _, r := range c.Rows {
		if len(r.Calibration) > 0 {
			for _, of := range r.Calibration {
				names = append(names, of.Quantity)
			}
			return names
		}
	}
	return nil
}

// noiseAboveEpsilon tells whether there is noise in which not even the truth is retained.
func (c Card) noiseAboveEpsilon() bool {
	for _, r := range c.Rows {
		if r.Retained == nil && r.Refused < c.Galaxies {
			return true
		}
	}
	return false
}

// tableOneColumns are those of Table 1, in a group; features says of what the variance is.
func tableOneColumns(group, features string) []table.Column {
	return []table.Column{
		{Name: "retained", Unit: "%", Group: group, Format: table.Decimals(1)},
		{Name: "variance", Unit: features, Group: group},
		{Name: "dropped", Group: group},
	}
}

// tableOneCells are those of a row in these columns.
func tableOneCells(retained, variance *score.Estimate) []table.Cell {
	return []table.Cell{interval(retained, 100), interval(variance, 1), dropped(variance)}
}

// interval returns the estimate with its interval, in units of 1/scale.
func interval(n *score.Estimate, scale float64) table.Cell {
	if n == nil {
		return table.Cell{}
	}
	return table.Bounded(n.Value*scale, n.Low*scale, n.High*scale)
}

// value returns the estimate without its interval.
func value(n *score.Estimate, scale float64) table.Cell {
	if n == nil {
		return table.Cell{}
	}
	return table.Number(n.Value * scale)
}

// dropped returns how many observations aren't in the estimate.
func dropped(n *score.Estimate) table.Cell {
	if n == nil {
		return table.Cell{}
	}
	return table.Count(n.Dropped)
}

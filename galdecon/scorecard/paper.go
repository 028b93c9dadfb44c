package scorecard

import (
	"fmt"

	"galdecon/galdecon/score"
	"galdecon/galdecon/table"
)

// paper is Table 1 of Xue et al. 2023: the share of candidates retained in per cent, their
// variance, and the seconds that one takes.
var paper = []struct {
	method                      string
	retained, variance, seconds float64
}{{"diffusion", 100, 15.86, 10}, {"CVAE", 53.9, 15.13, 0.01}}

// TableOne returns the paper's Table 1 beside our figures for two methods of the card in a setting,
// and what they say about its finding: that the diffusion model retains more candidates than the
// CVAE, and that those vary more.
func (c Card) TableOne(diffusion, cvae string, setting Setting) (table.Table, error) {
	retained, variance, err := c.Difference(diffusion, cvae, setting)
	if err != nil {
		return table.Table{}, err
	}
	a, b := c.Row(diffusion, setting), c.Row(cvae, setting)
	const theirs, ours = "Xue et al. 2023", "here"
	t := table.Table{
		Title: fmt.Sprintf("Table 1. Here: %s; %d galaxies with %d candidates, in brackets: "+
			"95 %% confidence", setting, c.Galaxies, c.Candidates),
		Columns: append([]table.Column{
			{Name: "method"},
			{Name: "retained", Unit: "%", Group: theirs, Format: table.Decimals(1)},
			{Name: "variance", Unit: "of their features", Group: theirs,
				Format: table.Decimals(2)},
		}, tableOneColumns(ours, "of our features")...),
		Notes: []string{"The difference here is that of pairs: of both methods on the same " +
			"observation."},
	}
	released := a.Released != nil && b.Released != nil
	if released {
		t.Columns = append(t.Columns,
			tableOneColumns("here, as the released program counts", "of our features")...)
	}
	for i, r := range []*Row{a, b} {
		cells := append([]table.Cell{table.Text(r.Method), table.Number(paper[i].retained),
			table.Number(paper[i].variance)}, tableOneCells(r.Retained, r.FeatureVariance)...)
		if released {
			cells = append(cells, tableOneCells(r.Released.Retained,
				r.Released.FeatureVariance)...)
		}
		t.Add(cells...)
	}
	t.Rows = append(t.Rows, table.Row{Summary: true, Cells: append([]table.Cell{
		table.Text("difference"), table.Number(paper[0].retained - paper[1].retained),
		table.Number(paper[0].variance - paper[1].variance)},
		tableOneCells(retained, variance)...)})
	if c.Features != "" {
		t.Notes = append(t.Notes, "Their features are those of the official Inception network; "+
			"ours: "+c.Features+". Only variances of the same features can be compared.")
	}
	varies := sign(variance)
	if c.Features == "" {
		varies = "it can't be told without features"
	}
	t.Notes = append(t.Notes,
		"The paper finds that diffusion retains more: here "+sign(retained)+".",
		"The paper finds that what diffusion retains varies more: here "+varies+".")
	return t, nil
}

// sign says whether a difference is positive.
func sign(n *score.Estimate) string {
	switch {
	case n == nil:
		return "it can't be told, as no observation has 2 retained candidates of both"
	case n.Low > 0:
		return "it does too"
	case n.High < 0:
		return "it is the other way round"
	case n.Low == 0 && n.High == 0:
		return "both are equal"
	}
	return "the interval holds 0, so these observations don't decide it"
}

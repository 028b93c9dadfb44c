package posterior

import (
	"gonum.org/v1/gonum/stat"

	"galdecon/galdecon/score"
	"galdecon/galdecon/table"
)

// Report says how good the candidates for a set of observations are.
type Report struct {
	// Rows are the observations that were sampled, in the order of their posteriors.
	Rows []Row
}

// Row is the report of one observation.
type Row struct {
	// ID is that of the true galaxy.
	ID string
	// Wiener is the MSE of the observation's Wiener deconvolution to the truth.
	Wiener float64
	// Retained is the fraction of candidates with a reconvolution error below score.Epsilon;
	// Reconvolution is their mean error.
	Retained, Reconvolution float64
	score.Accuracy
}

// Mean returns the row of averages over all observations.
func (r Report) Mean() Row {
	mean := Row{ID: "mean"}
	n := float64(len(r.Rows))
	for _, row := range r.Rows {
		mean.Retained += row.Retained / n
		mean.Reconvolution += row.Reconvolution / n
		mean.Wiener += row.Wiener / n
		mean.Observation += row.Observation / n
		mean.Samples += row.Samples / n
		mean.Accuracy.Mean += row.Accuracy.Mean / n
		mean.Variance += row.Variance / n
	}
	return mean
}

// String returns the report as text, at most 100 columns wide.
func (r Report) String() string { return table.String(r.Tables()...) }

// Tables returns the report as a table, whose last rows are the means over the observations and,
// for two observations or more, their standard errors: by how much the means of as many other
// observations would differ. MSEs are in units of 1e-4, the paper's ε.
func (r Report) Tables() []table.Table {
	const truth = "MSE to the truth, 10⁻⁴"
	t := table.Table{
		Title: "Candidates against the truth",
		Columns: []table.Column{
			{Name: "galaxy"},
			{Name: "retained", Unit: "%", Format: table.Decimals(0)},
			{Name: "MSE(Π*y, x)", Unit: "10⁻⁴", Format: table.Decimals(3)},
			{Name: "x itself", Group: truth, Format: table.Decimals(2)},
			{Name: "Wiener", Group: truth, Format: table.Decimals(2)},
			{Name: "candidates", Group: truth, Format: table.Decimals(2)},
			{Name: "their mean", Group: truth, Format: table.Decimals(2)},
			{Name: "variance", Unit: "10⁻⁴", Format: table.Decimals(2)},
		},
		Notes: []string{"Per pixel, in units of the paper's ε = 10⁻⁴: the MSE of candidates " +
			"blurred again to the observation x; then, to the truth, of x itself, its Wiener " +
			"deconvolution, the candidates and their mean; last the variance of the candidates."},
	}
	for _, row := range r.Rows {
		t.Add(row.cells()...)
	}
	if len(r.Rows) > 0 {
		t.Rows = append(t.Rows, table.Row{Summary: true, Cells: r.Mean().cells()})
	}
	if len(r.Rows) > 1 {
		t.Rows = append(t.Rows, table.Row{Summary: true, Cells: r.standardError().cells()})
	}
	return []table.Table{t}
}

// cells are those of a row in the table.
func (r Row) cells() []table.Cell {
	cells := []table.Cell{table.Text(r.ID), table.Number(100 * r.Retained)}
	for _, v := range []float64{
		r.Reconvolution, r.Observation, r.Wiener, r.Samples, r.Accuracy.Mean, r.Variance,
	} {
		cells = append(cells, table.Number(v/score.Epsilon))
	}
	return cells
}

// standardError returns the row of the standard errors of the means.
func (r Report) standardError() Row {
	of := func(value func(row Row) float64) float64 {
		values := make([]float64, len(r.Rows))
		for i, row := range r.Rows {
			values[i] = value(row)
		}
		return stat.StdErr(stat.StdDev(values, nil), float64(len(values)))
	}
	return Row{
		ID:            "standard error",
		Retained:      of(func(row Row) float64 { return row.Retained }),
		Reconvolution: of(func(row Row) float64 { return row.Reconvolution }),
		Wiener:        of(func(row Row) float64 { return row.Wiener }),
		Accuracy: score.Accuracy{
			Observation: of(func(row Row) float64 { return row.Observation }),
			Samples:     of(func(row Row) float64 { return row.Samples }),
			Mean:        of(func(row Row) float64 { return row.Accuracy.Mean }),
			Variance:    of(func(row Row) float64 { return row.Variance }),
		},
	}
}

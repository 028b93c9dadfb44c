package posterior

import (
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"galdecon/galdecon/score"
)

// Report says how good the candidates for a set of observations are.
type Report struct {
	Rows []Row
}

// Row is the report of one observation.
type Row struct {
	ID string
	// Wiener is the MSE of the observation's Wiener deconvolution to the truth.
	Wiener float64
	// Retained is the fraction of candidates with a reconvolution error below score.Epsilon; Reconvolution is their mean error.
	Retained, Reconvolution float64
	score.Accuracy
}

// Mean is the row of averages over all observations.
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

// String is the report as a table. MSEs are in units of 1e-4, the paper's ε.
func (r Report) String() string {
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "galaxy\tretained\tMSE(Π*y, x)\tMSE: x\tWiener\tcandidates\ttheir mean\tvariance\t")
	for _, row := range append(slices.Clip(r.Rows), r.Mean()) {
		fmt.Fprintf(w, "%s\t%.0f %%\t%.3f\t%.2f\t%.2f\t%.2f\t%.2f\t%.2f\t\n", row.ID, 100*row.Retained, row.Reconvolution/score.Epsilon,
			row.Observation/score.Epsilon, row.Wiener/score.Epsilon, row.Samples/score.Epsilon, row.Accuracy.Mean/score.Epsilon, row.Variance/score.Epsilon)
	}
	w.Flush()
	fmt.Fprintf(&text, "Per pixel, in units of ε = %.0e: the MSE of candidates blurred again to the observation x; then, to the truth, of x itself,\n"+
		"its Wiener deconvolution, the candidates and their mean; last the variance of the candidates.\n", score.Epsilon)
	return text.String()
}

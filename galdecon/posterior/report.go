package posterior

import (
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"galdecon/galdecon/score"
	"galdecon/internal/numbers"
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

// String returns the report as a table. MSEs are in units of 1e-4, the paper's ε.
func (r Report) String() string {
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "galaxy\tretained\tMSE(Π*y, x)\tMSE: x\tWiener\t"+
		"candidates\ttheir mean\tvariance\t")
	for _, row := range append(slices.Clip(r.Rows), r.Mean()) {
		fmt.Fprintf(w, "%s\t%.0f %%\t%s\t", row.ID, 100*row.Retained,
			numbers.Decimals(row.Reconvolution/score.Epsilon, 3))
		for _, v := range []float64{
			row.Observation, row.Wiener, row.Samples, row.Accuracy.Mean, row.Variance,
		} {
			fmt.Fprintf(w, "%s\t", numbers.Decimals(v/score.Epsilon, 2))
		}
		fmt.Fprintln(w)
	}
	w.Flush()
	fmt.Fprintf(&text, "Per pixel, in units of ε = %.0e: "+
		"the MSE of candidates blurred again to the observation x; "+
		"then, to the truth, of x itself,\n"+
		"its Wiener deconvolution, the candidates and their mean; "+
		"last the variance of the candidates.\n", score.Epsilon)
	return text.String()
}

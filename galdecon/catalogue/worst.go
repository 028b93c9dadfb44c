package catalogue

import (
	"cmp"
	"math"
	"slices"

	"galdecon/galdecon/catalogue/table"
	"galdecon/galdecon/posterior"
)

// Worst returns the rows, up to n, of those objects of a table by [Merge] that have candidates whose
// results are to be trusted least: those with a flag of [posterior.Flag] first, and among them, and
// then among the others, those with the largest χ².
func Worst(t *table.Table, n int) []int {
	chi, flags := t.Column("chi2"), t.Column("deconvolution_flags")
	if chi == nil || flags == nil {
		return nil
	}
	var rows []int
	for row := range t.Rows() {
		if !math.IsNaN(chi.Float(row)) {
			rows = append(rows, row)
		}
	}
	flagged := func(row int) int {
		if posterior.Flag(flags.Integers[row])&(FlagMasked-1) != 0 {
			return 1
		}
		return 0
	}
	slices.SortStableFunc(rows, func(a, b int) int {
		return cmp.Or(cmp.Compare(flagged(b), flagged(a)), cmp.Compare(chi.Float(b), chi.Float(a)))
	})
	return rows[:min(n, len(rows))]
}

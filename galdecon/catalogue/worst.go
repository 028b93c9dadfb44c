package catalogue

import (
	"cmp"
	"math"
	"slices"

	"galdecon/galdecon/catalogue/table"
)

// verdictFlags are the bits of [posterior.Flag] in deconvolution_flags.
const verdictFlags = int64(FlagMasked) - 1

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
		if flags.Integers[row]&verdictFlags != 0 {
			return 1
		}
		return 0
	}
	slices.SortStableFunc(rows, func(a, b int) int {
		return cmp.Or(cmp.Compare(flagged(b), flagged(a)), cmp.Compare(chi.Float(b), chi.Float(a)))
	})
	return rows[:min(n, len(rows))]
}

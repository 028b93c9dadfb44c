package scorecard

import (
	"strconv"
	"strings"

	"galdecon/galdecon/score"
)

// full returns a number with its full precision.
func full(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }

// estimateNames returns the names of the four columns of an estimate, see [estimateCells].
func estimateNames(name string) []string {
	return []string{name, name + "_low", name + "_high", name + "_dropped"}
}

// estimateCells returns the value, the ends of its interval, and how many observations were
// dropped; all are empty where there is none.
func estimateCells(n *score.Estimate) []string {
	if n == nil {
		return make([]string, 4)
	}
	return []string{full(n.Value), full(n.Low), full(n.High), strconv.Itoa(n.Dropped)}
}

// calibrationNames returns the names of the columns of a quantity, see [Calibration.cells].
func calibrationNames(quantity string) []string {
	name := strings.NewReplacer(" ", "_", "-", "_").Replace(quantity)
	return []string{name + "_coverage_distance", name + "_coverage_error", name + "_ranks_p",
		name + "_error_over_spread", name + "_failed"}
}

// cells returns the columns of a calibration, empty where it is nil.
func (of *Calibration) cells() []string {
	cells := make([]string, 5)
	if of == nil {
		return cells
	}
	if of.Coverage != nil {
		cells[0], cells[1], cells[2] = full(of.Coverage.Distance), full(of.Coverage.HalfWidth),
			full(of.Ranks.P)
	}
	if of.ErrorOverSpread != nil {
		cells[3] = full(of.ErrorOverSpread.Value)
	}
	cells[4] = strconv.Itoa(of.Failed)
	return cells
}

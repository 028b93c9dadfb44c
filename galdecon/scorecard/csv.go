package scorecard

import (
	"encoding/csv"
	"fmt"
	"io"
	"slices"
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

// calibrationCells returns the columns of n quantities, empty where a calibration lacks.
func calibrationCells(of []Calibration, n int) (cells []string) {
	for k := range n {
		var c *Calibration
		if k < len(of) {
			c = &of[k]
		}
		cells = append(cells, c.cells()...)
	}
	return cells
}

// writeCSV writes lines of cells, of which the first are the columns' names.
func writeCSV(w io.Writer, lines [][]string) error {
	if err := csv.NewWriter(w).WriteAll(lines); err != nil {
		return fmt.Errorf("scorecard: cannot write the table: %w", err)
	}
	return nil
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

// numbers are the columns of the CSV with intervals.
var numbers = []struct {
	name string
	of   func(r Row) *score.Estimate
}{
	{"retained", func(r Row) *score.Estimate { return r.Retained }},
	{"feature_variance", func(r Row) *score.Estimate { return r.FeatureVariance }},
	{"released_retained", func(r Row) *score.Estimate {
		if r.Released == nil {
			return nil
		}
		return r.Released.Retained
	}},
	{"released_feature_variance", func(r Row) *score.Estimate {
		if r.Released == nil {
			return nil
		}
		return r.Released.FeatureVariance
	}},
	{"reconvolution", func(r Row) *score.Estimate { return r.Reconvolution }},
	{"chi_squared", func(r Row) *score.Estimate { return r.ChiSquared }},
	{"pixel_variance", func(r Row) *score.Estimate { return r.PixelVariance }},
	{"over_prior", func(r Row) *score.Estimate { return r.VarianceRatio }},
	{"high_frequency", func(r Row) *score.Estimate { return r.HighFrequency }},
	{"mse", func(r Row) *score.Estimate { return r.MSE }},
	{"psnr", func(r Row) *score.Estimate { return r.PSNR }},
	{"ssim", func(r Row) *score.Estimate { return r.SSIM }},
	{"flux", func(r Row) *score.Estimate { return r.Flux }},
	{"half_light", func(r Row) *score.Estimate { return r.HalfLight }},
	{"ellipticity", func(r Row) *score.Estimate { return r.Ellipticity }},
}

// WriteCSV writes a line for each row, after one with the names of the columns, and then one for
// each of Differences, whose method is "first − second". Numbers have their full precision; four
// columns belong to each: its value, the ends of its interval, and how many observations were
// dropped. What doesn't exist is empty.
func (c Card) WriteCSV(w io.Writer) error {
	names := []string{"method", "sigma", "psfs", "noise", "wrong", "galaxies", "source",
		"candidates", "refused", "epsilon", "features", "seed", "seconds"}
	for _, column := range numbers {
		names = append(names, estimateNames(column.name)...)
	}
	calibrated := c.calibrated()
	for _, quantity := range calibrated {
		names = append(names, calibrationNames(quantity)...)
	}
	lines := [][]string{names}
	rows := slices.Clone(c.Rows)
	for _, d := range c.Differences {
		rows = append(rows, Row{Method: d.Diffusion + " − " + d.CVAE, Setting: d.Setting,
			Candidates: c.Candidates, Refused: d.Refused, Retained: d.Retained,
			FeatureVariance: d.Variance})
	}
	for _, r := range rows {
		sigma, seconds := full(r.Setting.Sigma), full(r.Seconds)
		if r.Setting.Sigma == 0 {
			sigma = ""
		}
		if r.Seconds == 0 {
			seconds = ""
		}
		line := []string{r.Method, sigma, r.Setting.PSFs.Name, full(r.Setting.Noise),
			full(r.Setting.WidthError), strconv.Itoa(c.Galaxies), c.Source,
			strconv.Itoa(r.Candidates), strconv.Itoa(r.Refused),
			full(c.Epsilon), c.Features, strconv.FormatInt(c.Seed, 10), seconds}
		for _, column := range numbers {
			line = append(line, estimateCells(column.of(r))...)
		}
		lines = append(lines, append(line, calibrationCells(r.Calibration, len(calibrated))...))
	}
	return writeCSV(w, lines)
}

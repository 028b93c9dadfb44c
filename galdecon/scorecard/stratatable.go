package scorecard

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"galdecon/galdecon/score"
	"galdecon/galdecon/table"
)

// String returns the card as two tables of at most 100 columns, with remarks.
func (c StrataCard) String() string {
	var text strings.Builder
	fmt.Fprintf(&text, "%s: %d galaxies, one exposure of each, %d candidates, seed %d; ±: 95 %% "+
		"confidence\n", c.Model, c.Galaxies, c.Candidates, c.Seed)
	text.WriteString("\nErrors\n")
	c.table(&text, "n\trefused\terror, %\tWiener, %\terror/spread\tχ²\tdetail\tms",
		func(s Stratum) []string {
			chi, ms := "—", "—"
			if s.N > 0 {
				chi, ms = fmt.Sprintf("%.2f", s.ChiSquared.Value), fmt.Sprintf("%.0f", 1000*s.Seconds)
			}
			return []string{strconv.Itoa(s.N), strconv.Itoa(s.refused()), within(s.Error, 100, 2),
				short(s.Wiener, 100), within(s.ErrorOverSpread, 1, 2), chi, within(s.Detail, 1, 2), ms}
		})
	text.WriteString(`error: squared, of the candidates' mean over the galaxy's energy; Wiener: the same of
Wiener's filter, which knows PSF, weights and correlation of noise; error/spread: of all pixels,
1 if calibrated, above if over-confident; χ²: of pixels with data, 1 for the truth; detail: power
over the truth's from 0.25 cycles a pixel; ms a candidate
`)
	text.WriteString("\nCoverage, off by at most, in points\n")
	c.table(&text, "pixels seen\tin gaps\tflux\thalf-light\tellipticity\tTARP\tleft out",
		func(s Stratum) []string {
			if len(s.Calibration) == 0 {
				return slices.Repeat([]string{"—"}, 7)
			}
			var cells []string
			for _, of := range s.Calibration {
				cell := "—"
				if v := of.Coverage; v != nil {
					cell = fmt.Sprintf("%.1f ± %.1f", 100*v.Distance, 100*v.HalfWidth)
				}
				cells = append(cells, cell)
			}
			last := s.Calibration[len(s.Calibration)-1] // measured as all quantities of galaxies
			return append(cells, strconv.Itoa(last.Failed))
		})
	text.WriteString(`±: what too few galaxies leave open; TARP: flux, radius and ellipticity together; left out:
galaxies that can't be measured in the truth or a candidate
noise: in units of the brightest pixel without noise; PSF: σ of the Gaussian with the same Σ p²;
gaps: pixels without data, also those around smaller stamps
`)
	c.recalibrated(&text)
	if len(c.Refusals) > 0 {
		text.WriteString("\nRefused, for example\n")
		for _, reason := range slices.Sorted(maps.Keys(c.Refusals)) {
			fmt.Fprintln(&text, table.Fold(fmt.Sprintf("%d for %s: %s", c.Strata[0].Refused[reason],
				reason, c.Refusals[reason]), "  ", "    "))
		}
	}
	return text.String()
}

// recalibrated writes the table of candidates that are moved, if they are.
func (c StrataCard) recalibrated(text *strings.Builder) {
	if c.Unused != "" {
		fmt.Fprintf(text, "\n%s\n", table.Fold("Not recalibrated: "+c.Unused, "", "  "))
	}
	if c.Recalibration == nil {
		return
	}
	fmt.Fprintf(text, "\nRecalibrated by %d other galaxies: coverage, off by at most, in points; "+
		"what it costs\n", c.Recalibration.Galaxies)
	c.table(text, "flux\thalf-light\tellipticity\tTARP\twidths\tscores", func(s Stratum) []string {
		if len(s.Recalibrated) == 0 {
			return slices.Repeat([]string{"—"}, 6)
		}
		var cells, widths, scores []string
		for _, of := range s.Recalibrated {
			cell := "—"
			if v := of.Coverage; v != nil {
				cell = fmt.Sprintf("%.1f ± %.1f", 100*v.Distance, 100*v.HalfWidth)
			}
			cells = append(cells, cell)
			if of.Quantity != joint {
				widths = append(widths, short(of.Width, 1))
				scores = append(scores, short(of.Score, 1))
			}
		}
		return append(cells, strings.Join(widths, " "), strings.Join(scores, " "))
	})
	text.WriteString(`widths: of 68 % intervals of flux, radius and ellipticity over those as drawn;
scores: continuous ranked probability scores likewise, below 1 if it pays
`)
}

// refused returns the number of exposures that were refused, for any reason.
func (s Stratum) refused() (n int) {
	for _, of := range s.Refused {
		n += of
	}
	return n
}

// table writes a row for each stratum, with an empty line between those that differ in something
// else.
func (c StrataCard) table(text *strings.Builder, head string, cells func(s Stratum) []string) {
	var aligned strings.Builder
	t := tabwriter.NewWriter(&aligned, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(t, "%-15s\t%s\t\n", "", head)
	for _, s := range c.Strata { // names are to the left, the rest to the right
		fmt.Fprintf(t, "%-15s\t%s\t\n", s.Name, strings.Join(cells(s), "\t"))
	}
	t.Flush()
	// A line of its own would keep the writer from aligning those before and after it.
	line := -1
	for row := range strings.Lines(aligned.String()) {
		if line > 0 && c.Strata[line].By != c.Strata[line-1].By {
			text.WriteString("\n")
		}
		row = strings.TrimPrefix(row, "  ") // the space between columns
		text.WriteString(strings.TrimRight(row, " \n") + "\n")
		line++
	}
}

// short returns the estimate without its interval.
func short(n *score.Estimate, scale float64) string {
	if n == nil {
		return "—"
	}
	return fmt.Sprintf("%.3g", n.Value*scale)
}

// within returns the estimate with half of its interval, in units of 1/scale.
func within(n *score.Estimate, scale float64, digits int) string {
	if n == nil {
		return "—"
	}
	return fmt.Sprintf("%.*f ± %.*f", digits, n.Value*scale, digits, (n.High-n.Low)/2*scale)
}

// strataNumbers are the columns of the CSV with intervals.
var strataNumbers = []struct {
	name string
	of   func(s Stratum) *score.Estimate
}{
	{"error", func(s Stratum) *score.Estimate { return s.Error }},
	{"wiener", func(s Stratum) *score.Estimate { return s.Wiener }},
	{"error_over_spread", func(s Stratum) *score.Estimate { return s.ErrorOverSpread }},
	{"chi_squared", func(s Stratum) *score.Estimate { return s.ChiSquared }},
	{"detail", func(s Stratum) *score.Estimate { return s.Detail }},
}

// WriteCSV writes a line for each stratum, after one with the names of the columns. Numbers have
// their full precision; four columns belong to each that has an interval: its value, the ends of
// the interval, and how many observations were dropped. What doesn't exist is empty.
func (c StrataCard) WriteCSV(w io.Writer) error {
	names := []string{"model", "by", "stratum", "n", "refused", "candidates", "seed", "seconds"}
	reasons := slices.Sorted(maps.Keys(c.Refusals))
	for _, reason := range reasons {
		names = append(names, "refused_"+strings.ReplaceAll(string(reason), " ", "_"))
	}
	for _, column := range strataNumbers {
		names = append(names, estimateNames(column.name)...)
	}
	calibrated := []string{seenPixels, hiddenPixels}
	for _, q := range quantities {
		calibrated = append(calibrated, q.name)
	}
	for _, quantity := range calibrated {
		names = append(names, calibrationNames(quantity)...)
	}
	if c.Recalibration != nil {
		for _, q := range quantities {
			of := calibrationNames("recalibrated " + q.name)
			prefix := strings.TrimSuffix(of[len(of)-1], "failed")
			names = slices.Concat(names, of, estimateNames(prefix+"width"),
				estimateNames(prefix+"score"))
		}
	}
	lines := [][]string{names}
	for _, s := range c.Strata {
		line := []string{c.Model, s.By, s.Name, strconv.Itoa(s.N), strconv.Itoa(s.refused()),
			strconv.Itoa(c.Candidates), strconv.FormatInt(c.Seed, 10), full(s.Seconds)}
		for _, reason := range reasons {
			line = append(line, strconv.Itoa(s.Refused[reason]))
		}
		for _, column := range strataNumbers {
			line = append(line, estimateCells(column.of(s))...)
		}
		line = append(line, calibrationCells(s.Calibration, len(calibrated))...)
		if c.Recalibration != nil {
			for k := range quantities {
				var of Recalibrated
				if k < len(s.Recalibrated) {
					of = s.Recalibrated[k]
				}
				line = slices.Concat(line, of.cells(), estimateCells(of.Width),
					estimateCells(of.Score))
			}
		}
		lines = append(lines, line)
	}
	return writeCSV(w, lines)
}

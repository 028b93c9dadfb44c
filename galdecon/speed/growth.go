package speed

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"gonum.org/v1/gonum/stat"
)

// Growth tells how the time of a call grows with a number while all else stays: as a power of it.
type Growth struct {
	What  What
	Model string
	// With names the number: pixels, images, galaxies, observations, candidates or exposures. From
	// and To are the least and the greatest that were measured; of pixels they are the images'
	// sides.
	With     string
	From, To int
	// Exponent is the power, 1 for a time in proportion, fitted by least squares to the logarithms
	// of the rows' medians; of pixels it is that of their number, the square of the side. Error is
	// its standard error, by how they scatter about the fit.
	Exponent, Error float64
}

// numbers names what a row's batch counts.
var numbers = map[What][]string{
	Evaluation: {"images"}, Training: {"galaxies"},
	Sampling: {"observations", "candidates", "exposures"},
}

// leastPoints is how many values a number must take for a fit.
const leastPoints = 3

// point is a row that may be fitted: the time of a call, and the numbers that it may grow with, the
// first of which is the pixels' side.
type point struct {
	row     Row
	seconds float64
	counts  []int
}

// Growth returns how times grow, for each number that takes three values or more in rows that agree
// in all others.
func (r Run) Growth() []Growth {
	var points []point
	for _, row := range r.Rows {
		if p, ok := newPoint(row); ok {
			points = append(points, p)
		}
	}
	var all []Growth
	for i, first := range points {
		for axis := range first.counts {
			alike := func(p point) bool {
				return p.row.What == first.row.What && p.row.Model == first.row.Model &&
					slices.Equal(slices.Delete(slices.Clone(p.counts), axis, axis+1),
						slices.Delete(slices.Clone(first.counts), axis, axis+1))
			}
			var line []point
			for _, p := range points {
				if alike(p) {
					line = append(line, p)
				}
			}
			if len(line) >= leastPoints && !slices.ContainsFunc(points[:i], alike) {
				all = append(all, power(line, axis))
			}
		}
	}
	return all
}

// newPoint returns the point of a row; false where it has none.
func newPoint(row Row) (p point, ok bool) {
	names, ok := numbers[row.What]
	if !ok {
		return p, false
	}
	p = point{row: row, counts: make([]int, 1+len(names))}
	p.counts[0] = row.Pixels
	for i := range names {
		p.counts[1+i] = 1
	}
	for i, text := range strings.Split(row.Batch, "×") {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || i >= len(names) {
			return p, false
		}
		p.counts[1+i] = n
	}
	median, _, _ := row.Median()
	p.seconds = 1e-3 * median
	if row.What == Sampling {
		p.seconds = float64(p.counts[1]*p.counts[2]) / median
	}
	return p, true
}

// power fits a power law to points that differ on an axis.
func power(points []point, axis int) Growth {
	row := points[0].row
	g := Growth{What: row.What, Model: row.Model, With: "pixels", From: points[0].counts[axis]}
	per := 2.0
	if axis > 0 {
		g.With, per = numbers[row.What][axis-1], 1
	}
	var x, y []float64
	for _, p := range points {
		g.From, g.To = min(g.From, p.counts[axis]), max(g.To, p.counts[axis])
		x = append(x, per*math.Log(float64(p.counts[axis])))
		y = append(y, math.Log(p.seconds))
	}
	var at, rest float64
	at, g.Exponent = stat.LinearRegression(x, y, nil, false)
	for i := range x {
		off := y[i] - at - g.Exponent*x[i]
		rest += off * off
	}
	n := float64(len(x))
	g.Error = math.Sqrt(rest / (n - 2) / ((n - 1) * stat.Variance(x, nil)))
	return g
}

// NetworkShare returns which share of the time of a row's candidates its evaluations of the network
// take; false where no evaluation of as many images was measured.
func (r Run) NetworkShare(row Row) (share float64, ok bool) {
	drawn, ok := newPoint(row)
	if !ok || row.What != Sampling || drawn.counts[3] > 1 {
		return 0, false
	}
	images := strconv.Itoa(drawn.counts[1] * drawn.counts[2])
	i := slices.IndexFunc(r.Rows, func(e Row) bool {
		return e.same(Row{What: Evaluation, Model: row.Model, Pixels: row.Pixels, Batch: images})
	})
	if i < 0 || row.Operations == 0 || r.Rows[i].Operations == 0 {
		return 0, false
	}
	milliseconds, _, _ := r.Rows[i].Median()
	candidates, _, _ := row.Median()
	return row.Operations / r.Rows[i].Operations * 1e-3 * milliseconds * candidates, true
}

// writeGrowth writes how times grow, and the network's share of them, where that is known.
func (r Run) writeGrowth(w io.Writer) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for i, g := range r.Growth() {
		if i == 0 {
			fmt.Fprint(table, "\ntime of a call\tmodel\tgrows with\tfrom, to\tas the power\n")
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%d, %d\t%.2f ± %.2f\n", g.What, g.Model, g.With, g.From,
			g.To, g.Exponent, g.Error)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	first := true
	for _, row := range r.Rows {
		share, ok := r.NetworkShare(row)
		if !ok {
			continue
		}
		if first {
			fmt.Fprint(table, "\nof a candidate's time\tmodel\tpixels\tbatch\tnetwork\n")
			first = false
		}
		fmt.Fprintf(table, "%s\t%s\t%d\t%s\t%.0f %%\n", row.What, row.Model, row.Pixels, row.Batch,
			100*share)
	}
	return table.Flush()
}

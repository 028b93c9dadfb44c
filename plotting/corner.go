package plotting

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"galdecon/internal/numbers"
)

// Corner shows how quantities that were measured of each candidate, or of each object of a
// catalogue, scatter, and with each other: a histogram of each above a column, with its median and
// the interval that holds 68 %, and beneath it each pair as points, with contours that hold 68 %
// and 95 % of them. The truth is a cross of lines.
type Corner struct {
	// Quantities, 2 to 8, have as many values each, of the same candidates in the same order.
	Quantities []Quantity
	// Of is what they were measured of, such as "objects"; where it is empty, candidates.
	Of string
	// Title stands above; it may be empty.
	Title string
}

// Quantity is what was measured of each candidate.
type Quantity struct {
	// Name and Unit label it; Unit may be empty.
	Name, Unit string
	// Values are those of 8 candidates or more. They must not all be the same.
	Values []float64
	// Truth is that of the galaxy; NaN where it isn't known.
	Truth float64
}

// The measures of the figure: of a panel, in CSS pixels, and of the grid of contours.
const (
	cornerPanel    = 165
	cornerSpace    = 62 // for the labels on the left and beneath
	cornerCaption  = 34 // above a column
	contourPoints  = 56
	fewestCorner   = 8
	mostQuantities = 8
)

// Figure draws the corner. It is an error if there are fewer than 2 quantities or more than 8, or
// if one has fewer than 8 values, another number than the first, values that aren't finite, or
// none that differ.
func (c Corner) Figure() (*Figure, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	n := len(c.Quantities)
	plots := make([][]*plot.Plot, n)
	for row := range plots {
		plots[row] = make([]*plot.Plot, n)
		for col := range row + 1 {
			p := plot.New()
			style(p, "")
			x, y := c.Quantities[col], c.Quantities[row]
			p.X.Min, p.X.Max = x.span()
			p.X.Tick.Marker = valueTicks(roundBelow((p.X.Max - p.X.Min) / 2.2))
			if row == col {
				x.histogram(p)
			} else {
				pair(p, x, y)
				p.Y.Min, p.Y.Max = y.span()
				p.Y.Tick.Marker = valueTicks(roundBelow((p.Y.Max - p.Y.Min) / 2.2))
			}
			if row == n-1 {
				p.X.Label.Text = x.label()
			} else {
				p.X.Tick.Marker = unlabeled{p.X.Tick.Marker}
			}
			if col == 0 && row > 0 {
				p.Y.Label.Text = y.label()
			} else {
				p.Y.Tick.Marker = unlabeled{p.Y.Tick.Marker}
			}
			plots[row][col] = p
		}
	}
	foot := fmt.Sprintf("%d %s; contours hold 68 %% and 95 %% of them, dashed lines 68 %%",
		len(c.Quantities[0].Values), cmp.Or(c.Of, "candidates"))
	if slices.ContainsFunc(c.Quantities, Quantity.known) {
		foot += "; red: the truth"
	}
	top := titleHeight(c.Title)
	side := cornerSpace + cornerPanel*float64(n)
	figure := &Figure{Title: titleOr(c.Title, "corner"), Width: side,
		Height: top + cornerCaption + side + footSpace, dpi: sharp}
	figure.draw = func(dc draw.Canvas) {
		drawTitle(dc, c.Title)
		drawFoot(dc, foot)
		tiles := draw.Tiles{Rows: n, Cols: n, PadX: 7 * css, PadY: 5 * css, PadRight: 8 * css,
			PadTop: 2 * css}
		body := draw.Crop(dc, 2*css, 0, footSpace*css, -vg.Length(top+cornerCaption)*css)
		for row, canvases := range plot.Align(plots, tiles, body) {
			for col, canvas := range canvases {
				if p := plots[row][col]; p != nil {
					p.Draw(canvas)
				}
				if row == col {
					c.Quantities[row].caption(plots[row][col].DataCanvas(canvas))
				}
			}
		}
	}
	return figure, nil
}

func (c Corner) check() error {
	if n := len(c.Quantities); n < 2 || n > mostQuantities {
		return fmt.Errorf("plotting: a Corner has 2 to %d quantities, got %d", mostQuantities, n)
	}
	count := len(c.Quantities[0].Values)
	for _, q := range c.Quantities {
		if len(q.Values) != count || count < fewestCorner {
			return fmt.Errorf("plotting: the Quantity %q has %d values and the first %d; they "+
				"have as many, at least %d", q.Name, len(q.Values), count, fewestCorner)
		}
		for _, v := range q.Values {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				return fmt.Errorf("plotting: the Quantity %q has the value %v; values are finite",
					q.Name, v)
			}
		}
		if math.IsInf(q.Truth, 0) {
			return fmt.Errorf("plotting: the truth of %q is %v; it is finite, or NaN where it "+
				"isn't known", q.Name, q.Truth)
		}
		if slices.Min(q.Values) == slices.Max(q.Values) {
			return fmt.Errorf("plotting: the Quantity %q is %v of all candidates, which is "+
				"nothing to show", q.Name, q.Values[0])
		}
	}
	return nil
}

func (q Quantity) known() bool { return !math.IsNaN(q.Truth) }

// label names the quantity at an axis.
func (q Quantity) label() string {
	if q.Unit == "" {
		return q.Name
	}
	return q.Name + ", " + q.Unit
}

// span returns the range of an axis: that of the values and the truth, and some room.
func (q Quantity) span() (low, high float64) {
	low, high = slices.Min(q.Values), slices.Max(q.Values)
	if q.known() {
		low, high = min(low, q.Truth), max(high, q.Truth)
	}
	room := 0.15 * (high - low)
	return low - room, high + room
}

// interval returns the median and the interval that holds 68 % of the values.
func (q Quantity) interval() (median, low, high float64) {
	sorted := slices.Sorted(slices.Values(q.Values))
	return quantile(0.5, sorted), quantile(0.16, sorted), quantile(0.84, sorted)
}

// histogram draws the values of a quantity, and writes their interval above.
func (q Quantity) histogram(p *plot.Plot) {
	low, high := slices.Min(q.Values), slices.Max(q.Values)
	bins := min(max(int(math.Sqrt(float64(len(q.Values)))), 6), 24)
	counts := make([]float64, bins)
	for _, v := range q.Values {
		counts[min(int((v-low)/(high-low)*float64(bins)), bins-1)]++
	}
	width := (high - low) / float64(bins)
	outline := plotter.XYs{{X: low, Y: 0}}
	for k, n := range counts {
		outline = append(outline, plotter.XY{X: low + float64(k)*width, Y: n},
			plotter.XY{X: low + float64(k+1)*width, Y: n})
	}
	outline = append(outline, plotter.XY{X: high, Y: 0})
	top := 1.1 * slices.Max(counts)
	p.Add(filled(outline, overWhite(blue, 0.25)),
		&plotter.Line{XYs: outline, LineStyle: draw.LineStyle{Color: blue, Width: 1.25 * css}})
	median, from, to := q.interval()
	for _, v := range []float64{median, from, to} {
		line := draw.LineStyle{Color: blue, Width: css, Dashes: dashes}
		if v == median {
			line.Dashes = nil
		}
		p.Add(upTo(v, 0, top, line))
	}
	if q.known() {
		p.Add(upTo(q.Truth, 0, top, truthLine))
	}
	p.Y.Min, p.Y.Max = 0, top
	p.Y.Tick.Marker = plot.ConstantTicks{}
}

// caption writes the name and the interval of the quantity above its histogram, where no other
// panel is.
func (q Quantity) caption(above draw.Canvas) {
	s := textStyle(captionSize, ink)
	s.XAlign, s.YAlign = text.XCenter, text.YBottom
	at := vg.Point{X: above.Center().X, Y: above.Max.Y + 3*css}
	above.FillText(s, at, fitted(q.label(), s, cornerPanel*css)+"\n"+q.written())
}

// written is the interval of the quantity.
func (q Quantity) written() string {
	value := numbers.Interval(q.interval())
	if inner, power, scaled := strings.Cut(strings.TrimPrefix(value, "("), ")e"); scaled {
		exponent, _ := strconv.Atoi(power) // Interval writes an integer
		value = fmt.Sprintf("(%s)×10^{%d}", inner, exponent)
	}
	return minus(value)
}

// truthLine is how the truth is drawn.
var truthLine = draw.LineStyle{Color: vermillion, Width: 1.25 * css}

// upTo is an upright line.
func upTo(x, low, high float64, style draw.LineStyle) *plotter.Line {
	return &plotter.Line{XYs: plotter.XYs{{X: x, Y: low}, {X: x, Y: high}}, LineStyle: style}
}

// bare draws a thing without asking for room around it.
type bare struct{ plot.Plotter }

// pair draws two quantities of each candidate.
func pair(p *plot.Plot, x, y Quantity) {
	dots := make(plotter.XYs, len(x.Values))
	for i := range dots {
		dots[i] = plotter.XY{X: x.Values[i], Y: y.Values[i]}
	}
	p.Add(bare{&plotter.Scatter{XYs: dots, GlyphStyle: draw.GlyphStyle{
		Color: overWhite(blue, 0.45), Radius: 1.3 * css, Shape: draw.CircleGlyph{}}}})
	if d, ok := densityOf(x, y); ok {
		contour := plotter.NewContour(d, d.levels(x.Values, y.Values, 0.95, 0.68),
			nil)
		contour.LineStyles = []draw.LineStyle{{Color: overWhite(blue, 0.7), Width: css},
			{Color: blue, Width: 1.5 * css}}
		p.Add(bare{contour})
	}
	if x.known() {
		low, high := y.span()
		p.Add(upTo(x.Truth, low, high, truthLine))
	}
	if y.known() {
		low, high := x.span()
		p.Add(&plotter.Line{XYs: plotter.XYs{{X: low, Y: y.Truth}, {X: high, Y: y.Truth}},
			LineStyle: truthLine})
	}
}

// density is how dense pairs lie, on a grid over both axes.
type density struct {
	x, y   []float64
	values []float64 // row by row
}

// densityOf estimates the density by Gaussian kernels of the shape of the pairs' covariance, and of
// Scott's width: their number to the power of −1/6 of it (Scott 1992). It can't where the pairs lie
// on a line.
func densityOf(x, y Quantity) (density, bool) {
	n := len(x.Values)
	data := mat.NewDense(n, 2, nil)
	data.SetCol(0, x.Values)
	data.SetCol(1, y.Values)
	var covariance mat.SymDense
	stat.CovarianceMatrix(&covariance, data, nil)
	width := math.Pow(float64(n), -1.0/6)
	xx, xy, yy := covariance.At(0, 0)*width*width, covariance.At(0, 1)*width*width,
		covariance.At(1, 1)*width*width
	determinant := xx*yy - xy*xy
	if !(determinant > 1e-9*xx*yy) {
		return density{}, false
	}
	grid := func(q Quantity) []float64 {
		low, high := q.span()
		steps := make([]float64, contourPoints)
		for i := range steps {
			steps[i] = low + (high-low)*float64(i)/(contourPoints-1)
		}
		return steps
	}
	d := density{x: grid(x), y: grid(y), values: make([]float64, contourPoints*contourPoints)}
	for row, b := range d.y {
		for col, a := range d.x {
			for i := range n {
				u, v := a-x.Values[i], b-y.Values[i]
				d.values[row*contourPoints+col] += math.Exp(-(yy*u*u - 2*xy*u*v + xx*v*v) /
					(2 * determinant))
			}
		}
	}
	return d, true
}

// Dims, X, Y and Z make d a plotter.GridXYZ.
func (d density) Dims() (columns, rows int) { return len(d.x), len(d.y) }
func (d density) X(column int) float64      { return d.x[column] }
func (d density) Y(row int) float64         { return d.y[row] }
func (d density) Z(column, row int) float64 { return d.values[row*len(d.x)+column] }

// at returns the density at a place, that of the nearest point of the grid.
func (d density) at(x, y float64) float64 {
	nearest := func(grid []float64, v float64) int {
		step := grid[1] - grid[0]
		return min(max(int(math.Round((v-grid[0])/step)), 0), len(grid)-1)
	}
	return d.Z(nearest(d.x, x), nearest(d.y, y))
}

// levels returns the densities above which given parts of the pairs lie, the largest part first.
func (d density) levels(x, y []float64, parts ...float64) (levels []float64) {
	densities := make([]float64, len(x))
	for i := range x {
		densities[i] = d.at(x[i], y[i])
	}
	slices.Sort(densities)
	for _, part := range parts {
		levels = append(levels, stat.Quantile(1-part, stat.LinInterp, densities, nil))
	}
	return levels
}

// unlabeled are ticks without their labels.
type unlabeled struct{ plot.Ticker }

func (u unlabeled) Ticks(low, high float64) []plot.Tick {
	ticks := u.Ticker.Ticks(low, high)
	for i := range ticks {
		ticks[i].Label = ""
	}
	return ticks
}

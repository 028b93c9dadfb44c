package plotting

import (
	"fmt"
	"image/color"
	"math"
	"slices"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"galdecon/galdecon/calibration"
)

// Coverage shows whether credible intervals hold the truth as often as they say: on the left the
// share of truths that they hold over their credibility, on the right how far that share is from
// the credibility, enlarged, each with the band in which it lies at 95 % confidence at all levels
// at once. Calibrated samples lie on the diagonal; those above it are under-confident, those below
// over-confident.
type Coverage struct {
	// Curves are compared with each other, 1 to 6 of them.
	Curves []CoverageCurve
	// Goal is how far from the credibility the share is meant to be at most, 0.02 as an example:
	// dashed lines. 0 shows none.
	Goal float64
	// Title stands above; it may be empty.
	Title string
}

// CoverageCurve is a measured coverage with the name of what it was measured of.
type CoverageCurve struct {
	Name     string
	Coverage calibration.Coverage
}

// curveColors are of Okabe & Ito (2008), in an order in which the first ones differ most.
var curveColors = []color.NRGBA{
	blue, vermillion, {0x00, 0x9e, 0x73, 0xff},
	{0xcc, 0x79, 0xa7, 0xff}, {0xe6, 0x9f, 0x00, 0xff}, {0x56, 0xb4, 0xe9, 0xff},
}

// curveGlyphs tell curves apart without color.
var curveGlyphs = []draw.GlyphDrawer{
	draw.CircleGlyph{}, draw.BoxGlyph{}, draw.PyramidGlyph{},
	draw.RingGlyph{}, draw.SquareGlyph{}, draw.TriangleGlyph{},
}

// The measures of the figure, in CSS pixels.
const (
	coveragePanel  = 300
	coverageLegend = 200
	coverageHeight = 300
	rankPanel      = 225 // 4 of them fill a cell
	rankHeight     = 190
)

var (
	strip      = color.Gray{Y: 0xe6}
	thinLine   = draw.LineStyle{Color: ink, Width: 0.75 * css}
	dashes     = []vg.Length{3 * css, 2 * css}
	dashedLine = draw.LineStyle{Color: faint, Width: 0.75 * css, Dashes: dashes}
)

// Figure draws the curves. It is an error if there are none or more than 6, or if one wasn't
// measured.
func (c Coverage) Figure() (*Figure, error) {
	if err := checkCurves("Coverage", len(c.Curves)); err != nil {
		return nil, err
	}
	if !(c.Goal >= 0 && c.Goal < 1) {
		return nil, fmt.Errorf("plotting: Coverage.Goal is a part of 1, 0 for none, got %g", c.Goal)
	}
	for _, curve := range c.Curves {
		m := curve.Coverage
		if len(m.Nominal) < 2 || len(m.Nominal) != len(m.Empirical) {
			return nil, fmt.Errorf("plotting: Coverage %q has %d shares at %d levels; "+
				"it comes from calibration.Ranks", curve.Name, len(m.Empirical), len(m.Nominal))
		}
		for _, v := range slices.Concat(m.Nominal, m.Empirical, []float64{m.Distance, m.Error}) {
			if math.IsNaN(v) || v < 0 || v > 1 {
				return nil, fmt.Errorf("plotting: Coverage %q holds %v; "+
					"shares, levels and errors lie between 0 and 1", curve.Name, v)
			}
		}
	}
	shares, differences := plot.New(), plot.New()
	panels := []*plot.Plot{shares, differences}
	for _, p := range panels {
		style(p, "")
		p.X.Label.Text = "credibility, %"
		p.X.Tick.Marker = percentTicks(25)
	}
	shares.Y.Label.Text = "truths inside, %"
	shares.Y.Tick.Marker = percentTicks(25)
	differences.Y.Label.Text = "inside − credibility, %"

	// Bands lie beneath everything else, and their edges above them, so that none hides another.
	var edges, lines [2][]plot.Plotter
	for i, slope := range []float64{1, 0} {
		for _, off := range slices.Compact([]float64{-100 * c.Goal, 0, 100 * c.Goal}) {
			style := thinLine
			if off != 0 {
				style = dashedLine
			}
			ends := plotter.XYs{{X: 0, Y: off}, {X: 100, Y: 100*slope + off}}
			edges[i] = append(edges[i], &plotter.Line{XYs: ends, LineStyle: style})
		}
	}
	legend := plot.NewLegend()
	legend.TextStyle = shares.Legend.TextStyle
	legend.Left, legend.Top = true, true
	legend.ThumbnailWidth, legend.Padding = 22*css, 6*css
	var farthest float64
	for k, curve := range c.Curves {
		m := curve.Coverage
		var middle, low, high [2]plotter.XYs // of the shares, and of their differences
		for i, level := range m.Nominal {
			x, y, e := 100*level, 100*m.Empirical[i], 100*m.Error
			bottom, top := max(y-e, 0), min(y+e, 100)
			for i, under := range []float64{0, x} {
				middle[i] = append(middle[i], plotter.XY{X: x, Y: y - under})
				low[i] = append(low[i], plotter.XY{X: x, Y: bottom - under})
				high[i] = append(high[i], plotter.XY{X: x, Y: top - under})
			}
			farthest = max(farthest, x-bottom, top-x)
		}
		edge := draw.LineStyle{Color: overWhite(curveColors[k], 0.5), Width: 0.75 * css}
		for i, xys := range middle {
			for _, side := range []plotter.XYs{low[i], high[i]} {
				edges[i] = append(edges[i], &plotter.Line{XYs: side, LineStyle: edge})
			}
			backwards := slices.Clone(high[i])
			slices.Reverse(backwards)
			panels[i].Add(filled(slices.Concat(low[i], backwards), overWhite(curveColors[k], 0.2)))
			line, glyphs := curveLine(k, xys), curveScatter(k, xys)
			lines[i] = append(lines[i], line, glyphs)
			if i == 0 {
				name := fitted(curve.Name, legend.TextStyle, (coverageLegend-30)*css)
				distance := percent(m.Distance) + " ± " + percent(m.Error) + " %"
				legend.Add(name+"\ndistance "+distance, line, glyphs)
			}
		}
	}
	for i, p := range panels {
		p.Add(edges[i]...)
		p.Add(lines[i]...)
	}
	// Adding curves has widened the axes to hold them.
	shares.Y.Min, shares.Y.Max = 0, 100
	differences.Y.Max = 1.1 * max(farthest, 150*c.Goal, 1)
	differences.Y.Min = -differences.Y.Max
	differences.Y.Tick.Marker = percentTicks(max(roundBelow(differences.Y.Max/2), 0.5))

	foot := "bands hold all levels at once, at 95 % confidence; " +
		"distance: the largest from the diagonal"
	if c.Goal > 0 {
		foot += fmt.Sprintf("; dashed: the goal, within %s %%", number(100*c.Goal))
	}
	top := titleHeight(c.Title)
	figure := &Figure{
		Title: titleOr(c.Title, "coverage"),
		Width: 2*coveragePanel + coverageLegend, Height: top + coverageHeight + footSpace,
		dpi: sharp,
	}
	figure.draw = func(dc draw.Canvas) {
		drawTitle(dc, c.Title)
		drawFoot(dc, foot)
		body := draw.Crop(dc, 2*css, 0, footSpace*css, -vg.Length(top)*css)
		left := draw.Crop(body, 0, -coverageLegend*css, 0, 0)
		tiles := draw.Tiles{Rows: 1, Cols: 2, PadX: 18 * css, PadTop: 6 * css, PadRight: 12 * css}
		for i, tile := range plot.Align([][]*plot.Plot{panels}, tiles, left)[0] {
			panels[i].Draw(tile)
		}
		legend.Draw(draw.Crop(body, 2*coveragePanel*css, 0, 0, -6*css))
	}
	return figure, nil
}

// Ranks shows how the truth ranks among the samples, one histogram for each quantity: flat where
// they are calibrated, a valley where they are over-confident, a hill where under-confident, a
// slope where biased (Talts et al. 2018). A gray strip holds all bars of calibrated samples in 95 %
// of all cases.
type Ranks struct {
	// Histograms, 1 to 12, share one scale.
	Histograms []RankHistogram
	// Title stands above; it may be empty.
	Title string
}

// RankHistogram is a measured histogram with the name of its quantity.
type RankHistogram struct {
	Name      string
	Histogram calibration.Histogram
}

// Figure draws the histograms, up to 4 in a row. It is an error if there are none or more than 12,
// or if one wasn't measured.
func (r Ranks) Figure() (*Figure, error) {
	const most = 12
	if len(r.Histograms) < 1 || len(r.Histograms) > most {
		return nil, fmt.Errorf("plotting: Ranks has 1 to %d histograms, got %d",
			most, len(r.Histograms))
	}
	highest := 1.5
	for _, q := range r.Histograms {
		h := q.Histogram
		if len(h.Density) < 2 || h.Samples < 1 {
			return nil, fmt.Errorf("plotting: RankHistogram %q has %d bins of ranks among %d "+
				"samples; it comes from calibration.Ranks", q.Name, len(h.Density), h.Samples)
		}
		for _, v := range append([]float64{h.Error, h.P}, h.Density...) {
			if !(v >= 0) || math.IsInf(v, 1) {
				return nil, fmt.Errorf("plotting: RankHistogram %q holds %v; "+
					"densities and errors are finite and not negative", q.Name, v)
			}
		}
		highest = max(highest, 1+h.Error, slices.Max(h.Density))
	}
	columns := min(len(r.Histograms), 4)
	rows := (len(r.Histograms) + columns - 1) / columns
	plots := make([][]*plot.Plot, rows)
	for i := range plots {
		plots[i] = make([]*plot.Plot, columns)
	}
	for i, q := range r.Histograms {
		h := q.Histogram
		p := plot.New()
		chance := "P < 0.001"
		if h.P >= 0.001 {
			chance = "P = " + number(h.P)
		}
		style(p, "")
		p.Title.TextStyle.Font.Size = captionSize * css
		p.Title.Text = fitted(q.Name+", "+chance, p.Title.TextStyle, (rankPanel-40)*css)
		p.X.Label.Text = fmt.Sprintf("rank among %d samples", h.Samples)
		p.X.Tick.Marker = plot.ConstantTicks{
			{Value: 0, Label: "0"}, {Value: 0.5}, {Value: 1, Label: strconv.Itoa(h.Samples)},
		}
		p.Y.Tick.Marker = percentTicks(max(roundBelow(highest/2), 0.5))
		if i%columns == 0 {
			p.Y.Label.Text = "density / uniform"
		}
		width := 1 / float64(len(h.Density))
		outline := plotter.XYs{{X: 0, Y: 0}}
		for k, v := range h.Density {
			outline = append(outline, plotter.XY{X: float64(k) * width, Y: v},
				plotter.XY{X: float64(k+1) * width, Y: v})
		}
		outline = append(outline, plotter.XY{X: 1, Y: 0})
		low, high := max(1-h.Error, 0), 1+h.Error
		band := plotter.XYs{{X: 0, Y: low}, {X: 1, Y: low}, {X: 1, Y: high}, {X: 0, Y: high}}
		p.Add(filled(band, strip), filled(outline, overWhite(blue, 0.25)))
		for _, y := range []float64{low, 1, high} {
			l := &plotter.Line{XYs: plotter.XYs{{X: 0, Y: y}, {X: 1, Y: y}}, LineStyle: thinLine}
			if y != 1 {
				l.LineStyle = dashedLine
			}
			p.Add(l)
		}
		edge := draw.LineStyle{Color: blue, Width: 1.25 * css}
		p.Add(&plotter.Line{XYs: outline, LineStyle: edge})
		p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = 0, 1, 0, 1.08*highest
		plots[i/columns][i%columns] = p
	}
	top := titleHeight(r.Title)
	width, height := rankPanel*float64(columns), rankHeight*float64(rows)
	figure := &Figure{
		Title: titleOr(r.Title, "ranks of the truth"),
		Width: width, Height: top + height + footSpace,
		dpi: sharp,
	}
	foot := "gray: where all bars of calibrated samples lie, at 95 %; " +
		"P: of a bar as far from 1 by chance"
	figure.draw = func(dc draw.Canvas) {
		drawTitle(dc, r.Title)
		drawFoot(dc, foot)
		tiles := draw.Tiles{
			Rows: rows, Cols: columns,
			PadX: 10 * css, PadY: 8 * css, PadRight: 10 * css, PadTop: 4 * css,
		}
		body := draw.Crop(dc, 2*css, 0, footSpace*css, -vg.Length(top)*css)
		for i, canvases := range plot.Align(plots, tiles, body) {
			for k, canvas := range canvases {
				if p := plots[i][k]; p != nil {
					p.Draw(canvas)
				}
			}
		}
	}
	return figure, nil
}

// filled is an area without an outline.
func filled(border plotter.XYs, c color.Color) *plotter.Polygon {
	return &plotter.Polygon{XYs: []plotter.XYs{border}, Color: c}
}

// overWhite is a color as it looks where it covers white in part; not all readers of vector formats
// know transparent colors.
func overWhite(c color.NRGBA, part float64) color.Color {
	mix := func(v uint8) uint8 { return uint8(math.Round(part*float64(v) + (1-part)*0xff)) }
	return color.NRGBA{mix(c.R), mix(c.G), mix(c.B), 0xff}
}

// percent writes a part of 1 in per cent, without the sign.
func percent(v float64) string { return strconv.FormatFloat(100*v, 'f', 1, 64) }

// percentTicks labels the multiples of a step.
type percentTicks float64

func (step percentTicks) Ticks(low, high float64) []plot.Tick {
	var ticks []plot.Tick
	for k := math.Ceil(low / float64(step)); k*float64(step) <= high; k++ {
		ticks = append(ticks, plot.Tick{Value: k * float64(step), Label: number(k * float64(step))})
	}
	return ticks
}

func titleHeight(title string) float64 {
	if title == "" {
		return 0
	}
	return titleSpace
}

func titleOr(title, otherwise string) string {
	if title == "" {
		return otherwise
	}
	return title
}

// drawTitle sets a title at the upper left, drawFoot a remark at the lower left.
func drawTitle(c draw.Canvas, title string) {
	s := textStyle(titleSize, ink)
	c.FillText(s, vg.Point{X: c.Min.X + 2*css, Y: c.Max.Y - 1*css},
		fitted(title, s, c.Size().X-4*css))
}

func drawFoot(c draw.Canvas, foot string) {
	s := textStyle(10, faint)
	c.FillText(s, vg.Point{X: c.Min.X + 2*css, Y: c.Min.Y + (footSpace-4)*css},
		fitted(foot, s, c.Size().X-4*css))
}

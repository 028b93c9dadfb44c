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

// The measures of the figure, in CSS pixels.
const (
	coveragePanel  = 300
	coverageLegend = 200
	coverageHeight = 300
	rankPanel      = 225 // panelsInRow of them fill a cell
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
		for _, v := range slices.Concat(m.Nominal, m.Empirical,
			[]float64{m.Distance, m.HalfWidth}) {
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
			x, y, e := 100*level, 100*m.Empirical[i], 100*m.HalfWidth
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
				distance := percent(m.Distance) + " ± " + percent(m.HalfWidth) + " %"
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

// percent writes a part of 1 in per cent, without the sign.
func percent(v float64) string { return strconv.FormatFloat(100*v, 'f', 1, 64) }

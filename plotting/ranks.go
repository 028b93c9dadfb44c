package plotting

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"galdecon/galdecon/calibration"
)

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
		for _, v := range append([]float64{h.HalfWidth, h.P}, h.Density...) {
			if !(v >= 0) || math.IsInf(v, 1) {
				return nil, fmt.Errorf("plotting: RankHistogram %q holds %v; "+
					"densities and errors are finite and not negative", q.Name, v)
			}
		}
		highest = max(highest, 1+h.HalfWidth, slices.Max(h.Density))
	}
	var panels []*plot.Plot
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
		if i%panelsInRow == 0 {
			p.Y.Label.Text = "density / uniform"
		}
		width := 1 / float64(len(h.Density))
		outline := plotter.XYs{{X: 0, Y: 0}}
		for k, v := range h.Density {
			outline = append(outline, plotter.XY{X: float64(k) * width, Y: v},
				plotter.XY{X: float64(k+1) * width, Y: v})
		}
		outline = append(outline, plotter.XY{X: 1, Y: 0})
		low, high := max(1-h.HalfWidth, 0), 1+h.HalfWidth
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
		panels = append(panels, p)
	}
	foot := "gray: where all bars of calibrated samples lie, at 95 %; " +
		"P: of a bar as far from 1 by chance"
	return panelFigure(titleOr(r.Title, "ranks of the truth"), r.Title, foot, panels), nil
}

// panelsInRow is how many panels fill a cell.
const panelsInRow = 4

// panelFigure returns a figure of plots, up to panelsInRow in a row.
func panelFigure(name, title, foot string, panels []*plot.Plot) *Figure {
	columns := min(len(panels), panelsInRow)
	rows := (len(panels) + columns - 1) / columns
	plots := make([][]*plot.Plot, rows)
	for i := range plots {
		plots[i] = make([]*plot.Plot, columns)
	}
	for i, p := range panels {
		plots[i/columns][i%columns] = p
	}
	top := titleHeight(title)
	figure := &Figure{Title: name, Width: rankPanel * float64(columns),
		Height: top + rankHeight*float64(rows) + footSpace, dpi: sharp}
	figure.draw = func(dc draw.Canvas) {
		drawTitle(dc, title)
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
	return figure
}

package plotting

import (
	"fmt"
	"image/color"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg/draw"
)

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

// checkCurves returns an error unless a figure has as many curves as colors tell apart.
func checkCurves(figure string, n int) error {
	if n < 1 || n > len(curveColors) {
		return fmt.Errorf("plotting: %s has 1 to %d curves, got %d", figure, len(curveColors), n)
	}
	return nil
}

// curveLine and curveScatter draw the k-th curve of a figure in its color, and its points in its
// shape.
func curveLine(k int, xys plotter.XYs) *plotter.Line {
	style := draw.LineStyle{Color: curveColors[k], Width: 1.5 * css}
	return &plotter.Line{XYs: xys, LineStyle: style}
}

func curveScatter(k int, xys plotter.XYs) *plotter.Scatter {
	style := draw.GlyphStyle{Color: curveColors[k], Radius: 2.25 * css, Shape: curveGlyphs[k]}
	return &plotter.Scatter{XYs: xys, GlyphStyle: style}
}

// curves returns a figure of one plot.
func curves(title string, width, height float64, p *plot.Plot) *Figure {
	figure := &Figure{Title: title, Width: width, Height: height, dpi: sharp}
	figure.draw = func(c draw.Canvas) { p.Draw(draw.Crop(c, 2*css, -12*css, 2*css, -4*css)) }
	return figure
}

// filled returns an area without an outline.
func filled(border plotter.XYs, c color.Color) *plotter.Polygon {
	return &plotter.Polygon{XYs: []plotter.XYs{border}, Color: c}
}

// overWhite returns a color as it looks where it covers white in part; not all readers of vector
// formats know transparent colors.
func overWhite(c color.NRGBA, part float64) color.Color {
	mix := func(v uint8) uint8 { return uint8(math.Round(part*float64(v) + (1-part)*0xff)) }
	return color.NRGBA{mix(c.R), mix(c.G), mix(c.B), 0xff}
}

package plotting

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/posterior"
)

// Isophotes shows how far a posterior spreads, as contours: of each candidate a thin line where it
// is as bright as a level, and of their mean a bold one. Where the thin lines run together the
// galaxy's shape is known, and where they part it isn't.
type Isophotes struct {
	// Candidates are 2 or more of one galaxy, of which the mean of the channels is taken.
	Candidates *galaxy.Images
	// Levels are parts of the brightest pixel of the mean, above 0 and below 1, at most 6; nil
	// stands for a half, a fifth and a twentieth.
	Levels []float64
	// PixelScale is how many arcseconds a pixel has along a side; 0 shows pixels.
	PixelScale float64
	// Title stands above; it may be empty.
	Title string
}

// The size of the figure in CSS pixels, and the levels if none are given.
const isophotesWidth, isophotesHeight = 460, 440

var isophotesLevels = []float64{0.5, 0.2, 0.05}

// Figure draws the contours, rows downwards. It is an error if the candidates aren't valid or fewer
// than 2, if their mean has no light, or if a level isn't one.
func (i Isophotes) Figure() (*Figure, error) {
	if err := check("Isophotes.Candidates", i.Candidates); err != nil {
		return nil, err
	}
	if err := checkPixelScale(i.PixelScale); err != nil {
		return nil, err
	}
	candidates := i.Candidates.Gray()
	mean, _, err := posterior.Posterior{Samples: candidates}.Moments()
	if err != nil {
		return nil, fmt.Errorf("plotting: Isophotes: %w", err)
	}
	levels := i.Levels
	if levels == nil {
		levels = isophotesLevels
	}
	if err := checkCurves("Isophotes.Levels", len(levels)); err != nil {
		return nil, err
	}
	peak := float64(slices.Max(mean.Pixels))
	if !(peak > 0) {
		return nil, fmt.Errorf("plotting: Isophotes: the mean of the candidates has no light: its "+
			"brightest pixel is %g", peak)
	}
	p := plot.New()
	style(p, i.Title)
	unit, scale := "pixels", 1.0
	if i.PixelScale > 0 {
		unit, scale = "arcsec", i.PixelScale
	}
	p.X.Label.Text, p.Y.Label.Text = "columns, "+unit, "rows, "+unit
	p.Y.Scale = plot.InvertedScale{Normalizer: plot.LinearScale{}}
	for k, level := range levels {
		if !(level > 0 && level < 1) {
			return nil, fmt.Errorf("plotting: Isophotes.Levels[%d] is %g; a level is a part of the "+
				"mean's brightest pixel, above 0 and below 1", k, level)
		}
		thin := draw.LineStyle{Color: overWhite(curveColors[k], 0.35), Width: 0.5 * css}
		for n := range candidates.N {
			p.Add(isophote(candidates.Select(n), level*peak, scale, thin))
		}
	}
	for k, level := range levels {
		bold := draw.LineStyle{Color: curveColors[k], Width: 1.75 * css}
		p.Add(isophote(mean, level*peak, scale, bold))
		p.Legend.Add(fmt.Sprintf("%g %% of the peak", math.Round(1e4*level)/100),
			&plotter.Line{LineStyle: bold})
	}
	p.X.Min, p.X.Max = 0, scale*float64(mean.Width-1)
	p.Y.Min, p.Y.Max = 0, scale*float64(mean.Height-1)
	step := valueTicks(roundBelow(max(p.X.Max, p.Y.Max) / 4))
	p.X.Tick.Marker, p.Y.Tick.Marker = step, step
	figure := &Figure{Title: titleOr(i.Title, "isophotes"), Width: isophotesWidth,
		Height: isophotesHeight, dpi: sharp}
	figure.draw = func(c draw.Canvas) {
		c = draw.Crop(c, 2*css, -12*css, 2*css, -4*css)
		square(p, c).Draw(c)
	}
	return figure, nil
}

// isophote is the contour of one image at a level, on pixels of a size.
func isophote(im *galaxy.Images, level, scale float64, line draw.LineStyle) plot.Plotter {
	contour := plotter.NewContour(plane{im, scale}, []float64{level}, nil)
	contour.LineStyles = []draw.LineStyle{line}
	return bare{contour}
}

// plane is an image of one channel as a function of column and row.
type plane struct {
	im    *galaxy.Images
	scale float64
}

func (p plane) Dims() (columns, rows int) { return p.im.Width, p.im.Height }
func (p plane) X(column int) float64      { return p.scale * float64(column) }
func (p plane) Y(row int) float64         { return p.scale * float64(row) }
func (p plane) Z(column, row int) float64 { return float64(p.im.Pixels[row*p.im.Width+column]) }

// square returns a plot whose wider side is extended so that both axes have one scale on a canvas.
func square(p *plot.Plot, c draw.Canvas) *plot.Plot {
	q := *p
	for range 2 { // other labels take other room
		size := q.DataCanvas(c).Size()
		each := max((p.X.Max-p.X.Min)/float64(size.X), (p.Y.Max-p.Y.Min)/float64(size.Y))
		around := func(axis, of *plot.Axis, side vg.Length) {
			half, middle := each*float64(side)/2, (of.Min+of.Max)/2
			axis.Min, axis.Max = middle-half, middle+half
		}
		around(&q.X, &p.X, size.X)
		around(&q.Y, &p.Y, size.Y)
	}
	return &q
}

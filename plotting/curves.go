package plotting

import (
	"fmt"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
)

// Curves shows quantities over a positive variable on a logarithmic scale, such as how good samples
// are over the number of steps, or over any variable on a linear one.
type Curves struct {
	// Curves are compared with each other, 1 to 6 of them.
	Curves []Curve
	// X and Y are the labels of the axes.
	X, Y string
	// Linear is for a linear scale of X, which may be 0 or negative then.
	Linear bool
	// Title stands above the curves; it may be empty.
	Title string
}

// Curve is one quantity: Y over X > 0, at least 2 points in rising order of X.
type Curve struct {
	Name string
	X, Y []float64
	// Error is the half length of the error bar of each point; nil for none.
	Error []float64
}

// Figure draws the curves. It is an error if there are no curves or more than 6, or if one can't be
// drawn.
func (c Curves) Figure() (*Figure, error) {
	if err := checkCurves("Curves", len(c.Curves)); err != nil {
		return nil, err
	}
	p := plot.New()
	style(p, c.Title)
	p.X.Label.Text, p.Y.Label.Text = c.X, c.Y
	if !c.Linear {
		p.X.Scale, p.X.Tick.Marker = plot.LogScale{}, logTicks{}
	}
	addLevels(p)
	for k, curve := range c.Curves {
		if len(curve.X) != len(curve.Y) || len(curve.X) < 2 {
			return nil, fmt.Errorf("plotting: Curve %q has %d X and %d Y; "+
				"it needs as many, at least 2", curve.Name, len(curve.X), len(curve.Y))
		}
		if n := len(curve.Error); n != 0 && n != len(curve.Y) {
			return nil, fmt.Errorf("plotting: Curve %q has %d error bars for %d points; give as "+
				"many, or none", curve.Name, n, len(curve.Y))
		}
		xys := make(plotter.XYs, len(curve.X))
		for i := range xys {
			xys[i] = plotter.XY{X: curve.X[i], Y: curve.Y[i]}
			rises := (c.Linear || xys[i].X > 0) && (i == 0 || xys[i].X > xys[i-1].X)
			if !rises || math.IsNaN(xys[i].Y) || math.IsInf(xys[i].X+xys[i].Y, 0) {
				return nil, fmt.Errorf("plotting: Curve %q has the point (%g, %g); "+
					"X must be positive, unless Linear, and rise, Y be finite", curve.Name, xys[i].X,
					xys[i].Y)
			}
			if len(curve.Error) == 0 {
				continue
			}
			e := curve.Error[i]
			if !(e >= 0) || math.IsInf(e, 1) {
				return nil, fmt.Errorf("plotting: Curve %q has the error bar %g at X = %g; they "+
					"are finite and not negative", curve.Name, e, xys[i].X)
			}
			bar := upTo(xys[i].X, xys[i].Y-e, xys[i].Y+e, curveLine(k, nil).LineStyle)
			bar.LineStyle.Width = css
			p.Add(bar)
		}
		line, glyphs := curveLine(k, xys), curveScatter(k, xys)
		p.Add(line, glyphs)
		p.Legend.Add(curve.Name, line, glyphs)
	}
	low, high := min(p.Y.Min, 0), p.Y.Max
	p.Y.Min, p.Y.Max = low, high+0.35*(high-low) // room for the legend
	if high > low {
		p.Y.Tick.Marker = valueTicks(roundBelow((p.Y.Max - low) / 3))
	}
	if c.Linear {
		room := 0.04 * (p.X.Max - p.X.Min)
		p.X.Tick.Marker = valueTicks(roundBelow((p.X.Max - p.X.Min) / 3))
		p.X.Min, p.X.Max = p.X.Min-room, p.X.Max+room
	} else {
		p.X.Min, p.X.Max = p.X.Min/1.1, p.X.Max*1.1
	}
	return curves("curves", spectraWidth, spectraHeight, p), nil
}

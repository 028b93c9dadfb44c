package plotting

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"gonum.org/v1/plot"
)

// LossTerms shows how the parts of a loss, such as those of the CVAE's (Eq. 1), went over the
// training: the size |·| of the running mean of each, on a logarithmic scale.
type LossTerms struct {
	// Terms are 1 to 6 curves by their names, each of 2 points at least, in the order of the steps,
	// see fit.Terms.
	Terms map[string][]Point
	// Title stands above the curves; it may be empty.
	Title string
}

// Figure draws the curves, in the order of their names. It is an error if there are none or more
// than 6, or if fewer than 2 points of one are finite and not 0.
func (t LossTerms) Figure() (*Figure, error) {
	if err := checkCurves("LossTerms", len(t.Terms)); err != nil {
		return nil, err
	}
	p := plot.New()
	style(p, t.Title)
	p.X.Label.Text, p.X.Tick.Marker = "training step", stepTicks{}
	p.Y.Label.Text = "|running mean|"
	p.Y.Scale, p.Y.Tick.Marker = plot.LogScale{}, powerTicks{}
	addLevels(p)
	var last int
	for k, name := range slices.Sorted(maps.Keys(t.Terms)) {
		points := slices.Clone(runningMean(t.Terms[name]))
		for i := range points {
			points[i].Loss = math.Abs(points[i].Loss)
		}
		if points = drawable(points); len(points) < 2 {
			return nil, fmt.Errorf("plotting: the term %q needs at least 2 points that are "+
				"finite and not 0, but has %d", name, len(points))
		}
		last = max(last, points[len(points)-1].Step)
		line := curveLine(k, thinned(points, maxPoints))
		p.Add(line)
		p.Legend.Add("|"+name+"|", line)
	}
	p.X.Max = max(p.X.Max, float64(last))
	decades := math.Log10(p.Y.Max / p.Y.Min)
	p.Y.Min, p.Y.Max = p.Y.Min/1.1, p.Y.Max*math.Pow(10, 0.3*decades+0.1) // room for the legend
	return curves("terms of the loss", lossWidth, lossHeight, p), nil
}

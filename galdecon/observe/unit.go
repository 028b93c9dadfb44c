package observe

import (
	"github.com/gomlx/gomlx/core/graph"
)

// elsewhere is how much a peak outside of the middle counts: a brighter neighbor doesn't make a
// galaxy vanish, nor grows without limit itself.
const elsewhere = 0.2

// Unit returns the scale of galaxies that looks like these show, [batch], positive: the brightest
// that is seen of them ([Grid.Filled]) within the middle half of the grid, or a fifth of the
// brightest anywhere, if that is more, times the square root of the area of the PSF, which is at
// least a pixel. It lies between what would be the peak of a large galaxy and of a point of light.
// In this unit the root mean square of galaxies varies little: of 512 over a survey with galaxies
// of 1 to 20 pixels and PSFs of σ from 0.5 to 4 it is 0.031, with a tenth below 0.020 and a tenth
// above 0.055; without the PSF's area these would be 0.19, 0.07 and 0.51. Where noise hides the
// galaxy, the unit is about the noise's. It is in proportion to the looks.
func (g Grid) Unit(looks ...Look) *graph.Node {
	filled := g.Filled(looks...)
	top := func(x *graph.Node) *graph.Node { return graph.ReduceMax(x, 1, 2, 3) }
	h, w := g.Height/4, g.Width/4
	middle := graph.Slice(filled, graph.AxisRange(), graph.AxisRange(h, g.Height-h),
		graph.AxisRange(w, g.Width-w))
	peak := graph.Max(top(middle), graph.MulScalar(top(filled), elsewhere))
	unit := graph.Mul(graph.MaxScalar(peak, faint), graph.Sqrt(g.area(looks)))
	return graph.StopGradient(unit)
}

// faint is the least peak, that of a galaxy that isn't there. Observations are scaled on the host
// so that what they show is about 1.
const faint = 1e-6

// area returns the number of pixels that the PSFs of looks spread light over, [batch], at least 1:
// 1/Σ p² of a single one, and the mean of |K̂|² weighted by precision of several.
func (g Grid) area(looks []Look) *graph.Node {
	// Inner columns of the half spectrum stand for two.
	columns := make([]float32, g.cols()/2+1)
	for i := range columns {
		columns[i] = float32(pick(i == 0 || 2*i == g.cols(), 1, 2)) /
			float32(g.rows()*g.cols())
	}
	var power, weight *graph.Node
	for _, l := range looks {
		mean := whiten(l).mean
		share := graph.Mul(l.Transfer.power(),
			graph.Reshape(graph.Const(mean.Graph(), columns), 1, 1, len(columns), 1))
		share = graph.Mul(mean, graph.ReduceAndKeep(share, graph.ReduceSum, 2, 3))
		if power == nil {
			power, weight = share, mean
		} else {
			power, weight = graph.Add(power, share), graph.Add(weight, mean)
		}
	}
	area := graph.Div(weight, graph.MaxScalar(power, faint))
	return graph.MaxScalar(graph.ReduceMax(area, 1, 2, 3), 1)
}

// Scale returns the look divided by units [batch].
func (l Look) Scale(units *graph.Node) Look {
	unit := graph.Reshape(units, units.Shape().Dimensions[0], 1, 1, 1)
	l.X, l.InvVar = graph.Div(l.X, unit), graph.Mul(l.InvVar, graph.Square(unit))
	return l
}

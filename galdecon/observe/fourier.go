package observe

import (
	"math"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
)

// fourier transforms between the grid and its spectrum within one graph. It multiplies by the
// matrices of the transform, along columns and then along rows. For stamps that costs little more
// than a fast transform, which XLA's CPU can't be trusted with: several at a time may wait for each
// other's threads for ever. (And GoMLX's gradient of one over several axes is wrong.) Padding and
// cropping cost nothing, as rows and columns of the matrices are left out.
type fourier struct {
	Grid
	graph    *graph.Graph
	matrices map[matrix]*graph.Node
}

// matrix names one of the matrices by the pixels of an axis that it takes or gives.
type matrix struct {
	inverse, rows bool
	pixels        int
}

func (g Grid) fourier(in *graph.Graph) fourier {
	return fourier{g, in, map[matrix]*graph.Node{}}
}

// forward transforms planes [batch, channels, h, w], h ≤ rows and w ≤ cols, laid at the first row
// and column of the dark padded grid.
func (f fourier) forward(planes *graph.Node) spectrum {
	h, w := planes.Shape().Dimensions[2], planes.Shape().Dimensions[3]
	half, rows := f.cols()/2+1, f.rows()
	byRow := product(planes, 3, f.matrix(matrix{pixels: w}))
	halves := []*graph.Node{part(byRow, 3, 0, half), part(byRow, 3, half, 2*half)}
	both := graph.Concatenate(halves, 2)
	full := product(both, 2, f.matrix(matrix{rows: true, pixels: h}))
	return spectrum{part(full, 3, 0, rows), part(full, 3, rows, 2*rows)}
}

// inverse transforms back, to the planes [batch, channels, height, width] of the first height ×
// width pixels.
func (f fourier) inverse(s spectrum, height, width int) *graph.Node {
	both := graph.Concatenate([]*graph.Node{s.re, s.im}, 3)
	byRow := product(both, 3, f.matrix(matrix{inverse: true, rows: true, pixels: height}))
	halves := []*graph.Node{part(byRow, 3, 0, height), part(byRow, 3, height, 2*height)}
	return product(graph.Concatenate(halves, 2), 2, f.matrix(matrix{inverse: true, pixels: width}))
}

// image transforms back to the pixels of the grid.
func (f fourier) image(s spectrum) *graph.Node { return f.inverse(s, f.Height, f.Width) }

// product multiplies by a matrix along an axis, which becomes the last one.
func product(x *graph.Node, axis int, by *graph.Node) *graph.Node {
	return graph.DotGeneral(x, []int{axis}, nil, by, []int{0}, nil)
}

// matrix returns one of the matrices, made once for a graph.
func (f fourier) matrix(m matrix) *graph.Node {
	if made := f.matrices[m]; made != nil {
		return made
	}
	// cos and sin of 2π i j / n.
	wave := func(i, j, n int) (cos, sin float64) {
		sin, cos = math.Sincos(2 * math.Pi * float64(i*j%n) / float64(n))
		return cos, sin
	}
	n, half, p := f.cols(), f.cols()/2+1, m.pixels
	down, across := p, 2*half
	var at func(i, j int) float64
	switch {
	case !m.rows && !m.inverse: // w → [re | im]
		at = func(i, j int) float64 {
			cos, sin := wave(i, j%half, n)
			return pick(j < half, cos, -sin)
		}
	case !m.rows: // [re | im] → w, of half a spectrum whose inner columns stand for two
		down, across = 2*half, p
		at = func(i, j int) float64 {
			u := i % half
			cos, sin := wave(u, j, n)
			return pick(i < half, cos, -sin) * pick(u == 0 || 2*u == n, 1, 2) / float64(n)
		}
	case !m.inverse: // [re | im] of h → [re | im]
		n = f.rows()
		down, across = 2*p, 2*n
		at = func(i, j int) float64 {
			cos, sin := wave(i%p, j%n, n)
			return pick((i < p) == (j < n), cos, pick(i < p, -sin, sin))
		}
	default: // [re | im] → [re | im] of h
		n = f.rows()
		down, across = 2*n, 2*p
		at = func(i, j int) float64 {
			cos, sin := wave(i%n, j%p, n)
			return pick((i < n) == (j < p), cos, pick(i < n, sin, -sin)) / float64(n)
		}
	}
	values := make([]float32, down*across)
	for k := range values {
		values[k] = float32(at(k/across, k%across))
	}
	made := graph.Const(f.graph, tensors.FromFlatDataAndDimensions(values, down, across))
	f.matrices[m] = made
	return made
}

func pick(first bool, a, b float64) float64 {
	if first {
		return a
	}
	return b
}

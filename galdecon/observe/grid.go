package observe

import (
	"fmt"
	"math"

	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
)

// Grid is the target grid that galaxies y lie on, Height × Width pixels, with the Margin of dark
// pixels that a Fourier transform needs so that no light wraps around. Light is followed for up to
// Margin pixels; what a PSF carries farther is dropped, so a margin of Height−1 and more is exact
// for PSFs of any size.
type Grid struct {
	Height, Width, Margin int
}

// NewGrid returns the grid of height × width pixels for PSFs and noise kernels of up to size × size
// pixels.
func NewGrid(height, width, size int) Grid {
	return Grid{Height: height, Width: width, Margin: min(size/2, max(height, width)-1)}
}

// Validate returns an error if the grid has no pixels or a negative margin.
func (g Grid) Validate() error {
	if g.Height < 1 || g.Width < 1 || g.Margin < 0 {
		return &ShapeError{What: "the target grid with its margin",
			Got: []int{g.Height, g.Width, g.Margin}, Want: "at least 1×1 pixels and a margin of 0"}
	}
	return nil
}

func (g Grid) rows() int { return paddedLength(g.Height + g.Margin) }
func (g Grid) cols() int { return paddedLength(g.Width + g.Margin) }

// paddedLength returns the smallest multiple of 8 ≥ n, whose matrices fill a processor's vectors.
func paddedLength(n int) int { return (n + 7) / 8 * 8 }

// spectrum is half of the spectrum of real planes on the padded grid, [batch, channels, cols/2+1,
// rows], as two real nodes. (GoMLX's gradient of a complex product lacks the conjugate.)
type spectrum struct{ re, im *graph.Node }

// times returns the product with a transfer function, whose batch and channels may be 1.
func (s spectrum) times(t Transfer) spectrum {
	return spectrum{
		graph.Sub(graph.Mul(s.re, t.Re), graph.Mul(s.im, t.Im)),
		graph.Add(graph.Mul(s.re, t.Im), graph.Mul(s.im, t.Re)),
	}
}

// timesConj is times with the complex conjugate of the transfer function.
func (s spectrum) timesConj(t Transfer) spectrum {
	return spectrum{
		graph.Add(graph.Mul(s.re, t.Re), graph.Mul(s.im, t.Im)),
		graph.Sub(graph.Mul(s.im, t.Re), graph.Mul(s.re, t.Im)),
	}
}

func (s spectrum) scale(by *graph.Node) spectrum {
	return spectrum{graph.Mul(s.re, by), graph.Mul(s.im, by)}
}

func (s spectrum) plus(o spectrum) spectrum {
	return spectrum{graph.Add(s.re, o.re), graph.Add(s.im, o.im)}
}

func (s spectrum) minus(o spectrum) spectrum {
	return spectrum{graph.Sub(s.re, o.re), graph.Sub(s.im, o.im)}
}

// extend adds n zeros after the end of an axis. (GoMLX's Pad has no gradient.)
func extend(x *graph.Node, axis, n int) *graph.Node {
	if n == 0 {
		return x
	}
	shape := x.Shape().Clone()
	shape.Dimensions[axis] = n
	return graph.Concatenate([]*graph.Node{x, graph.Zeros(x.Graph(), shape)}, axis)
}

// part returns the elements from start to end (exclusive) along an axis.
func part(x *graph.Node, axis, start, end int) *graph.Node {
	if start == 0 && end == x.Shape().Dimensions[axis] {
		return x
	}
	specs := make([]graph.SliceAxisSpec, x.Rank())
	for i := range specs {
		specs[i] = graph.AxisRange()
	}
	specs[axis] = graph.AxisRange(start, end)
	return graph.Slice(x, specs...)
}

// planes turns images [batch, height, width, channels] into [batch, channels, height, width].
func planes(images *graph.Node) *graph.Node { return graph.TransposeAllAxes(images, 0, 3, 1, 2) }

// images returns the inverse of planes.
func images(planes *graph.Node) *graph.Node { return graph.TransposeAllAxes(planes, 0, 2, 3, 1) }

// Transfer is the transfer function K̂ of what blurs and moves an exposure, its Fourier transform
// on the padded grid: real and imaginary part, each [batch, channels, cols/2+1, rows] with the
// padded grid's rows and columns. A batch or channels of 1 serve all.
type Transfer struct{ Re, Im *graph.Node }

// Transfer returns the transfer function of PSFs [batch, k, l], or of one for each channel, [batch,
// k, l, channels]. Their center is the pixel (k/2, l/2), as in package psf. The sum of a PSF, the
// transfer at frequency 0, is kept as it is.
func (g Grid) Transfer(psfs *graph.Node) Transfer {
	p := psfs.Shape()
	if p.Rank() != 3 && p.Rank() != 4 {
		// While a graph is built errors are panics, as in GoMLX, which returns them to the caller
		// of the graph.
		panic(
			fmt.Errorf("observe: PSFs must be [batch, k, l] or [batch, k, l, channels], got %s", p),
		)
	}
	if p.Rank() == 3 {
		psfs = graph.ExpandAxes(psfs, -1)
	}
	wrapped := wrap(wrap(planes(psfs), 2, g.rows(), g.Margin), 3, g.cols(), g.Margin)
	s := g.fourier(psfs.Graph()).forward(wrapped)
	return Transfer{s.re, s.im}
}

// wrap lays a kernel's axis on a ring of n pixels with its center at 0, and drops what is farther
// than margin from it.
func wrap(kernel *graph.Node, axis, n, margin int) *graph.Node {
	size := kernel.Shape().Dimensions[axis]
	center := size / 2
	before, after := min(center, margin), min(size-center-1, margin)
	// The margin keeps both ends apart on the ring, unless the grid has fewer pixels than the
	// margin.
	before = min(before, (n-1)/2)
	after = min(after, n-1-before)
	left, right := part(
		kernel,
		axis,
		center-before,
		center,
	), part(
		kernel,
		axis,
		center,
		center+after+1,
	)
	if before == 0 {
		return extend(right, axis, n-after-1)
	}
	return graph.Concatenate([]*graph.Node{extend(right, axis, n-after-1-before), left}, axis)
}

// Shift moves what is seen by parts of a pixel, or more: rows and columns [batch], positive ones
// towards higher indices. Between the pixels that is the band-limited interpolation, exact for
// images whose PSF is sampled as finely as Nyquist asks.
func (g Grid) Shift(t Transfer, rows, columns *graph.Node) Transfer {
	n, dtype := rows.Shape().Dimensions[0], rows.DType()
	shape := shapes.Make(dtype, 1, 1, g.cols()/2+1, g.rows())
	// The row's frequencies run 0, 1 … and from the middle on −rows/2 … −1.
	byRow := graph.Iota(rows.Graph(), shape, 3)
	half := float64(g.rows() / 2)
	over := graph.GreaterOrEqual(byRow, graph.Scalar(rows.Graph(), dtype, half))
	byRow = graph.Sub(byRow, graph.MulScalar(graph.ConvertDType(over, dtype), float64(g.rows())))
	byColumn := graph.Iota(rows.Graph(), shape, 2)
	each := func(v *graph.Node) *graph.Node { return graph.Reshape(v, n, 1, 1, 1) }
	turn := func(frequency, by *graph.Node, length int) spectrum {
		phase := graph.Mul(frequency, each(graph.MulScalar(by, -2*math.Pi/float64(length))))
		// At Nyquist's frequency e^{iφ} and e^{−iφ} are one wave: only its cosine is real.
		nyquist := graph.Equal(
			graph.Abs(frequency),
			graph.Scalar(rows.Graph(), dtype, float64(length/2)),
		)
		inner := graph.OneMinus(graph.ConvertDType(nyquist, dtype))
		return spectrum{graph.Cos(phase), graph.Mul(graph.Sin(phase), inner)}
	}
	r := turn(byRow, rows, g.rows())
	c := turn(byColumn, columns, g.cols())
	s := r.times(Transfer{c.re, c.im}).times(t)
	return Transfer{s.re, s.im}
}

// power returns |K̂|².
func (t Transfer) power() *graph.Node { return graph.Add(graph.Square(t.Re), graph.Square(t.Im)) }

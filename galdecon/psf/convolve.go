package psf

import (
	"fmt"
	"math"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
)

// Convolve returns the observation x = Π*y as a differentiable graph operation: every image of y
// [batch, height, width, channels] is convolved with its own PSF, psfs [batch, k, k]; a batch of
// one PSF serves all images. The result has the shape of y. Boundaries are dark, see the package
// documentation.
func Convolve(y, psfs *graph.Node) *graph.Node {
	o := newOperator(y.Shape(), psfs)
	return o.convolve(y)
}

// Adjoint returns the adjoint of Convolve, v → Πᵀv, with ⟨Convolve(y), v⟩ = ⟨y, Adjoint(v)⟩.
func Adjoint(v, psfs *graph.Node) *graph.Node {
	o := newOperator(v.Shape(), psfs)
	return o.transpose(v)
}

// WienerStep moves y by the smallest step (in the mean square) that makes it agree with the
// observation x:
//
//	y + Πᵀ (Π Πᵀ + λ)⁻¹ (x − Π*y)
//
// With λ → 0 it is the range-null-space correction: what the PSF hides is left as it was. With λ =
// (noise σ / prior σ)² it is the Wiener step, the posterior mean of y for a white Gaussian prior
// around it. WienerStep(0, x, …) is Wiener's deconvolution of x. The system is solved by
// preconditioned conjugate gradients; iterations (≥ 1) is their number, 3 suffice for stamps whose
// edges are dark. y and x are [batch, height, width, channels], psfs is [batch, k, k], lambda a
// positive scalar or one for each image, [batch].
func WienerStep(y, x, psfs, lambda *graph.Node, iterations int) *graph.Node {
	o := newOperator(y.Shape(), psfs)
	if lambda.Rank() == 1 {
		lambda = graph.Reshape(lambda, lambda.Shape().Dimensions[0], 1, 1, 1)
	}
	matrix := func(v *graph.Node) *graph.Node {
		return graph.Add(o.convolve(o.transpose(v)), graph.Mul(v, lambda))
	}
	// Far from the edges the system is diagonal in Fourier space; its inverse there is the
	// preconditioner.
	power := graph.Add(graph.Square(graph.Real(o.otf)), graph.Square(graph.Imag(o.otf)))
	gain := graph.Reciprocal(graph.Add(power, lambda))
	gain = graph.Complex(gain, graph.ZerosLike(gain))
	precondition := func(v *graph.Node) *graph.Node { return o.filter(v, gain, 0, 0) }

	// A guard only against 0/0 once an image has converged to the last bit.
	const tiny = 1e-30
	dot := func(a, b *graph.Node) *graph.Node {
		return graph.ReduceAndKeep(graph.Mul(a, b), graph.ReduceSum, 1, 2, 3)
	}
	residual := graph.Sub(x, o.convolve(y))
	solution := graph.ZerosLike(residual)
	z := precondition(residual)
	direction, rz := z, dot(residual, z)
	for i := range iterations {
		ad := matrix(direction)
		step := graph.Div(rz, graph.AddScalar(dot(direction, ad), tiny))
		solution = graph.Add(solution, graph.Mul(step, direction))
		if i == iterations-1 {
			break
		}
		residual = graph.Sub(residual, graph.Mul(step, ad))
		z = precondition(residual)
		next := dot(residual, z)
		direction = graph.Add(z, graph.Mul(graph.Div(next, graph.AddScalar(rz, tiny)), direction))
		rz = next
	}
	return graph.Add(y, o.transpose(solution))
}

// operator holds the Fourier transform of the PSFs on the padded grid, shared by all uses within
// one graph.
type operator struct {
	height, width int         // of the images
	rows, cols    int         // of the padded grid
	center        int         // of the PSF
	otf           *graph.Node // optical transfer function, complex [batch, 1, cols/2+1, rows]
}

func newOperator(image shapes.Shape, psfs *graph.Node) *operator {
	// Errors while a graph is built are panics, as in GoMLX, which returns them to the caller of
	// the graph. They must be errors: after another panic, such as that of AssertRank, its executor
	// waits for itself for ever.
	p := psfs.Shape()
	if image.Rank() != 4 {
		panic(fmt.Errorf("psf: images must be [batch, height, width, channels], got %s", image))
	}
	if p.Rank() != 3 || p.Dimensions[1] != p.Dimensions[2] {
		panic(fmt.Errorf("psf: PSFs must be square grids [batch, k, k], got %s", p))
	}
	k := p.Dimensions[1]
	if n := p.Dimensions[0]; n != 1 && n != image.Dimensions[0] {
		panic(fmt.Errorf("psf: %d images need as many PSFs, or one for all; got "+
			"%d", image.Dimensions[0], n))
	}
	o := &operator{height: image.Dimensions[1], width: image.Dimensions[2], center: k / 2}
	// Linear convolution: no light wraps around.
	o.rows, o.cols = fftLength(o.height+k-1), fftLength(o.width+k-1)
	o.otf = o.forward(graph.ExpandAxes(psfs, -1), 0)
	return o
}

func (o *operator) convolve(y *graph.Node) *graph.Node { return o.filter(y, o.otf, 0, o.center) }

func (o *operator) transpose(v *graph.Node) *graph.Node {
	return o.filter(v, graph.Conj(o.otf), o.center, 0)
}

// filter multiplies the spectrum of images [batch, height, width, channels], laid at row and column
// `from` of the dark padded grid, by a transfer function, and crops the result at row and column
// `to`.
func (o *operator) filter(images, transfer *graph.Node, from, to int) *graph.Node {
	return o.inverse(multiply(o.forward(images, from), transfer), to)
}

// multiply returns the complex product a·b in real arithmetic. (GoMLX's gradient of a complex
// product lacks the conjugate.)
func multiply(a, b *graph.Node) *graph.Node {
	re, im := graph.Real(a), graph.Imag(a)
	u, v := graph.Real(b), graph.Imag(b)
	return graph.Complex(graph.Sub(graph.Mul(re, u), graph.Mul(im, v)),
		graph.Add(graph.Mul(re, v), graph.Mul(im, u)))
}

// forward returns the 2-D transform of real images, as two 1-D transforms, of which the first gives
// half of a symmetric spectrum: [batch, h, w, c] → complex [batch, c, cols/2+1, rows]. (GoMLX's
// gradient of a transform over several axes at once is wrong.)
func (o *operator) forward(images *graph.Node, from int) *graph.Node {
	h, w := images.Shape().Dimensions[1], images.Shape().Dimensions[2]
	planes := graph.TransposeAllAxes(images, 0, 3, 1, 2)
	padded := surround(surround(planes, 2, from, o.rows-h-from), 3, from, o.cols-w-from)
	byRow := graph.RealFFT(padded)
	return graph.FFT(graph.TransposeAllAxes(byRow, 0, 1, 3, 2))
}

func (o *operator) inverse(spectrum *graph.Node, to int) *graph.Node {
	byRow := graph.TransposeAllAxes(graph.InverseFFT(spectrum), 0, 1, 3, 2)
	planes := graph.InverseRealFFT(byRow, o.cols)
	cropped := graph.Slice(planes, graph.AxisRange(), graph.AxisRange(),
		graph.AxisRange(to, to+o.height), graph.AxisRange(to, to+o.width))
	return graph.TransposeAllAxes(cropped, 0, 2, 3, 1)
}

// Gaussians makes Gaussian PSFs within a graph: sigmas [batch] in pixels → [batch, size, size],
// each of sum 1. Training draws σ anew in every step this way, without PSFs stored on disk.
func Gaussians(sigmas *graph.Node, size int) *graph.Node {
	g := sigmas.Graph()
	offset := graph.SubScalar(graph.Iota(g, shapes.Make(dtypes.Float32, 1, size), 1),
		float64(size/2))
	variance := graph.ExpandAxes(graph.Square(sigmas), -1)
	profile := graph.Exp(graph.Div(graph.MulScalar(graph.Square(offset), -0.5), variance))
	profile = graph.Div(profile, graph.ReduceAndKeep(profile, graph.ReduceSum, -1))
	return graph.Mul(graph.ExpandAxes(profile, -1), graph.ExpandAxes(profile, 1))
}

// Moffats makes Moffat PSFs within a graph, [batch, size, size], each of sum 1, from the width σ of
// the Gaussian with the same full width at half maximum in pixels, the two components of the
// ellipticity g (|g| < 1; g1 stretches along columns, g2 along the diagonal), and the wings 1/β in
// [0, 1), where 0 is a Gaussian; all [batch]. They are sampled at pixel centers.
func Moffats(sigmas, g1, g2, wings *graph.Node, size int) *graph.Node {
	g := sigmas.Graph()
	offset := func(axis int) *graph.Node {
		return graph.SubScalar(graph.Iota(g, shapes.Make(dtypes.Float32, 1, size, size), axis),
			float64(size/2))
	}
	each := func(n *graph.Node) *graph.Node {
		return graph.Reshape(n, n.Shape().Dimensions[0], 1,
			1)
	}
	dy, dx := offset(1), offset(2)
	g1, g2 = each(g1), each(g2)
	squared := graph.Add(graph.Square(g1), graph.Square(g2))
	// r² in the frame where the ellipse is a circle of the same area.
	r2 := graph.Mul(graph.OnePlus(squared), graph.Add(graph.Square(dx), graph.Square(dy)))
	r2 = graph.Sub(r2,
		graph.MulScalar(graph.Mul(g1, graph.Sub(graph.Square(dx), graph.Square(dy))), 2))
	r2 = graph.Sub(r2, graph.MulScalar(graph.Mul(g2, graph.Mul(dx, dy)), 4))
	r2 = graph.Div(r2, graph.OneMinus(squared))
	// (1 + (2^{1/β}−1) r²/(2 ln2 σ²))^{−β}: half of the peak at r² = 2 ln2 σ². Where 1/β → 0 it is
	// e^{−r²/2σ²}.
	u := each(graph.MaxScalar(wings, 1e-3))
	q := graph.Mul(graph.Expm1(graph.MulScalar(u, math.Ln2)),
		graph.Div(r2, graph.MulScalar(graph.Square(each(sigmas)), 2*math.Ln2)))
	profile := graph.Exp(graph.Neg(graph.Div(graph.Log1P(q), u)))
	return graph.Div(profile, graph.ReduceAndKeep(profile, graph.ReduceSum, 1, 2))
}

// fftLength returns the smallest length ≥ n with no prime factor above 5, which transforms fast.
func fftLength(n int) int {
	for ; ; n++ {
		rest := n
		for _, prime := range []int{2, 3, 5} {
			for rest%prime == 0 {
				rest /= prime
			}
		}
		if rest == 1 {
			return n
		}
	}
}

// surround adds zeros before and after along an axis. (GoMLX's Pad has no gradient.)
func surround(x *graph.Node, axis, before, after int) *graph.Node {
	parts := []*graph.Node{x}
	zeros := func(n int) *graph.Node {
		shape := x.Shape().Clone()
		shape.Dimensions[axis] = n
		return graph.Zeros(x.Graph(), shape)
	}
	if before > 0 {
		parts = append([]*graph.Node{zeros(before)}, parts...)
	}
	if after > 0 {
		parts = append(parts, zeros(after))
	}
	return graph.Concatenate(parts, axis)
}

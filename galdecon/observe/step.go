package observe

import (
	"errors"

	"github.com/gomlx/gomlx/core/graph"
)

// Step returns the data step: of an estimate ŷ [batch, height, width, channels] that is uncertain
// by τ, white, it makes
//
//	y* = argmin ‖y − ŷ‖²/τ² + Σ_e (x_e − A_e y)ᵀ N_e⁻¹ (x_e − A_e y)
//	N_e = diag(σ_e) C_e diag(σ_e)
//
// which is the posterior mean of y for the prior N(ŷ, τ²). tau is a scalar or one for each image,
// [batch], in units of ŷ; steps ≥ 1 is the number of conjugate-gradient steps. The looks may differ
// in all but the grid. It has the gradient of what it computes, by ŷ, τ, the images and the
// transfer functions.
//
// It is solved for the whitened data u, not for y: y* = ŷ + τ² Aᵀ W½ u with (C + τ² W½ A Aᵀ W½) u =
// W½ (x − A ŷ), W = diag(1/σ²). There a pixel without data is no unknown, correlated noise needs no
// inverse, and units are those of the noise. The preconditioner takes all pixels for seen and as
// noisy as their mean, which makes it diagonal in Fourier space, with all looks taken together. One
// step costs 4 E + 2 Fourier transforms for E looks, 2 more for each whose noise is correlated. See
// the package documentation for how many are needed.
func (g Grid) Step(estimate, tau *graph.Node, steps int, looks ...Look) *graph.Node {
	if steps < 1 || len(looks) == 0 {
		panic(
			errors.New(
				"observe: a data step needs at least one look and one conjugate-gradient step",
			),
		)
	}
	g.check(estimate.Shape().Dimensions)
	if tau.Rank() == 1 {
		tau = graph.Reshape(tau, tau.Shape().Dimensions[0], 1, 1, 1)
	}
	s := newSystem(g.fourier(estimate.Graph()), graph.Square(tau), looks)
	y := planes(estimate)
	return images(graph.Add(y, s.solve(s.residual(y), steps)))
}

// system is (C + τ² W½ A Aᵀ W½) u = b with its preconditioner. u and b have one node for each look.
type system struct {
	fourier   fourier
	variance  *graph.Node // τ²
	looks     []whitened
	inverse   []*graph.Node // 1/Ĉ
	amplitude []Transfer    // w̄½ K̂
	gain      *graph.Node   // τ²/(1 + τ² Σ w̄ |K̂|²/Ĉ)
}

func newSystem(f fourier, variance *graph.Node, looks []Look) system {
	s := system{fourier: f, variance: variance}
	var precision *graph.Node
	for _, l := range looks {
		w := whiten(l)
		inverse := graph.OnesLike(l.Transfer.Re)
		if l.NoisePower != nil {
			inverse = graph.Reciprocal(l.NoisePower)
		}
		root := graph.Sqrt(w.mean)
		amplitude := Transfer{graph.Mul(l.Transfer.Re, root), graph.Mul(l.Transfer.Im, root)}
		term := graph.Mul(amplitude.power(), inverse)
		if precision == nil {
			precision = term
		} else {
			precision = graph.Add(precision, term)
		}
		s.looks = append(s.looks, w)
		s.inverse = append(s.inverse, inverse)
		s.amplitude = append(s.amplitude, amplitude)
	}
	s.gain = graph.Div(variance, graph.OnePlus(graph.Mul(variance, precision)))
	return s
}

// residual returns W½ (x − A y).
func (s system) residual(y *graph.Node) []*graph.Node {
	f := s.fourier.forward(y)
	out := make([]*graph.Node, len(s.looks))
	for i, w := range s.looks {
		out[i] = graph.Sub(graph.Mul(w.root, planes(w.X)), w.observe(s.fourier, f))
	}
	return out
}

// apply returns the matrix times v, and what v moves y by, τ² Aᵀ W½ v.
func (s system) apply(v []*graph.Node) (product []*graph.Node, moved *graph.Node) {
	back := s.looks[0].project(s.fourier, v[0])
	for i, w := range s.looks[1:] {
		back = back.plus(w.project(s.fourier, v[i+1]))
	}
	moved = graph.Mul(s.variance, s.fourier.image(back)) // dark beyond the grid
	f := s.fourier.forward(moved)
	for i, w := range s.looks {
		product = append(product, graph.Add(w.correlate(s.fourier, v[i]), w.observe(s.fourier, f)))
	}
	return product, moved
}

// precondition applies the inverse of Ĉ + τ² a aᴴ, a = w̄½ K̂, at every frequency (Sherman and
// Morrison), on the pixels seen.
func (s system) precondition(r []*graph.Node) []*graph.Node {
	scaled := make([]spectrum, len(r))
	var sum spectrum
	for i, w := range s.looks {
		f := s.fourier.forward(graph.Mul(w.seen, r[i])).scale(s.inverse[i])
		scaled[i] = f
		if term := f.timesConj(s.amplitude[i]); i == 0 {
			sum = term
		} else {
			sum = sum.plus(term)
		}
	}
	sum = sum.scale(s.gain)
	out := make([]*graph.Node, len(r))
	for i, w := range s.looks {
		f := scaled[i].minus(sum.times(s.amplitude[i]).scale(s.inverse[i]))
		out[i] = graph.Mul(w.seen, s.fourier.image(f))
	}
	return out
}

// tiny guards against 0/0 where all is solved or nothing is seen. Whitened data are of order 1, and
// the square of it is a float32.
const tiny = 1e-15

// solve returns what the data move y by, after so many steps of conjugate gradients from u = 0.
func (s system) solve(residual []*graph.Node, steps int) (moved *graph.Node) {
	s.each(residual, steps, func(total *graph.Node) { moved = total })
	return moved
}

// each calls reached with what the data have moved y by after each of the steps.
func (s system) each(residual []*graph.Node, steps int, reached func(total *graph.Node)) {
	z := s.precondition(residual)
	direction, rz := z, dot(residual, z)
	var total *graph.Node
	for i := range steps {
		product, moved := s.apply(direction)
		length := graph.Div(rz, graph.AddScalar(dot(direction, product), tiny))
		moved = graph.Mul(length, moved)
		if i == 0 {
			total = moved
		} else {
			total = graph.Add(total, moved)
		}
		reached(total)
		if i == steps-1 {
			return
		}
		residual = combine(residual, graph.Neg(length), product)
		z = s.precondition(residual)
		next := dot(residual, z)
		direction = combine(z, graph.Div(next, graph.AddScalar(rz, tiny)), direction)
		rz = next
	}
}

// dot returns Σ a·b over looks and pixels, [batch, channels, 1, 1]: each channel is a system of its
// own.
func dot(a, b []*graph.Node) *graph.Node {
	var sum *graph.Node
	for i := range a {
		term := graph.ReduceAndKeep(graph.Mul(a[i], b[i]), graph.ReduceSum, 2, 3)
		if sum == nil {
			sum = term
		} else {
			sum = graph.Add(sum, term)
		}
	}
	return sum
}

// combine returns a + factor·b.
func combine(a []*graph.Node, factor *graph.Node, b []*graph.Node) []*graph.Node {
	out := make([]*graph.Node, len(a))
	for i := range a {
		out[i] = graph.Add(a[i], graph.Mul(factor, b[i]))
	}
	return out
}

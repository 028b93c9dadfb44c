package observe

import (
	"fmt"

	"github.com/gomlx/gomlx/core/graph"
)

// Look is one exposure of a batch of galaxies within a graph, on the target grid. Galaxies that
// lack an exposure, and pixels that a coarser one lies between, have no data there.
type Look struct {
	// X is the image x, [batch, height, width, channels]. Its values where InvVar is 0 don't
	// matter, if they are finite.
	X *graph.Node
	// InvVar is 1/σ² of each pixel's noise, [batch, height, width, channels] or with one channel
	// for all, in units of X; 0 is no data. It is data: nothing is differentiated by it.
	InvVar *graph.Node
	// Transfer is of all that lies between y and X, see [Grid.Transfer] and [Grid.Shift].
	Transfer Transfer
	// NoisePower is the power spectrum Ĉ of the noise's correlation, see [Grid.NoisePower]; nil is
	// white noise.
	NoisePower *graph.Node
}

// Nodes returns the nodes of a look, to carry them into a loop's body; see [Look.With]. Make them
// in another graph than the loop's: GoMLX shares constants within a graph, but not across that
// border.
func (l Look) Nodes() []*graph.Node {
	nodes := []*graph.Node{l.X, l.InvVar, l.Transfer.Re, l.Transfer.Im}
	if l.NoisePower != nil {
		nodes = append(nodes, l.NoisePower)
	}
	return nodes
}

// With returns a look of the same kind with other nodes, in the order of [Look.Nodes], and the
// nodes that are left.
func (l Look) With(nodes []*graph.Node) (Look, []*graph.Node) {
	out := Look{X: nodes[0], InvVar: nodes[1], Transfer: Transfer{Re: nodes[2], Im: nodes[3]}}
	if l.NoisePower == nil {
		return out, nodes[4:]
	}
	out.NoisePower = nodes[4]
	return out, nodes[5:]
}

// minPower is the least power of correlated noise at any frequency, in units of its variance.
// Resampling leaves next to none at high frequencies; without a floor data would be exact there.
const minPower = 1e-3

// NoisePower returns the power spectrum Ĉ of noise whose correlation at small lags is given by
// kernels [batch, k, l] or [batch, k, l, channels], symmetrical about their center, which is 1. It
// is at least 10⁻³, of [batch, channels, cols/2+1, rows].
func (g Grid) NoisePower(kernels *graph.Node) *graph.Node {
	return graph.StopGradient(graph.MaxScalar(g.Transfer(kernels).Re, minPower))
}

// A returns what is seen of galaxies y [batch, height, width, channels] without noise: A y = crop(K
// y), of the same shape.
func (g Grid) A(l Look, y *graph.Node) *graph.Node {
	g.check(y.Shape().Dimensions)
	f := g.fourier(y.Graph())
	return images(f.image(f.forward(planes(y)).times(l.Transfer)))
}

// Adjoint returns Aᵀ v for v [batch, height, width, channels], with ⟨A y, v⟩ = ⟨y, Aᵀ v⟩.
func (g Grid) Adjoint(l Look, v *graph.Node) *graph.Node {
	g.check(v.Shape().Dimensions)
	f := g.fourier(v.Graph())
	return images(f.image(f.forward(planes(v)).timesConj(l.Transfer)))
}

func (g Grid) check(dimensions []int) {
	if len(dimensions) != 4 || dimensions[1] != g.Height || dimensions[2] != g.Width {
		panic(fmt.Errorf("observe: images must be [batch, %d, %d, channels] as the grid is, got %v",
			g.Height, g.Width, dimensions))
	}
}

// whitened is a look in units of its noise, as planes. With W = N⁻¹'s diagonal, it is W½ (x − A y)
// that has unit variance.
type whitened struct {
	Look
	root *graph.Node // W½, [batch, channels, height, width]
	seen *graph.Node // 1 where there is data
	mean *graph.Node // of W over the pixels seen, [batch, channels, 1, 1]
}

func whiten(l Look) whitened {
	weight := graph.StopGradient(planes(l.InvVar))
	zero := graph.ScalarZero(weight.Graph(), weight.DType())
	seen := graph.ConvertDType(graph.GreaterThan(weight, zero), weight.DType())
	sum := func(n *graph.Node) *graph.Node { return graph.ReduceAndKeep(n, graph.ReduceSum, 2, 3) }
	mean := graph.Div(sum(weight), graph.MaxScalar(sum(seen), 1))
	return whitened{l, graph.Sqrt(weight), seen, mean}
}

// observe returns W½ A y from the spectrum of y.
func (w whitened) observe(f fourier, y spectrum) *graph.Node {
	return graph.Mul(w.root, f.image(y.times(w.Transfer)))
}

// project returns the spectrum of Kᵀ W½ v.
func (w whitened) project(f fourier, v *graph.Node) spectrum {
	return f.forward(graph.Mul(w.root, v)).timesConj(w.Transfer)
}

// correlate returns C v on the pixels seen, the covariance of the whitened noise. It is that of the
// seen pixels alone: to leave out rows and columns of a covariance is to know nothing of the other
// pixels.
func (w whitened) correlate(f fourier, v *graph.Node) *graph.Node {
	if w.NoisePower == nil {
		return v
	}
	return graph.Mul(w.seen, f.image(f.forward(graph.Mul(w.seen, v)).scale(w.NoisePower)))
}

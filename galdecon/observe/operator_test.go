package observe_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gomlx/gomlx/core/graph"
	"gonum.org/v1/gonum/mat"

	"galdecon/galdecon/observe"
)

func inner(a []float32, b []float64) (sum float64) {
	for i := range a {
		sum += float64(a[i]) * b[i]
	}
	return sum
}

// A is the convolution by its definition, with dark borders, and Adjoint its adjoint, for PSFs of
// any size.
func TestAdjoint(t *testing.T) {
	const batch, height, width, channels = 3, 14, 20, 2
	rng := rand.New(rand.NewPCG(1, 2))
	for _, k := range [][2]int{{1, 1}, {5, 5}, {6, 9}, {33, 2}, {65, 51}} {
		psfs := make([]float64, 0, batch*k[0]*k[1]*channels)
		for range batch {
			psfs = append(psfs, normal(rng, k[0]*k[1]*channels, 1/float64(k[0]*k[1]))...)
		}
		n := batch * height * width * channels
		y, v := normal(rng, n, 1), normal(rng, n, 1)
		g := observe.NewGrid(height, width, max(k[0], k[1]))
		run := func(f func(observe.Look, *graph.Node) *graph.Node, image []float64) []float32 {
			return call(t, func(in []*graph.Node) *graph.Node {
				return f(observe.Look{Transfer: g.Transfer(in[1])}, in[0])
			}, tensor(image, batch, height, width, channels),
				tensor(psfs, batch, k[0], k[1], channels))
		}
		left, right := inner(run(g.A, y), v), inner(run(g.Adjoint, v), y)
		if scale := math.Sqrt(float64(n)); !(math.Abs(left-right) <= 1e-5*scale) {
			t.Errorf("PSFs of %d×%d: ⟨A y, v⟩ = %g, ⟨y, Aᵀ v⟩ = %g", k[0], k[1], left, right)
		}
	}
}

func TestAAgainstDefinition(t *testing.T) {
	const size = 16
	rng := rand.New(rand.NewPCG(9, 2))
	for _, k := range [][2]int{{1, 1}, {6, 7}, {41, 37}} {
		kernel, y := blur(k[0], k[1], 2), normal(rng, size*size, 1)
		g := observe.NewGrid(size, size, max(k[0], k[1]))
		got := call(t, func(in []*graph.Node) *graph.Node {
			return g.A(observe.Look{Transfer: g.Transfer(in[1])}, in[0])
		}, tensor(y, 1, size, size, 1), tensor(kernel, 1, k[0], k[1]))
		var want mat.VecDense
		want.MulVec(convolution(size, kernel, k[0], k[1]), mat.NewVecDense(size*size, y))
		for i := range got {
			if d := math.Abs(float64(got[i]) - want.AtVec(i)); !(d <= 1e-5) {
				t.Fatalf(
					"PSF of %d×%d: pixel %d is %g, want %g",
					k[0],
					k[1],
					i,
					got[i],
					want.AtVec(i),
				)
			}
		}
	}
}

// A shift by parts of a pixel moves a Gaussian to where it is by its formula, and by whole pixels
// it is exact.
func TestShift(t *testing.T) {
	const size, k = 24, 25
	const sigma = 1.5
	at := func(row, col float64) []float64 {
		out := make([]float64, k*k)
		for i := range out {
			y, x := float64(i/k-k/2)-row, float64(i%k-k/2)-col
			out[i] = math.Exp(-(y*y+x*x)/(2*sigma*sigma)) / (2 * math.Pi * sigma * sigma)
		}
		return out
	}
	rng := rand.New(rand.NewPCG(2, 2))
	y := normal(rng, size*size, 1)
	g := observe.NewGrid(size, size, k)
	for _, d := range [][2]float64{{0, 0}, {0.3, -0.45}, {1, -2}, {-1.75, 0.5}} {
		moved := call(t, func(in []*graph.Node) *graph.Node {
			return g.A(observe.Look{Transfer: g.Shift(g.Transfer(in[1]), in[2], in[3])}, in[0])
		}, tensor(y, 1, size, size, 1), tensor(at(0, 0), 1, k, k),
			tensor(d[:1], 1), tensor(d[1:], 1))
		want := call(t, func(in []*graph.Node) *graph.Node {
			return g.A(observe.Look{Transfer: g.Transfer(in[1])}, in[0])
		}, tensor(y, 1, size, size, 1), tensor(at(d[0], d[1]), 1, k, k))
		for i := range want {
			if e := math.Abs(float64(moved[i] - want[i])); !(e <= 2e-4) {
				t.Fatalf("shift %v: pixel %d is %g, want %g", d, i, moved[i], want[i])
			}
		}
	}
}

package observe_test

import (
	"math"
	"math/cmplx"
	"math/rand/v2"
	"testing"

	"github.com/gomlx/gomlx/core/graph"
	"gonum.org/v1/gonum/mat"

	"galdecon/galdecon/observe"
)

// The local precision of white noise is Aᵀ W A 1 by matrices, and what is filled Aᵀ W x over it.
func TestPrecisionAndFilled(t *testing.T) {
	const size = 16
	rng := rand.New(rand.NewPCG(51, 1))
	scenes := scenes(rng, size)
	looks := []look{scenes["mask"][0], scenes["map"][0]}
	g := gridOf(size, looks)
	precision, light := mat.NewVecDense(size*size, nil), mat.NewVecDense(size*size, nil)
	for _, l := range looks {
		a := convolution(size, l.psf, l.k, l.l)
		var seen, back mat.VecDense
		seen.MulVec(a, mat.NewVecDense(size*size, ones(size*size)))
		seen.MulElemVec(&seen, mat.NewVecDense(size*size, l.invVar))
		back.MulVec(a.T(), &seen)
		precision.AddVec(precision, &back)
		var data, lit mat.VecDense
		data.MulElemVec(mat.NewVecDense(size*size, l.x), mat.NewVecDense(size*size, l.invVar))
		lit.MulVec(a.T(), &data)
		light.AddVec(light, &lit)
	}
	in := append(looks[0].inputs(size), looks[1].inputs(size)...)
	run := func(f func(...observe.Look) *graph.Node) []float32 {
		return call(
			t,
			func(in []*graph.Node) *graph.Node { return f(nodes(g, in[:3]), nodes(g, in[3:])) },
			in...)
	}
	largest := mat.Max(precision)
	for i, v := range run(g.Precision) {
		if want := precision.AtVec(i); math.Abs(float64(v)-want) > 1e-5*largest {
			t.Fatalf("precision of pixel %d is %g, want %g", i, v, want)
		}
	}
	for i, v := range run(g.Filled) {
		if want := light.AtVec(i) / (precision.AtVec(i) + 1e-3*largest); math.Abs(
			float64(v)-want,
		) > 1e-4 {
			t.Fatalf("filled pixel %d is %g, want %g", i, v, want)
		}
	}
}

// What sees nothing has no precision, no light and no NaN.
func TestConditionWithoutData(t *testing.T) {
	const size = 12
	l := look{
		x:      ones(size * size),
		invVar: make([]float64, size*size),
		psf:    blur(5, 5, 1),
		k:      5,
		l:      5,
		noise:  neighbors(0.3),
		m:      3,
	}
	g := gridOf(size, []look{l})
	got := call(t, func(in []*graph.Node) *graph.Node {
		look := nodes(g, in)
		s := g.Sensitivity(observe.Frequencies([]float64{0.1}, 2), look)
		return graph.Concatenate([]*graph.Node{graph.Reshape(g.Precision(look), size*size),
			graph.Reshape(g.Filled(look), size*size), graph.Reshape(s, 2)}, 0)
	}, l.inputs(size)...)
	for i, v := range got {
		if v != 0 {
			t.Fatalf("value %d is %g without data", i, v)
		}
	}
}

// The sensitivity is Σ w̄ |K̂|²/Ĉ by the definition of the transform, at any frequency and for PSFs
// larger than the stamp.
func TestSensitivity(t *testing.T) {
	const size = 16
	rng := rand.New(rand.NewPCG(52, 1))
	frequencies := observe.Frequencies([]float64{0, 0.03, 0.13, 0.31, 0.5}, 4)
	scenes := scenes(rng, size)
	transform := func(kernel []float64, k, l int, f observe.Frequency) (sum complex128) {
		for i, v := range kernel {
			phase := f.Row*float64(i/l-k/2) + f.Column*float64(i%l-l/2)
			sum += complex(v, 0) * cmplx.Exp(complex(0, -2*math.Pi*phase))
		}
		return sum
	}
	for _, name := range []string{"two exposures", "all at once"} {
		looks := scenes[name]
		g := gridOf(size, looks)
		var in []any
		want := make([]float64, len(frequencies))
		for _, l := range looks {
			in = append(in, l.inputs(size)...)
			total, n := 0.0, 0.0
			for _, w := range l.invVar {
				total += w
				if w > 0 {
					n++
				}
			}
			for i, f := range frequencies {
				power := 1.0
				if l.noise != nil {
					power = max(real(transform(l.noise, l.m, l.m, f)), 1e-3)
				}
				k := cmplx.Abs(transform(l.psf, l.k, l.l, f))
				want[i] += total / n * k * k / power
			}
		}
		got := call(t, func(in []*graph.Node) *graph.Node {
			var seen []observe.Look
			for _, l := range looks {
				n := len(l.inputs(size))
				seen = append(seen, nodes(g, in[:n]))
				in = in[n:]
			}
			return g.Sensitivity(frequencies, seen...)
		}, in...)
		for i, v := range got {
			if math.Abs(float64(v)-want[i]) > 1e-4*want[i]+1e-5*want[0] {
				t.Errorf(
					"%s: the sensitivity at %v is %g, want %g",
					name,
					frequencies[i],
					v,
					want[i],
				)
			}
		}
	}
}

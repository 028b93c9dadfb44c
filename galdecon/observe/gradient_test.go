package observe_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/gomlx/gomlx/core/graph"
)

// The gradient of the data step by the estimate, τ, the image and the PSF is that of finite
// differences, also where conjugate gradients haven't converged yet.
func TestStepGradient(t *testing.T) {
	const size = 16
	rng := rand.New(rand.NewPCG(11, 12))
	scenes := scenes(rng, size)
	// Richardson's extrapolation of these leaves an error of fourth order.
	differences := []float64{-1, -0.5, 0.5, 1}
	for _, c := range []struct {
		scene string
		steps int
	}{{"white", 1}, {"all at once", 2}, {"two exposures", 3}, {"mask", 6}} {
		looks := scenes[c.scene]
		step := stepper(gridOf(size, looks), looks, c.steps)
		weights := normal(rng, size*size, 1)
		// The inputs of a step, as flat values, and the direction that each is moved in; inverse
		// variances and correlation stay.
		values := [][]float64{normal(rng, size*size, 0.1), {0.1}}
		shapes := [][]int{{size, size, 1}, {}}
		directions := map[int][]float64{
			0: normal(rng, size*size, 0.01),
			1: {0.005},
			2: normal(rng, size*size, 0.01),
		}
		for _, l := range looks {
			values = append(values, l.x, l.invVar, l.psf)
			shapes = append(shapes, []int{size, size, 1}, []int{size, size, 1}, []int{l.k, l.l})
			if l.noise != nil {
				values, shapes = append(values, l.noise), append(shapes, []int{l.m, l.m})
			}
		}
		directions[4] = normal(rng, len(looks[0].psf), 0.02/float64(len(looks[0].psf)))
		moved := []int{0, 1, 2, 4}
		names := map[int]string{0: "estimate", 1: "tau", 2: "image", 4: "PSF"}

		// All moved inputs are one batch.
		batch := len(moved) * len(differences)
		var in, single []any
		for i, v := range values {
			all := slices.Repeat(v, batch)
			if d, ok := directions[i]; ok {
				at := slices.Index(moved, i) * len(differences)
				for k, by := range differences {
					for j := range v {
						all[(at+k)*len(v)+j] += by * d[j]
					}
				}
			}
			in = append(in, tensor(all, append([]int{batch}, shapes[i]...)...))
			single = append(single, tensor(v, append([]int{1}, shapes[i]...)...))
		}
		results := call(t, step, in...)
		gradients := call(t, func(in []*graph.Node) *graph.Node {
			y, w := step(in[:len(in)-1]), in[len(in)-1]
			var by, flat []*graph.Node
			for _, i := range moved {
				by = append(by, in[i])
			}
			for _, g := range graph.Gradient(graph.ReduceAllSum(graph.Mul(y, w)), by...) {
				flat = append(flat, graph.Reshape(g, g.Shape().Size()))
			}
			return graph.Concatenate(flat, 0)
		}, append(single, tensor(weights, 1, size, size, 1))...)
		for m, i := range moved {
			loss := func(k int) float64 {
				at := (m*len(differences) + k) * size * size
				return inner(results[at:at+size*size], weights)
			}
			want := (8*(loss(2)-loss(1)) - (loss(3) - loss(0))) / 6
			n := len(directions[i])
			got := inner(gradients[:n], directions[i])
			gradients = gradients[n:]
			name := fmt.Sprintf("%s, %d steps, by the %s", c.scene, c.steps, names[i])
			if !(math.Abs(got-want) <= 1e-2*math.Max(math.Abs(want), 0.01)) {
				t.Errorf("%s: the gradient is %.5g, by differences %.5g", name, got, want)
			}
		}
	}
}

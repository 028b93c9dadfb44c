package observe_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/gomlx/gomlx/core/graph"

	"galdecon/galdecon/internal/devicetest"
	"galdecon/galdecon/internal/executor"
	"galdecon/galdecon/observe"
)

// BenchmarkStep times data steps of 8 stamps of 64×64 pixels with PSFs of 15×15, seen once.
func BenchmarkStep(b *testing.B) {
	const size, batch = 64, 8
	rng := rand.New(rand.NewPCG(71, 1))
	g := observe.NewGrid(size, size, 15)
	psfs := make([]float64, 0, batch*15*15)
	for range batch {
		psfs = append(psfs, blur(15, 15, 1.5)...)
	}
	in := []any{
		tensor(normal(rng, batch*size*size, 1), batch, size, size, 1),
		tensor([]float64{0.1}, 1),
		tensor(
			normal(rng, batch*size*size, 1),
			batch,
			size,
			size,
			1,
		),
		tensor(ones(batch*size*size), batch, size, size, 1),
		tensor(psfs, batch, 15, 15),
	}
	for _, steps := range []int{1, 2, 4, 6} {
		b.Run(fmt.Sprint(steps), func(b *testing.B) {
			exec, err := executor.New(devicetest.Device(b), func(in []*graph.Node) *graph.Node {
				return g.Step(in[0], in[1], steps, nodes(g, in[2:]))
			})
			if err != nil {
				b.Fatal(err)
			}
			defer exec.Finalize()
			for b.Loop() {
				if err := executor.Free(exec.MustCall(in...)...); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

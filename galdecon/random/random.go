// Package random makes the random numbers of galdecon: seeded, on the device, and finite.
package random

import (
	"fmt"
	"math/rand/v2"

	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
)

// State is GoMLX's state for one stream of a seed; streams of a seed, and seeds, are independent. (GoMLX's own seeds repeat after
// 2³¹−1.)
func State(seed int64, stream uint64) (*tensors.Tensor, error) {
	state, err := graph.RNGStateFromSeed(rand.New(rand.NewPCG(uint64(seed), stream)).Int64())
	if err != nil {
		return nil, fmt.Errorf("random: cannot seed the random numbers: %w", err)
	}
	return state, nil
}

// Normal draws standard normal numbers of a shape, and returns the state that follows.
func Normal(state *graph.Node, shape shapes.Shape) (next, z *graph.Node) {
	next, z = graph.RandomNormal(state, shape)
	return next, finite(z)
}

// Scoped draws standard normal numbers of a shape with the state of the scope's store.
func Scoped(scope *model.Scope, g *graph.Graph, shape shapes.Shape) *graph.Node {
	return finite(scope.RandomNormal(g, shape))
}

// finite bounds normal numbers. GoMLX v0.28 takes the logarithm of a uniform number that it keeps from 0 by a denormal one, which XLA on
// a CPU takes for 0: once in 2³² numbers the result is infinite, which a sampler of 950 steps at 128×128×3 pixels
// meets in one sample of a hundred. The largest finite |z| is 6.67, for a uniform number of 2⁻³².
func finite(z *graph.Node) *graph.Node { return graph.ClipScalar(z, -6.7, 6.7) }

// Package random makes the random numbers of galdecon: seeded, on the device, and finite.
package random

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
)

// State returns GoMLX's state for one stream of a seed. Streams of a seed, and seeds, are
// independent: the state has 192 bits of PCG-DXSM's own stream. (GoMLX's own seeds repeat after
// 2³¹−1, so that of 200,000 pairs of seed and stream nine met.)
func State(seed int64, stream uint64) *tensors.Tensor {
	source := rand.NewPCG(uint64(seed), stream)
	words := make([]uint64, graph.RNGStateShape.Size())
	for i := range words {
		words[i] = source.Uint64()
	}
	return tensors.FromFlatDataAndDimensions(words, len(words))
}

// gomlxSeeds is the number of seeds that GoMLX tells apart.
const gomlxSeeds = math.MaxInt32

// Initial returns the state that a training begins with. It is GoMLX's own for the seeds that GoMLX
// tells apart, from 0 to 2³¹−2, and a state of its own for any other.
func Initial(seed int64) (*tensors.Tensor, error) {
	if seed < 0 || seed >= gomlxSeeds {
		return State(seed, 0), nil
	}
	state, err := graph.RNGStateFromSeed(seed)
	if err != nil {
		return nil, fmt.Errorf("random: cannot seed the random numbers: %w", err)
	}
	return state, nil
}

// States returns the states of n streams of a seed, [n, 1]: with them [Normal] draws each of n
// images from a stream of its own, so that an image doesn't depend on how many others are drawn
// with it.
func States(seed int64, streams ...uint64) *tensors.Tensor {
	states := make([]uint64, len(streams))
	for i, stream := range streams {
		states[i] = rand.New(rand.NewPCG(uint64(seed), stream)).Uint64()
	}
	return tensors.FromFlatDataAndDimensions(states, len(states), 1)
}

// Normal draws standard normal float32 numbers of a shape, and returns the state that follows. The
// state is that of [State] or [States]; of the latter there must be as many as the shape's first
// dimension has.
func Normal(state *graph.Node, shape shapes.Shape) (next, z *graph.Node) {
	if state.Rank() == 2 {
		return streamed(state, shape)
	}
	next, z = graph.RandomNormal(state, shape)
	return next, finite(z)
}

// Scoped draws standard normal numbers of a shape with the state of the scope's store.
func Scoped(scope *model.Scope, g *graph.Graph, shape shapes.Shape) *graph.Node {
	return finite(scope.RandomNormal(g, shape))
}

// finite bounds normal numbers. GoMLX v0.28 takes the logarithm of a uniform number that it keeps
// from 0 by a denormal one, which XLA on a CPU takes for 0: once in 2³² numbers the result is
// infinite, which a sampler of 950 steps at 128×128×3 pixels meets in one sample of a hundred. The
// largest finite |z| is 6.67, for a uniform number of 2⁻³².
func finite(z *graph.Node) *graph.Node { return graph.ClipScalar(z, -6.7, 6.7) }

// gamma is the step of SplitMix64.
const gamma = 0x9e3779b97f4a7c15

// streamed draws normal numbers by the transform of Box and Muller, each from the 64 bits that
// SplitMix64 gives at its place in the stream (Steele, Lea and Flood 2014).
func streamed(state *graph.Node, shape shapes.Shape) (next, z *graph.Node) {
	g, each := state.Graph(), shape.Size()/shape.Dimensions[0]
	next, bits := splitMix(state, each)
	uniform := func(bits *graph.Node) *graph.Node {
		return graph.MulScalar(graph.ConvertDType(graph.ConvertDType(bits, dtypes.Uint32),
			dtypes.Float32), math.Ldexp(1, -32))
	}
	high := graph.BitwiseShiftRightLogicalScalar(bits, 32)
	low := graph.BitwiseAnd(bits, constant(g, math.MaxUint32))
	// never of 0
	radius := graph.Sqrt(graph.MulScalar(graph.Log(graph.AddScalar(uniform(high),
		math.Ldexp(1, -32))), -2))
	z = graph.Mul(radius, graph.Cos(graph.MulScalar(uniform(low), 2*math.Pi)))
	return next, graph.Reshape(graph.StopGradient(z), shape.Dimensions...)
}

// splitMix returns the next n numbers [streams, n] of SplitMix64 for states [streams, 1], and the
// states that follow.
func splitMix(state *graph.Node, n int) (next, bits *graph.Node) {
	g := state.Graph()
	place := graph.AddScalar(graph.Iota(g, shapes.Make(dtypes.Uint64, 1, n), 1), 1)
	x := graph.Add(state, graph.Mul(place, constant(g, gamma)))
	mixed := func(x *graph.Node, shift int) *graph.Node {
		return graph.BitwiseXor(x, graph.BitwiseShiftRightLogicalScalar(x, shift))
	}
	x = graph.Mul(mixed(x, 30), constant(g, 0xbf58476d1ce4e5b9))
	x = graph.Mul(mixed(x, 27), constant(g, 0x94d049bb133111eb))
	steps := uint64(n)
	return graph.Add(state, constant(g, steps*gamma)), mixed(x, 31)
}

// constant is exact, where GoMLX's scalars pass through a float64.
func constant(g *graph.Graph, v uint64) *graph.Node { return graph.Const(g, [][]uint64{{v}}) }

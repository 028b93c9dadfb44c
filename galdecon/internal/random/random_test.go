package random

import (
	"math"
	"slices"
	"testing"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"gonum.org/v1/gonum/stat"

	"galdecon/galdecon/backend"
)

const n = 100000

func draw(t *testing.T, seed int64, stream uint64) (numbers, following []float64) {
	t.Helper()
	device, err := backend.Default()
	if err != nil {
		t.Fatal(err)
	}
	state := State(seed, stream)
	out, err := graph.CallOnceN(device, func(state *graph.Node) (*graph.Node, *graph.Node) {
		state, a := Normal(state, shapes.Make(dtypes.Float32, n))
		_, b := Normal(state, shapes.Make(dtypes.Float32, n))
		return a, b
	}, state)
	if err != nil {
		t.Fatal(err)
	}
	all := make([][]float64, 2)
	for i := range all {
		for _, v := range tensors.MustCopyFlatData[float32](out[i]) {
			all[i] = append(all[i], float64(v))
		}
	}
	return all[0], all[1]
}

func TestNormal(t *testing.T) {
	a, next := draw(t, 1, 0)
	again, _ := draw(t, 1, 0)
	if !slices.Equal(a, again) {
		t.Error("the same seed gives other numbers")
	}
	mean, std := stat.MeanStdDev(a, nil)
	if math.Abs(mean) > 4/math.Sqrt(n) || math.Abs(std-1) > 4/math.Sqrt(2*n) {
		t.Errorf("mean %g and standard deviation %g, want 0 and 1", mean, std)
	}
	beyond := 0.0
	for _, v := range a {
		if math.Abs(v) > 3 {
			beyond++
		}
	}
	if share := beyond / n; math.Abs(share-0.0027) > 4*math.Sqrt(0.0027/n) {
		t.Errorf("%g of the numbers lie beyond 3, want 0.0027", share)
	}
	otherSeed, _ := draw(t, 2, 0)
	otherStream, _ := draw(t, 1, 1)
	beyond31, _ := draw(t, 1+math.MaxInt32, 0)
	for name, b := range map[string][]float64{"next numbers": next, "seed": otherSeed,
		"stream": otherStream, "seed beyond 2³¹": beyond31} {
		if r := stat.Correlation(a, b, nil); math.Abs(r) > 4/math.Sqrt(n) {
			t.Errorf("another %s correlates with %g", name, r)
		}
	}
}

// What GoMLX makes of a uniform 0 is bounded, and nothing else is touched.
func TestFinite(t *testing.T) {
	device, err := backend.Default()
	if err != nil {
		t.Fatal(err)
	}
	in := []float32{float32(math.Inf(-1)), -6.66, 0, 1.5, 6.66, float32(math.Inf(1))}
	out, err := graph.CallOnce(device, finite, in)
	if err != nil {
		t.Fatal(err)
	}
	if got := tensors.MustCopyFlatData[float32](out); !slices.Equal(got,
		[]float32{-6.7, -6.66, 0, 1.5, 6.66, 6.7}) {
		t.Errorf("%v became %v", in, got)
	}
}

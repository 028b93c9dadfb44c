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

// The first numbers of SplitMix64 for the seed 1234567, as published with it, in one call or
// several.
func TestSplitMix(t *testing.T) {
	want := []uint64{6457827717110365317, 3203168211198807973, 9817491932198370423,
		4593380528125082431, 16408922859458223821}
	device, err := backend.Default()
	if err != nil {
		t.Fatal(err)
	}
	out, err := graph.CallOnceN(device, func(state *graph.Node) (*graph.Node, *graph.Node) {
		state, first := splitMix(state, 3)
		_, second := splitMix(state, 2)
		return first, second
	}, [][]uint64{{1234567}})
	if err != nil {
		t.Fatal(err)
	}
	got := append(tensors.MustCopyFlatData[uint64](out[0]),
		tensors.MustCopyFlatData[uint64](out[1])...)
	if !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// Each image of a batch has standard normal numbers of its own, which don't depend on the others.
func TestStreams(t *testing.T) {
	device, err := backend.Default()
	if err != nil {
		t.Fatal(err)
	}
	draw := func(seed int64, streams ...uint64) (images [][]float64) {
		t.Helper()
		const side = 320
		out, err := graph.CallOnceN(device, func(state *graph.Node) (*graph.Node, *graph.Node) {
			shape := shapes.Make(dtypes.Float32, len(streams), side, side, 1)
			state, a := Normal(state, shape)
			_, b := Normal(state, shape)
			return a, b
		}, States(seed, streams...))
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range out {
			for image := range slices.Chunk(tensors.MustCopyFlatData[float32](o), side*side) {
				numbers := make([]float64, len(image))
				for i, v := range image {
					numbers[i] = float64(v)
				}
				images = append(images, numbers)
			}
		}
		return images
	}
	// three images and their next numbers; another seed's
	all := append(draw(1, 0, 1, 1<<32), draw(2, 0)...)
	for i, a := range all {
		n := float64(len(a))
		mean, std := stat.MeanStdDev(a, nil)
		if math.Abs(mean) > 4/math.Sqrt(n) || math.Abs(std-1) > 4/math.Sqrt(2*n) ||
			math.Abs(stat.ExKurtosis(a, nil)) > 4*math.Sqrt(24/n) {
			t.Errorf("image %d has mean %g, standard deviation %g and excess kurtosis %g, want "+
				"0, 1 and 0", i, mean, std, stat.ExKurtosis(a, nil))
		}
		if r := stat.Correlation(a[1:], a[:len(a)-1], nil); math.Abs(r) > 4/math.Sqrt(n) {
			t.Errorf("neighbors in image %d correlate with %g", i, r)
		}
		for j, b := range all[:i] {
			if r := stat.Correlation(a, b, nil); math.Abs(r) > 4/math.Sqrt(n) {
				t.Errorf("images %d and %d correlate with %g", i, j, r)
			}
		}
	}
	if alone := draw(1, 1); !slices.Equal(alone[0], all[1]) || !slices.Equal(alone[1], all[4]) {
		t.Error("an image that is drawn alone differs from the same among others")
	}
}

// No two of 200,000 pairs of seed and stream have the same state, nor have seeds of trainings that
// differ by GoMLX's period.
func TestStatesDiffer(t *testing.T) {
	seen := map[[3]uint64]bool{}
	for seed := range int64(200) {
		for stream := range uint64(1000) {
			words := [3]uint64(tensors.MustCopyFlatData[uint64](State(seed*gomlxSeeds, stream)))
			if seen[words] {
				t.Fatalf("seed %d, stream %d: the state comes twice", seed*gomlxSeeds, stream)
			}
			seen[words] = true
		}
	}
	states := map[uint64]bool{}
	for seed := range int64(200) {
		streams := make([]uint64, 1000)
		for i := range streams {
			streams[i] = uint64(i)
		}
		for _, state := range tensors.MustCopyFlatData[uint64](States(seed, streams...)) {
			if states[state] {
				t.Fatalf("seed %d: the state %d comes twice", seed, state)
			}
			states[state] = true
		}
	}
	initial := map[[3]uint64]int64{}
	for _, seed := range []int64{0, 1, -1, math.MaxInt32 - 1, math.MaxInt32, math.MaxInt32 + 1,
		1 - math.MaxInt32, 2*math.MaxInt32 + 1, math.MaxInt64, math.MinInt64} {
		state, err := Initial(seed)
		if err != nil {
			t.Fatal(err)
		}
		words := [3]uint64(tensors.MustCopyFlatData[uint64](state))
		if other, ok := initial[words]; ok {
			t.Errorf("trainings with the seeds %d and %d begin alike", seed, other)
		}
		initial[words] = seed
	}
}

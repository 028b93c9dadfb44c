package fit

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"galdecon/galdecon/backend"
)

// order are the indices of each batch of n galaxies.
func order(c Config, n, from int) [][]int {
	var all [][]int
	training, _ := c.split(n)
	for batch := range (&feed{c: c, training: training, from: from}).order() {
		all = append(all, slices.Clone(batch))
	}
	return all
}

// Every epoch takes different galaxies in each step, and another order; where the batches take all
// galaxies it is a permutation.
func TestOrderIsAPermutationInEveryEpoch(t *testing.T) {
	for _, test := range []struct{ n, batch int }{{7, 2}, {6, 3}, {5, 5}, {4, 1}} {
		perEpoch := test.n / test.batch
		const epochs = 6
		all := order(Config{Steps: epochs * perEpoch, Batch: test.batch, Seed: 3}, test.n, 0)
		if len(all) != epochs*perEpoch {
			t.Fatalf("%d galaxies in batches of %d: %d steps, want %d", test.n, test.batch,
				len(all), epochs*perEpoch)
		}
		seen := map[string]bool{}
		for epoch := range epochs {
			taken := slices.Concat(all[epoch*perEpoch : (epoch+1)*perEpoch]...)
			seen[fmt.Sprint(taken)] = true
			slices.Sort(taken)
			distinct := len(slices.Compact(slices.Clone(taken)))
			if distinct != perEpoch*test.batch || taken[0] < 0 || taken[len(taken)-1] >= test.n {
				t.Errorf("%d galaxies in batches of %d: epoch %d takes %v", test.n, test.batch,
					epoch, taken)
			}
		}
		if len(seen) < 2 {
			t.Errorf("%d galaxies in batches of %d: all epochs have one order", test.n, test.batch)
		}
	}
}

// The order from any step on is that of a training which has come there.
func TestOrderDependsOnTheStepAlone(t *testing.T) {
	c := Config{Steps: 11, Batch: 2, Seed: 3}
	all := order(c, 7, 0)
	for from := range c.Steps {
		if got, want := fmt.Sprint(order(c, 7, from)), fmt.Sprint(all[from:]); got != want {
			t.Errorf("from step %d the order is %s, want %s", from, got, want)
		}
	}
	other := order(Config{Steps: 11, Batch: 2, Seed: 4}, 7, 0)
	if fmt.Sprint(other) == fmt.Sprint(all) {
		t.Error("another seed gives the same order")
	}
}

// All eight mirrored and turned forms of a galaxy come up, equally often, and nothing else does.
func TestTurnDrawsTheEightSymmetriesOfTheSquare(t *testing.T) {
	device, err := backend.Default()
	if err != nil {
		t.Fatal(err)
	}
	const batch, size, channels = 4000, 2, 3
	store := model.NewStore()
	if err := store.SetRNGStateFromSeed(1); err != nil {
		t.Fatal(err)
	}
	var pixels []float32
	for range batch {
		for pixel := range size * size {
			for c := range channels {
				pixels = append(pixels, float32(10*pixel+c))
			}
		}
	}
	out, err := model.CallOnce(device, store, func(_ *model.Scope, y *graph.Node) *graph.Node {
		return turn(store, y)
	},
		tensors.FromFlatDataAndDimensions(pixels, batch, size, size, channels))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]int{}
	turned := tensors.MustCopyFlatData[float32](out)
	for i := range batch {
		form := ""
		for pixel := range size * size {
			at := turned[(i*size*size+pixel)*channels:]
			form += fmt.Sprint(int(at[0] / 10))
			for c := range channels {
				if at[c] != at[0]+float32(c) {
					t.Fatalf("image %d, pixel %d: channel %d is %g beside %g", i, pixel, c, at[c],
						at[0])
				}
			}
		}
		found[form]++
	}
	if len(found) != 8 {
		t.Errorf("%d forms, want 8: %v", len(found), found)
	}
	// Corners of a square: its symmetries keep 0 and 3 opposite.
	spread := 4 * math.Sqrt(batch*1.0/8*7/8)
	for form, n := range found {
		if i, j := slices.Index([]byte(form), '0'), slices.Index([]byte(form), '3'); i+j != 3 {
			t.Errorf("%s is no symmetry of 0123", form)
		}
		if math.Abs(float64(n)-batch/8) > spread {
			t.Errorf("the form %s came %d times, want %d ± %.0f", form, n, batch/8, spread)
		}
	}
}

// A point of the history is the mean of its steps, also where a training was interrupted within
// one.
func TestHistoryIsTheMeanOfEverySteps(t *testing.T) {
	s := &curves{every: 4}
	for step := 1; step <= 10; step++ {
		s.record(step, float64(step*step), nil)
	}
	want := []Point{{4, (1 + 4 + 9 + 16) / 4.}, {8, (25 + 36 + 49 + 64) / 4.},
		{10, (81 + 100) / 2.}}
	if fmt.Sprint(s.history) != fmt.Sprint(want) {
		t.Errorf("the history is %v, want %v", s.history, want)
	}
}

func TestHistoryIsBounded(t *testing.T) {
	for _, steps := range []int{1, 999, 1000, 1001, 1999, 2000, 54321} {
		s, err := open(t.TempDir(), steps)
		if err != nil {
			t.Fatal(err)
		}
		for step := 1; step <= steps; step++ {
			s.record(step, 1, nil)
		}
		if n := len(s.history); n > historyPoints || n < min(steps, historyPoints/2) ||
			s.history[n-1].Step != steps {
			t.Errorf("%d steps give %d points that end at %d", steps, n, s.history[n-1].Step)
		}
	}
}

package fit_test

import (
	"context"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/layers"
	"github.com/gomlx/gomlx/ml/layers/norm"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/ml/model/initializer"
	"gonum.org/v1/gonum/stat"

	"galdecon/galdecon/fit"
	"galdecon/galdecon/internal/devicetest"
)

// steady fits three weights to the sums of squares of a galaxy's pixels, which don't change when it
// is turned, without noise. It keeps the batch's mean as a statistic.
func steady(scope *model.Scope, y *graph.Node) *graph.Node {
	flat := graph.ReduceAndKeep(graph.Square(graph.Reshape(y, y.Shape().Dimensions[0], -1)),
		graph.ReduceMean, -1)
	w := scope.VariableWithShape("w", shapes.Make(dtypes.Float32, 1, 3)).NodeValue(y)
	mean := scope.WithInitializer(initializer.Zero).VariableWithShape("mean",
		shapes.Make(dtypes.Float32)).SetTrainable(false)
	if scope.IsTraining(y.Graph()) {
		mean.SetNodeValue(graph.ReduceAllMean(flat))
	}
	return graph.ReduceAllMean(graph.Square(graph.Sub(graph.Mul(flat, graph.Exp(w)),
		graph.Const(y.Graph(), [][]float32{{1, 2, 3}}))))
}

// A step of two halves, or of four parts, ends where one of the whole batch does, to rounding; it
// goes on bit for bit after an interruption.
func TestAccumulate(t *testing.T) {
	t.Parallel()
	images := random(50, 4)
	c := fit.Config{Steps: 30, Batch: 16, LearningRate: 0.02, WarmUp: 3, EMA: 0.9, HoldOut: 0.3,
		Seed: 1}
	whole := t.TempDir()
	if err := fit.Run(t.Context(), problem(t, images, steady), c, whole, nil); err != nil {
		t.Fatal(err)
	}
	want, _ := fit.History(whole)
	for _, parts := range []int{2, 4} {
		c.Accumulate = parts
		dir, again := t.TempDir(), t.TempDir()
		if err := fit.Run(t.Context(), problem(t, images, steady), c, dir, nil); err != nil {
			t.Fatal(err)
		}
		a, b := values(t, whole), values(t, dir)
		if len(a) != len(b) {
			t.Errorf("%d parts: the variables are %v, want %v", parts, slices.Sorted(maps.Keys(b)),
				slices.Sorted(maps.Keys(a)))
		}
		for name := range a {
			for i := range a[name] {
				// Statistics are those of the last part.
				if d := math.Abs(float64(a[name][i] - b[name][i])); d > 1e-5 &&
					!strings.HasSuffix(name, "/mean") {
					t.Errorf("%d parts: %s[%d] is %g, with the whole batch %g", parts, name, i,
						b[name][i], a[name][i])
				}
			}
		}
		got, err := fit.History(dir)
		if err != nil || len(got) != len(want) {
			t.Fatalf("%d parts: %d points of the history, want %d; %v", parts, len(got), len(want),
				err)
		}
		for i := range got {
			if math.Abs(got[i].Loss-want[i].Loss) > 1e-5*want[i].Loss {
				t.Errorf("%d parts: the loss of step %d is %g, with the whole batch %g", parts,
					got[i].Step, got[i].Loss, want[i].Loss)
			}
		}
		until(t, c, images, steady, again, 11)
		if err := fit.Run(t.Context(), problem(t, images, steady), c, again, nil); err != nil {
			t.Fatal(err)
		}
		sameTraining(t, again, dir)
	}
}

// normalized is linear with a batch normalization, whose running statistics remember every part of
// every step.
func normalized(scope *model.Scope, y *graph.Node) *graph.Node {
	flat := graph.Reshape(y, y.Shape().Dimensions[0], -1)
	seen := norm.BatchNorm(scope.In("norm"), graph.Add(flat,
		graph.MulScalar(scope.RandomNormal(y.Graph(), flat.Shape()), 0.1)),
		-1).CurrentScope().Done()
	return graph.ReduceAllMean(graph.Square(graph.Sub(layers.DenseWithBias(scope.In("map"), seen,
		1), graph.ReduceAndKeep(flat, graph.ReduceSum, -1))))
}

// patience is a context that ends when it has been looked at a number of times.
type patience struct {
	context.Context
	looks int
}

func (p *patience) Err() error {
	if p.looks--; p.looks < 0 {
		return context.Canceled
	}
	return nil
}

// A training that is interrupted between the parts of a step is saved as it was after the step
// before, and goes on bit for bit, also on another trainer.
func TestInterruptWithinAStep(t *testing.T) {
	t.Parallel()
	images := random(20, 4)
	c := fit.Config{Steps: 3, Batch: 6, Accumulate: 3, LearningRate: 0.02, EMA: 0.9, Seed: 1}
	var trainers [2]*fit.Trainer
	for i := range trainers {
		var err error
		if trainers[i], err = fit.NewTrainer(problem(t, images, normalized), c); err != nil {
			t.Fatal(err)
		}
		defer trainers[i].Close()
	}
	whole := t.TempDir()
	if err := trainers[0].Run(t.Context(), whole, nil, nil, nil); err != nil {
		t.Fatal(err)
	}
	stops := map[int]int{} // how many ended after a number of whole steps
	for looks := 1; ; looks++ {
		dir, done := t.TempDir(), 0
		err := trainers[0].Run(&patience{t.Context(), looks}, dir, nil, nil,
			func(p fit.Progress) { done = p.Step })
		if err == nil {
			break // it was faster
		}
		if err != context.Canceled {
			t.Fatal(err)
		}
		stops[done]++
		if history, err := fit.History(dir); err != nil || len(history) != done {
			t.Errorf("after %d whole steps there are %d points of the history, %v", done,
				len(history), err)
		}
		if err := trainers[looks%2].Run(t.Context(), dir, nil, nil, nil); err != nil {
			t.Fatal(err)
		}
		sameTraining(t, dir, whole)
	}
	for step := range c.Steps {
		if stops[step] < 2 {
			t.Errorf("%d of %d interruptions come between the end of step %d and that of the "+
				"next, want several", stops[step], len(stops), step)
		}
	}
}

// On two devices a training without noise comes to the weights, and statistics, that it comes to on
// one, to rounding. Each device has noise of its own, and an interrupted training goes on bit for
// bit.
func TestSeveralDevices(t *testing.T) {
	t.Parallel()
	if n := devicetest.Device(t).NumDevices(); n < 2 {
		t.Skipf("there is %d device", n)
	}
	c := fit.Config{Steps: 20, Batch: 8, LearningRate: 0.01, EMA: 0.9, ClipNorm: 1, HoldOut: 0.3,
		Seed: 1}
	images := random(40, 8)
	for c.Accumulate = 1; c.Accumulate <= 2; c.Accumulate++ {
		one, two := t.TempDir(), t.TempDir()
		c.Devices = 1
		if err := fit.Run(t.Context(), problem(t, images, steady), c, one, nil); err != nil {
			t.Fatal(err)
		}
		c.Devices = 2
		if err := fit.Run(t.Context(), problem(t, images, steady), c, two, nil); err != nil {
			t.Fatal(err)
		}
		a, b := values(t, one), values(t, two)
		if len(a) != len(b) || len(a["/average/mean"]) != 1 {
			t.Errorf("one device has the variables %v, two have %v", slices.Sorted(maps.Keys(a)),
				slices.Sorted(maps.Keys(b)))
		}
		for name := range a {
			for i := range a[name] {
				if d := math.Abs(float64(a[name][i] -
					b[name][i])); d > 1e-5*(1+math.Abs(float64(a[name][i]))) {
					t.Errorf("%d parts: %s[%d] is %g on two devices, %g on one", c.Accumulate, name,
						i, b[name][i], a[name][i])
				}
			}
		}
		curve, err1 := fit.Validation(one)
		other, err2 := fit.Validation(two)
		if err1 != nil || err2 != nil || len(curve) != len(other) ||
			math.Abs(curve[0].Loss-other[0].Loss) > 1e-5*curve[0].Loss {
			t.Errorf("the validation loss is %v on two devices, %v on one; %v, %v", other, curve,
				err2, err1)
		}
	}

	c.Accumulate = 2
	whole, parts := t.TempDir(), t.TempDir()
	if err := fit.Run(t.Context(), problem(t, images, linear), c, whole, nil); err != nil {
		t.Fatal(err)
	}
	until(t, c, images, linear, parts, 9)
	if err := fit.Run(t.Context(), problem(t, images, linear), c, parts, nil); err != nil {
		t.Fatal(err)
	}
	sameTraining(t, parts, whole)

	// The mean of two independent normal numbers has the variance 1/2.
	c = fit.Config{Steps: 400, Batch: 2, LearningRate: 0.01, Devices: 2, Seed: 1}
	var losses []float64
	err := fit.Run(t.Context(), problem(t, images, func(scope *model.Scope,
		y *graph.Node) *graph.Node {
		w := scope.WithInitializer(initializer.Zero).VariableWithShape("w",
			shapes.Make(dtypes.Float32)).NodeValue(y)
		return graph.Add(graph.Square(w), scope.RandomNormal(y.Graph(),
			shapes.Make(dtypes.Float32)))
	}), c, t.TempDir(), func(p fit.Progress) { losses = append(losses, p.Loss) })
	if err != nil {
		t.Fatal(err)
	}
	if mean, variance := stat.MeanVariance(losses, nil); math.Abs(mean) > 0.15 ||
		math.Abs(variance-0.5) > 0.15 {
		t.Errorf("the mean of two devices' normal numbers has the mean %.2g and the variance "+
			"%.2g, want 0 and 0.5", mean, variance)
	}

	c.Devices, c.Batch = 64, 64
	err = fit.Run(t.Context(), problem(t, random(64, 4), linear), c, t.TempDir(), nil)
	if err == nil || !strings.Contains(err.Error(), "asks for 64 devices, but there are") {
		t.Errorf("more devices than there are: %v", err)
	}
}

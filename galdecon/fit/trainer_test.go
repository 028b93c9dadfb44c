package fit_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/ml/model/initializer"

	"galdecon/galdecon/fit"
)

// weighted is linear with weights of its loss that are inputs; it counts how often its graph is
// built.
func weighted(built *int) fit.Objective {
	return func(scope *model.Scope, y *graph.Node) *graph.Node {
		*built++
		alpha, beta := fit.Input(scope, y, "alpha"), fit.Input(scope, y, "beta")
		loss := linear(scope, y)
		return graph.Add(graph.Mul(alpha, loss), graph.Mul(beta, graph.Sqrt(graph.OnePlus(loss))))
	}
}

// A sweep builds its graph once, and each of its points is, bit for bit, the one that is trained
// alone; also where the sweep was interrupted and another went on.
func TestSweepOnOneGraph(t *testing.T) {
	t.Parallel()
	c := fit.Config{Steps: 40, Batch: 3, LearningRate: 0.01, WarmUp: 5, EMA: 0.9, ClipNorm: 0.5,
		HoldOut: 0.2, Seed: 7}
	images := random(30, 8)
	points := []fit.Inputs{{"alpha": 1, "beta": 0.1}, {"alpha": 0.3, "beta": 0.1},
		{"alpha": 1, "beta": 3}}
	root := t.TempDir()
	dir := func(kind string, i int) string { return filepath.Join(root, kind, fmt.Sprint(i)) }
	trainer := func(built *int) *fit.Trainer {
		trainer, err := fit.NewTrainer(problem(t, images, weighted(built)), c)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(trainer.Close)
		return trainer
	}
	built := 0
	sweep := trainer(&built)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for i, inputs := range points {
		err := sweep.Run(ctx, dir("sweep", i), inputs, nil, func(p fit.Progress) {
			if i == 1 && p.Step == 17 {
				cancel()
			}
		})
		if i == 0 && err != nil || i > 0 && err != context.Canceled {
			t.Fatalf("point %d: %v", i, err)
		}
	}
	for i, inputs := range points {
		if err := sweep.Run(t.Context(), dir("sweep", i), inputs, nil, nil); err != nil {
			t.Fatal(err)
		}
	}
	if built != 2 { // of the step and of the validation
		t.Errorf("the graph of the loss was built %d times, want 2", built)
	}
	for i, inputs := range points {
		alone := 0
		if err := trainer(&alone).Run(t.Context(), dir("alone", i), inputs, nil, nil); err != nil {
			t.Fatal(err)
		}
		if alone != 2 {
			t.Errorf("alone, the graph of the loss was built %d times, want 2", alone)
		}
		sameTraining(t, dir("sweep", i), dir("alone", i))
	}
	if a, b := variables(t, dir("sweep", 0)), variables(t,
		dir("sweep", 1)); a["/model/map/dense/weights"] == b["/model/map/dense/weights"] {
		t.Error("another α gives the same weights")
	}

	finished := 0
	for i, inputs := range points {
		if err := trainer(&finished).Run(t.Context(), dir("sweep", i), inputs, nil,
			nil); err != nil {
			t.Error(err)
		}
	}
	if finished != 0 {
		t.Error("a sweep that is finished builds a graph")
	}

	for _, test := range []struct {
		dir    string
		inputs fit.Inputs
		want   string
	}{
		{dir("sweep", 0), fit.Inputs{"alpha": 2, "beta": 0.1}, "trained with alpha = 1, not 2"},
		{dir("sweep", 0), fit.Inputs{"alpha": 1}, "trained with 2 inputs, not 1"},
		{dir("sweep", 0), fit.Inputs{"alpha": 1, "gamma": 2}, `without the input "gamma"`},
		{dir("new", 0), fit.Inputs{"alpha": 1}, `reads the input "beta", which isn't given`},
		{dir("new", 0), fit.Inputs{"alpha": 1, "beta": 1, "gamma": 1},
			`doesn't read the inputs ["gamma"]`},
		{dir("new", 0), fit.Inputs{"alpha": math.NaN(), "beta": 1}, `"alpha" must be a finite`},
		{dir("new", 0), fit.Inputs{"alpha": 1, "beta": 1e39}, `"beta" must be a finite`},
	} {
		if err := sweep.Run(t.Context(), test.dir, test.inputs, nil, nil); err == nil ||
			!strings.HasPrefix(err.Error(), "fit: ") || !strings.Contains(err.Error(), test.want) {
			t.Errorf("inputs %v: error %v, want one with %q", test.inputs, err, test.want)
		}
	}
	if step, err := fit.Step(dir("new", 0)); step != 0 || err != nil {
		t.Errorf("wrong inputs leave a checkpoint of step %d, %v", step, err)
	}
}

// A training that diverges, or can't be compiled, leaves its trainer fit for the next.
func TestTrainerAfterAFailure(t *testing.T) {
	t.Parallel()
	objective := func(scope *model.Scope, y *graph.Node) *graph.Node {
		w := scope.WithInitializer(initializer.One).VariableWithShape("w",
			shapes.Make(dtypes.Float32)).NodeValue(y)
		return graph.Log(graph.Mul(w, fit.Input(scope, y, "scale")))
	}
	trainer, err := fit.NewTrainer(problem(t, random(2, 2), objective),
		fit.Config{Steps: 3, Batch: 1, LearningRate: 0.1})
	if err != nil {
		t.Fatal(err)
	}
	defer trainer.Close()
	root := t.TempDir()
	for i, scale := range []float64{1, -1, 1} {
		err := trainer.Run(t.Context(), filepath.Join(root, fmt.Sprint(i)),
			fit.Inputs{"scale": scale}, nil, nil)
		if scale < 0 != errors.Is(err, fit.ErrDiverged) || scale > 0 && err != nil {
			t.Errorf("scale %g: %v", scale, err)
		}
	}
	sameTraining(t, filepath.Join(root, "2"), filepath.Join(root, "0"))
}

// Galaxy i has the value i in all pixels, and the loss is the mean of the batch plus the weight,
// whose gradient is 1: the losses tell which galaxies are trained on, and the averaged weight at
// every validation is known.
func TestValidationLoss(t *testing.T) {
	t.Parallel()
	const n, batch = 12, 2
	images := random(n, 4)
	for i := range n {
		for k := range images.At(i) {
			images.At(i)[k] = float32(i)
		}
	}
	objective := func(scope *model.Scope, y *graph.Node) *graph.Node {
		w := scope.WithInitializer(initializer.Zero).VariableWithShape("w",
			shapes.Make(dtypes.Float32)).NodeValue(y)
		noise := scope.RandomNormal(y.Graph(), shapes.Make(dtypes.Float32))
		if scope.IsTraining(y.Graph()) {
			noise = graph.MulScalar(noise, 0)
		}
		return graph.Add(graph.Add(graph.ReduceAllMean(y), w), noise)
	}
	c := fit.Config{Steps: 64, Batch: batch, LearningRate: 0.01, EMA: 0.8, HoldOut: 0.3, Seed: 3}
	dir := t.TempDir()
	var losses, seen []float64
	err := fit.Run(t.Context(), problem(t, images, objective), c, dir, func(p fit.Progress) {
		losses, seen = append(losses, p.Loss), append(seen, p.Validation)
	})
	if err != nil {
		t.Fatal(err)
	}
	curve, err := fit.Validation(dir)
	if err != nil {
		t.Fatal(err)
	}
	// 4 galaxies are held out; looking at them every 20 steps of 2 is a tenth of the training's.
	steps := []int{20, 40, 60, 64}
	if len(curve) != len(steps) {
		t.Fatalf("the curve is %v, want the steps %v", curve, steps)
	}
	trained, w, average := 0.0, 0.0, 0.0 // trained is the sum of the values in an epoch of 4 steps
	var offset float64
	for k, loss := range losses {
		if value := batch * (loss - w); k < 4 {
			trained += value
		} else if k%4 == 0 {
			// Another epoch takes the same galaxies.
			again := value
			for j, w := k+1, w; j < k+4; j++ {
				w -= c.LearningRate * float64(c.Steps-j+1) / float64(c.Steps)
				again += batch * (losses[j] - w)
			}
			if math.Abs(again-trained) > 1e-3 {
				t.Fatalf("the epoch from step %d on takes galaxies with the sum %g, the first %g",
					k+1, again, trained)
			}
		}
		w -= c.LearningRate * float64(c.Steps-k) / float64(c.Steps)
		decay := min(c.EMA, float64(k)/float64(k+10))
		average = decay*average + (1-decay)*w
		j := slices.Index(steps, k+1)
		if j < 0 {
			if k > 0 && seen[k] != seen[k-1] && !(math.IsNaN(seen[k]) && k < 19) {
				t.Errorf("the progress of step %d tells the validation loss %g", k+1, seen[k])
			}
			continue
		}
		if curve[j].Step != k+1 || curve[j].Loss != seen[k] {
			t.Errorf("point %d of the curve is %+v, the progress was %g", j, curve[j], seen[k])
		}
		held := (n*(n-1)/2 - trained) / 4
		noise := curve[j].Loss - held - average // the same in every point
		if j == 0 {
			offset = noise
		} else if math.Abs(noise-offset) > 1e-5 {
			t.Errorf("step %d: the validation loss %g differs by %g from the one expected "+
				"without noise, before by %g", k+1, curve[j].Loss, noise, offset)
		}
	}
	if math.Abs(offset) < 1e-3 || math.Abs(offset) > 4/math.Sqrt(2) {
		t.Errorf("the mean of 2 normal numbers in the validation loss is %g", offset)
	}

	// The noise of a step depends on nothing else, so it is the same without validation.
	noisy := func(scope *model.Scope, y *graph.Node) *graph.Node {
		w := scope.WithInitializer(initializer.Zero).VariableWithShape("w",
			shapes.Make(dtypes.Float32)).NodeValue(y)
		return graph.Add(w, graph.ReduceAllMean(scope.RandomNormal(y.Graph(),
			shapes.Make(dtypes.Float32, 3))))
	}
	var noises [2][]float64
	without := t.TempDir()
	for i, c := range []fit.Config{c, {Steps: c.Steps, Batch: batch, LearningRate: c.LearningRate,
		Seed: c.Seed}} {
		if err := fit.Run(t.Context(), problem(t, images, noisy), c,
			filepath.Join(without, fmt.Sprint(i)),
			func(p fit.Progress) { noises[i] = append(noises[i], p.Loss) }); err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Equal(noises[0], noises[1]) {
		t.Error("the validation changes the noise of the training")
	}
	if curve, err := fit.Validation(filepath.Join(without, "1")); err != nil || len(curve) > 0 {
		t.Errorf("without held-out galaxies the curve is %v, %v", curve, err)
	}
}

// The gradient of a·w₁ + b·w₂ is (a, b); shortened to the norm c it is (a, b)·c/√(a²+b²). Adam's
// step doesn't depend on the length, but its first moment, 0.1 times the gradient after one step,
// does.
func TestClipNorm(t *testing.T) {
	t.Parallel()
	objective := func(scope *model.Scope, y *graph.Node) *graph.Node {
		w := func(name string, n int) *graph.Node {
			zeros := scope.WithInitializer(initializer.Zero)
			return graph.ReduceAllSum(
				zeros.VariableWithShape(name, shapes.Make(dtypes.Float32, n)).NodeValue(y))
		}
		// norm √(9 + 4·4) = 5
		return graph.Add(graph.MulScalar(w("a", 1), 3), graph.MulScalar(w("b", 4), 2))
	}
	for limit, factor := range map[float64]float64{0: 1, 2.5: 0.5, 5.5: 1, 0.001: 0.0002} {
		dir := t.TempDir()
		c := fit.Config{Steps: 1, Batch: 1, LearningRate: 0.1, ClipNorm: limit}
		if err := fit.Run(t.Context(), problem(t, random(2, 2), objective), c, dir,
			nil); err != nil {
			t.Fatal(err)
		}
		store, err := fit.Load(dir)
		if err != nil {
			t.Fatal(err)
		}
		for name, gradient := range map[string]float64{"a": 3, "b": 2} {
			moment := tensors.MustCopyFlatData[float32](store.GetVariable("/AdamOptimizer/model/" +
				name + "_1st_moment").MustValue())
			if got, want := float64(moment[0])/0.1,
				gradient*factor; math.Abs(got-want) > 1e-5*want {
				t.Errorf("limit %g: the gradient of %s is %g, want %g", limit, name, got, want)
			}
		}
	}
}

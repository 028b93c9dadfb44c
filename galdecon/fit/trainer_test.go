package fit_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/layers"
	"github.com/gomlx/gomlx/ml/layers/norm"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/ml/model/initializer"
	"gonum.org/v1/gonum/stat"

	"galdecon/galdecon/fit"
	"galdecon/galdecon/internal/devicetest"
)

// weighted is linear with weights of its loss that are inputs; it counts how often its graph is built.
func weighted(built *int) fit.Objective {
	return func(scope *model.Scope, y *graph.Node) *graph.Node {
		*built++
		alpha, beta := fit.Input(scope, y, "alpha"), fit.Input(scope, y, "beta")
		loss := linear(scope, y)
		return graph.Add(graph.Mul(alpha, loss), graph.Mul(beta, graph.Sqrt(graph.OnePlus(loss))))
	}
}

// A sweep builds its graph once, and each of its points is, bit for bit, the one that is trained alone; also where the sweep was
// interrupted and another went on.
func TestSweepOnOneGraph(t *testing.T) {
	t.Parallel()
	c := fit.Config{Steps: 40, Batch: 3, LearningRate: 0.01, WarmUp: 5, EMA: 0.9, ClipNorm: 0.5, HoldOut: 0.2, Seed: 7}
	images := random(30, 8)
	points := []fit.Inputs{{"alpha": 1, "beta": 0.1}, {"alpha": 0.3, "beta": 0.1}, {"alpha": 1, "beta": 3}}
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
	if a, b := variables(t, dir("sweep", 0)), variables(t, dir("sweep", 1)); a["/model/map/dense/weights"] == b["/model/map/dense/weights"] {
		t.Error("another α gives the same weights")
	}

	finished := 0
	for i, inputs := range points {
		if err := trainer(&finished).Run(t.Context(), dir("sweep", i), inputs, nil, nil); err != nil {
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
		{dir("new", 0), fit.Inputs{"alpha": 1, "beta": 1, "gamma": 1}, `doesn't read the inputs ["gamma"]`},
		{dir("new", 0), fit.Inputs{"alpha": math.NaN(), "beta": 1}, `"alpha" must be a finite`},
		{dir("new", 0), fit.Inputs{"alpha": 1, "beta": 1e39}, `"beta" must be a finite`},
	} {
		if err := sweep.Run(t.Context(), test.dir, test.inputs, nil, nil); err == nil || !strings.HasPrefix(err.Error(), "fit: ") || !strings.Contains(err.Error(), test.want) {
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
		w := scope.WithInitializer(initializer.One).VariableWithShape("w", shapes.Make(dtypes.Float32)).NodeValue(y)
		return graph.Log(graph.Mul(w, fit.Input(scope, y, "scale")))
	}
	trainer, err := fit.NewTrainer(problem(t, random(2, 2), objective), fit.Config{Steps: 3, Batch: 1, LearningRate: 0.1})
	if err != nil {
		t.Fatal(err)
	}
	defer trainer.Close()
	root := t.TempDir()
	for i, scale := range []float64{1, -1, 1} {
		err := trainer.Run(t.Context(), filepath.Join(root, fmt.Sprint(i)), fit.Inputs{"scale": scale}, nil, nil)
		if scale < 0 != errors.Is(err, fit.ErrDiverged) || scale > 0 && err != nil {
			t.Errorf("scale %g: %v", scale, err)
		}
	}
	sameTraining(t, filepath.Join(root, "2"), filepath.Join(root, "0"))
}

// Galaxy i has the value i in all pixels, and the loss is the mean of the batch plus the weight, whose gradient is 1: the losses tell
// which galaxies are trained on, and the averaged weight at every validation is known.
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
		w := scope.WithInitializer(initializer.Zero).VariableWithShape("w", shapes.Make(dtypes.Float32)).NodeValue(y)
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
				t.Fatalf("the epoch from step %d on takes galaxies with the sum %g, the first %g", k+1, again, trained)
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
			t.Errorf("step %d: the validation loss %g differs by %g from the one expected without noise, before by %g", k+1, curve[j].Loss, noise, offset)
		}
	}
	if math.Abs(offset) < 1e-3 || math.Abs(offset) > 4/math.Sqrt(2) {
		t.Errorf("the mean of 2 normal numbers in the validation loss is %g", offset)
	}

	// The noise of a step depends on nothing else, so it is the same without validation.
	noisy := func(scope *model.Scope, y *graph.Node) *graph.Node {
		w := scope.WithInitializer(initializer.Zero).VariableWithShape("w", shapes.Make(dtypes.Float32)).NodeValue(y)
		return graph.Add(w, graph.ReduceAllMean(scope.RandomNormal(y.Graph(), shapes.Make(dtypes.Float32, 3))))
	}
	var noises [2][]float64
	without := t.TempDir()
	for i, c := range []fit.Config{c, {Steps: c.Steps, Batch: batch, LearningRate: c.LearningRate, Seed: c.Seed}} {
		if err := fit.Run(t.Context(), problem(t, images, noisy), c, filepath.Join(without, fmt.Sprint(i)), func(p fit.Progress) { noises[i] = append(noises[i], p.Loss) }); err != nil {
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

// The gradient of a·w₁ + b·w₂ is (a, b); shortened to the norm c it is (a, b)·c/√(a²+b²). Adam's step doesn't depend on the length,
// but its first moment, 0.1 times the gradient after one step, does.
func TestClipNorm(t *testing.T) {
	t.Parallel()
	objective := func(scope *model.Scope, y *graph.Node) *graph.Node {
		w := func(name string, n int) *graph.Node {
			return graph.ReduceAllSum(scope.WithInitializer(initializer.Zero).VariableWithShape(name, shapes.Make(dtypes.Float32, n)).NodeValue(y))
		}
		return graph.Add(graph.MulScalar(w("a", 1), 3), graph.MulScalar(w("b", 4), 2)) // norm √(9 + 4·4) = 5
	}
	for limit, factor := range map[float64]float64{0: 1, 2.5: 0.5, 5.5: 1, 0.001: 0.0002} {
		dir := t.TempDir()
		c := fit.Config{Steps: 1, Batch: 1, LearningRate: 0.1, ClipNorm: limit}
		if err := fit.Run(t.Context(), problem(t, random(2, 2), objective), c, dir, nil); err != nil {
			t.Fatal(err)
		}
		store, err := fit.Load(dir)
		if err != nil {
			t.Fatal(err)
		}
		for name, gradient := range map[string]float64{"a": 3, "b": 2} {
			moment := tensors.MustCopyFlatData[float32](store.GetVariable("/AdamOptimizer/model/" + name + "_1st_moment").MustValue())
			if got, want := float64(moment[0])/0.1, gradient*factor; math.Abs(got-want) > 1e-5*want {
				t.Errorf("limit %g: the gradient of %s is %g, want %g", limit, name, got, want)
			}
		}
	}
}

// steady fits three weights to the sums of squares of a galaxy's pixels, which don't change when it is turned, without noise. It keeps
// the batch's mean as a statistic.
func steady(scope *model.Scope, y *graph.Node) *graph.Node {
	flat := graph.ReduceAndKeep(graph.Square(graph.Reshape(y, y.Shape().Dimensions[0], -1)), graph.ReduceMean, -1)
	w := scope.VariableWithShape("w", shapes.Make(dtypes.Float32, 1, 3)).NodeValue(y)
	mean := scope.WithInitializer(initializer.Zero).VariableWithShape("mean", shapes.Make(dtypes.Float32)).SetTrainable(false)
	if scope.IsTraining(y.Graph()) {
		mean.SetNodeValue(graph.ReduceAllMean(flat))
	}
	return graph.ReduceAllMean(graph.Square(graph.Sub(graph.Mul(flat, graph.Exp(w)), graph.Const(y.Graph(), [][]float32{{1, 2, 3}}))))
}

// A step of two halves, or of four parts, ends where one of the whole batch does, to rounding; it goes on bit for bit after an
// interruption.
func TestAccumulate(t *testing.T) {
	t.Parallel()
	images := random(50, 4)
	c := fit.Config{Steps: 30, Batch: 16, LearningRate: 0.02, WarmUp: 3, EMA: 0.9, HoldOut: 0.3, Seed: 1}
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
			t.Errorf("%d parts: the variables are %v, want %v", parts, slices.Sorted(maps.Keys(b)), slices.Sorted(maps.Keys(a)))
		}
		for name := range a {
			for i := range a[name] {
				// Statistics are those of the last part.
				if d := math.Abs(float64(a[name][i] - b[name][i])); d > 1e-5 && !strings.HasSuffix(name, "/mean") {
					t.Errorf("%d parts: %s[%d] is %g, with the whole batch %g", parts, name, i, b[name][i], a[name][i])
				}
			}
		}
		got, err := fit.History(dir)
		if err != nil || len(got) != len(want) {
			t.Fatalf("%d parts: %d points of the history, want %d; %v", parts, len(got), len(want), err)
		}
		for i := range got {
			if math.Abs(got[i].Loss-want[i].Loss) > 1e-5*want[i].Loss {
				t.Errorf("%d parts: the loss of step %d is %g, with the whole batch %g", parts, got[i].Step, got[i].Loss, want[i].Loss)
			}
		}
		until(t, c, images, steady, again, 11)
		if err := fit.Run(t.Context(), problem(t, images, steady), c, again, nil); err != nil {
			t.Fatal(err)
		}
		sameTraining(t, again, dir)
	}
}

// normalised is linear with a batch normalisation, whose running statistics remember every part of every step.
func normalised(scope *model.Scope, y *graph.Node) *graph.Node {
	flat := graph.Reshape(y, y.Shape().Dimensions[0], -1)
	seen := norm.BatchNorm(scope.In("norm"), graph.Add(flat, graph.MulScalar(scope.RandomNormal(y.Graph(), flat.Shape()), 0.1)), -1).CurrentScope().Done()
	return graph.ReduceAllMean(graph.Square(graph.Sub(layers.DenseWithBias(scope.In("map"), seen, 1), graph.ReduceAndKeep(flat, graph.ReduceSum, -1))))
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

// A training that is interrupted between the parts of a step is saved as it was after the step before, and goes on bit for bit, also on
// another trainer.
func TestInterruptWithinAStep(t *testing.T) {
	t.Parallel()
	images := random(20, 4)
	c := fit.Config{Steps: 3, Batch: 6, Accumulate: 3, LearningRate: 0.02, EMA: 0.9, Seed: 1}
	var trainers [2]*fit.Trainer
	for i := range trainers {
		var err error
		if trainers[i], err = fit.NewTrainer(problem(t, images, normalised), c); err != nil {
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
		err := trainers[0].Run(&patience{t.Context(), looks}, dir, nil, nil, func(p fit.Progress) { done = p.Step })
		if err == nil {
			break // it was faster
		}
		if err != context.Canceled {
			t.Fatal(err)
		}
		stops[done]++
		if history, err := fit.History(dir); err != nil || len(history) != done {
			t.Errorf("after %d whole steps there are %d points of the history, %v", done, len(history), err)
		}
		if err := trainers[looks%2].Run(t.Context(), dir, nil, nil, nil); err != nil {
			t.Fatal(err)
		}
		sameTraining(t, dir, whole)
	}
	for step := range c.Steps {
		if stops[step] < 2 {
			t.Errorf("%d of %d interruptions come between the end of step %d and that of the next, want several", stops[step], len(stops), step)
		}
	}
}

// What is imported are the averaged weights as they are.
func TestImport(t *testing.T) {
	t.Parallel()
	c := fit.Config{Steps: 7, Batch: 3, LearningRate: 0.01, EMA: 0.9}
	images := random(20, 8)
	dir, to := t.TempDir(), filepath.Join(t.TempDir(), "imported")
	if err := fit.Run(t.Context(), problem(t, images, linear), c, dir, nil); err != nil {
		t.Fatal(err)
	}
	store, err := fit.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := fit.Import(store, to, 5); err != nil {
		t.Fatal(err)
	}
	want := variables(t, dir)
	maps.DeleteFunc(want, func(name, _ string) bool { return !strings.HasPrefix(name, "/average/") })
	want["/global_step"] = "\x05\x00\x00\x00\x00\x00\x00\x00"
	if got := variables(t, to); !maps.Equal(got, want) {
		t.Errorf("imported are %v, want %v", slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
	}
	for _, curve := range []func(string) ([]fit.Point, error){fit.History, fit.Validation} {
		if points, err := curve(to); err != nil || len(points) > 0 {
			t.Errorf("the curve of imported weights is %v, %v", points, err)
		}
	}
	if n := len(files(t, to)); n != 3 {
		t.Errorf("the folder holds %d files, want 3", n)
	}
	if err := fit.Run(t.Context(), problem(t, images, linear), c, to, nil); err == nil || !strings.Contains(err.Error(), "step 5") {
		t.Errorf("training what was imported: %v", err)
	}
	if err := fit.Import(store, to, 5); err == nil || !strings.Contains(err.Error(), to) {
		t.Errorf("importing twice: %v", err)
	}
	if err := fit.Import(store, t.TempDir(), 0); err == nil || !strings.Contains(err.Error(), "at least") {
		t.Errorf("importing as step 0: %v", err)
	}
	// The loss curve must still reach to the step.
	path := filepath.Join(to, "checkpoint-n000000005.csv")
	if err := os.WriteFile(path, []byte("step,loss,validation\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := fit.History(to); err == nil || !strings.Contains(err.Error(), "step 5") {
		t.Errorf("a curve that was cut off: %v", err)
	}
}

// What is exported are the averaged weights of the training, rounded to half precision, and a second export of them is the same.
func TestExport(t *testing.T) {
	t.Parallel()
	c := fit.Config{Steps: 12, Batch: 3, LearningRate: 0.01, EMA: 0.9, HoldOut: 0.3}
	images := random(20, 8)
	dir, to := t.TempDir(), filepath.Join(t.TempDir(), "shipped")
	until(t, c, images, linear, dir, 7)
	if err := fit.Export(dir, to); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	for name, value := range variables(t, dir) {
		if strings.HasPrefix(name, "/average/") || name == "/global_step" {
			want[name] = value
		}
	}
	got := variables(t, to)
	if len(got) != 3 || len(want) != 3 { // the linear map's weights, bias, and the step
		t.Errorf("exported are %d variables, want %d", len(got), len(want))
	}
	for name := range want {
		if len(got[name]) != len(want[name]) || name == "/global_step" && got[name] != want[name] {
			t.Errorf("%s differs", name)
			continue
		}
		for i := 0; name != "/global_step" && i < len(want[name]); i += 4 {
			value := func(s string) float64 {
				return float64(math.Float32frombits(binary.LittleEndian.Uint32([]byte(s[i : i+4]))))
			}
			if a, b := value(got[name]), value(want[name]); math.Abs(a-b) > math.Abs(b)/2048+1e-7 {
				t.Errorf("value %d of %s is %g, want %g", i/4, name, a, b)
			}
		}
	}
	again := filepath.Join(t.TempDir(), "again")
	if err := fit.Export(to, again); err != nil {
		t.Fatal(err)
	}
	if !maps.Equal(variables(t, again), got) {
		t.Error("exporting what was exported changes it")
	}
	for _, curve := range []func(string) ([]fit.Point, error){fit.History, fit.Validation} {
		a, errA := curve(dir)
		b, errB := curve(to)
		if errA != nil || errB != nil || !slices.Equal(a, b) {
			t.Errorf("the exported curve is %v, was %v; %v, %v", b, a, errB, errA)
		}
	}
	before := files(t, to)
	if len(before) != 3 {
		t.Errorf("the folder holds %d files, want 3", len(before))
	}
	if err := fit.Run(t.Context(), problem(t, images, linear), c, to, nil); err == nil || !strings.Contains(err.Error(), "exported at step 7") {
		t.Errorf("training what was exported: %v", err)
	}
	if err := fit.Export(dir, to); err == nil || !strings.Contains(err.Error(), to) {
		t.Errorf("exporting twice: %v", err)
	}
	if err := fit.Export(filepath.Join(to, "none"), t.TempDir()); err == nil {
		t.Error("exported nothing")
	}
	c.Steps = 7
	if err := fit.Run(t.Context(), problem(t, images, linear), c, to, nil); err != nil {
		t.Errorf("training a finished model that was exported: %v", err)
	}
}

// On two devices a training without noise comes to the weights, and statistics, that it comes to on one, to rounding. Each device has
// noise of its own, and an interrupted training goes on bit for bit.
func TestSeveralDevices(t *testing.T) {
	t.Parallel()
	if n := devicetest.Device(t).NumDevices(); n < 2 {
		t.Skipf("there is %d device", n)
	}
	c := fit.Config{Steps: 20, Batch: 8, LearningRate: 0.01, EMA: 0.9, ClipNorm: 1, HoldOut: 0.3, Seed: 1}
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
			t.Errorf("one device has the variables %v, two have %v", slices.Sorted(maps.Keys(a)), slices.Sorted(maps.Keys(b)))
		}
		for name := range a {
			for i := range a[name] {
				if d := math.Abs(float64(a[name][i] - b[name][i])); d > 1e-5*(1+math.Abs(float64(a[name][i]))) {
					t.Errorf("%d parts: %s[%d] is %g on two devices, %g on one", c.Accumulate, name, i, b[name][i], a[name][i])
				}
			}
		}
		curve, err1 := fit.Validation(one)
		other, err2 := fit.Validation(two)
		if err1 != nil || err2 != nil || len(curve) != len(other) || math.Abs(curve[0].Loss-other[0].Loss) > 1e-5*curve[0].Loss {
			t.Errorf("the validation loss is %v on two devices, %v on one; %v, %v", other, curve, err2, err1)
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
	err := fit.Run(t.Context(), problem(t, images, func(scope *model.Scope, y *graph.Node) *graph.Node {
		w := scope.WithInitializer(initializer.Zero).VariableWithShape("w", shapes.Make(dtypes.Float32)).NodeValue(y)
		return graph.Add(graph.Square(w), scope.RandomNormal(y.Graph(), shapes.Make(dtypes.Float32)))
	}), c, t.TempDir(), func(p fit.Progress) { losses = append(losses, p.Loss) })
	if err != nil {
		t.Fatal(err)
	}
	if mean, variance := stat.MeanVariance(losses, nil); math.Abs(mean) > 0.15 || math.Abs(variance-0.5) > 0.15 {
		t.Errorf("the mean of two devices' normal numbers has the mean %.2g and the variance %.2g, want 0 and 0.5", mean, variance)
	}

	c.Devices, c.Batch = 64, 64
	err = fit.Run(t.Context(), problem(t, random(64, 4), linear), c, t.TempDir(), nil)
	if err == nil || !strings.Contains(err.Error(), "asks for 64 devices, but there are") {
		t.Errorf("more devices than there are: %v", err)
	}
}

// values are the float32 variables of a checkpoint.
func values(t *testing.T, dir string) map[string][]float32 {
	t.Helper()
	store, err := fit.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]float32{}
	for v := range store.IterVariables() {
		if v.DType() == dtypes.Float32 {
			all[v.Path()] = tensors.MustCopyFlatData[float32](v.MustValue())
		}
	}
	return all
}

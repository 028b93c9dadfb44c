package fit_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"galdecon/galdecon/fit"
	"galdecon/galdecon/galaxy"
)

func TestLossFalls(t *testing.T) {
	t.Parallel()
	var losses []float64
	c := fit.Config{Steps: 300, Batch: 8, LearningRate: 0.02, EMA: 0.9, Seed: 1}
	dir := t.TempDir()
	err := fit.Run(t.Context(), problem(t, random(40, 8), linear), c, dir, func(p fit.Progress) {
		if p.Step != len(losses)+1 || p.Steps != c.Steps || p.Elapsed < 0 {
			t.Errorf("progress %+v after %d steps", p, len(losses))
		}
		losses = append(losses, p.Loss)
	})
	if err != nil {
		t.Fatal(err)
	}
	falls(t, losses, 20, 0.01)
	history, err := fit.History(dir)
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range history {
		if p.Step != i+1 || p.Loss != losses[i] {
			t.Fatalf("point %d of the history is %+v, the step's loss was %g", i, p, losses[i])
		}
	}
	if len(history) != c.Steps {
		t.Errorf("the history has %d points, want %d", len(history), c.Steps)
	}
}

// A model of the kind that is trained in earnest, with all that a training can have: it learns,
// also what it wasn't shown, and goes on bit for bit in another process's place.
func TestDiffusionModel(t *testing.T) {
	t.Parallel()
	c := fit.Config{Steps: 100, Batch: 8, LearningRate: 0.02, WarmUp: 5, EMA: 0.9, ClipNorm: 1,
		HoldOut: 0.2, Accumulate: 2, Seed: 1}
	images := random(40, 8)
	whole, parts := t.TempDir(), t.TempDir()
	trainer, err := fit.NewTrainer(problem(t, images, diffusion), c)
	if err != nil {
		t.Fatal(err)
	}
	defer trainer.Close()
	var losses []float64
	if err := trainer.Run(t.Context(), whole, nil, nil,
		func(p fit.Progress) { losses = append(losses, p.Loss) }); err != nil {
		t.Fatal(err)
	}
	falls(t, losses, 20, 0.97)
	validation, err := fit.Validation(whole)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(validation); n < 5 || !(validation[n-1].Loss < 0.97*validation[0].Loss) {
		t.Errorf("the validation loss is %v, want it to fall", validation)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	err = trainer.Run(ctx, parts, nil, nil, func(p fit.Progress) {
		if p.Step == 43 {
			cancel()
		}
	})
	if err != context.Canceled {
		t.Fatal(err)
	}
	if err := fit.Run(t.Context(), problem(t, images, diffusion), c, parts, nil); err != nil {
		t.Fatal(err)
	}
	sameTraining(t, parts, whole)
}

// The loss is the weight itself, so its gradient is 1, each of Adam's steps is as long as the
// learning rate, and the losses tell the weight after every step.
func TestLearningRateAndAverage(t *testing.T) {
	t.Parallel()
	for _, c := range []fit.Config{
		{Steps: 16, Batch: 1, LearningRate: 0.1, WarmUp: 4, EMA: 0.5},
		{Steps: 16, Batch: 1, LearningRate: 0.1, EMA: 0.99},
		{Steps: 5, Batch: 1, LearningRate: 0.1, WarmUp: 8, EMA: 0},
	} {
		dir := t.TempDir()
		var w []float64 // before each step
		err := fit.Run(t.Context(), problem(t, random(2, 2),
			weight(func(w *graph.Node) *graph.Node { return w })), c, dir,
			func(p fit.Progress) { w = append(w, p.Loss) })
		if err != nil {
			t.Fatal(err)
		}
		store, err := fit.Load(dir)
		if err != nil {
			t.Fatal(err)
		}
		w = append(w, float64(tensors.ToScalar[float32](store.GetVariable("/model/w").MustValue())))
		mean := math.NaN()
		for k := 1; k <= c.Steps; k++ {
			want := c.LearningRate * min(1, float64(c.Steps-k+1)/float64(max(1, c.Steps-c.WarmUp)))
			if k < c.WarmUp {
				want = c.LearningRate * float64(k) / float64(c.WarmUp)
			}
			if got := w[k-1] - w[k]; math.Abs(got-want) > 1e-5*c.LearningRate+1e-6 {
				t.Errorf("%+v: the learning rate of step %d is %g, want %g", c, k, got, want)
			}
			// The running mean of the first steps, then exponential: m ← d m + (1−d) w, d =
			// min(EMA, (k−1)/(k+9)).
			if d := min(c.EMA, float64(k-1)/float64(k+9)); d == 0 {
				mean = w[k]
			} else {
				mean = d*mean + (1-d)*w[k]
			}
		}
		average := fit.Average(store)
		got := float64(tensors.ToScalar[float32](average.Store().GetVariable(average.Scope() +
			"/w").MustValue()))
		if math.Abs(got-mean) > 1e-5 {
			t.Errorf("%+v: the averaged weight is %g, want %g", c, got, mean)
		}
	}
}

// 1100 steps make points of two steps in the history, so that odd interruptions fall within one.
func TestInterruptedTrainingEndsTheSame(t *testing.T) {
	t.Parallel()
	c := fit.Config{Steps: 1100, Batch: 3, LearningRate: 0.01, WarmUp: 5, EMA: 0.9, HoldOut: 0.3,
		Seed: 7}
	images := random(10, 8)
	whole, parts := t.TempDir(), t.TempDir()
	if err := fit.Run(t.Context(), problem(t, images, linear), c, whole, nil); err != nil {
		t.Fatal(err)
	}
	for _, step := range []int{1, 8, 501} {
		until(t, c, images, linear, parts, step)
	}
	if err := fit.Run(t.Context(), problem(t, images, linear), c, parts, nil); err != nil {
		t.Fatal(err)
	}
	sameTraining(t, parts, whole)

	again := files(t, parts)
	if err := fit.Run(t.Context(), problem(t, images, linear), c, parts,
		func(p fit.Progress) {
			t.Errorf("a finished training makes step %d",
				p.Step)
		}); err != nil {
		t.Fatal(err)
	}
	if !maps.Equal(files(t, parts), again) {
		t.Error("running a finished training changes its folder")
	}
}

func TestSeed(t *testing.T) {
	t.Parallel()
	c := fit.Config{Steps: 20, Batch: 3, LearningRate: 0.01, Seed: 7}
	a, b := t.TempDir(), t.TempDir()
	if err := fit.Run(t.Context(), problem(t, random(10, 8), linear), c, a, nil); err != nil {
		t.Fatal(err)
	}
	c.Seed++
	if err := fit.Run(t.Context(), problem(t, random(10, 8), linear), c, b, nil); err != nil {
		t.Fatal(err)
	}
	if variables(t, a)["/model/map/dense/weights"] == variables(t, b)["/model/map/dense/weights"] {
		t.Errorf("another seed gives the same weights: %v",
			slices.Sorted(maps.Keys(variables(t, a))))
	}
}

func TestCancellation(t *testing.T) {
	t.Parallel()
	c := fit.Config{Steps: 5, Batch: 3, LearningRate: 0.01}
	ctx, cancel := context.WithCancel(t.Context())
	dir := t.TempDir()
	err := fit.Run(ctx, problem(t, random(10, 8), linear), c, dir, func(p fit.Progress) {
		if p.Step == c.Steps {
			cancel()
		}
	})
	if err != nil {
		t.Errorf("canceled at its last step, a training returns %v, but it is complete", err)
	}
	untouched := filepath.Join(t.TempDir(), "new")
	if err := fit.Run(ctx, problem(t, random(10, 8), linear), c, untouched,
		nil); err != context.Canceled {
		t.Errorf("canceled before it begins, a training returns %v", err)
	}
	if _, err := os.Stat(untouched); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("canceled before it begins, a training leaves a folder: %v", err)
	}
}

// With another number of steps a training goes on to that number, or is complete where it has made
// as many.
func TestOtherNumberOfSteps(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := fit.Config{Steps: 10, Batch: 3, LearningRate: 0.01}
	if err := fit.Run(t.Context(), problem(t, random(10, 8), linear), c, dir, nil); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		steps int
		want  []int
	}{{13, []int{11, 12, 13}}, {4, nil}, {1002, nil}} {
		c.Steps = test.steps
		var made []int
		if err := fit.Run(t.Context(), problem(t, random(10, 8), linear), c, dir,
			func(p fit.Progress) { made = append(made, p.Step) }); err != nil {
			t.Fatal(err)
		}
		if test.steps <= 13 && !slices.Equal(made, test.want) {
			t.Errorf("%d steps in all: made the steps %v, want %v", test.steps, made, test.want)
		}
	}
	history, err := fit.History(dir)
	if err != nil {
		t.Fatal(err)
	}
	if last := history[len(history)-1].Step; last != 1002 ||
		!slices.IsSortedFunc(history, func(a, b fit.Point) int { return a.Step - b.Step }) {
		t.Errorf("the history ends at step %d, want 1002, in rising order", last)
	}
}

func TestDivergence(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		loss func(w *graph.Node) *graph.Node
		want []string
		kept bool
	}{
		{"NaN loss", func(w *graph.Node) *graph.Node { return graph.Log(graph.AddScalar(w, 0.35)) },
			[]string{"loss", "is kept"}, true},
		{"infinite loss", func(w *graph.Node) *graph.Node { return graph.Div(graph.OnePlus(w), w) },
			[]string{"step 1", "loss", "no checkpoint yet"}, false},
		{"finite loss, but NaN weight", graph.Sqrt, []string{"step 1", "/model/w",
			"no checkpoint yet"}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			err := fit.Run(t.Context(), problem(t, random(2, 2), weight(test.loss)),
				fit.Config{Steps: 20, Batch: 1, LearningRate: 0.1}, dir, nil)
			if !errors.Is(err, fit.ErrDiverged) {
				t.Fatalf("error %v, want %v", err, fit.ErrDiverged)
			}
			for _, want := range append(test.want, dir) {
				if !strings.HasPrefix(err.Error(), "fit: step ") ||
					!strings.Contains(err.Error(), want) {
					t.Errorf("error %q lacks %q", err, want)
				}
			}
			store, err := fit.Load(dir)
			if test.kept != (err == nil) {
				t.Fatalf("loading what is left: %v", err)
			}
			if test.kept {
				w := tensors.ToScalar[float32](store.GetVariable("/model/w").MustValue())
				if !(w < 0 && w > -0.35) {
					t.Errorf("the weight that is left is %g, want one before the divergence", w)
				}
			} else if left := files(t, dir); len(left) > 0 {
				t.Errorf("what is left: %v", slices.Sorted(maps.Keys(left)))
			}
		})
	}
}

func TestBadInput(t *testing.T) {
	good := fit.Config{Steps: 5, Batch: 3, LearningRate: 0.01, EMA: 0.9}
	nan := random(10, 8)
	nan.Pixels[70] = float32(math.NaN())
	panicking := func(*model.Scope,
		*graph.Node) *graph.Node {
		panic(errors.New("a graph that can't be built"))
	}
	file := filepath.Join(t.TempDir(), "file")
	write(t, filepath.Dir(file), map[string]string{"file": ""})
	for _, test := range []struct {
		name      string
		change    func(*fit.Config)
		images    *galaxy.Images
		objective fit.Objective
		dir       string
		want      string
	}{
		{"no steps", func(c *fit.Config) { c.Steps = 0 }, random(10, 8), linear, "",
			"steps and batch"},
		{"no batch", func(c *fit.Config) { c.Batch = 0 }, random(10, 8), linear, "",
			"steps and batch"},
		{"negative learning rate", func(c *fit.Config) { c.LearningRate = -1 }, random(10, 8),
			linear, "", "learning rate"},
		{"NaN learning rate", func(c *fit.Config) { c.LearningRate = math.NaN() }, random(10, 8),
			linear, "", "learning rate"},
		{"infinite learning rate", func(c *fit.Config) { c.LearningRate = math.Inf(1) },
			random(10, 8), linear, "", "learning rate"},
		{"negative warm-up", func(c *fit.Config) { c.WarmUp = -1 }, random(10, 8), linear, "",
			"warm-up"},
		{"EMA of 1", func(c *fit.Config) { c.EMA = 1 }, random(10, 8), linear, "", "[0, 1)"},
		{"wide shift", func(c *fit.Config) { c.Shift = 2 }, random(10, 8), linear, "",
			"up to 1 pixel"},
		{"negative norm", func(c *fit.Config) { c.ClipNorm = -1 }, random(10, 8), linear, "",
			"norm of the gradient"},
		{"NaN norm", func(c *fit.Config) { c.ClipNorm = math.NaN() }, random(10, 8), linear, "",
			"norm of the gradient"},
		{"all held out", func(c *fit.Config) { c.HoldOut = 1 }, random(10, 8), linear, "",
			"[0, 1)"},
		{"too much held out", func(c *fit.Config) { c.HoldOut = 0.9 }, random(10, 8), linear, "",
			"got 1 beside 9 that are held out"},
		{"NaN held out", func(c *fit.Config) { c.HoldOut = math.NaN() }, random(10, 8), linear, "",
			"[0, 1)"},
		{"unequal parts", func(c *fit.Config) { c.Accumulate = 2 }, random(10, 8), linear, "",
			"a batch of 3 can't be computed in 2 equal parts"},
		{"negative parts", func(c *fit.Config) { c.Accumulate = -1 }, random(10, 8), linear, "",
			"parts"},
		{"unequal devices", func(c *fit.Config) { c.Devices = 2 }, random(10, 8), linear, "",
			"on 2 device"},
		{"input that isn't given", nil, random(10, 8),
			func(scope *model.Scope, y *graph.Node) *graph.Node {
				return graph.Mul(linear(scope, y), fit.Input(scope, y, "alpha"))
			}, "", `"alpha", which isn't given`},
		{"NaN EMA", func(c *fit.Config) { c.EMA = math.NaN() }, random(10, 8), linear, "",
			"[0, 1)"},
		{"batch larger than the data", nil, random(2, 8), linear, "",
			"a batch of 3 needs at least as many galaxies, got 2"},
		{"oblong galaxies", nil, galaxy.NewImages(10, 8, 6, 1), linear, "", "8×6"},
		{"NaN pixel", nil, nan, linear, "", "image 1"},
		{"no galaxies", nil, galaxy.NewImages(0, 8, 8, 1), linear, "", "at least 1"},
		{"objective that panics", nil, random(10, 8), panicking, "", "a graph that can't be built"},
		{"objective without weights", nil, random(10, 8),
			func(_ *model.Scope, y *graph.Node) *graph.Node { return graph.ReduceAllMean(y) }, "",
			"no weights to train"},
		{"folder that is a file", nil, random(10, 8), linear, file, file},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, dir := good, test.dir
			if test.change != nil {
				test.change(&c)
			}
			if dir == "" {
				dir = filepath.Join(t.TempDir(), "new")
			}
			err := fit.Run(t.Context(), problem(t, test.images, test.objective), c, dir, nil)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want one with %q", err, test.want)
			}
			if _, err := fit.Load(dir); err == nil {
				t.Error("left a checkpoint")
			}
		})
	}
}

func ExampleHistory() {
	// A folder in which nothing was trained has an empty curve.
	points, err := fit.History("no such folder")
	fmt.Println(len(points), err)
	// Output: 0 <nil>
}

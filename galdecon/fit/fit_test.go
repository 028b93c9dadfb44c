package fit_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gofrs/flock"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/layers"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/ml/model/initializer"
	"gonum.org/v1/gonum/stat"

	"galdecon/galdecon/ddpm"
	"galdecon/galdecon/fit"
	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/internal/devicetest"
	"galdecon/galdecon/psf"
	"galdecon/galdecon/unet"
)

// problem is to make an objective of images small, on the device for tests.
func problem(t *testing.T, images *galaxy.Images, objective fit.Objective) fit.Problem {
	return fit.Problem{Device: devicetest.Device(t), Images: images, Objective: objective}
}

func random(n, size int) *galaxy.Images {
	rng := rand.New(rand.NewPCG(1, 2))
	images := galaxy.NewImages(n, size, size, 1)
	for i := range images.Pixels {
		images.Pixels[i] = rng.Float32()
	}
	return images
}

// linear fits a linear map to the sum of a galaxy's pixels, which it sees with noise.
func linear(scope *model.Scope, y *graph.Node) *graph.Node {
	flat := graph.Reshape(y, y.Shape().Dimensions[0], -1)
	seen := graph.Add(flat, graph.MulScalar(scope.RandomNormal(y.Graph(), flat.Shape()), 0.1))
	predicted := layers.DenseWithBias(scope.In("map"), seen, 1)
	return graph.ReduceAllMean(graph.Square(graph.Sub(predicted, graph.ReduceAndKeep(flat, graph.ReduceSum, -1))))
}

// diffusion is the smallest model of the kind that is trained in earnest.
func diffusion(scope *model.Scope, y *graph.Node) *graph.Node {
	c := ddpm.Config{T: 50, Mean: 0.5, Std: 0.3, Network: unet.Config{Features: []int{4}, Blocks: 1, Embedding: 4}}
	instrument := psf.Instrument{Size: 3, SigmaMin: 0.5, SigmaMax: 1, NoiseMin: 0.01, NoiseMax: 0.01}
	x, psfs, noise := instrument.Observe(scope, y)
	return c.Loss(scope, y, ddpm.Condition{X: x, PSFs: psfs, Noise: noise})
}

// weight makes an objective of one scalar weight that starts at 0.
func weight(loss func(w *graph.Node) *graph.Node) fit.Objective {
	return func(scope *model.Scope, y *graph.Node) *graph.Node {
		w := scope.WithInitializer(initializer.Zero).VariableWithShape("w", shapes.Make(dtypes.Float32))
		return loss(w.NodeValue(y.Graph()))
	}
}

// variables are all numbers of a checkpoint, by name: weights, their average, the optimizer's and the random numbers' state.
func variables(t *testing.T, dir string) map[string]string {
	t.Helper()
	store, err := fit.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for v := range store.IterVariables() {
		if err := v.MustValue().ConstBytes(func(data []byte) { all[v.Path()] = string(data) }); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// sameTraining reports where two checkpoints differ in any bit of weights, state or history.
func sameTraining(t *testing.T, got, want string) {
	t.Helper()
	a, b := variables(t, got), variables(t, want)
	if x, y := slices.Sorted(maps.Keys(a)), slices.Sorted(maps.Keys(b)); !slices.Equal(x, y) {
		t.Errorf("the variables are %v, want %v", x, y)
	}
	for name := range b {
		if a[name] != b[name] {
			t.Errorf("%s differs", name)
		}
	}
	for _, curve := range []func(string) ([]fit.Point, error){fit.History, fit.Validation} {
		h, errH := curve(got)
		k, errK := curve(want)
		if err := errors.Join(errH, errK); err != nil {
			t.Fatal(err)
		}
		if len(h) != len(k) {
			t.Fatalf("the curve has %d points, want %d", len(h), len(k))
		}
		for i := range k {
			if h[i] != k[i] {
				t.Fatalf("point %d of the curve is %v, want %v", i, h[i], k[i])
			}
		}
	}
}

// until trains up to a step and cancels then.
func until(t *testing.T, c fit.Config, images *galaxy.Images, objective fit.Objective, dir string, step int) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	err := fit.Run(ctx, problem(t, images, objective), c, dir, func(p fit.Progress) {
		if p.Step == step {
			cancel()
		}
	})
	if err != context.Canceled {
		t.Fatalf("training cancelled at step %d returns %v, want %v", step, err, context.Canceled)
	}
}

// files are the contents of a folder by name.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if entry.Name() == ".lock" {
			continue // stays, and is empty
		}
		text, err := os.ReadFile(filepath.Join(dir, entry.Name()))
		if err != nil {
			t.Fatal(err)
		}
		all[entry.Name()] = string(text)
	}
	return all
}

func write(t *testing.T, dir string, all map[string]string) {
	t.Helper()
	for name, text := range all {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

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

// falls reports losses whose mean over the last steps isn't below the given factor of that over the first.
func falls(t *testing.T, losses []float64, steps int, factor float64) {
	t.Helper()
	first, last := stat.Mean(losses[:steps], nil), stat.Mean(losses[len(losses)-steps:], nil)
	if !(last < factor*first) {
		t.Errorf("the loss went from %g to %g, want below %g of it", first, last, factor)
	}
}

// A model of the kind that is trained in earnest, with all that a training can have: it learns, also what it wasn't shown, and goes on
// bit for bit in another process's place.
func TestDiffusionModel(t *testing.T) {
	t.Parallel()
	c := fit.Config{Steps: 100, Batch: 8, LearningRate: 0.02, WarmUp: 5, EMA: 0.9, ClipNorm: 1, HoldOut: 0.2, Accumulate: 2, Seed: 1}
	images := random(40, 8)
	whole, parts := t.TempDir(), t.TempDir()
	trainer, err := fit.NewTrainer(problem(t, images, diffusion), c)
	if err != nil {
		t.Fatal(err)
	}
	defer trainer.Close()
	var losses []float64
	if err := trainer.Run(t.Context(), whole, nil, nil, func(p fit.Progress) { losses = append(losses, p.Loss) }); err != nil {
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

// The loss is the weight itself, so its gradient is 1, each of Adam's steps is as long as the learning rate, and the losses tell
// the weight after every step.
func TestLearningRateAndAverage(t *testing.T) {
	t.Parallel()
	for _, c := range []fit.Config{
		{Steps: 16, Batch: 1, LearningRate: 0.1, WarmUp: 4, EMA: 0.5},
		{Steps: 16, Batch: 1, LearningRate: 0.1, EMA: 0.99},
		{Steps: 5, Batch: 1, LearningRate: 0.1, WarmUp: 8, EMA: 0},
	} {
		dir := t.TempDir()
		var w []float64 // before each step
		err := fit.Run(t.Context(), problem(t, random(2, 2), weight(func(w *graph.Node) *graph.Node { return w })), c, dir,
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
			// The running mean of the first steps, then exponential: m ← d m + (1−d) w, d = min(EMA, (k−1)/(k+9)).
			if d := min(c.EMA, float64(k-1)/float64(k+9)); d == 0 {
				mean = w[k]
			} else {
				mean = d*mean + (1-d)*w[k]
			}
		}
		average := fit.Average(store)
		got := float64(tensors.ToScalar[float32](average.Store().GetVariable(average.Scope() + "/w").MustValue()))
		if math.Abs(got-mean) > 1e-5 {
			t.Errorf("%+v: the averaged weight is %g, want %g", c, got, mean)
		}
	}
}

// 1100 steps make points of two steps in the history, so that odd interruptions fall within one.
func TestInterruptedTrainingEndsTheSame(t *testing.T) {
	t.Parallel()
	c := fit.Config{Steps: 1100, Batch: 3, LearningRate: 0.01, WarmUp: 5, EMA: 0.9, HoldOut: 0.3, Seed: 7}
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
	if err := fit.Run(t.Context(), problem(t, images, linear), c, parts, func(p fit.Progress) { t.Errorf("a finished training makes step %d", p.Step) }); err != nil {
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
		t.Errorf("another seed gives the same weights: %v", slices.Sorted(maps.Keys(variables(t, a))))
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
		t.Errorf("cancelled at its last step, a training returns %v, but it is complete", err)
	}
	untouched := filepath.Join(t.TempDir(), "new")
	if err := fit.Run(ctx, problem(t, random(10, 8), linear), c, untouched, nil); err != context.Canceled {
		t.Errorf("cancelled before it begins, a training returns %v", err)
	}
	if _, err := os.Stat(untouched); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("cancelled before it begins, a training leaves a folder: %v", err)
	}
}

// With another number of steps a training goes on to that number, or is complete where it has made as many.
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
		if err := fit.Run(t.Context(), problem(t, random(10, 8), linear), c, dir, func(p fit.Progress) { made = append(made, p.Step) }); err != nil {
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
	if last := history[len(history)-1].Step; last != 1002 || !slices.IsSortedFunc(history, func(a, b fit.Point) int { return a.Step - b.Step }) {
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
		{"NaN loss", func(w *graph.Node) *graph.Node { return graph.Log(graph.AddScalar(w, 0.35)) }, []string{"loss", "is kept"}, true},
		{"infinite loss", func(w *graph.Node) *graph.Node { return graph.Div(graph.OnePlus(w), w) }, []string{"step 1", "loss", "no checkpoint yet"}, false},
		{"finite loss, but NaN weight", graph.Sqrt, []string{"step 1", "/model/w", "no checkpoint yet"}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			err := fit.Run(t.Context(), problem(t, random(2, 2), weight(test.loss)), fit.Config{Steps: 20, Batch: 1, LearningRate: 0.1}, dir, nil)
			if !errors.Is(err, fit.ErrDiverged) {
				t.Fatalf("error %v, want %v", err, fit.ErrDiverged)
			}
			for _, want := range append(test.want, dir) {
				if !strings.HasPrefix(err.Error(), "fit: step ") || !strings.Contains(err.Error(), want) {
					t.Errorf("error %q lacks %q", err, want)
				}
			}
			store, err := fit.Load(dir)
			if test.kept != (err == nil) {
				t.Fatalf("loading what is left: %v", err)
			}
			if test.kept {
				if w := tensors.ToScalar[float32](store.GetVariable("/model/w").MustValue()); !(w < 0 && w > -0.35) {
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
	panicking := func(*model.Scope, *graph.Node) *graph.Node { panic(errors.New("a graph that can't be built")) }
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
		{"no steps", func(c *fit.Config) { c.Steps = 0 }, random(10, 8), linear, "", "steps and batch"},
		{"no batch", func(c *fit.Config) { c.Batch = 0 }, random(10, 8), linear, "", "steps and batch"},
		{"negative learning rate", func(c *fit.Config) { c.LearningRate = -1 }, random(10, 8), linear, "", "learning rate"},
		{"NaN learning rate", func(c *fit.Config) { c.LearningRate = math.NaN() }, random(10, 8), linear, "", "learning rate"},
		{"infinite learning rate", func(c *fit.Config) { c.LearningRate = math.Inf(1) }, random(10, 8), linear, "", "learning rate"},
		{"negative warm-up", func(c *fit.Config) { c.WarmUp = -1 }, random(10, 8), linear, "", "warm-up"},
		{"EMA of 1", func(c *fit.Config) { c.EMA = 1 }, random(10, 8), linear, "", "[0, 1)"},
		{"wide shift", func(c *fit.Config) { c.Shift = 2 }, random(10, 8), linear, "", "up to 1 pixel"},
		{"negative norm", func(c *fit.Config) { c.ClipNorm = -1 }, random(10, 8), linear, "", "norm of the gradient"},
		{"NaN norm", func(c *fit.Config) { c.ClipNorm = math.NaN() }, random(10, 8), linear, "", "norm of the gradient"},
		{"all held out", func(c *fit.Config) { c.HoldOut = 1 }, random(10, 8), linear, "", "[0, 1)"},
		{"too much held out", func(c *fit.Config) { c.HoldOut = 0.9 }, random(10, 8), linear, "", "got 1 beside 9 that are held out"},
		{"NaN held out", func(c *fit.Config) { c.HoldOut = math.NaN() }, random(10, 8), linear, "", "[0, 1)"},
		{"unequal parts", func(c *fit.Config) { c.Accumulate = 2 }, random(10, 8), linear, "", "a batch of 3 can't be computed in 2 equal parts"},
		{"negative parts", func(c *fit.Config) { c.Accumulate = -1 }, random(10, 8), linear, "", "parts"},
		{"unequal devices", func(c *fit.Config) { c.Devices = 2 }, random(10, 8), linear, "", "on 2 device"},
		{"input that isn't given", nil, random(10, 8), func(scope *model.Scope, y *graph.Node) *graph.Node {
			return graph.Mul(linear(scope, y), fit.Input(scope, y, "alpha"))
		}, "", `"alpha", which isn't given`},
		{"NaN EMA", func(c *fit.Config) { c.EMA = math.NaN() }, random(10, 8), linear, "", "[0, 1)"},
		{"batch larger than the data", nil, random(2, 8), linear, "", "a batch of 3 needs at least as many galaxies, got 2"},
		{"oblong galaxies", nil, galaxy.NewImages(10, 8, 6, 1), linear, "", "8×6"},
		{"NaN pixel", nil, nan, linear, "", "image 1"},
		{"no galaxies", nil, galaxy.NewImages(0, 8, 8, 1), linear, "", "at least 1"},
		{"objective that panics", nil, random(10, 8), panicking, "", "a graph that can't be built"},
		{"objective without weights", nil, random(10, 8), func(_ *model.Scope, y *graph.Node) *graph.Node { return graph.ReduceAllMean(y) }, "", "no weights to train"},
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

func TestNoCheckpoint(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "none")
	if _, err := fit.Load(dir); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), dir) {
		t.Errorf("Load where there is nothing: %v", err)
	}
	if history, err := fit.History(dir); len(history) > 0 || err != nil {
		t.Errorf("History where there is nothing: %v, %v; want none and no error", history, err)
	}
}

// Whatever is damaged, there is one error that names the folder, and nothing in it is changed.
func TestDamagedCheckpoint(t *testing.T) {
	t.Parallel()
	c := fit.Config{Steps: 6, Batch: 3, LearningRate: 0.01}
	good := t.TempDir()
	until(t, c, random(10, 8), linear, good, 4)
	const name = "checkpoint-n000000004"
	half := func(s string) string { return s[:len(s)/2] }
	for _, test := range []struct {
		name, suffix string
		damage       func(string) string // nil removes the file
	}{
		{"half the weights", ".bin", half},
		{"empty weights", ".bin", func(string) string { return "" }},
		{"flipped bit in the weights", ".bin", func(s string) string { b := []byte(s); b[len(b)/2] ^= 4; return string(b) }},
		{"no weights", ".bin", nil},
		{"half the description", ".json", half},
		{"garbage as description", ".json", func(string) string { return "\x00\x01 garbage" }},
		{"null as description", ".json", func(string) string { return "null" }},
		{"empty description", ".json", func(string) string { return "{}" }},
		{"negative sizes", ".json", func(s string) string { return strings.ReplaceAll(s, `"Length": `, `"Length": -`) }},
		{"step of another type", ".json", func(s string) string { return strings.ReplaceAll(s, `"Int64"`, `"Float64"`) }},
		{"history cut in its last number", ".csv", func(s string) string { return s[:len(s)-2] }},
		{"history cut at a line", ".csv", func(s string) string { return s[:strings.LastIndex(s[:len(s)-1], "\n")+1] }},
		{"garbage as history", ".csv", func(string) string { return "step,loss\na,b\n" }},
		{"quotes in the history", ".csv", func(string) string { return "step,loss\n\"4,0.1\n" }},
		{"empty history", ".csv", func(string) string { return "" }},
		{"no history", ".csv", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			all := files(t, good)
			if _, ok := all[name+test.suffix]; !ok {
				t.Fatalf("the checkpoint has no %s: %v", test.suffix, slices.Sorted(maps.Keys(all)))
			}
			if test.damage == nil {
				delete(all, name+test.suffix)
			} else if before := all[name+test.suffix]; test.damage(before) == before {
				t.Fatal("nothing is damaged")
			} else {
				all[name+test.suffix] = test.damage(before)
			}
			write(t, dir, all)
			calls := map[string]func() error{
				"Run": func() error { return fit.Run(t.Context(), problem(t, random(10, 8), linear), c, dir, nil) },
			}
			if test.suffix == ".csv" {
				calls["History"] = func() error { _, err := fit.History(dir); return err }
			} else {
				calls["Load"] = func() error { _, err := fit.Load(dir); return err }
			}
			for call, f := range calls {
				err := f()
				if err == nil || !strings.HasPrefix(err.Error(), "fit: the checkpoint in "+dir+" is damaged") || strings.Contains(err.Error(), "%!") {
					t.Errorf("%s: error %v", call, err)
				}
			}
			if !maps.Equal(files(t, dir), all) {
				t.Errorf("the folder was changed: %v", slices.Sorted(maps.Keys(files(t, dir))))
			}
		})
	}
	t.Run("other name", func(t *testing.T) {
		dir := t.TempDir()
		for file, text := range files(t, good) {
			write(t, dir, map[string]string{strings.Replace(file, "4", "5", 1): text})
		}
		if _, err := fit.Load(dir); err == nil || !strings.Contains(err.Error(), "step 4") {
			t.Errorf("error %v", err)
		}
	})
}

func TestCheckpointOfAnotherModel(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := fit.Config{Steps: 6, Batch: 3, LearningRate: 0.01}
	until(t, c, random(10, 8), linear, dir, 4)
	before := files(t, dir)
	err := fit.Run(t.Context(), problem(t, random(10, 6), linear), c, dir, nil) // 36 pixels instead of 64
	if err == nil || !strings.Contains(err.Error(), "64") || !strings.Contains(err.Error(), "36") {
		t.Errorf("error %v, want one with both shapes", err)
	}
	if !maps.Equal(files(t, dir), before) {
		t.Errorf("the folder was changed: %v", slices.Sorted(maps.Keys(files(t, dir))))
	}
}

// A kill between any two moves of save leaves a folder that the next run goes on from.
func TestKilledWhileSaving(t *testing.T) {
	t.Parallel()
	c := fit.Config{Steps: 30, Batch: 3, LearningRate: 0.01, EMA: 0.9}
	images := random(10, 8)
	dir := t.TempDir()
	until(t, c, images, linear, dir, 10)
	old := files(t, dir)
	until(t, c, images, linear, dir, 20)
	young := files(t, dir)
	if len(old) != 3 || len(young) != 3 {
		t.Fatalf("checkpoints are %v and %v, want three files each", slices.Sorted(maps.Keys(old)), slices.Sorted(maps.Keys(young)))
	}
	if err := fit.Run(t.Context(), problem(t, images, linear), c, dir, nil); err != nil {
		t.Fatal(err)
	}
	trainer, err := fit.NewTrainer(problem(t, images, linear), c)
	if err != nil {
		t.Fatal(err)
	}
	defer trainer.Close()
	const first, second = "checkpoint-n000000010", "checkpoint-n000000020"
	for _, test := range []struct {
		name        string
		moved       []string // of the new checkpoint
		still       []string // of the old one
		resumesFrom int
	}{
		{"before the first move", nil, []string{".bin", ".csv", ".json"}, 10},
		{"after the weights", []string{".bin"}, []string{".bin", ".csv", ".json"}, 10},
		{"before the description", []string{".bin", ".csv"}, []string{".bin", ".csv", ".json"}, 10},
		{"before the old one is removed", []string{".bin", ".csv", ".json"}, []string{".bin", ".csv", ".json"}, 20},
		{"while the old one is removed", []string{".bin", ".csv", ".json"}, []string{".csv", ".json"}, 20},
		{"before the old one's description is removed", []string{".bin", ".csv", ".json"}, []string{".json"}, 20},
	} {
		t.Run(test.name, func(t *testing.T) {
			killed := t.TempDir()
			staging := filepath.Join(killed, ".saving")
			if err := os.Mkdir(staging, 0o777); err != nil {
				t.Fatal(err)
			}
			for _, suffix := range []string{".bin", ".csv", ".json"} {
				if slices.Contains(test.moved, suffix) {
					write(t, killed, map[string]string{second + suffix: young[second+suffix]})
				} else {
					half := young[second+suffix]
					write(t, staging, map[string]string{"checkpoint-n0000000-initial" + suffix: half[:len(half)/2]})
				}
				if slices.Contains(test.still, suffix) {
					write(t, killed, map[string]string{first + suffix: old[first+suffix]})
				}
			}
			if _, err := fit.Load(killed); err != nil {
				t.Errorf("Load: %v", err)
			}
			began := 0
			err := trainer.Run(t.Context(), killed, nil, nil, func(p fit.Progress) {
				if began == 0 {
					began = p.Step
				}
			})
			if err != nil {
				t.Fatal(err)
			}
			if began != test.resumesFrom+1 {
				t.Errorf("went on with step %d, want %d", began, test.resumesFrom+1)
			}
			sameTraining(t, killed, dir)
			if left := files(t, killed); len(left) != 3 {
				t.Errorf("left behind: %v", slices.Sorted(maps.Keys(left)))
			}
		})
	}
}

// Names that mean something to a shell or a glob are names like others, and other files in the folder are left alone.
func TestAnyFolderName(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "runs[1] *?", "ü")
	c := fit.Config{Steps: 6, Batch: 3, LearningRate: 0.01}
	until(t, c, random(10, 8), linear, dir, 3)
	others := map[string]string{"notes.txt": "mine", "checkpoint-notes.csv": "mine too", "checkpoint-n1.csv": "also"}
	write(t, dir, others)
	first := 0
	err := fit.Run(t.Context(), problem(t, random(10, 8), linear), c, dir, func(p fit.Progress) {
		if first == 0 {
			first = p.Step
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if first != 4 {
		t.Errorf("went on with step %d, want 4", first)
	}
	all := files(t, dir)
	for name, text := range others {
		if all[name] != text {
			t.Errorf("%s is %q, was %q", name, all[name], text)
		}
	}
	if len(all) != len(others)+3 {
		t.Errorf("the folder holds %v", slices.Sorted(maps.Keys(all)))
	}
}

func ExampleHistory() {
	// A folder in which nothing was trained has an empty curve.
	points, err := fit.History("no such folder")
	fmt.Println(len(points), err)
	// Output: 0 <nil>
}

// Two trainings in one folder would delete each other's checkpoints: the second is refused, and the first goes on.
func TestOneTrainingInAFolder(t *testing.T) {
	dir := t.TempDir()
	held := flock.New(filepath.Join(dir, ".lock"))
	if locked, err := held.TryLock(); err != nil || !locked {
		t.Fatal(locked, err)
	}
	c := fit.Config{Steps: 2, Batch: 2, LearningRate: 1e-3, Seed: 1}
	images := galaxy.NewImages(4, 4, 4, 1)
	objective := func(scope *model.Scope, y *graph.Node) *graph.Node {
		w := scope.VariableWithValue("w", float32(1)).NodeValue(y.Graph())
		return graph.ReduceAllMean(graph.Square(graph.Sub(y, w)))
	}
	run := func() error { return fit.Run(t.Context(), problem(t, images, objective), c, dir, nil) }
	if err := run(); !errors.Is(err, fit.ErrBusy) || !strings.Contains(err.Error(), dir) {
		t.Errorf("a second training: %v", err)
	}
	if err := held.Close(); err != nil {
		t.Fatal(err)
	}
	if err := run(); err != nil {
		t.Errorf("the training after the first has ended: %v", err)
	}
}

package fit_test

import (
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
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
	return graph.ReduceAllMean(graph.Square(graph.Sub(predicted,
		graph.ReduceAndKeep(flat, graph.ReduceSum, -1))))
}

// diffusion is the smallest model of the kind that is trained in earnest.
func diffusion(scope *model.Scope, y *graph.Node) *graph.Node {
	c := ddpm.Config{T: 50, Mean: 0.5, Std: 0.3, Network: unet.Config{Features: []int{4}, Blocks: 1,
		Embedding: 4}}
	instrument := psf.Instrument{Size: 3, SigmaMin: 0.5, SigmaMax: 1, NoiseMin: 0.01,
		NoiseMax: 0.01}
	x, psfs, noise := instrument.Observe(scope, y)
	return c.Loss(scope, y, ddpm.Condition{X: x, PSFs: psfs, Noise: noise})
}

// weight makes an objective of one scalar weight that starts at 0.
func weight(loss func(w *graph.Node) *graph.Node) fit.Objective {
	return func(scope *model.Scope, y *graph.Node) *graph.Node {
		w := scope.WithInitializer(initializer.Zero).VariableWithShape("w",
			shapes.Make(dtypes.Float32))
		return loss(w.NodeValue(y.Graph()))
	}
}

// variables are all numbers of a checkpoint, by name: weights, their average, the optimizer's and
// the random numbers' state.
func variables(t *testing.T, dir string) map[string]string {
	t.Helper()
	store, err := fit.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for v := range store.IterVariables() {
		err := v.MustValue().ConstBytes(func(data []byte) { all[v.Path()] = string(data) })
		if err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// sameTraining fails where two checkpoints differ in any bit of weights, state or history.
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
func until(
	t *testing.T, c fit.Config, images *galaxy.Images, objective fit.Objective, dir string,
	step int,
) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	err := fit.Run(ctx, problem(t, images, objective), c, dir, func(p fit.Progress) {
		if p.Step == step {
			cancel()
		}
	})
	if err != context.Canceled {
		t.Fatalf("training canceled at step %d returns %v, want %v", step, err, context.Canceled)
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

// falls fails for losses whose mean over the last steps isn't below the given factor of that over
// the first.
func falls(t *testing.T, losses []float64, steps int, factor float64) {
	t.Helper()
	first, last := stat.Mean(losses[:steps], nil), stat.Mean(losses[len(losses)-steps:], nil)
	if !(last < factor*first) {
		t.Errorf("the loss went from %g to %g, want below %g of it", first, last, factor)
	}
}

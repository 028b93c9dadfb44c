package fit_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/core/tensors"

	"galdecon/galdecon/fit"
	"galdecon/galdecon/galaxy"
)

// weights are the averaged weights of a model, by name.
func weights(t *testing.T, dir string) map[string][]float32 {
	t.Helper()
	store, err := fit.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]float32{}
	average := fit.Average(store)
	for v := range average.IterVariables() {
		values, err := tensors.CopyFlatData[float32](v.MustValue())
		if err != nil {
			t.Fatal(err)
		}
		all[strings.TrimPrefix(v.Path(), average.Scope())] = values
	}
	return all
}

// A training begins with the averaged weights of another, on images of another size too: where its
// steps move hardly, they stay what they were. Exported weights do as well, up to their rounding.
func TestBegin(t *testing.T) {
	t.Parallel()
	first := fit.Config{Steps: 40, Batch: 8, LearningRate: 0.01, EMA: 0.9, Seed: 1}
	from, exported := t.TempDir(), t.TempDir()
	if err := fit.Run(t.Context(), problem(t, random(40, 8), diffusion), first, from,
		nil); err != nil {
		t.Fatal(err)
	}
	if err := fit.Export(from, exported); err != nil {
		t.Fatal(err)
	}
	want := weights(t, from)
	const least = 6.2e-5 // normal number of half precision
	for folder, rounding := range map[string]float64{from: 0, exported: 1} {
		c := fit.Config{Steps: 3, Batch: 4, LearningRate: 1e-6, InitialModel: folder, Seed: 2}
		to := t.TempDir()
		if err := fit.Run(t.Context(), problem(t, random(12, 16), diffusion), c, to,
			nil); err != nil {
			t.Fatal(err)
		}
		got := weights(t, to)
		if len(got) != len(want) {
			t.Fatalf("there are %d weights, want %d", len(got), len(want))
		}
		moved := 0.0
		for name, values := range want {
			for i, w := range values {
				d := float64(got[name][i] - w)
				if limit := 3.1e-6 + rounding*(abs(w)/2048+least); max(d, -d) > limit {
					t.Fatalf("%s[%d] is %g after three steps of 1e-6, and was %g", name, i,
						got[name][i], w)
				}
				moved += d * d
			}
		}
		if moved == 0 {
			t.Error("the weights haven't moved")
		}
	}
}

func abs(x float32) float64 { return max(float64(x), -float64(x)) }

// A training that goes on doesn't look where it began, and ends as one that was never interrupted.
func TestBeginThenGoOn(t *testing.T) {
	t.Parallel()
	from := t.TempDir()
	first := fit.Config{Steps: 5, Batch: 4, LearningRate: 0.1, Seed: 1}
	if err := fit.Run(t.Context(), problem(t, random(12, 8), linear), first, from,
		nil); err != nil {
		t.Fatal(err)
	}
	c := fit.Config{Steps: 6, Batch: 4, LearningRate: 0.1, EMA: 0.5, InitialModel: from, Seed: 2}
	whole, parts := t.TempDir(), t.TempDir()
	if err := fit.Run(t.Context(), problem(t, random(12, 8), linear), c, whole, nil); err != nil {
		t.Fatal(err)
	}
	// The same folder, as a relative path from a directory that isn't this process's.
	c.WorkingDir, c.InitialModel = filepath.Split(from)
	until(t, c, random(12, 8), linear, parts, 2)
	if err := os.RemoveAll(from); err != nil {
		t.Fatal(err)
	}
	if err := fit.Run(t.Context(), problem(t, random(12, 8), linear), c, parts, nil); err != nil {
		t.Fatal(err)
	}
	sameTraining(t, parts, whole)
}

// What is no model, or another, is an error that names both sides, and the folder of the training
// stays as it was.
func TestBeginWithAnotherModel(t *testing.T) {
	t.Parallel()
	from := t.TempDir()
	c := fit.Config{Steps: 1, Batch: 4, LearningRate: 0.1, Seed: 1}
	if err := fit.Run(t.Context(), problem(t, random(12, 8), linear), c, from, nil); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		begin     string
		images    *galaxy.Images
		objective fit.Objective
		says      []string
	}{
		{t.TempDir(), random(12, 8), linear, []string{"cannot begin", "no checkpoint"}},
		{from, random(12, 16), linear, []string{"cannot begin", from, "[64, 1]", "[256, 1]"}},
		{from, random(12, 8), diffusion, []string{"cannot begin", from, "lack"}},
	} {
		c.InitialModel = test.begin
		dir := t.TempDir()
		err := fit.Run(context.Background(), problem(t, test.images, test.objective), c, dir, nil)
		if err == nil {
			t.Fatalf("no error, want one with %q", test.says)
		}
		for _, part := range test.says {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("the error %q lacks %q", err, part)
			}
		}
		if _, err := fit.Load(dir); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("there is a checkpoint after the error, or another: %v", err)
		}
	}
}

package fit_test

import (
	"math"
	"path/filepath"
	"testing"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"galdecon/galdecon/fit"
	"galdecon/galdecon/internal/devicetest"
)

// The terms of a loss add up to it at every step and in every point of the curves, also where a
// batch is computed in parts, galaxies are held out, and the training was interrupted.
func TestTerms(t *testing.T) {
	t.Parallel()
	objective := func(scope *model.Scope, y *graph.Node) *graph.Node {
		loss := steady(scope, y)
		first := graph.MulScalar(loss, 0.25)
		rest := graph.Sub(loss, first)
		fit.Record(scope, "first", first)
		fit.Record(scope, "the rest", rest)
		return loss
	}
	images := random(50, 4)
	for name, c := range map[string]fit.Config{
		// curves of several steps a point
		"whole": {Steps: 2300, Batch: 16, LearningRate: 0.02, EMA: 0.9, Seed: 1},
		"devices": {Steps: 30, Batch: 16, LearningRate: 0.02, EMA: 0.9, HoldOut: 0.3, Accumulate: 2,
			Devices: 2, Seed: 1},
		"parts": {Steps: 30, Batch: 16, LearningRate: 0.02, EMA: 0.9, HoldOut: 0.3, Accumulate: 4,
			Seed: 1},
	} {
		if devicetest.Device(t).NumDevices() < c.Devices {
			continue
		}
		dir := filepath.Join(t.TempDir(), name)
		until(t, c, images, objective, dir, 11)
		err := fit.Run(t.Context(), problem(t, images, objective), c, dir, func(p fit.Progress) {
			if a, b := p.Terms["first"], p.Terms["the rest"]; len(p.Terms) != 2 ||
				math.Abs(a/p.Loss-0.25) > 1e-5 || math.Abs(b/p.Loss-0.75) > 1e-5 {
				t.Fatalf("%s: step %d: the terms of the loss %g are %v", name, p.Step, p.Loss,
					p.Terms)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		history, err := fit.History(dir)
		if err != nil {
			t.Fatal(err)
		}
		terms, err := fit.Terms(dir)
		if err != nil {
			t.Fatal(err)
		}
		if len(terms) != 2 || len(terms["first"]) != len(history) ||
			len(terms["the rest"]) != len(history) {
			t.Fatalf("%s: %d points of the loss, %d and %d of its terms", name, len(history),
				len(terms["first"]), len(terms["the rest"]))
		}
		for i, p := range history {
			a, b := terms["first"][i], terms["the rest"][i]
			if a.Step != p.Step || b.Step != p.Step || math.Abs(a.Loss/p.Loss-0.25) > 1e-5 ||
				math.Abs(b.Loss/p.Loss-0.75) > 1e-5 {
				t.Fatalf("%s: the loss is %v, its terms %v and %v", name, p, a, b)
			}
		}
		if store, err := fit.Load(dir); err != nil || store.GetVariable("/term/first") != nil {
			t.Errorf("%s: a term is in the checkpoint; %v", name, err)
		}
	}
	plain := t.TempDir()
	c := fit.Config{Steps: 2, Batch: 16, LearningRate: 0.02, EMA: 0.9, Seed: 1}
	if err := fit.Run(t.Context(), problem(t, images, steady), c, plain, func(p fit.Progress) {
		if p.Terms != nil {
			t.Errorf("terms %v of an objective that tells none", p.Terms)
		}
	}); err != nil {
		t.Fatal(err)
	}
	if terms, err := fit.Terms(plain); err != nil || len(terms) != 0 {
		t.Errorf("terms %v of an objective that tells none; %v", terms, err)
	}
}

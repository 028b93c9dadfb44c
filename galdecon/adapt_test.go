package galdecon_test

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"galdecon/galdecon"
	"galdecon/galdecon/internal/galtest"
	"galdecon/galdecon/internal/micro"
	"galdecon/galdecon/observe"
)

// untrained returns the folder of a model for any stamp that has hardly been trained.
func untrained(t *testing.T) (dir string, c galdecon.Config) {
	t.Helper()
	c = micro.Survey()
	dir = c.Folder(t.TempDir())
	if err := galdecon.Train(t.Context(), c, micro.Galaxies(4, c.Size), dir, nil); err != nil {
		t.Fatal(err)
	}
	return dir, c
}

// survey returns n observations of different galaxies on stamps of 16 pixels.
func survey(t *testing.T, c galdecon.Config, n int) []observe.Observation {
	t.Helper()
	s := *c.Survey
	s.NoiseMin, s.NoiseMax, s.Padded, s.Correlated = 0.01, 0.03, 0, 0
	all, err := galdecon.ObserveSurvey(s, micro.Galaxies(n, 16), 3)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

var quick = galdecon.Adaptation{Rounds: 2, Candidates: 2, Steps: 5, Batch: 4, Seed: 1}

// TestAdapt checks what an adaptation leaves, and that one that is interrupted goes on to the same
// model, bit for bit.
func TestAdapt(t *testing.T) {
	from, c := untrained(t)
	all := survey(t, c, 16)
	whole, parted := filepath.Join(t.TempDir(), "a"), filepath.Join(t.TempDir(), "b")
	stages := map[string]int{}
	want, err := galdecon.Adapt(t.Context(), from, all, quick, whole,
		func(p galdecon.AdaptProgress) { stages[p.Stage]++ })
	if err != nil {
		t.Fatal(err)
	}
	t.Log(want)
	if want.Used+want.Held != len(all) || want.Held != 3 || len(want.Checks) != 3 {
		t.Errorf("%d used, %d held, %d checks", want.Used, want.Held, len(want.Checks))
	}
	for _, stage := range []string{"drawing candidates", "fitting", "checking", "checked"} {
		if stages[stage] < 3 {
			t.Errorf("%q was reported %d times", stage, stages[stage])
		}
	}
	for _, check := range want.Checks {
		if math.IsNaN(check.Score) || !(check.ChiSquared > 0) || check.Observations == 0 {
			t.Errorf("a check is %+v", check)
		}
	}
	last := filepath.Join(whole, "round-02", "model")
	if _, err := galdecon.Load(last); err != nil {
		t.Error(err)
	}
	for _, m := range want.Moved {
		if !(m.Known >= 0 && m.Known <= 1 && m.Ratio > 0) {
			t.Errorf("the prior moved by %+v", m)
		}
	}

	// Interrupted in the second round's training, and at the end of the first's.
	for _, at := range []int{1, 2} {
		ctx, cancel := context.WithCancel(t.Context())
		_, err = galdecon.Adapt(ctx, from, all, quick, parted, func(p galdecon.AdaptProgress) {
			if p.Round == at && p.Stage == "fitting" && p.Done > 0.5 {
				cancel()
			}
		})
		cancel()
		if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "run it again") {
			t.Fatalf("an interrupt in round %d: error %v", at, err)
		}
	}
	got, err := galdecon.Adapt(t.Context(), from, all, quick, parted, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got.Checks, want.Checks) || !reflect.DeepEqual(got.Moved, want.Moved) {
		t.Errorf("interrupted: %v instead of %v", got, want)
	}
	file := filepath.Join(t.TempDir(), "model.safetensors")
	a, errA := galdecon.Pack(last, file)
	b, errB := galdecon.Pack(filepath.Join(parted, "round-02", "model"), file)
	if errA != nil || errB != nil || a != b {
		t.Errorf("interrupted, the last model differs: errors %v, %v", errA, errB)
	}
	if _, err := os.Stat(filepath.Join(parted, "round-02", "training")); err == nil {
		t.Error("what only a training needs is left")
	}

	other := quick
	other.Seed = 2
	_, err = galdecon.Adapt(t.Context(), from, all, other, whole, nil)
	galtest.Wants(t, "another configuration", err, "choose another folder")
	_, err = galdecon.Adapt(t.Context(), from, all[1:], quick, whole, nil)
	galtest.Wants(t, "other observations", err, "choose another folder")
}

func TestAdaptRefuses(t *testing.T) {
	from, c := untrained(t)
	all := survey(t, c, 13)
	adapt := func(observations []observe.Observation) *galdecon.FewError {
		t.Helper()
		_, err := galdecon.Adapt(t.Context(), from, observations, quick, t.TempDir(), nil)
		var few *galdecon.FewError
		if !errors.As(err, &few) {
			t.Fatalf("error %v", err)
		}
		return few
	}
	if few := adapt(all[:5]); few.Got != 5 || few.Need != 12 || few.Given != 5 {
		t.Errorf("too few: %+v", few)
	}
	if few := adapt(nil); few.Got != 0 {
		t.Errorf("none: %+v", few)
	}
	var alike []observe.Observation
	for range 20 {
		alike = append(alike, all[0])
	}
	few := adapt(alike)
	if few.Got != 1 || few.Alike != 19 || !strings.Contains(few.Error(), "19 are the same") {
		t.Errorf("all alike: %v", few)
	}
	for _, o := range all {
		for k := range o.Exposures[0].Image.Pixels {
			o.Exposures[0].Image.Pixels[k] = -1
		}
	}
	few = adapt(all)
	var refusal *galdecon.Refusal
	if few.Got != 0 || len(few.Refused) != 13 || !errors.As(few, &refusal) {
		t.Errorf("all refused: %v", few)
	}

	plain := micro.Config()
	dir := plain.Folder(t.TempDir())
	err := galdecon.Train(t.Context(), plain, micro.Galaxies(4, plain.Size), dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = galdecon.Adapt(t.Context(), dir, all, quick, t.TempDir(), nil)
	galtest.Wants(t, "a model for one size", err, "Survey", "galaxy")
	bad := quick
	bad.Candidates = 1
	_, err = galdecon.Adapt(t.Context(), from, survey(t, c, 13), bad, t.TempDir(), nil)
	galtest.Wants(t, "a single candidate", err, "at least 2 candidates")
}

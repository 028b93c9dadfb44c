package fit_test

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gofrs/flock"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"galdecon/galdecon/fit"
	"galdecon/galdecon/galaxy"
)

func TestNoCheckpoint(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "none")
	if _, err := fit.Load(dir); !errors.Is(err, fs.ErrNotExist) ||
		!strings.Contains(err.Error(), dir) {
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
		{"flipped bit in the weights", ".bin",
			func(s string) string { b := []byte(s); b[len(b)/2] ^= 4; return string(b) }},
		{"no weights", ".bin", nil},
		{"half the description", ".json", half},
		{"garbage as description", ".json", func(string) string { return "\x00\x01 garbage" }},
		{"null as description", ".json", func(string) string { return "null" }},
		{"empty description", ".json", func(string) string { return "{}" }},
		{"negative sizes", ".json", func(s string) string {
			return strings.ReplaceAll(s, `"Length": `, `"Length": -`)
		}},
		{"step of another type", ".json", func(s string) string {
			return strings.ReplaceAll(s, `"Int64"`, `"Float64"`)
		}},
		{"history cut in its last number", ".csv", func(s string) string { return s[:len(s)-2] }},
		{"history cut at a line", ".csv", func(s string) string {
			return s[:strings.LastIndex(s[:len(s)-1], "\n")+1]
		}},
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
				"Run": func() error {
					return fit.Run(t.Context(), problem(t, random(10, 8), linear), c, dir, nil)
				},
			}
			if test.suffix == ".csv" {
				calls["History"] = func() error { _, err := fit.History(dir); return err }
			} else {
				calls["Load"] = func() error { _, err := fit.Load(dir); return err }
			}
			for call, f := range calls {
				err := f()
				if err == nil || !strings.HasPrefix(err.Error(),
					"fit: the checkpoint in "+dir+" is damaged") ||
					strings.Contains(err.Error(), "%!") {
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
	// 36 pixels instead of 64
	err := fit.Run(t.Context(), problem(t, random(10, 6), linear), c, dir, nil)
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
		t.Fatalf("checkpoints are %v and %v, want three files each", slices.Sorted(maps.Keys(old)),
			slices.Sorted(maps.Keys(young)))
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
		{"before the old one is removed", []string{".bin", ".csv", ".json"},
			[]string{".bin", ".csv", ".json"}, 20},
		{"while the old one is removed", []string{".bin", ".csv", ".json"},
			[]string{".csv", ".json"}, 20},
		{"before the old one's description is removed", []string{".bin", ".csv", ".json"},
			[]string{".json"}, 20},
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
					write(t, staging, map[string]string{"checkpoint-n0000000-initial" +
						suffix: half[:len(half)/2]})
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

// Names that mean something to a shell or a glob are names like others, and other files in the
// folder are left alone.
func TestAnyFolderName(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "runs[1] *?", "ü")
	c := fit.Config{Steps: 6, Batch: 3, LearningRate: 0.01}
	until(t, c, random(10, 8), linear, dir, 3)
	others := map[string]string{"notes.txt": "mine", "checkpoint-notes.csv": "mine too",
		"checkpoint-n1.csv": "also"}
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

// Two trainings in one folder would delete each other's checkpoints: the second is refused, and the
// first goes on.
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

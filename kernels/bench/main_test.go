package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"galdecon/galdecon"
	"galdecon/galdecon/ddpm"
	"galdecon/galdecon/fit"
	"galdecon/galdecon/psf"
	"galdecon/galdecon/speed"
	"galdecon/galdecon/unet"
	"galdecon/internal/console"
	"galdecon/kernels/internal/helptest"
)

// TestMain has the program's own main measure for a test.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == serve {
		main()
		return
	}
	os.Exit(m.Run())
}

// execute runs the command and returns what it prints.
func execute(ctx context.Context, args ...string) (string, error) {
	return helptest.Execute(ctx, command(models), args...)
}

// models is a model that is measured in no time, with fewer rows where it has to be quick.
func models(_ bool, extent speed.Extent) ([]speed.Model, error) {
	c := galdecon.Config{
		Preset: "micro", Size: 16, Channels: 1,
		Instrument: psf.Instrument{Size: 7, SigmaMin: 0.7, SigmaMax: 1.2, NoiseMin: 0.001,
			NoiseMax: 0.003},
		Diffusion: ddpm.Config{T: 50, Prediction: ddpm.Velocity, Mean: 0.05, Std: 0.15,
			Network: unet.Config{Features: []int{4}, Blocks: 1, Embedding: 4}},
		Sampler: ddpm.Sampler{Steps: 4},
		Fit:     fit.Config{Steps: 3, Batch: 4, LearningRate: 1e-3, EMA: 0.9, Seed: 1},
	}
	m := speed.Model{Name: "micro", Config: c, Evaluations: []int{1}, Trainings: []int{2}}
	if extent == speed.All {
		m.Evaluations = append(m.Evaluations, 2)
	}
	return []speed.Model{m}, nil
}

// TestHelp checks that the help that the galdecon command has of this program is its own. -update
// writes it.
func TestHelp(t *testing.T) {
	helptest.Check(t, command(models), "./kernels/bench")
}

// TestRefuses checks what is refused, before anything is measured or written.
func TestRefuses(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("broken.json", []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	for args, part := range map[string]string{
		"--against none.json":   "there is no stored run none.json",
		"--against broken.json": "broken.json isn't a run",
		"--json broken.json":    "broken.json isn't a run",
		"--rounds 0":            "at least one round",
		"--devices 0":           "at least one device",
		"--rounds few":          `"few"`,
		"--quick --growth":      "none of the others",
		"tiny":                  "unknown command",
	} {
		out, err := execute(t.Context(), strings.Fields(args)...)
		if err == nil || !strings.Contains(err.Error(), part) || out != "" {
			t.Errorf("%s: error %v, want one with %q; output %q", args, err, part, out)
		}
	}
	if there, err := filepath.Glob("*"); err != nil || len(there) != 1 {
		t.Errorf("written: %v, %v", there, err)
	}
}

// TestBench checks that a run is stored, that the rounds of another are added to it and compared
// with it, and that those of another device or with other rows aren't added.
func TestBench(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run.json")
	measure := func(f benchFlags) (string, string, error) {
		f.rounds, f.devices = 1, max(f.devices, 1)
		var out, log bytes.Buffer
		err := bench(t.Context(), f, models, &out, console.NewLog(&log))
		return out.String(), log.String(), err
	}
	text, log, err := measure(benchFlags{json: path, quick: true})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(text, "rounds    1, the first ") || strings.Contains(text, "here/there") ||
		!strings.Contains(log, "measured in") {
		t.Errorf("output:\n%s\nlog:\n%s", text, log)
	}
	if text, _, err = measure(benchFlags{json: path, against: path, quick: true}); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(text, "rounds    2, ") || !strings.Contains(text, "here/there") {
		t.Errorf("output of a second:\n%s", text)
	}
	stored, err := speed.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(stored.Rows) != 4 {
		t.Errorf("%d rows", len(stored.Rows))
	}
	for _, row := range stored.Rows {
		if len(row.Values) != 2 || !strings.Contains(text, fmt.Sprint(row.What, " ")) {
			t.Errorf("row %+v, output:\n%s", row, text)
		}
	}
	// What was measured is shown, though it can't be stored.
	text, _, err = measure(benchFlags{json: path})
	if !errors.Is(err, speed.ErrOther) || !strings.Contains(text, "evaluation") {
		t.Errorf("other rows: %v, output:\n%s", err, text)
	}
	text, _, err = measure(benchFlags{json: path, devices: 2, quick: true})
	if !errors.Is(err, speed.ErrOther) || !strings.Contains(err.Error(), "devices") || text != "" {
		t.Errorf("other devices: %v, output:\n%s", err, text)
	}
	again, err := speed.Load(path)
	if err != nil || len(again.Rows[0].Values) != 2 {
		t.Errorf("the stored run was changed: %v", err)
	}
}

package speed

import (
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

// fixture returns a run of two rounds.
func fixture() Run {
	return Run{
		Setup: Setup{Time: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC), Device: "cpu:0", CPU: true,
			Plugin: "plugin.so of 3 bytes", Processor: "Abacus with AVX2", Cores: 2, Devices: 1,
			Versions: []string{"go1.26", "gomlx v1"}, Build: "v1", Program: "0123"},
		Rows: []Row{
			{What: Peak, Values: []float64{100, 50}},
			{What: Evaluation, Model: "tiny", Pixels: 32, Batch: "8", Values: []float64{2, 4},
				Operations: 1e8},
			{What: Sampling, Model: "tiny", Pixels: 32, Batch: "1×16", Values: []float64{40, 10},
				Operations: 5e8},
			{What: SamplingMemory, Model: "tiny", Pixels: 32, Values: []float64{300, 310}},
		},
		Missing: []Missing{{What: Training, Model: "paper", Pixels: 128, Batch: "96",
			Why: "small"}},
	}
}

// TestFile checks that a run is read as it was stored, and that what isn't a run is refused.
func TestFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run.json")
	if _, err := Load(path); !errors.Is(err, fs.ErrNotExist) ||
		!strings.Contains(err.Error(), path) {
		t.Errorf("no file: %v", err)
	}
	want := fixture()
	if err := want.Save(path); err != nil {
		t.Fatal(err)
	}
	if got, err := Load(path); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("stored %+v\nand read %+v, %v", want, got, err)
	}
	for content, part := range map[string]string{
		"":                  "isn't a run",
		"[1, 2]":            "isn't a run",
		`{"speed": "much"}`: "unknown field",
		`{"rows": []}`:      "no rows",
		`{"rows": [{"what": "evaluation", "values": []}]}`:                     "no values",
		`{"rows": [{"what": "evaluation", "values": [1, 0]}]}`:                 "value of 0 ms",
		`{"rows": [{"what": "candidates", "values": [-3]}]}`:                   "value of -3 1/s",
		`{"rows": [{"what": "beauty", "values": [1]}]}`:                        `"beauty"`,
		`{"rows": [{"what": "evaluation", "values": [1], "operations": -10}]}`: "-10 operations",
	} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(path); err == nil || !strings.Contains(err.Error(), part) ||
			!strings.Contains(err.Error(), path) {
			t.Errorf("%s: error %v, want one with %q and the file", content, err, part)
		}
	}
	if err := want.Save(filepath.Join(path, "below")); err == nil {
		t.Error("a run is stored below a file")
	}
	want.Rows[1].Values[0] = math.Inf(1)
	if err := want.Validate(); err == nil {
		t.Error("an infinite time is valid")
	}
}

// TestMedian checks the median of even and odd numbers, with the lowest and the highest.
func TestMedian(t *testing.T) {
	for _, c := range []struct {
		values            []float64
		median, low, high float64
	}{
		{[]float64{7}, 7, 7, 7},
		{[]float64{9, 1}, 5, 1, 9},
		{[]float64{5, 1, 3}, 3, 1, 5},
		{[]float64{8, 1, 4, 2}, 3, 1, 8},
	} {
		median, low, high := Row{Values: c.values}.Median()
		if median != c.median || low != c.low || high != c.high {
			t.Errorf("of %v: %g, %g, %g, want %+v", c.values, median, low, high, c)
		}
	}
}

// TestShare checks the share of the peak, which is that of the better round.
func TestShare(t *testing.T) {
	r := fixture()
	for i, want := range []float64{
		1: 1e8 / 3e-3 / 100e9,
		2: 5e8 * 25 / 100e9,
	} {
		if got, ok := r.Share(r.Rows[i]); math.Abs(got-want) > 1e-12 || ok != (want > 0) {
			t.Errorf("row %d: %g, %v, want %g", i, got, ok, want)
		}
	}
	if got, ok := r.Share(r.Rows[3]); ok {
		t.Errorf("memory is %g of the peak", got)
	}
	r.Rows = r.Rows[1:]
	if got, ok := r.Share(r.Rows[0]); ok {
		t.Errorf("%g of no peak", got)
	}
}

// TestAdd checks that rounds are added to those of the same setup and rows alone.
func TestAdd(t *testing.T) {
	r, later := fixture(), fixture()
	later.Setup.Time = later.Setup.Time.Add(time.Hour)
	later.Rows[1].Values = []float64{3}
	if err := r.Add(later); err != nil {
		t.Fatal(err)
	}
	if got, want := r.Rows[1].Values, []float64{2, 4, 3}; !reflect.DeepEqual(got, want) {
		t.Errorf("the values are %v, want %v", got, want)
	}
	if !r.Setup.Time.Equal(fixture().Setup.Time) || len(r.Missing) != 1 {
		t.Errorf("the rounds began %v, missing are %v", r.Setup.Time, r.Missing)
	}
	for part, change := range map[string]func(*Run){
		"cores: 4 here, 2 there": func(r *Run) { r.Setup.Cores = 4 },
		"different sources":      func(r *Run) { r.Setup.Program = "4567" },
		"other rows":             func(r *Run) { r.Rows = r.Rows[1:] },
	} {
		r, later = fixture(), fixture()
		change(&later)
		if err := r.Add(later); !errors.Is(err, ErrOther) || !strings.Contains(err.Error(), part) {
			t.Errorf("error %v, want one with %q", err, part)
		}
		if !reflect.DeepEqual(r, fixture()) {
			t.Errorf("%s: rounds were added", part)
		}
	}
}

// TestAgainst checks the ratios of rounds: a disturbance of a round that both runs share cancels.
func TestAgainst(t *testing.T) {
	here, there := fixture(), fixture()
	disturbed := []float64{1, 5, 2}
	here.Rows[1].Values, there.Rows[1].Values = nil, nil
	for _, d := range disturbed {
		here.Rows[1].Values = append(here.Rows[1].Values, 3*d)
		there.Rows[1].Values = append(there.Rows[1].Values, 2*d)
	}
	here.Rows[2].Values, there.Rows[2].Values = []float64{10, 30, 20, 7}, []float64{10, 10, 10}
	there.Rows[3].Batch = "other"
	got := here.Against(there)
	want := []*Ratio{{1, 1, 1, 2}, {1.5, 1.5, 1.5, 3}, {2, 1, 3, 3}, nil}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("the ratios are %+v, want %+v", got, want)
	}
}

// TestWrite checks what the table says, with and without a stored run.
func TestWrite(t *testing.T) {
	here, there := fixture(), fixture()
	there.Rows = there.Rows[:3]
	there.Rows[1].Values = []float64{4, 8}
	there.Setup.Build = "v0"
	var alone, beside strings.Builder
	if err := here.Write(&alone, nil); err != nil {
		t.Fatal(err)
	}
	if err := here.Write(&beside, &there); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Abacus with AVX2, 2 cores", "galdecon v1",
		"rounds    2, the first of 2026-03-04 05:06 UTC", "3.00    2.00, 4.00", "33 %", "1/s", "MB",
		"not measured: training step, paper, 128 pixels, batch 96: small"} {
		if !strings.Contains(alone.String(), want) || !strings.Contains(beside.String(), want) {
			t.Errorf("a text lacks %q:\n%s\n%s", want, alone.String(), beside.String())
		}
	}
	for _, want := range []string{"33 %     0.500       0.500, 0.500", "not measured there",
		"build: v1 here, v0 there"} {
		if strings.Contains(alone.String(), want) || !strings.Contains(beside.String(), want) {
			t.Errorf("%q should be in the latter only:\n%s\n%s", want, alone.String(),
				beside.String())
		}
	}
}

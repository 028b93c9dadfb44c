package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"

	"galdecon/galdecon/recalibration"
	"galdecon/galdecon/scorecard"
)

// The documents say what the command would write.
func TestDocuments(t *testing.T) {
	root := filepath.Join("..", "..")
	cards, err := load(os.DirFS(filepath.Join(root, scorecards)))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range documents {
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		quoted, err := quote(string(text), cards)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !strings.Contains(quoted, "<!--{{") {
			t.Errorf("%s quotes nothing", name)
		}
		if quoted != string(text) {
			t.Errorf("%s has other figures than docs/scorecards: go run ./kernels/figures", name)
		}
	}
}

// A stored scorecard is of the model that ships, with the recalibration that it ships with.
func TestScorecards(t *testing.T) {
	root := filepath.Join("..", "..")
	for _, name := range []string{"galaxy"} {
		var stored scorecard.StrataCard
		var shipped recalibration.Recalibration
		for path, to := range map[string]any{
			filepath.Join(root, scorecards, name+".json"):                             &stored,
			filepath.Join(root, "galdecon", "pretrained", name, "recalibration.json"): &shipped,
		} {
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(data, to); err != nil {
				t.Fatalf("%s: %v", path, err)
			}
		}
		if !reflect.DeepEqual(stored.Recalibration, &shipped) {
			t.Errorf("the scorecard of %s is of another model: write it anew", name)
		}
	}
}

const stored = `{"model": "m", "galaxies": 8, "candidates": 16, "seed": 3, "strata": [
	{"by": "all", "name": "all exposures", "n": 7,
	 "error": {"value": 0.1014, "low": 0.08, "high": 0.154},
	 "error_over_spread": {"value": 0.716, "low": 0.5, "high": 0.96},
	 "chi_squared": {"value": 1.034, "low": 1, "high": 1.1},
	 "calibration": [{"quantity": "flux", "coverage": {"distance": 0.138, "error": 0.074}}],
	 "recalibrated": [{"quantity": "flux", "coverage": {"distance": 0.039, "error": 0.073},
	                   "width": {"value": 1.222, "low": 1.1, "high": 1.3}}]},
	{"by": "noise", "name": "noise < 0.004", "n": 3}]}`

func quoteStored(t *testing.T, text string) (string, error) {
	t.Helper()
	cards, err := load(fstest.MapFS{"m.json": {Data: []byte(stored)}, "README.md": {}})
	if err != nil {
		t.Fatal(err)
	}
	return quote(text, cards)
}

func TestQuote(t *testing.T) {
	for expression, want := range map[string]string{
		"m.MeanError":                    "10.1 ± 3.7",
		"m.Spread":                       "0.72 ± 0.23",
		"m.Power":                        "—",
		"m.Chi":                          "1.03",
		`m.Points "flux"`:                "14 ± 7",
		`m.Corrected "flux"`:             "4 ± 7",
		`m.Width "flux"`:                 "1.22",
		"m.Seen":                         "7",
		"m.Galaxies":                     "8",
		"m.Command":                      "`go run ./kernels score --survey --model m --n 8 --candidates 16 --seed 3`",
		"(index m.Strata 1).N":           "3",
		`m.Name | printf "%.3s"`:         "all",
		`len m.Strata | printf "%d in "`: "2 in ",
	} {
		got, err := quoteStored(t, "a <!--{{"+expression+"}}-->old<!--/--> z")
		if want := "a <!--{{" + expression + "}}-->" + want + "<!--/--> z"; got != want || err != nil {
			t.Errorf("%q, %v, want %q", got, err, want)
		}
		if again, err := quoteStored(t, got); again != got || err != nil {
			t.Errorf("quoted again: %q, %v", again, err)
		}
	}
}

func TestQuoteLines(t *testing.T) {
	got, err := quoteStored(t, "a\n\n<!--{{m.Name}}-->\n\nold\nlines\n<!--/-->\n\nz")
	if want := "a\n\n<!--{{m.Name}}-->\nall exposures\n<!--/-->\n\nz"; got != want || err != nil {
		t.Errorf("%q, %v, want %q", got, err, want)
	}
}

func TestCorrections(t *testing.T) {
	got, err := quoteStored(t, "a\n\n<!--{{m.Corrections}}-->\n<!--/-->")
	want := "a\n\n<!--{{m.Corrections}}-->\n" +
		"| all exposures | off by, points: as drawn | recalibrated | width | score |\n" +
		"|---|---|---|---|---|\n| flux | 14 ± 7 | 4 ± 7 | — | — |\n<!--/-->"
	if got != want || err != nil {
		t.Errorf("%q, %v, want %q", got, err, want)
	}
}

func TestQuoteRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"a <!--{{n.Chi}}-->1<!--/-->":              `"n" not defined`,
		"a <!--{{m.Nothing}}-->1<!--/-->":          "Nothing",
		`a <!--{{m.Points "shape"}}-->1<!--/-->`:   `no coverage of "shape"`,
		`a <!--{{m.Width "TARP"}}-->1<!--/-->`:     `recalibrating "TARP" costs`,
		"a\n<!--{{m.Chi}}-->1<!--/--> in a line":   "begins with a figure",
		"a\n  <!--/--> in a line <!--{{m.Chi}}-->": "begins with a figure",
	} {
		if got, err := quoteStored(t, text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %q, %v, want an error with %q", text, got, err, want)
		}
	}
	for name, files := range map[string]fstest.MapFS{
		"no scorecards":  {},
		"strata":         {"m.json": {Data: []byte(`{"model": "m"}`)}},
		"invalid":        {"m.json": {Data: []byte(`invalid`)}},
		"survey --forma": {"m.json": {Data: []byte(`{"strata": [{"by": "all"}]}`)}},
	} {
		if _, err := load(files); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%v, want an error with %q", err, name)
		}
	}
}

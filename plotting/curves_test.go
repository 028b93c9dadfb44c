package plotting

import (
	"math"
	"strings"
	"testing"
)

func TestCurves(t *testing.T) {
	c := Curves{Title: "steps", X: "evaluations", Y: "relative to 950", Curves: []Curve{
		{"variance", []float64{5, 20, 950}, []float64{0.6, 0.98, 1}},
		{"error", []float64{5, 20, 950}, []float64{1.3, 1.02, 1}},
	}}
	f, err := c.Figure()
	if err != nil {
		t.Fatal(err)
	}
	for _, render := range []func() ([]byte, error){f.PNG, f.SVG, f.PDF} {
		if data, err := render(); err != nil || len(data) < 1000 {
			t.Errorf("%d bytes, error %v", len(data), err)
		}
	}
	for name, curve := range map[string]Curve{
		"has 2 X and 1 Y": {"a", []float64{1, 2}, []float64{1}},
		"at least 2":      {"a", []float64{1}, []float64{1}},
		"(0, 1)":          {"a", []float64{0, 2}, []float64{1, 2}},
		"(2, NaN)":        {"a", []float64{1, 2}, []float64{1, math.NaN()}},
		"(1, 2)":          {"a", []float64{1, 1}, []float64{1, 2}},
	} {
		if _, err := (Curves{Curves: []Curve{curve}}).Figure(); err == nil ||
			!strings.Contains(err.Error(), name) {
			t.Errorf("error %v, want one with %q", err, name)
		}
	}
	if _, err := (Curves{}).Figure(); err == nil {
		t.Error("no curves are drawn")
	}
}

package plotting

import (
	"math"
	"slices"
	"strings"
	"testing"
)

func TestCurves(t *testing.T) {
	c := Curves{Title: "steps", X: "evaluations", Y: "relative to 950", Curves: []Curve{
		{Name: "variance", X: []float64{5, 20, 950}, Y: []float64{0.6, 0.98, 1}},
		{Name: "error", X: []float64{5, 20, 950}, Y: []float64{1.3, 1.02, 1}},
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
		"has 2 X and 1 Y": {Name: "a", X: []float64{1, 2}, Y: []float64{1}},
		"at least 2":      {Name: "a", X: []float64{1}, Y: []float64{1}},
		"(0, 1)":          {Name: "a", X: []float64{0, 2}, Y: []float64{1, 2}},
		"(2, NaN)":        {Name: "a", X: []float64{1, 2}, Y: []float64{1, math.NaN()}},
		"(1, 2)":          {Name: "a", X: []float64{1, 1}, Y: []float64{1, 2}},
	} {
		if _, err := (Curves{Curves: []Curve{curve}}).Figure(); err == nil ||
			!strings.Contains(err.Error(), name) {
			t.Errorf("error %v, want one with %q", err, name)
		}
	}
	linear := Curves{Linear: true, Curves: []Curve{{Name: "w", X: []float64{-1, 0, 4},
		Y: []float64{1, 2, 3}, Error: []float64{0, 0.1, 0.2}}}}
	texts := written(t, mustDraw(t, linear))
	for _, tick := range []string{"−1", "0", "4"} {
		if !slices.Contains(texts, tick) {
			t.Errorf("a linear axis lacks the tick %s; it has %q", tick, texts)
		}
	}
	linear.Curves[0].Error = []float64{1}
	_, err = linear.Figure()
	wantError(t, err, "1 error bars for 3 points")
	linear.Curves[0].Error = []float64{1, -1, 1}
	_, err = linear.Figure()
	wantError(t, err, "error bar -1 at X = 0")
	if _, err := (Curves{}).Figure(); err == nil {
		t.Error("no curves are drawn")
	}
}

package plotting

import (
	"bytes"
	"image/png"
	"math"
	"slices"
	"strings"
	"testing"

	"galdecon/galdecon/calibration"
)

// measured is a coverage that is off by a constant.
func measured(off float64) calibration.Coverage {
	c := calibration.Coverage{
		Observations: 100, Samples: 31, Distance: math.Abs(off), HalfWidth: 0.04, P: 0.2,
	}
	for percent := 5; percent < 100; percent += 5 {
		c.Nominal = append(c.Nominal, float64(percent)/100)
		c.Empirical = append(c.Empirical, min(max(float64(percent)/100+off, 0), 1))
	}
	return c
}

func TestCoverageFigure(t *testing.T) {
	long := "a " + strings.Repeat("very ", 20) + "long name"
	c := Coverage{
		Title: "pixels", Goal: 0.02,
		Curves: []CoverageCurve{{"DDPM", measured(0.013)}, {long, measured(-0.2)}},
	}
	f := mustDraw(t, c)
	texts := strings.Join(written(t, f), "|")
	for _, want := range []string{"pixels", "DDPM", "distance 1.3 ± 4.0 %", "distance 20.0 ± 4.0 %",
		"very v…", "credibility, %", "truths inside, %",
		"|100|", "|−20|", "dashed: the goal, within 2 %"} {
		if !strings.Contains(texts, want) {
			t.Errorf("the figure lacks %q; it has %q", want, texts)
		}
	}
	c.Goal, c.Title = 0, ""
	if texts := strings.Join(written(t, mustDraw(t, c)), "|"); strings.Contains(texts, "goal") {
		t.Errorf("there is no goal, but %q", texts)
	}

	_, err := Coverage{}.Figure()
	wantError(t, err, "1 to 6", "got 0")
	_, err = Coverage{Curves: make([]CoverageCurve, 7)}.Figure()
	wantError(t, err, "got 7")
	_, err = Coverage{Curves: []CoverageCurve{{"empty", calibration.Coverage{}}}}.Figure()
	wantError(t, err, `"empty"`, "calibration.Ranks")
	_, err = Coverage{Curves: c.Curves, Goal: -1}.Figure()
	wantError(t, err, "Goal")
	nan := measured(0)
	nan.Empirical[3] = math.NaN()
	_, err = Coverage{Curves: []CoverageCurve{{"odd", nan}}}.Figure()
	wantError(t, err, `"odd"`, "NaN")
}

// A curve lies where its numbers say: a coverage of 50 % throughout is a level line, midway between
// those of 5 % and 95 %.
func TestCoverageLiesWhereItShould(t *testing.T) {
	row := func(share float64) float64 {
		level := measured(0)
		for k := range level.Empirical {
			level.Empirical[k] = share
		}
		level.HalfWidth = 0
		data, err := mustDraw(t, Coverage{Curves: []CoverageCurve{{"level", level}}}).PNG()
		if err != nil {
			t.Fatal(err)
		}
		img, err := png.Decode(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		top, bottom, left, right := math.MaxInt, 0, math.MaxInt, 0
		for y := range img.Bounds().Dy() {
			for x := range 2 * coveragePanel { // the left panel, at two dots for a CSS pixel
				if rgb(img.At(x, y)) == rgb(blue) {
					top, bottom = min(top, y), max(bottom, y)
					left, right = min(left, x), max(right, x)
				}
			}
		}
		if bottom-top > 12 || right-left < 400 {
			t.Errorf("a level line reaches from (%d, %d) to (%d, %d)", left, top, right, bottom)
		}
		return float64(top+bottom) / 2
	}
	low, middle, high := row(0.05), row(0.5), row(0.95)
	if math.Abs((low+high)/2-middle) > 1 || low-high < 400 {
		t.Errorf("5 %%, 50 %% and 95 %% lie in the rows %g, %g and %g", low, middle, high)
	}
}

func TestRanksFigure(t *testing.T) {
	flat := calibration.Histogram{
		Observations: 100, Samples: 31,
		Density: []float64{1, 0.9, 1.1, 1}, Distance: 0.1, HalfWidth: 0.3, P: 0.4,
	}
	steep := flat
	steep.Density, steep.P = []float64{3.5, 0.5, 0, 0}, 1e-4
	r := Ranks{Title: "SBC", Histograms: []RankHistogram{
		{"flux", flat}, {"size", steep}, {"e1", flat}, {"e2", flat}, {"pixels", flat},
	}}
	f := mustDraw(t, r)
	texts := written(t, f)
	for _, want := range []string{"SBC", "flux, P = 0.4", "size, P < 0.001",
		"rank among 31 samples", "31", "2"} {
		if !slices.Contains(texts, want) {
			t.Errorf("the figure lacks %q; it has %q", want, texts)
		}
	}
	if f.Width != cellWidth || f.Height < 2*rankHeight {
		t.Errorf("5 histograms take %g x %g, want two rows of up to 4 in a cell", f.Width, f.Height)
	}
	if one := mustDraw(t, Ranks{Histograms: r.Histograms[:1]}); one.Width != rankPanel {
		t.Errorf("one histogram is %g wide", one.Width)
	}

	_, err := Ranks{}.Figure()
	wantError(t, err, "1 to 12", "got 0")
	_, err = Ranks{Histograms: []RankHistogram{{"empty", calibration.Histogram{}}}}.Figure()
	wantError(t, err, `"empty"`, "calibration.Ranks")
	steep.Density = []float64{1, math.Inf(1)}
	_, err = Ranks{Histograms: []RankHistogram{{"odd", steep}}}.Figure()
	wantError(t, err, `"odd"`, "Inf")
}

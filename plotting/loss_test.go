package plotting

import (
	"math"
	"slices"
	"testing"

	"gonum.org/v1/plot/plotter"
)

func falling(n int) []Point {
	points := make([]Point, n)
	for i := range points {
		points[i] = Point{Step: i + 1, Loss: math.Exp(-float64(i) / 100)}
	}
	return points
}

func TestLossCurve(t *testing.T) {
	l := Loss{Training: falling(500), Validation: []Point{{Step: 100, Loss: 0.5}}, Title: "run 1"}
	l.Training[7].Loss, l.Training[8].Loss = math.NaN(), -1
	f := mustDraw(t, l)
	texts := written(t, f)
	for _, want := range []string{"run 1", "loss", "training loss", "running mean", "validation",
		"500", "0.1",
		"training step; left out, as not finite or not positive: 2"} {
		if !slices.Contains(texts, want) {
			t.Errorf("the curve lacks %q; it has %q", want, texts)
		}
	}
	data, err := f.PNG()
	if err != nil || len(data) > 100_000 {
		t.Errorf("the curve takes %d bytes (%v), want at most 100000", len(data), err)
	}

	_, err = Loss{}.Figure()
	wantError(t, err, "at least 2")
	few := []Point{{Step: 1, Loss: math.NaN()}, {Step: 2, Loss: 0}, {Step: 3, Loss: 1}}
	_, err = Loss{Training: few}.Figure()
	wantError(t, err, "1 (of 3)")
	_, err = Loss{Training: []Point{{Step: 2, Loss: 1}, {Step: 1, Loss: 1}}}.Figure()
	wantError(t, err, "decrease")
	for _, points := range [][]Point{
		{{Step: 5, Loss: 1}, {Step: 5, Loss: 1}},
		{{Step: 1, Loss: 1e-300}, {Step: 2, Loss: 1e300}},
		{{Step: 1, Loss: 3}, {Step: 2, Loss: 3}},
	} {
		if _, err := mustDraw(t, Loss{Training: points}).PNG(); err != nil {
			t.Errorf("%v: %v", points, err)
		}
	}
}

func TestRunningMean(t *testing.T) {
	line := make([]Point, 300)
	for i := range line {
		line[i] = Point{Step: i, Loss: float64(1000 - i)}
	}
	mean := runningMean(line)
	// A straight line is its own mean, but at the end, where the window is cut.
	for i := range 290 {
		if math.Abs(mean[i].Loss-line[i].Loss) > 1e-9 || mean[i].Step != i {
			t.Fatalf("mean at %d is %v, want %v", i, mean[i], line[i])
		}
	}
	if got, want := mean[299].Loss, 1000.0-294; got != want {
		t.Errorf("last mean is %g, want that of the last 11, %g", got, want)
	}
}

func TestThinnedKeepsExtremes(t *testing.T) {
	points := falling(10_000)
	points[1234].Loss, points[6789].Loss = 50, 1e-30
	out := thinned(points, 100)
	if len(out) != 100 {
		t.Errorf("%d points, want 100", len(out))
	}
	for _, want := range []plotter.XY{{X: 1235, Y: 50}, {X: 6790, Y: 1e-30}} {
		if !slices.Contains(out, want) {
			t.Errorf("the extreme %v is lost", want)
		}
	}
	if !slices.IsSortedFunc(out, func(a, b plotter.XY) int { return int(a.X - b.X) }) {
		t.Error("the points are out of order")
	}
}

func TestLogTicks(t *testing.T) {
	for _, test := range []struct {
		low, high float64
		want      []string
	}{
		{0.5, 600, []string{"1", "10", "100"}},
		{0.009, 0.3, []string{"0.01", "0.02", "0.05", "0.1", "0.2"}},
		{0.11, 0.19, []string{"0.12", "0.15"}},
	} {
		var got []string
		for _, tick := range (logTicks{}).Ticks(test.low, test.high) {
			if tick.Label != "" {
				got = append(got, tick.Label)
			}
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("from %g to %g: %q, want %q", test.low, test.high, got, test.want)
		}
	}
}

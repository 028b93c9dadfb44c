package speed

import (
	"fmt"
	"math"
	"strings"
	"testing"
)

// candidates returns a row of what is drawn with a time for each call, in seconds.
func candidates(side, observations, each, exposures int, seconds float64) Row {
	return Row{What: Sampling, Model: "m", Pixels: side,
		Batch:  Draw{observations, each, exposures}.String(),
		Values: []float64{float64(observations*each) / seconds}, Operations: 2e9}
}

// TestGrowth checks the powers of times that are powers, each number's apart from the others, and
// that what takes two values only, or differs in two numbers, isn't fitted.
func TestGrowth(t *testing.T) {
	took := func(side, observations, each, exposures int) Row {
		return candidates(side, observations, each, exposures, 1e-3*math.Pow(float64(side), 2*1.25)*
			math.Pow(float64(observations), 0.75)*math.Pow(float64(each), 0.5)*
			math.Pow(float64(exposures), 0.25))
	}
	r := Run{Rows: []Row{
		{What: Peak, Values: []float64{100}},
		took(32, 1, 8, 1), took(64, 1, 8, 1), took(128, 1, 8, 1), took(128, 1, 16, 1),
		took(64, 1, 16, 1), took(64, 1, 32, 1), took(64, 2, 8, 1), took(64, 5, 8, 1),
		took(64, 1, 8, 2), took(64, 1, 8, 3), took(64, 2, 16, 1),
		{What: Evaluation, Model: "m", Pixels: 64, Batch: "1", Values: []float64{3}},
		{What: Evaluation, Model: "m", Pixels: 64, Batch: "2", Values: []float64{12}},
		{What: Evaluation, Model: "m", Pixels: 64, Batch: "4", Values: []float64{48}},
		{What: Training, Model: "m", Pixels: 64, Batch: "4", Values: []float64{48}},
		{What: Evaluation, Model: "n", Pixels: 64, Batch: "8", Values: []float64{7}},
		{What: SamplingMemory, Model: "m", Pixels: 64, Values: []float64{7}},
	}}
	var got []string
	for _, g := range r.Growth() {
		got = append(got, fmt.Sprintf("%s %s %s %d %d %.3f", g.What, g.Model, g.With, g.From, g.To,
			g.Exponent))
		if g.Error > 1e-6 {
			t.Errorf("%+v: the times are powers", g)
		}
	}
	want := `candidates m pixels 32 128 1.250
candidates m observations 1 5 0.750
candidates m candidates 8 32 0.500
candidates m exposures 1 3 0.250
evaluation m images 1 4 2.000`
	if text := strings.Join(got, "\n"); text != want {
		t.Errorf("growth:\n%s\nwant\n%s", text, want)
	}
}

// TestGrowthError checks the standard error against its closed form for three points, the middle
// one of which is off: by a factor e^d in time, which leaves residuals of -d/3, 2d/3 and -d/3.
func TestGrowthError(t *testing.T) {
	const d = 0.03
	r := Run{}
	for i, images := range []string{"1", "2", "4"} {
		ms := 5 * math.Pow(2, float64(i))
		if i == 1 {
			ms *= math.Exp(d)
		}
		r.Rows = append(r.Rows, Row{What: Evaluation, Batch: images, Values: []float64{ms}})
	}
	g := r.Growth()
	want := math.Sqrt(6*d*d/9) / (math.Sqrt2 * math.Ln2)
	if len(g) != 1 || math.Abs(g[0].Exponent-1) > 1e-12 || math.Abs(g[0].Error-want) > 1e-12 {
		t.Errorf("%+v, want a power of 1 ± %g", g, want)
	}
}

// TestNetworkShare checks the share by hand, that it needs an evaluation of as many images, and
// that both it and the powers are written.
func TestNetworkShare(t *testing.T) {
	r := Run{Rows: []Row{
		{What: Evaluation, Model: "m", Pixels: 64, Batch: "8", Values: []float64{40},
			Operations: 8e8},
		candidates(64, 1, 8, 1, 8), candidates(64, 1, 16, 1, 16), candidates(64, 1, 32, 1, 32),
		candidates(32, 1, 8, 1, 8), candidates(64, 1, 8, 2, 8),
	}}
	for i, row := range r.Rows {
		// 20 evaluations of 10⁸ operations, in each of which 8 images take 40 ms; a second each.
		share, ok := r.NetworkShare(row)
		if ok != (i == 1) || ok && math.Abs(share-20*0.005) > 1e-12 {
			t.Errorf("row %d: %g, %v", i, share, ok)
		}
	}
	var text strings.Builder
	if err := r.Write(&text, nil); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"candidates m candidates 8, 32 1.00 ± 0.00",
		"candidates m 64 1×8 10 %"} {
		if !strings.Contains(strings.Join(strings.Fields(text.String()), " "), line) {
			t.Errorf("%q isn't in\n%s", line, text.String())
		}
	}
}

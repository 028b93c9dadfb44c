package plotting

import (
	"math"
	"slices"
	"testing"
)

func TestNumber(t *testing.T) {
	for v, want := range map[float64]string{
		0: "0", 1: "1", -0.25: "−0.25", 0.0123: "0.012", 0.001: "0.001", 3.14e-6: "3.1×10^{−6}",
		-2e-12: "−2.0×10^{−12}",
		123:    "120", 12345: "1.2×10^{4}", 0.000999: "1.0×10^{−3}", math.Inf(1): "+Inf",
	} {
		if got := number(v); got != want {
			t.Errorf("number(%g) = %q, want %q", v, got, want)
		}
	}
}

// The labels of an axis tell its values apart, with no more digits than that takes.
func TestValueTicks(t *testing.T) {
	for _, c := range []struct {
		low, high, step float64
		want            []string
	}{
		{0, 0.5, 0.1, []string{"0", "0.1", "0.2", "0.3", "0.4", "0.5"}},
		{-0.5, 1, 0.5, []string{"−0.5", "0", "0.5", "1"}},
		{980, 1060, 20, []string{"980", "1000", "1020", "1040", "1060"}},
		{0.995, 1.01, 0.005, []string{"0.995", "1", "1.005", "1.01"}},
		{9900, 10100, 100, []string{"9900", "1.00×10^{4}", "1.01×10^{4}"}},
		{0, 10000, 5000, []string{"0", "5000", "1.0×10^{4}"}},
		{1e-5, 3.5e-5, 1e-5, []string{"1.0×10^{−5}", "2.0×10^{−5}", "3.0×10^{−5}"}},
	} {
		var got []string
		for _, tick := range valueTicks(c.step).Ticks(c.low, c.high) {
			got = append(got, tick.Label)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("ticks from %g to %g by %g are %q, want %q", c.low, c.high, c.step, got,
				c.want)
		}
	}
}

func TestRuns(t *testing.T) {
	got := runs("3×10^{−6} s^{2")
	want := []run{{"3×10", false}, {"−6", true}, {" s", false}, {"2", true}}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestRoundUpAndBelow(t *testing.T) {
	for v, want := range map[float64]float64{
		0: 1, 0.3: 0.3, 0.1001: 0.11, 1234: 1300, 9.99: 10, 7e-9: 7e-9,
	} {
		if got := roundUp(v); math.Abs(got/want-1) > 1e-9 {
			t.Errorf("roundUp(%g) = %g, want %g", v, got, want)
		}
	}
	for v, want := range map[float64]float64{1: 1, 4.9: 2, 5: 5, 0.99: 0.5, 51.2: 50} {
		if got := roundBelow(v); math.Abs(got/want-1) > 1e-9 {
			t.Errorf("roundBelow(%g) = %g, want %g", v, got, want)
		}
	}
}

package plotting

import (
	"math"
	"slices"
	"testing"
)

func TestNumber(t *testing.T) {
	for v, want := range map[float64]string{
		0: "0", 1: "1", -0.25: "−0.25", 0.0123: "0.012", 0.001: "0.001", 3.14e-6: "3.1×10^{−6}", -2e-12: "−2.0×10^{−12}",
		123: "120", 12345: "1.2×10^{4}", 0.000999: "1.0×10^{−3}", math.Inf(1): "+Inf",
	} {
		if got := number(v); got != want {
			t.Errorf("number(%g) = %q, want %q", v, got, want)
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
	for v, want := range map[float64]float64{0: 1, 0.3: 0.3, 0.1001: 0.11, 1234: 1300, 9.99: 10, 7e-9: 7e-9} {
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

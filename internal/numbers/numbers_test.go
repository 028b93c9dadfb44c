package numbers_test

import (
	"math"
	"strconv"
	"strings"
	"testing"

	"galdecon/internal/numbers"
)

func TestInterval(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for _, c := range []struct {
		median, low, high float64
		want              string
	}{
		{0.1234, 0.0954, 0.1544, "0.123 +0.031 −0.028"},
		{25310, 24048, 25550, "25310 +240 −1260"},
		{25314, 24048, 25554, "25310 +240 −1270"},
		{2, 1, 3.5, "2.0 +1.5 −1.0"},
		{-0.0123, -0.0173, -0.0063, "-0.012 +0.006 −0.005"},
		{3.87e-19, 3.861e-19, 3.878e-19, "(3.870 +0.008 −0.009)e-19"},
		{3.87e-40, 3.861e-40, 3.878e-40, "(3.870 +0.008 −0.009)e-40"},
		{3.87e40, 3.861e40, 3.878e40, "(3.870 +0.008 −0.009)e+40"},
		{1.2345678e6, 1.2345e6, 1.2346e6, "(1.234568 +0.000032 −0.000068)e+06"},
		{9.996e-4, 9.99e-4, 1.002e-3, "(9.996 +0.024 −0.006)e-04"},
		// The exponent is that of what is written: 999 rounds to 1000 where the error is 40.
		{999_999.9, 999_990, 1_000_040, "(1.000000 +0.000040 −0.000010)e+06"},
		{99.6, 99.6 - 0.97, 101.2, "99.6 +1.6 −1.0"}, // 0.97 is 1.0, of two digits
		// Errors that exceed the value have its place.
		{1e-30, -1, 1, "0.0 +1.0 −1.0"},
		{2e-20, 1e-20, 5e-17, "(0.0020 +4.9980 −0.0010)e-17"},
		{3, -1000, 2000, "0 +2000 −1000"},
		// One side without width.
		{7, 7, 7.25, "7.00 +0.25 −0"},
		{7, 6.75, 7, "7.00 +0 −0.25"},
		// No width at all: six digits, as the pixels have.
		{7, 7, 7, "7 +0 −0"},
		{0, 0, 0, "0 +0 −0"},
		{1.0 / 3, 1.0 / 3, 1.0 / 3, "0.333333 +0 −0"},
		{3.87e-19, 3.87e-19, 3.87e-19, "(3.87 +0 −0)e-19"},
		{1234567, 1234567, 1234567, "(1.23457 +0 −0)e+06"},
		{123456.7, 123456.7, 123456.7, "123457 +0 −0"},
		{100, nan, nan, "100 +NaN −NaN"},
		{5.5e-21, nan, nan, "(5.5 +NaN −NaN)e-21"},
		{1, 0.9, inf, "1.00 +Inf −0.10"},
		{nan, nan, nan, "NaN +NaN −NaN"},
		{inf, 0, inf, "Inf +NaN −Inf"},
		{5e-324, 0, 1e-323, "(5 +5 −5)e-324"},
		{math.MaxFloat64, 0, math.MaxFloat64, "(1.8 +0 −1.8)e+308"},
	} {
		if got := numbers.Interval(c.median, c.low, c.high); got != c.want {
			t.Errorf("Interval(%g, %g, %g) = %q, want %q", c.median, c.low, c.high, got, c.want)
		}
	}
}

// parse reads an interval as a program would.
func parse(t *testing.T, text string) (median, above, below float64) {
	t.Helper()
	exponent := ""
	if inner, after, scaled := strings.Cut(text, ")"); scaled {
		text, exponent = strings.TrimPrefix(inner, "("), after
	}
	fields := strings.Fields(text)
	if len(fields) != 3 || fields[1][0] != '+' || !strings.HasPrefix(fields[2], "−") {
		t.Fatalf("%q is no median with an upper and a lower distance", text)
	}
	read := func(s string) float64 {
		if s != "NaN" && !strings.HasSuffix(s, "Inf") {
			s += exponent
		}
		v, err := strconv.ParseFloat(s, 64)
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		return v
	}
	return read(fields[0]), read(fields[1][1:]), read(strings.TrimPrefix(fields[2], "−"))
}

// What is written is what is meant, to a seventh of the shorter error; an error that isn't 0 is
// never written as 0; and no more digits are written than it justifies.
func FuzzInterval(f *testing.F) {
	f.Add(0.1234, 0.028, 0.031)
	f.Add(3.87e-19, 9e-22, 8e-22)
	f.Add(-1e40, 1e38, 3.56e38)
	f.Add(1e-40, 3e-41, 0.0)
	f.Add(999999.5, 0.5, 0.5)
	f.Add(0.00099999, 9.5e-7, 1e-5)
	f.Add(1.0, math.NaN(), math.Inf(1))
	f.Add(1e307, 1e307, 1.0)
	f.Add(5e-324, 5e-324, 5e-324)
	f.Fuzz(func(t *testing.T, median, down, up float64) {
		down, up = math.Abs(down), math.Abs(up)
		if max(math.Abs(median), down, up) > 1e307 {
			t.Skip("rounded up it may be more than a float64 holds")
		}
		low, high := median-down, median+up
		text := numbers.Interval(median, low, high)
		m, above, below := parse(t, text)
		wantAbove, wantBelow := high-median, median-low
		shorter := math.Inf(1)
		for _, d := range []float64{wantAbove, wantBelow} {
			if d > 0 {
				shorter = min(shorter, d)
			}
		}
		// Six digits where there is no error; beside it the last bits of the reader.
		tolerance := 0.15*shorter + 1e-323
		if math.IsInf(shorter, 1) {
			tolerance = 6e-6*math.Abs(median) + 1e-323
		}
		for _, pair := range [][2]float64{{m, median}, {above, wantAbove}, {below, wantBelow}} {
			got, want := pair[0], pair[1]
			if math.IsNaN(want) && math.IsNaN(got) || got == want {
				continue
			}
			if !(math.Abs(got-want) <= tolerance+1e-15*math.Abs(want)) {
				t.Errorf("(%g, %g, %g) is written %q: %g for %g",
					median, low, high, text, got, want)
			}
		}
		if wantAbove > 0 && above == 0 || wantBelow > 0 && below == 0 {
			t.Errorf("(%g, %g, %g) is written %q, without an error", median, low, high, text)
		}
	})
}

func TestSignificant(t *testing.T) {
	for _, c := range []struct {
		v      float64
		digits int
		want   string
	}{
		{0, 2, "0"}, {1, 2, "1"}, {-0.25, 2, "-0.25"}, {0.0123, 2, "0.012"},
		{3.14e-6, 2, "3.1e-06"},
		{123, 2, "120"}, {12345, 3, "1.23e+04"}, {0.000999, 1, "1e-03"}, {9999.9, 3, "1.00e+04"},
		{math.Inf(1), 2, "+Inf"}, {math.NaN(), 2, "NaN"}, {1e-40, 2, "1.0e-40"},
	} {
		if got := numbers.Significant(c.v, c.digits); got != c.want {
			t.Errorf("Significant(%g, %d) = %q, want %q", c.v, c.digits, got, c.want)
		}
	}
}

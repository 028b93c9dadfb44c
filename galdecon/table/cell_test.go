package table

import (
	"math"
	"testing"
)

func TestNumbers(t *testing.T) {
	for _, c := range []struct {
		cell   Cell
		format Format
		want   string
	}{
		{Cell{}, nil, "—"},
		{Text(""), nil, ""},
		{Text("a word"), Decimals(2), "a word"},
		{Count(-1234567), Significant(2), "−1234567"},
		{Number(0.0069), nil, "0.00690"},
		{Number(14238), nil, "14238"},
		{Number(-0.000012345), nil, "−1.23×10⁻⁵"},
		{Number(2.5e12), nil, "2.50×10¹²"},
		{Number(999999), Significant(2), "1.0×10⁶"},
		{Number(0), nil, "0"},
		{Number(math.NaN()), nil, "NaN"},
		{Number(math.Inf(-1)), Decimals(1), "−Inf"},
		{Number(math.Inf(1)), Decimals(1), "Inf"},
		{Number(3.14159), Decimals(2), "3.14"},
		{Number(0), Decimals(2), "0.00"},
		{Number(0.0937), Decimals(2), "0.09"},
		{Number(-0.0049), Decimals(2), "0.00"},
		{Number(5), Decimals(0), "5"},
		{Number(math.Copysign(0, -1)), Decimals(1), "0.0"},
		{Number(12.6), Decimals(0), "13"},
		{Bounded(0.5, 0.25, 1), Decimals(2), "0.50 [0.25, 1.00]"},
		{Bounded(0.5, 0.004, 1), Decimals(2), "0.50 [0.00, 1.00]"},
		{Bounded(0.00376, -0.0000004, 0.1), nil, "0.00376 [0.00000, 0.10000]"},
		{Bounded(3e-7, 1e-7, 4e-7), nil, "3.00×10⁻⁷ [1.00×10⁻⁷, 4.00×10⁻⁷]"},
		{Bounded(1, math.Inf(-1), math.NaN()), Decimals(1), "1.0 [−Inf, NaN]"},
		{Uncertain(2, 0.1), Decimals(1), "2.0 ± 0.1"},
		// Errors have the digits that the Particle Data Group gives them.
		{Measured(22030, 21860, 22220), nil, "22030 +190 −170"},
		{Measured(-0.257, -0.289, -0.227), nil, "−0.257 +0.030 −0.032"},
		{Uncertain(0.1234, 0.0204), nil, "0.123 ± 0.020"},
		{Uncertain(3.87e-19, 0.08e-19), nil, "(3.87 ± 0.08)×10⁻¹⁹"},
		{Measured(100, math.NaN(), math.NaN()), nil, "100 ± NaN"},
		{Uncertain(61.53, 3.84), Decimals(1), "61.5 ± 3.8"},
		{Number(61.53).As(Decimals(0)), Decimals(1), "62"},
	} {
		if got := c.cell.text(c.format, false); got != c.want {
			t.Errorf("%+v is written %q, want %q", c.cell, got, c.want)
		}
	}
}

// A column of numbers is aligned: their points stand beneath each other, counted from the right.
func TestAlignment(t *testing.T) {
	column := func(c Column, cells ...Cell) []string {
		t := Table{Columns: []Column{c}}
		for _, cell := range cells {
			t.Add(cell)
		}
		return t.written(0)
	}
	const digit, point = "\u2007", "\u2008"
	for name, c := range map[string]struct{ got, want []string }{
		"points": {column(Column{}, Number(100), Number(2.93), Number(0.133), Number(-0.5)),
			[]string{"100" + point + digit + digit + digit, digit + digit + "2.93" + digit,
				digit + digit + "0.133", digit + "−0.500"}},
		"integers": {column(Column{}, Count(7), Count(12)), []string{digit + "7", "12"}},
		"intervals": {column(Column{Format: Decimals(1)}, Bounded(98, 94, 100), Bounded(5, 0, 12)),
			[]string{"98.0 [94.0, 100.0]", digit + "5.0 [" + digit + "0.0, " + digit + "12.0]"}},
		"error bars": {column(Column{}, Measured(22030, 21860, 22220), Uncertain(9010, 210)),
			[]string{"22030 +190 −170", digit + "9010 +210 −210"}},
		"even ones": {column(Column{}, Uncertain(22030, 180), Uncertain(9010, 50)),
			[]string{"22030 ± 180", digit + "9010 ± " + digit + "50"}},
		"words are not": {column(Column{}, Text("1"), Text("1.25")), []string{"1", "1.25"}},
		"nor what is left": {column(Column{Align: Left}, Number(1), Number(10)),
			[]string{"1.00", "10.0"}},
		"marks": {column(Column{}, Count(1).Marked(Good), Count(2).GoodIf(false), Count(3)),
			[]string{"1 ✓", "2 ✗", "3" + digit + digit}},
		"what is missing": {column(Column{}, Cell{}, Count(10)), []string{"—", "10"}},
	} {
		for i := range c.want {
			if c.got[i] != c.want[i] {
				t.Errorf("%s: row %d is %q, want %q", name, i, c.got[i], c.want[i])
			}
		}
	}
}

package posterior_test

import (
	"math"
	"strings"
	"testing"

	"galdecon/galdecon/posterior"
	"galdecon/galdecon/score"
)

// A report ends with the means over the observations, and their standard errors: σ/√n of values
// whose standard deviation, with n − 1, is σ.
func TestReportTable(t *testing.T) {
	row := func(id string, variance float64) posterior.Row {
		return posterior.Row{ID: id, Retained: 1, Reconvolution: 0.9e-5, Wiener: 5e-4,
			Accuracy: score.Accuracy{Observation: 9e-4, Samples: 8e-4, Mean: 4e-4,
				Variance: variance}}
	}
	r := posterior.Report{Rows: []posterior.Row{row("one", 1e-4), row("two", 2e-4),
		row("three", 6e-4)}}
	want := map[string]string{
		"three": "100 0.090 9.00 5.00 8.00 4.00 6.00",
		"mean":  "100 0.090 9.00 5.00 8.00 4.00 3.00",
	}
	var last []string
	for line := range strings.Lines(r.String()) {
		fields := strings.Fields(line)
		if len(fields) < 3 {
			continue
		}
		if row, ok := want[fields[0]]; ok && strings.Join(fields[1:], " ") != row {
			t.Errorf("a row is %q, want %q", line, row)
		}
		if fields[0] == "standard" {
			last = fields
		}
	}
	// The deviation of 1, 2 and 6 is √7, the root of (4 + 1 + 9)/2.
	if want := math.Sqrt(7) / math.Sqrt(3); len(last) == 0 || last[len(last)-1] != "1.53" ||
		math.Abs(want-1.53) > 0.005 {
		t.Errorf("the standard errors are %q, want %.2f at the end", last, want)
	}
	one := posterior.Report{Rows: r.Rows[:1]}
	if text := one.String(); strings.Contains(text, "standard error") ||
		!strings.Contains(text, "mean") {
		t.Errorf("the report of one is\n%s", text)
	}
	if text := (posterior.Report{}).String(); strings.Contains(text, "NaN") {
		t.Errorf("the report of none is\n%s", text)
	}
}

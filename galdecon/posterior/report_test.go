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
	lines := strings.Split(r.String(), "\n")
	var last []string
	for _, line := range lines {
		if fields := strings.Fields(line); len(fields) > 2 {
			switch fields[0] {
			case "three":
				if want := "100 0.090 9.00 5.00 8.00 4.00 6.00"; strings.Join(fields[1:], " ") != want {
					t.Errorf("a row is %q, want %q", line, want)
				}
			case "mean":
				if want := "100 0.090 9.00 5.00 8.00 4.00 3.00"; strings.Join(fields[1:], " ") != want {
					t.Errorf("the mean is %q, want %q", line, want)
				}
			case "standard":
				last = fields
			}
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

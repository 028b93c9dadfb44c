package speed

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// minute is how times are written.
const minute = "2006-01-02 15:04 MST"

// Write writes the setup and a table of the run, how times grow, and what share of them is the
// network's. Where a stored run is given, rows have their ratio to it.
func (r Run) Write(w io.Writer, stored *Run) error {
	s := r.Setup
	var text strings.Builder
	line := func(name, format string, args ...any) {
		fmt.Fprintf(&text, "%-10s%s\n", name, fmt.Sprintf(format, args...))
	}
	line("device", "%s, float32", s.Device)
	line("plugin", "%s", s.Plugin)
	line("host", "%s, %d cores", s.Processor, s.Cores)
	line("versions", "%s, galdecon %s", strings.Join(s.Versions, ", "), s.Build)
	if s.Flags != "" {
		line("XLA_FLAGS", "%s", s.Flags)
	}
	if s.Devices > 1 {
		line("training", "a step is spread over %d devices", s.Devices)
	}
	line("rounds", "%d, the first of %s", r.rounds(), s.Time.UTC().Format(minute))
	var ratios []*Ratio
	if stored != nil {
		ratios = r.Against(*stored)
		line("against", "%d, the first of %s", stored.rounds(), stored.Setup.Time.UTC().
			Format(minute))
		for _, difference := range s.differences(stored.Setup) {
			line("", "%s", difference)
		}
	}
	text.WriteByte('\n')
	table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	fmt.Fprint(table, "what\tmodel\tpixels\tbatch\tmedian\tlowest, highest\tunit\tof peak")
	if stored != nil {
		fmt.Fprint(table, "\there/there\tlowest, highest")
	}
	fmt.Fprintln(table)
	for i, row := range r.Rows {
		median, low, high := row.Median()
		share := "–"
		if v, ok := r.Share(row); ok {
			share = fmt.Sprintf("%.0f %%", 100*v)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s, %s\t%s\t%s", row.What, dash(row.Model),
			pixels(row.Pixels), dash(row.Batch), number(median), number(low), number(high),
			row.What.Unit(), share)
		switch {
		case stored == nil:
		case ratios[i] == nil:
			fmt.Fprint(table, "\t–\tnot measured there")
		default:
			fmt.Fprintf(table, "\t%.3f\t%.3f, %.3f", ratios[i].Median, ratios[i].Low,
				ratios[i].High)
		}
		fmt.Fprintln(table)
	}
	if err := errors.Join(table.Flush(), r.writeGrowth(&text)); err != nil {
		return err
	}
	for _, m := range r.Missing {
		fmt.Fprintf(&text, "not measured: %s\n", m)
	}
	_, err := io.WriteString(w, text.String())
	return err
}

// String names the row, and says why it is missing.
func (m Missing) String() string { return m.name() + ": " + m.Why }

// name names the row.
func (m Missing) name() string {
	text := string(m.What)
	if m.Model != "" {
		text += fmt.Sprintf(", %s, %d pixels", m.Model, m.Pixels)
	}
	if m.Batch != "" {
		text += ", batch " + m.Batch
	}
	return text
}

// rounds returns how many rounds the run has.
func (r Run) rounds() (n int) {
	for _, row := range r.Rows {
		n = max(n, len(row.Values))
	}
	return n
}

func dash(text string) string {
	if text == "" {
		return "–"
	}
	return text
}

func pixels(n int) string {
	if n == 0 {
		return "–"
	}
	return fmt.Sprint(n)
}

// number returns a value with three digits, and all of those before the point.
func number(v float64) string {
	switch {
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}

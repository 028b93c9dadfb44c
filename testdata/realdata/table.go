package main

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"gonum.org/v1/gonum/stat"

	"galdecon/galdecon/calibration"
)

// table is one of the results.
type table struct {
	Title string     `json:"title"`
	Head  []string   `json:"head"`
	Rows  [][]string `json:"rows"`
	Notes string     `json:"notes,omitempty"`
}

func (t *table) add(cells ...string) { t.Rows = append(t.Rows, cells) }

// String returns the table as text; nothing if it has no rows.
func (t table) String() string {
	if len(t.Rows) == 0 {
		return ""
	}
	widths := make([]int, len(t.Head))
	for _, row := range append([][]string{t.Head}, t.Rows...) {
		for j, cell := range row {
			widths[j] = max(widths[j], utf8.RuneCountInString(cell))
		}
	}
	var text strings.Builder
	fmt.Fprintf(&text, "\n%s\n", t.Title)
	for _, row := range append([][]string{t.Head}, t.Rows...) {
		line := ""
		for j, cell := range row {
			space := strings.Repeat(" ", widths[j]-utf8.RuneCountInString(cell))
			if j == 0 {
				line += cell + space
			} else {
				line += "  " + space + cell
			}
		}
		text.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	text.WriteString(t.Notes)
	return text.String()
}

func count(n int) string { return fmt.Sprint(n) }

func number(v float64) string {
	if math.IsNaN(v) {
		return "–"
	}
	return fmt.Sprintf("%.3g", v)
}

func percent(v float64) string { return fmt.Sprintf("%.1f", 100*v) }

func median(v []float64) float64 {
	if len(v) == 0 {
		return math.NaN()
	}
	v = slices.Clone(v)
	slices.Sort(v)
	return stat.Quantile(0.5, stat.LinInterp, v, nil)
}

// deviation returns the root mean square.
func deviation(v []float64) float64 {
	if len(v) == 0 {
		return math.NaN()
	}
	return math.Sqrt(dot(v, v) / float64(len(v)))
}

// settings groups records that weren't refused by their settings, in the order of these.
func settings(records []record) (names []string, by map[string][]record) {
	by = map[string][]record{}
	for _, r := range records {
		if !slices.Contains(names, r.Setting) {
			names = append(names, r.Setting)
		}
		if r.Refused == "" {
			by[r.Setting] = append(by[r.Setting], r)
		}
	}
	slices.SortStableFunc(names, func(a, b string) int { return cmp.Compare(len(a), len(b)) })
	return names, by
}

// mean returns that of a value over the records that have it, NaN if none has.
func mean(records []record, name string) float64 {
	sum, n := 0.0, 0.0
	for _, r := range records {
		if v, ok := r.Values[name]; ok {
			sum, n = sum+v, n+1
		}
	}
	return sum / n
}

// knownTables compare candidates of galaxies whose truth is known.
func knownTables(title string, records []record) []table {
	names, by := settings(records)
	errors := table{Title: title + ": mean squared errors to the truth, 10⁻⁴ of its peak²",
		Head: []string{"", "n", "model", "RL 10", "RL 30", "Wiener", "seen", "grain",
			"error/spread", "detail", "χ²"},
		Notes: "model: the mean of candidates. grain: the variance of the noise in the truth's " +
			"picture, part of\nall errors. detail: power of candidates with such noise over the " +
			"truth's, from 0.25 cycles a pixel.\n"}
	shapes := table{Title: title + ": pixels covered, and |Δg|",
		Head: []string{"", "off by, points", "±", "|Δg| model", "its spread", "RL 10", "RL 30",
			"Wiener", "seen", "n"},
		Notes: "model: mean ellipticity of candidates; spread: what it should be by theirs, " +
			"√(π/4) of the\nroot mean square. Galaxies that every method could measure.\n"}
	for _, name := range names {
		rs := by[name]
		if len(rs) == 0 {
			continue
		}
		const unit = 1e4
		var squares []record
		for _, r := range rs {
			r.Values["grain²"] = r.Values["grain"] * r.Values["grain"]
			squares = append(squares, r)
		}
		errors.add(name, count(len(rs)), number(unit*mean(rs, "error")),
			number(unit*mean(rs, "error RL10")), number(unit*mean(rs, "error RL30")),
			number(unit*mean(rs, "error Wiener")), number(unit*mean(rs, "error seen")),
			number(unit*mean(squares, "grain²")),
			number(math.Sqrt(mean(rs, "error")/mean(rs, "spread"))),
			number(mean(rs, "detail")/mean(rs, "detail true")), number(mean(rs, "χ²")))
		off, half := coverage(rs)
		var measured []record
		for _, r := range rs {
			if r.Values["dg"] != 0 && r.Values["dg RL10"] != 0 && r.Values["dg RL30"] != 0 &&
				r.Values["dg Wiener"] != 0 && r.Values["dg seen"] != 0 {
				measured = append(measured, r)
			}
		}
		shapes.add(name, off, half, number(mean(measured, "dg")),
			number(mean(measured, "dg spread")*math.Sqrt(math.Pi)/2),
			number(mean(measured, "dg RL10")), number(mean(measured, "dg RL30")),
			number(mean(measured, "dg Wiener")), number(mean(measured, "dg seen")),
			count(len(measured)))
	}
	return []table{errors, shapes, refusals(title, records)}
}

// coverage returns by how many points intervals of pixels are off, and the band's half width.
func coverage(records []record) (off, half string) {
	if len(records) < 2 {
		return "–", "–"
	}
	ranks := calibration.Ranks{Samples: len(records[0].Ranks) - 1}
	for _, r := range records {
		ranks.Counts = append(ranks.Counts, r.Ranks)
	}
	c, err := ranks.Central(1)
	if err != nil {
		return err.Error(), ""
	}
	return percent(c.Distance), percent(c.HalfWidth)
}

// fluxTables compare the scatter of fluxes with their error bars.
func fluxTables(title string, records []record) []table {
	out := table{Title: title + ": fluxes",
		Head: []string{"", "n", "bias, %", "scatter, %", "bars, %", "scatter/bars", "χ²"},
		Notes: "bars: root mean square of the candidates' deviations; scatter: about the mean, " +
			"±1/√(2n) of itself.\n"}
	names, by := settings(records)
	for _, name := range names {
		var offs, bars []float64
		for _, r := range by[name] {
			t := r.Values["flux true"]
			offs = append(offs, r.Values["flux"]/t-1)
			bars = append(bars, r.Values["flux ±"]/t)
		}
		if len(offs) < 2 {
			continue
		}
		scatter := stat.StdDev(offs, nil)
		out.add(name, count(len(offs)), number(100*stat.Mean(offs, nil)), number(100*scatter),
			number(100*deviation(bars)), number(scatter/deviation(bars)), number(mean(by[name], "χ²")))
	}
	return []table{out, refusals(title, records)}
}

// asIsTables list χ².
func asIsTables(title string, records []record) []table {
	out := table{Title: title, Head: []string{"", "n", "χ²", "least", "most", "without data, %"},
		Notes: "χ²: mean of (x − Π*y)²/σ² over pixels with data and candidates.\n"}
	names, by := settings(records)
	for _, name := range names {
		var all []float64
		for _, r := range by[name] {
			all = append(all, r.Values["χ²"])
		}
		if len(all) > 0 {
			out.add(name, count(len(all)), number(stat.Mean(all, nil)), number(slices.Min(all)),
				number(slices.Max(all)), number(100*mean(by[name], "lost")))
		}
	}
	return []table{out, refusals(title, records)}
}

// refusals list what was refused, and why.
func refusals(title string, records []record) table {
	out := table{Title: title + ": refused", Head: []string{"", "reason", "n", "for example"}}
	type kind struct{ setting, reason string }
	var order []kind
	by := map[kind][]record{}
	for _, r := range records {
		if r.Refused == "" {
			continue
		}
		k := kind{r.Setting, r.Refused}
		if by[k] == nil {
			order = append(order, k)
		}
		by[k] = append(by[k], r)
	}
	for _, k := range order {
		example := []rune(by[k][0].Object + ": " + by[k][0].What)
		if len(example) > 60 {
			example = append(example[:59], '…')
		}
		out.add(k.setting, k.reason, count(len(by[k])), string(example))
	}
	return out
}

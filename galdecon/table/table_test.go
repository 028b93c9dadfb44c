package table_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"galdecon/galdecon/table"
)

// survey is a table with all that one can have.
func survey() table.Table {
	t := table.Table{
		Title: "A <survey> of galaxies & stars",
		Columns: []table.Column{
			{Name: "object"},
			{Name: "flux", Unit: "count", Group: "photometry"},
			{Name: "half-light radius", Unit: "pixels", Group: "photometry",
				Format: table.Decimals(2)},
			{Name: "χ²", Format: table.Decimals(2)},
			{Name: "remark"},
		},
		Notes: []string{`In brackets: "95 %" <confidence>.`},
	}
	row := func(section string, cells ...table.Cell) {
		t.Rows = append(t.Rows, table.Row{Section: section, Cells: cells})
	}
	row("bright", table.Text("M 51"), table.Measured(22030, 21860, 22220), table.Number(12.5),
		table.Bounded(0.98, 0.9, 1.1).Marked(table.Good), table.Text(""))
	row("bright", table.Text("M 101"), table.Measured(9010, 8800, 9220), table.Number(3.25),
		table.Bounded(21, 13, 30).Marked(table.Bad), table.Text("<script>alert(1)</script>"))
	row("faint", table.Text("M 9"), table.Uncertain(120, 11), table.Cell{}, table.Cell{})
	t.Rows = append(t.Rows, table.Row{Summary: true,
		Cells: []table.Cell{table.Text("mean"), table.Number(10387)}})
	return t
}

func TestText(t *testing.T) {
	want := `A <survey> of galaxies & stars
        ─────── photometry ────────
                         half-light
                   flux      radius
object            count      pixels                      χ²  remark
──────────────────────────────────────────────────────────────────────────────────────
bright
M 51    22030 +190 −170       12.50   0.98 [ 0.90,  1.10] ✓
M 101    9010 +210 −210        3.25  21.00 [13.00, 30.00] ✗  <script>alert(1)</script>
faint
M 9       120  +11  −11           —                       —
──────────────────────────────────────────────────────────────────────────────────────
mean              10387
In brackets: "95 %" <confidence>.
`
	if got := survey().String(); got != want {
		t.Errorf("the table is\n%s\nwant\n%s", got, want)
	}
}

// Whatever a table holds, no line is wider than 100 columns, no cell is lost, and each part has the
// names of rows.
func TestTextIsNarrow(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	word := func(most int) string {
		letters := make([]string, 1+r.IntN(most))
		for i := range letters {
			letters[i] = strings.Repeat(string(rune('a'+r.IntN(26))), 1+r.IntN(14))
		}
		return strings.Join(letters, " ")
	}
	for range 300 {
		of := table.Table{Title: word(30), Notes: []string{word(60)}, Keys: r.IntN(3)}
		var want []string
		for k := range 1 + max(of.Keys, 1) + r.IntN(12) {
			c := table.Column{Name: word(3), Unit: word(1), Align: table.Align(r.IntN(4))}
			if r.IntN(2) == 0 {
				c.Group = fmt.Sprint("group ", k/3)
			}
			of.Columns = append(of.Columns, c)
		}
		for range 1 + r.IntN(5) {
			var cells []table.Cell
			for k := range of.Columns {
				switch n := r.IntN(5); {
				case n == 0 || k == 0:
					cells = append(cells, table.Text(word(9)))
				case n == 1:
					cells = append(cells, table.Bounded(r.Float64(), r.NormFloat64(), 1e9))
				default:
					v := r.IntN(1e9)
					want = append(want, fmt.Sprint(v))
					cells = append(cells, table.Count(v))
				}
			}
			of.Rows = append(of.Rows, table.Row{Section: word(20), Cells: cells})
		}
		text := of.String()
		for line := range strings.Lines(text) {
			if n := utf8.RuneCountInString(strings.TrimRight(line, "\n")); n > table.Width {
				t.Fatalf("a line of %d columns in\n%s", n, text)
			}
		}
		for _, number := range want {
			if !strings.Contains(text, number) {
				t.Fatalf("the text lacks %s:\n%s", number, text)
			}
		}
		parts, heads := strings.Count(text, "\n\n")+1, strings.Count(text, "──\n")
		if of.Keys < 2 && heads < parts {
			t.Fatalf("%d parts, but %d heads:\n%s", parts, heads, text)
		}
	}
}

// Columns that don't fit go together with those of their group.
func TestGroupsStayTogether(t *testing.T) {
	of := table.Table{Columns: []table.Column{{Name: "name"}}}
	cells := []table.Cell{table.Text("row")}
	for _, group := range []string{"first", "second", "third"} {
		for k := range 3 {
			of.Columns = append(of.Columns, table.Column{Name: fmt.Sprint(group, k), Group: group})
			cells = append(cells, table.Bounded(0.123, 0.111, 0.133))
		}
	}
	of.Add(cells...)
	parts := strings.Split(of.String(), "\n\n")
	if len(parts) != 3 {
		t.Fatalf("%d parts:\n%s", len(parts), of)
	}
	for i, group := range []string{"first", "second", "third"} {
		if !strings.Contains(parts[i], group+"0") || !strings.Contains(parts[i], group+"2") ||
			!strings.Contains(parts[i], "row") {
			t.Errorf("part %d is\n%s", i, parts[i])
		}
	}
}

func TestMarkdown(t *testing.T) {
	want := `**A &lt;survey> of galaxies &amp; stars**

| object | photometry: flux, count | photometry: half-light radius, pixels | χ² | remark |
| :-- | --: | --: | --: | :-- |
| *bright* | | | | |
| M 51 | 22030 +190 −170 | 12.50 | 0.98 \[.0.90, .1.10] ✓ |  |
| M 101 | 9010 +210 −210 | 3.25 | 21.00 \[13.00, 30.00] ✗ | &lt;script>alert(1)&lt;/script> |
| *faint* | | | | |
| M 9 | 120 .+11 .−11 | — | —.. |  |
| mean | 10387 |  |  |  |

In brackets: "95 %" &lt;confidence>.
`
	got := strings.ReplaceAll(table.Markdown(survey()), "\u2007", ".")
	if got != want {
		t.Errorf("the table is\n%s\nwant\n%s", got, want)
	}
	odd := table.Table{Columns: []table.Column{{Name: "a|b"}, {Name: "*c*"}}}
	odd.Add(table.Text("x|y\nz"), table.Text("`_"))
	if got := table.Markdown(odd); !strings.Contains(got, "| a\\|b | \\*c\\* |") ||
		!strings.Contains(got, "| x\\|y z | \\`\\_ |") {
		t.Errorf("the table is\n%s", got)
	}
}

func TestValidate(t *testing.T) {
	if err := survey().Validate(); err != nil {
		t.Error(err)
	}
	for want, of := range map[string]table.Table{
		`"empty" has no columns`: {Title: "empty"},
		"Keys is 2":              {Columns: []table.Column{{Name: "a"}}, Keys: 2},
		"row 1 of": {Columns: []table.Column{{Name: "a"}}, Rows: []table.Row{{},
			{Cells: make([]table.Cell, 2)}}},
	} {
		if err := of.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error is %v, want %q", err, want)
		}
	}
	// A table that isn't valid for want of columns is written all the same.
	if text := (table.Table{Title: "empty"}).String(); text != "empty\n" {
		t.Errorf("the text is %q", text)
	}
}

func TestTables(t *testing.T) {
	both := table.String(slices.Concat(survey().Tables(), survey().Tables())...)
	if one := survey().String(); both != one+"\n"+one {
		t.Errorf("two tables are\n%s", both)
	}
}

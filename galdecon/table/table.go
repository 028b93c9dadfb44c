// Package table holds tables of measured numbers: columns with units and groups, rows in sections,
// numbers with their errors. One description gives them in a terminal ([String]), in a notebook
// cell or on a page ([HTML]), and in [Markdown]:
//
//	t := table.Table{Title: "Two galaxies", Columns: []table.Column{
//		{Name: "galaxy"}, {Name: "flux", Unit: "count"}, {Name: "χ²", Format: table.Decimals(2)},
//	}}
//	t.Add(table.Text("left"), table.Measured(22030, 21860, 22220), table.Number(0.98))
//	t.Add(table.Text("right"), table.Measured(12010, 11850, 12220), table.Number(1.02))
//	fmt.Print(t)
package table

import (
	"fmt"
	"slices"
)

// Table is a table of words and numbers. Its zero value is empty and can be added to.
type Table struct {
	// Title says in one line what the table shows; it may be empty.
	Title string
	// Columns are its columns, from left to right.
	Columns []Column
	// Keys is how many of the first columns name a row, 0 for 1. Where a table is too wide they are
	// repeated in each part of it.
	Keys int
	// Rows are its rows, from top to bottom.
	Rows []Row
	// Notes are sentences that stand beneath it.
	Notes []string
}

// Column is what its cells have in common.
type Column struct {
	// Name and Unit head the column; Unit is empty for numbers without one.
	Name, Unit string
	// Group stands above all neighbors that have the same; it may be empty.
	Group string
	// Align is where cells stand; by default words stand on the left, and numbers beneath each
	// other by their decimal points.
	Align Align
	// Format writes the numbers; by default they have three significant digits, and those with an
	// error the digits that it justifies.
	Format Format
}

// Align is where the cells of a column stand.
type Align int

// Where cells stand.
const (
	Auto Align = iota
	Left
	Center
	Right
)

// Row is a row of cells, one for each column; those that are missing at its end are blank.
type Row struct {
	// Section is a heading that stands above the row, unless it is that of the row before.
	Section string
	// Summary marks a row that is about all others, such as their mean. It is set apart, and keeps
	// its place where rows are sorted.
	Summary bool
	// Cells are its cells, from left to right.
	Cells []Cell
}

// Tabular is what can be shown as tables.
type Tabular interface{ Tables() []Table }

// Tables returns t alone, so that a Table is Tabular.
func (t Table) Tables() []Table { return []Table{t} }

// Add adds a row.
func (t *Table) Add(cells ...Cell) { t.Rows = append(t.Rows, Row{Cells: cells}) }

// Validate returns an error if the table has no columns, or a row more cells than columns.
func (t Table) Validate() error {
	if len(t.Columns) == 0 {
		return fmt.Errorf("table: %q has no columns", t.Title)
	}
	if t.Keys < 0 || t.Keys > len(t.Columns) {
		return fmt.Errorf("table: %q has %d columns, but Keys is %d", t.Title, len(t.Columns),
			t.Keys)
	}
	for i, r := range t.Rows {
		if len(r.Cells) > len(t.Columns) {
			return fmt.Errorf("table: row %d of %q has %d cells for %d columns", i, t.Title,
				len(r.Cells), len(t.Columns))
		}
	}
	return nil
}

// keys returns how many columns name a row.
func (t Table) keys() int { return min(max(t.Keys, 1), len(t.Columns)) }

// cell returns that of a row and a column, a blank one where the row is shorter.
func (t Table) cell(row, column int) Cell {
	if cells := t.Rows[row].Cells; column < len(cells) {
		return cells[column]
	}
	return Text("")
}

// hasGroups tells whether a column has a group.
func (t Table) hasGroups() bool {
	return slices.ContainsFunc(t.Columns, func(c Column) bool { return c.Group != "" })
}

// align returns where the cells of a column stand: numbers on the right, after a text alike has
// been made of them.
func (t Table) align(column int) Align {
	if a := t.Columns[column].Align; a != Auto {
		return a
	}
	for i := range t.Rows {
		if t.cell(i, column).isNumber() {
			return Right
		}
	}
	return Left
}

// span is a run of neighboring columns, from First up to but not including End.
type span struct {
	first, end int
	group      string
}

// groups returns the columns from first on in runs of the same group; a column without one is a run
// of its own.
func (t Table) groups(first int) (spans []span) {
	for i := first; i < len(t.Columns); i++ {
		group := t.Columns[i].Group
		if last := len(spans) - 1; group != "" && last >= 0 && spans[last].group == group {
			spans[last].end = i + 1
			continue
		}
		spans = append(spans, span{i, i + 1, group})
	}
	return spans
}

// section is a run of rows that belong together.
type section struct {
	// heading stands above them, if it isn't that of the rows before.
	heading string
	summary bool
	rows    []int
}

// sections returns the rows in runs of the same section, and those that are summaries in runs of
// their own.
func (t Table) sections() (all []section) {
	name := ""
	for i, r := range t.Rows {
		last := len(all) - 1
		if last < 0 || r.Section != name || r.Summary != all[last].summary {
			s := section{summary: r.Summary}
			if r.Section != name {
				s.heading, name = r.Section, r.Section
			}
			all, last = append(all, s), last+1
		}
		all[last].rows = append(all[last].rows, i)
	}
	return all
}

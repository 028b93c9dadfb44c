// Package table holds tables of typed columns, with units and descriptions, and reads and writes
// them as FITS binary tables and as text: CSV, ECSV, and SExtractor's own. Parquet is in package
// parquet beside it, which programs link that need it.
//
//	t, err := table.Load("catalogue.fits[LDAC_OBJECTS]")
//	flux := t.Column("FLUX_AUTO")
//	fmt.Println(flux.Float(0), flux.Unit)
package table

import (
	"fmt"
	"slices"
	"strings"
)

// Table is columns of one length, each with another name.
type Table struct {
	Columns []*Column
	// Notes say what of a file isn't in the table, and why, one sentence each.
	Notes []string
}

// Rows returns the number of rows, 0 without columns.
func (t *Table) Rows() int {
	if len(t.Columns) == 0 {
		return 0
	}
	return t.Columns[0].Rows()
}

// Column returns the column with a name, or else the only one with it in another case, or nil.
func (t *Table) Column(name string) *Column {
	var found *Column
	n := 0
	for _, c := range t.Columns {
		if c.Name == name {
			return c
		}
		if strings.EqualFold(c.Name, name) {
			found = c
			n++
		}
	}
	if n != 1 {
		return nil
	}
	return found
}

// Names returns the names of the columns in their order.
func (t *Table) Names() []string {
	names := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		names[i] = c.Name
	}
	return names
}

// Validate returns an error if a column has no name or that of another, if its values don't fit its
// type and shape, or if the columns have different lengths.
func (t *Table) Validate() error {
	seen := map[string]bool{}
	for i, c := range t.Columns {
		switch {
		case c.Name == "":
			return fmt.Errorf("table: column %d, counted from 0, has no name; give it one", i)
		case seen[c.Name]:
			return fmt.Errorf("table: two columns are named %s; rename one", c.Name)
		}
		seen[c.Name] = true
		if err := c.Validate(); err != nil {
			return err
		}
		if n := c.Rows(); n != t.Rows() {
			return fmt.Errorf("table: column %s has %d rows, %s has %d", c.Name, n,
				t.Columns[0].Name, t.Rows())
		}
	}
	return nil
}

// Select returns a copy of the rows with the given numbers, counted from 0, in that order. Like a
// slice it panics where one is out of range.
func (t *Table) Select(rows ...int) *Table {
	out := &Table{Columns: make([]*Column, len(t.Columns)), Notes: t.Notes}
	for i, c := range t.Columns {
		out.Columns[i] = c.like()
		for _, r := range rows {
			out.Columns[i].appendRows(c, r, r+1)
		}
	}
	return out
}

// Join returns the rows of tables one after the other. It is an error if their columns differ in
// number, name, unit, type or shape.
func Join(tables ...*Table) (*Table, error) {
	out := &Table{}
	for i, t := range tables {
		if err := t.Validate(); err != nil {
			return nil, err
		}
		if i == 0 {
			for _, c := range t.Columns {
				out.Columns = append(out.Columns, c.like())
			}
		}
		if len(t.Columns) != len(out.Columns) {
			return nil, fmt.Errorf("table: cannot join a table of %d columns to one of %d",
				len(t.Columns), len(out.Columns))
		}
		for k, c := range t.Columns {
			to := out.Columns[k]
			if c.Name != to.Name || c.Type != to.Type || c.Unit != to.Unit ||
				c.IsVariable() != to.IsVariable() || !slices.Equal(c.Shape, to.Shape) {
				return nil, fmt.Errorf("table: cannot join column %d, %s, to %s", k, c, to)
			}
			to.appendRows(c, 0, c.Rows())
		}
	}
	return out, nil
}

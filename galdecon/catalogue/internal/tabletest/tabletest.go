// Package tabletest compares tables with what other programs have read in their files.
package tabletest

import (
	"encoding/json"
	"os"
	"slices"
	"strconv"
	"testing"

	"galdecon/galdecon/catalogue/table"
)

// expected is a column as astropy has it; make.py in testdata writes it.
type expected struct {
	Name, Unit, Description, Type string
	Shape                         []int
	Rows                          [][]string
}

// Compare compares a table with what astropy reads.
func Compare(t *testing.T, got *table.Table, golden string) {
	t.Helper()
	data, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	var want []expected
	if err := json.Unmarshal(data, &want); err != nil {
		t.Fatal(err)
	}
	if err := got.Validate(); err != nil {
		t.Fatal(err)
	}
	if len(got.Columns) != len(want) {
		t.Fatalf("%d columns %v, want %d", len(got.Columns), got.Names(), len(want))
	}
	for i, w := range want {
		c := got.Columns[i]
		if c.Name != w.Name || c.Unit != w.Unit || c.Description != w.Description ||
			string(c.Type) != w.Type || !slices.Equal(c.Shape, w.Shape) {
			t.Errorf("column %v %q, want %+v", c, c.Description, w)
		}
		if c.Rows() != len(w.Rows) {
			t.Errorf("%s: %d rows, want %d", c.Name, c.Rows(), len(w.Rows))
			continue
		}
		for row, values := range w.Rows {
			from, end := c.Row(row)
			if end-from != len(values) {
				t.Errorf("%s: row %d has %d values, want %d", c.Name, row, end-from, len(values))
				continue
			}
			for k, text := range values {
				if !same(c, from+k, text) {
					t.Errorf("%s, row %d: %q, want %q", c.Name, row, c.Text(from+k), text)
				}
			}
		}
	}
}

// same tells whether a value is what Python's text says.
func same(c *table.Column, i int, text string) bool {
	switch {
	case text == "missing" || c.IsMissing(i):
		return text == "missing" && c.IsMissing(i)
	case !c.Type.IsFloat():
		return c.Text(i) == text
	}
	v, err := strconv.ParseFloat(text, 64)
	if c.Type == table.Float32 {
		v = float64(float32(v))
	}
	return err == nil && (v == c.Float(i) || v != v && c.Float(i) != c.Float(i))
}

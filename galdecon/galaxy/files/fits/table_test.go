package fits

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strconv"
	"testing"
)

func TestTableAgainstAstropy(t *testing.T) {
	b, err := os.ReadFile("testdata/table_values.json")
	if err != nil {
		t.Fatal(err)
	}
	var want map[string][][]string
	if err := json.Unmarshal(b, &want); err != nil {
		t.Fatal(err)
	}
	f, err := Open("testdata/table.fits")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	hdu, err := f.Select(Selector{Name: "CAT"})
	if err != nil {
		t.Fatal(err)
	}
	columns, err := hdu.Columns()
	if err != nil || len(columns) != len(want) {
		t.Fatal(len(columns), err)
	}
	for _, c := range columns {
		rows := want[c.Name]
		if c.Rows != len(rows) {
			t.Errorf("%s: %d rows", c.Name, c.Rows)
		}
		if c.kindOf() == 'A' {
			texts, err := c.Texts()
			if err != nil || !slices.EqualFunc(texts, rows, slices.Equal) {
				t.Errorf("%s: %q, want %q: %v", c.Name, texts, rows, err)
			}
			if _, err := c.Numbers(); err == nil {
				t.Errorf("%s: texts as numbers", c.Name)
			}
			continue
		}
		numbers, err := c.Numbers()
		if err != nil || !slices.EqualFunc(numbers, rows, func(got []float64, want []string) bool {
			return slices.EqualFunc(got, want, func(x float64, text string) bool {
				y, err := strconv.ParseFloat(text, 64)
				return same(x, y) && err == nil
			})
		}) {
			t.Errorf("%s: %v, want %v: %v", c.Name, numbers, rows, err)
		}
		if slices.Contains([]string{"K", "U8", "QJ"}, c.Name) {
			integers, err := c.Integers()
			if err != nil ||
				!slices.EqualFunc(integers, rows, func(got []int64, want []string) bool {
					return slices.EqualFunc(got, want, func(x int64, text string) bool {
						return fmt.Sprint(x) == text
					})
				}) {
				t.Errorf("%s: %v, want %v: %v", c.Name, integers, rows, err)
			}
		}
	}
	for i, shape := range map[int][]int{0: nil, 1: {11}, 8: {2, 3}, 15: {3}, 16: nil} {
		if !slices.Equal(columns[i].Shape, shape) {
			t.Errorf("%s: shape %v, want %v", columns[i].Name, columns[i].Shape, shape)
		}
	}
	if columns[4].Unit != "count" || columns[7].Format != "E" && columns[7].Format != "1E" {
		t.Errorf("%+v %+v", columns[4], columns[7])
	}
	for _, i := range []int{7, 11} { // floating point, and scaled
		if v, err := columns[i].Integers(); err == nil {
			t.Errorf("%s: integers %v", columns[i].Name, v)
		}
	}
	if v, err := columns[12].Integers(); err != nil || v[1][0] != 65535 {
		t.Error(v, err)
	}
}

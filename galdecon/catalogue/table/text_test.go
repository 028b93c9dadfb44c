package table_test

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"galdecon/galdecon/catalogue/table"
)

// SExtractor's two formats have the same objects; the array isn't the last column.
func TestSExtractor(t *testing.T) {
	text, binary := load(t, "testdata/sextractor.cat"), load(t, "testdata/sextractor.fits")
	want := []string{"NUMBER", "X_IMAGE", "Y_IMAGE", "FLUX_APER", "FLUX_RADIUS", "FLAGS"}
	if !slices.Equal(text.Names(), want) || !slices.Equal(binary.Names(), want) {
		t.Fatalf("%v and %v, want %v", text.Names(), binary.Names(), want)
	}
	if text.Rows() != 4 || binary.Rows() != 4 {
		t.Fatalf("%d and %d rows", text.Rows(), binary.Rows())
	}
	for i, c := range text.Columns {
		b := binary.Columns[i]
		if c.Unit != b.Unit || c.Description == "" || c.Description != b.Description ||
			!slices.Equal(c.Shape, b.Shape) {
			t.Errorf("%v %q and %v %q", c, c.Description, b, b.Description)
		}
		for k := range c.Len() {
			if x, y := c.Float(k), b.Float(k); math.Abs(x-y) > 1e-3*math.Abs(y)+1e-3 {
				t.Errorf("%s, value %d: %g and %g", c.Name, k, x, y)
			}
		}
	}
	if c := text.Column("FLUX_APER"); !slices.Equal(c.Shape, []int{3}) {
		t.Errorf("%v", c)
	}
}

func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "table.txt")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestSeparators(t *testing.T) {
	for _, text := range []string{
		"id,x,name\n007,1.5,a\n008,-2e3,b\n", "id\tx\tname\n007\t1.5\ta\n008\t-2e3\tb",
		"id;x;name\r\n007;1.5;a\r\n008;-2e3;b\r\n",
		"# a comment\n\nid   x name\n007 1.5  a\n 008 -2e3 b\n",
	} {
		got := load(t, write(t, text))
		if !slices.Equal(got.Names(), []string{"id", "x", "name"}) ||
			!slices.Equal(got.Column("id").Texts, []string{"007", "008"}) ||
			!slices.Equal(got.Column("x").Floats, []float64{1.5, -2000}) ||
			!slices.Equal(got.Column("name").Texts, []string{"a", "b"}) {
			t.Errorf("%q: %v", text, got.Columns)
		}
	}
}

// No digit of an id is lost.
func TestLargeIntegers(t *testing.T) {
	got := load(t, write(t, "a,b,c,d\n9223372036854775807,18446744073709551615,"+
		"123456789012345678901,1e3\n1,2,3,4\n"))
	for i, want := range []string{"9223372036854775807", "18446744073709551615",
		"123456789012345678901", "1000"} {
		if text := got.Columns[i].Text(0); text != want {
			t.Errorf("%s: %q, want %q", got.Columns[i], text, want)
		}
	}
}

// What can't be read says what is wrong, and what to do.
func TestBadFiles(t *testing.T) {
	const ecsv = "# %ECSV 1.0\n# ---\n# datatype:\n"
	for text, want := range map[string]string{
		"":                                       "it is empty",
		"1 2 3\n4 5 6\n":                         "names of the columns",
		"a,b\n1\n":                               "wrong number of fields",
		"a b\n1 2\n3\n":                          "line 3 below the comments has 1 values",
		"a,a\n1,2\n":                             "two columns are named a",
		"<?xml version='1.0'?>":                  "VOTable",
		"PAR1":                                   "package parquet",
		"# %ECSV 1.0\n# ---\n# datatype: {\na\n": "isn't YAML",
		ecsv + "# - {name: a, datatype: int8}\na\n300\n": "row 0: \"300\" is no int8",
		ecsv + "# - {name: a, datatype: string, subtype: 'int8[2]'}\na\n[1]\n": "it has " +
			"1 values, not the 2 of shape [2]",
	} {
		_, err := table.Load(write(t, text))
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
	if _, err := table.Load(write(t, "PAR1")); !errors.Is(err, table.ErrParquet) {
		t.Errorf("%v isn't ErrParquet", err)
	}
	for name, want := range map[string]string{
		"testdata/types.fits[2]": "there is no HDU [2]", "testdata/nothing": "no such file",
		"testdata/odd.fits[0]": "no binary table", "testdata/plain.csv[1]": "only FITS files",
	} {
		if _, err := table.Load(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
}

// What FITS can't hold is an error, and leaves no file.
func TestNotFITS(t *testing.T) {
	all := table.NewIntegers("n", "", "", nil)
	all.Type = table.Uint8
	for i := range 257 {
		all.Integers = append(all.Integers, int64(i%256))
	}
	all.SetMissing(256)
	for want, c := range map[string]*table.Column{
		"isn't ASCII": table.NewTexts("name", "", []string{"Zwölf"}), "all numbers of its type": all,
		"different numbers of texts": {Name: "v", Type: table.Text, Ends: []int{1, 3},
			Texts: []string{"a", "b", "c"}},
	} {
		dir := t.TempDir()
		one := table.Table{Columns: []*table.Column{c}}
		err := one.SaveFITS(filepath.Join(dir, "t.fits"), nil)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
		if left, _ := os.ReadDir(dir); len(left) > 0 {
			t.Errorf("%v is left", left)
		}
	}
}

func TestSelectAndJoin(t *testing.T) {
	whole := load(t, "testdata/odd.fits")
	again, err := table.Join(whole.Select(2, 0), whole.Select(1))
	if err != nil {
		t.Fatal(err)
	}
	again = again.Select(1, 2, 0)
	for i, c := range again.Columns {
		for row := range c.Rows() {
			from, end := c.Row(row)
			first, last := whole.Columns[i].Row(row)
			if end-from != last-first {
				t.Fatalf("%s, row %d: %d values", c.Name, row, end-from)
			}
			for k := range end - from {
				if c.Text(from+k) != whole.Columns[i].Text(first+k) {
					t.Errorf("%s, row %d: %q", c.Name, row, c.Text(from+k))
				}
			}
		}
	}
	if _, err := table.Join(whole, load(t, "testdata/plain.csv")); err == nil {
		t.Error("tables of other columns are joined")
	}
}

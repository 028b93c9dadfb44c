// Package parquet reads and writes tables as Parquet, by parquet-go. Only programs that import it
// have that library.
package parquet

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strings"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"

	"galdecon/galdecon/catalogue/table"
)

const (
	// metaKey is where astropy has units and descriptions, as YAML.
	metaKey = "table_meta_yaml"
	// attrsKey is where pandas has DataFrame.attrs, as JSON.
	attrsKey = "PANDAS_ATTRS"
	// lengthKey, with the name of a column of texts behind it, is where astropy has how many
	// characters the longest one has.
	lengthKey = "table::len::"
	// indexPrefix is how pandas names columns of an index without a name.
	indexPrefix = "__index_level_"
)

// Load reads a table, or any other file by [table.Load]. Lists are arrays, of one shape where all
// rows have as many values. Times are integers, whose unit is ns, us, ms or d. Columns of other
// kinds, such as maps, are left out, with a note. Units and descriptions are those that astropy
// stores with a file, or [Save].
func Load(path string) (*table.Table, error) {
	t, err := table.Load(path)
	if !errors.Is(err, table.ErrParquet) {
		return t, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("parquet: %w", err)
	}
	defer f.Close()
	if t, err = read(f); err != nil {
		return nil, fmt.Errorf("parquet: cannot read %s: %w", path, err)
	}
	return t, nil
}

func read(f *os.File) (t *table.Table, err error) {
	// Of damaged files the library panics.
	defer func() {
		if r := recover(); r != nil {
			t, err = nil, fmt.Errorf("the file is damaged: %v", r)
		}
	}()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	file, err := parquet.OpenFile(f, info.Size())
	if err != nil {
		return nil, err
	}
	t = &table.Table{}
	for _, top := range file.Root().Columns() {
		c, note, err := readColumn(top, int(file.NumRows()))
		switch {
		case err != nil:
			return nil, fmt.Errorf("column %s: %w", top.Name(), err)
		case note != "":
			t.Notes = append(t.Notes, fmt.Sprintf("column %s is left out: %s", top.Name(), note))
		case !strings.HasPrefix(c.Name, indexPrefix):
			t.Columns = append(t.Columns, c)
		}
	}
	if text, ok := file.Lookup(metaKey); ok {
		if err := t.ApplyMeta(text); err != nil {
			t.Notes = append(t.Notes, fmt.Sprintf("units and descriptions are left out: %v", err))
		}
	}
	return t, t.Validate()
}

// readColumn reads a column, or returns a note why it is none of a table.
func readColumn(top *parquet.Column, rows int) (c *table.Column, note string, err error) {
	leaf := top
	for !leaf.Leaf() {
		if inside := leaf.Columns(); len(inside) == 1 {
			leaf = inside[0]
			continue
		}
		return nil, "it is a structure of several values", nil
	}
	c = &table.Column{Name: top.Name()}
	value, note := valueOf(leaf, c)
	if note != "" {
		return nil, note, nil
	}
	isList := leaf.MaxRepetitionLevel() > 0
	if isList {
		c.Ends = make([]int, 0, rows)
	}
	whole := leaf.MaxDefinitionLevel()
	pages := leaf.Pages()
	defer pages.Close()
	buffer := make([]parquet.Value, 1024)
	for {
		page, err := pages.ReadPage()
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, "", err
		}
		values := page.Values()
		for {
			n, err := values.ReadValues(buffer)
			for _, v := range buffer[:n] {
				if isList && v.RepetitionLevel() == 0 {
					c.Ends = append(c.Ends, c.Len())
				}
				level := v.DefinitionLevel()
				if isList && level < whole && !(leaf.Optional() && level == whole-1) {
					continue // an empty list, or none
				}
				value(v, level < whole)
				if isList {
					c.Ends[len(c.Ends)-1] = c.Len()
				}
			}
			if errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				return nil, "", err
			}
		}
		parquet.Release(page)
	}
	shape(c)
	return c, "", nil
}

// shape makes an array of one shape of rows that have as many values.
func shape(c *table.Column) {
	if len(c.Ends) == 0 || c.Ends[0] == 0 {
		return
	}
	each := c.Ends[0]
	for i, end := range c.Ends {
		if end != (i+1)*each {
			return
		}
	}
	c.Shape, c.Ends = []int{each}, nil
}

// valueOf sets a column's type and unit, and returns what appends a value to it, or why none can
// be.
func valueOf(leaf *parquet.Column, c *table.Column) (func(v parquet.Value, missing bool), string) {
	integers := func(get func(parquet.Value) int64) func(parquet.Value, bool) {
		return func(v parquet.Value, missing bool) {
			n := int64(0)
			if !missing {
				n = get(v)
			}
			c.Integers = append(c.Integers, n)
			mark(c, missing)
		}
	}
	floats := func(get func(parquet.Value) float64) func(parquet.Value, bool) {
		return func(v parquet.Value, missing bool) {
			x := math.NaN()
			if !missing {
				x = get(v)
			}
			c.Floats = append(c.Floats, x)
			mark(c, missing)
		}
	}
	narrow := func(v parquet.Value) int64 { return int64(v.Int32()) }
	wide := func(v parquet.Value) int64 { return v.Int64() }
	var logical format.LogicalTypeValue
	if t := leaf.Type().LogicalType(); t != nil {
		logical = t.Value
	}
	switch kind := leaf.Type().Kind(); kind {
	case parquet.Boolean:
		c.Type = table.Bool
		return integers(func(v parquet.Value) int64 {
			if v.Boolean() {
				return 1
			}
			return 0
		}), ""
	case parquet.Float:
		c.Type = table.Float32
		return floats(func(v parquet.Value) float64 { return float64(v.Float()) }), ""
	case parquet.Double:
		c.Type = table.Float64
		return floats(parquet.Value.Double), ""
	case parquet.ByteArray:
		if _, isDecimal := logical.(*format.DecimalType); isDecimal {
			break
		}
		c.Type = table.Text
		return func(v parquet.Value, missing bool) {
			text := ""
			if !missing {
				text = string(v.ByteArray())
			}
			c.Texts = append(c.Texts, text)
			mark(c, missing)
		}, ""
	case parquet.Int32, parquet.Int64:
		get := wide
		c.Type = table.Int64
		if kind == parquet.Int32 {
			get, c.Type = narrow, table.Int32
		}
		switch l := logical.(type) {
		case nil:
		case *format.IntType:
			c.Type = table.Type(fmt.Sprintf("int%d", l.BitWidth))
			if !l.IsSigned {
				c.Type = "u" + c.Type
				if kind == parquet.Int32 {
					get = func(v parquet.Value) int64 { return int64(v.Uint32()) }
				}
			}
		case *format.DateType:
			c.Unit = "d"
		case *format.TimestampType:
			c.Unit = unitOf(l.Unit)
		case *format.TimeType:
			c.Unit = unitOf(l.Unit)
		default:
			return nil, fmt.Sprintf("values of the kind %s aren't read", leaf.Type())
		}
		return integers(get), ""
	}
	return nil, fmt.Sprintf("values of the kind %s aren't read", leaf.Type())
}

func unitOf(u format.TimeUnit) string {
	switch u.Value.(type) {
	case *format.MilliSeconds:
		return "ms"
	case *format.MicroSeconds:
		return "us"
	}
	return "ns"
}

// mark says of the value that was appended last whether it is missing.
func mark(c *table.Column, missing bool) {
	if !missing && c.Missing == nil {
		return
	}
	c.Missing = append(c.Missing, slices.Repeat([]bool{false}, c.Len()-1-len(c.Missing))...)
	c.Missing = append(c.Missing, missing)
}

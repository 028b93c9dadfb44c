package parquet

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strconv"
	"unicode/utf8"

	"github.com/parquet-go/parquet-go"

	"galdecon/galdecon/catalogue/table"
	"galdecon/internal/atomicfile"
)

// rowsTogether is how many rows are handed to the library at a time.
const rowsTogether = 1024

// Save writes a table as Parquet, its arrays as lists, with units and descriptions where
// astropy.table.Table.read finds them, and pandas in DataFrame.attrs. The file appears when it is
// complete.
func Save(path string, t *table.Table) error {
	err := t.Validate()
	if err == nil {
		err = atomicfile.Write(path, func(w io.Writer) error { return write(w, t) })
	}
	if err != nil {
		return fmt.Errorf("parquet: cannot write %s: %w", path, err)
	}
	return nil
}

// columns is a group whose fields keep their order, which that of a Group is not.
type columns struct {
	parquet.Group
	fields []parquet.Field
}

func (c columns) Fields() []parquet.Field { return c.fields }

func write(w io.Writer, t *table.Table) error {
	group := parquet.Group{}
	for _, c := range t.Columns {
		group[c.Name] = node(c)
	}
	named := map[string]parquet.Field{}
	for _, f := range group.Fields() {
		named[f.Name()] = f
	}
	root := columns{Group: group}
	for _, c := range t.Columns {
		root.fields = append(root.fields, named[c.Name])
	}
	meta, err := t.Meta()
	if err != nil {
		return err
	}
	attrs, err := json.Marshal(attributes(t))
	if err != nil {
		return err
	}
	options := []parquet.WriterOption{parquet.NewSchema("table", root),
		parquet.Compression(&parquet.Zstd), parquet.KeyValueMetadata(metaKey, meta),
		parquet.KeyValueMetadata(attrsKey, string(attrs))}
	for _, c := range t.Columns {
		if c.Type == table.Text { // or astropy warns that it has to find out
			length := 1
			for _, text := range c.Texts {
				length = max(length, utf8.RuneCountInString(text))
			}
			options = append(options, parquet.KeyValueMetadata(lengthKey+c.Name,
				strconv.Itoa(length)))
		}
	}
	out := parquet.NewGenericWriter[any](w, options...)
	rows := make([]parquet.Row, 0, rowsTogether)
	for i := range t.Rows() {
		var row parquet.Row
		for k, c := range t.Columns {
			row = appendValues(row, c, i, k)
		}
		if rows = append(rows, row); len(rows) == rowsTogether || i == t.Rows()-1 {
			if _, err := out.WriteRows(rows); err != nil {
				return err
			}
			rows = rows[:0]
		}
	}
	return out.Close()
}

// attributes are what pandas shows as DataFrame.attrs.
func attributes(t *table.Table) map[string]map[string]string {
	units, descriptions := map[string]string{}, map[string]string{}
	for _, c := range t.Columns {
		if c.Unit != "" {
			units[c.Name] = c.Unit
		}
		if c.Description != "" {
			descriptions[c.Name] = c.Description
		}
	}
	return map[string]map[string]string{"units": units, "descriptions": descriptions}
}

// node returns the type of a column: values are optional where some are missing.
func node(c *table.Column) parquet.Node {
	var n parquet.Node
	switch c.Type {
	case table.Text:
		n = parquet.String()
	case table.Bool:
		n = parquet.Leaf(parquet.BooleanType)
	case table.Float32:
		n = parquet.Leaf(parquet.FloatType)
	case table.Float64:
		n = parquet.Leaf(parquet.DoubleType)
	default:
		n = parquet.Int(8 * c.Type.Size())
		if c.Type[0] == 'u' {
			n = parquet.Uint(8 * c.Type.Size())
		}
	}
	if c.Missing != nil {
		n = parquet.Optional(n)
	}
	if len(c.Shape) > 0 || c.IsVariable() {
		n = parquet.List(n)
	}
	return n
}

// appendValues appends the values of a row of the column with an index.
func appendValues(to parquet.Row, c *table.Column, row, index int) parquet.Row {
	from, end := c.Row(row)
	isList := len(c.Shape) > 0 || c.IsVariable()
	if isList && from == end {
		return append(to, parquet.NullValue().Level(0, 0, index))
	}
	whole := 0
	if isList {
		whole++
	}
	if c.Missing != nil {
		whole++
	}
	for i := from; i < end; i++ {
		repetition := 0
		if i > from {
			repetition = 1
		}
		if c.IsMissing(i) {
			to = append(to, parquet.NullValue().Level(repetition, whole-1, index))
			continue
		}
		to = append(to, value(c, i).Level(repetition, whole, index))
	}
	return to
}

func value(c *table.Column, i int) parquet.Value {
	switch c.Type {
	case table.Text:
		return parquet.ByteArrayValue([]byte(c.Texts[i]))
	case table.Bool:
		return parquet.BooleanValue(c.Integers[i] != 0)
	case table.Float32:
		return parquet.FloatValue(float32(c.Floats[i]))
	case table.Float64:
		return parquet.DoubleValue(c.Floats[i])
	case table.Int64, table.Uint64:
		return parquet.Int64Value(c.Integers[i])
	}
	return parquet.Int32Value(int32(c.Integers[i] & math.MaxUint32))
}

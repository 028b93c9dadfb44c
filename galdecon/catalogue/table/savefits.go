package table

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"unicode"

	"galdecon/galdecon/galaxy/files/fits"
	"galdecon/internal/atomicfile"
)

// SaveFITS writes the table as the only extension of a FITS file, a binary table with units in
// TUNIT, and descriptions in TCOMM and where astropy looks for them. header, which may be nil, has
// further cards for it, such as EXTNAME. Missing integers are TNULL, a number that no value of the
// column has, missing truth values a zero byte, missing texts empty ones and missing floating-point
// numbers NaN. Texts are ASCII: it is an error if one isn't, or if a column uses every integer of
// its type and has missing ones; see [Table.ForFITS]. The file appears when it is complete.
func (t *Table) SaveFITS(path string, header *fits.Header) error {
	return t.save(path, func(w io.Writer) error { return t.writeFITS(w, header) })
}

// save writes a file of a table that is valid.
func (t *Table) save(path string, content func(w io.Writer) error) error {
	err := t.Validate()
	if err == nil {
		err = atomicfile.Write(path, content)
	}
	if err != nil {
		return fmt.Errorf("table: cannot write %s: %w", path, err)
	}
	return nil
}

func (t *Table) writeFITS(w io.Writer, header *fits.Header) error {
	header = header.Copy()
	if err := t.serialize(header); err != nil {
		return err
	}
	out := fits.NewTable{Header: header, Rows: t.Rows()}
	for _, c := range t.Columns {
		to, err := c.toFITS()
		if err != nil {
			return err
		}
		out.Columns = append(out.Columns, to)
	}
	return fits.WriteTable(w, out)
}

// serialize adds the descriptions where astropy looks for them.
func (t *Table) serialize(header *fits.Header) error {
	if !slices.ContainsFunc(t.Columns, func(c *Column) bool { return c.Description != "" }) {
		return nil
	}
	meta, err := t.Meta()
	if err != nil {
		return err
	}
	header.AddComment(beginSerialized)
	for line := range strings.Lines(meta + "meta: {__serialized_columns__: {}}") {
		line = strings.TrimRight(line, "\n")
		for ; len(line) > serializedWidth; line = line[serializedWidth:] {
			header.Append(fits.Card("COMMENT " + line[:serializedWidth] + "\\"))
		}
		header.Append(fits.Card("COMMENT " + line))
	}
	header.AddComment(endSerialized)
	return nil
}

// toFITS returns what is written of a column.
func (c *Column) toFITS() (fits.NewColumn, error) {
	to := fits.NewColumn{Name: c.Name, Unit: c.Unit, Comment: c.Description, Repeat: c.Each(),
		Variable: c.IsVariable()}
	if len(c.Shape) > 1 {
		to.Shape = c.Shape
	}
	switch {
	case c.Type == Text:
		return c.textsToFITS(to)
	case c.Type == Bool:
		to.Kind = 'L'
		to.Append = c.bytes(func(b []byte, i int) []byte {
			switch {
			case c.IsMissing(i):
				return append(b, 0)
			case c.Integers[i] != 0:
				return append(b, 'T')
			}
			return append(b, 'F')
		})
	case c.Type == Float32:
		to.Kind = 'E'
		to.Append = c.bytes(func(b []byte, i int) []byte {
			return binary.BigEndian.AppendUint32(b, math.Float32bits(float32(c.Float(i))))
		})
	case c.Type == Float64:
		to.Kind = 'D'
		to.Append = c.bytes(func(b []byte, i int) []byte {
			return binary.BigEndian.AppendUint64(b, math.Float64bits(c.Float(i)))
		})
	default:
		return c.integersToFITS(to)
	}
	return to, nil
}

// bytes returns what appends the values of a row, each by a function.
func (c *Column) bytes(value func(b []byte, i int) []byte) func(b []byte, row int) []byte {
	return func(b []byte, row int) []byte {
		from, end := c.Row(row)
		for i := from; i < end; i++ {
			b = value(b, i)
		}
		return b
	}
}

func (c *Column) integersToFITS(to fits.NewColumn) (fits.NewColumn, error) {
	for kind, of := range integersOf {
		for zero, t := range of {
			if t == c.Type {
				to.Kind, to.Zero = kind, zero
			}
		}
	}
	size := c.Type.Size()
	stored := func(i int) int64 {
		if c.Type == Uint64 {
			return c.Integers[i] ^ -1<<63
		}
		return c.Integers[i] - int64(to.Zero)
	}
	null := int64(0)
	if c.Missing != nil {
		var ok bool
		if null, ok = c.unused(to.Kind, stored); !ok {
			return to, fmt.Errorf("column %s has missing values, but uses all numbers of its "+
				"type, %s; make it a wider one", c.Name, c.Type)
		}
		to.Null = &null
	}
	to.Append = c.bytes(func(b []byte, i int) []byte {
		v := null
		if !c.IsMissing(i) {
			v = stored(i)
		}
		var all [8]byte
		binary.BigEndian.PutUint64(all[:], uint64(v))
		return append(b, all[8-size:]...)
	})
	return to, nil
}

// unused returns a stored integer that no value of the column has: the lowest of signed ones, the
// highest of bytes, or the next to it.
func (c *Column) unused(kind byte, stored func(i int) int64) (null int64, ok bool) {
	bits := c.Type.Size() * 8
	least, most, step := int64(-1)<<(bits-1), int64(1)<<(bits-1)-1, int64(1)
	if kind == 'B' { // which FITS stores without a sign
		least, most, step = 255, 0, -1
	}
	used := map[int64]bool{}
	for i := range c.Integers {
		if !c.IsMissing(i) {
			used[stored(i)] = true
		}
	}
	for null = least; used[null]; null += step {
		if null == most {
			return 0, false
		}
	}
	return null, true
}

func (c *Column) textsToFITS(to fits.NewColumn) (fits.NewColumn, error) {
	to.Kind = 'A'
	if c.IsVariable() {
		return to, fmt.Errorf("column %s has rows with different numbers of texts, which FITS "+
			"can't hold; leave it out, or join them to one text", c.Name)
	}
	chars := 1
	for i, text := range c.Texts {
		for _, r := range text {
			if r > unicode.MaxASCII || r == 0 {
				return to, fmt.Errorf("column %s, value %d: %q isn't ASCII, which texts in FITS "+
					"are; write CSV or Parquet, or another text", c.Name, i, text)
			}
		}
		chars = max(chars, len(text))
	}
	to.Repeat *= chars
	if len(c.Shape) > 0 {
		to.Shape = append(append([]int(nil), c.Shape...), chars)
	}
	to.Append = c.bytes(func(b []byte, i int) []byte {
		b = append(b, c.Text(i)...)
		return append(b, make([]byte, chars-len(c.Text(i)))...)
	})
	return to, nil
}

// ForFITS returns the table with those columns alone that a FITS file holds, and a note on each of
// the others.
func (t *Table) ForFITS() *Table {
	out := &Table{Notes: slices.Clone(t.Notes)}
	for _, c := range t.Columns {
		if _, err := c.toFITS(); err != nil {
			out.Notes = append(out.Notes, fmt.Sprintf("left out of FITS: %v", err))
			continue
		}
		out.Columns = append(out.Columns, c)
	}
	return out
}

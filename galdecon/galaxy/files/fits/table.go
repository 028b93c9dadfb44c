package fits

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Column is a column of a binary table, whose values are read when they are asked for.
type Column struct {
	// Name is the value of TTYPE, and Unit that of TUNIT; either may be empty.
	Name, Unit string
	// Format is the value of TFORM, such as "1E" or "20A" (section 7.3.1).
	Format string
	// Rows is the number of rows.
	Rows int
	// Shape is the lengths of the array in each row, the slowest axis first: empty for one value,
	// and for arrays of variable length.
	Shape []int

	column
	hdu     *HDU
	table   *layoutTable
	scaling     // of TSCAL, TZERO and TNULL
	chars   int // in each text
}

// Columns returns the columns of a binary table.
func (h *HDU) Columns() ([]*Column, error) {
	if h.problem != nil {
		return nil, h.problem
	}
	if h.Kind != Table {
		return nil, &FormatError{h.Index, "it holds no binary table", "choose another HDU"}
	}
	t, err := h.readColumns(h.Header)
	if err != nil {
		return nil, err
	}
	cards := h.Header.first()
	all := make([]*Column, len(t.columns))
	for i, field := range t.columns {
		n := strconv.Itoa(i + 1)
		c := &Column{Name: field.name, Rows: t.rows, column: field, hdu: h, table: t}
		c.Unit, _ = cards["TUNIT"+n].Value().(string)
		c.Format, _ = cards["TFORM"+n].Value().(string)
		c.scale = 1
		if v, ok := asFloat(cards["TSCAL"+n].Value()); ok {
			c.scale = v
		}
		if v, ok := asFloat(cards["TZERO"+n].Value()); ok {
			c.zero = v
		}
		c.blank, c.hasBlank = asInteger(cards["TNULL"+n].Value())
		dim, _ := cards["TDIM"+n].Value().(string)
		c.setShape(dim)
		all[i] = c
	}
	return all, nil
}

// first returns the first card of each keyword.
func (h *Header) first() map[string]Card {
	cards := make(map[string]Card, h.Len())
	for c := range h.Cards() {
		if key := c.Key(); cards[key] == "" {
			cards[key] = c
		}
	}
	return cards
}

// setShape understands the value of TDIM, such as "(5,4)", which lists axes from the fastest on;
// of texts that is the number of characters (section 7.3.2).
func (c *Column) setShape(dim string) {
	c.chars = c.repeat
	if c.inner != 0 {
		return
	}
	var shape []int
	for part := range strings.SplitSeq(strings.Trim(dim, "() "), ",") {
		n, err := strconv.Atoi(strings.TrimSpace(part))
		if err != nil || n < 1 {
			shape = nil
			break
		}
		shape = append(shape, n)
	}
	if n, ok := product(shape...); len(shape) == 0 || !ok || n > int64(c.repeat) {
		// Without TDIM, or with one that is more than there is.
		if c.kind != 'A' && c.repeat != 1 {
			c.Shape = []int{c.repeat}
		}
		return
	}
	if c.kind == 'A' {
		c.chars, shape = shape[0], shape[1:]
	}
	slices.Reverse(shape)
	c.Shape = shape
}

// kindOf returns the kind of the values, also of those in arrays of variable length.
func (c *Column) kindOf() byte {
	if c.inner != 0 {
		return c.inner
	}
	return c.kind
}

// each calls do with the bytes of each row's values and how many values there are.
func (c *Column) each(do func(b []byte, n int)) error {
	if c.inner == 0 {
		return c.eachFixed(do)
	}
	left := c.table.heapSize // as arrays don't overlap
	row := make([]byte, c.table.row)
	for i := range c.Rows {
		at := c.hdu.data + int64(i)*int64(c.table.row)
		if n, err := c.hdu.file.ReadAt(row, at); n < len(row) {
			return err
		}
		array, n, err := c.table.elements(c.hdu.file, &c.column, row)
		if left -= int64(len(array)); err == nil && left < 0 {
			err = errHeap
		}
		if err != nil {
			return &DataError{c.hdu.Index, -1, fmt.Sprintf("column %s, row %d: %v", c.Name, i, err)}
		}
		do(array, n)
	}
	return nil
}

// eachFixed is each of a column without arrays of variable length. Rows are read many at a time.
func (c *Column) eachFixed(do func(b []byte, n int)) error {
	row := c.table.row
	together := max(1, rowBuffer/max(1, row))
	buffer := make([]byte, min(together, c.Rows)*row)
	for i := 0; i < c.Rows; i += together {
		b := buffer[:min(together, c.Rows-i)*row]
		if n, err := c.hdu.file.ReadAt(b, c.hdu.data+int64(i)*int64(row)); n < len(b) {
			return err
		}
		for ; len(b) > 0; b = b[row:] {
			do(b[c.offset:c.offset+c.width], c.repeat)
		}
	}
	return nil
}

// rowBuffer is how many bytes of rows are read together.
const rowBuffer = 1 << 18

// Kind returns the letter of the values' type, one of L X B I J K A E D C M, also of those in
// arrays of variable length ([Column.Variable]).
func (c *Column) Kind() byte { return c.kindOf() }

// Variable reports whether rows have arrays of lengths of their own.
func (c *Column) Variable() bool { return c.inner != 0 }

// Scaling returns TSCAL and TZERO: a number is scale·stored + zero.
func (c *Column) Scaling() (scale, zero float64) { return c.scale, c.zero }

// Null returns the stored integer that stands for a missing value, TNULL, and whether there is one.
func (c *Column) Null() (stored int64, ok bool) { return c.blank, c.hasBlank }

// Stored returns the integers of each row as they are stored, without TSCAL, TZERO and TNULL. A
// logical value is its letter, 0 where it is missing; a bit is 0 or 1. It's an error for columns of
// other kinds.
func (c *Column) Stored() ([][]int64, error) {
	kind := c.kindOf()
	if strings.IndexByte("LXBIJK", kind) < 0 {
		return nil, fmt.Errorf("column %s, of format %s, holds no integers", c.Name, c.Format)
	}
	out := make([][]int64, 0, c.Rows)
	err := c.each(func(b []byte, n int) {
		values := make([]int64, n)
		for i := range values {
			switch kind {
			case 'L':
				values[i] = int64(b[i])
			case 'X':
				values[i] = int64(b[i/8] >> (7 - i%8) & 1)
			default:
				values[i] = integer(kind, b, i)
			}
		}
		out = append(out, values)
	})
	return out, err
}

// Numbers returns the values of each row as numbers, with TSCAL and TZERO applied; NaN where they
// are TNULL. Logical values are 1 and 0, and NaN where they are neither; bits are 1 and 0; complex
// numbers are two each. Integers beyond 53 bits are rounded: see [Column.Integers].
func (c *Column) Numbers() ([][]float64, error) {
	kind := c.kindOf()
	if kind == 'A' {
		return nil, fmt.Errorf("column %s holds texts, not numbers", c.Name)
	}
	out := make([][]float64, 0, c.Rows)
	err := c.each(func(b []byte, n int) {
		if kind == 'C' || kind == 'M' {
			n *= 2
		}
		values := make([]float64, n)
		for i := range values {
			values[i] = c.value(kind, b, i)
		}
		out = append(out, values)
	})
	return out, err
}

// value returns the number with index i in the bytes of a row.
func (c *Column) value(kind byte, b []byte, i int) float64 {
	switch kind {
	case 'L':
		switch b[i] {
		case 'T':
			return 1
		case 'F':
			return 0
		}
		return math.NaN()
	case 'X':
		return float64(b[i/8] >> (7 - i%8) & 1)
	case 'E', 'C':
		return c.float(number('E', b[4*i:]))
	case 'D', 'M':
		return c.float(number('D', b[8*i:]))
	}
	return c.integer(integer(kind, b, i))
}

// integer returns the integer with index i in the bytes of a row.
func integer(kind byte, b []byte, i int) int64 {
	if kind == 'K' {
		return int64(binary.BigEndian.Uint64(b[8*i:]))
	}
	return int64(number(kind, b[i*sizes[kind]:]))
}

// Integers returns the values of each row of a column of integers, with TZERO added where that
// is an integer, as it is of unsigned ones. TNULL isn't looked at. It's an error for columns of
// other kinds, with TSCAL, or with values beyond int64.
func (c *Column) Integers() ([][]int64, error) {
	kind := c.kindOf()
	zero := int64(0)
	unsigned := kind == 'K' && c.zero == 1<<63
	if !unsigned {
		var ok bool
		if zero, ok = asInteger(c.zero); !ok || kind == 'K' && zero != 0 {
			kind = 0
		}
	}
	if !strings.ContainsRune("BIJK", rune(kind)) || kind == 0 || c.scale != 1 ||
		max(zero, -zero) > math.MaxInt64/2 {
		return nil,
			fmt.Errorf("column %s, of format %s with TSCAL %v and TZERO %v, holds no integers",
				c.Name, c.Format, c.scale, c.zero)
	}
	out := make([][]int64, 0, c.Rows)
	beyond := false
	err := c.each(func(b []byte, n int) {
		values := make([]int64, n)
		for i := range values {
			v := integer(kind, b, i)
			if unsigned {
				beyond = beyond || v >= 0
				v ^= math.MinInt64
			}
			values[i] = v + zero
		}
		out = append(out, values)
	})
	if err == nil && beyond {
		err = fmt.Errorf("column %s has values beyond the range of int64; see Numbers", c.Name)
	}
	return out, err
}

// Texts returns the texts of each row, one unless TDIM says that there are more, without what
// pads them: they end with a NUL, and have no blanks at their end (section 7.3.3.1).
func (c *Column) Texts() ([][]string, error) {
	if c.kindOf() != 'A' {
		return nil, fmt.Errorf("column %s holds no texts; its format is %s", c.Name, c.Format)
	}
	out := make([][]string, 0, c.Rows)
	err := c.each(func(b []byte, n int) {
		texts := []string{}
		count, chars := int64(1), n
		if c.inner == 0 {
			count, _ = product(c.Shape...)
			chars = c.chars
		}
		for i := range int(count) {
			text, _, _ := strings.Cut(string(b[i*chars:(i+1)*chars]), "\x00")
			texts = append(texts, strings.TrimRight(text, " "))
		}
		out = append(out, texts)
	})
	return out, err
}

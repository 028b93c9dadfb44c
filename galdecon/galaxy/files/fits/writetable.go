package fits

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// NewTable is a binary table to write.
type NewTable struct {
	// Header, which may be nil, has further cards to write, such as EXTNAME. Those that say how the
	// data are stored are left out.
	Header *Header
	// Rows is the number of rows.
	Rows    int
	Columns []NewColumn
}

// NewColumn is a column of a table to write.
type NewColumn struct {
	// Name, Unit and Comment become TTYPE, TUNIT and TCOMM; empty ones are left out.
	Name, Unit, Comment string
	// Kind is the letter of the values' type, one of L B I J K A E D.
	Kind byte
	// Repeat is the number of values in each row, of texts that of all characters. It doesn't count
	// where Variable is set: rows then have arrays of lengths of their own.
	Repeat   int
	Variable bool
	// Shape is the lengths of the array in each row, the slowest axis first, of texts with the
	// number of characters as the last; nil for TDIM to be left out.
	Shape []int
	// Zero is the value of TZERO of unsigned integers, and of signed bytes: what is added to the
	// stored number. 0 leaves the card out.
	Zero float64
	// Null is the stored integer of missing values, TNULL; nil for none.
	Null *int64
	// Append appends the values of a row as they are stored, big-endian, to b. It may be called
	// more than once for a row.
	Append func(b []byte, row int) []byte
}

// WriteTable writes a file with a table as the extension of a primary HDU without data.
func WriteTable(w io.Writer, t NewTable) error {
	out := bufio.NewWriterSize(w, 1<<16)
	primary := NewImage{Bitpix: 8}
	if err := primary.write(out, 0, true); err != nil {
		return err
	}
	if err := t.write(out); err != nil {
		return fmt.Errorf("the table can't be written: %w", err)
	}
	return out.Flush()
}

func (t *NewTable) write(w *bufio.Writer) error {
	if len(t.Columns) > 999 {
		return fmt.Errorf("FITS has tables of at most 999 columns, this has %d", len(t.Columns))
	}
	row, heap := 0, int64(0)
	longest := make([]int, len(t.Columns))
	for i, c := range t.Columns {
		if strings.IndexByte("LBIJKAED", c.Kind) < 0 || c.Repeat < 0 {
			return fmt.Errorf("column %s: there are no columns of kind %q with %d values", c.Name,
				c.Kind, c.Repeat)
		}
		if !c.Variable {
			row += c.Repeat * sizes[c.Kind]
			continue
		}
		row += sizes['Q']
		var b []byte
		for r := range t.Rows {
			b = c.Append(b[:0], r)
			heap += int64(len(b))
			longest[i] = max(longest[i], len(b)/sizes[c.Kind])
		}
	}
	if err := t.header(row, heap, longest).write(w); err != nil {
		return err
	}
	var b, array []byte
	at := int64(0) // of the next array in the heap
	for r := range t.Rows {
		b = b[:0]
		for _, c := range t.Columns {
			from := len(b)
			if c.Variable {
				array = c.Append(array[:0], r)
				b = binary.BigEndian.AppendUint64(b, uint64(len(array)/sizes[c.Kind]))
				b = binary.BigEndian.AppendUint64(b, uint64(at))
				at += int64(len(array))
			} else if b = c.Append(b, r); len(b)-from != c.Repeat*sizes[c.Kind] {
				return fmt.Errorf("column %s, row %d: it has %d bytes, not %d", c.Name, r,
					len(b)-from, c.Repeat*sizes[c.Kind])
			}
		}
		if _, err := w.Write(b); err != nil {
			return err
		}
	}
	for r := range t.Rows {
		for _, c := range t.Columns {
			if c.Variable {
				array = c.Append(array[:0], r)
				if _, err := w.Write(array); err != nil {
					return err
				}
			}
		}
	}
	_, err := w.Write(make([]byte, padding(int64(t.Rows)*int64(row)+heap)))
	return err
}

// header returns the cards of a table with rows of so many bytes, a heap, and the lengths of the
// longest array of each column of variable ones (section 7.3).
func (t *NewTable) header(row int, heap int64, longest []int) *Header {
	h := &Header{}
	h.Set("XTENSION", "BINTABLE", "")
	h.Set("BITPIX", 8, "")
	h.Set("NAXIS", 2, "")
	h.Set("NAXIS1", row, "bytes of a row")
	h.Set("NAXIS2", t.Rows, "rows")
	h.Set("PCOUNT", heap, "bytes of the heap")
	h.Set("GCOUNT", 1, "")
	h.Set("TFIELDS", len(t.Columns), "columns")
	for i, c := range t.Columns {
		n := strconv.Itoa(i + 1)
		form := strconv.Itoa(c.Repeat) + string(c.Kind)
		if c.Variable {
			form = fmt.Sprintf("1Q%c(%d)", c.Kind, longest[i])
		}
		h.Set("TTYPE"+n, c.Name, "")
		h.Set("TFORM"+n, form, "")
		if len(c.Shape) > 0 && !c.Variable {
			var axes []string
			for k := range c.Shape {
				axes = append(axes, strconv.Itoa(c.Shape[len(c.Shape)-1-k]))
			}
			h.Set("TDIM"+n, "("+strings.Join(axes, ",")+")", "")
		}
		if c.Unit != "" {
			h.Set("TUNIT"+n, c.Unit, "")
		}
		if c.Zero != 0 {
			// Without a decimal point: readers recognize unsigned integers by it.
			h.Append(Card(fmt.Sprintf("%-8s= %20.0f", "TZERO"+n, c.Zero)))
		}
		if c.Null != nil {
			h.Set("TNULL"+n, *c.Null, "")
		}
		if c.Comment != "" {
			h.Set("TCOMM"+n, c.Comment, "")
		}
	}
	for c := range t.Header.Cards() {
		key := c.Key()
		letters := strings.TrimRight(key, "0123456789")
		switch {
		case OfStorage(key), key == "TFIELDS", key == "THEAP":
		case letters != key && strings.Contains(" TTYPE TFORM TDIM TUNIT TZERO TSCAL TNULL TCOMM "+
			"TDISP ", " "+letters+" "):
		default:
			h.cards = append(h.cards, c.standard())
		}
	}
	return h
}

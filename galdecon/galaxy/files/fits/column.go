package fits

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
)

// column is a field of a binary table (section 7.3.1).
type column struct {
	name   string
	repeat int
	kind   byte // L X B I J K A E D C M, or P or Q for arrays of variable length
	inner  byte // the kind of the elements of P and Q
	offset int  // of the field in the row, in bytes
	width  int  // bytes of the field
}

// sizes are the bytes of an element of each kind; X counts bits.
var sizes = map[byte]int{'L': 1, 'B': 1, 'I': 2, 'J': 4, 'K': 8, 'A': 1, 'E': 4, 'D': 8, 'C': 8,
	'M': 16, 'P': 8, 'Q': 16}

// layoutTable is where the rows and the heap of a table are.
type layoutTable struct {
	columns   []column
	rows, row int   // number, and bytes of each
	heap      int64 // where the heap begins in the file
	heapSize  int64
}

// readColumns understands the header of a binary table.
func (h *HDU) readColumns(header *Header) (*layoutTable, error) {
	cards := header.first()
	if len(h.Shape) != 2 || h.Bitpix != 8 {
		return nil, &KeywordError{h.Index, "NAXIS", strconv.Itoa(len(h.Shape)),
			"2 in a binary table, with BITPIX 8"}
	}
	fields, err := header.need(h.Index, "TFIELDS", 0, 999)
	if err != nil {
		return nil, err
	}
	t := &layoutTable{rows: h.Shape[0], row: h.Shape[1]}
	if t.row == 0 {
		t.rows = 0 // whatever their number, there is nothing in them
	}
	at := 0
	for i := range int(fields) {
		key := "TFORM" + strconv.Itoa(i+1)
		c := column{offset: at}
		c.name, _ = cards["TTYPE"+strconv.Itoa(i+1)].Value().(string)
		form, _ := cards[key].Value().(string)
		if !c.parse(form) || c.width > t.row-at {
			return nil, &KeywordError{h.Index, key, found(cards[key], cards[key] != ""),
				fmt.Sprintf("the format of a field in rows of %d bytes, of which %d are left",
					t.row, t.row-at)}
		}
		at += c.width
		t.columns = append(t.columns, c)
	}
	main := int64(t.rows) * int64(t.row)
	start, err := header.optional(h.Index, "THEAP", main, main, max(main, h.length))
	if err != nil {
		return nil, err
	}
	t.heap, t.heapSize = h.data+start, h.length-start
	return t, nil
}

// parse understands the value of TFORM, such as 1PB(1234).
func (c *column) parse(form string) bool {
	form = strings.TrimSpace(form)
	digits := len(form) - len(strings.TrimLeft(form, "0123456789"))
	c.repeat = 1
	if digits > 0 {
		n, err := strconv.Atoi(form[:digits])
		if err != nil || n > math.MaxInt32 {
			return false
		}
		c.repeat = n
	}
	if form = form[digits:]; form == "" {
		return false
	}
	c.kind = form[0]
	size := sizes[c.kind]
	c.width = c.repeat * size
	switch c.kind {
	case 'X':
		c.width = (c.repeat + 7) / 8
		return true
	case 'P', 'Q':
		if len(form) < 2 || strings.IndexByte("LXBIJKAEDCM", form[1]) < 0 || c.repeat > 1 {
			return false
		}
		c.inner = form[1]
	}
	return size > 0
}

// find returns the column of a name, in any case, or nil.
func (t *layoutTable) find(name string) *column {
	for i := range t.columns {
		if strings.EqualFold(t.columns[i].name, name) {
			return &t.columns[i]
		}
	}
	return nil
}

// number returns the number that begins at b, of a kind that is one; else NaN.
func number(kind byte, b []byte) float64 {
	order := binary.BigEndian
	switch kind {
	case 'B':
		return float64(b[0])
	case 'I':
		return float64(int16(order.Uint16(b)))
	case 'J':
		return float64(int32(order.Uint32(b)))
	case 'K':
		return float64(int64(order.Uint64(b)))
	case 'E':
		return float64(math.Float32frombits(order.Uint32(b)))
	case 'D':
		return math.Float64frombits(order.Uint64(b))
	}
	return math.NaN()
}

// descriptor returns where in the heap the array of a row is: its number of elements and its
// offset in bytes (section 7.3.5).
func (c *column) descriptor(row []byte) (elements, offset int64) {
	b := row[c.offset : c.offset+c.width]
	switch {
	case len(b) == 0:
		return 0, 0
	case c.kind == 'P':
		return int64(int32(binary.BigEndian.Uint32(b))), int64(binary.BigEndian.Uint32(b[4:]))
	}
	return int64(binary.BigEndian.Uint64(b)), int64(binary.BigEndian.Uint64(b[8:]))
}

// errHeap says that a descriptor points beyond the heap.
var errHeap = errors.New("an array lies beyond the end of the table, or on another")

// array reads the array of a row from the heap.
func (t *layoutTable) array(r io.ReaderAt, c *column, row []byte) ([]byte, error) {
	b, _, err := t.elements(r, c, row)
	return b, err
}

// elements reads the array of a row from the heap, and returns how many elements it has.
func (t *layoutTable) elements(r io.ReaderAt, c *column, row []byte) ([]byte, int, error) {
	elements, offset := c.descriptor(row)
	size := int64(sizes[c.inner])
	if elements < 0 || offset < 0 || offset > t.heapSize {
		return nil, 0, errHeap
	}
	length := elements
	if c.inner == 'X' {
		length = elements/8 + min(1, elements%8)
	} else if elements > (t.heapSize-offset)/size {
		return nil, 0, errHeap
	} else {
		length *= size
	}
	if length > t.heapSize-offset {
		return nil, 0, errHeap
	}
	b := make([]byte, length)
	if n, err := r.ReadAt(b, t.heap+offset); n < len(b) {
		return nil, 0, err
	}
	return b, int(elements), nil
}

package table

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
)

// readCSV reads a line of names and the values below it.
func readCSV(r *bufio.Reader) (*Table, error) {
	first, err := r.ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	comma := ' '
	for _, c := range ",\t;" {
		if strings.ContainsRune(first, c) {
			comma = c
			break
		}
	}
	if comma != ' ' {
		return readCells(newCSV(io.MultiReader(strings.NewReader(first), r), comma), nil)
	}
	return readCells(newWords(io.MultiReader(strings.NewReader(first), r)), nil)
}

// lines yields the cells of one line after the other, and io.EOF at the end.
type lines interface{ Read() ([]string, error) }

func newCSV(r io.Reader, comma rune) *csv.Reader {
	in := csv.NewReader(r)
	in.Comma, in.Comment, in.ReuseRecord = comma, '#', true
	return in
}

// words are lines whose cells are separated by any number of blanks.
type words struct {
	scanner *bufio.Scanner
	line    int
	n       int
}

// longestLine is how many bytes a line may have.
const longestLine = 1 << 24

func newWords(r io.Reader) *words {
	w := &words{scanner: bufio.NewScanner(r)}
	w.scanner.Buffer(nil, longestLine)
	return w
}

// Read returns the cells of the next line that has some and is no comment.
func (w *words) Read() ([]string, error) {
	for w.scanner.Scan() {
		w.line++
		cells := strings.Fields(w.scanner.Text())
		if len(cells) == 0 || strings.HasPrefix(cells[0], "#") {
			continue
		}
		if w.n == 0 {
			w.n = len(cells)
		}
		if len(cells) != w.n {
			return nil, fmt.Errorf("line %d below the comments has %d values, the first has %d",
				w.line, len(cells), w.n)
		}
		return cells, nil
	}
	if err := w.scanner.Err(); err != nil {
		return nil, err
	}
	return nil, io.EOF
}

// readCells reads lines into columns, whose types they have, or else their values show. Without
// columns the first line has the names.
func readCells(in lines, columns []*Column) (*Table, error) {
	if columns == nil {
		names, err := in.Read()
		if errors.Is(err, io.EOF) {
			return nil, errors.New("it is empty; the first line must have the names of the columns")
		} else if err != nil {
			return nil, err
		}
		for _, name := range names {
			name = strings.TrimSpace(strings.TrimPrefix(name, "\ufeff"))
			if _, err := strconv.ParseFloat(name, 64); err == nil {
				return nil, fmt.Errorf("its first line has %q, a number; it must have the names "+
					"of the columns", name)
			}
			columns = append(columns, &Column{Name: name})
		}
	}
	for {
		cells, err := in.Read()
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, err
		}
		for i, c := range columns {
			c.Texts = append(c.Texts, strings.Clone(cells[i]))
		}
	}
	t := &Table{}
	for i, c := range columns {
		if c.Name == "" {
			c.Name = fmt.Sprintf("col%d", i+1)
		}
		if c.Type == "" {
			c.Type = guess(c.Texts)
		}
		if err := c.parse(); err != nil {
			return nil, fmt.Errorf("column %s: %w", c.Name, err)
		}
		t.Columns = append(t.Columns, c)
	}
	return t, t.Validate()
}

// guess returns the narrowest type of 64 bits that all values have, none of them being changed by
// it: a name such as 007 is text.
func guess(cells []string) Type {
	is := map[Type]bool{Int64: true, Uint64: true, Float64: true, Bool: true}
	there := false
	for _, text := range cells {
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		there = true
		if is[Bool] {
			_, ok := truth(text)
			is[Bool] = ok
		}
		digits := strings.TrimLeft(text, "+-")
		whole := digits != "" && strings.Trim(digits, "0123456789") == ""
		name := whole && len(digits) > 1 && digits[0] == '0'
		_, err := strconv.ParseInt(text, 10, 64)
		is[Int64] = is[Int64] && err == nil && !name
		_, errUnsigned := strconv.ParseUint(text, 10, 64)
		is[Uint64] = is[Uint64] && errUnsigned == nil && !name
		// Whole numbers that no float64 has all digits of are names, too.
		_, errFloat := number(text)
		is[Float64] = is[Float64] && errFloat == nil && !name &&
			!(whole && err != nil && errUnsigned != nil)
	}
	for _, t := range []Type{Int64, Uint64, Float64, Bool} {
		if is[t] && there {
			return t
		}
	}
	if !there {
		return Float64
	}
	return Text
}

// number parses a number, also one that programs write for none. One beyond the range is infinite.
func number(text string) (float64, error) {
	switch strings.ToLower(text) {
	case "", "nan", "null", "none", "--", "n/a":
		return math.NaN(), nil
	}
	v, err := strconv.ParseFloat(text, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return 0, err
	}
	return v, nil
}

func truth(text string) (value, ok bool) {
	switch strings.ToLower(text) {
	case "true":
		return true, true
	case "false":
		return false, true
	}
	return false, false
}

// parse turns the texts that were read, one for each row, into values of the column's type.
func (c *Column) parse() error {
	cells := c.Texts
	c.Texts = nil
	for row, text := range cells {
		if c.Type != Text {
			text = strings.TrimSpace(text)
		}
		if len(c.Shape) > 0 || c.IsVariable() {
			if err := c.parseArray(text); err != nil {
				return fmt.Errorf("row %d: %w", row, err)
			}
			continue
		}
		if err := c.parseValue(text); err != nil {
			return fmt.Errorf("row %d: %q is no %s", row, text, c.Type)
		}
	}
	return nil
}

// parseValue appends a value.
func (c *Column) parseValue(text string) error {
	if c.Type == Text {
		c.Texts = append(c.Texts, text)
		if c.Missing != nil {
			c.Missing = append(c.Missing, false)
		}
		return nil
	}
	missing := text == ""
	switch {
	case c.Type.IsFloat():
		v, err := number(text)
		if err != nil {
			return err
		}
		if c.Type == Float32 {
			v = float64(float32(v))
		}
		c.Floats = append(c.Floats, v)
	case missing:
		c.Integers = append(c.Integers, 0)
	case c.Type == Bool:
		v, ok := truth(text)
		if !ok {
			return strconv.ErrSyntax
		}
		c.Integers = append(c.Integers, boolean(v))
	case c.Type[0] == 'u':
		v, err := strconv.ParseUint(text, 10, c.Type.Size()*8)
		if err != nil {
			return err
		}
		c.Integers = append(c.Integers, int64(v))
	default:
		v, err := strconv.ParseInt(text, 10, c.Type.Size()*8)
		if err != nil {
			return err
		}
		c.Integers = append(c.Integers, v)
	}
	switch {
	case missing:
		c.Missing = append(c.Missing, make([]bool, c.Len()-1-len(c.Missing))...)
		c.Missing = append(c.Missing, true)
	case c.Missing != nil:
		c.Missing = append(c.Missing, false)
	}
	return nil
}

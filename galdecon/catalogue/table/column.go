package table

import (
	"fmt"
	"math"
	"slices"
	"strconv"
)

// Type is what the values of a column are, by the names that numpy gives them.
type Type string

const (
	Bool    Type = "bool"
	Int8    Type = "int8"
	Uint8   Type = "uint8"
	Int16   Type = "int16"
	Uint16  Type = "uint16"
	Int32   Type = "int32"
	Uint32  Type = "uint32"
	Int64   Type = "int64"
	Uint64  Type = "uint64"
	Float32 Type = "float32"
	Float64 Type = "float64"
	Text    Type = "string"
)

// types are all of them.
var types = []Type{Bool, Int8, Uint8, Int16, Uint16, Int32, Uint32, Int64, Uint64, Float32,
	Float64, Text}

// Size returns the bytes of a value, 0 of texts.
func (t Type) Size() int {
	switch t {
	case Bool, Int8, Uint8:
		return 1
	case Int16, Uint16:
		return 2
	case Int32, Uint32, Float32:
		return 4
	case Int64, Uint64, Float64:
		return 8
	}
	return 0
}

// IsFloat reports whether values are floating-point numbers, and are in [Column.Floats].
func (t Type) IsFloat() bool { return t == Float32 || t == Float64 }

// IsInteger reports whether values are integers, and are in [Column.Integers] as truth values are.
func (t Type) IsInteger() bool { return !t.IsFloat() && t != Text && t != Bool }

// Column is a column of a table. The values of all rows stand one after the other in one of
// Integers, Floats and Texts, by the Type.
type Column struct {
	// Name is that of the column, Unit such as "pix" as FITS and astropy write it, empty where
	// there is none, and Description one line on what it is.
	Name, Unit, Description string
	Type                    Type
	// Shape is the lengths of the array in each row, the slowest axis first: empty for one value.
	Shape []int
	// Ends has, for rows with arrays of lengths of their own, where each row's values end; nil for
	// others.
	Ends []int
	// Integers has truth values as 0 and 1; those of uint64 beyond int64 wrap around.
	Integers []int64
	Floats   []float64
	Texts    []string
	// Missing marks values that are missing; nil if none is. Missing floating-point numbers are
	// NaN besides.
	Missing []bool
}

// NewFloats returns a column of float64 numbers, one for each row, or arrays of a shape.
func NewFloats(name, unit, description string, values []float64, shape ...int) *Column {
	return &Column{Name: name, Unit: unit, Description: description, Type: Float64, Floats: values,
		Shape: shape}
}

// NewIntegers returns a column of int64 numbers.
func NewIntegers(name, unit, description string, values []int64) *Column {
	return &Column{Name: name, Unit: unit, Description: description, Type: Int64, Integers: values}
}

// NewTexts returns a column of texts.
func NewTexts(name, description string, values []string) *Column {
	return &Column{Name: name, Description: description, Type: Text, Texts: values}
}

// IsVariable reports whether rows have arrays of lengths of their own.
func (c *Column) IsVariable() bool { return c.Ends != nil }

// Each returns the number of values in each row, 0 if rows differ in it.
func (c *Column) Each() int {
	if c.IsVariable() {
		return 0
	}
	n := 1
	for _, axis := range c.Shape {
		n *= axis
	}
	return n
}

// Len returns the number of values of all rows.
func (c *Column) Len() int {
	switch {
	case c.Type == Text:
		return len(c.Texts)
	case c.Type.IsFloat():
		return len(c.Floats)
	}
	return len(c.Integers)
}

// Rows returns the number of rows.
func (c *Column) Rows() int {
	if c.IsVariable() {
		return len(c.Ends)
	}
	return c.Len() / max(1, c.Each())
}

// Row returns where the values of a row begin and end among those of the column.
func (c *Column) Row(row int) (from, to int) {
	if !c.IsVariable() {
		n := c.Each()
		return row * n, (row + 1) * n
	}
	if row > 0 {
		from = c.Ends[row-1]
	}
	return from, c.Ends[row]
}

// IsMissing reports whether a value, counted over all rows, is missing.
func (c *Column) IsMissing(i int) bool { return c.Missing != nil && c.Missing[i] }

// IsNumber reports whether each row has one number.
func (c *Column) IsNumber() bool {
	return c.Type != Text && c.Type != Bool && len(c.Shape) == 0 && !c.IsVariable()
}

// Float returns a value, counted over all rows, as a number: NaN where it is missing or a text.
func (c *Column) Float(i int) float64 {
	switch {
	case c.Type == Text || c.IsMissing(i):
		return math.NaN()
	case c.Type.IsFloat():
		return c.Floats[i]
	case c.Type == Uint64:
		return float64(uint64(c.Integers[i]))
	}
	return float64(c.Integers[i])
}

// Text returns a value, counted over all rows, as text, which is empty where it is missing. Numbers
// are as short as they can be without becoming others.
func (c *Column) Text(i int) string {
	switch {
	case c.IsMissing(i):
		return ""
	case c.Type == Text:
		return c.Texts[i]
	case c.Type == Float32:
		return strconv.FormatFloat(c.Floats[i], 'g', -1, 32)
	case c.Type == Float64:
		return strconv.FormatFloat(c.Floats[i], 'g', -1, 64)
	case c.Type == Uint64:
		return strconv.FormatUint(uint64(c.Integers[i]), 10)
	case c.Type == Bool && c.Integers[i] != 0:
		return "True"
	case c.Type == Bool:
		return "False"
	}
	return strconv.FormatInt(c.Integers[i], 10)
}

// String says what the column is, such as "flux_radius (float32, pix)".
func (c *Column) String() string {
	text := string(c.Type)
	if len(c.Shape) > 0 {
		text += fmt.Sprint(c.Shape)
	}
	if c.IsVariable() {
		text += "[any]"
	}
	if c.Unit != "" {
		text += ", " + c.Unit
	}
	return fmt.Sprintf("%s (%s)", c.Name, text)
}

// Validate returns an error if the values don't fit the type and the shape.
func (c *Column) Validate() error {
	if !slices.Contains(types, c.Type) {
		return fmt.Errorf("table: column %s: there is no type %q; give one of %v", c.Name, c.Type,
			types)
	}
	n := c.Len()
	switch each := c.Each(); {
	case len(c.Integers)+len(c.Floats)+len(c.Texts) != n:
		return fmt.Errorf("table: column %s has values that aren't of its type, %s", c.Name,
			c.Type)
	case c.Missing != nil && len(c.Missing) != n:
		return fmt.Errorf("table: column %s marks %d values as missing or not, but has %d", c.Name,
			len(c.Missing), n)
	case c.IsVariable() && len(c.Shape) > 0:
		return fmt.Errorf("table: column %s has both a shape and rows of different lengths", c.Name)
	case c.IsVariable() && (!slices.IsSorted(c.Ends) || len(c.Ends) == 0 && n > 0 ||
		len(c.Ends) > 0 && (c.Ends[0] < 0 || c.Ends[len(c.Ends)-1] != n)):
		return fmt.Errorf("table: the rows of column %s don't end where its %d values do", c.Name,
			n)
	case !c.IsVariable() && (slices.ContainsFunc(c.Shape, func(n int) bool { return n < 1 }) ||
		n%max(1, each) != 0):
		return fmt.Errorf("table: column %s has %d values, which don't make rows of shape %v",
			c.Name, n, c.Shape)
	}
	return nil
}

// like returns a column without rows that is otherwise the same.
func (c *Column) like() *Column {
	out := &Column{Name: c.Name, Unit: c.Unit, Description: c.Description, Type: c.Type,
		Shape: slices.Clone(c.Shape)}
	if c.IsVariable() {
		out.Ends = []int{}
	}
	return out
}

// appendRows appends rows of another column of the same type and shape.
func (c *Column) appendRows(from *Column, first, end int) {
	if first == end {
		return
	}
	a, _ := from.Row(first)
	_, b := from.Row(end - 1)
	before := c.Len()
	switch {
	case c.Type == Text:
		c.Texts = append(c.Texts, from.Texts[a:b]...)
	case c.Type.IsFloat():
		c.Floats = append(c.Floats, from.Floats[a:b]...)
	default:
		c.Integers = append(c.Integers, from.Integers[a:b]...)
	}
	if from.Missing != nil || c.Missing != nil {
		c.Missing = append(c.Missing, make([]bool, before-len(c.Missing))...)
		if from.Missing != nil {
			c.Missing = append(c.Missing, from.Missing[a:b]...)
		} else {
			c.Missing = append(c.Missing, make([]bool, b-a)...)
		}
	}
	if c.IsVariable() {
		for r := first; r < end; r++ {
			c.Ends = append(c.Ends, from.Ends[r]-a+before)
		}
	}
}

// SetMissing marks a value, counted over all rows, as missing.
func (c *Column) SetMissing(i int) {
	if c.Missing == nil {
		c.Missing = make([]bool, c.Len())
	}
	c.Missing[i] = true
	if c.Type.IsFloat() {
		c.Floats[i] = math.NaN()
	}
}

// Package npy reads and writes arrays of real numbers in NumPy's file format, versions 1 to 3
// (numpy.lib.format): a magic string, the length of a header, the header as a Python dictionary,
// and the values. A damaged or hostile file costs no more memory than its reader asks for.
package npy

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/gomlx/compute/dtypes/float16"
)

var (
	descrField   = regexp.MustCompile(`'descr'\s*:\s*'([<>|=]?)([a-z][0-9]+)'`)
	fortranField = regexp.MustCompile(`'fortran_order'\s*:\s*True`)
	// textField is the type of texts, dates, objects, and of records of several fields.
	textField  = regexp.MustCompile(`'descr'\s*:\s*(\[|'[<>|=]?[USVOMm])`)
	shapeField = regexp.MustCompile(`'shape'\s*:\s*\(([0-9,\s]*)\)`)
)

// types decodes one value of each type that is read: the kind (boolean, float, signed or unsigned)
// and its bytes.
var types = map[string]func(order binary.ByteOrder, b []byte) float64{
	"b1": func(_ binary.ByteOrder, b []byte) float64 { return float64(b[0]) },
	"f2": func(o binary.ByteOrder,
		b []byte) float64 {
		return float64(float16.FromBits(o.Uint16(b)).Float32())
	},
	"f4": func(o binary.ByteOrder,
		b []byte) float64 {
		return float64(math.Float32frombits(o.Uint32(b)))
	},
	"f8": func(o binary.ByteOrder, b []byte) float64 { return math.Float64frombits(o.Uint64(b)) },
	"u1": func(_ binary.ByteOrder, b []byte) float64 { return float64(b[0]) },
	"i1": func(_ binary.ByteOrder, b []byte) float64 { return float64(int8(b[0])) },
	"u2": func(o binary.ByteOrder, b []byte) float64 { return float64(o.Uint16(b)) },
	"i2": func(o binary.ByteOrder, b []byte) float64 { return float64(int16(o.Uint16(b))) },
	"u4": func(o binary.ByteOrder, b []byte) float64 { return float64(o.Uint32(b)) },
	"i4": func(o binary.ByteOrder, b []byte) float64 { return float64(int32(o.Uint32(b))) },
	"u8": func(o binary.ByteOrder, b []byte) float64 { return float64(o.Uint64(b)) },
	"i8": func(o binary.ByteOrder, b []byte) float64 { return float64(int64(o.Uint64(b))) },
}

// maxHeader is the largest header that is read; NumPy writes one of 118 bytes.
const maxHeader = 1 << 16

// ErrNoNumbers says that an array holds texts, dates, objects or records, as tables do.
var ErrNoNumbers = errors.New("it holds texts or records, no numbers")

// Array is an array whose values are yet to be read.
type Array struct {
	// Shape is that of the array, in C order. The product of its numbers fits an int.
	Shape []int
	// Type is NumPy's name of the type of its values, without the byte order, such as "f4".
	Type string
	// Order is that of the bytes of a value.
	Order binary.ByteOrder

	r      io.Reader
	decode func(order binary.ByteOrder, b []byte) float64
	each   int    // bytes of a value
	buffer []byte // reused
	// fortran: the first axis varies fastest in the file. All values are read then before the first
	// is returned, and turned holds those that are left.
	fortran bool
	turned  []float64
}

// NewArray reads the header of an array from r, which it then stands behind. An array of anything
// but booleans, integers or floats of 2, 4 or 8 bytes is refused. One in Fortran order is read in C
// order, for which memory must hold all of it.
func NewArray(r io.Reader) (*Array, error) {
	var lead [8]byte
	if _, err := io.ReadFull(r, lead[:]); err != nil || string(lead[:6]) != "\x93NUMPY" ||
		lead[6] < 1 || lead[6] > 3 {
		return nil, errors.New("npy: it is not a NumPy file of version 1 to 3: the first bytes " +
			"are not those of the format")
	}
	length := make([]byte, 4)
	width := 2 // bytes that hold the header's length: 2 in version 1, 4 afterwards
	if lead[6] > 1 {
		width = 4
	}
	if _, err := io.ReadFull(r, length[:width]); err != nil {
		return nil, errors.New("npy: the file is truncated within its header")
	}
	n := binary.LittleEndian.Uint32(length)
	if n > maxHeader {
		return nil, fmt.Errorf("npy: the NumPy header has %d bytes, more than the %d that are "+
			"accepted; save a plain array of numbers", n, maxHeader)
	}
	header := make([]byte, n)
	if _, err := io.ReadFull(r, header); err != nil {
		return nil, errors.New("npy: the file is truncated within its header")
	}
	a := &Array{r: r, Order: binary.LittleEndian}
	descr := descrField.FindSubmatch(header)
	if descr != nil {
		a.Type = string(descr[2])
		a.decode = types[a.Type]
	}
	if textField.Match(header) {
		return nil, fmt.Errorf("npy: the NumPy header %q has no type of number that can be read; "+
			"save array.astype('f4'): %w", bytes.TrimSpace(header), ErrNoNumbers)
	}
	if a.decode == nil {
		return nil, fmt.Errorf("npy: the NumPy header %q has no type of number that can be read; "+
			"save array.astype('f4')", bytes.TrimSpace(header))
	}
	if string(descr[1]) == ">" {
		a.Order = binary.BigEndian
	}
	a.each = int(descr[2][1] - '0')
	shape := shapeField.FindSubmatch(header)
	if shape == nil {
		return nil,
			fmt.Errorf("npy: the NumPy header %q has no shape; save a plain array of numbers",
				header)
	}
	count := 1
	for _, field := range strings.FieldsFunc(string(shape[1]),
		func(r rune) bool { return strings.ContainsRune(", \t\r\n", r) }) {
		d, err := strconv.Atoi(field)
		if err != nil || d > math.MaxInt32 || d > 0 && count > math.MaxInt/8/d {
			return nil,
				fmt.Errorf("npy: the array has the shape (%s), more than any computer can hold",
					shape[1])
		}
		a.Shape = append(a.Shape, d)
		count *= d
	}
	a.fortran = fortranField.Match(header) && len(a.Shape) > 1
	return a, nil
}

// Read decodes the next len(dst) values, as float32. What follows the array's last value isn't told
// from it: the caller knows the shape.
func (a *Array) Read(dst []float32) error { return read(a, dst) }

// ReadFloat64 reads values as [Array.Read] does, as float64, which are exact but for integers
// beyond 53 bits.
func (a *Array) ReadFloat64(dst []float64) error { return read(a, dst) }

func read[T float32 | float64](a *Array, dst []T) error {
	if a.fortran {
		if err := a.turn(); err != nil {
			return err
		}
		if len(dst) > len(a.turned) {
			return fmt.Errorf("npy: the array of shape %v has no more values", a.Shape)
		}
		for i := range dst {
			dst[i] = T(a.turned[i])
		}
		a.turned = a.turned[len(dst):]
		return nil
	}
	const chunk = 4096
	if a.buffer == nil {
		a.buffer = make([]byte, a.each*chunk)
	}
	for len(dst) > 0 {
		n := min(chunk, len(dst))
		part := a.buffer[:a.each*n]
		if _, err := io.ReadFull(a.r, part); err != nil {
			return fmt.Errorf("npy: the file is truncated or damaged within its values: an array "+
				"of shape %v needs more of them (%w)", a.Shape, err)
		}
		for i := range n {
			dst[i] = T(a.decode(a.Order, part[i*a.each:]))
		}
		dst = dst[n:]
	}
	return nil
}

// turn reads all values of an array in Fortran order, if they haven't been, and brings them into C
// order.
func (a *Array) turn() error {
	if a.turned != nil {
		return nil
	}
	count := 1
	for _, d := range a.Shape {
		count *= d
	}
	// What the header promises is only allocated as the values come.
	c := *a
	c.fortran = false
	var values []float64
	for len(values) < count {
		have := len(values)
		values = slices.Grow(values, min(4096, count-have))
		values = values[:min(cap(values), count)]
		if err := read(&c, values[have:]); err != nil {
			return err
		}
	}
	a.turned = make([]float64, count)
	place := make([]int, len(a.Shape)) // of a value, the last axis varying fastest
	for i := range a.turned {
		at := 0
		for axis := len(place) - 1; axis >= 0; axis-- {
			at = at*a.Shape[axis] + place[axis]
		}
		a.turned[i] = values[at]
		for axis := len(place) - 1; axis >= 0; axis-- {
			if place[axis]++; place[axis] < a.Shape[axis] {
				break
			}
			place[axis] = 0
		}
	}
	return nil
}

// headerSize is the place of the first value in files that [Header] begins: room for four axes of
// any length, and a multiple of 64, as the format asks for so that the values can be mapped into
// memory.
const headerSize = 128

// Header returns the 128 bytes that stand before the values of an array of little-endian float32 of
// the given shape. It panics if that has more than four axes, or one whose length isn't within [0,
// 2³¹), which [NewArray] would refuse.
func Header(shape ...int) []byte {
	if len(shape) > 4 {
		panic(fmt.Sprintf("npy: Header(%v): an array has at most four axes", shape))
	}
	var dims []string
	for _, d := range shape {
		if d < 0 || d > math.MaxInt32 {
			panic(fmt.Sprintf("npy: Header(%v): the length of an axis must be within [0, 2³¹)",
				shape))
		}
		dims = append(dims, strconv.Itoa(d))
	}
	list := strings.Join(dims, ", ")
	if len(dims) == 1 {
		list += ","
	}
	header := fmt.Sprintf("{'descr': '<f4', 'fortran_order': False, 'shape': (%s), }", list)
	out := append([]byte("\x93NUMPY\x01\x00"), headerSize-10, 0)
	out = append(out, header...)
	out = append(out, strings.Repeat(" ", headerSize-1-len(out))...)
	return append(out, '\n')
}

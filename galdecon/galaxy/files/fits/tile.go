package fits

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
)

// tileValues are the pixels of a tile: integers as stored, or else floating-point numbers.
type tileValues struct {
	integers []int64
	floats   []float64
	blank    int64 // the integer that is no value
	hasBlank bool
}

// pixel returns the value of a pixel with BSCALE and BZERO applied.
func (v *tileValues) pixel(s *scaling, i int) float64 {
	if v.integers == nil {
		return s.float(v.floats[i])
	}
	if v.hasBlank && v.integers[i] == v.blank {
		return math.NaN()
	}
	return s.integer(v.integers[i])
}

// expansion returns the most pixels that a byte of a compressed tile can stand for.
func (t *tiles) expansion(codec string) float64 {
	switch codec {
	case "RICE_1":
		// A block of equal pixels is three bits or more.
		return t.option["BLOCKSIZE"] * 8 / 3
	case "HCOMPRESS_1", "PLIO_1":
		// Two bytes of PLIO_1 are up to 4095 pixels. Nothing limits HCOMPRESS_1 where all pixels
		// are equal, but tiles aren't that large.
		return 2048
	case "NOCOMPRESS":
		return 1
	}
	return 1032 // the limit of the algorithm of gzip
}

// plausible returns the bytes of a tile's data, and an error if these can't have all its pixels.
func (t *tiles) plausible(row []byte, size []int) (bytes int64, err error) {
	pixels, _ := product(size...)
	most := 0.0
	for _, d := range t.data() {
		elements, offset := d.column.descriptor(row)
		if elements == 0 {
			continue
		}
		each := int64(sizes[d.column.inner])
		if elements < 0 || offset < 0 || offset > t.heapSize || each == 0 ||
			elements > (t.heapSize-offset)/each {
			return 0, errHeap
		}
		bytes += elements * each
		most = max(most, float64(elements*each+64)*t.expansion(d.codec))
	}
	if most == 0 {
		return 0, errors.New("it is empty")
	}
	if float64(pixels) > most {
		return 0, fmt.Errorf("it is too short for %d pixels", pixels)
	}
	return bytes, nil
}

// tileData is a column that may have the data of a tile, and how they are compressed.
type tileData struct {
	column *column
	codec  string
}

// data returns the columns that there are, in the order in which they count.
func (t *tiles) data() []tileData {
	all := []tileData{{t.compressed, t.codec}, {t.gzipped, "GZIP_1"}, {t.plain, "NOCOMPRESS"}}
	return slices.DeleteFunc(all, func(d tileData) bool { return d.column == nil })
}

// decode decodes the tile of a row of the table.
func (t *tiles) decode(r io.ReaderAt, index int, row []byte, size []int) (*tileValues, error) {
	n, _ := product(size...)
	pixels := int(n)
	for _, d := range t.data() {
		if elements, _ := d.column.descriptor(row); elements == 0 {
			continue
		}
		data, err := t.array(r, d.column, row)
		if err != nil {
			return nil, err
		}
		quantized := t.quantized && d.column == t.compressed
		v, err := t.decompress(data, d.codec, size, pixels, quantized)
		if err != nil {
			return nil, err
		}
		v.blank, v.hasBlank = t.blank, t.hasBlank
		if t.blankColumn != nil {
			v.blank, v.hasBlank = int64(t.field(t.blankColumn, row, 0)), true
		}
		if quantized {
			scale, zero := t.field(t.scaleColumn, row, t.scale), t.field(t.zeroColumn, row, t.zero)
			v.dequantize(t.dither, t.seed+index, scale, zero, t.bitpix == -32)
		}
		return v, nil
	}
	return nil, errors.New("it is empty")
}

// field returns the number in a column of a row, or a default without such a column.
func (t *tiles) field(c *column, row []byte, otherwise float64) float64 {
	if c == nil || c.repeat < 1 {
		return otherwise
	}
	return number(c.kind, row[c.offset:])
}

// decompress returns the values in the data of a tile of so many pixels.
func (t *tiles) decompress(data []byte, codec string, size []int, pixels int, quantized bool) (
	*tileValues, error) {
	switch codec {
	case "RICE_1":
		v, err := riceDecode(data, pixels, int(t.option["BYTEPIX"]), int(t.option["BLOCKSIZE"]))
		return &tileValues{integers: v}, err
	case "PLIO_1":
		v, err := plioDecode(data, pixels)
		return &tileValues{integers: v}, err
	case "HCOMPRESS_1":
		height, width, ok := twoAxes(size)
		if !ok {
			return nil, fmt.Errorf("HCOMPRESS_1 needs tiles of two axes; it has %v", size)
		}
		v, err := hcompressDecode(data, height, width, t.option["SMOOTH"] != 0)
		return &tileValues{integers: v}, err
	}
	if codec != "NOCOMPRESS" {
		var err error
		if data, err = gunzip(data, int64(pixels)*8); err != nil {
			return nil, err
		}
	}
	if pixels == 0 || len(data)%pixels != 0 {
		return nil, fmt.Errorf("%d bytes aren't those of %d pixels", len(data), pixels)
	}
	each := len(data) / pixels
	if codec == "GZIP_2" {
		data = unshuffle(data, each)
	}
	return plainValues(data, each, t.bitpix < 0 && !quantized)
}

// twoAxes returns the axes of a tile that are longer than 1.
func twoAxes(size []int) (height, width int, ok bool) {
	height, width = 1, 1
	n := 0
	for i := len(size) - 1; i >= 0; i-- {
		if size[i] == 1 {
			continue
		}
		if n++; n == 1 {
			width = size[i]
		} else {
			height = size[i]
		}
	}
	return height, width, n <= 2
}

// plainValues decodes values of so many bytes each.
func plainValues(data []byte, each int, isFloat bool) (*tileValues, error) {
	n := len(data) / each
	kind := map[int]byte{1: 'B', 2: 'I', 4: 'J', 8: 'K'}[each]
	if isFloat {
		kind = map[int]byte{4: 'E', 8: 'D'}[each]
	}
	if kind == 0 {
		return nil, fmt.Errorf("pixels of %d bytes are none of FITS", each)
	}
	if isFloat {
		v := make([]float64, n)
		for i := range v {
			v[i] = number(kind, data[i*each:])
		}
		return &tileValues{floats: v}, nil
	}
	v := make([]int64, n)
	for i := range v {
		if kind == 'K' {
			v[i] = int64(binary.BigEndian.Uint64(data[i*8:]))
		} else {
			v[i] = int64(number(kind, data[i*each:]))
		}
	}
	return &tileValues{integers: v}, nil
}

// unshuffle undoes GZIP_2's order of bytes, in which the first of all values stand first
// (section 10.4.2).
func unshuffle(data []byte, each int) []byte {
	n := len(data) / each
	out := make([]byte, len(data))
	for i := range n {
		for k := range each {
			out[i*each+k] = data[k*n+i]
		}
	}
	return out
}

// gunzip unpacks data that have at most so many bytes.
func gunzip(data []byte, most int64) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	out, err := io.ReadAll(io.LimitReader(r, most+1))
	if err == nil && int64(len(out)) > most {
		err = fmt.Errorf("there are more than %d bytes", most)
	}
	return out, err
}

package fits

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
)

// hcompressDecode decodes HCOMPRESS_1 (section 10.4.4; White 1992, "High-performance compression
// of astronomical images"): the coefficients of an integer Haar transform in two dimensions,
// divided by a scale, whose bit planes are coded as quadtrees.
func hcompressDecode(data []byte, height, width int, smooth bool) ([]int64, error) {
	// Magic number, two axes, scale, the sum of all, and the bit planes of three quadrants.
	const header = 2 + 3*4 + 8 + 3
	if len(data) < header || data[0] != 0xdd || data[1] != 0x99 {
		return nil, errors.New("it doesn't begin as HCOMPRESS_1 does")
	}
	field := func(at int) int { return int(int32(binary.BigEndian.Uint32(data[at:]))) }
	nx, ny, scale := field(2), field(6), field(10)
	if nx != height || ny != width {
		return nil, fmt.Errorf("it has %d x %d pixels, not %d x %d", ny, nx, width, height)
	}
	sum := int64(binary.BigEndian.Uint64(data[14:]))
	planes := data[22:header]
	a := make([]int64, height*width)
	r := &bitReader{data: data[header:]}
	top, left := (height+1)/2, (width+1)/2
	for _, q := range []struct{ at, height, width, planes int }{
		{0, top, left, int(planes[0])},
		{left, top, width / 2, int(planes[1])},
		{width * top, height / 2, left, int(planes[1])},
		{width*top + left, height / 2, width / 2, int(planes[2])},
	} {
		if q.planes > 62 {
			return nil, fmt.Errorf("%d bit planes are too many", q.planes)
		}
		if err := readQuadrant(r, a, q.at, width, q.height, q.width, q.planes); err != nil {
			return nil, err
		}
	}
	if r.read(4) != 0 {
		return nil, errors.New("the end of the bit planes isn't where it must be")
	}
	r.align()
	for i, v := range a {
		if v != 0 && r.read(1) == 1 {
			a[i] = -v
		}
	}
	if r.ended() {
		return nil, errShort
	}
	a[0] = sum
	if scale > 1 {
		for i := range a {
			a[i] *= int64(scale)
		}
	}
	invertHaar(a, height, width, smooth, int64(scale))
	return a, nil
}

// align skips the bits up to the next byte.
func (r *bitReader) align() {
	n := r.left % 8
	r.word <<= n
	r.left -= n
}

// levels returns how often the larger of two lengths is halved until it is 1.
func levels(height, width int) int {
	return bits.Len(uint(max(height, width, 1) - 1))
}

// readQuadrant reads the bit planes of a quadrant of a, whose rows have stride values.
func readQuadrant(r *bitReader, a []int64, at, stride, height, width, planes int) error {
	halfHeight, halfWidth := (height+1)/2, (width+1)/2
	depth := levels(height, width)
	for plane := planes - 1; plane >= 0; plane-- {
		if r.ended() {
			return errShort
		}
		var codes []byte // of 2 x 2 values each
		switch form := r.read(4); form {
		case 0: // as they are
			codes = make([]byte, halfHeight*halfWidth)
			for i := range codes {
				codes[i] = byte(r.read(4))
			}
		case 15: // a quadtree
			codes = []byte{r.readCode()}
			h, w := 1, 1
			for level := depth - 1; level >= 1; level-- {
				codes = expandCodes(codes, w, (height-1)>>level+1, (width-1)>>level+1)
				h, w = (height-1)>>level+1, (width-1)>>level+1
				for i := h*w - 1; i >= 0; i-- {
					if codes[i] != 0 {
						codes[i] = r.readCode()
					}
				}
			}
		default:
			return fmt.Errorf("a bit plane has the form %d, which must be 0 or 15", form)
		}
		for i := range height {
			for j := range width {
				bit := codeBit(codes[i/2*halfWidth+j/2], i, j)
				a[at+i*stride+j] |= int64(bit) << plane
			}
		}
	}
	return nil
}

// codeBit returns the bit of a code of 2 x 2 that is for row i and column j.
func codeBit(code byte, i, j int) byte { return code >> (3 - 2*(i&1) - j&1) & 1 }

// expandCodes returns an array of height x width in which each value is a bit of the codes, that
// are in rows of w.
func expandCodes(codes []byte, w, height, width int) []byte {
	out := make([]byte, height*width)
	for i := range height {
		for j := range width {
			out[i*width+j] = codeBit(codes[i/2*w+j/2], i, j)
		}
	}
	return out
}

// readCode reads one of the sixteen Huffman codes, which have three to six bits.
func (r *bitReader) readCode() byte {
	c := r.read(3)
	if c < 4 {
		return 1 << c
	}
	c = c<<1 | r.read(1)
	switch c {
	case 8:
		return 3
	case 9:
		return 5
	case 10:
		return 10
	case 11:
		return 12
	case 12:
		return 15
	}
	c = c<<1 | r.read(1)
	switch c {
	case 26:
		return 6
	case 27:
		return 7
	case 28:
		return 9
	case 29:
		return 11
	case 30:
		return 13
	}
	if r.read(1) == 0 {
		return 0
	}
	return 14
}

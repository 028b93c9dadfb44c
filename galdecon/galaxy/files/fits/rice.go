package fits

import (
	"errors"
	"fmt"
	"math/bits"
)

// bitReader reads bits from the most significant on. After the end it reads zeros.
type bitReader struct {
	data []byte
	word uint64 // the next bits, at its upper end
	left int    // how many of them there are
	over int    // how many bits were read after the end
}

// fill makes sure that there are 32 bits or more.
func (r *bitReader) fill() {
	for r.left <= 56 {
		b := byte(0)
		if len(r.data) > 0 {
			b = r.data[0]
			r.data = r.data[1:]
		} else {
			r.over += 8
		}
		r.word |= uint64(b) << (56 - r.left)
		r.left += 8
	}
}

// read returns the next n bits, at most 32.
func (r *bitReader) read(n int) uint32 {
	if r.left < n {
		r.fill()
	}
	v := uint32(r.word >> (64 - n))
	r.word <<= n
	r.left -= n
	return v
}

// ended reports whether more bits were read than there are.
func (r *bitReader) ended() bool { return r.over > r.left }

// zeros returns the number of zeros before the next one, and reads them and the one.
func (r *bitReader) zeros() int {
	count := 0
	for {
		if r.left == 0 {
			r.fill()
		}
		if n := bits.LeadingZeros64(r.word); n < r.left {
			r.word <<= n + 1
			r.left -= n + 1
			return count + n
		}
		count += r.left
		r.word, r.left = 0, 0
		if r.ended() || len(r.data) == 0 && r.over > 0 {
			return count
		}
	}
}

var errShort = errors.New("it ends too early")

// riceDecode decodes RICE_1 (section 10.4.1; Rice, Yeh & Miller 1993): differences of pixels, in
// blocks, each with a number of bits that are stored as they are, and of those above a count in
// unary. Pixels have 1 (unsigned), 2 or 4 bytes.
func riceDecode(data []byte, pixels, each, block int) ([]int64, error) {
	width := 8 * each
	lengthBits, raw := 5, 25 // bits of the number of bits of a block; that which means all bits
	switch each {
	case 1:
		lengthBits, raw = 3, 6
	case 2:
		lengthBits, raw = 4, 14
	}
	if len(data) < each {
		return nil, errShort
	}
	// Each block is of lengthBits or more, so that the room is in proportion to the data.
	if blocks := (pixels + block - 1) / block; blocks > len(data)*8/lengthBits {
		return nil, errShort
	}
	r := &bitReader{data: data}
	last := r.read(width)
	out := make([]int64, pixels)
	for i := 0; i < pixels; {
		end := min(pixels, i+block)
		split := int(r.read(lengthBits)) - 1
		if split > raw {
			return nil, fmt.Errorf("a block of pixels with %d bits each isn't of RICE_1", split)
		}
		for ; i < end; i++ {
			diff := uint32(0)
			switch {
			case split == raw:
				diff = r.read(width)
			case split >= 0:
				diff = uint32(r.zeros())<<split | r.read(split)
			}
			// Signs alternate: 0, -1, 1, -2, 2.
			last += diff>>1 ^ -(diff & 1)
			switch each {
			case 1:
				out[i] = int64(uint8(last))
			case 2:
				out[i] = int64(int16(last))
			case 4:
				out[i] = int64(int32(last))
			}
		}
		if r.ended() {
			return nil, errShort
		}
	}
	return out, nil
}

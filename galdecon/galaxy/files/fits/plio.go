package fits

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// plioDecode decodes PLIO_1, the line lists of IRAF's masks (section 10.4.3): words of 16 bits,
// the upper four an instruction, the others a number. Pixels after the end of the list are 0.
func plioDecode(data []byte, pixels int) ([]int64, error) {
	word := func(i int) int {
		if 2*i+2 > len(data) {
			return 0
		}
		return int(int16(binary.BigEndian.Uint16(data[2*i:])))
	}
	if len(data) < 14 {
		return nil, errShort
	}
	if float64(pixels) > float64(len(data))*4096 {
		return nil, errShort
	}
	// The third word is negative in lists whose length has two words, and a header of its own.
	length, at := word(2), 3
	if length <= 0 {
		length, at = word(4)<<15+word(3), word(1)
	}
	if at < 0 || length < at || 2*length > len(data) {
		return nil, fmt.Errorf("a list of %d words doesn't fit its %d bytes", length, len(data))
	}
	out := make([]int64, pixels)
	next, value := 0, 1
	// run sets the next pixels.
	run := func(n, v int) error {
		if n > pixels-next {
			return errors.New("it has more pixels than its size")
		}
		if v != 0 {
			for i := range n {
				out[next+i] = int64(v)
			}
		}
		next += n
		return nil
	}
	for ; at < length; at++ {
		w := uint16(word(at))
		n := int(w & 0xfff)
		var err error
		switch w >> 12 {
		case 0: // zeros
			err = run(n, 0)
		case 1: // the value, its upper bits in the next word
			at++
			value = int(uint16(word(at)))<<12 | n
		case 2: // a larger value
			value += n
		case 3: // a smaller value
			value -= n
		case 4: // the value n times
			err = run(n, value)
		case 5: // zeros, the last of which is the value
			if n > 0 {
				if err = run(n-1, 0); err == nil {
					err = run(1, value)
				}
			}
		case 6: // a larger value, once
			value += n
			err = run(1, value)
		case 7: // a smaller value, once
			value -= n
			err = run(1, value)
		default:
			err = fmt.Errorf("%d is no instruction of PLIO_1", w>>12)
		}
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

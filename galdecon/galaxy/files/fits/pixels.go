package fits

import (
	"encoding/binary"
	"fmt"
	"math"
)

// scaling is how values of an image follow from those that are stored (section 4.4.2.5).
type scaling struct {
	scale, zero float64
	blank       int64
	hasBlank    bool
}

func readScaling(h *Header) scaling {
	s := scaling{scale: 1}
	if v, ok := h.Number("BSCALE"); ok {
		s.scale = v
	}
	if v, ok := h.Number("BZERO"); ok {
		s.zero = v
	}
	s.blank, s.hasBlank = h.Integer("BLANK")
	return s
}

// integer returns the value of a pixel that is stored as an integer.
func (s *scaling) integer(v int64) float64 {
	if s.hasBlank && v == s.blank {
		return math.NaN()
	}
	if s.scale == 1 && s.zero == 1<<63 {
		// Unsigned integers of 64 bits (section 5.2.5), rounded once.
		return float64(uint64(v) ^ 1<<63)
	}
	return s.float(float64(v))
}

// float returns the value of a pixel that is stored as a floating-point number.
func (s *scaling) float(v float64) float64 {
	return s.zero + float64(s.scale*v) // not fused, so that all machines round alike
}

// Pixels returns all pixels of an image, the last axis of its shape running fastest, with BSCALE
// and BZERO applied; those that are BLANK are NaN. Integers beyond 53 bits are rounded to the
// nearest float64.
func (h *HDU) Pixels() ([]float64, error) {
	return h.Section(make([]int, len(h.Shape)), h.Shape)
}

// Planes returns the number of images of the last two axes, [height, width], that the image
// consists of: 0 if it has fewer axes or no pixels.
func (h *HDU) Planes() int {
	if h.problem != nil || h.Kind != Image || len(h.Shape) < 2 {
		return 0
	}
	if pixels, ok := product(h.Shape...); !ok || pixels == 0 {
		return 0
	}
	n, _ := product(h.Shape[:len(h.Shape)-2]...)
	return int(n)
}

// Plane returns the pixels, [height, width], of the image with index i of [HDU.Planes], without
// reading the others.
func (h *HDU) Plane(i int) ([]float64, error) {
	if n := h.Planes(); i < 0 || i >= n {
		if h.problem != nil {
			return nil, h.problem
		}
		return nil, fmt.Errorf("HDU %d has no plane %d; it has %d, counted from 0", h.Index, i, n)
	}
	from, to := make([]int, len(h.Shape)), append([]int(nil), h.Shape...)
	for axis := len(h.Shape) - 3; axis >= 0; axis-- {
		from[axis] = i % h.Shape[axis]
		to[axis] = from[axis] + 1
		i /= h.Shape[axis]
	}
	return h.Section(from, to)
}

// Section returns the pixels from an index of each axis, in the order of the shape, up to but not
// including another one, without reading what isn't needed. Of compressed images all tiles that it
// touches are decoded.
func (h *HDU) Section(from, to []int) ([]float64, error) {
	if h.problem != nil {
		return nil, h.problem
	}
	if h.Kind != Image || len(h.Shape) == 0 {
		return nil, &FormatError{h.Index, "it holds no image", "choose another HDU"}
	}
	if len(from) != len(h.Shape) || len(to) != len(h.Shape) {
		return nil, fmt.Errorf("HDU %d has %d axes; the section has %d and %d", h.Index,
			len(h.Shape), len(from), len(to))
	}
	box := make([]int, len(from))
	for i := range from {
		if from[i] < 0 || to[i] < from[i] || to[i] > h.Shape[i] {
			return nil, fmt.Errorf("HDU %d: the section %v to %v isn't within the image's axes, %v",
				h.Index, from, to, h.Shape)
		}
		box[i] = to[i] - from[i]
	}
	n, ok := product(box...)
	if !ok {
		return nil, h.tooLarge(box)
	}
	if n == 0 {
		return []float64{}, nil
	}
	if h.tiles != nil {
		return h.tiles.section(h, from, box)
	}
	out := make([]float64, n)
	return out, h.readBox(out, from, box)
}

// readBox reads the box of an image that isn't compressed which begins at from.
func (h *HDU) readBox(out []float64, from, box []int) error {
	// Rows join to longer runs as long as the box has all of them.
	run, axis := box[len(box)-1], len(box)-1
	for ; axis > 0 && box[axis] == h.Shape[axis]; axis-- {
		run *= box[axis-1]
	}
	each := max(h.Bitpix, -h.Bitpix) / 8
	buffer := make([]byte, min(run, 1<<17)*each)
	return eachRun(h.Shape, from, box, axis, func(at int) error {
		offset := h.data + int64(at)*int64(each)
		for left := run; left > 0; {
			b := buffer[:min(left*each, len(buffer))]
			if n, err := h.file.ReadAt(b, offset); n < len(b) {
				return fmt.Errorf("HDU %d: the data can't be read: %w", h.Index, err)
			}
			n := len(b) / each
			h.decode(out[:n], b)
			out, left, offset = out[n:], left-n, offset+int64(len(b))
		}
		return nil
	})
}

// eachRun calls do with the index, in an array of the given shape, of the first pixel of each run
// of a box, which begins at from: a run has the axes from axis on.
func eachRun(shape, from, box []int, axis int, do func(at int) error) error {
	at := make([]int, len(shape))
	copy(at, from)
	for {
		index := 0
		for i, n := range shape {
			index = index*n + at[i]
		}
		if err := do(index); err != nil {
			return err
		}
		i := axis - 1
		for ; i >= 0; i-- {
			if at[i]++; at[i] < from[i]+box[i] {
				break
			}
			at[i] = from[i]
		}
		if i < 0 {
			return nil
		}
	}
}

// decode decodes pixels that are stored big-endian (section 5).
func (h *HDU) decode(out []float64, b []byte) {
	order := binary.BigEndian
	for i := range out {
		switch h.Bitpix {
		case 8:
			out[i] = h.integer(int64(b[i]))
		case 16:
			out[i] = h.integer(int64(int16(order.Uint16(b[2*i:]))))
		case 32:
			out[i] = h.integer(int64(int32(order.Uint32(b[4*i:]))))
		case 64:
			out[i] = h.integer(int64(order.Uint64(b[8*i:])))
		case -32:
			out[i] = h.float(float64(math.Float32frombits(order.Uint32(b[4*i:]))))
		case -64:
			out[i] = h.float(math.Float64frombits(order.Uint64(b[8*i:])))
		}
	}
}

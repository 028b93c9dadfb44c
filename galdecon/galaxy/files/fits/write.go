package fits

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
)

// NewImage is an image to write.
type NewImage struct {
	// Header, which may be nil, has the cards to write. Those that say how the data are stored,
	// such as BITPIX, BSCALE and BLANK, are left out or written anew, and those that aren't as the
	// standard wants them are mended, at worst into comments; all others stay to the character.
	Header *Header
	// Bitpix is how pixels are stored, as in [HDU].
	Bitpix int
	// Shape is the lengths of the axes, the slowest first; it's empty for a header alone.
	Shape []int
	// Pixel returns the pixel with an index, of which the last axis runs fastest. Integers are
	// rounded from it, and NaN, which they don't know, becomes the value of BLANK.
	Pixel func(i int) float64
}

// Write writes a file with the images, the first as its primary HDU and the others as extensions.
// It returns an error for a pixel that is out of the range of Bitpix.
func Write(w io.Writer, images ...NewImage) error {
	out := bufio.NewWriterSize(w, 1<<16)
	for i := range images {
		if err := images[i].write(out, i, len(images) > 1); err != nil {
			return fmt.Errorf("HDU %d can't be written: %w", i, err)
		}
	}
	return out.Flush()
}

// OfStorage reports whether a keyword says how the data of an HDU are stored: [Write] writes those
// of the new data.
func OfStorage(key string) bool {
	switch key {
	case "SIMPLE", "XTENSION", "BITPIX", "NAXIS", "EXTEND", "BLOCKED", "PCOUNT", "GCOUNT", "GROUPS",
		"BSCALE", "BZERO", "BLANK", "CHECKSUM", "DATASUM", "END":
		return true
	}
	axis, ok := strings.CutPrefix(key, "NAXIS")
	_, err := strconv.Atoi(axis)
	return ok && err == nil
}

func (im *NewImage) write(w *bufio.Writer, index int, more bool) error {
	each := max(im.Bitpix, -im.Bitpix) / 8
	if !slices.Contains([]int{8, 16, 32, 64, -32, -64}, im.Bitpix) {
		return fmt.Errorf("BITPIX is %d; give one of 8, 16, 32, 64, -32, -64", im.Bitpix)
	}
	pixels := 0
	if len(im.Shape) > 0 {
		for _, n := range im.Shape {
			if n < 0 {
				return fmt.Errorf("the shape %v has a negative length", im.Shape)
			}
		}
		n, ok := product(im.Shape...)
		if !ok || n > maxInt64/16 || len(im.Shape) > 999 {
			return fmt.Errorf("the shape %v is too large", im.Shape)
		}
		pixels = int(n)
	}
	blank, hasBlank, err := im.check(pixels)
	if err != nil {
		return err
	}
	head := &Header{}
	if index == 0 {
		head.Set("SIMPLE", true, "")
	} else {
		head.Set("XTENSION", "IMAGE", "")
	}
	head.Set("BITPIX", im.Bitpix, "")
	head.Set("NAXIS", len(im.Shape), "")
	for i := range im.Shape {
		head.Set("NAXIS"+strconv.Itoa(i+1), im.Shape[len(im.Shape)-1-i], "")
	}
	switch {
	case index > 0:
		head.Set("PCOUNT", 0, "")
		head.Set("GCOUNT", 1, "")
	case more:
		head.Set("EXTEND", true, "")
	}
	if hasBlank {
		head.Set("BLANK", int64(blank), "pixels without a value")
	}
	for c := range im.Header.Cards() {
		if key := c.Key(); !OfStorage(key) {
			head.cards = append(head.cards, c.standard())
		}
	}
	if err := head.write(w); err != nil {
		return err
	}
	b := make([]byte, 8)
	for i := range pixels {
		v := im.Pixel(i)
		if hasBlank && math.IsNaN(v) {
			v = blank
		}
		encode(b, im.Bitpix, v)
		if _, err := w.Write(b[:each]); err != nil {
			return err
		}
	}
	_, err = w.Write(make([]byte, padding(int64(pixels)*int64(each))))
	return err
}

// check returns the value of BLANK if there are pixels to have it, and an error for a pixel that
// is out of range.
func (im *NewImage) check(pixels int) (blank float64, hasBlank bool, err error) {
	low, high := -math.MaxFloat64, math.MaxFloat64
	switch {
	case im.Bitpix == 8:
		low, high = 0, 255
		blank = high
	case im.Bitpix > 0:
		low = -math.Ldexp(1, im.Bitpix-1)
		high = min(-low-1, math.Nextafter(-low, 0)) // the latter of 64 bits
		blank = low
	case im.Bitpix == -32:
		// Half a step beyond the largest float32 is what still rounds to it.
		low, high = -math.MaxFloat32-0x1p102, math.MaxFloat32+0x1p102
	}
	taken := false // whether a pixel has the value of BLANK
	for i := range pixels {
		v := im.Pixel(i)
		switch {
		case im.Bitpix < 0 && (math.IsNaN(v) || math.IsInf(v, 0)):
			continue
		case math.IsNaN(v):
			hasBlank = true
			continue
		case im.Bitpix > 0:
			v = math.RoundToEven(v)
			taken = taken || v == blank
		}
		if v < low || v > high {
			return 0, false, fmt.Errorf("pixel %d is %g, beyond the range of BITPIX %d, %g to %g; "+
				"write it with another, or scale it", i, v, im.Bitpix, low, high)
		}
	}
	if hasBlank && taken {
		return 0, false, fmt.Errorf("there are NaN, and a pixel with the value %g that would "+
			"mark them; write it with another BITPIX than %d", blank, im.Bitpix)
	}
	return blank, hasBlank, nil
}

func encode(b []byte, bitpix int, v float64) {
	order := binary.BigEndian
	n := int64(0)
	if bitpix > 0 {
		n = int64(math.RoundToEven(v))
	}
	switch bitpix {
	case 8:
		b[0] = byte(n)
	case 16:
		order.PutUint16(b, uint16(n))
	case 32:
		order.PutUint32(b, uint32(n))
	case 64:
		order.PutUint64(b, uint64(n))
	case -32:
		order.PutUint32(b, math.Float32bits(float32(v)))
	case -64:
		order.PutUint64(b, math.Float64bits(v))
	}
}

// write writes the cards, END, and blanks up to the end of the block (section 3.3.1).
func (h *Header) write(w io.Writer) error {
	written := int64(0)
	for _, c := range append(slices.Clone(h.cards), Card(fmt.Sprintf("%-80s", "END"))) {
		n, err := io.WriteString(w, string(c))
		if err != nil {
			return err
		}
		written += int64(n)
	}
	_, err := fmt.Fprintf(w, "%*s", padding(written), "")
	return err
}

// Package apng joins images to an animated PNG (PNG specification, third edition, section 11.3.4),
// which shows wherever a PNG does: as its first frame where animations aren't known.
//
// The frames are encoded by the standard library's image/png; this package adds the chunks that
// make them an animation.
package apng

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"image"
	"image/png"
	"iter"
	"time"
)

// ErrTooLarge is what [Encode] returns where the animation would be above its limit.
var ErrTooLarge = errors.New("apng: the animation is above its limit")

// hopeless is how much above the limit an animation may seem to become, by the frames so far.
const hopeless = 1.3

// Encode returns an animation of frames, count of them, which is repeated for ever; each is shown
// for a delay, in whole milliseconds, up to a minute. The first is the whole picture, each of the
// others the part of it that it replaces. All are opaque and of one color model. It stops with
// [ErrTooLarge] as soon as there are more than limit bytes, or clearly will be, and with the error
// of a frame.
func Encode(
	frames iter.Seq2[image.Image, error], count int, delay time.Duration, limit int,
) ([]byte, error) {
	w := &writer{}
	var whole image.Rectangle
	number, first := 0, 0
	for frame, err := range frames {
		if err != nil {
			return nil, err
		}
		if number == 0 {
			whole = frame.Bounds()
			err = w.first(frame, count, delay)
			first = w.out.Len()
		} else if part := frame.Bounds(); part.Empty() || !part.In(whole) {
			err = fmt.Errorf("apng: frame %d is %v, not within %v", number, part, whole)
		} else {
			err = w.next(frame, part.Sub(whole.Min), delay)
		}
		if err != nil {
			return nil, err
		}
		if number++; w.out.Len() > limit {
			return nil, ErrTooLarge
		}
		if number > 3 {
			others := float64(w.out.Len()-first) / float64(number-1) * float64(count-1)
			if float64(first)+others > hopeless*float64(limit) {
				return nil, ErrTooLarge
			}
		}
	}
	if number != count || count == 0 {
		return nil, fmt.Errorf("apng: %d frames came, %d were announced", number, count)
	}
	w.chunk("IEND", nil)
	if w.out.Len() > limit {
		return nil, ErrTooLarge
	}
	return w.out.Bytes(), nil
}

// writer writes chunks; those of the animation are numbered.
type writer struct {
	out      bytes.Buffer
	sequence uint32
}

const signature = "\x89PNG\r\n\x1a\n"

func (w *writer) chunk(kind string, data []byte) {
	var number [4]byte
	binary.BigEndian.PutUint32(number[:], uint32(len(data)))
	w.out.Write(number[:])
	body := append([]byte(kind), data...)
	w.out.Write(body)
	binary.BigEndian.PutUint32(number[:], crc32.ChecksumIEEE(body))
	w.out.Write(number[:])
}

// first writes everything up to the first frame, whose header and palette are those of all.
func (w *writer) first(frame image.Image, count int, delay time.Duration) error {
	w.out.WriteString(signature)
	return eachChunk(frame, func(kind string, data []byte) {
		switch kind {
		case "IEND":
		case "IDAT":
			if w.sequence == 0 {
				var control [8]byte // and 0, for ever
				binary.BigEndian.PutUint32(control[:], uint32(count))
				w.chunk("acTL", control[:])
				w.control(frame.Bounds().Sub(frame.Bounds().Min), delay)
			}
			w.chunk(kind, data)
		default:
			w.chunk(kind, data)
		}
	})
}

// next writes a frame that replaces a part.
func (w *writer) next(frame image.Image, part image.Rectangle, delay time.Duration) error {
	w.control(part, delay)
	return eachChunk(frame, func(kind string, data []byte) {
		if kind != "IDAT" {
			return
		}
		numbered := binary.BigEndian.AppendUint32(nil, w.sequence)
		w.sequence++
		w.chunk("fdAT", append(numbered, data...))
	})
}

// control writes where the next frame goes, and how long it is shown.
func (w *writer) control(part image.Rectangle, delay time.Duration) {
	var data []byte
	for _, v := range []int{int(w.sequence), part.Dx(), part.Dy(), part.Min.X, part.Min.Y} {
		data = binary.BigEndian.AppendUint32(data, uint32(v))
	}
	data = binary.BigEndian.AppendUint16(data, uint16(delay.Milliseconds()))
	data = binary.BigEndian.AppendUint16(data, 1000)
	w.chunk("fcTL", append(data, 0, 0)) // the frame stays, and the next replaces its part
	w.sequence++
}

// eachChunk encodes an image and passes its chunks on.
func eachChunk(img image.Image, pass func(kind string, data []byte)) error {
	if p, ok := img.(*image.Paletted); ok && len(p.Palette) <= 16 {
		// image/png would store several pixels in a byte, in some frames only.
		return fmt.Errorf("apng: a palette has %d colors; it needs more than 16", len(p.Palette))
	}
	if o, ok := img.(interface{ Opaque() bool }); !ok || !o.Opaque() {
		return errors.New("apng: a frame isn't opaque") // image/png would store one channel more
	}
	var buf bytes.Buffer
	encoder := png.Encoder{CompressionLevel: png.BestCompression}
	if err := encoder.Encode(&buf, img); err != nil {
		return err
	}
	for data := buf.Bytes()[len(signature):]; len(data) > 0; {
		n := binary.BigEndian.Uint32(data)
		pass(string(data[4:8]), data[8:8+n])
		data = data[12+n:]
	}
	return nil
}

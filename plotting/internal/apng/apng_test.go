package apng

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/color"
	"image/color/palette"
	"image/draw"
	"image/png"
	"iter"
	"slices"
	"testing"
	"time"
)

// decode plays an animation: it composes its frames, as a browser does, with the standard library's
// decoder for each, and returns them with the delay of each.
func decode(t *testing.T, data []byte) (frames []image.Image, delays []time.Duration) {
	t.Helper()
	if string(data[:len(signature)]) != signature {
		t.Fatal("no PNG")
	}
	var header, palette, pixels []byte
	var canvas *image.NRGBA
	var part image.Rectangle
	announced, sequence := -1, uint32(0)
	show := func() {
		if pixels == nil {
			return
		}
		w := &writer{}
		w.out.WriteString(signature)
		size := append(binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil,
			uint32(part.Dx())), uint32(part.Dy())), header[8:]...)
		w.chunk("IHDR", size)
		if palette != nil {
			w.chunk("PLTE", palette)
		}
		w.chunk("IDAT", pixels)
		w.chunk("IEND", nil)
		img, err := png.Decode(&w.out)
		if err != nil {
			t.Fatalf("frame %d: %v", len(frames), err)
		}
		draw.Draw(canvas, part, img, image.Point{}, draw.Src)
		shown := image.NewNRGBA(canvas.Rect)
		copy(shown.Pix, canvas.Pix)
		frames = append(frames, shown)
		pixels = nil
	}
	next := func(data []byte) {
		if got := binary.BigEndian.Uint32(data); got != sequence {
			t.Fatalf("chunk %d of the animation has the number %d", sequence, got)
		}
		sequence++
	}
	for data = data[len(signature):]; len(data) > 0; {
		n := binary.BigEndian.Uint32(data)
		kind, body := string(data[4:8]), data[8:8+n]
		if sum := binary.BigEndian.Uint32(data[8+n:]); sum != crc32.ChecksumIEEE(data[4:8+n]) {
			t.Fatalf("the sum of %s is wrong", kind)
		}
		data = data[12+n:]
		switch kind {
		case "IHDR":
			header = body
			canvas = image.NewNRGBA(image.Rect(0, 0, int(binary.BigEndian.Uint32(body)),
				int(binary.BigEndian.Uint32(body[4:]))))
		case "PLTE":
			palette = body
		case "acTL":
			announced = int(binary.BigEndian.Uint32(body))
			if binary.BigEndian.Uint32(body[4:]) != 0 {
				t.Error("it isn't repeated for ever")
			}
		case "fcTL":
			show()
			next(body)
			at := func(i int) int { return int(binary.BigEndian.Uint32(body[4*i:])) }
			part = image.Rect(0, 0, at(1), at(2)).Add(image.Pt(at(3), at(4)))
			unit := time.Second / time.Duration(binary.BigEndian.Uint16(body[22:]))
			delays = append(delays, unit*time.Duration(binary.BigEndian.Uint16(body[20:])))
		case "IDAT":
			pixels = append(pixels, body...)
		case "fdAT":
			next(body)
			pixels = append(pixels, body[4:]...)
		case "IEND":
			show()
		}
	}
	if announced != len(frames) {
		t.Errorf("%d frames are announced, there are %d", announced, len(frames))
	}
	return frames, delays
}

func all(frames []image.Image) iter.Seq2[image.Image, error] {
	return func(yield func(image.Image, error) bool) {
		for _, f := range frames {
			if !yield(f, nil) {
				return
			}
		}
	}
}

// moving is a square that moves over a ground, and rests once; not at the origin.
func moving(canvas func(image.Rectangle) draw.Image) (frames []image.Image) {
	for i := range 5 {
		img := canvas(image.Rect(3, 4, 63, 44))
		draw.Draw(img, img.Bounds(), image.NewUniform(palette.WebSafe[20]), image.Point{}, draw.Src)
		at := 10 * min(i, 3)
		square := image.Rect(at, 10, at+9, 19).Add(img.Bounds().Min)
		draw.Draw(img, square, image.NewUniform(palette.WebSafe[100]), image.Point{}, draw.Src)
		frames = append(frames, img)
	}
	return frames
}

func TestFramesComeBack(t *testing.T) {
	for name, canvas := range map[string]func(image.Rectangle) draw.Image{
		"paletted": func(r image.Rectangle) draw.Image {
			return image.NewPaletted(r, palette.WebSafe)
		},
		"color": func(r image.Rectangle) draw.Image { return image.NewNRGBA(r) },
	} {
		frames := moving(canvas)
		parts := slices.Clone(frames)
		for i := range parts[1:] {
			// All that moves, and one that touches the border.
			part := image.Rect(3, 10, 53, 25)
			if i == 2 {
				part = image.Rect(3, 4, 63, 44)
			}
			parts[i+1] = parts[i+1].(interface {
				SubImage(image.Rectangle) image.Image
			}).SubImage(part)
		}
		data, err := Encode(all(parts), len(frames), 70*time.Millisecond, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		got, delays := decode(t, data)
		if len(got) != len(frames) {
			t.Fatalf("%s: %d frames come back, of %d", name, len(got), len(frames))
		}
		for i, f := range frames {
			if delays[i] != 70*time.Millisecond {
				t.Errorf("%s: frame %d is shown for %v", name, i, delays[i])
			}
			for y := range 40 {
				for x := range 60 {
					want := color.NRGBAModel.Convert(f.At(3+x, 4+y))
					if c := got[i].At(x, y); c != want {
						t.Fatalf("%s: frame %d is %v at (%d, %d), want %v", name, i, c, x, y, want)
					}
				}
			}
		}
		// Whoever doesn't know of animations sees the first frame.
		first, err := png.Decode(bytes.NewReader(data))
		if err != nil || first.Bounds().Dx() != 60 {
			t.Errorf("%s: as a PNG it is %v, %v", name, first, err)
		}
	}
}

func TestRefused(t *testing.T) {
	frames := moving(func(r image.Rectangle) draw.Image { return image.NewNRGBA(r) })
	if _, err := Encode(all(frames), 5, time.Second, 500); !errors.Is(err, ErrTooLarge) {
		t.Errorf("an animation above its limit gives %v", err)
	}
	if _, err := Encode(all(frames), 6, time.Second, 1<<20); err == nil {
		t.Error("one frame less than announced is taken")
	}
	if _, err := Encode(all(nil), 0, time.Second, 1<<20); err == nil {
		t.Error("no frames are taken")
	}
	outside := append(frames, frames[0].(*image.NRGBA).SubImage(image.Rect(0, 0, 1, 1)))
	if _, err := Encode(all(outside), 6, time.Second, 1<<20); err == nil {
		t.Error("a frame outside of the first is taken")
	}
	clear := append(frames, image.NewNRGBA(image.Rect(3, 4, 5, 5)))
	if _, err := Encode(all(clear), 6, time.Second, 1<<20); err == nil {
		t.Error("a frame that isn't opaque is taken")
	}
	bits := image.NewPaletted(image.Rect(0, 0, 4, 4), color.Palette{color.Black, color.White})
	if _, err := Encode(all([]image.Image{bits}), 1, time.Second, 1<<20); err == nil {
		t.Error("a palette of two colors is taken")
	}
}

package files

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"slices"

	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/internal/npy"
	"galdecon/internal/atomicfile"
)

// Planes says what the third axis of an array is.
type Planes string

const (
	// Stack is the default: [n, h, w] are n gray images.
	PlanesStack Planes = ""
	// ChannelsFirst makes [c, h, w] one image of c channels, and [n, c, h, w] n of them.
	ChannelsFirst Planes = "channels first"
	// ChannelsLast makes [h, w, c] one image of c channels.
	ChannelsLast Planes = "channels last"
)

func (p Planes) validate() error {
	if p != PlanesStack && p != ChannelsFirst && p != ChannelsLast {
		return fmt.Errorf("files: there is no layout %q of planes; choose %q, %q or %q", p,
			PlanesStack, ChannelsFirst, ChannelsLast)
	}
	return nil
}

// layout is how an array holds images.
type layout struct {
	n, height, width, channels int
	// channelsFirst: the channels are planes, [n, c, h, w], and not next to each other.
	channelsFirst bool
}

// layout returns that of an array of two to four axes, none of which is 0.
func (p Planes) layout(shape []int) (l layout, err error) {
	s := shape
	switch {
	case slices.Contains(s, 0):
		return l, fmt.Errorf("the array has the shape %v: there is no image in it", s)
	case len(s) == 2:
		return layout{1, s[0], s[1], 1, false}, nil
	case len(s) == 3 && p == ChannelsFirst:
		return layout{1, s[1], s[2], s[0], true}, nil
	case len(s) == 3 && p == ChannelsLast:
		return layout{1, s[0], s[1], s[2], false}, nil
	case len(s) == 3:
		return layout{s[0], s[1], s[2], 1, false}, nil
	case len(s) == 4 && p == ChannelsFirst:
		return layout{s[0], s[2], s[3], s[1], true}, nil
	case len(s) == 4:
		return layout{s[0], s[1], s[2], s[3], false}, nil
	}
	return l, fmt.Errorf("the array has the shape %v; save it as [h, w], [n, h, w] or [n, h, w, c]",
		s)
}

// append adds an image with values in this layout to others of its shape.
func (l layout) append(im *galaxy.Images, values []float64) {
	pixels, scale := narrow(values)
	if l.channelsFirst && l.channels > 1 {
		planes := pixels
		pixels = make([]float32, len(planes))
		area := l.height * l.width
		for k, v := range planes {
			pixels[k%area*l.channels+k/area] = v
		}
	}
	im.Pixels = append(im.Pixels, pixels...)
	im.N++
	if scale != 1 && im.Scale == nil {
		im.Scale = slices.Repeat([]float64{1}, im.N-1)
	}
	if im.Scale != nil {
		im.Scale = append(im.Scale, scale)
	}
}

// numpyStack reads the images of a NumPy array one after another.
type numpyStack struct {
	layout
	array *npy.Array
	end   io.ByteReader // stands behind the last image when that has been read
	left  int           // images that haven't been
}

// openNPY reads the header of an array. What that promises is only allocated as its values come.
func openNPY(r *bufio.Reader, planes Planes) (*numpyStack, error) {
	array, err := npy.NewArray(r)
	if err != nil {
		return nil, err
	}
	l, err := planes.layout(array.Shape)
	return &numpyStack{l, array, r, l.n}, err
}

// read returns the next n images.
func (s *numpyStack) read(n int) (*galaxy.Images, error) {
	out := galaxy.NewImages(0, s.height, s.width, s.channels)
	var values []float64
	for range n {
		var err error
		if values, err = s.next(values[:0]); err != nil {
			return nil, err
		}
		s.append(out, values)
	}
	return out, nil
}

// values returns those of all images, one after the other.
func (s *numpyStack) values() (values []float64, err error) {
	for range s.n {
		if values, err = s.next(values); err != nil {
			return nil, err
		}
	}
	return values, nil
}

// next appends the values of the next image.
func (s *numpyStack) next(values []float64) ([]float64, error) {
	for end := len(values) + s.height*s.width*s.channels; len(values) < end; {
		have := len(values)
		values = slices.Grow(values, min(4096, end-have))
		values = values[:min(cap(values), end)]
		if err := s.array.ReadFloat64(values[have:]); err != nil {
			return nil, err
		}
	}
	if s.left--; s.left == 0 {
		// A compressed file has its checksum at the end.
		if _, err := s.end.ReadByte(); err != nil && err != io.EOF {
			return nil, fmt.Errorf("the compressed file is damaged or truncated: %w", err)
		}
	}
	return values, nil
}

// SaveNPY writes the images as a NumPy array of little-endian float32, [n, h, w, c], which [Load]
// and numpy.load read. IDs, scales and marks of bad pixels are not in it. The file appears when it
// is complete: one that was there before stays if writing fails.
func SaveNPY(path string, im *galaxy.Images) error {
	if err := im.Validate(); err != nil {
		return err
	}
	return save(path, func(w io.Writer) error {
		if _, err := w.Write(npy.Header(im.N, im.Height, im.Width, im.Channels)); err != nil {
			return err
		}
		for chunk := range slices.Chunk(im.Pixels, 4096) {
			if err := binary.Write(w, binary.LittleEndian, chunk); err != nil {
				return err
			}
		}
		return nil
	})
}

// save writes a file that appears when it is complete.
func save(path string, content func(w io.Writer) error) error {
	if err := atomicfile.Write(path, content); err != nil {
		return fmt.Errorf("files: cannot save %s: %w", path, err)
	}
	return nil
}

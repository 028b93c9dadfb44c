package files

import (
	"bytes"
	"errors"
	"io"
	"sync"

	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/galaxy/files/fits"
)

// stack is images of one shape, in a file.
type stack struct {
	n int
	// read returns n images from the first on.
	read func(first, n int) (*galaxy.Images, error)
	// inOrder: they must be read one after another, and before the file is closed.
	inOrder bool
}

// choice says how arrays are read, and which of a file with several.
type choice struct {
	planes Planes
	// selector is what the name of the file says; nil if it doesn't.
	selector *fits.Selector
}

// eachStack calls yield for the stack of images in a file of the given name and size, or for each
// of those in a NumPy archive with its name within. It ends where yield returns false.
func (c choice) eachStack(name string, r io.Reader, size int64,
	yield func(within string, s stack) bool) error {
	if size == 0 {
		return errEmptyFile
	}
	switch formatOf(name) {
	case numpyArchive:
		return c.eachArray(r, size, yield)
	case numpyArray:
		contents, err := unpacked(r)
		if err != nil {
			return err
		}
		images, err := openNPY(contents, c.planes)
		switch {
		case images != nil && images.array.Type == boolean:
			return errBoolean
		case err != nil:
			return err
		}
		yield("", images.stack())
		return nil
	case fitsFile:
		return c.fits(r, yield)
	case picture:
		data, err := readWhole(r)
		if err != nil {
			return err
		}
		yield("",
			stack{n: 1,
				read: func(int, int) (*galaxy.Images, error) { return decodePicture(data) }})
		return nil
	}
	return unknownFormat(name)
}

// boolean is NumPy's name of the type.
const boolean = "b1"

var errBoolean = errors.New("the array holds booleans: it is a mask, no image; LoadMask reads it")

func (s *numpyStack) stack() stack {
	return stack{n: s.n, inOrder: true,
		read: func(_, n int) (*galaxy.Images, error) { return s.read(n) }}
}

// fits is eachStack of a FITS file.
func (c choice) fits(r io.Reader, yield func(within string, s stack) bool) error {
	data, err := readWhole(r)
	if err != nil {
		return err
	}
	f, err := fits.Read(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return err
	}
	p, err := choosePlane(f, c.selector, c.planes)
	if err != nil {
		return err
	}
	// When the first of them are asked for.
	all := sync.OnceValues(func() (*galaxy.Images, error) { return readPlane(f, p) })
	yield("", stack{n: p.n, read: func(first, n int) (*galaxy.Images, error) {
		im, err := all()
		if err != nil || n == im.N {
			return im, err
		}
		return part(im, first, n), nil
	}})
	return nil
}

// part returns n images from the first on; they share their pixels.
func part(im *galaxy.Images, first, n int) *galaxy.Images {
	area := im.Height * im.Width
	return &galaxy.Images{N: n, Height: im.Height, Width: im.Width, Channels: im.Channels,
		Pixels: span(im.Pixels, area*im.Channels, first, n),
		Bad:    span(im.Bad, area, first, n),
		Scale:  span(im.Scale, 1, first, n)}
}

// span returns those of all values, each of a number, that n images from the first on have.
func span[T any](all []T, each, first, n int) []T {
	if all == nil {
		return nil
	}
	end := (first + n) * each
	return all[first*each : end : end]
}

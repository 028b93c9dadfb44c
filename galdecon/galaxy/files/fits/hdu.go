package fits

import (
	"errors"
	"fmt"
	"io"
	"strings"
)

// Kind is what an HDU holds.
type Kind int

const (
	// Image is an array of pixels, or none where there are no axes.
	Image Kind = iota
	// Table is a binary table.
	Table
	// Other is an ASCII table, random groups, or an extension that isn't of the standard.
	Other
)

// HDU is one of the parts of a file, a header and its data.
type HDU struct {
	// Index is the place in the file, 0 for the primary HDU.
	Index int
	// Kind is what it holds. A compressed image is an image.
	Kind Kind
	// Header has the cards; of a compressed image those of the image, not of the table in which
	// it is stored.
	Header *Header
	// Shape is the lengths of an image's axes, the slowest first: [height, width] of one with two,
	// which is NAXIS2 and NAXIS1. It's empty without axes, and if the header can't be understood.
	Shape []int
	// Bitpix is how pixels are stored, before BSCALE and BZERO: as 8 for unsigned bytes, 16, 32
	// or 64 for signed integers of so many bits, -32 or -64 for floating-point numbers.
	Bitpix int

	file         io.ReaderAt
	data, length int64  // where the data begin, and how many bytes they have
	problem      error  // why the data can't be read
	tiles        *tiles // of a compressed image
	scaling
}

// Check returns why the data of the HDU can't be read, as far as its header and the length of the
// file tell: a [*KeywordError], [*TruncatedError] or [*FormatError].
func (h *HDU) Check() error { return h.problem }

// Compressed reports whether the HDU is an image that is stored compressed, by tiles.
func (h *HDU) Compressed() bool { return h.tiles != nil }

// Name returns the value of EXTNAME, or "PRIMARY" for a primary HDU without one.
func (h *HDU) Name() string {
	name, _ := h.Header.Text("EXTNAME")
	if name == "" && h.Index == 0 {
		return "PRIMARY"
	}
	return name
}

// Version returns the value of EXTVER, 1 if there is none.
func (h *HDU) Version() int {
	if n, ok := h.Header.Integer("EXTVER"); ok {
		return int(n)
	}
	return 1
}

// String says which HDU it is and what it holds, such as "[1] SCI (image 512 x 512)", the width
// first.
func (h *HDU) String() string {
	what := "no data"
	switch {
	case h.problem != nil:
		what = "can't be read"
	case h.Kind == Table:
		what = "table"
	case h.Kind == Other:
		what = "not an image"
	case len(h.Shape) > 0:
		var axes []string
		for i := range h.Shape {
			axes = append(axes, fmt.Sprint(h.Shape[len(h.Shape)-1-i]))
		}
		what = "image " + strings.Join(axes, " x ")
	}
	name := h.Name()
	if v := h.Version(); v != 1 {
		name += fmt.Sprintf(",%d", v)
	}
	return strings.TrimSpace(fmt.Sprintf("[%d] %s", h.Index, name)) + " (" + what + ")"
}

// readHDU reads the HDU that begins at a byte of a file, and returns where the next begins: 0 if
// that can't be known. hdu is nil if there is none, which err explains.
func readHDU(r io.ReaderAt, at, size int64, index int) (hdu *HDU, next int64, note string,
	err error) {
	start := make([]byte, 9)
	got, err := r.ReadAt(start, at)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, 0, "", err
	}
	start = start[:got]
	want := "XTENSION"
	if index == 0 {
		want = "SIMPLE  "
	}
	if !strings.HasPrefix(string(start), want) {
		return nil, 0, "", &FormatError{index, fmt.Sprintf("it begins with %q, not with %s", start,
			strings.TrimSpace(want)), "is it a FITS file, and undamaged?"}
	}
	header, n, note, err := readHeader(r, at, size, index)
	if err != nil {
		return nil, 0, note, err
	}
	h := &HDU{Index: index, Header: header, file: r, data: at + n}
	length, err := h.understand()
	if length < 0 {
		h.problem = err
		return h, 0, note, err
	}
	h.length = length
	// In a file that ends with the header the block may not be full.
	present := max(0, size-h.data)
	if length > present {
		h.problem = &TruncatedError{index, length, present}
		return h, 0, note, h.problem
	}
	h.problem = err
	if h.problem == nil && h.Kind == Table {
		h.problem = h.uncover()
	}
	return h, h.data + length + padding(length), note, nil
}

// understand finds from the header what the HDU holds, and how many bytes its data have
// (section 4.4.1); -1 with an error if that can't be known.
func (h *HDU) understand() (length int64, err error) {
	bitpix, shape, err := h.Header.layout(h.Index, "")
	if err != nil {
		return -1, err
	}
	extension, _ := h.Header.Text("XTENSION")
	switch {
	case h.Index == 0 || extension == "IMAGE" || extension == "IUEIMAGE":
	case extension == "BINTABLE" || extension == "A3DTABLE":
		h.Kind = Table
	default:
		h.Kind = Other
	}
	extra, err := h.Header.optional(h.Index, "PCOUNT", 0, 0, maxInt64)
	if err != nil {
		return -1, err
	}
	groups, err := h.Header.optional(h.Index, "GCOUNT", 1, 0, maxInt64)
	if err != nil {
		return -1, err
	}
	axes := shape
	random, _ := h.Header.Bool("GROUPS")
	if random = random && len(shape) > 0 && shape[len(shape)-1] == 0; random {
		h.Kind = Other
		axes = shape[:len(shape)-1]
	}
	values, ok := product(axes...)
	if len(axes) == 0 {
		values = 0
	}
	total, ok2 := product(max(bitpix, -bitpix)/8, int(groups))
	if !ok || !ok2 || values > maxInt64-extra {
		return -1, h.tooLarge(axes)
	}
	if length, ok = product(int(total), int(values+extra)); !ok || length > maxInt64/2 {
		return -1, h.tooLarge(axes)
	}
	if random {
		return length, &FormatError{h.Index, "it holds random groups, not an image",
			"write the visibilities' image with the program that made them"}
	}
	if h.Kind != Other {
		h.Bitpix, h.Shape = bitpix, shape
	}
	if h.Kind == Image {
		h.scaling = readScaling(h.Header)
	}
	return length, nil
}

func (h *HDU) tooLarge(axes []int) error {
	return &KeywordError{h.Index, "NAXISn", fmt.Sprint(axes), "the axes of data that fit a file"}
}

package galaxy

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

var (
	npyDescr   = regexp.MustCompile(`'descr'\s*:\s*'([<>|])([fiu][1248])'`)
	npyFortran = regexp.MustCompile(`'fortran_order'\s*:\s*True`)
	npyShape   = regexp.MustCompile(`'shape'\s*:\s*\(([0-9,\s]*)\)`)
)

// npyTypes decodes one value of each type that is read: the kind (float, signed or unsigned) and its bytes.
var npyTypes = map[string]func(order binary.ByteOrder, b []byte) float32{
	"f4": func(o binary.ByteOrder, b []byte) float32 { return math.Float32frombits(o.Uint32(b)) },
	"f8": func(o binary.ByteOrder, b []byte) float32 { return float32(math.Float64frombits(o.Uint64(b))) },
	"u1": func(_ binary.ByteOrder, b []byte) float32 { return float32(b[0]) },
	"i1": func(_ binary.ByteOrder, b []byte) float32 { return float32(int8(b[0])) },
	"u2": func(o binary.ByteOrder, b []byte) float32 { return float32(o.Uint16(b)) },
	"i2": func(o binary.ByteOrder, b []byte) float32 { return float32(int16(o.Uint16(b))) },
	"u4": func(o binary.ByteOrder, b []byte) float32 { return float32(o.Uint32(b)) },
	"i4": func(o binary.ByteOrder, b []byte) float32 { return float32(int32(o.Uint32(b))) },
}

// maxNPYHeader is the largest header that is read; NumPy writes one of 118 bytes.
const maxNPYHeader = 1 << 16

// decodeNPY reads NumPy's format, versions 1 to 3 (numpy.lib.format): a magic string, the length of a header,
// the header as a Python dictionary, and the values. size is that of the file, of which the memory is a small
// multiple: what a header promises is only allocated as its values come.
func decodeNPY(r io.Reader, size int64) (*Images, error) {
	var lead [8]byte
	if _, err := io.ReadFull(r, lead[:]); err != nil || string(lead[:6]) != "\x93NUMPY" || lead[6] < 1 || lead[6] > 3 {
		return nil, errors.New("it is not a NumPy file of version 1 to 3: the first bytes are not those of the format")
	}
	length := make([]byte, 4)
	width := 2 // bytes that hold the header's length: 2 in version 1, 4 afterwards
	if lead[6] > 1 {
		width = 4
	}
	if _, err := io.ReadFull(r, length[:width]); err != nil {
		return nil, errors.New("the file is truncated within its header")
	}
	n := binary.LittleEndian.Uint32(length)
	if n > maxNPYHeader {
		return nil, fmt.Errorf("the NumPy header has %d bytes, more than the %d that are accepted; save a plain array of numbers", n, maxNPYHeader)
	}
	header := make([]byte, n)
	if _, err := io.ReadFull(r, header); err != nil {
		return nil, errors.New("the file is truncated within its header")
	}
	descr := npyDescr.FindSubmatch(header)
	if descr == nil || npyTypes[string(descr[2])] == nil {
		return nil, fmt.Errorf("the NumPy header %q has no type of number that can be read; save array.astype('f4')", header)
	}
	if npyFortran.Match(header) {
		return nil, errors.New("the array is in Fortran order; save numpy.ascontiguousarray of it")
	}
	shape, err := npyImageShape(header)
	if err != nil {
		return nil, err
	}
	var order binary.ByteOrder = binary.LittleEndian
	if descr[1][0] == '>' {
		order = binary.BigEndian
	}
	decode, each := npyTypes[string(descr[2])], int(descr[2][1]-'0')
	count := shape[0] * shape[1] * shape[2] * shape[3]
	im := &Images{N: shape[0], Height: shape[1], Width: shape[2], Channels: shape[3]}
	im.Pixels = make([]float32, 0, min(count, int(size)/each))
	buffer := make([]byte, each*4096)
	for len(im.Pixels) < count {
		part := buffer[:each*min(4096, count-len(im.Pixels))]
		if _, err := io.ReadFull(r, part); err != nil {
			return nil, fmt.Errorf("the file is truncated or damaged within its values: an array of shape %v needs %d of them (%w)", shape, count, err)
		}
		for ; len(part) > 0; part = part[each:] {
			im.Pixels = append(im.Pixels, decode(order, part))
		}
	}
	return im, nil
}

// npyImageShape returns the shape in the header as [n, h, w, c].
func npyImageShape(header []byte) (shape [4]int, err error) {
	text := npyShape.FindSubmatch(header)
	if text == nil {
		return shape, fmt.Errorf("the NumPy header %q has no shape; save a plain array of numbers", header)
	}
	var dims []int
	count := 1
	for _, field := range strings.FieldsFunc(string(text[1]), func(r rune) bool { return strings.ContainsRune(", \t\r\n", r) }) {
		d, err := strconv.Atoi(field)
		if err != nil || d > math.MaxInt32 || d > 0 && count > math.MaxInt/8/d {
			return shape, fmt.Errorf("the array has the shape (%s), more than any computer can hold", text[1])
		}
		dims = append(dims, d)
		count *= d
	}
	switch {
	case len(dims) < 2 || len(dims) > 4:
		return shape, fmt.Errorf("the array has the shape (%s); save it as [h, w], [n, h, w] or [n, h, w, c]", text[1])
	case count == 0:
		return shape, fmt.Errorf("the array has the shape (%s): there is no image in it", text[1])
	case len(dims) == 2:
		dims = []int{1, dims[0], dims[1], 1}
	case len(dims) == 3:
		dims = append(dims, 1)
	}
	return [4]int(dims), nil
}

// SaveNPY writes the images as a NumPy array of little-endian float32, [n, h, w, c], which [Load] and numpy.load read.
// IDs and scales are not in it. The file appears when it is complete: one that was there before stays if writing fails.
func (im *Images) SaveNPY(path string) (err error) {
	if err := im.Validate(); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*.part")
	if err != nil {
		return fmt.Errorf("galaxy: cannot save %s: %w", path, err)
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
			err = fmt.Errorf("galaxy: cannot save %s: %w", path, err)
		}
	}()
	header := fmt.Sprintf("{'descr': '<f4', 'fortran_order': False, 'shape': (%d, %d, %d, %d), }", im.N, im.Height, im.Width, im.Channels)
	// The values start at a multiple of 64 bytes, after the 10 bytes of the lead and the header's newline.
	header += strings.Repeat(" ", 63-(10+len(header))%64) + "\n"
	w := bufio.NewWriter(f)
	w.WriteString("\x93NUMPY\x01\x00")
	binary.Write(w, binary.LittleEndian, uint16(len(header)))
	w.WriteString(header)
	for chunk := range slices.Chunk(im.Pixels, 4096) {
		binary.Write(w, binary.LittleEndian, chunk)
	}
	if err := w.Flush(); err != nil { // a bufio.Writer keeps the first error
		return err
	}
	if err := f.Chmod(0o644); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

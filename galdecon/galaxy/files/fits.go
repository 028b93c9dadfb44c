package files

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/astrogo/fitsio"

	"galdecon/galdecon/galaxy"
)

const (
	fitsBlock = 2880 // bytes; headers and data fill whole blocks
	fitsCard  = 80   // bytes of one line of a header
)

// fitsImage is an image in a FITS file, whose values are yet to be read.
type fitsImage struct {
	layout
	header Header
	hdu    []byte // header and values, filled to whole blocks
}

// findFITSImage returns the image with two to four axes, [h, w], [n, h, w] or [n, c, h, w], of a FITS file (Pence et al. 2010, A&A 524, A42). Of
// several it is the first that is named SCI, as weights may stand before it, or else the first. A third axis is read as planes says.
func findFITSImage(data []byte, planes Planes) (*fitsImage, error) {
	var first *fitsImage
	for hdu := 0; len(data) >= fitsBlock; hdu++ {
		head, image, rest, err := nextFITSImage(data, planes)
		science := strings.EqualFold(head.cards.text("EXTNAME"), "SCI")
		// Once there is an image, what is wrong with others doesn't matter.
		if err != nil && (science || first == nil) {
			return nil, fmt.Errorf("HDU %d: %w", hdu, err)
		}
		if image != nil && science {
			return image, nil
		}
		if first == nil {
			first = image
		}
		data = rest
	}
	if first == nil {
		return nil, errors.New("there is no HDU with an image of two to four axes; is it a FITS image, and complete?")
	}
	return first, nil
}

// nextFITSImage returns the header of the first HDU in data, its image if it has one, and the HDUs after it, as far as it can be known where they begin.
func nextFITSImage(data []byte, planes Planes) (head fitsHeader, image *fitsImage, rest []byte, err error) {
	if head, err = scanFITSHeader(data); err != nil {
		return head, nil, nil, err
	}
	end := head.bytes + head.dataBytes
	if end > len(data) {
		return head, nil, nil, fmt.Errorf("the file is truncated: the header announces %d bytes, %d are there", end, len(data))
	}
	padded := (end + fitsBlock - 1) / fitsBlock * fitsBlock
	if padded > len(data) {
		// Not every program fills the last block, but the reader insists.
		data = append(data[:len(data):len(data)], make([]byte, padded-len(data))...)
	}
	hdu, rest := data[:padded], data[padded:]
	if head.compressed {
		return head, nil, rest, errors.New("the image is compressed; uncompress it, for example with funpack")
	}
	// Axes of length 1 beyond the second carry nothing: radio astronomers write [1, 1, h, w]. Those of our files with channels do.
	axes := head.axes
	_, coloured := head.cards.Number(coloursKey)
	for !coloured && len(axes) > 2 && axes[len(axes)-1] == 1 {
		axes = axes[:len(axes)-1]
	}
	if !head.image || len(axes) < 2 || len(axes) > 4 || head.dataBytes == 0 {
		return head, nil, rest, nil
	}
	shape := slices.Clone(axes)
	slices.Reverse(shape) // FITS counts axes from the fastest
	if len(shape) == 4 {
		planes = ChannelsFirst
	}
	l, err := planes.layout(shape)
	if err != nil {
		return head, nil, rest, err
	}
	return head, &fitsImage{l, head.cards, hdu}, rest, nil
}

// read returns the images. Pixels marked BLANK become NaN.
func (f *fitsImage) read() (*galaxy.Images, error) {
	pixels, err := readFITSImage(f.hdu)
	if err != nil {
		return nil, err
	}
	if want := f.n * f.height * f.width * f.channels; len(pixels) != want {
		return nil, fmt.Errorf("the header is malformed: its axes need %d values, there are %d", want, len(pixels))
	}
	return f.images(f.n, pixels), nil
}

// fitsHeader is what the standard fixes in place: it's read before fitsio sees the header, because that allocates whatever
// a header asks for.
type fitsHeader struct {
	bytes, dataBytes  int
	image, compressed bool
	axes              []int
	cards             Header
}

func scanFITSHeader(data []byte) (fitsHeader, error) {
	var h fitsHeader
	bits, groups, extra := 0, 1, 0
	for at := 0; ; at += fitsCard {
		if at+fitsCard > len(data) {
			return h, errors.New("the header has no END: the file is truncated, or not FITS")
		}
		card := string(data[at : at+fitsCard])
		key := strings.TrimRight(card[:8], " ")
		if at == 0 {
			h.image = key == "SIMPLE" || strings.HasPrefix(card, "XTENSION= 'IMAGE ")
			if !h.image && key != "XTENSION" {
				return h, errors.New("it is not FITS: it does not start with SIMPLE or XTENSION")
			}
		}
		if key == "END" {
			h.bytes = (at + fitsCard + fitsBlock - 1) / fitsBlock * fitsBlock
			break
		}
		h.cards = append(h.cards, strings.TrimRight(card, " "))
		value, _, _ := strings.Cut(card[10:], "/")
		value = strings.TrimSpace(value)
		number, err := strconv.Atoi(value)
		axis, isAxis := strings.CutPrefix(key, "NAXIS")
		switch {
		case key == "ZIMAGE":
			h.compressed = value == "T"
			continue
		case key == "BITPIX":
			bits = max(number, -number)
		case key == "PCOUNT":
			extra = number
		case key == "GCOUNT":
			groups = number
		case key == "NAXIS":
			if number > 999 || len(h.axes) > 0 {
				err = errors.New("out of place")
			}
		case isAxis:
			// Axes come in order, so the number of those seen is the index of the next.
			if axis != strconv.Itoa(len(h.axes)+1) {
				err = errors.New("out of order")
			}
			h.axes = append(h.axes, number)
		default:
			continue
		}
		if err != nil || number < 0 && key != "BITPIX" {
			return h, fmt.Errorf("the header's line %q cannot be understood", strings.TrimSpace(card))
		}
	}
	if len(h.axes) == 0 {
		return h, nil
	}
	// In floating point, which can be too large but cannot wrap round.
	size := float64(extra)
	values := 1.0
	for _, n := range h.axes {
		values *= float64(n)
	}
	size = float64(bits) / 8 * float64(groups) * (size + values)
	if size > math.MaxInt32*1024 {
		return h, fmt.Errorf("the header announces an array of %v pixels; is it damaged?", h.axes)
	}
	h.dataBytes = int(size)
	return h, nil
}

// readFITSImage reads the values of one HDU that holds an image.
func readFITSImage(hdu []byte) (pixels []float32, err error) {
	// fitsio takes some malformed headers for impossible, and panics.
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the header is malformed: %v", p)
		}
	}()
	decoded, err := fitsio.NewDecoder(bytes.NewReader(hdu)).DecodeHDU()
	if err != nil {
		return nil, err
	}
	image, ok := decoded.(fitsio.Image)
	if !ok {
		return nil, errors.New("the header is malformed: it is not that of an image")
	}
	header := image.Header()
	number := func(key string, otherwise float64) (float64, error) {
		card := header.Get(key)
		if card == nil {
			return otherwise, nil
		}
		switch v := card.Value.(type) {
		case int:
			return float64(v), nil
		case float64:
			return v, nil
		}
		return 0, fmt.Errorf("%s is %v, not a number", key, card.Value)
	}
	scale, err := number("BSCALE", 1)
	if err != nil {
		return nil, err
	}
	zero, err := number("BZERO", 0)
	if err != nil {
		return nil, err
	}
	blank, err := number("BLANK", math.NaN()) // which equals no value
	if err != nil {
		return nil, err
	}
	raw, bits := image.Raw(), header.Bitpix()
	var value func(b []byte) float64
	switch bits {
	case 8:
		value = func(b []byte) float64 { return float64(b[0]) }
	case 16:
		value = func(b []byte) float64 { return float64(int16(binary.BigEndian.Uint16(b))) }
	case 32:
		value = func(b []byte) float64 { return float64(int32(binary.BigEndian.Uint32(b))) }
	case 64:
		value = func(b []byte) float64 { return float64(int64(binary.BigEndian.Uint64(b))) }
	case -32:
		value = func(b []byte) float64 { return float64(math.Float32frombits(binary.BigEndian.Uint32(b))) }
	case -64:
		value = func(b []byte) float64 { return math.Float64frombits(binary.BigEndian.Uint64(b)) }
	default:
		return nil, fmt.Errorf("BITPIX is %d; it must be 8, 16, 32, 64, -32 or -64", bits)
	}
	each := max(bits, -bits) / 8
	pixels = make([]float32, 0, len(raw)/each)
	for ; len(raw) >= each; raw = raw[each:] {
		v := value(raw)
		if bits > 0 && v == blank {
			v = math.NaN()
		}
		pixels = append(pixels, float32(zero+scale*v))
	}
	return pixels, nil
}

package files

import (
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"galdecon/galdecon/galaxy"
)

// Header is what a FITS file says about its image, such as where on the sky it lies (its world coordinate system, Greisen & Calabretta
// 2002, A&A 395, 1061): the cards as they stand in the file, without trailing blanks and END, so that no digit changes.
type Header []string

// keyword returns the key of a card, such as "CRPIX1".
func keyword(card string) string { return strings.TrimRight(card[:min(8, len(card))], " ") }

// Number returns the value of the card with the given key, and whether there is one that is a number.
func (h Header) Number(key string) (float64, bool) {
	for _, card := range h {
		if keyword(card) == key {
			return cardNumber(card)
		}
	}
	return 0, false
}

// text returns the value of the card with the given key, where that is a text, without blanks at its end.
func (h Header) text(key string) string {
	for _, card := range h {
		if keyword(card) == key && len(card) > 10 && card[8:10] == "= " {
			if value, ok := strings.CutPrefix(strings.TrimLeft(card[10:], " "), "'"); ok {
				value, _, _ = strings.Cut(value, "'")
				return strings.TrimRight(value, " ")
			}
		}
	}
	return ""
}

// WithHistory returns a copy of the header, which may be nil, with HISTORY cards at its end that say how the image was made, such as by which model
// and seed. Lines that are too long for a card go on in the next, from a blank on if there is one. FITS knows ASCII alone: of other characters each becomes
// a question mark, so write "sigma".
func (h Header) WithHistory(lines ...string) Header {
	const (
		key  = "HISTORY "
		room = fitsCard - len(key)
	)
	out := slices.Clone(h)
	for _, text := range lines {
		for line := range strings.SplitSeq(text, "\n") {
			rest := strings.Map(func(r rune) rune {
				if r < ' ' || r > '~' {
					return '?'
				}
				return r
			}, line)
			for len(rest) > room {
				end := strings.LastIndexByte(rest[:room+1], ' ')
				if strings.TrimLeft(rest[:max(end, 0)], " ") == "" { // a word that is longer than a card
					end = room
				}
				out = append(out, strings.TrimRight(key+rest[:end], " "))
				rest = strings.TrimLeft(rest[end:], " ")
			}
			out = append(out, strings.TrimRight(key+rest, " "))
		}
	}
	return out
}

func cardNumber(card string) (float64, bool) {
	if len(card) <= 10 || card[8:10] != "= " {
		return 0, false
	}
	value, _, _ := strings.Cut(card[10:], "/")
	// FORTRAN writes exponents of doubles with a D.
	value = strings.Replace(strings.ToUpper(strings.TrimSpace(value)), "D", "E", 1)
	number, err := strconv.ParseFloat(value, 64)
	return number, err == nil
}

// withNumber returns the card with another value; its comment is kept as far as it fits.
func withNumber(card string, value float64) string {
	text := strconv.FormatFloat(value, 'G', -1, 64)
	if !strings.ContainsAny(text, ".E") {
		text += ".0" // else it would be an integer
	}
	out := fmt.Sprintf("%-8s= %20s", keyword(card), text)
	if len(card) > 10 {
		if _, comment, ok := strings.Cut(card[10:], "/"); ok {
			out += " /" + comment
		}
	}
	return strings.TrimRight(out[:min(len(out), fitsCard)], " ")
}

var (
	referencePixel = regexp.MustCompile(`^CRPIX([12])[A-Z]?$`)
	pixelSize      = regexp.MustCompile(`^(CDELT[12]|CD[12]_[12])[A-Z]?$`)
	distortion     = regexp.MustCompile(`^[AB]P?_([0-9])_([0-9])$`)
)

// Window returns the header for the part of the image whose first pixel is (left, top) of it, counted from 0, averaged down by a factor:
// of its world coordinate system the reference pixel moves, and pixels become larger. factor must be positive. [galaxy.Images.Prepare] to size pixels of an image of height h and
// width w cuts side = min(h, w) at ((w-side)/2, (h-side)/2), and the factor is side/size.
func (h Header) Window(left, top int, factor float64) Header {
	out := slices.Clone(h)
	sized, referenced := false, false
	for i, card := range h {
		value, ok := cardNumber(card)
		if !ok {
			continue
		}
		key := keyword(card)
		if axis := referencePixel.FindStringSubmatch(key); axis != nil {
			referenced = true
			first := float64(left)
			if axis[1] == "2" {
				first = float64(top)
			}
			// The centre of the first pixel is 1, its edge 0.5.
			out[i] = withNumber(card, (value-first-0.5)/factor+0.5)
		}
		if pixelSize.MatchString(key) {
			sized = true
			out[i] = withNumber(card, value*factor)
		}
		if powers := distortion.FindStringSubmatch(key); powers != nil {
			// SIP (Shupe et al. 2005) corrects pixels by A_p_q u^p v^q, u and v being pixels from the reference.
			p, _ := strconv.Atoi(powers[1])
			q, _ := strconv.Atoi(powers[2])
			out[i] = withNumber(card, value*math.Pow(factor, float64(p+q-1)))
		}
	}
	if referenced && !sized && factor != 1 {
		// A header without them means pixels of 1 degree.
		out = append(out, withNumber("CDELT1", factor), withNumber("CDELT2", factor))
	}
	return out
}

// coloursKey is the number of channels in files of ours that hold images with several, [n, c, h, w]. Without it [1, c, h, w] would pass for c grey
// images, as in files of others.
const coloursKey = "COLOURS"

// describesPixels tells cards that say how the values are stored, or which pixels of the detector they come from, from all others: a file of
// other values, or of a part of the image, must not have them.
func describesPixels(key string) bool {
	switch key {
	case "SIMPLE", "XTENSION", "BITPIX", "NAXIS", "EXTEND", "PCOUNT", "GCOUNT", "GROUPS", "BSCALE", "BZERO", "BLANK",
		"DATAMIN", "DATAMAX", "CHECKSUM", "DATASUM", "INHERIT", "END", coloursKey,
		"DATASEC", "BIASSEC", "TRIMSEC", "CCDSEC", "DETSEC":
		return true
	}
	axis, ok := strings.CutPrefix(key, "NAXIS")
	_, err := strconv.Atoi(axis)
	return ok && err == nil
}

// LoadFITS reads the images of a FITS file, with .gz a compressed one, as [Load] does, and the header of the HDU that they are in: the first that is
// named SCI (its EXTNAME), or else the first with an image. Unlike Load it lets bad pixels stand, as NaN where
// the file marks them as BLANK: [galaxy.Images.Cutout] fills them.
func LoadFITS(path string) (*galaxy.Images, Header, error) {
	im, header, err := loadFITS(path)
	if err != nil {
		return nil, nil, fmt.Errorf("files: cannot load %s: %w", path, err)
	}
	im.IDs = stackIDs(path, im.N)
	return im, header, nil
}

func loadFITS(path string) (*galaxy.Images, Header, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer file.Close()
	var r io.Reader = file
	if _, zipped := formatOf(path); zipped {
		if r, err = gzip.NewReader(file); err != nil {
			return nil, nil, fmt.Errorf("it cannot be decompressed: %w", err)
		}
	}
	data, err := readWhole(r)
	if err != nil {
		return nil, nil, err
	}
	found, err := findFITSImage(data, PlanesStack)
	if err != nil {
		return nil, nil, err
	}
	im, err := found.read()
	return im, found.header, err
}

// SaveFITS writes the images as the primary HDU of a FITS file, in float32: [h, w] of one grey image, a cube [n, h, w] of several, or
// [n, c, h, w] of images with channels, which a card COLOURS marks: [Load] reads each as it was. header, which may be nil, is one of
// [LoadFITS], or [Header.Window] of it; of its cards all are written but those that say how the old pixels were stored, and where on the detector
// they were (DATASEC and its like). The file appears when it is complete.
func SaveFITS(path string, im *galaxy.Images, header Header) error {
	if err := im.Validate(); err != nil {
		return err
	}
	// astrogo/fitsio would write the numbers of the header anew, with fewer digits; so the file, which is simple, is written here.
	cards := []string{"SIMPLE  =                    T", integerCard("BITPIX", -32)}
	axes := []int{im.Width, im.Height}
	switch {
	case im.Channels > 1:
		axes = append(axes, im.Channels, im.N)
	case im.N > 1:
		axes = append(axes, im.N)
	}
	cards = append(cards, integerCard("NAXIS", len(axes)))
	for i, n := range axes {
		cards = append(cards, integerCard("NAXIS"+strconv.Itoa(i+1), n))
	}
	if im.Channels > 1 {
		cards = append(cards, integerCard(coloursKey, im.Channels))
	}
	for _, card := range header {
		if !describesPixels(keyword(card)) {
			cards = append(cards, card)
		}
	}
	cards = append(cards, "END")
	for _, card := range cards {
		if len(card) > fitsCard || strings.ContainsFunc(card, func(r rune) bool { return r < ' ' || r > '~' }) {
			return fmt.Errorf("files: cannot save %s: the header's card %q isn't of at most %d ASCII characters", path, card, fitsCard)
		}
	}
	return save(path, func(w io.Writer) error {
		written := 0
		for _, card := range cards {
			n, _ := fmt.Fprintf(w, "%-*s", fitsCard, card) // errors stay in the buffered writer
			written += n
		}
		fmt.Fprintf(w, "%*s", padding(written), "")
		for i := range im.N {
			for c := range im.Channels {
				plane := make([]float32, 0, im.Height*im.Width)
				for k := c; k < len(im.At(i)); k += im.Channels {
					plane = append(plane, im.At(i)[k])
				}
				if err := binary.Write(w, binary.BigEndian, plane); err != nil {
					return err
				}
			}
		}
		_, err := w.Write(make([]byte, padding(4*len(im.Pixels))))
		return err
	})
}

// padding is how many bytes fill the last block of a header or of values.
func padding(n int) int { return (fitsBlock - n%fitsBlock) % fitsBlock }

func integerCard(key string, value int) string { return fmt.Sprintf("%-8s= %20d", key, value) }

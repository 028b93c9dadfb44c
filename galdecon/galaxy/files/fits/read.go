package fits

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"slices"
	"strconv"
	"strings"
)

const (
	// maxHeader bounds the bytes of one header: beyond it END was lost, and what follows are data.
	maxHeader = 16 << 20
	// maxCard bounds the bytes of a long string with its cards: those after it continue nothing.
	maxCard = 1 << 15
)

// readHeader reads the header of an HDU that begins at a byte of a file, and returns the number of
// bytes up to its data, and what was changed in it.
func readHeader(r io.ReaderAt, at, size int64, hdu int) (h *Header, n int64, note string,
	err error) {
	h = &Header{}
	var changed []string
	block := make([]byte, blockSize)
	for ; at+n < size; n += blockSize {
		if n > maxHeader {
			break
		}
		// Not every program fills the last block.
		got, err := r.ReadAt(block[:min(blockSize, size-at-n)], at+n)
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, 0, "", err
		}
		for i := got; i < blockSize; i++ {
			block[i] = ' '
		}
		for line := range slices.Chunk(block[:(got+cardSize-1)/cardSize*cardSize], cardSize) {
			if isEnd(line) {
				return h, n + blockSize, changedNote(hdu, changed), nil
			}
			c, ok := asCard(line)
			if !ok {
				changed = append(changed, c.Key())
			}
			h.add(c)
		}
	}
	return nil, 0, "", &FormatError{hdu, "the header has no END",
		"it is no FITS file, or a truncated one; fetch it again"}
}

// isEnd recognizes END, as astropy does also if more than blanks follow it.
func isEnd(line []byte) bool {
	rest, ok := bytes.CutPrefix(line, []byte("END"))
	return ok && !bytes.ContainsAny(rest[:1], keyCharacters)
}

// asCard returns the card of a line, and whether it is as in the file: bytes that aren't ASCII
// become question marks, and control characters blanks.
func asCard(line []byte) (c Card, ok bool) {
	ok = true
	clean := bytes.Clone(line)
	for i, b := range clean {
		switch {
		case b > '~':
			clean[i] = '?'
		case b < ' ':
			clean[i] = ' '
		default:
			continue
		}
		ok = false
	}
	return Card(clean), ok
}

func changedNote(hdu int, keys []string) string {
	if len(keys) == 0 {
		return ""
	}
	slices.Sort(keys)
	keys = slices.Compact(keys)
	more := ""
	if len(keys) > 8 {
		keys, more = keys[:8], " and others"
	}
	return fmt.Sprintf("HDU %d: bytes of the header that aren't ASCII became ? or blanks, in %s%s",
		hdu, strings.Join(keys, ", "), more)
}

// add adds a card of a file, to the one before it if it continues that.
func (h *Header) add(c Card) {
	if last := len(h.cards) - 1; last >= 0 && strings.HasPrefix(string(c), "CONTINUE") {
		before := h.cards[last]
		_, rest, f := before.parts()
		first, _ := parseValue(rest)
		if _, isText := first.(string); f == valued && isText && len(before) < maxCard {
			switch c.Value().(type) {
			case string, nil:
				h.cards[last] = before + c
				return
			}
		}
	}
	h.cards = append(h.cards, c)
}

// need returns an integer that the reading of data depends on.
func (h *Header) need(hdu int, key string, low, high int64) (int64, error) {
	c, ok := h.Get(key)
	n, isInteger := asInteger(c.Value())
	if ok && isInteger && low <= n && n <= high {
		return n, nil
	}
	want := fmt.Sprintf("an integer of %d to %d", low, high)
	if high == maxInt64 {
		want = fmt.Sprintf("an integer of at least %d", low)
	}
	return 0, &KeywordError{hdu, key, found(c, ok), want}
}

const maxInt64 = 1<<63 - 1

// found says what a card has for a value, for errors.
func found(c Card, ok bool) string {
	if !ok {
		return ""
	}
	_, rest, _ := c.parts()
	value, _, _ := strings.Cut(rest, "/")
	if value = strings.TrimSpace(value); value == "" {
		return "without a value"
	}
	return value
}

// optional is need of a keyword that may be missing.
func (h *Header) optional(hdu int, key string, otherwise, low, high int64) (int64, error) {
	if !h.Has(key) {
		return otherwise, nil
	}
	return h.need(hdu, key, low, high)
}

// layout returns the BITPIX and the axes, slowest first, that keywords with a prefix, "" or "Z",
// announce (section 4.4.1).
func (h *Header) layout(hdu int, prefix string) (bitpix int, shape []int, err error) {
	n, err := h.need(hdu, prefix+"BITPIX", -64, 64)
	if err != nil {
		return 0, nil, err
	}
	switch n {
	case 8, 16, 32, 64, -32, -64:
	default:
		c, ok := h.Get(prefix + "BITPIX")
		return 0, nil, &KeywordError{hdu, prefix + "BITPIX", found(c, ok),
			"one of 8, 16, 32, 64, -32, -64"}
	}
	axes, err := h.need(hdu, prefix+"NAXIS", 0, 999)
	if err != nil {
		return 0, nil, err
	}
	for i := range axes {
		length, err := h.need(hdu, prefix+"NAXIS"+strconv.FormatInt(i+1, 10), 0, maxInt64)
		if err != nil {
			return 0, nil, err
		}
		shape = append(shape, int(length))
	}
	slices.Reverse(shape)
	return int(n), shape, nil
}

// product multiplies numbers that aren't negative, and reports whether the result is in range.
func product(factors ...int) (int64, bool) {
	total, inRange := uint64(1), true
	for _, n := range factors {
		if n == 0 {
			return 0, true
		}
		high, low := bits.Mul64(total, uint64(n))
		if high != 0 || low > maxInt64 {
			inRange = false
			low = 1 // for a zero that may follow
		}
		total = low
	}
	return int64(total), inRange
}

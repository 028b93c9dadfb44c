package fits

import (
	"iter"
	"slices"
	"strings"
)

// Header is the cards of an HDU in their order, without END. The zero value is empty and ready to
// use. Keywords are found in any case, and those of HIERARCH cards with or without that word. Of
// cards with the same keyword the first counts, as in astropy.
type Header struct {
	cards []Card
}

// NewHeader returns a header of cards, such as "OBJECT  = 'M51'": see [Header.Append]. For values
// that aren't texts [Header.Set] writes the card.
func NewHeader(cards ...Card) *Header {
	h := &Header{}
	h.Append(cards...)
	return h
}

// Cards iterates over the cards in their order.
func (h *Header) Cards() iter.Seq[Card] {
	return func(yield func(Card) bool) {
		if h == nil {
			return
		}
		for _, c := range h.cards {
			if !yield(c) {
				return
			}
		}
	}
}

// Len returns the number of cards; a long string with what continues it is one.
func (h *Header) Len() int {
	if h == nil {
		return 0
	}
	return len(h.cards)
}

// Copy returns a copy of the header, empty if h is nil.
func (h *Header) Copy() *Header {
	if h == nil {
		return &Header{}
	}
	return &Header{slices.Clone(h.cards)}
}

// normalKey returns a keyword as [Card.Key] does.
func normalKey(key string) string {
	key = strings.ToUpper(strings.TrimSpace(key))
	if name, ok := strings.CutPrefix(key, "HIERARCH "); ok {
		return strings.TrimSpace(name)
	}
	return key
}

// index returns where the first card with a normal keyword is, or -1.
func (h *Header) index(key string) int {
	if h == nil {
		return -1
	}
	return slices.IndexFunc(h.cards, func(c Card) bool { return c.Key() == key })
}

// Get returns the first card with the given keyword, and whether there is one.
func (h *Header) Get(key string) (Card, bool) {
	if i := h.index(normalKey(key)); i >= 0 {
		return h.cards[i], true
	}
	return "", false
}

// Has reports whether there is a card with the given keyword.
func (h *Header) Has(key string) bool { return h.index(normalKey(key)) >= 0 }

// Text returns a string, or text that stands in the header without the quotes of one.
func (h *Header) Text(key string) (string, bool) {
	c, _ := h.Get(key)
	switch v := c.Value().(type) {
	case string:
		return v, c != ""
	case Unparsed:
		return string(v), true
	}
	return "", false
}

// Number returns a number, of integers the nearest float64.
func (h *Header) Number(key string) (float64, bool) {
	c, _ := h.Get(key)
	return asFloat(c.Value())
}

// Integer returns an integer, also one that is written with a decimal point.
func (h *Header) Integer(key string) (int64, bool) {
	c, _ := h.Get(key)
	return asInteger(c.Value())
}

func asInteger(value any) (int64, bool) {
	switch v := value.(type) {
	case int64:
		return v, true
	case float64:
		n := int64(v)
		return n, float64(n) == v && v < 1<<63
	}
	return 0, false
}

// Bool returns a logical value.
func (h *Header) Bool(key string) (value, ok bool) {
	c, _ := h.Get(key)
	value, ok = c.Value().(bool)
	return value, ok
}

// Lines returns the texts of all cards with the given keyword, "HISTORY", "COMMENT" or "".
func (h *Header) Lines(key string) []string {
	var lines []string
	key = normalKey(key)
	for c := range h.Cards() {
		if name, text, f := c.parts(); f == commentary && name == key {
			lines = append(lines, text)
		}
	}
	return lines
}

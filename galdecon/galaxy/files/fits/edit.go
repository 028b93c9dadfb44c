package fits

import (
	"fmt"
	"slices"
	"strings"
)

// Set gives a keyword a value: a string, bool, int, int64, float64, complex128 or nil for a
// missing one. The first card with the keyword is replaced where it stands, or else a card is
// added at the end. An empty comment leaves the one that is there. Keywords that don't fit eight
// letters, digits, - and _ are written as HIERARCH cards, and strings that don't fit a card with
// CONTINUE. Of characters that aren't ASCII each becomes a question mark; comments that are too
// long are cut. Set returns an error, and changes nothing, if the keyword isn't one, or the value
// can't be written: NaN and infinite numbers can't.
func (h *Header) Set(key string, value any, comment string) error {
	key = normalKey(key)
	i := h.index(key)
	if i >= 0 && comment == "" {
		comment = h.cards[i].Comment()
	}
	c, err := formatCard(key, value, comment)
	if err != nil {
		return err
	}
	if i >= 0 {
		h.cards[i] = c
	} else {
		h.cards = append(h.cards, c)
	}
	return nil
}

// Append adds cards at the end.
func (h *Header) Append(cards ...Card) {
	for _, c := range cards {
		text := printable(string(c))
		lines := max(1, (len(text)+cardSize-1)/cardSize)
		h.cards = append(h.cards, Card(fmt.Sprintf("%-*s", lines*cardSize, text)))
	}
}

// Rename gives the first card with a keyword another one. What else is in the card stays to the
// character where both keywords are of at most eight. It returns whether there is such a card.
func (h *Header) Rename(old, key string) (bool, error) {
	i := h.index(normalKey(old))
	if i < 0 {
		return false, nil
	}
	c, key := h.cards[i], normalKey(key)
	if line := c.line(); standardKey(key) && line[8:10] == "= " {
		h.cards[i] = Card(fmt.Sprintf("%-8s", key)) + c[8:]
		return true, nil
	}
	if _, _, f := c.parts(); f != valued {
		return true, fmt.Errorf("the card %q has no value to rename", strings.TrimSpace(string(c)))
	}
	renamed, err := formatCard(key, c.Value(), c.Comment())
	if err == nil {
		h.cards[i] = renamed
	}
	return true, err
}

// Delete removes all cards with the given keywords.
func (h *Header) Delete(keys ...string) {
	h.DeleteFunc(func(c Card) bool {
		key := c.Key()
		return slices.ContainsFunc(keys, func(k string) bool { return normalKey(k) == key })
	})
}

// DeleteFunc removes all cards for which the function returns true.
func (h *Header) DeleteFunc(del func(Card) bool) { h.cards = slices.DeleteFunc(h.cards, del) }

// AddHistory adds HISTORY cards at the end, one for each line of text. Lines that are too long
// for a card go on in the next, from a blank on if there is one.
func (h *Header) AddHistory(text string) { h.addLines("HISTORY", text) }

// AddComment adds COMMENT cards, as [Header.AddHistory] does.
func (h *Header) AddComment(text string) { h.addLines("COMMENT", text) }

func (h *Header) addLines(key, text string) {
	const room = cardSize - 8
	for line := range strings.SplitSeq(text, "\n") {
		rest := printable(line)
		for len(rest) > room {
			end := strings.LastIndexByte(rest[:room+1], ' ')
			if strings.TrimLeft(rest[:max(end, 0)], " ") == "" { // a word longer than a card
				end = room
			}
			h.Append(Card(fmt.Sprintf("%-8s%s", key, rest[:end])))
			rest = strings.TrimLeft(rest[end:], " ")
		}
		h.Append(Card(fmt.Sprintf("%-8s%s", key, rest)))
	}
}

package fits

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// printable replaces each character that isn't printable ASCII, the only ones of headers
// (section 4.1.2), by a question mark, and control characters by blanks.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r < ' ' || r == 0x7f:
			return ' '
		case r > '~':
			return '?'
		}
		return r
	}, s)
}

// standardKey reports whether a keyword is one of section 4.1.2.1.
func standardKey(key string) bool {
	return key != "" && len(key) <= 8 && strings.Trim(key, keyCharacters) == ""
}

const keyCharacters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"

// formatCard returns the card of a keyword, which is a normal one, with a value.
func formatCard(key string, value any, comment string) (Card, error) {
	head := fmt.Sprintf("%-8s= ", key)
	if !standardKey(key) {
		head = "HIERARCH " + key + " = "
	}
	switch {
	case key == "" || key == "COMMENT" || key == "HISTORY" || key == "CONTINUE" || key == "END":
		return "", fmt.Errorf("the keyword %q can't have a value; see AddHistory", key)
	case key != printable(key) || strings.Contains(key, "=") || len(head) > cardSize/2:
		return "", fmt.Errorf("the keyword %q can't be written; give one of at most %d characters"+
			" of ASCII without =", key, cardSize/2-len("HIERARCH  = "))
	}
	comment = strings.TrimSpace(printable(comment))
	if text, ok := value.(string); ok {
		return textCard(head, strings.TrimRight(printable(text), " "), comment), nil
	}
	text, err := formatValue(value)
	if err != nil {
		return "", fmt.Errorf("the value of %s can't be written: %w", key, err)
	}
	if standardKey(key) {
		text = fmt.Sprintf("%20s", text) // the fixed format
	}
	if len(head)+len(text) > cardSize {
		return "", fmt.Errorf("the keyword %q with the value %s doesn't fit a card", key, text)
	}
	return withComment(head+text, comment), nil
}

func formatValue(value any) (string, error) {
	switch v := value.(type) {
	case nil:
		return "", nil
	case bool:
		if v {
			return "T", nil
		}
		return "F", nil
	case int:
		return strconv.Itoa(v), nil
	case int64:
		return strconv.FormatInt(v, 10), nil
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return "", fmt.Errorf("FITS has no number %v; leave it out", v)
		}
		text := strconv.FormatFloat(v, 'G', -1, 64)
		if !strings.ContainsAny(text, ".E") {
			text += ".0" // else it would be an integer
		}
		return text, nil
	case complex128:
		re, err := formatValue(real(v))
		if err != nil {
			return "", err
		}
		im, err := formatValue(imag(v))
		return "(" + re + ", " + im + ")", err
	}
	return "", fmt.Errorf("it is a %T; give a string, bool, int, int64, float64 or complex128",
		value)
}

// withComment adds to a card the comment as far as it fits, and blanks up to its end.
func withComment(text, comment string) Card {
	if comment != "" && len(text)+len(" / ") < cardSize {
		text += " / " + comment
	}
	return Card(fmt.Sprintf("%-80.80s", text))
}

// textCard returns the card of a string, with CONTINUE cards if it is long (section 4.2.1.2).
func textCard(head, text, comment string) Card {
	quoted := strings.ReplaceAll(text, "'", "''")
	if len(head)+len(quoted)+len("''") <= cardSize {
		return withComment(fmt.Sprintf("%s%-20s", head, fmt.Sprintf("'%-8s'", quoted)), comment)
	}
	var out Card
	for {
		room := cardSize - len(head) - len("''")
		ampersand := out != "" && strings.HasSuffix(quoted, "&")
		switch {
		case len(quoted) <= room && !ampersand:
			return out + withComment(head+"'"+quoted+"'", comment)
		case len(quoted) < room:
			// The last one of the text isn't to be taken for that of the convention.
			return out + withComment(head+"'"+quoted+"&'", "") +
				withComment("CONTINUE  ''", comment)
		}
		end := room - len("&")
		// A doubled quote stays together: an odd number of quotes before the end would part one.
		if quotes := quoted[:end]; (end-len(strings.TrimRight(quotes, "'")))%2 == 1 {
			end--
		}
		out += Card(fmt.Sprintf("%-80s", head+"'"+quoted[:end]+"&'"))
		quoted = quoted[end:]
		head = "CONTINUE  "
	}
}

// standard returns the card as the standard allows it: itself if it is so, else one with the same
// content that is.
func (c Card) standard() Card {
	key, rest, f := c.parts()
	switch {
	case key == "CONTINUE":
		return withComment("COMMENT "+strings.TrimSpace(c.line()), "") // it continues nothing
	case f == commentary:
		return Card(fmt.Sprintf("%-8s%-72s", key, rest))
	case f == bare:
		if !standardKey(key) || key != strings.TrimRight(c.line()[:8], " ") ||
			strings.HasPrefix(rest, "=") {
			return withComment("COMMENT "+strings.TrimSpace(c.line()), "")
		}
		return Card(c.line())
	}
	value, comment := c.parse()
	if c.isStandard(key, value) {
		return c
	}
	if text, ok := value.(Unparsed); ok {
		value = string(text)
	}
	mended, err := formatCard(key, value, comment)
	if err != nil {
		return withComment("COMMENT "+strings.TrimSpace(c.line()), "")
	}
	return mended
}

// isStandard reports whether a card that has a value is as the standard wants it.
func (c Card) isStandard(key string, value any) bool {
	line := c.line()
	body := line[10:]
	if !strings.HasPrefix(line, fmt.Sprintf("%-8s= ", key)) || !standardKey(key) {
		hierarch := strings.HasPrefix(line, "HIERARCH ") && !standardKey(key)
		if !hierarch {
			return false
		}
		_, body, _ = strings.Cut(line, "=")
	}
	body = strings.TrimSpace(body)
	switch value.(type) {
	case Unparsed:
		return false
	case string:
		for rest := c; ; {
			end := closingQuote(body)
			if _, ok := cutComment(body[min(end+1, len(body)):]); !ok || end >= len(body) {
				return false
			}
			if rest = rest[min(len(rest), cardSize):]; rest == "" {
				return true
			}
			body = strings.TrimSpace(rest.line()[8:])
		}
	case int64, float64, complex128:
		number, _, _ := strings.Cut(body, "/")
		number = strings.TrimSpace(number)
		_, isPair := value.(complex128)
		return !strings.ContainsAny(number, "ed") && (isPair || !strings.Contains(number, " "))
	}
	return true
}

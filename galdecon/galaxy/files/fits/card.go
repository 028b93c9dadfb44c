package fits

import (
	"strings"
)

// Card is one entry of a header as it stands in the file: 80 characters of ASCII, and 80 more for
// each CONTINUE card of a long string (section 4.2.1.2). Values are parsed when they're asked for.
type Card string

// form is what a card is.
type form int

const (
	commentary form = iota // COMMENT, HISTORY, or no keyword: text from the ninth byte on
	valued                 // a keyword with a value indicator, "= "
	bare                   // a keyword without a value: text, as in commentary (section 4.1.2.2)
)

// line returns the first 80 characters.
func (c Card) line() string {
	if len(c) < cardSize {
		return string(c) + strings.Repeat(" ", cardSize-len(c))
	}
	return string(c[:cardSize])
}

// parts splits the first line into the keyword, in upper case, and what follows it.
func (c Card) parts() (key, rest string, f form) {
	line := c.line()
	key = strings.ToUpper(strings.TrimSpace(line[:8]))
	switch key {
	case "", "COMMENT", "HISTORY", "CONTINUE":
		return key, strings.TrimRight(line[8:], " "), commentary
	case "HIERARCH":
		// The convention of the European Southern Observatory for long keywords.
		if name, rest, ok := strings.Cut(line[9:], "="); ok && line[8] == ' ' {
			return strings.ToUpper(strings.TrimSpace(name)), strings.TrimSpace(rest), valued
		}
	}
	// The indicator belongs in the ninth byte, but some programs put it earlier.
	if at := strings.Index(line, "= "); at >= 0 && at <= 8 {
		key = strings.ToUpper(strings.TrimSpace(line[:at]))
		return key, strings.TrimSpace(line[at+2:]), valued
	}
	return key, strings.TrimRight(line[8:], " "), bare
}

// Key returns the keyword in upper case, of a HIERARCH card what follows that word. It's empty
// for a card without one.
func (c Card) Key() string {
	key, _, _ := c.parts()
	return key
}

// Value returns the value: a string, bool, int64, float64 or complex128, nil where it is missing,
// or [Unparsed]. Strings have no blanks at their end, integers beyond 64 bits are float64. The
// value of a commentary card is its text.
func (c Card) Value() any {
	value, _ := c.parse()
	return value
}

// Comment returns what follows the slash after the value.
func (c Card) Comment() string {
	_, comment := c.parse()
	return comment
}

func (c Card) parse() (value any, comment string) {
	key, rest, f := c.parts()
	if key == "CONTINUE" {
		// One that continues nothing.
		return parseValue(strings.TrimSpace(rest))
	}
	if f != valued {
		return rest, ""
	}
	if len(c) > cardSize {
		if text, comment, ok := c.long(rest); ok {
			return text, comment
		}
	}
	return parseValue(rest)
}

// long joins the pieces of a long string; rest is the first piece with its comment.
func (c Card) long(rest string) (text, comment string, ok bool) {
	var texts strings.Builder
	var comments []string
	for {
		// A CONTINUE card may have nothing but a comment.
		value, note := parseValue(rest)
		piece, isText := value.(string)
		if !isText && value != nil {
			return "", "", false
		}
		piece, _ = strings.CutSuffix(piece, "&")
		texts.WriteString(piece)
		if note != "" {
			comments = append(comments, note)
		}
		if c = c[min(len(c), cardSize):]; c == "" {
			break
		}
		rest = strings.TrimSpace(c.line()[8:])
	}
	return strings.TrimRight(texts.String(), " "), strings.Join(comments, " "), true
}

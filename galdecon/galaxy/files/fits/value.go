package fits

import (
	"strconv"
	"strings"
)

// Unparsed is a value that is none of those of FITS, such as text without quotes or NaN: what
// stands before the slash, without blanks around it.
type Unparsed string

// parseValue returns the value and the comment in s, which follows the value indicator and has no
// blanks around it (section 4.2). Like astropy it takes blanks within numbers, exponents in lower
// case, and quotes that aren't doubled where the end of the string is clear nevertheless.
func parseValue(s string) (value any, comment string) {
	if s == "" {
		return nil, ""
	}
	switch s[0] {
	case '\'':
		if text, comment, ok := parseText(s); ok {
			return text, comment
		}
	case '(':
		if c, rest, ok := parseComplex(s); ok {
			if comment, ok := cutComment(rest); ok {
				return c, comment
			}
		}
	case 'T', 'F':
		if comment, ok := cutComment(s[1:]); ok {
			return s[0] == 'T', comment
		}
	default:
		if comment, ok := cutComment(s); ok {
			return nil, comment
		}
		if number, rest, ok := parseNumber(s); ok {
			if comment, ok := cutComment(rest); ok {
				return number, comment
			}
		}
	}
	raw, comment, _ := strings.Cut(s, "/")
	return Unparsed(strings.TrimSpace(raw)), strings.TrimSpace(comment)
}

// cutComment returns the comment in what follows a value, and whether nothing else does.
func cutComment(rest string) (comment string, ok bool) {
	rest = strings.TrimLeft(rest, " ")
	if rest == "" {
		return "", true
	}
	comment, ok = strings.CutPrefix(rest, "/")
	return strings.TrimSpace(comment), ok
}

// parseText parses a string in quotes.
func parseText(s string) (text, comment string, ok bool) {
	// If a quote within isn't doubled, the string ends where it can.
	for end := closingQuote(s); end < len(s); end++ {
		if s[end] != '\'' || end+1 < len(s) && s[end+1] == '\'' {
			continue
		}
		if comment, ok := cutComment(s[end+1:]); ok {
			text := strings.ReplaceAll(s[1:end], "''", "'")
			return strings.TrimRight(text, " "), comment, true
		}
	}
	return "", "", false
}

// closingQuote returns where the quote is that ends the string at the start of s, in which those
// of the text are doubled (section 4.2.1.1), or the length of s.
func closingQuote(s string) int {
	end := 1
	for end < len(s) {
		switch {
		case s[end] != '\'':
			end++
		case end+1 < len(s) && s[end+1] == '\'':
			end += 2
		default:
			return end
		}
	}
	return end
}

// parseNumber parses the integer or the decimal number that s begins with (sections 4.2.3, 4.2.4).
func parseNumber(s string) (number any, rest string, ok bool) {
	at := 0
	skip := func(set string, most int) string {
		from := at
		for at < len(s) && at < from+most && strings.IndexByte(set, s[at]) >= 0 {
			at++
		}
		return s[from:at]
	}
	const digits, any = "0123456789", 1 << 30
	text := skip("+-", 1)
	skip(" ", any)
	whole := skip(digits, any)
	point := skip(".", 1)
	fraction := skip(digits, any)
	if whole+fraction == "" {
		return nil, s, false
	}
	text += whole + point + fraction
	end := at
	skip(" ", any)
	exponent := ""
	// FORTRAN writes the exponents of doubles with a D.
	if skip("eEdD", 1) != "" {
		skip(" ", any)
		sign := skip("+-", 1)
		skip(" ", any)
		if n := skip(digits, any); n != "" {
			exponent = "e" + sign + n
			end = at
		}
	}
	if point == "" && exponent == "" {
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			return n, s[end:], true
		}
	}
	// What is beyond the range becomes infinite or 0.
	x, _ := strconv.ParseFloat(text+exponent, 64)
	return x, s[end:], true
}

// parseComplex parses a pair of numbers in parentheses (sections 4.2.5, 4.2.6).
func parseComplex(s string) (number any, rest string, ok bool) {
	var parts [2]float64
	for i, after := range []string{",", ")"} {
		x, rest, ok := parseNumber(strings.TrimLeft(s[1:], " "))
		if !ok {
			return nil, s, false
		}
		parts[i], _ = asFloat(x)
		if s = strings.TrimLeft(rest, " "); !strings.HasPrefix(s, after) {
			return nil, s, false
		}
	}
	return complex(parts[0], parts[1]), s[1:], true
}

// asFloat returns a number as a float64.
func asFloat(value any) (float64, bool) {
	switch v := value.(type) {
	case int64:
		return float64(v), true
	case float64:
		return v, true
	}
	return 0, false
}

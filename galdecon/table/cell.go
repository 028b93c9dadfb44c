package table

import (
	"cmp"
	"math"
	"strconv"
	"strings"

	"galdecon/internal/numbers"
)

// Cell is one entry of a table: words, a number, or a number with its error. Its zero value is "—",
// for what doesn't exist.
type Cell struct {
	kind             kind
	words            string
	value, low, high float64
	mark             Mark
	format           Format
}

type kind int

const (
	nothing kind = iota
	words
	number
	measured
	bounded
)

// missing is how a cell of nothing is written.
const missing = "—"

// Mark says what a cell means; in a notebook it has a color, and everywhere a sign.
type Mark int

// What a cell may mean.
const (
	Plain Mark = iota
	Good       // ✓
	Bad        // ✗
)

// sign returns what stands after a marked cell.
func (m Mark) sign() string { return [...]string{"", "✓", "✗"}[m] }

// String says it in a word, as for a reader who doesn't see the sign.
func (m Mark) String() string { return [...]string{"plain", "good", "bad"}[m] }

// Text is a cell of words, blank where there are none.
func Text(s string) Cell { return Cell{kind: words, words: s} }

// Number is a cell of a number without an error.
func Number(v float64) Cell { return Cell{kind: number, value: v} }

// Count is a cell of an integer, written in full whatever the format of its column.
func Count(n int) Cell {
	return Cell{kind: number, value: float64(n), words: strconv.Itoa(n)}
}

// Measured is a cell of a number with the ends of its error bars, written as "0.123 +0.031 −0.028",
// or "0.12 ± 0.03" where both bars are alike in all of the column.
func Measured(value, low, high float64) Cell {
	return Cell{kind: measured, value: value, low: low, high: high}
}

// Uncertain is a cell of a number with its standard error, written as "0.12 ± 0.03".
func Uncertain(value, err float64) Cell { return Measured(value, value-err, value+err) }

// Bounded is a cell of a number with the ends of its interval of confidence, written as "0.12
// [0.10, 0.15]".
func Bounded(value, low, high float64) Cell {
	return Cell{kind: bounded, value: value, low: low, high: high}
}

// Marked returns the cell with a mark.
func (c Cell) Marked(m Mark) Cell {
	c.mark = m
	return c
}

// As returns the cell written in another format than its column has.
func (c Cell) As(f Format) Cell {
	c.format = f
	return c
}

// GoodIf returns the cell marked Good or Bad.
func (c Cell) GoodIf(good bool) Cell {
	if good {
		return c.Marked(Good)
	}
	return c.Marked(Bad)
}

func (c Cell) isNumber() bool { return c.kind >= number }

// Format writes a number.
type Format func(v float64) string

// Decimals writes numbers with n decimals.
func Decimals(n int) Format {
	return func(v float64) string {
		if text, ok := odd(v); ok {
			return text
		}
		return fixed(v, n)
	}
}

// Significant writes numbers with n significant digits, with zeros at the end, but all digits
// before the point; with a power of ten below 0.0001 and from a million on.
func Significant(n int) Format {
	return func(v float64) string {
		if text, ok := odd(v); ok || v == 0 {
			return cmp.Or(text, "0")
		}
		mantissa, exponent, _ := strings.Cut(strconv.FormatFloat(v, 'e', n-1, 64), "e")
		power, _ := strconv.Atoi(exponent) // FormatFloat writes an integer
		if power < -4 || power > 5 {
			return plain(mantissa) + "×10" + raised(power)
		}
		return fixed(v, max(n-1-power, 0))
	}
}

// odd writes what isn't finite.
func odd(v float64) (text string, ok bool) {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return plain(strings.TrimPrefix(strconv.FormatFloat(v, 'f', -1, 64), "+")), true
	}
	return "", false
}

// fixed writes a number with decimals, and without a sign if it is written as 0.
func fixed(v float64, decimals int) string {
	text := strconv.FormatFloat(v, 'f', decimals, 64)
	if !strings.ContainsAny(text, "123456789") {
		text = strings.TrimPrefix(text, "-")
	}
	return plain(text)
}

// plain writes a minus sign for a hyphen.
func plain(s string) string { return strings.ReplaceAll(s, "-", "−") }

// raised writes an exponent: ⁻⁵.
func raised(power int) string {
	return strings.NewReplacer("-", "⁻", "0", "⁰", "1", "¹", "2", "²", "3", "³", "4", "⁴", "5", "⁵",
		"6", "⁶", "7", "⁷", "8", "⁸", "9", "⁹").Replace(strconv.Itoa(power))
}

// text writes the cell, without its mark; apart writes error bars one by one even if they are
// alike.
func (c Cell) text(f Format, apart bool) string {
	if c.format != nil {
		f = c.format
	}
	switch c.kind {
	case words:
		return c.words
	case number:
		if c.words != "" {
			return plain(c.words)
		}
		return orDefault(f)(c.value)
	case measured:
		return c.withError(f, apart)
	case bounded:
		value := orDefault(f)(c.value)
		write := alike(value, orDefault(f))
		return value + " [" + write(c.low) + ", " + write(c.high) + "]"
	}
	return missing
}

func orDefault(f Format) Format {
	if f == nil {
		return Significant(3)
	}
	return f
}

// alike returns a format with as many decimals as the text of a number has, so that its errors end
// where it does; or f itself if that has a power of ten, or isn't finite.
func alike(value string, f Format) Format {
	if strings.Trim(value, "−0123456789.") != "" {
		return f
	}
	_, decimals, _ := strings.Cut(value, ".")
	return Decimals(len(decimals))
}

// withError writes a number with its error bars.
func (c Cell) withError(f Format, apart bool) string {
	value, above, below, power := "", "", "", ""
	if f != nil {
		value = f(c.value)
		write := alike(value, f)
		above, below = write(c.high-c.value), write(c.value-c.low)
	} else {
		text := numbers.Interval(c.value, c.low, c.high)
		if inner, exponent, scaled := strings.Cut(strings.TrimPrefix(text, "("), ")e"); scaled {
			n, _ := strconv.Atoi(exponent) // Interval writes an integer
			text, power = inner, "×10"+raised(n)
		}
		bars := strings.Fields(text)
		value, above, below = plain(bars[0]), strings.TrimPrefix(bars[1], "+"),
			strings.TrimPrefix(bars[2], "−")
	}
	text := value + " +" + above + " −" + below
	if above == below && !apart {
		text = value + " ± " + above
	}
	if power != "" {
		return "(" + text + ")" + power
	}
	return text
}

// key returns what a cell is sorted by: its number, or else its words.
func (c Cell) key() string {
	if c.isNumber() {
		return strconv.FormatFloat(c.value, 'g', -1, 64)
	}
	return c.words
}

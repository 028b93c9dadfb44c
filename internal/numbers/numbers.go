// Package numbers writes numbers as people read them: with the digits that an error justifies, and
// with an exponent where zeros would hide them.
package numbers

import (
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
)

const (
	// Numbers whose first digit is at 10^low to 10^high are written without an exponent.
	low, high = -3, 5
	// exactly asks for all decimals that a number has.
	exactly = -1
)

// Interval returns a median with its distances to the upper and the lower bound, rounded alike:
//
//	0.123 +0.031 −0.028
//	(3.870 +0.008 −0.009)e-19
//
// The shorter of the distances, of those that are finite and not 0, has as many digits as the
// Particle Data Group gives an error: two where they are 10 to 35, otherwise one. A common exponent
// stands where the largest of the three is below 0.001, or 1,000,000 and above. Where no distance
// tells which digits matter, the median has up to six. A distance of 0 is written 0, and what isn't
// finite NaN or Inf.
func Interval(median, bottom, top float64) string {
	above, below := top-median, median-bottom
	var shorter, largest float64
	for _, v := range []float64{above, below} {
		if v = math.Abs(v); finite(v) && v > 0 && (shorter == 0 || v < shorter) {
			shorter = v
		}
	}
	for _, v := range []float64{median, above, below} {
		if v = math.Abs(v); finite(v) {
			largest = max(largest, v)
		}
	}
	known := shorter > 0
	var last int // the power of ten at the last digit
	if known {
		last = lastDigit(shorter)
	} else if largest > 0 {
		last = power(largest, exactly) - 5
	}
	var exponent int
	if largest > 0 {
		written := max(power(largest, exactly)-last, 0)
		if e := power(largest, written); e < low || e > high {
			exponent = e
		}
	}
	value := rounded(median, exponent, last)
	if !known && strings.Contains(value, ".") {
		value = strings.TrimRight(strings.TrimRight(value, "0"), ".")
	}
	distance := func(v float64) string {
		if v == 0 {
			return "0"
		}
		return rounded(v, exponent, last)
	}
	text := fmt.Sprintf("%s +%s −%s", value, distance(above), distance(below))
	if exponent == 0 {
		return text
	}
	return fmt.Sprintf("(%s)e%+03d", text, exponent)
}

// lastDigit returns the power of ten at the last digit that is worth writing of an error.
func lastDigit(err float64) int {
	mantissa, exponent := split(err, 2)
	if mantissa <= "3.54" {
		return exponent - 1
	}
	return exponent
}

// rounded writes v/10^exponent, rounded where v has its digit at 10^last.
func rounded(v float64, exponent, last int) string {
	if !finite(v) {
		return strings.TrimPrefix(strconv.FormatFloat(v, 'g', -1, 64), "+")
	}
	decimals := exponent - last
	zeros := max(-decimals, 0)
	text := shifted(v, exponent+zeros).FloatString(max(decimals, 0))
	if !strings.ContainsAny(text, "123456789") {
		return strings.TrimPrefix(text, "-")
	}
	return text + strings.Repeat("0", zeros)
}

// shifted returns v/10^exponent, exactly.
func shifted(v float64, exponent int) *big.Rat {
	r := new(big.Rat).SetFloat64(v)
	size := exponent
	if size < 0 {
		size = -size
	}
	ten := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(size)), nil)
	if exponent < 0 {
		return r.Mul(r, new(big.Rat).SetInt(ten))
	}
	return r.Quo(r, new(big.Rat).SetInt(ten))
}

// Significant returns v with a number of significant digits, at least one. Zeros at the end are
// left out, and below 0.001 or from 10,000 on an exponent is added: "0.012", "120", "3.0e-06".
func Significant(v float64, digits int) string {
	if !finite(v) {
		return strconv.FormatFloat(v, 'g', -1, 64)
	}
	near, _ := strconv.ParseFloat(strconv.FormatFloat(v, 'g', digits, 64), 64)
	if v == 0 || math.Abs(v) >= 0.001 && math.Abs(near) < 1e4 {
		return strconv.FormatFloat(near, 'f', -1, 64)
	}
	return strconv.FormatFloat(v, 'e', digits-1, 64)
}

// power returns the power of ten at the first digit of v > 0, rounded to a number of decimals of
// its mantissa.
func power(v float64, decimals int) int {
	_, exponent := split(v, decimals)
	return exponent
}

// split returns the mantissa of v > 0, with a number of decimals, and its exponent.
func split(v float64, decimals int) (mantissa string, exponent int) {
	mantissa, text, _ := strings.Cut(strconv.FormatFloat(v, 'e', decimals, 64), "e")
	exponent, _ = strconv.Atoi(text) // FormatFloat writes an integer
	return mantissa, exponent
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

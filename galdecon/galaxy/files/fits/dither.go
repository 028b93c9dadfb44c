package fits

import "math"

// randoms is the length of the sequence of random numbers that dithering uses.
const randoms = 10000

// random is the sequence, of appendix I.
var random = func() (r [randoms]float64) {
	const a, m = 16807, 1<<31 - 1
	seed := int64(1)
	for i := range r {
		seed = a * seed % m
		r[i] = float64(float32(float64(seed) / m))
	}
	return r
}()

// ditheredZero is the integer that SUBTRACTIVE_DITHER_2 keeps for values that are exactly 0.
const ditheredZero = math.MinInt32 + 2

// dequantize replaces integers by the floating-point numbers that they stand for
// (section 10.2). start counts tiles from ZDITHER0 on, which is 1 for the sequence's start.
// Values of single precision are rounded to it.
func (v *tileValues) dequantize(dither string, start int, scale, zero float64, single bool) {
	v.floats = make([]float64, len(v.integers))
	dithered := dither == "SUBTRACTIVE_DITHER_1" || dither == "SUBTRACTIVE_DITHER_2"
	start %= randoms
	next := int(random[start] * 500)
	for i, n := range v.integers {
		x := float64(n)
		if dithered {
			x = x - random[next] + 0.5
			if next++; next == randoms {
				start = (start + 1) % randoms
				next = int(random[start] * 500)
			}
		}
		x = float64(x*scale) + zero // not fused, so that all machines round alike
		switch {
		case v.hasBlank && n == v.blank:
			x = math.NaN()
		case dither == "SUBTRACTIVE_DITHER_2" && n == ditheredZero:
			x = 0
		}
		if single {
			x = float64(float32(x))
		}
		v.floats[i] = x
	}
	v.integers = nil
}

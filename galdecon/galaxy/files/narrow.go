package files

import "math"

// narrow returns values as float32, divided by a power of two, scale, where they need it: that is 1
// if the largest lies between 2^−100 and the largest float32. Else it is such that the largest
// becomes at least ½ and less than 1, or as near to that as a scale can be that is a normal
// float64. What is 2^96 times the median and more, as values are that stand for none, becomes
// infinite.
func narrow(values []float64) (out []float32, scale float64) {
	exponent := excess(values)
	out = make([]float32, len(values))
	for k, v := range values {
		if exponent != 0 {
			v = math.Ldexp(v, -exponent)
		}
		out[k] = float32(v)
	}
	return out, math.Ldexp(1, exponent)
}

// excess returns the exponent of the scale that narrow divides by.
func excess(values []float64) int {
	const least = 0x1p-100
	largest := 0.0
	for _, v := range values {
		if v = math.Abs(v); v > largest && !math.IsInf(v, 0) {
			largest = v
		}
	}
	if largest == 0 || largest >= least && float32(largest) <= math.MaxFloat32 {
		return 0
	}
	// float64 has exponents from −1073 to 1024 in the sense of math.Frexp.
	const first, last, far = -1073, 1024, 96
	var counts [last - first + 1]int
	total := 0
	for _, v := range values {
		if v != 0 && !math.IsNaN(v) && !math.IsInf(v, 0) {
			_, e := math.Frexp(v)
			counts[e-first]++
			total++
		}
	}
	median, seen := 0, counts[0]
	for 2*seen < total {
		median++
		seen += counts[median]
	}
	top := min(median+far, len(counts)-1)
	for counts[top] == 0 {
		top--
	}
	e := top + first
	if e > -100 && e < 128 {
		return 0 // only values that stand for none are out of range
	}
	return min(max(e, -1022), 1023) // the scale itself is a normal number
}

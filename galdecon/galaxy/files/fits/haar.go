package fits

// invertHaar inverts the transform of HCOMPRESS, in place. Of an array of height x width the
// coefficients of a level are in four quadrants: sums of 2 x 2 pixels, differences of rows and of
// columns, and the difference of these. They carry more bits the coarser the level is, and the
// bits that rounding took from sums follow from those of the differences.
func invertHaar(a []int64, height, width int, smooth bool, scale int64) {
	depth := levels(height, width)
	if depth == 0 {
		return
	}
	scratch := make([]int64, max(height, width))
	unit := int64(1) << (depth - 1) // the last bit of the differences of differences
	a[0] = roundTo(a[0], unit<<2)
	for level := depth - 1; level >= 0; level-- {
		h, w := (height-1)>>level+1, (width-1)>>level+1
		for i := range h {
			interleave(a[i*width:], w, 1, scratch)
		}
		for j := range w {
			interleave(a[j:], h, width, scratch)
		}
		if smooth {
			smoothHaar(a, h, w, width, scale)
		}
		shift := 1
		if level == 0 {
			shift = 2
		}
		for i := 0; i < h; i += 2 {
			for j := 0; j < w; j += 2 {
				s := i*width + j
				switch {
				case i+1 < h && j+1 < w:
					invertSquare(a, s, width, unit, shift)
				case i+1 < h:
					a[s], a[s+width] = invertPair(a[s], a[s+width], unit, shift)
				case j+1 < w:
					a[s], a[s+1] = invertPair(a[s], a[s+1], unit, shift)
				default:
					a[s] >>= shift
				}
			}
		}
		unit >>= 1
	}
}

// roundTo rounds to a multiple of a power of two, a half away from 0; 0 stands for a half, of
// which nothing is to be rounded.
func roundTo(v, unit int64) int64 {
	half := unit >> 1
	if half == 0 {
		return v
	}
	if v < 0 {
		half--
	}
	return (v + half) &^ (unit - 1)
}

// away moves v away from 0.
func away(v, by int64) int64 {
	if v < 0 {
		return v - by
	}
	return v + by
}

// invertSquare replaces the coefficients of 2 x 2 pixels by those pixels, or by sums at the next
// level, four times or twice as large before the shift.
func invertSquare(a []int64, s, width int, unit int64, shift int) {
	h0 := a[s]
	hx, hy := roundTo(a[s+width], unit<<1), roundTo(a[s+1], unit<<1)
	hc := roundTo(a[s+width+1], unit)
	low := hc & unit
	hx, hy = away(hx, -low), away(hy, -low)
	next := (hc ^ hx ^ hy) & (unit << 1)
	switch {
	case h0 >= 0:
		h0 += low - next
	case low == 0:
		h0 += next
	default:
		h0 += low - next
	}
	a[s+width+1] = (h0 + hx + hy + hc) >> shift
	a[s+width] = (h0 + hx - hy - hc) >> shift
	a[s+1] = (h0 - hx + hy - hc) >> shift
	a[s] = (h0 - hx - hy + hc) >> shift
}

// invertPair is invertSquare of two pixels at an odd edge.
func invertPair(h0, h1, unit int64, shift int) (first, second int64) {
	h1 = roundTo(h1, unit<<1)
	h0 = away(h0, -(h1 & (unit << 1)))
	return (h0 - h1) >> shift, (h0 + h1) >> shift
}

// interleave puts the second half of n values, which are stride apart, between the first.
func interleave(a []int64, n, stride int, scratch []int64) {
	half := (n + 1) / 2
	for i := half; i < n; i++ {
		scratch[i-half] = a[i*stride]
	}
	for i := half - 1; i >= 0; i-- {
		a[2*i*stride] = a[i*stride]
	}
	for i := half; i < n; i++ {
		a[(2*(i-half)+1)*stride] = scratch[i-half]
	}
}

// smoothHaar moves the differences towards those of neighboring squares, by at most half of the
// scale, which is as far as dividing by it can have moved them.
func smoothHaar(a []int64, height, width, stride int, scale int64) {
	most := scale >> 1
	if most <= 0 {
		return
	}
	// slope moves the difference at d of the square at s, whose neighbors are step away.
	slope := func(s, d, step int) {
		before, here, after := a[s-step], a[s], a[s+step]
		high := max(min(after-here, here-before), 0) << 2
		low := min(max(after-here, here-before), 0) << 2
		if low < high {
			a[d] += limited(max(min(after-before, high), low)-a[d]<<3, 3, most)
		}
	}
	for i := 2; i < height-2; i += 2 {
		for j := 0; j < width; j += 2 {
			slope(i*stride+j, (i+1)*stride+j, 2*stride)
		}
	}
	for i := 0; i < height; i += 2 {
		for j := 2; j < width-2; j += 2 {
			slope(i*stride+j, i*stride+j+1, 2)
		}
	}
	for i := 2; i < height-2; i += 2 {
		for j := 2; j < width-2; j += 2 {
			s := i*stride + j
			smoothCurvature(a, s, stride, most)
		}
	}
}

// smoothCurvature moves the difference of differences of the square at s.
func smoothCurvature(a []int64, s, stride int, most int64) {
	up, down := s-2*stride, s+2*stride
	here := a[s]
	mm, pm, mp, pp := a[up-2], a[down-2], a[up+2], a[down+2]
	hx, hy := a[s+stride]<<1, a[s+1]<<1
	high := min(
		min(max(pp-here, 0)-hx-hy, max(here-pm, 0)+hx-hy),
		min(max(here-mp, 0)-hx+hy, max(mm-here, 0)+hx+hy)) << 4
	low := max(
		max(min(pp-here, 0)-hx-hy, min(here-pm, 0)+hx-hy),
		max(min(here-mp, 0)-hx+hy, min(mm-here, 0)+hx+hy)) << 4
	if low < high {
		d := s + stride + 1
		a[d] += limited(max(min(pp+mm-mp-pm, high), low)-a[d]<<6, 6, most)
	}
}

// limited divides by a power of two, towards 0, and limits the result to both sides.
func limited(v int64, shift int, most int64) int64 {
	if v < 0 {
		v += 1<<shift - 1
	}
	return max(min(v>>shift, most), -most)
}

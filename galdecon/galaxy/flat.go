package galaxy

import (
	"math"
	"slices"
)

// leastFlat is the least number of pixels in an area or a run of one value.
const leastFlat = 9

// flat returns the pixels in areas and runs of exactly one value. Where a share p of the pixels has
// a value, n pixels at a given place all have it with the probability p^n: n is such that this
// happens at one of all places in one of a thousand images. What the image fades to isn't among
// them: that is the sky of one without noise.
func (p plane) flat() (found []int) {
	good := 0
	for _, b := range p.bad {
		if !b {
			good++
		}
	}
	q := p
	q.bad = slices.Clone(p.bad)
	take := func(pixels []int) {
		for _, k := range pixels {
			q.bad[k] = true
		}
		good -= len(pixels)
	}
	candidates := q.repeated()
	for _, v := range candidates {
		var area []int
		for have := q.count(v); have > 0; {
			n := leastFlat
			if share := float64(have) / float64(good); share < 1 {
				most := math.Log(1000*float64(good)) / -math.Log(share)
				n = max(n, int(math.Ceil(min(most, 1<<40))))
			}
			more := q.runs(v, n)
			if len(more) == 0 {
				break
			}
			take(more)
			area = append(area, more...)
			have -= len(more)
		}
		if q.fadesTo(v, area) {
			for _, k := range area {
				q.bad[k] = false
			}
			good += len(area)
			continue
		}
		area = append(area, q.scattered(v, len(area) > 0)...)
		take(area)
		found = append(found, area...)
	}
	return found
}

// fadesTo reports whether pixels beside an area of the value v, which are good, are much nearer to
// it than others: at the edge of an exposure they are as far from it as the rest of the sky.
func (p plane) fadesTo(v float32, area []int) bool {
	from := func(k int) float64 { return math.Abs(float64(p.at(k)) - float64(v)) }
	var beside, all []float64
	seen := map[int]bool{}
	for _, k := range area {
		for _, j := range neighbors(k, p.height, p.width) {
			if !p.bad[j] && !seen[j] {
				seen[j] = true
				beside = append(beside, from(j))
			}
		}
	}
	if len(beside) == 0 {
		return false
	}
	for k := range p.bad {
		if !p.bad[k] {
			all = append(all, from(k))
		}
	}
	return median(beside) < 0.2*median(all)
}

// count returns how many good pixels have the value v.
func (p plane) count(v float32) (n int) {
	for k := range p.bad {
		if !p.bad[k] && p.at(k) == v {
			n++
		}
	}
	return n
}

// repeated returns the values that three good pixels in a row or a column share, most frequent
// first.
func (p plane) repeated() []float32 {
	times := map[float32]int{}
	count := func(a, b, c int) {
		if v := p.at(a); v == p.at(b) && v == p.at(c) && !p.bad[a] && !p.bad[b] && !p.bad[c] {
			times[v]++
		}
	}
	for y := range p.height {
		for x := range p.width {
			k := y*p.width + x
			if x+2 < p.width {
				count(k, k+1, k+2)
			}
			if y+2 < p.height {
				count(k, k+p.width, k+2*p.width)
			}
		}
	}
	var values []float32
	for v := range times {
		values = append(values, v)
	}
	slices.SortFunc(values, func(a, b float32) int {
		if d := times[b] - times[a]; d != 0 {
			return d
		}
		return int(math.Copysign(1, float64(a)-float64(b)))
	})
	return values
}

// runs returns the good pixels of the value v that lie in n of them side by side along a row or a
// column, or in a square that holds n.
func (p plane) runs(v float32, n int) (found []int) {
	in := make([]bool, len(p.bad))
	side := int(math.Ceil(math.Sqrt(float64(n))))
	for _, shape := range [][2]int{{1, n}, {n, 1}, {side, side}} {
		if shape[0] <= p.height && shape[1] <= p.width {
			p.rectangles(v, in, shape[0], shape[1])
		}
	}
	for k, i := range in {
		if i {
			found = append(found, k)
		}
	}
	return found
}

// rectangles sets in for the pixels of all rectangles of a height and a width whose pixels are good
// and have the value v.
func (p plane) rectangles(v float32, in []bool, height, width int) {
	// down holds how many pixels up from a pixel, with itself, are so, and reach over how many rows
	// upward, with its own, a rectangle goes on.
	down, reach := make([]int, p.width), make([]int, p.width)
	ends := make([]bool, len(p.bad)) // the lower edges of rectangles
	any := false
	for y := range p.height {
		run, edge := 0, -1 // edge is the last column of the row that is marked
		for x := range p.width {
			k := y*p.width + x
			if !p.bad[k] && p.at(k) == v {
				down[x]++
			} else {
				down[x] = 0
			}
			if down[x] >= height {
				run++
			} else {
				run = 0
			}
			if run >= width {
				for j := max(x-width+1, edge+1); j <= x; j++ {
					ends[y*p.width+j] = true
				}
				edge, any = x, true
			}
		}
	}
	for y := p.height - 1; any && y >= 0; y-- {
		for x := range p.width {
			k := y*p.width + x
			if ends[k] {
				reach[x] = height
			}
			if reach[x] > 0 {
				in[k] = true
				reach[x]--
			}
		}
	}
}

// scattered returns all good pixels of the value v in an image without steps, where it is no chance
// that several share one: at least 2 in 1000 do, or fewer where areas of that value are known.
// Where it is the lowest and others lie close above it, values were cut off there: those are data.
func (p plane) scattered(v float32, known bool) (found []int) {
	rest := p.sample(func(w float32) bool { return w == v })
	if len(rest) < 16 || 4*len(slices.Compact(slices.Clone(rest))) < len(rest) {
		return nil
	}
	have := p.count(v)
	if have == 0 || !known && have < max(16, len(p.bad)/500) {
		return nil
	}
	low, middle := float64(rest[len(rest)/100]), float64(rest[len(rest)/2])
	if float64(v) <= float64(rest[0]) && low-float64(v) < 0.1*(middle-low) {
		return nil
	}
	for k := range p.bad {
		if !p.bad[k] && p.at(k) == v {
			found = append(found, k)
		}
	}
	return found
}

// saturated returns plateaus of the largest value: pixels side by side that have it, as many as
// neighbors are equal by chance once in a thousand images.
func (p plane) saturated() (found []int) {
	equal, pairs := 0, 0
	top := float32(math.Inf(-1))
	for k := range p.bad {
		if p.bad[k] {
			continue
		}
		top = max(top, p.at(k))
		if (k+1)%p.width != 0 && !p.bad[k+1] {
			pairs++
			if p.at(k) == p.at(k+1) {
				equal++
			}
		}
	}
	least := 3
	if share := float64(equal) / float64(max(pairs, 1)); share >= 1 {
		return nil
	} else if share > 0 {
		least = max(least, 1+int(math.Ceil(math.Log(1000)/-math.Log(share))))
	}
	seen := make([]bool, len(p.bad))
	for k := range p.bad {
		if p.bad[k] || seen[k] || p.at(k) != top {
			continue
		}
		seen[k] = true
		group := []int{k}
		for i := 0; i < len(group); i++ {
			for _, j := range neighbors(group[i], p.height, p.width) {
				if !seen[j] && !p.bad[j] && p.at(j) == top {
					seen[j] = true
					group = append(group, j)
				}
			}
		}
		if len(group) >= least {
			found = append(found, group...)
		}
	}
	return found
}

// neighbors returns the up to eight pixels around pixel k.
func neighbors(k, height, width int) []int {
	out := make([]int, 0, 8)
	y, x := k/width, k%width
	for i := max(y-1, 0); i <= min(y+1, height-1); i++ {
		for j := max(x-1, 0); j <= min(x+1, width-1); j++ {
			if i != y || j != x {
				out = append(out, i*width+j)
			}
		}
	}
	return out
}

// stepOf returns the step of values, sorted, that are whole multiples of one, up to an offset, as
// counts are; 0 where more than a quarter of them differ, or they keep no step.
func stepOf(values []float32) float64 {
	var distinct []float64
	for _, v := range slices.Compact(slices.Clone(values)) {
		distinct = append(distinct, float64(v))
	}
	if len(distinct) < 2 || 4*len(distinct) > len(values) {
		return 0
	}
	step := math.Inf(1)
	for k := 1; k < len(distinct); k++ {
		step = min(step, distinct[k]-distinct[k-1])
	}
	rounding := math.Max(math.Abs(distinct[0]), math.Abs(distinct[len(distinct)-1])) / (1 << 23)
	for k := 1; k < len(distinct); k++ {
		m := (distinct[k] - distinct[k-1]) / step
		if off := math.Abs(m-math.Round(m)) * step; off > 2*rounding+0.02*step {
			return 0
		}
	}
	return step
}

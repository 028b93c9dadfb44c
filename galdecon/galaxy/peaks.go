package galaxy

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// Peak is a maximum of an image.
type Peak struct {
	// Column and Row are its place, counted from 0.
	Column, Row int
	// Value is the mean over 3×3 pixels there, of the mean of the channels, and Rise how far it is
	// above the highest way to a higher peak, or above 0 where there is none.
	Value, Rise float64
}

// hill is an image, smoothed, whose pixels are parted among its peaks.
type hill struct {
	height, width int
	values        []float64
	// noise is the standard deviation of the noise in the values, and top the largest of them.
	noise, top float64
	// peaks are all maxima, the highest first.
	peaks []Peak
	// of is, for each pixel, the index of the peak that it belongs to.
	of []int
}

// hillOf returns the first of the images as a hill, whose bad pixels are filled. noise is that of
// means over 3×3 pixels.
func (im *Images) hillOf(noise float64) *hill {
	gray := im.Gray()
	h := &hill{height: im.Height, width: im.Width, noise: noise,
		values: make([]float64, im.Height*im.Width)}
	for k := range h.values {
		sum, n := float64(gray.Pixels[k]), 1
		for _, j := range neighbors(k, h.height, h.width) {
			sum += float64(gray.Pixels[j])
			n++
		}
		h.values[k] = sum / float64(n)
	}
	h.part()
	return h
}

// blockNoise returns the noise of means over 3×3 pixels, correlated or not, from such side by side
// in the only image; of images under 9×9 pixels a third of that of pixels.
func (im *Images) blockNoise() float64 {
	pixels, share := im.Gray(), 1.0/3
	if im.Height >= 9 && im.Width >= 9 {
		if blocks, err := pixels.Average(3); err == nil {
			pixels, share = blocks, 1
		}
	}
	bad := make([]bool, len(pixels.At(0)))
	for k := range bad {
		bad[k] = pixels.isBad(k)
	}
	p := plane{pixels.At(0), 1, pixels.Height, pixels.Width, bad}
	responses := p.responses(noiseMasks[0][0], nil)
	if len(responses) == 0 {
		return 0
	}
	return share * median(responses) / 0.6745
}

// FindPeaks returns what stands out of the noise of an image without its sky, [1, height, width,
// channels], brightest first: galaxies, stars, and parts of them, told from noise as
// [Images.Cutout] tells neighbors. Pixels without data are interpolated.
func (im *Images) FindPeaks() ([]Peak, error) {
	if err := im.CheckShape(); err != nil {
		return nil, err
	}
	if im.N != 1 {
		return nil, fmt.Errorf("galaxy: peaks are those of one image, got %d; see Images.Select",
			im.N)
	}
	filled, err := im.Fill(BadInterpolate, 1)
	if err != nil {
		return nil, err
	}
	return filled.hillOf(im.blockNoise()).standing(-1), nil
}

// standing returns the peaks, brightest first, that stand out of the noise, but the one with an
// index.
func (h *hill) standing(but int) (peaks []Peak) {
	for k, p := range h.peaks {
		is := h.of[p.Row*h.width+p.Column] == k // not a part of another
		if is && k != but && min(p.Value, p.Rise) >= h.least(p.Value) {
			peaks = append(peaks, p)
		}
	}
	return peaks
}

// least returns by how much a peak of a value must rise to be told from noise.
func (h *hill) least(value float64) float64 {
	return max(5*h.noise, 0.05*math.Abs(value), 1e-3*h.top)
}

// part parts the pixels among the peaks. It takes them from the brightest down: each belongs to the
// peak of its brightest neighbor. Where two peaks meet, the lower becomes part of the higher,
// unless it has risen enough to be told from noise.
func (h *hill) part() {
	order := make([]int, len(h.values))
	for k := range order {
		order[k] = k
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return cmp.Compare(h.values[b], h.values[a])
	})
	h.top = h.values[order[0]]
	h.of = slices.Repeat([]int{-1}, len(order))
	var partOf []int // of each peak, the one that it became part of, or itself
	root := func(peak int) int {
		for partOf[peak] != peak {
			partOf[peak] = partOf[partOf[peak]] // the way is half as long the next time
			peak = partOf[peak]
		}
		return peak
	}
	met := map[int]bool{} // peaks that have met a higher one
	for _, k := range order {
		uphill, highest := -1, -1
		around := neighbors(k, h.height, h.width)
		for _, j := range around {
			if h.of[j] < 0 {
				continue
			}
			if uphill < 0 || h.values[j] > h.values[uphill] {
				uphill = j
			}
			if r := root(h.of[j]); highest < 0 || r < highest {
				highest = r // peaks are numbered from the highest down
			}
		}
		if uphill < 0 {
			h.of[k] = len(h.peaks)
			partOf = append(partOf, len(h.peaks))
			h.peaks = append(h.peaks,
				Peak{Column: k % h.width, Row: k / h.width, Value: h.values[k], Rise: h.values[k]})
			continue
		}
		h.of[k] = h.of[uphill]
		for _, j := range around {
			if h.of[j] < 0 {
				continue
			}
			if low := root(h.of[j]); low != highest && !met[low] {
				met[low] = true
				h.peaks[low].Rise = h.peaks[low].Value - h.values[k]
				if h.peaks[low].Rise < h.least(h.peaks[low].Value) {
					partOf[low] = highest
				}
			}
		}
	}
	for k := range h.of {
		h.of[k] = root(h.of[k])
	}
}

// found is a galaxy in a stamp: its peak, and its center from the middle of the first pixel.
type found struct {
	peak        Peak
	row, column float64
	// core has the pixels whose light is above half of the peak and above its valleys.
	core map[int]bool
	// beside is the brighter peak in whose light it was found, if any.
	beside *Peak
}

// galaxyAt returns the galaxy whose light reaches a pixel of the only image, whose bad pixels are
// filled: the stamp of a larger image that begins at a column and a row of it.
func (im *Images) galaxyAt(x, y int, noise float64, whole *Images, left, top int) (found, error) {
	h := im.hillOf(noise)
	g := h.climb(x, y)
	if own := y*h.width + x; !g.core[own] {
		// Where most of the light isn't there once more on the other side of the peak, it isn't the
		// peak's.
		rest := im.unlike(g.row, g.column, whole, left, top).hillOf(noise * math.Sqrt2)
		other := rest.climb(x, y)
		at := other.peak.Row*h.width + other.peak.Column
		if v := other.peak.Value; v > max(5*rest.noise, 1e-3*h.top) && v > h.values[at]/2 &&
			h.distance(other.peak, x, y) <= h.distance(g.peak, x, y) {
			peak := g.peak
			g, g.beside = other, &peak
		}
	}
	away, limit := h.distance(g.peak, x, y), float64(h.width)/4
	refuse := func(why Reason, column, row int, measured, limit float64, hint, format string,
		args ...any) error {
		r := im.refuse(0, why, measured, limit, hint, format, args...)
		r.Place = &Place{column, row}
		return r
	}
	switch {
	case g.peak.Value <= 0:
		return g, refuse(NoGalaxy, g.peak.Column, g.peak.Row, g.peak.Value, 0,
			"see whether the galaxy is there, and the sky was subtracted only once",
			"there is no positive value")
	case g.peak.Value < 5*noise:
		return g, refuse(NoGalaxy, g.peak.Column, g.peak.Row, g.peak.Value, 5*noise,
			"see whether the galaxy is there: columns and rows are counted from 0",
			"the brightest there is %.2g in the mean over 3×3 pixels, where noise is %.2g: "+
				"that's no galaxy",
			g.peak.Value, noise)
	case away > limit:
		return g, refuse(FarPeak, g.peak.Column, g.peak.Row, away, limit,
			"name a place nearer to the galaxy, or take a larger stamp",
			"the light at the place belongs to a peak %.1f pixels away; at most %.1f are allowed",
			away, limit)
	}
	var bad []int
	for k, b := range im.BadAt(0) {
		far := max(math.Abs(float64(k/h.width)-g.row), math.Abs(float64(k%h.width)-g.column))
		if b && (far < 1 || far <= coreRadius && g.core[k]) {
			bad = append(bad, k)
		}
	}
	if len(bad) > 0 {
		return g, refuse(NoDataAtPeak, bad[0]%h.width, bad[0]/h.width, float64(len(bad)), 0,
			"what the core was like can't be told from its surroundings: take an exposure in "+
				"which it has data",
			"%d pixel(s) in the galaxy's core have no data; none may lack there", len(bad))
	}
	return g, nil
}

// distance returns how far a peak is from a pixel.
func (h *hill) distance(p Peak, x, y int) float64 {
	return math.Hypot(float64(p.Column-x), float64(p.Row-y))
}

// climb returns the galaxy that a pixel belongs to.
func (h *hill) climb(x, y int) found {
	own := h.of[y*h.width+x]
	peak := h.peaks[own]
	threshold := max(peak.Value/2, peak.Value-peak.Rise)
	middle := peak.Row*h.width + peak.Column
	g := found{peak: peak, core: map[int]bool{middle: true}}
	var weight float64
	group := []int{middle}
	for i := 0; i < len(group); i++ {
		k := group[i]
		v := h.values[k] - threshold
		weight += v
		g.row, g.column = g.row+v*float64(k/h.width), g.column+v*float64(k%h.width)
		for _, j := range neighbors(k, h.height, h.width) {
			if !g.core[j] && h.of[j] == own && h.values[j] > threshold {
				g.core[j] = true
				group = append(group, j)
			}
		}
	}
	if weight > 0 {
		g.row, g.column = g.row/weight, g.column/weight
	} else {
		g.row, g.column = float64(peak.Row), float64(peak.Column)
	}
	return g
}

// unlike returns what of each pixel of the only image, a stamp, is brighter than the point across a
// center; nothing where that has no data. Where it is outside of the larger image it is dark.
func (im *Images) unlike(row, column float64, whole *Images, left, top int) *Images {
	gray := im.Gray()
	light := func(y, x int) (sum float64) {
		if y < 0 || x < 0 || y >= whole.Height || x >= whole.Width {
			return 0
		}
		for c := range whole.Channels {
			k := (y*whole.Width+x)*whole.Channels + c
			if whole.isBad(k) {
				return math.Inf(1)
			}
			sum += float64(whole.Pixels[k]) / float64(whole.Channels)
		}
		return sum
	}
	out := NewImages(1, im.Height, im.Width, 1)
	for k, v := range gray.Pixels {
		y := 2*row - float64(k/im.Width) + float64(top)
		x := 2*column - float64(k%im.Width) + float64(left)
		i, j := int(math.Floor(y)), int(math.Floor(x))
		dy, dx := y-float64(i), x-float64(j)
		across := (1-dy)*((1-dx)*light(i, j)+dx*light(i, j+1)) +
			dy*((1-dx)*light(i+1, j)+dx*light(i+1, j+1))
		if !math.IsNaN(across) { // as 0 times infinity is
			out.Pixels[k] = float32(max(float64(v)-max(across, 0), 0))
		}
	}
	return out
}

// coreRadius is how far the core of a galaxy reaches from its center at most, along rows and
// columns: a nucleus is about as narrow as a PSF.
const coreRadius = 3

// othersThan returns the peaks of the only image but that which a pixel belongs to, brightest
// first.
func (im *Images) othersThan(x, y int, noise float64) []Peak {
	h := im.hillOf(noise)
	return h.standing(h.of[min(max(y, 0), h.height-1)*h.width+min(max(x, 0), h.width-1)])
}

// oneSided returns the light of a stamp that stands out on one side of its galaxy, which was found
// in a stamp that begins at left, top; none where what is more than across the center is the rest
// of noise, of a center between pixels, or of the galaxy's own unevenness.
func (im *Images) oneSided(g found, noise float64, whole *Images, left, top int, c *Cut) []Peak {
	row, column := g.row+float64(top-c.Top), g.column+float64(left-c.Left)
	h := im.hillOf(noise)
	// A bright companion draws the center of the light to it, and noise moves a faint peak.
	peakRow, peakColumn := h.vertex(g.peak.Row+top-c.Top, g.peak.Column+left-c.Left)
	for _, center := range [][3]float64{{row, column, 1}, {peakRow, peakColumn, 2}} {
		y, x, times := center[0], center[1], center[2]
		rest := im.unlike(y, x, whole, c.Left, c.Top).hillOf(noise * math.Sqrt2)
		for _, p := range rest.peaks {
			value := h.values[p.Row*h.width+p.Column]
			if p.Value < times*max(5*rest.noise, 0.07*g.peak.Value) {
				break // the others are fainter
			}
			if p.Value > value/4 && math.Hypot(float64(p.Row)-y, float64(p.Column)-x) > 2 {
				return []Peak{{Column: p.Column, Row: p.Row, Value: value}}
			}
		}
	}
	return nil
}

// vertex returns where the parabolas through a peak and the pixels beside it are highest.
func (h *hill) vertex(row, column int) (y, x float64) {
	along := func(at, side, length int) float64 {
		i := at / side % length
		if i == 0 || i == length-1 {
			return float64(i)
		}
		before, v, after := h.values[at-side], h.values[at], h.values[at+side]
		if bend := 2*v - before - after; bend > 0 {
			return float64(i) + min(max((after-before)/(2*bend), -0.5), 0.5)
		}
		return float64(i)
	}
	k := row*h.width + column
	return along(k, h.width, h.height), along(k, 1, h.width)
}

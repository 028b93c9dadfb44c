package galaxy

import (
	"errors"
	"math"
	"slices"

	"galdecon/galdecon/galaxy/internal/raster"
)

// Sky is what an image shows where there is no galaxy, in units of its pixels.
type Sky struct {
	// Level is the mean brightness of the sky, and StdErr its standard error: of noise, correlated
	// or not, and of light that is too faint to be told from the sky, which makes Level too high.
	// How much that is follows from how many galaxies are found.
	Level, StdErr float64
	// Noise is the standard deviation of the pixels of the sky.
	Noise float64
	// Step is that of the values where they are counts: 1 for integers. It is 0 where they have no
	// steps, or such that are lost in the noise.
	Step float64
}

// Sky returns the sky of each image, which must be seen in at least half of its pixels: take it
// from the large image, before [Images.Cutout]. That isn't checked. In a stamp that a galaxy fills,
// Level may be several times the true noise too high, and StdErr doesn't tell. Often Noise does: it
// is then well above the noise between neighboring pixels, see [Images.NoiseLevels].
//
// Pixels without data are left out, those that [Images.MarkNoData] would mark as well as those that
// are marked. Where the mean over 5×5, 11×11 or 23×23 pixels is more than three standard deviations
// from its median there is a galaxy, and so again with what is left, until no more is found: wings
// that are lost in the noise of single pixels show in such means. The other pixels, less those more
// than five standard deviations off, are the sky. A plane is fitted to it, so that a slope doesn't
// hide galaxies. Level is the plane's value in the middle of the pixels with data, which for counts
// is right as well, where a median isn't; Noise is the standard deviation from the plane, of those
// below it, where galaxies have no part, and for counts, which aren't symmetric, of all. Channels
// are measured apart: Level is their mean, Noise their root mean square.
//
// Of 100 fields with known sky (testdata/skies.py) the mean error of Level, in units of the noise,
// and those of photutils' estimators after clipping and of SExtractor's are
//
//	                      sparse  crowded  sloping  counts  masked
//	Sky                   +0.003  +0.096   +0.005   +0.007  +0.001
//	clipped median        +0.021  +0.253   +0.020   -0.187  +0.020
//	SExtractor            +0.019  +0.225   -0.009   -0.220  +0.014
//	photutils SExtractor  +0.017  +0.224   +0.014   -0.214  +0.017
//	photutils mode, MMM   +0.016  +0.214   +0.011   -0.336  +0.016
//	photutils biweight    +0.023  +0.257   +0.022   -0.219  +0.018
//
// Where an image has no sky with noise, its Noise is 0 and the error joins a [Refusal] for each.
func (im *Images) Sky() ([]Sky, error) {
	if err := im.CheckShape(); err != nil {
		return nil, err
	}
	skies := make([]Sky, im.N)
	var refused []error
	for i := range skies {
		parts, refusal := im.skyOf(i, skyLimit)
		if refusal != nil {
			refused = append(refused, refusal)
		}
		var s Sky
		for _, p := range parts {
			s.Level += p.Level / float64(len(parts))
			s.StdErr = math.Hypot(s.StdErr, p.StdErr/float64(len(parts)))
			s.Noise = math.Hypot(s.Noise, p.Noise/math.Sqrt(float64(len(parts))))
			s.Step = max(s.Step, p.Step)
		}
		skies[i] = s
	}
	return skies, errors.Join(refused...)
}

// skyLimit is by how many standard deviations means deviate where there is a galaxy. That takes
// some excursions of the noise as well, which is correlated then by −0.01: NoiseCorrelation has a
// limit of its own.
const skyLimit, correlationLimit = 3, 4

// skyOf returns the sky of each channel of image i.
func (im *Images) skyOf(i int, limit float64) (channels []skyPart, refusal error) {
	bad, none := im.noData(i)
	marked := none.Masked+none.NotFinite+none.Sentinel == none.Pixels
	good := none.Pixels - none.Total()
	switch {
	case marked:
		return nil, im.refuse(i, NoPixels, 1, 1, "see whether it is the right file or extension",
			"none of %d pixels has a finite value that isn't marked as bad", none.Pixels)
	case good < 16 || good*100 < none.Flat:
		// What is flat may be an image without noise: it has a level all the same.
		bad = make([]bool, none.Pixels)
		copy(bad, im.BadAt(i))
		for k := range im.At(i) {
			if im.isBad(i*len(im.At(i)) + k) {
				bad[k/im.Channels] = true
			}
		}
	}
	for c := range im.Channels {
		p := plane{im.At(i)[c:], im.Channels, im.Height, im.Width, bad}
		channels = append(channels, p.sky(limit))
		if level := channels[c].Level; !(channels[c].Noise > math.Abs(level)/(1<<25)) {
			channels[c].Sky = Sky{Level: level} // the rest is rounding
			if refusal != nil {
				continue
			}
			refusal = im.refuse(i, NoNoise, 0, 0, "see whether it was clipped, rounded or"+
				" smoothed; of a simulation without noise, say its noise where one is asked for",
				"the sky of channel %d has the value %g without any noise", c, channels[c].Level)
		}
	}
	return channels, refusal
}

// skyPart is the sky of a channel, which pixels it is seen in, and by how much they deviate from
// it.
type skyPart struct {
	Sky
	in   []bool
	from []float64
}

func (p plane) sky(limit float64) skyPart {
	n := len(p.bad)
	values := p.sample(nil)
	middle := float64(values[len(values)/2])
	s := skyPart{in: make([]bool, n), from: make([]float64, n)}
	// The place of a pixel is counted from the mean of the good ones.
	var y0, x0, good float64
	for k, b := range p.bad {
		if !b {
			s.from[k] = float64(p.at(k)) - middle
			y0, x0, good = y0+float64(k/p.width), x0+float64(k%p.width), good+1
		}
	}
	y0, x0 = y0/good, x0/good
	widths, grow := p.widths(), true
	if step := stepOf(values); step > 0 {
		if rough := p.roughNoise(s.from); rough < 16*step {
			s.Step, grow = step, false
			// Means over ten counts or more are nearly symmetric.
			widths = slices.DeleteFunc(slices.Clone(widths), func(w int) bool {
				wide := rough * float64(w) / step
				return wide*wide < 10 && w < widths[len(widths)-1]
			})
		}
	}
	ones := make([]float64, n)
	for k, b := range p.bad {
		if !b {
			ones[k] = 1
		}
	}
	counts := make([][]float64, len(widths)) // how many good pixels the squares have
	for k, w := range widths {
		counts[k] = p.boxSums(ones, w)
	}
	level := [3]float64{}
	for range 3 {
		p.find(&s, widths, counts, limit, grow)
		s.clip()
		change := s.fit(y0, x0, p.width)
		for k, b := range p.bad {
			if !b {
				s.from[k] -= change[0] + change[1]*(float64(k/p.width)-y0) +
					change[2]*(float64(k%p.width)-x0)
			}
		}
		for j := range level {
			level[j] += change[j]
		}
	}
	s.Level = middle + level[0]
	p.measure(&s, p.boxSums(ones, 5))
	return s
}

// widths returns the sides of the squares that means are taken over.
func (p plane) widths() []int {
	widths := []int{5}
	for _, w := range []int{11, 23} {
		if 4*w <= min(p.height, p.width) {
			widths = append(widths, w)
		}
	}
	return widths
}

// roughNoise returns the median of the standard deviations in blocks of 8×8 pixels, of those that
// are at least half good.
func (p plane) roughNoise(from []float64) float64 {
	var all []float64
	for y := 0; y < p.height; y += 8 {
		for x := 0; x < p.width; x += 8 {
			var n, sum, squares float64
			for i := y; i < min(y+8, p.height); i++ {
				for j := x; j < min(x+8, p.width); j++ {
					if k := i*p.width + j; !p.bad[k] {
						n, sum, squares = n+1, sum+from[k], squares+from[k]*from[k]
					}
				}
			}
			if n >= 32 {
				all = append(all, math.Sqrt(max(squares-sum*sum/n, 0)/(n-1)))
			}
		}
	}
	if len(all) == 0 {
		return math.Inf(1)
	}
	return median(all)
}

// find sets s.in for the good pixels around which no mean tells of a galaxy.
func (p plane) find(s *skyPart, widths []int, counts [][]float64, limit float64, grow bool) {
	means := make([][]float64, len(widths))
	for i, w := range widths {
		means[i] = p.boxSums(s.from, w)
		for k, n := range counts[i] {
			if n > 0 {
				means[i][k] /= n
			}
		}
	}
	left := 0
	for k, b := range p.bad {
		s.in[k] = !b
		if !b {
			left++
		}
	}
	all, out := left, make([]bool, len(s.in))
	for {
		clear(out)
		for _, around := range means {
			middle, deviation := spread(around, s.in)
			for k, v := range around {
				if !p.bad[k] && math.Abs(v-middle) > limit*deviation {
					out[k] = true
				}
			}
		}
		if grow {
			out = p.grown(out)
		}
		n := 0
		for k, is := range s.in {
			if is && !out[k] {
				n++
			}
		}
		if n < 16 || n*50 < all {
			return
		}
		for k := range s.in {
			s.in[k] = s.in[k] && !out[k]
		}
		if (left-n)*1000 <= left {
			return
		}
		left = n
	}
}

// grown returns the pixels with their neighbors.
func (p plane) grown(pixels []bool) []bool {
	along := make([]bool, len(pixels))
	for k, is := range pixels {
		x := k % p.width
		along[k] = is || x > 0 && pixels[k-1] || x+1 < p.width && pixels[k+1]
	}
	out := make([]bool, len(pixels))
	for k, is := range along {
		out[k] = is || k >= p.width && along[k-p.width] ||
			k+p.width < len(along) && along[k+p.width]
	}
	return out
}

// boxSums returns the sum of the values in a square of w pixels around each, or what of it lies
// within the image.
func (p plane) boxSums(values []float64, w int) []float64 {
	half := w / 2
	sums := make([]float64, len(values))
	line := make([]float64, p.width+1)
	columns := make([]float64, p.width) // the sums over the rows around
	row := func(y int) []float64 { return values[y*p.width : (y+1)*p.width] }
	for y := range min(half, p.height) {
		for x, v := range row(y) {
			columns[x] += v
		}
	}
	for y := range p.height {
		if y+half < p.height {
			for x, v := range row(y + half) {
				columns[x] += v
			}
		}
		if y-half-1 >= 0 {
			for x, v := range row(y - half - 1) {
				columns[x] -= v
			}
		}
		for x, v := range columns {
			line[x+1] = line[x] + v
		}
		for x := range p.width {
			sums[y*p.width+x] = line[min(x+half+1, p.width)] - line[max(x-half, 0)]
		}
	}
	return sums
}

// spread returns the median of up to 8192 of the values that are in, and their standard deviation
// by the median of what is below it.
func spread(values []float64, in []bool) (middle, deviation float64) {
	var some []float64
	for k := 0; k < len(values); k += len(values)/(1<<13) | 1 {
		if in[k] {
			some = append(some, values[k])
		}
	}
	if len(some) == 0 {
		return 0, math.Inf(1)
	}
	middle = median(some) // sorted now
	below := some[:0]
	for _, v := range some {
		if v < middle {
			below = append(below, middle-v)
		}
	}
	if len(below) == 0 {
		return middle, 0
	}
	return middle, 1.4826 * median(below) // of Gaussian noise it is 1/1.4826 standard deviations
}

// median sorts the values, of which there is at least one.
func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}

// Edges returns the medians of the outermost pixels of each image, all channels together, without
// bad ones; NaN where all are bad.
func (im *Images) Edges() []float64 {
	levels := make([]float64, im.N)
	for i := range levels {
		var values []float64
		bad := im.BadAt(i)
		for k, v := range im.At(i) {
			at := k / im.Channels
			row, col := at/im.Width, at%im.Width
			edge := row == 0 || col == 0 || row == im.Height-1 || col == im.Width-1
			if edge && !raster.IsBad(v) && (bad == nil || !bad[at]) {
				values = append(values, float64(v))
			}
		}
		levels[i] = math.NaN()
		if len(values) > 0 {
			levels[i] = median(values)
		}
	}
	return levels
}

package galaxy

import (
	"errors"
	"math"

	"galdecon/galdecon/galaxy/internal/raster"
)

// NoiseLevels estimates the standard deviation of white noise in each image [n, height, width,
// channels], n values in units of the pixels: the median of the absolute response to the mask
// (1, −2, 1)⊗(1, −2, 1), which knows no smooth structure (after Immerkær 1996), over 0.6745·6, its
// value for unit noise. Noise that was blurred passes unseen, see [Images.NoiseCorrelation].
//
// Pixels without data are left out, those that [Images.MarkNoData] would mark as well as those that
// are marked, with all responses that they are part of. Where fewer than 100 are left, the mask is
// (1, −2, 1) along rows and columns, or (1, −1), which take some of a galaxy for noise. Of counts
// the median is a multiple of a step, and where they are few 0: where the noise is less than four
// steps it is the root mean square response within the sky (see [Images.Sky]) instead.
//
// Where an image shows no noise, or is under 3×3 pixels, its level is NaN and the error joins a
// [Refusal] for each.
func (im *Images) NoiseLevels() ([]float64, error) {
	if err := im.CheckShape(); err != nil {
		return nil, err
	}
	levels := make([]float64, im.N)
	var refused []error
	for i := range levels {
		levels[i] = im.noiseLevel(i)
		if !(levels[i] > 0) {
			levels[i] = math.NaN()
			refused = append(refused, im.refuse(i, NoNoise, 0, 0, "Was it clipped, rounded or"+
				" smoothed, or is it a simulation without noise? Give its noise where one is asked for.",
				"neighboring pixels don't differ by noise"))
		}
	}
	return levels, errors.Join(refused...)
}

// mask is a filter without response to smooth structure, and its response to unit noise.
type mask struct {
	rows, columns []float64
	norm          float64
}

// noiseMasks are those of NoiseLevels, the best first; those of a line count along both axes.
var noiseMasks = [][]mask{
	{{[]float64{1, -2, 1}, []float64{1, -2, 1}, 6}},
	{{[]float64{1}, []float64{1, -2, 1}, math.Sqrt(6)},
		{[]float64{1, -2, 1}, []float64{1}, math.Sqrt(6)}},
	{{[]float64{1}, []float64{1, -1}, math.Sqrt2}, {[]float64{1, -1}, []float64{1}, math.Sqrt2}},
}

// fewResponses is how many a mask must have lest a smaller one is taken.
const fewResponses = 100

func (im *Images) noiseLevel(i int) float64 {
	bad, none := im.noData(i)
	if none.Pixels-none.Total() < max(4, none.Pixels/100) {
		return 0
	}
	full := none.Total() == 0
	for m, masks := range noiseMasks {
		var responses []float64
		for _, mask := range masks {
			for c := range im.Channels {
				p := plane{im.At(i)[c:], im.Channels, im.Height, im.Width, bad}
				responses = append(responses, p.responses(mask, nil)...)
			}
		}
		if full || len(responses) >= fewResponses || m == len(noiseMasks)-1 && len(responses) > 4 {
			if len(responses) == 0 {
				return 0
			}
			level := median(responses) / 0.6745
			if counts := im.countsNoise(i, bad, masks, level); counts > 0 {
				return counts
			}
			return level
		}
	}
	return 0
}

// countsNoise returns the noise of counts, or 0 if the values have no steps or many within noise
// that is about level.
func (im *Images) countsNoise(i int, bad []bool, masks []mask, level float64) float64 {
	var sum, n float64
	for c := range im.Channels {
		p := plane{im.At(i)[c:], im.Channels, im.Height, im.Width, bad}
		if step := stepOf(p.sample(nil)); step == 0 || level > 4*step {
			return 0
		}
		sky := p.sky()
		for _, mask := range masks {
			responses := p.responses(mask, sky.in)
			for _, r := range responses {
				sum += r * r
			}
			n += float64(len(responses))
		}
	}
	if n < 4 {
		return 0
	}
	return math.Sqrt(sum / n)
}

// responses returns the absolute responses to a mask where all its pixels are good, and in.
func (p plane) responses(m mask, in []bool) (out []float64) {
	for row := 0; row+len(m.rows) <= p.height; row++ {
	place:
		for col := 0; col+len(m.columns) <= p.width; col++ {
			sum := 0.0
			for dy, v := range m.rows {
				for dx, w := range m.columns {
					k := (row+dy)*p.width + col + dx
					if p.bad[k] || in != nil && !in[k] {
						continue place
					}
					sum += v * w * float64(p.at(k))
				}
			}
			out = append(out, math.Abs(sum)/m.norm)
		}
	}
	return out
}

// MaxLag is the largest distance along rows and columns that a [Correlation] knows.
const MaxLag = 3

// Correlation is how alike the noise of pixels is that lie at given distances from each other.
type Correlation struct {
	rho [MaxLag + 1][2*MaxLag + 1]float64 // columns from −MaxLag on
	// Error is the standard error of each coefficient where the noise is white.
	Error float64
}

// At returns the coefficient of correlation, −1 to 1, of pixels so many rows and columns apart; 1
// for none. Like an array it panics beyond [MaxLag].
func (c Correlation) At(rows, columns int) float64 {
	if rows < 0 {
		rows, columns = -rows, -columns
	}
	return c.rho[rows][columns+MaxLag]
}

// Correlated reports whether noise isn't white: pixels side by side are alike, or unlike, by more
// than 0.05 and 4 standard errors. Estimates that assume white noise then give error bars that are
// too small.
func (c Correlation) Correlated() bool {
	for _, rho := range []float64{c.At(0, 1), c.At(1, 0), c.At(1, 1), c.At(1, -1)} {
		if math.Abs(rho) > max(0.05, 4*c.Error) {
			return true
		}
	}
	return false
}

// Ratio returns by how much the noise of the mean over many pixels is larger than if it were white:
// the root of the sum of the coefficients over all distances up to [MaxLag], both ways. It is 1 for
// white noise, to 49 standard errors of a coefficient; correlation beyond MaxLag comes on top.
func (c Correlation) Ratio() float64 {
	sum := 0.0
	for rows := -MaxLag; rows <= MaxLag; rows++ {
		for columns := -MaxLag; columns <= MaxLag; columns++ {
			sum += c.At(rows, columns)
		}
	}
	return math.Sqrt(max(sum, 0))
}

// NoiseCorrelation returns the correlation of the noise in each image, as drizzling, resampling and
// smoothing make it: the mean product of the deviations from the sky of pixels that lie a given
// distance apart, where both are sky as [Images.Sky] tells it, over their mean square. Channels are
// taken together. Galaxies too faint to be told from the sky correlate as well: in a crowded field
// that has been 0.1. An image whose sky has no noise, or under 100 pairs of pixels, is an error.
func (im *Images) NoiseCorrelation() ([]Correlation, error) {
	if err := im.CheckShape(); err != nil {
		return nil, err
	}
	all := make([]Correlation, im.N)
	var refused []error
	for i := range all {
		channels, refusal := im.skyOf(i)
		if refusal != nil {
			refused = append(refused, refusal)
			continue
		}
		pairs := math.Inf(1)
		for dy := range MaxLag + 1 {
			for dx := -MaxLag; dx <= MaxLag; dx++ {
				var products, squares, n float64
				for _, s := range channels {
					a, b, m := s.products(dy, dx, im.Height, im.Width)
					scale := s.Noise * s.Noise
					products, squares, n = products+a/scale, squares+b/scale, n+m
				}
				all[i].rho[dy][dx+MaxLag] = products / max(squares, math.SmallestNonzeroFloat64)
				pairs = min(pairs, n)
			}
		}
		all[i].Error = 1 / math.Sqrt(pairs)
		if pairs < 100 {
			refused = append(refused, im.refuse(i, NoPixels, pairs, 100, "Take a larger image.",
				"only %g pairs of pixels of the sky lie %d rows and columns apart", pairs, MaxLag))
		}
	}
	return all, errors.Join(refused...)
}

// products returns the sum of the products of the sky's pixels so far apart, that of the products
// of their root mean squares, and how many there are.
func (s skyPart) products(dy, dx, height, width int) (products, squares, n float64) {
	var first, second float64
	for y := 0; y+dy < height; y++ {
		for x := max(0, -dx); x < min(width, width-dx); x++ {
			j, k := y*width+x, (y+dy)*width+x+dx
			if s.in[j] && s.in[k] {
				products += s.from[j] * s.from[k]
				first += s.from[j] * s.from[j]
				second += s.from[k] * s.from[k]
				n++
			}
		}
	}
	return products, math.Sqrt(first * second), n
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

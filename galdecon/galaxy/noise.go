package galaxy

import (
	"errors"
	"math"
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
			refused = append(refused,
				im.refuse(i, NoNoise, 0, 0, "see whether it was clipped, rounded or smoothed; of "+
					"a simulation without noise, say its noise where one is asked for",
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
		sky := p.sky(skyLimit)
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

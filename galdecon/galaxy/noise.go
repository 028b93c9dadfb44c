package galaxy

import (
	"math"
	"slices"
)

// NoiseLevels estimates the standard deviation of white noise in each image [n, height, width, channels], n values in units of the
// pixels: the median of the absolute response to the mask (1, −2, 1)⊗(1, −2, 1), which knows no smooth structure (after Immerkær
// 1996), over 0.6745·6, its value for unit noise. Images under 3×3 pixels have none. Noise that was blurred passes unseen.
func (im *Images) NoiseLevels() ([]float64, error) {
	if err := im.Validate(); err != nil {
		return nil, err
	}
	levels := make([]float64, im.N)
	mask := [3]float64{1, -2, 1}
	for i := range levels {
		pixels, width, channels := im.At(i), im.Width, im.Channels
		var responses []float64
		for row := 1; row < im.Height-1; row++ {
			for col := 1; col < width-1; col++ {
				for c := range channels {
					sum := 0.0
					for dy := range mask {
						for dx := range mask {
							sum += mask[dy] * mask[dx] * float64(pixels[((row+dy-1)*width+col+dx-1)*channels+c])
						}
					}
					responses = append(responses, math.Abs(sum))
				}
			}
		}
		if len(responses) > 0 {
			slices.Sort(responses)
			levels[i] = responses[len(responses)/2] / (0.6745 * 6)
		}
	}
	return levels, nil
}

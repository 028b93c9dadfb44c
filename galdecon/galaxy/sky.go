package galaxy

import (
	"fmt"
	"math"
	"slices"

	"galdecon/galdecon/galaxy/internal/raster"
)

// Sky is what an image shows where there is no galaxy, in units of its pixels.
type Sky struct {
	// Level is the brightness of the sky, and Error its standard error as far as the noise of neighbouring pixels is independent. Light that
	// is too faint to be told from the sky comes on top, and makes Level too high.
	Level, Error float64
	// Noise is the standard deviation of the pixels around Level.
	Noise float64
}

// Sky returns the sky of each image, which must be seen in at least half of its pixels: take it from the large image, before [Images.Cutout]. That isn't
// checked. In a stamp that a galaxy fills, Level may be several times the true noise too high, and Error doesn't tell. Often Noise does: it is then
// well above the noise between neighbouring pixels, see galaxy.Images.NoiseLevels. Bad pixels, NaN or infinite, are left out. Where the mean over
// 5×5 pixels is more than three standard deviations from its median there is a galaxy, and so again with what is left, until no more is found: wings
// that are lost in the noise of single pixels show in that mean. The level is the median of the other pixels, the noise that of those below it,
// where galaxies have no part. Channels are taken together.
func (im *Images) Sky() ([]Sky, error) {
	if err := im.CheckShape(); err != nil {
		return nil, err
	}
	skies := make([]Sky, im.N)
	for i := range skies {
		s, ok := im.sky(i)
		if !ok {
			return nil, fmt.Errorf("galaxy: %s (index %d) has no finite value, so no sky; is it the right file or extension?", im.ID(i), i)
		}
		skies[i] = s
	}
	return skies, nil
}

func (im *Images) sky(i int) (Sky, bool) {
	const reach = 2
	type place struct{ value, around float64 }
	var places []place
	pixels := im.At(i)
	for y := range im.Height {
		for x := range im.Width {
			for c := range im.Channels {
				value := pixels[(y*im.Width+x)*im.Channels+c]
				if raster.IsBad(value) {
					continue
				}
				sum, n := 0.0, 0
				for row := max(y-reach, 0); row <= min(y+reach, im.Height-1); row++ {
					for column := max(x-reach, 0); column <= min(x+reach, im.Width-1); column++ {
						if v := pixels[(row*im.Width+column)*im.Channels+c]; !raster.IsBad(v) {
							sum += float64(v)
							n++
						}
					}
				}
				places = append(places, place{float64(value), sum / float64(n)})
			}
		}
	}
	if len(places) == 0 {
		return Sky{}, false
	}
	for {
		around := make([]float64, len(places))
		for k, p := range places {
			around[k] = p.around
		}
		middle := median(around)
		for k, v := range around {
			around[k] = math.Abs(v - middle)
		}
		limit := 3 * 1.4826 * median(around) // the median deviation of Gaussian noise is 1/1.4826 standard ones
		before := len(places)
		places = slices.DeleteFunc(places, func(p place) bool { return math.Abs(p.around-middle) > limit })
		if len(places) == before {
			break
		}
	}
	values := make([]float64, len(places))
	for k, p := range places {
		values[k] = p.value
	}
	level := median(values)
	squares, n := 0.0, 0
	for _, v := range values {
		if v < level {
			squares += (v - level) * (v - level)
			n++
		}
	}
	noise := math.Sqrt(squares / float64(max(n, 1)))
	// The variance of a median is π/2 times that of a mean.
	return Sky{Level: level, Error: noise * math.Sqrt(math.Pi/2/float64(len(values))), Noise: noise}, true
}

// Edges are the medians of the outermost pixels of each image, all channels together.
func (im *Images) Edges() []float64 {
	levels := make([]float64, im.N)
	for i := range levels {
		var values []float64
		for k, v := range im.At(i) {
			row, col := k/im.Channels/im.Width, k/im.Channels%im.Width
			if row == 0 || col == 0 || row == im.Height-1 || col == im.Width-1 {
				values = append(values, float64(v))
			}
		}
		levels[i] = median(values)
	}
	return levels
}

// median sorts the values, of which there is at least one.
func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}

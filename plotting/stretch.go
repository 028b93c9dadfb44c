package plotting

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"galdecon/galdecon/galaxy"
)

// zeroGray is the brightness, of 1, that an automatic stretch gives to the value 0: dark, but with
// room below it for negative noise of the sky.
const zeroGray = 0.15

// colorStretch is for pictures in color, which are encoded for the eye already.
var colorStretch = Stretch{High: 1}

// Stretch maps pixel values to a brightness from 0 (black) to 1 (white) by the inverse hyperbolic
// sine, which is linear for faint values and logarithmic for bright ones, and takes negative values
// too (Lupton, Gunn & Szalay 1999; Lupton et al. 2004):
//
//	brightness(v) = (s(v) − s(Low)) / (s(High) − s(Low)),  s(v) = asinh(v / Softening)
//
// cut to [0, 1]. With Softening 0 it is linear, s(v) = v. The zero value asks for [AutoStretch].
type Stretch struct {
	// Low is shown black, High white, in pixel values. Low < High.
	Low, High float64
	// Softening is the pixel value where the scale turns from linear to logarithmic; 0 means linear
	// throughout.
	Softening float64
}

// AutoStretch chooses one stretch for images that are to be compared. High is their brightest
// pixel. Softening is 3 standard deviations of the sky noise, within [High/100, High/4]; the noise
// is that of the sky of the noisiest batch ([galaxy.Images.Sky]), and Softening is High/30 where
// none has 1 negative pixel in 20. Low is such that the value 0 has the brightness 0.15. Images of
// 3 channels are taken to be pictures, encoded for the eye already: they get the linear range from
// 0 to 1.
//
// It is an error if there is no image, or one of them isn't valid.
func AutoStretch(batches ...*galaxy.Images) (Stretch, error) {
	if len(batches) == 0 {
		return Stretch{}, fmt.Errorf("plotting: AutoStretch needs at least one batch of images")
	}
	for _, b := range batches {
		if err := check("images", b); err != nil {
			return Stretch{}, err
		}
	}
	var high, noise float64
	for _, b := range batches {
		if b.Channels == 3 {
			return colorStretch, nil
		}
		noise = max(noise, skyNoise(b))
		high = max(high, float64(slices.Max(b.Pixels)))
	}
	if high <= 0 {
		high = 1 // Nothing shines: any range will do.
	}
	softening := softeningOf(high, noise)
	// Solve brightness(0) = zeroGray for Low.
	low := softening * math.Sinh(-zeroGray/(1-zeroGray)*math.Asinh(high/softening))
	return Stretch{Low: low, High: high, Softening: softening}, nil
}

// softeningOf returns where the scale of images whose brightest pixel is high turns from linear to
// logarithmic; noise is that of the sky, 0 without any.
func softeningOf(high, noise float64) float64 {
	if noise > 0 {
		return min(max(3*noise, high/100), high/4)
	}
	return high / 30
}

// skyNoise returns the noise of the sky of images ([galaxy.Images.Sky]), the median of up to
// sixteen of them; 0 if fewer than 1 pixel in 20 is negative, as without a sky of 0 and noise.
func skyNoise(images *galaxy.Images) float64 {
	below := 0
	for _, v := range images.Pixels {
		if v < 0 {
			below++
		}
	}
	if 20*below < len(images.Pixels) {
		return 0
	}
	var some []int
	for i := 0; i < images.N; i += (images.N + 15) / 16 {
		some = append(some, i)
	}
	skies, _ := images.Select(some...).Sky() // those without noise have 0
	slices.SortFunc(skies, func(a, b galaxy.Sky) int { return cmp.Compare(a.Noise, b.Noise) })
	return skies[len(skies)/2].Noise
}

// At returns the brightness of the value v, in [0, 1].
func (s Stretch) At(v float64) float64 {
	low := s.scale(s.Low)
	return min(max((s.scale(v)-low)/(s.scale(s.High)-low), 0), 1)
}

// scale returns s(v) of the formula.
func (s Stretch) scale(v float64) float64 {
	if s.Softening == 0 {
		return v
	}
	return math.Asinh(v / s.Softening)
}

// String states the stretch in words, for the foot of a figure.
func (s Stretch) String() string {
	if s.Softening == 0 {
		return fmt.Sprintf("linear scale, black %s, white %s", number(s.Low), number(s.High))
	}
	return fmt.Sprintf("asinh stretch, softening %s, black %s, white %s",
		number(s.Softening), number(s.Low), number(s.High))
}

// or returns s, checked, or the automatic stretch for the batches where s is zero.
func (s Stretch) or(batches ...*galaxy.Images) (Stretch, error) {
	if s == (Stretch{}) {
		return AutoStretch(batches...)
	}
	if !(s.Low < s.High) || !(s.Softening >= 0) || math.IsInf(s.High-s.Low, 0) ||
		math.IsInf(s.Softening, 0) {
		return s, fmt.Errorf("plotting: Stretch%+v is not usable: it needs finite Low < High and "+
			"Softening ≥ 0; leave it zero for an automatic one", s)
	}
	return s, nil
}

const (
	robustQuantile = 0.98
	robustRoom     = 1.5
)

// robustTop returns the top of a range for values ≥ 0 such as standard deviations: the largest, but
// at most 1.5 times the value that 98 in 100 are below, so that a star or a nucleus, a few pixels
// that vary most, doesn't make all others look alike. It returns 0 where there are none, and the
// largest where so few differ from 0.
func robustTop(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	top := sorted[len(sorted)-1]
	if bulk := robustRoom * sorted[int(math.Ceil(robustQuantile*float64(len(sorted)-1)))]; bulk > 0 {
		return min(top, bulk)
	}
	return top
}

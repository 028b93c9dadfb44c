package plotting

import (
	"fmt"
	"math"
	"slices"

	"galdecon/galdecon/galaxy"
)

// luptonPart is the part of Stretch at which the brightness is that part of white.
const luptonPart = 0.1

// Lupton makes pictures in color of images in three bands by the method of Lupton et al. (2004,
// PASP 116, 133), which keeps the color of a pixel however bright it is. Of the values r, g, b of a
// pixel, less the Minimum of each band, and their mean I
//
//	R = r f(I) / I,  f(I) = asinh(Q I / Stretch) · 0.1 / asinh(0.1 Q)
//
// and so for G and B, where 1 is white. Negative ones become 0, and where one is above 1 all three
// are divided by it; where I ≤ 0 it is black. These are the constants of astropy's make_lupton_rgb.
// The zero value asks for [AutoLupton].
type Lupton struct {
	// Minimum is what is black, in units of the pixels: of red, green and blue.
	Minimum [3]float64
	// Stretch is the value that would be white on a linear scale, > 0 in units of the pixels.
	Stretch float64
	// Q > 0 says how soon the scale turns to a logarithmic one: at Stretch/Q.
	Q float64
}

// AutoLupton chooses one mapping for images in three bands that are to be compared, of a sky of 0.
// The pixel whose mean of the bands is the highest is white, and the scale turns to a logarithmic
// one where [AutoStretch] lets it for that mean. It is an error if there is no image, or one isn't
// valid or hasn't 3 channels.
func AutoLupton(batches ...*galaxy.Images) (Lupton, error) {
	if len(batches) == 0 {
		return Lupton{}, fmt.Errorf("plotting: AutoLupton needs at least one batch of images")
	}
	var high, noise float64
	for _, b := range batches {
		if err := checkBands(b); err != nil {
			return Lupton{}, err
		}
		gray := b.Gray()
		noise = max(noise, skyNoise(gray))
		high = max(high, float64(slices.Max(gray.Pixels)))
	}
	if high <= 0 {
		high = 1 // Nothing shines: any range will do.
	}
	softening := softeningOf(high, noise)
	// Solve f(high) = 1 with Stretch = softening · Q.
	q := math.Sinh(luptonPart*math.Asinh(high/softening)) / luptonPart
	return Lupton{Stretch: softening * q, Q: q}, nil
}

// Pictures returns images [n, height, width, 3] of the bands for red, green and blue as pictures of
// the same shape with values from 0 to 1, with their IDs and bad pixels. All figures draw these as
// they are; [Lupton.AsStretch] is for those that compare values, too. It is an error if the images
// aren't valid or have not 3 channels, or if the mapping isn't one.
func (l Lupton) Pictures(im *galaxy.Images) (*galaxy.Images, error) {
	im = withoutBad(im)
	if err := checkBands(im); err != nil {
		return nil, err
	}
	if l == (Lupton{}) {
		var err error
		if l, err = AutoLupton(im); err != nil {
			return nil, err
		}
	}
	finite := func(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }
	if !(l.Stretch > 0) || !(l.Q > 0) || !finite(l.Stretch) || !finite(l.Q) ||
		!finite(l.Minimum[0]) || !finite(l.Minimum[1]) || !finite(l.Minimum[2]) {
		return nil, fmt.Errorf("plotting: Lupton%+v is not usable: it needs finite Stretch > 0 and "+
			"Q > 0; leave it zero for an automatic one", l)
	}
	out := im.Clone()
	slope := luptonPart / math.Asinh(luptonPart*l.Q)
	for k := 0; k < len(out.Pixels); k += 3 {
		rgb := out.Pixels[k : k+3]
		var values [3]float64
		var mean float64
		for c, v := range rgb {
			values[c] = float64(v) - l.Minimum[c]
			mean += values[c] / 3
		}
		var factor float64
		if mean > 0 {
			factor = math.Asinh(l.Q*mean/l.Stretch) * slope / mean
		}
		top := max(1, factor*max(values[0], values[1], values[2]))
		for c, v := range values {
			rgb[c] = float32(max(factor*v/top, 0))
		}
	}
	return out, nil
}

// AsStretch returns the stretch by which figures give images in three bands the same colors, those
// of a Minimum of 0: for [Candidates] and what shows them, whose residuals are then in units of the
// pixels. As white it has the value of which f is 1.
func (l Lupton) AsStretch() Stretch {
	softening := l.Stretch / l.Q
	return Stretch{
		Softening: softening,
		High:      softening * math.Sinh(math.Asinh(luptonPart*l.Q)/luptonPart),
	}
}

// checkBands checks images in three bands.
func checkBands(im *galaxy.Images) error {
	if err := check("Lupton", im); err != nil {
		return err
	}
	if im.Channels != 3 {
		return fmt.Errorf("plotting: Lupton: images have %d channel(s), but it takes 3 bands: for "+
			"red, green and blue", im.Channels)
	}
	return nil
}

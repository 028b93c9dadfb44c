package dataset

import (
	"fmt"
	"math"
	"slices"

	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/galaxy/internal/raster"
)

// Config says how [Write] makes images of one shape from the stamps of a source; it is stored with
// the set. What is left zero is as said below: only Size must be given.
type Config struct {
	// Size is the number of pixels along a side of the prepared images, at least 4.
	Size int `json:"size"`
	// Channels is the number of channels. With 1 (0 means 1 as well) the mean of the stamp's is
	// taken; with more, stamps that don't have as many are rejected.
	Channels int `json:"channels,omitempty"`
	// Center is where the square that's cut out has its center.
	Center galaxy.Center `json:"centre,omitempty"`
	// Crop is the side of the square that's cut out, in pixels of the stamp, at least Size. 0 means
	// the largest around the center that the stamp holds, but at least Size. Where it would reach
	// beyond the stamp it's moved inwards. The square is averaged down over area, to Size; it's
	// never enlarged.
	Crop int `json:"crop,omitempty"`
	// Scaling is what pixels are divided by.
	Scaling Scaling `json:"scaling,omitempty"`
	// Divisor is that of [ScaleFixed] scaling, in units of the source.
	Divisor float64 `json:"divisor,omitempty"`
	// Bad is what is done with pixels that are marked as bad, NaN or infinite.
	Bad galaxy.Bad `json:"bad,omitempty"`
	// MaxBad is the largest fraction of bad pixels; stamps with more are rejected. 0 means 0.05.
	MaxBad float64 `json:"max_bad,omitempty"`
	// Saturation is the value, in units of the source, from which on a pixel is saturated; 0 means
	// that none is.
	Saturation float64 `json:"saturation,omitempty"`
	// MaxSaturated is how many pixels of the cut-out square may be saturated; stamps with more are
	// rejected.
	MaxSaturated int `json:"max_saturated,omitempty"`
	// MinSignal is the least peak of the prepared image above its sky, within the central half, in
	// standard deviations of the sky's noise; stamps with a fainter one are rejected as empty. A
	// stamp without any positive value there is rejected always.
	MinSignal float64 `json:"min_signal,omitempty"`
	// Split parts the objects into those to train on and others.
	Split SplitConfig `json:"split,omitzero"`
}

// Scaling is a choice of what pixels are divided by.
type Scaling string

const (
	// ScalePeak is the default: each image is divided by its largest value within the central half,
	// which becomes 1, as [galaxy.Images.Prepare] does. What is brighter outside is clipped to 1.
	ScalePeak Scaling = ""
	// ScaleSurvey divides all images by one number, the largest of their peaks within the central
	// half: relative brightness stays. What is brighter outside is clipped to 1.
	ScaleSurvey Scaling = "survey"
	// ScaleFixed divides all images by the given Divisor, and clips what is then above 1. Pictures
	// are within [0, 1] with a divisor of 1.
	ScaleFixed Scaling = "fixed"
)

// Validate returns an error if no set can be made as configured; it names the first fault.
func (c Config) Validate() error {
	switch {
	case c.Size < 4:
		return fmt.Errorf("dataset: Size is %d; it must be at least 4 pixels", c.Size)
	case c.Channels < 0:
		return fmt.Errorf("dataset: Channels is %d; it must be positive, or 0 for 1", c.Channels)
	case 4*float64(c.Size)*float64(c.Size)*float64(c.channels()) > maxImage:
		return fmt.Errorf("dataset: Size is %d, with %d channel(s); an image must have at most "+
			"%d bytes", c.Size, c.channels(), maxImage)
	case c.Crop != 0 && c.Crop < c.Size:
		return fmt.Errorf("dataset: Crop is %d pixels; it must be at least Size, %d: images are "+
			"never enlarged", c.Crop, c.Size)
	case !slices.Contains([]galaxy.Center{galaxy.CenterMiddle, galaxy.CenterBrightest,
		galaxy.CenterCentroid}, c.Center):
		return fmt.Errorf("dataset: there is no Center %q; choose %q, %q or %q", c.Center,
			galaxy.CenterMiddle, galaxy.CenterBrightest, galaxy.CenterCentroid)
	case !slices.Contains([]Scaling{ScalePeak, ScaleSurvey, ScaleFixed}, c.Scaling):
		return fmt.Errorf("dataset: there is no Scaling %q; choose %q, %q or %q", c.Scaling,
			ScalePeak, ScaleSurvey, ScaleFixed)
	case c.Scaling == ScaleFixed && !(c.Divisor > 0 && c.Divisor < math.Inf(1)):
		return fmt.Errorf("dataset: Divisor is %v; fixed scaling needs a positive one", c.Divisor)
	case c.Scaling != ScaleFixed && c.Divisor != 0:
		return fmt.Errorf("dataset: Divisor is %v, but only fixed scaling has one", c.Divisor)
	case !slices.Contains([]galaxy.Bad{galaxy.BadInterpolate, galaxy.BadZero, galaxy.BadReject},
		c.Bad):
		return fmt.Errorf("dataset: there is no way %q to treat bad pixels; choose %q, %q or %q",
			c.Bad, galaxy.BadInterpolate, galaxy.BadZero, galaxy.BadReject)
	case !(c.MaxBad >= 0 && c.MaxBad < 1):
		return fmt.Errorf("dataset: MaxBad is %v; it must be a fraction from 0 to below 1",
			c.MaxBad)
	case !(c.Saturation >= 0) || c.MaxSaturated < 0:
		return fmt.Errorf("dataset: Saturation is %v and MaxSaturated %d; they must not be "+
			"negative", c.Saturation, c.MaxSaturated)
	case !(c.MinSignal >= 0):
		return fmt.Errorf("dataset: MinSignal is %v; it must not be negative", c.MinSignal)
	}
	return c.Split.validate()
}

func (c Config) channels() int { return max(c.Channels, 1) }

// maxImage is the largest number of bytes of a prepared image.
const maxImage = 1 << 31

// Reasons for which [Write] rejects a stamp.
const (
	Unreadable    = "unreadable"
	TooSmall      = "too small"
	WrongChannels = "wrong channels"
	BadPixels     = "bad pixels"
	Saturated     = "saturated"
	Empty         = "empty"
	Duplicate     = "duplicate"
)

// rejection is why a stamp isn't in the set.
type rejection struct{ reason, detail string }

func (r *rejection) Error() string { return r.reason + ": " + r.detail }

func reject(reason, format string, args ...any) error {
	return &rejection{reason, fmt.Sprintf(format, args...)}
}

// prepared is a stamp that is ready for the set.
type prepared struct {
	pixels []float32 // [Size, Size, channels]
	scale  float64   // source = pixel * scale
	zoom   float64   // pixels of the stamp along a side of one of pixels
}

// prepare makes a stamp ready, or says with a rejection why it can't be. With [ScaleSurvey] scaling
// the pixels are those of the source still, and scale is the peak, because the divisor depends on
// all stamps.
func (c Config) prepare(im *galaxy.Images) (*prepared, error) {
	if im == nil {
		return nil, reject(Unreadable, "the source returned no image")
	}
	if im.N != 1 || len(im.Pixels) != im.Height*im.Width*im.Channels || len(im.Pixels) == 0 {
		return nil, reject(Unreadable,
			"the source returned images of shape [%d, %d, %d, %d] with %d values, not one image",
			im.N, im.Height, im.Width, im.Channels, len(im.Pixels))
	}
	if c.channels() != 1 && c.channels() != im.Channels {
		return nil, reject(WrongChannels, "it has %d channels, not %d", im.Channels, c.channels())
	}
	if side := max(c.Size, c.Crop); min(im.Height, im.Width) < side {
		return nil, reject(TooSmall, "%d x %d pixels, less than %d; images are never enlarged",
			im.Height, im.Width, side)
	}
	units := 1.0 // of the source, that a value of 1 stands for
	if im.Scale != nil {
		units = im.Scale[0]
	}
	if units != 1 && c.Scaling != ScalePeak {
		return nil, reject(Unreadable, "its values, in units of %.3g, are beyond the range of "+
			"float32 in which they are compared with others", units)
	}
	most := c.MaxBad
	if most == 0 {
		most = galaxy.MaxBad
	}
	im, err := im.Fill(c.Bad, most)
	if err != nil {
		return nil, reject(BadPixels, "%v", err)
	}
	square := c.cut(im)
	if c.Saturation > 0 {
		saturated := 0
		for p := range slices.Chunk(square.Pixels, square.Channels) {
			if float64(slices.Max(p)) >= c.Saturation {
				saturated++
			}
		}
		if saturated > c.MaxSaturated {
			return nil, reject(Saturated, "%d pixels are at %g or above", saturated, c.Saturation)
		}
	}
	if c.channels() == 1 && square.Channels != 1 {
		square = square.Gray()
	}
	out := &prepared{pixels: make([]float32, c.Size*c.Size*square.Channels), scale: 1,
		zoom: float64(square.Width) / float64(c.Size)}
	raster.AreaAverage(out.pixels, square.Pixels, square.Width, c.Size, square.Channels)
	peak := raster.CentralMax(out.pixels, c.Size, c.Size, square.Channels)
	if peak <= 0 {
		return nil, reject(Empty, "there is no positive value within its central half; "+
			"is the galaxy in the center, and the sky subtracted only once?")
	}
	if c.MinSignal > 0 {
		sky, noise, err := skyOf(out.pixels, c.Size, square.Channels)
		if err != nil {
			return nil, err
		}
		if signal := peak - sky; signal <= 0 || signal < c.MinSignal*noise {
			return nil, reject(Empty, "its peak is %.3g times the noise above the sky",
				(peak-sky)/noise)
		}
	}
	switch c.Scaling {
	case ScalePeak, ScaleSurvey:
		out.scale = peak
	case ScaleFixed:
		out.scale = c.Divisor
	}
	if lowest := float64(slices.Min(out.pixels)); lowest/out.scale < -math.MaxFloat32 {
		return nil, reject(Empty, "its peak, %g, is too small against its lowest value, %g", peak,
			lowest)
	}
	if c.Scaling != ScaleSurvey {
		divide(out.pixels, out.scale)
	}
	out.scale *= units
	return out, nil
}

// divide divides pixels, and clips them to 1.
func divide(pixels []float32, by float64) {
	for k, v := range pixels {
		pixels[k] = float32(min(float64(v)/by, 1))
	}
}

// cut returns the square around the galaxy.
func (c Config) cut(im *galaxy.Images) *galaxy.Images {
	side := min(im.Height, im.Width)
	top, left := (im.Height-side)/2, (im.Width-side)/2
	if c.Center != galaxy.CenterMiddle {
		y, x := im.Find(c.Center)
		if c.Crop == 0 {
			cy, cx := int(math.Round(y)), int(math.Round(x))
			side = max(2*min(cy, cx, im.Height-cy, im.Width-cx), c.Size)
		} else {
			side = c.Crop
		}
		top = min(max(int(math.Round(y-float64(side)/2)), 0), im.Height-side)
		left = min(max(int(math.Round(x-float64(side)/2)), 0), im.Width-side)
	} else if c.Crop != 0 {
		side = c.Crop
		top, left = (im.Height-side)/2, (im.Width-side)/2
	}
	if side == im.Height && side == im.Width {
		return im
	}
	out, _, _ := im.Crop(left, top, side)
	return out
}

// skyOf returns the sky's level in a square image ([galaxy.Images.Sky]) and its noise
// ([galaxy.Images.NoiseLevels]), which is 0 in a simulation without any.
func skyOf(pixels []float32, size, channels int) (sky, noise float64, err error) {
	im := &galaxy.Images{N: 1, Height: size, Width: size, Channels: channels, Pixels: pixels}
	skies, err := im.Sky()
	if err != nil && !galaxy.NoNoise.Only(err) {
		return 0, 0, err
	}
	levels, err := im.NoiseLevels()
	if err != nil && !galaxy.NoNoise.Only(err) {
		return 0, 0, err
	}
	if err == nil {
		noise = levels[0]
	}
	return skies[0].Level, noise, nil
}

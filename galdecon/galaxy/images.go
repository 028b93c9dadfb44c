package galaxy

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/tensors"
)

// Images is a batch of N images, laid out [N, Height, Width, Channels], row-major.
type Images struct {
	// N, Height, Width, Channels are the shape: all positive; 1 channel is grey, 3 are red, green, blue.
	N, Height, Width, Channels int
	// Pixels holds the N*Height*Width*Channels values.
	Pixels []float32
	// IDs names each image, in messages and figures; nil or of length N.
	IDs []string
	// Objects names the galaxy that each image shows, so that [Images.Split] keeps images of one galaxy together; nil, where each is of
	// another, or of length N.
	Objects []string
	// Scale is, per image, the value of the source that a pixel value of 1 stands for: source = pixel * Scale.
	// It is nil where nothing was rescaled, otherwise of length N.
	Scale []float64
}

// NewImages returns n zero images of h x w pixels with c channels. It panics if one of them is negative.
func NewImages(n, h, w, c int) *Images {
	if n < 0 || h < 0 || w < 0 || c < 0 {
		panic(fmt.Sprintf("galaxy: NewImages(%d, %d, %d, %d): a dimension is negative", n, h, w, c))
	}
	return &Images{N: n, Height: h, Width: w, Channels: c, Pixels: make([]float32, n*h*w*c)}
}

// At returns the pixels of image i, [Height, Width, Channels]; they are shared with im, not copied.
// Like a slice it panics where i is not within [0, N).
func (im *Images) At(i int) []float32 {
	k := im.Height * im.Width * im.Channels
	return im.Pixels[i*k : (i+1)*k : (i+1)*k]
}

// ID returns the name of image i, or "image i" where it has none.
func (im *Images) ID(i int) string {
	if i < len(im.IDs) {
		return im.IDs[i]
	}
	return fmt.Sprintf("image %d", i)
}

// Select returns a copy of the images with the given indices, in that order, with their IDs, objects and scales.
// Like a slice it panics where an index is not within [0, N).
func (im *Images) Select(idx ...int) *Images {
	out := NewImages(len(idx), im.Height, im.Width, im.Channels)
	for k, i := range idx {
		copy(out.At(k), im.At(i))
		if im.IDs != nil {
			out.IDs = append(out.IDs, im.IDs[i])
		}
		if im.Objects != nil {
			out.Objects = append(out.Objects, im.Objects[i])
		}
		if im.Scale != nil {
			out.Scale = append(out.Scale, im.Scale[i])
		}
	}
	return out
}

// Clone returns a copy of the images, with their IDs, objects and scales.
func (im *Images) Clone() *Images {
	out := *im
	out.Pixels = slices.Clone(im.Pixels)
	out.LabelAs(im)
	return &out
}

// Grey returns the mean of the channels, [N, Height, Width, 1], with the IDs, objects and scales.
func (im *Images) Grey() *Images {
	out := NewImages(im.N, im.Height, im.Width, 1)
	out.LabelAs(im)
	for k := range out.Pixels {
		var sum float64
		for _, v := range im.Pixels[k*im.Channels : (k+1)*im.Channels] {
			sum += float64(v)
		}
		out.Pixels[k] = float32(sum / float64(im.Channels))
	}
	return out
}

// LabelAs gives the images the IDs, objects and scales of others, copied: for images that were made of those, one of each.
func (im *Images) LabelAs(of *Images) {
	im.IDs, im.Objects, im.Scale = slices.Clone(of.IDs), slices.Clone(of.Objects), slices.Clone(of.Scale)
}

// WithChannels returns the images with so many channels, [N, Height, Width, channels], as a model takes them: as they are if they have as many, the
// mean of theirs where one is asked for, see [Images.Grey], and grey images with their pixels repeated in each channel. A galaxy that is
// repeated so is one without colour, whose noise is the same in all channels; say that it is where it stands for a coloured one. Other
// numbers of channels are an error.
func (im *Images) WithChannels(channels int) (*Images, error) {
	if err := im.consistent(); err != nil {
		return nil, err
	}
	switch {
	case channels == im.Channels:
		return im, nil
	case channels == 1:
		return im.Grey(), nil
	case im.Channels != 1 || channels < 1:
		return nil, fmt.Errorf("galaxy: images of %d channels can't be made ones of %d: only grey ones can, or grey ones be made of them", im.Channels, channels)
	}
	out := NewImages(im.N, im.Height, im.Width, channels)
	out.LabelAs(im)
	for k, v := range im.Pixels {
		for c := range channels {
			out.Pixels[k*channels+c] = v
		}
	}
	return out, nil
}

// Tensor returns a copy of the pixels as a tensor, [N, Height, Width, Channels] float32. It panics if Pixels does
// not have that many values, see [Images.Validate].
func (im *Images) Tensor() *tensors.Tensor {
	return tensors.FromFlatDataAndDimensions(im.Pixels, im.N, im.Height, im.Width, im.Channels)
}

// FromTensor returns a copy of a tensor [n, h, w, c] of float32 as images without IDs or scales. Any other shape or type
// is an error.
func FromTensor(t *tensors.Tensor) (*Images, error) {
	if t == nil {
		return nil, errors.New("galaxy: there is no tensor to take images from; did the call that should return it fail?")
	}
	shape := t.Shape()
	if shape.Rank() != 4 || shape.DType != dtypes.Float32 {
		return nil, fmt.Errorf("galaxy: images come from a float32 tensor [n, h, w, c], not from %s; reshape or convert it", shape)
	}
	pixels, err := tensors.CopyFlatData[float32](t)
	if err != nil {
		return nil, fmt.Errorf("galaxy: cannot read the images from the tensor: %w", err)
	}
	d := shape.Dimensions
	return &Images{N: d[0], Height: d[1], Width: d[2], Channels: d[3], Pixels: pixels}, nil
}

// Validate reports the first thing that is wrong with the batch: an empty or inconsistent shape, or a value that
// is not finite, with the image and the place where it stands.
func (im *Images) Validate() error {
	if err := im.consistent(); err != nil {
		return err
	}
	return im.finite()
}

// consistent is [Images.Validate] of all but the values.
func (im *Images) consistent() error {
	if im == nil {
		return errors.New("galaxy: there are no images; load some, or make them by Synthetic")
	}
	if im.N < 1 || im.Height < 1 || im.Width < 1 || im.Channels < 1 {
		return fmt.Errorf("galaxy: images have the shape [%d, %d, %d, %d]; every dimension must be at least 1", im.N, im.Height, im.Width, im.Channels)
	}
	if want := im.N * im.Height * im.Width * im.Channels; len(im.Pixels) != want {
		return fmt.Errorf("galaxy: images of shape [%d, %d, %d, %d] need %d values, but Pixels has %d", im.N, im.Height, im.Width, im.Channels, want, len(im.Pixels))
	}
	if im.IDs != nil && len(im.IDs) != im.N {
		return fmt.Errorf("galaxy: %d images, but %d IDs; give one for each or none", im.N, len(im.IDs))
	}
	if im.Objects != nil && len(im.Objects) != im.N {
		return fmt.Errorf("galaxy: %d images, but %d objects; give one for each or none", im.N, len(im.Objects))
	}
	if im.Scale != nil && len(im.Scale) != im.N {
		return fmt.Errorf("galaxy: %d images, but %d scales; give one for each or none", im.N, len(im.Scale))
	}
	return nil
}

// finite reports the first value that is NaN or infinite.
func (im *Images) finite() error {
	for i := range im.N {
		for k, v := range im.At(i) {
			if isBad(v) {
				p := k / im.Channels
				return fmt.Errorf("galaxy: %s (index %d) has the value %v at row %d, column %d; mask or fill such pixels first", im.ID(i), i, v, p/im.Width, p%im.Width)
			}
		}
	}
	return nil
}

// Prepare returns the images as the networks take them: the largest centred square, averaged over area down to
// size x size pixels (source pixels that straddle an edge are shared by weight, so any ratio will do), and
// divided so that the largest value within the central half, of any channel, is 1. What is brighter outside, a star
// near the edge, is clipped to 1. Small negative values, the noise of the sky, stay. What was divided by is in Scale,
// multiplied with a Scale that was there before.
//
// It is an error if an image is smaller than size, or has no positive value within its central half.
func (im *Images) Prepare(size int) (*Images, error) {
	if err := im.Validate(); err != nil {
		return nil, err
	}
	side := min(im.Height, im.Width)
	if size < 4 || size > side {
		return nil, fmt.Errorf("galaxy: cannot prepare %d x %d images at size %d: it must be between 4 and %d, images are never enlarged", im.Height, im.Width, size, side)
	}
	out := NewImages(im.N, size, size, im.Channels)
	out.IDs, out.Objects = slices.Clone(im.IDs), slices.Clone(im.Objects)
	out.Scale = make([]float64, im.N)
	top, left := (im.Height-side)/2, (im.Width-side)/2
	square := make([]float32, side*side*im.Channels)
	row := side * im.Channels
	for i := range im.N {
		src := im.At(i)
		for y := range side {
			from := ((top+y)*im.Width + left) * im.Channels
			copy(square[y*row:(y+1)*row], src[from:from+row])
		}
		areaAverage(out.At(i), square, side, size, im.Channels)
		peak := normalize(out.At(i), size, im.Channels)
		if peak <= 0 {
			return nil, fmt.Errorf("galaxy: %s (index %d) has no positive value within its central half, so there is nothing to scale to 1; is the galaxy in the centre, and the sky subtracted only once?", im.ID(i), i)
		}
		out.Scale[i] = peak
		if im.Scale != nil {
			out.Scale[i] *= im.Scale[i]
		}
	}
	return out, nil
}

// Peaks returns the largest value of each image within its central half, rows and columns. It is an error if one isn't positive.
func (im *Images) Peaks() ([]float64, error) {
	if err := im.Validate(); err != nil {
		return nil, err
	}
	peaks := make([]float64, im.N)
	for i := range peaks {
		peaks[i] = centralMax(im.At(i), im.Height, im.Width, im.Channels)
		if peaks[i] <= 0 {
			return nil, fmt.Errorf("galaxy: %s (index %d) has no positive value within its central half; is the galaxy in the centre?", im.ID(i), i)
		}
	}
	return peaks, nil
}

// Divide divides each image by a number of its own, in place, and multiplies its Scale, if there is one, by it. Bad pixels stay bad. It is an
// error, and nothing is changed, if there isn't a number for each image, if one is 0 or not finite, or so small that a pixel would become infinite.
func (im *Images) Divide(by []float64) error {
	if err := im.eachHas("divisor", by); err != nil {
		return err
	}
	for i, d := range by {
		if d == 0 {
			return fmt.Errorf("galaxy: %s (index %d) can't be divided by 0", im.ID(i), i)
		}
		for _, v := range im.At(i) {
			if q := float32(float64(v) / d); isBad(q) && !isBad(v) {
				return fmt.Errorf("galaxy: %s (index %d) has the value %g, too large to be divided by %g in float32", im.ID(i), i, v, d)
			}
		}
	}
	for i, d := range by {
		pixels := im.At(i)
		for k, v := range pixels {
			pixels[k] = float32(float64(v) / d)
		}
		if im.Scale != nil {
			im.Scale[i] *= d
		}
	}
	return nil
}

// eachHas reports images without as many finite numbers.
func (im *Images) eachHas(what string, numbers []float64) error {
	if err := im.consistent(); err != nil {
		return err
	}
	if len(numbers) != im.N {
		return fmt.Errorf("galaxy: %d images need a %s each, got %d", im.N, what, len(numbers))
	}
	for i, v := range numbers {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Errorf("galaxy: the %s of %s (index %d) is %g; it must be finite", what, im.ID(i), i, v)
		}
	}
	return nil
}

// areaAverage averages a side x side image down to size x size: each new pixel is the mean of the source over the
// area that it covers, so the mean of the image is conserved.
func areaAverage(dst, src []float32, side, size, channels int) {
	spans := areaSpans(side, size)
	// Rows first, into size x side, then columns: 2·side·size·(side/size) operations, not the square of the ratio.
	rows := make([]float64, size*side*channels)
	width := side * channels
	for y, s := range spans {
		to := rows[y*width : (y+1)*width]
		for k, w := range s.weight {
			from := src[(s.first+k)*width : (s.first+k+1)*width]
			for x, v := range from {
				to[x] += w * float64(v)
			}
		}
	}
	for y := range size {
		for x, s := range spans {
			for c := range channels {
				var sum float64
				for k, w := range s.weight {
					sum += w * rows[y*width+(s.first+k)*channels+c]
				}
				dst[(y*size+x)*channels+c] = float32(sum)
			}
		}
	}
}

// span is the run of source pixels that one averaged pixel covers, with the share of each, which sum to 1.
type span struct {
	first  int
	weight []float64
}

func areaSpans(side, size int) []span {
	spans := make([]span, size)
	for j := range spans {
		// In units of 1/size of a source pixel all edges are integers, so no rounding can lose a pixel.
		lo, hi := j*side, (j+1)*side
		first := lo / size
		for i := first; i*size < hi; i++ {
			overlap := min(hi, (i+1)*size) - max(lo, i*size)
			spans[j].weight = append(spans[j].weight, float64(overlap)/float64(side))
		}
		spans[j].first = first
	}
	return spans
}

// centralMax returns the largest value, of any channel, within the central half of an image: rows and columns from a quarter of its
// height and width up to as much before their end.
func centralMax(pixels []float32, height, width, channels int) float64 {
	peak := math.Inf(-1)
	for y := height / 4; y < height-height/4; y++ {
		for _, v := range pixels[(y*width+width/4)*channels : (y*width+width-width/4)*channels] {
			peak = max(peak, float64(v))
		}
	}
	return peak
}

// normalize scales a size x size image to the convention of the package: the largest value within the central half
// becomes 1, and what is brighter outside is clipped to 1. It returns what it divided by; where that is not positive it
// leaves the image as it is.
func normalize(pixels []float32, size, channels int) (peak float64) {
	peak = centralMax(pixels, size, size, channels)
	if peak > 0 {
		for k, v := range pixels {
			pixels[k] = float32(min(float64(v)/peak, 1))
		}
	}
	return peak
}

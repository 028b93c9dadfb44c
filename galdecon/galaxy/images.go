package galaxy

import (
	"errors"
	"fmt"
	"slices"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/tensors"

	"galdecon/galdecon/galaxy/internal/raster"
)

// Join returns a copy of images of one shape as one batch, in their order, with their IDs; those
// without are named by their place in it. Where some have a scale, the others have one of 1; where
// some have objects, each of the others is an object of its own, named by its ID.
func Join(images ...*Images) (*Images, error) {
	if len(images) == 0 {
		return nil, errors.New("galaxy: Join needs at least one image")
	}
	if err := images[0].Validate(); err != nil {
		return nil, err
	}
	out := NewImages(0, images[0].Height, images[0].Width, images[0].Channels)
	grouped := slices.ContainsFunc(images,
		func(im *Images) bool { return im != nil && im.Objects != nil })
	scaled := slices.ContainsFunc(images,
		func(im *Images) bool { return im != nil && im.Scale != nil })
	for _, im := range images {
		if err := im.Validate(); err != nil {
			return nil, err
		}
		if !SameShape(im, out) {
			return nil, fmt.Errorf("galaxy: cannot join images of %d×%d pixels with %d "+
				"channel(s), %s, to some of %d×%d with %d; Prepare or Cutout each to one size",
				im.Height, im.Width, im.Channels, im.ID(0), out.Height, out.Width, out.Channels)
		}
		for i := range im.N {
			id := out.ID(len(out.IDs)) // unlike "image 0" of each, it isn't that of another
			if im.IDs != nil {
				id = im.IDs[i]
			}
			out.IDs = append(out.IDs, id)
			switch {
			case im.Objects != nil:
				out.Objects = append(out.Objects, im.Objects[i])
			case grouped:
				out.Objects = append(out.Objects, id)
			}
		}
		if im.Bad != nil || out.Bad != nil {
			plane := im.Height * im.Width
			out.Bad = append(out.Bad, make([]bool, out.N*plane-len(out.Bad))...)
			if im.Bad != nil {
				out.Bad = append(out.Bad, im.Bad...)
			} else {
				out.Bad = append(out.Bad, make([]bool, im.N*plane)...)
			}
		}
		out.N += im.N
		out.Pixels = append(out.Pixels, im.Pixels...)
		switch {
		case im.Scale != nil:
			out.Scale = append(out.Scale, im.Scale...)
		case scaled:
			out.Scale = append(out.Scale, slices.Repeat([]float64{1}, im.N)...)
		}
	}
	return out, nil
}

// Images is a batch of N images, laid out [N, Height, Width, Channels], row-major.
type Images struct {
	// N, Height, Width, Channels are the shape: all positive; 1 channel is gray, 3 are red, green,
	// blue.
	N, Height, Width, Channels int
	// Pixels holds the N*Height*Width*Channels values.
	Pixels []float32
	// IDs names each image, in messages and figures; nil or of length N.
	IDs []string
	// Objects names the galaxy that each image shows, so that [Images.Split] keeps images of one
	// galaxy together; nil, where each is of another, or of length N.
	Objects []string
	// Bad marks the pixels without data, N*Height*Width values, all channels of a pixel together;
	// nil where all are good. What such a pixel's values are means nothing; they may be NaN. See
	// [Images.Mask], [Images.MarkNoData] and [Images.Fill].
	Bad []bool
	// Scale is, per image, the value of the source that a pixel value of 1 stands for: source =
	// pixel * Scale. It is nil where nothing was rescaled, otherwise of length N. Files whose
	// values are beyond the range of float32 are read with one, a power of two.
	Scale []float64
}

// NewImages returns n zero images of h x w pixels with c channels. It panics if one of them is
// negative.
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

// Select returns a copy of the images with the given indices, in that order, with their IDs,
// objects, scales and bad pixels.
// Like a slice it panics where an index is not within [0, N).
func (im *Images) Select(idx ...int) *Images {
	out := NewImages(len(idx), im.Height, im.Width, im.Channels)
	for k, i := range idx {
		copy(out.At(k), im.At(i))
		out.copyBad(k, im, i)
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

// Clone returns a copy of the images, with their IDs, objects, scales and bad pixels.
func (im *Images) Clone() *Images {
	out := *im
	out.Pixels, out.Bad = slices.Clone(im.Pixels), slices.Clone(im.Bad)
	out.LabelAs(im)
	return &out
}

// Gray returns the mean of the channels, [N, Height, Width, 1], with the IDs, objects, scales and
// bad pixels.
func (im *Images) Gray() *Images {
	out := NewImages(im.N, im.Height, im.Width, 1)
	out.LabelAs(im)
	out.Bad = slices.Clone(im.Bad)
	for k := range out.Pixels {
		var sum float64
		for _, v := range im.Pixels[k*im.Channels : (k+1)*im.Channels] {
			sum += float64(v)
		}
		out.Pixels[k] = float32(sum / float64(im.Channels))
	}
	return out
}

// LabelAs gives the images the IDs, objects and scales of others, copied: for images that were made
// of those, one of each.
func (im *Images) LabelAs(of *Images) {
	im.IDs, im.Objects, im.Scale = slices.Clone(of.IDs), slices.Clone(of.Objects),
		slices.Clone(of.Scale)
}

// WithChannels returns the images with so many channels, [N, Height, Width, channels], as a model
// takes them: as they are if they have as many, the mean of theirs where one is asked for, see
// [Images.Gray], and gray images with their pixels repeated in each channel. A galaxy that is
// repeated so is one without color, whose noise is the same in all channels; say that it is where
// it stands for a colored one. Other numbers of channels are an error.
func (im *Images) WithChannels(channels int) (*Images, error) {
	if err := im.CheckShape(); err != nil {
		return nil, err
	}
	switch {
	case channels == im.Channels:
		return im, nil
	case channels == 1:
		return im.Gray(), nil
	case im.Channels != 1 || channels < 1:
		return nil, fmt.Errorf("galaxy: images of %d channels can't be made ones of %d: only "+
			"gray ones can, or gray ones be made of them", im.Channels, channels)
	}
	out := NewImages(im.N, im.Height, im.Width, channels)
	out.LabelAs(im)
	out.Bad = slices.Clone(im.Bad)
	for k, v := range im.Pixels {
		for c := range channels {
			out.Pixels[k*channels+c] = v
		}
	}
	return out, nil
}

// Tensor returns a copy of the pixels as a tensor, [N, Height, Width, Channels] float32. It panics
// if Pixels does not have that many values, see [Images.Validate].
func (im *Images) Tensor() *tensors.Tensor {
	return tensors.FromFlatDataAndDimensions(im.Pixels, im.N, im.Height, im.Width, im.Channels)
}

// FromTensor returns a copy of a tensor [n, h, w, c] of float32 as images without IDs or scales.
// Any other shape or type is an error.
func FromTensor(t *tensors.Tensor) (*Images, error) {
	if t == nil {
		return nil,
			errors.New("galaxy: there is no tensor to take images from; did the call that should " +
				"return it fail?")
	}
	shape := t.Shape()
	if shape.Rank() != 4 || shape.DType != dtypes.Float32 {
		return nil, fmt.Errorf("galaxy: images come from a float32 tensor [n, h, w, c], not from "+
			"%s; reshape or convert it", shape)
	}
	pixels, err := tensors.CopyFlatData[float32](t)
	if err != nil {
		return nil, fmt.Errorf("galaxy: cannot read the images from the tensor: %w", err)
	}
	d := shape.Dimensions
	return &Images{N: d[0], Height: d[1], Width: d[2], Channels: d[3], Pixels: pixels}, nil
}

// Validate returns an error if the batch has an empty or inconsistent shape, or a value that is not
// finite, with the image and the place where the first stands. Bad pixels must be finite as well,
// as those of [Images.Fill] are.
func (im *Images) Validate() error {
	if err := im.CheckShape(); err != nil {
		return err
	}
	return im.CheckFinite()
}

// CheckShape returns an error if the batch has an empty or inconsistent shape.
func (im *Images) CheckShape() error {
	if im == nil {
		return errors.New("galaxy: there are no images; load some, or make them by " +
			"synthetic.Galaxies")
	}
	if im.N < 1 || im.Height < 1 || im.Width < 1 || im.Channels < 1 {
		return fmt.Errorf("galaxy: images have the shape [%d, %d, %d, %d]; every dimension must "+
			"be at least 1", im.N, im.Height, im.Width, im.Channels)
	}
	if want := im.N * im.Height * im.Width * im.Channels; len(im.Pixels) != want {
		return fmt.Errorf("galaxy: images of shape [%d, %d, %d, %d] need %d values, but Pixels "+
			"has %d", im.N, im.Height, im.Width, im.Channels, want, len(im.Pixels))
	}
	if im.IDs != nil && len(im.IDs) != im.N {
		return fmt.Errorf("galaxy: %d images, but %d IDs; give one for each or none", im.N,
			len(im.IDs))
	}
	if im.Objects != nil && len(im.Objects) != im.N {
		return fmt.Errorf("galaxy: %d images, but %d objects; give one for each or none", im.N,
			len(im.Objects))
	}
	if want := im.N * im.Height * im.Width; im.Bad != nil && len(im.Bad) != want {
		return fmt.Errorf("galaxy: images of %d pixels, but Bad marks %d; see Images.Mask",
			want, len(im.Bad))
	}
	if im.Scale != nil && len(im.Scale) != im.N {
		return fmt.Errorf("galaxy: %d images, but %d scales; give one for each or none", im.N,
			len(im.Scale))
	}
	return nil
}

// CheckFinite returns an error if a value is NaN or infinite, with the place of the first.
func (im *Images) CheckFinite() error {
	for i := range im.N {
		for k, v := range im.At(i) {
			if raster.IsBad(v) {
				p := k / im.Channels
				return fmt.Errorf("galaxy: %s (index %d) has the value %v at row %d, column %d; "+
					"fill such pixels first (Images.Fill)", im.ID(i), i, v, p/im.Width, p%im.Width)
			}
		}
	}
	return nil
}

// SameShape reports whether the images of two batches have the same height, width and channels.
func SameShape(a, b *Images) bool {
	return a.Height == b.Height && a.Width == b.Width && a.Channels == b.Channels
}

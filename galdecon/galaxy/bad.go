package galaxy

import (
	"fmt"
	"slices"

	"galdecon/galdecon/galaxy/internal/raster"
)

// Mask marks pixels as bad, those without data: dead, saturated, hit by a cosmic ray, outside of
// the exposure. bad is true for them, of length N*Height*Width, or Height*Width for all images
// alike. Pixels that are marked already stay so, and the values of the pixels stay as they are.
func (im *Images) Mask(bad []bool) error {
	if err := im.CheckShape(); err != nil {
		return err
	}
	plane := im.Height * im.Width
	if len(bad) != plane && len(bad) != im.N*plane {
		return fmt.Errorf("galaxy: a mask of %d values can't be that of %d image(s) with %d rows "+
			"and %d columns: it has a value for each pixel, all channels together",
			len(bad), im.N, im.Height, im.Width)
	}
	for k := range im.N * plane {
		if bad[k%len(bad)] {
			im.mark(k)
		}
	}
	return nil
}

// mark marks pixel k of the batch as bad.
func (im *Images) mark(k int) {
	if im.Bad == nil {
		im.Bad = make([]bool, im.N*im.Height*im.Width)
	}
	im.Bad[k] = true
}

// BadAt returns which pixels of image i are marked as bad, [Height, Width], shared with im; nil if
// none of the batch is. Like a slice it panics where i is not within [0, N).
func (im *Images) BadAt(i int) []bool {
	if im.Bad == nil {
		return nil
	}
	k := im.Height * im.Width
	return im.Bad[i*k : (i+1)*k : (i+1)*k]
}

// isBad reports whether value k of the batch is one of a bad pixel, or not finite.
func (im *Images) isBad(k int) bool {
	return raster.IsBad(im.Pixels[k]) || im.Bad != nil && im.Bad[k/im.Channels]
}

// copyBad copies the marks of image i of another batch of the same shape to image k.
func (im *Images) copyBad(k int, of *Images, i int) {
	if !slices.Contains(of.BadAt(i), true) {
		return
	}
	if im.Bad == nil {
		im.Bad = make([]bool, im.N*im.Height*im.Width)
	}
	copy(im.BadAt(k), of.BadAt(i))
}

// Crop returns the square of side pixels of each image whose first pixel is at column left, row
// top, or the nearest that lies within the image, and where it lies. Like a slice it panics where
// side is above the height or the width.
func (im *Images) Crop(left, top, side int) (out *Images, insideLeft, insideTop int) {
	left = min(max(left, 0), im.Width-side)
	top = min(max(top, 0), im.Height-side)
	out = NewImages(im.N, side, side, im.Channels)
	out.LabelAs(im)
	row := side * im.Channels
	for i := range im.N {
		for y := range side {
			from := (top+y)*im.Width + left
			copy(out.At(i)[y*row:(y+1)*row], im.At(i)[from*im.Channels:])
			for x := range side {
				if im.Bad != nil && im.BadAt(i)[from+x] {
					out.mark((i*side+y)*side + x)
				}
			}
		}
	}
	return out, left, top
}

// centralMax returns the largest value of good pixels within the central half of image i, of any
// channel; −Inf where there is none.
func (im *Images) centralMax(i int) float64 {
	bad := im.BadAt(i)
	if bad == nil {
		return raster.CentralMax(im.At(i), im.Height, im.Width, im.Channels)
	}
	one := make([]float32, len(im.At(i)))
	copy(one, im.At(i))
	for k := range one {
		if bad[k/im.Channels] {
			one[k] = -raster.Infinity
		}
	}
	return raster.CentralMax(one, im.Height, im.Width, im.Channels)
}

package galaxy

import (
	"fmt"
	"slices"

	"galdecon/galdecon/galaxy/internal/raster"
)

// Prepare returns the images as the networks take them: the largest centered square, averaged over
// area down to size x size pixels (source pixels that straddle an edge are shared by weight, so any
// ratio will do), and divided so that the largest value within the central half, of any channel, is
// 1. What is brighter outside, a star near the edge, is clipped to 1. Small negative values, the
// noise of the sky, stay. What was divided by is in Scale, multiplied with a Scale that was there
// before.
//
// Pixels that Bad marks are filled first, up to a share of [MaxBad], and mark what they are part
// of.
//
// It is an error if an image is smaller than size, or has no positive value within its central
// half.
func (im *Images) Prepare(size int) (*Images, error) {
	if err := im.CheckShape(); err != nil {
		return nil, err
	}
	if im.Bad != nil {
		filled, err := im.Fill(BadInterpolate, MaxBad)
		if err != nil {
			return nil, err
		}
		im = filled
	}
	if err := im.CheckFinite(); err != nil {
		return nil, err
	}
	side := min(im.Height, im.Width)
	if size < 4 || size > side {
		return nil, fmt.Errorf("galaxy: cannot prepare %d x %d images at size %d: it must be "+
			"between 4 and %d, images are never enlarged", im.Height, im.Width, size, side)
	}
	out := NewImages(im.N, size, size, im.Channels)
	out.IDs, out.Objects = slices.Clone(im.IDs), slices.Clone(im.Objects)
	out.Scale = make([]float64, im.N)
	square, _, _ := im.Crop((im.Width-side)/2, (im.Height-side)/2, side)
	for i := range im.N {
		raster.AreaAverage(out.At(i), square.At(i), side, size, im.Channels)
		for k, bad := range square.BadAt(i) {
			if bad {
				out.markBlock(i, k/side, k%side, side)
			}
		}
		peak := raster.Normalize(out.At(i), size, im.Channels)
		if peak <= 0 {
			return nil, fmt.Errorf("galaxy: %s (index %d) has no positive value within its "+
				"central half, so there is nothing to scale to 1; is the galaxy in the center, "+
				"and the sky subtracted only once?", im.ID(i), i)
		}
		out.Scale[i] = peak
		if im.Scale != nil {
			out.Scale[i] *= im.Scale[i]
		}
	}
	return out, nil
}

// markBlock marks the pixels of image i that one at a row and column of a square of side pixels is
// part of, which was averaged down to the image.
func (im *Images) markBlock(i, row, column, side int) {
	first := func(k int) int { return k * im.Height / side }
	last := func(k int) int { return ((k+1)*im.Height - 1) / side }
	for y := first(row); y <= last(row); y++ {
		for x := first(column); x <= last(column); x++ {
			im.mark((i*im.Height+y)*im.Width + x)
		}
	}
}

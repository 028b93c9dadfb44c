package galaxy

import (
	"errors"
	"fmt"
	"math"

	"galdecon/galdecon/galaxy/internal/raster"
)

// Average returns the images with n×n pixels averaged to one, n at least 1, and columns and rows at the end that don't fill one left out. Its
// header is [files.Header.Window] at (0, 0) with a factor of n. Bad pixels make bad ones. Values are still those for one pixel of the source, so that flux
// is their sum times n².
func (im *Images) Average(n int) (*Images, error) {
	if err := im.CheckShape(); err != nil {
		return nil, err
	}
	if n < 1 || im.Height < n || im.Width < n {
		return nil, fmt.Errorf("galaxy: images of %d×%d pixels can't be averaged by %d×%d", im.Height, im.Width, n, n)
	}
	out := NewImages(im.N, im.Height/n, im.Width/n, im.Channels)
	out.LabelAs(im)
	for i := range im.N {
		from, to := im.At(i), out.At(i)
		for k := range to {
			y, x, c := k/im.Channels/out.Width*n, k/im.Channels%out.Width*n, k%im.Channels
			sum := 0.0
			for dy := range n {
				for dx := range n {
					sum += float64(from[((y+dy)*im.Width+x+dx)*im.Channels+c])
				}
			}
			to[k] = float32(sum / float64(n*n))
		}
	}
	return out, nil
}

// Cutout returns a stamp of a galaxy in a larger image, one whose sky was subtracted, and the column and row of the image
// where its first pixel lies: of the image's header, Window(left, top, 1) is the stamp's. The galaxy is the one within side/4 of column x and row y, counted from 0 (viewers that
// show FITS count from 1). The stamp is the square of side pixels around its [CenterCentroid], moved inwards at the edge of the image. Bad pixels are
// interpolated, up to 5 % of them.
//
// It is an error if the image is smaller than side, or the galaxy so near its edge that it would lie outside the central half of the stamp.
func (im *Images) Cutout(x, y, side int) (stamp *Images, left, top int, err error) {
	fail := func(err error) (*Images, int, int, error) {
		return nil, 0, 0, fmt.Errorf("galaxy: cannot cut out a stamp at column %d, row %d: %w", x, y, err)
	}
	if err := im.CheckShape(); err != nil {
		return fail(err)
	}
	switch {
	case im.N != 1:
		return fail(fmt.Errorf("it comes from one image at a time, got %d; see Images.Select", im.N))
	case side < 4 || im.Height < side || im.Width < side:
		return fail(fmt.Errorf("its side of %d pixels must be between 4 and that of %s, which has %d columns and %d rows", side, im.ID(0), im.Width, im.Height))
	case x < 0 || y < 0 || x >= im.Width || y >= im.Height:
		return fail(fmt.Errorf("%s has only %d columns and %d rows", im.ID(0), im.Width, im.Height))
	}
	around, left, top := im.square(x-side/2, y-side/2, side)
	if quarter := side / 4; x-left < quarter || y-top < quarter || left+side-x < quarter || top+side-y < quarter {
		return fail(fmt.Errorf("that is within %d pixels of the edge of %s, where a quarter of the stamp would be missing", quarter, im.ID(0)))
	}
	if around, err = around.Fill(BadInterpolate, MaxBad); err != nil {
		return fail(err)
	}
	row, column := around.Find(CenterCentroid)
	stamp, left, top = im.square(left+int(math.Round(column-float64(side)/2)), top+int(math.Round(row-float64(side)/2)), side)
	if stamp, err = stamp.Fill(BadInterpolate, MaxBad); err != nil {
		return fail(err)
	}
	if raster.CentralMax(stamp.Pixels, side, side, im.Channels) <= 0 {
		return fail(errors.New("there is no positive value; is the galaxy there, and the sky subtracted only once?"))
	}
	stamp.LabelAs(im)
	return stamp, left, top, nil
}

// square returns the square of side pixels whose first pixel is (left, top), or the nearest that lies within the image, and where it lies.
func (im *Images) square(left, top, side int) (out *Images, insideLeft, insideTop int) {
	left, top = min(max(left, 0), im.Width-side), min(max(top, 0), im.Height-side)
	out = NewImages(1, side, side, im.Channels)
	row := side * im.Channels
	for y := range side {
		copy(out.Pixels[y*row:(y+1)*row], im.Pixels[((top+y)*im.Width+left)*im.Channels:])
	}
	return out, left, top
}

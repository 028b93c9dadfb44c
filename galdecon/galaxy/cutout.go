package galaxy

import (
	"errors"
	"fmt"
	"math"
	"slices"
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
// well above the noise between neighbouring pixels, see score.NoiseLevel. Bad pixels, NaN or infinite, are left out. Where the mean over
// 5×5 pixels is more than three standard deviations from its median there is a galaxy, and so again with what is left, until no more is found: wings
// that are lost in the noise of single pixels show in that mean. The level is the median of the other pixels, the noise that of those below it,
// where galaxies have no part. Channels are taken together.
func (im *Images) Sky() ([]Sky, error) {
	if err := im.consistent(); err != nil {
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
				if isBad(value) {
					continue
				}
				sum, n := 0.0, 0
				for row := max(y-reach, 0); row <= min(y+reach, im.Height-1); row++ {
					for column := max(x-reach, 0); column <= min(x+reach, im.Width-1); column++ {
						if v := pixels[(row*im.Width+column)*im.Channels+c]; !isBad(v) {
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

// Subtract subtracts a number of its own from each image, in place, as the level of its sky. Take it away before anything is scaled. It is an
// error, and nothing is changed, if there isn't a finite number for each image.
func (im *Images) Subtract(levels []float64) error {
	if err := im.eachHas("level", levels); err != nil {
		return err
	}
	for i, level := range levels {
		pixels := im.At(i)
		for k, v := range pixels {
			pixels[k] = float32(float64(v) - level)
		}
	}
	return nil
}

// Average returns the images with n×n pixels averaged to one, n at least 1, and columns and rows at the end that don't fill one left out. Its
// header is [Header.Window] at (0, 0) with a factor of n. Bad pixels make bad ones. Values are still those for one pixel of the source, so that flux
// is their sum times n².
func (im *Images) Average(n int) (*Images, error) {
	if err := im.consistent(); err != nil {
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
// show FITS count from 1). The stamp is the square of side pixels around its [Centroid], moved inwards at the edge of the image. Bad pixels are
// interpolated, up to 5 % of them.
//
// It is an error if the image is smaller than side, or the galaxy so near its edge that it would lie outside the central half of the stamp.
func (im *Images) Cutout(x, y, side int) (stamp *Images, left, top int, err error) {
	fail := func(err error) (*Images, int, int, error) {
		return nil, 0, 0, fmt.Errorf("galaxy: cannot cut out a stamp at column %d, row %d: %w", x, y, err)
	}
	if err := im.consistent(); err != nil {
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
	if around, err = around.Fill(Interpolate, MaxBad); err != nil {
		return fail(err)
	}
	row, column := around.Find(Centroid)
	stamp, left, top = im.square(left+int(math.Round(column-float64(side)/2)), top+int(math.Round(row-float64(side)/2)), side)
	if stamp, err = stamp.Fill(Interpolate, MaxBad); err != nil {
		return fail(err)
	}
	if centralMax(stamp.Pixels, side, side, im.Channels) <= 0 {
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

// Join returns a copy of images of one shape as one batch, in their order, with their IDs; those without are named by their place in it. Where some
// have a scale, the others have one of 1; where some have objects, each of the others is an object of its own, named by its ID.
func Join(images ...*Images) (*Images, error) {
	if len(images) == 0 {
		return nil, errors.New("galaxy: Join needs at least one image")
	}
	if err := images[0].Validate(); err != nil {
		return nil, err
	}
	out := NewImages(0, images[0].Height, images[0].Width, images[0].Channels)
	grouped := slices.ContainsFunc(images, func(im *Images) bool { return im != nil && im.Objects != nil })
	scaled := slices.ContainsFunc(images, func(im *Images) bool { return im != nil && im.Scale != nil })
	for _, im := range images {
		if err := im.Validate(); err != nil {
			return nil, err
		}
		if !sameShape(im, out) {
			return nil, fmt.Errorf("galaxy: cannot join images of %d×%d pixels with %d channel(s), %s, to some of %d×%d with %d; Prepare or Cutout each to one size",
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

package galaxy

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// Average returns the images with n×n pixels averaged to one, n at least 1, and columns and rows at
// the end that don't fill one left out. Its header is [fits.Header.Window] at (0, 0) with a factor
// of n. Bad pixels make bad ones, whose value is the mean of the good ones among theirs, or NaN.
// Values are still those for one pixel of the source, so that flux is their sum times n².
func (im *Images) Average(n int) (*Images, error) {
	if err := im.CheckShape(); err != nil {
		return nil, err
	}
	if n < 1 || im.Height < n || im.Width < n {
		return nil, fmt.Errorf("galaxy: images of %d×%d pixels can't be averaged by %d×%d",
			im.Height, im.Width, n, n)
	}
	out := NewImages(im.N, im.Height/n, im.Width/n, im.Channels)
	out.LabelAs(im)
	for i := range im.N {
		first, to := i*len(im.At(i)), out.At(i)
		for k := range to {
			y, x, c := k/im.Channels/out.Width*n, k/im.Channels%out.Width*n, k%im.Channels
			sum, good := 0.0, 0
			for dy := range n {
				for dx := range n {
					if at := first + ((y+dy)*im.Width+x+dx)*im.Channels + c; !im.isBad(at) {
						sum += float64(im.Pixels[at])
						good++
					}
				}
			}
			to[k] = float32(sum / float64(good))
			if good < n*n {
				out.mark((i*len(to) + k) / im.Channels)
			}
		}
	}
	return out, nil
}

// Cut is the stamp of a galaxy in a larger image, and how it was found.
type Cut struct {
	// Images is the stamp, [1, side, side, channels]. Its bad pixels have values, interpolated, and
	// are marked.
	Images *Images
	// Left and Top are the column and row of the image where the stamp's first pixel lies: of the
	// image's header, Window(Left, Top, 1) is the stamp's.
	Left, Top int
	// Column and Row are where in the image the light has its center, counted from 0 in the middle
	// of the first pixel. Shift is how far that is from the place that was named, in pixels.
	Column, Row, Shift float64
	// Neighbors are other peaks within the stamp, brightest first. Where there is none it is the
	// light, if any, that stands out on one side of the galaxy's without a peak: its Rise is 0.
	Neighbors []Peak
	// Bad is how many pixels of the stamp have no data and were interpolated.
	Bad int
}

// Blended reports whether there are other peaks within the stamp, or light on one side: light of
// theirs is in that of the galaxy, or they are part of it, such as arms. A neighbor as bright as
// the galaxy, and so near that both make one peak, can't be told from one long galaxy.
func (c *Cut) Blended() bool { return len(c.Neighbors) > 0 }

// String says where the galaxy was found, and what else is in its stamp.
func (c *Cut) String() string {
	s := fmt.Sprintf("center at column %.1f, row %.1f, %.1f pixels from the place named",
		c.Column, c.Row, c.Shift)
	switch {
	case !c.Blended():
	case c.Neighbors[0].Rise == 0:
		p := c.Neighbors[0]
		s += fmt.Sprintf("; more light on one side, at column %d, row %d, than across", p.Column,
			p.Row)
	default:
		p := c.Neighbors[0]
		s += fmt.Sprintf("; %d other peak(s), the brightest at column %d, row %d", len(c.Neighbors),
			p.Column, p.Row)
	}
	if c.Bad > 0 {
		s += fmt.Sprintf("; %d pixels without data, interpolated", c.Bad)
	}
	return s
}

// Cutout returns a stamp of a galaxy in a larger image, one whose sky was subtracted. The galaxy is
// the one whose light reaches column x and row y, counted from 0 (viewers that show FITS count from
// 1): the way up from there, on means over 3×3 pixels, leads to its peak, over rises that noise may
// have made, but across no valley to a brighter neighbor. Where it leads out of the place's own
// light all the same, most of which isn't found once more across that peak, the galaxy is what
// rises above the light across. Its peak must lie within a quarter of side of the place. The center
// is that of the light above half of the peak and above the valleys to its neighbors; the stamp is
// the square of side pixels around it, moved inwards at the edge of the image. Bad pixels are
// interpolated, up to 5 % of them, but not where the light is above half of the peak.
//
// Another peak is told from noise where it rises over each way down to a higher one by five
// standard deviations of the noise in means over 3×3 pixels, and a twentieth of its height; light
// on one side where it is more than across the center by as much, 7 % of the peak, and a quarter.
//
// It is an error if the image is smaller than side, or the place so near its edge that the galaxy
// would lie outside the central half of the stamp, and a [Refusal] if the galaxy isn't found or its
// pixels have no data.
func (im *Images) Cutout(x, y, side int) (*Cut, error) {
	fail := func(err error) (*Cut, error) {
		return nil, fmt.Errorf("galaxy: cannot cut out a stamp at column %d, row %d: %w", x, y, err)
	}
	if err := im.CheckShape(); err != nil {
		return fail(err)
	}
	switch {
	case im.N != 1:
		return fail(fmt.Errorf("it comes from one image at a time, got %d; see Images.Select",
			im.N))
	case side < 4 || im.Height < side || im.Width < side:
		return fail(fmt.Errorf("its side of %d pixels must be between 4 and that of %s, which has"+
			" %d columns and %d rows", side, im.ID(0), im.Width, im.Height))
	case x < 0 || y < 0 || x >= im.Width || y >= im.Height:
		return fail(fmt.Errorf("%s has only %d columns and %d rows", im.ID(0), im.Width, im.Height))
	}
	raw, left, top := im.Crop(x-side/2, y-side/2, side)
	if q := side / 4; x-left < q || y-top < q || left+side-x < q || top+side-y < q {
		return fail(fmt.Errorf("that is within %d pixels of the edge of %s, where a quarter of the"+
			" stamp would be missing", q, im.ID(0)))
	}
	around, err := raw.Fill(BadInterpolate, MaxBad)
	if err != nil {
		return fail(err)
	}
	wide, _, _ := im.Crop(x-2*side, y-2*side, min(4*side, im.Height, im.Width))
	noise := wide.blockNoise()
	g, err := around.galaxyAt(x-left, y-top, noise, im, left, top)
	if err != nil {
		return fail(moved(err, left, top))
	}
	c := &Cut{Column: float64(left) + g.column, Row: float64(top) + g.row}
	c.Shift = math.Hypot(c.Column-float64(x), c.Row-float64(y))
	raw, c.Left, c.Top = im.Crop(int(math.Round(c.Column+0.5-float64(side)/2)),
		int(math.Round(c.Row+0.5-float64(side)/2)), side)
	if c.Images, err = raw.Fill(BadInterpolate, MaxBad); err != nil {
		return fail(err)
	}
	for _, b := range c.Images.Bad {
		if b {
			c.Bad++
		}
	}
	if c.Images.centralMax(0) <= 0 {
		return fail(im.refuse(0, NoGalaxy, c.Images.centralMax(0), 0,
			"see whether the galaxy is there, and the sky was subtracted only once",
			"there is no positive value"))
	}
	c.Neighbors = c.Images.othersThan(g.peak.Column+left-c.Left, g.peak.Row+top-c.Top, noise)
	if len(c.Neighbors) == 0 {
		c.Neighbors = c.Images.oneSided(g, noise, im, left, top, c)
	}
	for k := range c.Neighbors {
		c.Neighbors[k].Column += c.Left
		c.Neighbors[k].Row += c.Top
	}
	if p := g.beside; p != nil {
		there := Peak{Column: p.Column + left, Row: p.Row + top, Value: p.Value, Rise: p.Rise}
		c.Neighbors = slices.Insert(c.Neighbors, 0, there)
	}
	return c, nil
}

// moved returns a refusal with the place of the larger image that its own lies in.
func moved(err error, left, top int) error {
	var r *Refusal
	if errors.As(err, &r) && r.Place != nil {
		there := *r
		there.Place = &Place{r.Place.Column + left, r.Place.Row + top}
		return &there
	}
	return err
}

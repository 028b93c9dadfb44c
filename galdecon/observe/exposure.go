package observe

import (
	"fmt"
	"iter"
	"math"
	"slices"

	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/psf"
)

// Exposure is one image of a galaxy and what is known of it. Only the image and its PSF must be
// given.
type Exposure struct {
	// Band names the filter, where exposures in several see a galaxy; those of the same name see
	// the same light. Exposures of one band need no name.
	Band string
	// Image is one image x, [1, height, width, bands], in any unit. A value that is NaN or infinite
	// is no data.
	Image *galaxy.Images
	// PSFs is one PSF for all bands, or one for each, sampled on the pixels of the target grid.
	// Where the galaxy is wanted as a telescope with a PSF of its own would see it, they are what
	// turns that PSF into the exposure's.
	PSFs []psf.PSF
	// Draws, where the PSF isn't known for certain, are PSFs as it may be, drawn from what is known
	// of it ([psf.PSF.Draws], the resamplings of a PSF's model, neighbors on a detector): candidate
	// k of the galaxy sees number k of them, again from the first after the last. They serve all
	// bands. PSFs is then the best one.
	Draws []psf.PSF
	// InvVar is 1/σ² of the noise of each value of the image, in its layout; 0 is no data. nil is
	// white noise of the level that each band of the image shows, see [NoiseLevel].
	InvVar []float64
	// Noise is how neighboring pixels share their noise; nil is not at all.
	Noise *Correlation
	// Bin is the number of the target's pixels along the side of one of the image's, whose value is
	// their mean; 0 is 1.
	Bin int
	// Row and Column are the place of the image's first corner on the target grid, in its pixels;
	// parts of a pixel are a shift.
	Row, Column float64
}

// Complete returns the exposure with estimates in place of what isn't given, checked.
func (e Exposure) Complete() (Exposure, error) {
	if err := e.check(); err != nil {
		return Exposure{}, err
	}
	im := e.Image
	bands, pixels := im.Channels, im.Height*im.Width
	if e.Bin == 0 {
		e.Bin = 1
	}
	if e.InvVar == nil {
		e.InvVar = make([]float64, len(im.Pixels))
		for band := range bands {
			plane := make([]float32, pixels)
			for p := range plane {
				plane[p] = im.Pixels[p*bands+band]
			}
			level, err := NoiseLevel(plane, nil, im.Height, im.Width)
			if err != nil {
				return Exposure{}, err
			}
			if level == 0 {
				return Exposure{}, &ValueError{
					What: fmt.Sprintf("the noise that band %d shows", band),
					Want: "positive",
					Hint: "give inverse variances: the image has no noise, or too few levels",
				}
			}
			for p := range plane {
				e.InvVar[p*bands+band] = 1 / (level * level)
			}
		}
	} else {
		e.InvVar = append([]float64(nil), e.InvVar...)
	}
	seen := 0
	for i, v := range im.Pixels {
		if !finite(v) {
			e.InvVar[i] = 0
		}
		if e.InvVar[i] > 0 {
			seen++
		}
	}
	if seen == 0 {
		return Exposure{}, &NoDataError{
			What: "an exposure",
			Need: 1,
			Hint: "check its mask and inverse variances",
		}
	}
	return e, nil
}

func (e Exposure) check() error {
	if err := e.Image.CheckShape(); err != nil {
		return err
	}
	im := e.Image
	if im.N != 1 {
		return &ShapeError{
			What: "the number of images of an exposure",
			Got:  []int{im.N},
			Want: "1; Select one",
		}
	}
	if len(e.PSFs) != 1 && len(e.PSFs) != im.Channels {
		return &PSFError{Got: len(e.PSFs), Bands: im.Channels}
	}
	for _, p := range slices.Concat(e.PSFs, e.Draws) {
		if err := p.Validate(); err != nil {
			return &PSFError{Got: len(e.PSFs), Bands: im.Channels, Err: err}
		}
	}
	if e.InvVar != nil && len(e.InvVar) != len(im.Pixels) {
		return &ShapeError{What: "the number of inverse variances", Got: []int{len(e.InvVar)},
			Want: fmt.Sprintf("%d, one for each value of the image", len(im.Pixels))}
	}
	for i, w := range e.InvVar {
		if !(w >= 0) || math.IsInf(w, 0) {
			p := i / im.Channels
			return &ValueError{
				What:   "an inverse variance",
				Row:    p / im.Width,
				Column: p % im.Width,
				Got:    w,
				Want:   "finite and at least 0",
				Hint:   "0 is no data; see FromError, FromVariance and FromInvVar",
			}
		}
	}
	if e.Bin < 0 {
		return &ShapeError{
			What: "the bin of an exposure",
			Got:  []int{e.Bin},
			Want: "at least 1 pixel of the target grid",
		}
	}
	for _, v := range []float64{e.Row, e.Column} {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return &ValueError{
				What: "the place of an exposure",
				Got:  v,
				Want: "finite",
				Hint: "give it in pixels of the target grid",
			}
		}
	}
	if e.Noise != nil {
		return e.Noise.Validate()
	}
	return nil
}

// Draw returns the exposure as candidate k of the galaxy sees it, with one of its Draws as its PSF.
func (e Exposure) Draw(k int) Exposure {
	if len(e.Draws) > 0 {
		e.PSFs = []psf.PSF{e.Draws[k%len(e.Draws)]}
	}
	return e
}

// lay puts the image, divided by unit, and its inverse variances on a grid of height × width pixels
// at row top and column left, and returns the parts of a pixel that are left of its place. A coarse
// pixel lies at the middle one of the fine pixels that it is the mean of, which the kernel knows;
// there is no data between.
func (e Exposure) lay(
	x, invVar []float32,
	height, width, top, left int,
	unit float64,
) (row, column float64, err error) {
	im := e.Image
	seen := 0
	for p, place := range e.places(height, width, top, left) {
		for band := range im.Channels {
			from, to := p*im.Channels+band, place*im.Channels+band
			if w := e.InvVar[from]; w > 0 {
				x[to], invVar[to] = float32(float64(im.Pixels[from])/unit), float32(w*unit*unit)
				if !finite(invVar[to]) || invVar[to] == 0 || !finite(x[to]) {
					return 0, 0, &ValueError{
						What:   "an inverse variance in the unit asked for",
						Row:    p / im.Width,
						Column: p % im.Width,
						Got:    w * unit * unit,
						Want:   "within the range of a float32",
						Hint:   "take about the galaxy's peak as the unit",
					}
				}
				seen++
			}
		}
	}
	if seen == 0 {
		return 0, 0, &NoDataError{
			What: "an exposure, on the target grid",
			Need: 1,
			Hint: "check its place (Row, Column) and mask",
		}
	}
	return e.Row - math.Round(e.Row), e.Column - math.Round(e.Column), nil
}

// places yields the pixels of the image that are on a grid of height × width pixels at row top and
// column left, each with the grid's pixel that it lies on.
func (e Exposure) places(height, width, top, left int) iter.Seq2[int, int] {
	return func(yield func(pixel, place int) bool) {
		bin := max(e.Bin, 1)
		r0 := int(math.Round(e.Row)) + top + bin/2
		c0 := int(math.Round(e.Column)) + left + bin/2
		for p := range e.Image.Height * e.Image.Width {
			r, c := r0+p/e.Image.Width*bin, c0+p%e.Image.Width*bin
			if r >= 0 && r < height && c >= 0 && c < width && !yield(p, r*width+c) {
				return
			}
		}
	}
}

// Seen returns the pixels of the image, [height, width, 1], from what an exposure of one band sees
// on member i of a batch, one plane of [Grid.A]; true marks those that don't lie on its grid.
func (e Exposure) Seen(b *Batch, i int, plane []float32) (pixels []float32, outside []bool) {
	n := e.Image.Height * e.Image.Width
	pixels, outside = make([]float32, n), make([]bool, n)
	for p := range outside {
		outside[p] = true
	}
	for p, place := range e.places(b.Grid.Height, b.Grid.Width, b.Top[i], b.Left[i]) {
		pixels[p], outside[p] = plane[place], false
	}
	return pixels, outside
}

// kernel returns the PSF of a band on the target grid, the mean over Bin × Bin pixels included,
// size × size.
func (e Exposure) kernel(band int) (size int, values []float64) {
	p := e.PSFs[min(band, len(e.PSFs)-1)]
	// The center of both is their pixel size/2. A coarse pixel at fine pixel q is the mean of those
	// from q − r/2 on.
	size = 2*(p.Size/2+e.Bin/2) + 1
	values = make([]float64, size*size)
	share := 1 / float64(e.Bin*e.Bin)
	for i, v := range p.Pixels {
		for k := range e.Bin * e.Bin {
			r := i/p.Size - p.Size/2 + e.Bin/2 - k/e.Bin + size/2
			c := i%p.Size - p.Size/2 + e.Bin/2 - k%e.Bin + size/2
			values[r*size+c] += float64(v) * share
		}
	}
	return size, values
}

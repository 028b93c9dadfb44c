package catalogue

import (
	"fmt"
	"math"
	"path/filepath"
	"slices"

	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/galaxy/files"
	"galdecon/galdecon/galaxy/files/fits"
	"galdecon/galdecon/galaxy/wcs"
	"galdecon/galdecon/posterior"
	"galdecon/galdecon/psf"
)

// Image names the files of an image, each with its HDU behind it where there are several, as in
// "field.fits[SCI]". The others than Path may be empty.
type Image struct {
	Path string
	// Weight is a map of inverse variances of the pixels: 0, or what isn't finite, is no data.
	Weight string
	// Mask marks pixels without data by any value but 0.
	Mask string
	// PSF is that of the image by the place in it.
	PSF psf.Field
}

// Constant is one PSF for the whole of an image.
type Constant psf.PSF

// At returns the PSF.
func (c Constant) At(psf.Position) (psf.PSF, error) { return psf.PSF(c), nil }

// field is an image whose pixels are read where they are needed.
type field struct {
	image  *plane
	weight *plane
	mask   *plane
	world  *wcs.WCS
	noSky  error // why there are no world coordinates
	psf    psf.Field
}

// plane is an image of two axes in a FITS file.
type plane struct {
	file          *fits.File
	hdu           *fits.HDU
	index         int
	width, height int
}

func openPlane(name string) (*plane, error) {
	path, selector, chosen, err := fits.ParseName(name)
	if err != nil {
		return nil, err
	}
	file, err := fits.Open(path)
	if err != nil {
		return nil, err
	}
	p := &plane{file: file}
	if p.hdu, err = choose(file, selector, chosen); err == nil {
		p.index, err = p.hdu.PlaneIndex(selector)
		if p.hdu.Planes() == 1 {
			p.index, err = 0, nil
		}
	}
	if err == nil {
		n := len(p.hdu.Shape)
		p.height, p.width = p.hdu.Shape[n-2], p.hdu.Shape[n-1]
		return p, nil
	}
	file.Close()
	return nil, fmt.Errorf("%s: %w", name, err)
}

// choose returns the HDU that is named, or else the first image that isn't weights, errors or a
// mask, or the only one.
func choose(file *fits.File, selector fits.Selector, chosen bool) (*fits.HDU, error) {
	if chosen {
		h, err := file.Select(selector)
		if err != nil {
			return nil, err
		}
		if h.Planes() == 0 {
			if err := h.Check(); err != nil {
				return nil, err
			}
			return nil, fmt.Errorf("%s holds no image", h)
		}
		return h, nil
	}
	var all []*fits.HDU
	for _, h := range file.HDUs {
		if h.Planes() > 0 {
			all = append(all, h)
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("there is no image in it")
	}
	if i := slices.IndexFunc(all, func(h *fits.HDU) bool {
		return files.KindOf(h) == files.KindImage
	}); i >= 0 {
		return all[i], nil
	}
	return all[0], nil
}

// read returns the pixels of a box, NaN where it reaches beyond the image.
func (p *plane) read(left, top, side int) ([]float64, error) {
	out := slices.Repeat([]float64{math.NaN()}, side*side)
	x0, x1 := max(left, 0), min(left+side, p.width)
	y0, y1 := max(top, 0), min(top+side, p.height)
	if x0 >= x1 || y0 >= y1 {
		return out, nil
	}
	from, to := make([]int, len(p.hdu.Shape)), slices.Clone(p.hdu.Shape)
	rest := p.index
	for axis := len(from) - 3; axis >= 0; axis-- {
		from[axis] = rest % p.hdu.Shape[axis]
		to[axis] = from[axis] + 1
		rest /= p.hdu.Shape[axis]
	}
	n := len(from)
	from[n-2], to[n-2], from[n-1], to[n-1] = y0, y1, x0, x1
	values, err := p.hdu.Section(from, to)
	if err != nil {
		return nil, err
	}
	for y := y0; y < y1; y++ {
		copy(out[(y-top)*side+x0-left:], values[(y-y0)*(x1-x0):(y-y0+1)*(x1-x0)])
	}
	return out, nil
}

// openField opens an image with what belongs to it, which must be of its size.
func openField(im Image) (f *field, err error) {
	if im.PSF == nil {
		return nil, fmt.Errorf("catalogue: %s has no PSF", im.Path)
	}
	f = &field{psf: im.PSF}
	defer func() {
		if err != nil {
			f.close()
			err = fmt.Errorf("catalogue: %w", err)
		}
	}()
	for _, part := range []struct {
		name string
		to   **plane
	}{{im.Path, &f.image}, {im.Weight, &f.weight}, {im.Mask, &f.mask}} {
		if part.name == "" {
			continue
		}
		if *part.to, err = openPlane(part.name); err != nil {
			return nil, err
		}
		if p := *part.to; p.width != f.image.width || p.height != f.image.height {
			return nil, fmt.Errorf("%s has %d×%d pixels, but %s has %d×%d; they must be alike",
				part.name, p.width, p.height, im.Path, f.image.width, f.image.height)
		}
	}
	f.world, f.noSky = wcs.Parse(f.image.hdu.Header)
	return f, nil
}

func (f *field) close() {
	for _, p := range []*plane{f.image, f.weight, f.mask} {
		if p != nil {
			p.file.Close()
		}
	}
}

// arcseconds returns the size of a pixel in the middle of the image, the root of its area; NaN
// where there are no world coordinates.
func (f *field) arcseconds() float64 {
	if f.world == nil {
		return math.NaN()
	}
	x, y := float64(f.image.width)/2, float64(f.image.height)/2
	ra, dec := f.world.Sky(x, y)
	step := func(x, y float64) (east, north float64) {
		toRA, toDec := f.world.Sky(x, y)
		east = math.Mod(toRA-ra+540, 360) - 180
		return east * math.Cos(dec*math.Pi/180), toDec - dec
	}
	a, b := step(x+1, y)
	c, d := step(x, y+1)
	return 3600 * math.Sqrt(math.Abs(a*d-b*c))
}

// contains tells whether a place is within the image, whose pixels reach half a pixel beyond their
// centers.
func (f *field) contains(x, y float64) bool {
	return x >= -0.5 && y >= -0.5 && x < float64(f.image.width)-0.5 &&
		y < float64(f.image.height)-0.5
}

// stamp is what an image shows around a place.
type stamp struct {
	left, top int
	images    *galaxy.Images // [1, side, side, 1], with the pixels without data marked and filled
	weights   []float64      // inverse variances of images, 0 without data; nil for none
	psf       psf.PSF
	masked    float64 // the share of pixels without data
	edge      bool    // whether it reaches beyond the image
}

// maxMasked is the largest share of a stamp's pixels that may have no data.
const maxMasked = 0.4

// cut returns the stamp of side pixels around a place. It is a [*galaxy.Refusal] if too many pixels
// have no data.
func (f *field) cut(id string, x, y float64, side int) (*stamp, error) {
	half := float64(side-1) / 2
	s := &stamp{left: int(math.Round(x - half)), top: int(math.Round(y - half))}
	values, err := f.image.read(s.left, s.top, side)
	if err != nil {
		return nil, err
	}
	s.edge = s.left < 0 || s.top < 0 || s.left+side > f.image.width ||
		s.top+side > f.image.height
	bad := make([]bool, len(values))
	for k, v := range values {
		bad[k] = math.IsNaN(v) || math.IsInf(v, 0)
	}
	if f.mask != nil {
		marks, err := f.mask.read(s.left, s.top, side)
		if err != nil {
			return nil, err
		}
		for k, v := range marks {
			bad[k] = bad[k] || v != 0
		}
	}
	if f.weight != nil {
		if s.weights, err = f.weight.read(s.left, s.top, side); err != nil {
			return nil, err
		}
		for k, w := range s.weights {
			bad[k] = bad[k] || !(w > 0) || math.IsInf(w, 0)
			if bad[k] {
				s.weights[k] = 0
			}
		}
	}
	if s.images, err = asImages(id, values, bad, side); err != nil {
		return nil, err
	}
	for _, b := range bad {
		if b {
			s.masked += 1 / float64(len(bad))
		}
	}
	if s.images, err = s.images.Fill(galaxy.BadInterpolate, maxMasked); err != nil {
		return nil, err
	}
	if s.images.Scale != nil && s.weights != nil {
		for k := range s.weights {
			s.weights[k] *= s.images.Scale[0] * s.images.Scale[0]
		}
	}
	s.psf, err = f.psf.At(psf.Position{Column: x, Row: y})
	return s, err
}

// asImages returns values as a stamp, with a scale where float32 would not hold them well.
func asImages(id string, values []float64, bad []bool, side int) (*galaxy.Images, error) {
	im := galaxy.NewImages(1, side, side, 1)
	im.IDs = []string{id}
	top := 0.0
	for k, v := range values {
		if !bad[k] {
			top = max(top, math.Abs(v))
		}
	}
	const narrow = 1e20
	scale := 1.0
	if top > narrow || top > 0 && top < 1/narrow {
		_, exponent := math.Frexp(top)
		scale = math.Ldexp(1, exponent)
		im.Scale = []float64{scale}
	}
	for k, v := range values {
		im.Pixels[k] = float32(v / scale)
	}
	for k, b := range bad {
		if b {
			im.Pixels[k] = 0
		}
	}
	if !slices.Contains(bad, true) {
		return im, nil
	}
	return im, im.Mask(bad)
}

// observations returns the stamp as a model takes it. The noise is estimated where there are no
// weights.
func (s *stamp) observations(key uint64) (*posterior.Observations, error) {
	var noise []float64
	if s.weights != nil {
		noise = []float64{1} // for those with weights
	}
	o, err := posterior.NewObservations(s.images, []psf.PSF{s.psf}, noise)
	if err == nil && s.weights != nil {
		o, err = o.WithInvVar(s.weights)
	}
	if err != nil {
		return nil, err
	}
	return o.WithKeys([]uint64{key})
}

// name is what is stored of a file's name: where it lies may differ between machines.
func (im Image) name() string { return filepath.Base(im.Path) }

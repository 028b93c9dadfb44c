package main

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/galaxy/files"
	"galdecon/galdecon/observe"
	"galdecon/galdecon/psf"
	"galdecon/galdecon/score"
)

// exponential returns an exponential disk of a half-light radius in pixels, axis ratio 0.7 and flux
// 1, integrated over pixels, [side, side]; its center is amid the stamp.
func exponential(side int, radius float64) []float64 {
	const over, q, angle = 8, 0.7, 0.5
	out := make([]float64, side*side)
	sin, cos := math.Sincos(angle)
	sum := 0.0
	for k := range side * over * side * over {
		row, col := k/(side*over), k%(side*over)
		y := (float64(row)+0.5)/over - float64(side)/2
		x := (float64(col)+0.5)/over - float64(side)/2
		u, v := cos*x+sin*y, cos*y-sin*x
		const b = 2 - 1.0/3
		light := math.Exp(-b * math.Sqrt(q*u*u+v*v/q) / radius)
		out[row/over*side+col/over] += light
		sum += light
	}
	for k := range out {
		out[k] /= sum
	}
	return out
}

// trueFlux returns what of a galaxy is within an aperture.
func trueFlux(galaxyOf []float64, side int, aperture float64) (float64, error) {
	im := galaxy.NewImages(1, side, side, 1)
	for k, v := range galaxyOf {
		im.Pixels[k] = float32(v)
	}
	m, err := score.Measure(im, aperture)
	return m.Aperture, err
}

// flux draws candidates, and keeps their flux, its error bar and the true one.
func (l *lab) flux(r *record, e observe.Exposure, aperture, truth float64) error {
	p, err := l.sample(r, observe.Observation{Exposures: []observe.Exposure{e}})
	if err != nil {
		return err
	}
	q := photometry(p.Samples, aperture)
	if q["measured"] < float64(p.Samples.N)/2 {
		return errors.New("its candidates can't be measured")
	}
	r.Values["χ²"] = chiSquared(p)
	r.Values["flux"], r.Values["flux ±"], r.Values["flux true"] = q["flux"], q["flux ±"], truth
	return nil
}

// case13 observes a disk again and again with noise that neighbors share, as case 13 of the inputs
// that went wrong does: images of 96×96 pixels on a sky of 20, with a PSF of σ 1.5 pixels, and noise
// of 1 % of the peak through a filter (½, 1, ½)⊗(½, 1, ½). Its sky, noise and correlation are
// estimated, or
// known.
func case13(l *lab) error {
	const side, field, place, sky, radius = 32, 96, 32, 20, 10
	y := exponential(side, 3)
	for k := range y {
		y[k] *= 4000
	}
	truth, err := trueFlux(y, side, radius)
	if err != nil {
		return err
	}
	round, err := psf.Gaussian{Sigma: 1.5}.Render(15)
	if err != nil {
		return err
	}
	seen := convolve(y, side, side, round)
	filter := psf.PSF{Size: 3, Pixels: []float32{1, 2, 1, 2, 4, 2, 1, 2, 1}}
	const norm = 6 // the root of the sum of the filter's squares
	known, err := observe.CorrelationOf(filter.Size, float64s(filter.Pixels))
	if err != nil {
		return err
	}
	level := 0.01 * largest(y)
	const realisations = 32
	for i := range l.few(realisations) {
		rng := rand.New(rand.NewPCG(13, uint64(i)))
		noise := convolve(white(field*field, rng), field, field, filter)
		im := galaxy.NewImages(1, field, field, 1)
		for k, n := range noise {
			im.Pixels[k] = float32(sky + n*level/norm)
			if row, col := k/field-place, k%field-place; row >= 0 && row < side && col >= 0 &&
				col < side {
				im.Pixels[k] += float32(seen[row*side+col])
			}
		}
		skies, err := im.Sky()
		if err != nil {
			return err
		}
		if err := im.Subtract([]float64{skies[0].Level}); err != nil {
			return err
		}
		cut, err := im.Cutout(field/2, field/2, side)
		if err != nil {
			return err
		}
		shared, err := correlations([]*galaxy.Images{im}, 0.5).correlation()
		if err != nil {
			return err
		}
		sigma := skies[0].Noise
		for setting, e := range map[string]observe.Exposure{
			"noise by default": {},
			"white":            {InvVar: even(sigma, side*side)},
			"correlated":       {InvVar: even(sigma, side*side), Noise: shared},
			"known":            {InvVar: even(level, side*side), Noise: &known},
		} {
			e.Image, e.PSFs = cut.Images, []psf.PSF{round}
			err := l.do("case13", setting, fmt.Sprint(i), func(r *record) error {
				r.Values["noise"], r.Values["noise true"] = sigma, level
				return l.flux(r, e, radius, truth)
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// nircam adds a disk to empty places of a drizzled difference image, whose errors and their
// correlation are known.
func nircam(l *lab) error {
	const side, radius, step, grid = 48, 12, 40, 65
	image, err := files.Read(l.real("nircam_diff.fits"))
	if err != nil {
		return err
	}
	sigmas, err := files.Read(l.real("nircam_diff_error.fits"))
	if err != nil {
		return err
	}
	mask, err := files.LoadMask(l.real("nircam_mask.fits"))
	if err != nil {
		return err
	}
	kernel, err := files.Read(l.real("nircam_cov_kernel.fits"))
	if err != nil {
		return err
	}
	correlation := symmetric(kernel.Images)
	fine, err := psf.Read(l.real("nircam_psf4.fits"))
	if err != nil {
		return err
	}
	p, err := fine.PSFs[0].Rebin(4) // the file doesn't say that it is oversampled
	if err != nil {
		return err
	}
	if p, _, err = p.Crop(grid); err != nil {
		return err
	}
	y := exponential(side, 4)
	seen := convolve(y, side, side, p)
	invVar := observe.FromError(sigmas.Images.Pixels) // a few errors are NaN
	unit := 20 / math.Sqrt(median(invVar)) / largest(seen)
	for k := range y {
		y[k], seen[k] = y[k]*unit, seen[k]*unit
	}
	truth, err := trueFlux(y, side, radius)
	if err != nil {
		return err
	}
	const places = 48
	number := 0
	im := image.Images
	for k, bad := range mask.Bad {
		if bad {
			invVar[k] = 0
		}
	}
	for k := 0; k < (im.Height/step)*(im.Width/step) && number < l.few(places); k++ {
		top, left := k/(im.Width/step)*step, k%(im.Width/step)*step
		if top+side > im.Height || left+side > im.Width {
			continue
		}
		e := observe.Exposure{PSFs: []psf.PSF{p}, InvVar: make([]float64, side*side)}
		stamp := galaxy.NewImages(1, side, side, 1)
		lost := 0
		for j := range stamp.Pixels {
			row, col := j/side, j%side
			at := (top+row)*im.Width + left + col
			stamp.Pixels[j] = im.Pixels[at] + float32(seen[j])
			if e.InvVar[j] = invVar[at]; e.InvVar[j] == 0 {
				lost++
				if max(row, side-1-row, col, side-1-col) < side/2+8 { // near the galaxy
					lost += side * side
				}
			}
		}
		if lost > side*side/5 {
			continue
		}
		number++
		e.Image = stamp
		for setting, noise := range map[string]*observe.Correlation{"white": nil,
			"correlated": &correlation} {
			e.Noise = noise
			err := l.do("nircam", setting, fmt.Sprintf("%d,%d", left, top),
				func(r *record) error { return l.flux(r, e, radius, truth) })
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// symmetric returns the correlation of a kernel, as estimates leave it.
func symmetric(kernel *galaxy.Images) observe.Correlation {
	c := observe.Correlation{Size: kernel.Width, Values: float64s(kernel.Pixels)}
	middle := c.Values[len(c.Values)/2]
	for i := range len(c.Values)/2 + 1 {
		j := len(c.Values) - 1 - i
		v := (c.Values[i] + c.Values[j]) / 2 / middle
		c.Values[i], c.Values[j] = v, v
	}
	return c
}

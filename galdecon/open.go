package galdecon

import (
	"errors"
	"fmt"
	"math"

	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/galaxy/files"
	"galdecon/galdecon/galaxy/files/fits"
	"galdecon/galdecon/observe"
	"galdecon/galdecon/posterior"
	"galdecon/galdecon/psf"
)

// Field is an image of the sky in one band, with what must be known of it to ask for the galaxies
// in it.
type Field struct {
	// Image is x, [1, height, width, 1], without its sky; pixels without data are marked as bad.
	Image *galaxy.Images
	// Header is that of the image, nil if the file isn't FITS.
	Header *fits.Header
	// PixelScale is the width of a pixel in arcseconds by the header, 0 if that doesn't say.
	PixelScale float64
	// PSF is on the pixels of the image, and centered.
	PSF psf.PSF
	// InvVar is 1/σ² of the noise of each pixel, 0 where there is no data, and Noise how neighbors
	// share it, nil where they don't.
	InvVar []float64
	Noise  *observe.Correlation
	// Sky is what was subtracted: its Level is 0 where that is nothing.
	Sky galaxy.Sky
	// Notes say what was found in the files and what was made of it, one sentence each.
	Notes []string
	// fromSky is set where no plane told the noise, filled where no sky is seen.
	fromSky, filled bool
	// masked is the share of the image that masks say is bad.
	masked float64
}

func (f *Field) note(format string, args ...any) {
	f.Notes = append(f.Notes, fmt.Sprintf(format, args...))
}

// Open reads an image and its PSF from files ([files.Read], [psf.Read]), and finds out the rest:
// which pixels have no data, the sky, which is subtracted, the noise, by a plane of errors,
// variances or weights in the image's file or else by what the sky shows, and how neighboring
// pixels share it. [Field.Notes] say what was found. Of a stack, the first image is taken.
// Planes are other files that tell of the image's pixels, standard deviations, variances, weights
// or masks, as their HDUs or their names say ([files.KindOf], [files.KindOfFile]).
//
// The PSF is moved to its center ([psf.PSF.Recenter]) and, where both files say how wide their
// pixels are, brought to those of the image ([psf.PSF.Rescale]); otherwise it is taken to be on
// them.
//
//	field, err := galdecon.Open("mine.fits", "psf.fits")
//	posteriors, err := model.SampleLooks(ctx, field.Whole(), 32, seed)
//	field, err = galdecon.Open("gal.npy", "psf.npy", "gal_sigma.npy", "gal_mask.npy")
func Open(image, psfPath string, planes ...string) (*Field, error) {
	file, err := files.Read(image)
	if err != nil {
		return nil, err
	}
	if file.Images.Channels != 1 {
		return nil, fmt.Errorf("galdecon: %s has %d bands; deconvolve each with its PSF, see "+
			"galaxy.Images.WithChannels and Field", image, file.Images.Channels)
	}
	f := &Field{Image: file.Images.Select(0), Header: file.Header, Notes: file.Notes}
	if side := min(f.Image.Height, f.Image.Width); side < minSide {
		return nil, fmt.Errorf("galdecon: %s has %d image(s) of %d×%d pixels, at least %d×%d are "+
			"needed; if its last axis is that of bands, [h, w, bands], save each band as an image "+
			"of its own", image, file.Images.N, f.Image.Height, f.Image.Width, minSide, minSide)
	}
	if file.Images.N > 1 {
		f.note("the first of %d images is taken", file.Images.N)
	}
	known, err := f.addPlanes(planes)
	if err != nil {
		return nil, err
	}
	none, err := f.Image.MarkNoData()
	if err != nil {
		return nil, err
	}
	if none[0].Total() > 0 {
		f.note("%v", none[0])
	}
	f.masked = float64(none[0].Masked) / float64(none[0].Pixels)
	f.PixelScale = pixelScale(f.Header)
	kernel, err := psf.Read(psfPath)
	if err != nil {
		return nil, err
	}
	if err := f.bringPSF(kernel); err != nil {
		return nil, fmt.Errorf("galdecon: cannot bring the PSF of %s to the pixels of %s: %w",
			psfPath, image, err)
	}
	if err := f.subtractSky(); err != nil {
		return nil, err
	}
	return f, f.findNoise(image, known)
}

// subtractSky takes the sky away, as far as the image shows it.
func (f *Field) subtractSky() error {
	skies, err := f.Image.Sky()
	if err != nil {
		if !galaxy.NoNoise.Only(err) {
			return err
		}
		f.note("no sky with noise is seen, so none is subtracted")
		return nil
	}
	f.Sky = skies[0]
	// A galaxy that fills the stamp makes the level too high, by several times the noise. A border
	// that is just as dark by chance mustn't count, nor one of few counts, whose median is whole.
	const least = 0.3
	if edge := f.Image.Edges()[0]; f.Sky.Level-edge > max(least*f.Sky.Noise, f.Sky.Step) {
		f.Sky.Level, f.filled = edge, true
		f.note("light of the galaxy fills the image: the sky is that of its border, and the noise " +
			"that between neighboring pixels")
		// The scatter of what is dark is that of the galaxy's light.
		if levels, err := f.Image.NoiseLevels(); err == nil && levels[0] > 0 {
			f.Sky.Noise = min(f.Sky.Noise, levels[0])
		}
	}
	f.note("the sky, %.4g ± %.2g, is subtracted; its noise is %.4g", f.Sky.Level, f.Sky.StdErr,
		f.Sky.Noise)
	return f.Image.Subtract([]float64{f.Sky.Level})
}

// findNoise finds the inverse variances and the correlation of the noise. Known is a plane that
// was named, nil if none was.
func (f *Field) findNoise(image string, known *files.Uncertainty) error {
	u, err := known, error(nil)
	if u == nil {
		u, err = files.LoadUncertainty(image)
	}
	switch {
	case errors.Is(err, files.ErrNoUncertainty):
		if f.Sky.Noise == 0 {
			return fmt.Errorf("galdecon: %s shows no sky with noise, and has no plane of errors: "+
				"give its noise, see observe.Exposure", image)
		}
		f.InvVar = make([]float64, len(f.Image.Pixels))
		for k := range f.InvVar {
			f.InvVar[k] = 1 / (f.Sky.Noise * f.Sky.Noise)
		}
		f.fromSky = true
		f.note("the noise is taken for the sky's everywhere")
	case err != nil:
		return err
	case u.Height != f.Image.Height || u.Width != f.Image.Width:
		return fmt.Errorf("galdecon: %s of %s has %d×%d pixels, its image %d×%d", u.Source, image,
			u.Height, u.Width, f.Image.Height, f.Image.Width)
	default:
		if err := f.use(u); err != nil {
			return err
		}
	}
	for k, bad := range f.Image.BadAt(0) {
		if bad {
			f.InvVar[k] = 0
		}
	}
	if f.filled || f.Sky.Step > 0 {
		return nil // there is no sky to see it in; and resampled pixels aren't whole counts
	}
	correlations, err := f.Image.NoiseCorrelation()
	if err != nil {
		return nil // nothing to see it in
	}
	if c := correlations[0]; c.Correlated() {
		if f.Noise, err = correlationOf(c); err != nil {
			return fmt.Errorf("galdecon: in %s neighbors share noise as noise can't be shared: %w; "+
				"is it an image of light?", image, err)
		}
		f.note("neighboring pixels share their noise, by %.2f along rows and %.2f along columns; "+
			"the mean over many pixels has %.2f times the noise of white noise", c.At(0, 1),
			c.At(1, 0), c.Ratio())
	}
	return nil
}

// use takes the noise from a plane of the file, and compares it with what the sky shows.
func (f *Field) use(u *files.Uncertainty) (err error) {
	switch u.Kind {
	case files.KindError:
		f.InvVar = observe.FromError(u.Values)
	case files.KindVariance:
		f.InvVar = observe.FromVariance(u.Values)
	case files.KindInverseVariance:
		f.InvVar = observe.FromInvVar(u.Values)
	default:
		f.InvVar, err = observe.FromWeight(u.Values, f.Image.Pixels, u.Height, u.Width)
		if err != nil {
			return err
		}
	}
	f.note("the noise is that of %s, which has %s", u.Source, u.Kind)
	if f.Sky.Noise == 0 {
		return nil
	}
	if said := posterior.MedianNoise(f.InvVar); math.Abs(math.Log(said/f.Sky.Noise)) > math.Log(1.25) {
		f.note("it says %.3g in the median, but the sky shows %.3g: is it of another unit, or "+
			"without the correlation of resampled pixels?", said, f.Sky.Noise)
	}
	return nil
}

// correlationOf returns a correlation that is measured at small lags as one that noise can have. A
// measured one may have less than no power somewhere, by chance or by light that was left: weighted
// by Bartlett's triangle it hasn't.
func correlationOf(c galaxy.Correlation) (*observe.Correlation, error) {
	const size = 2*galaxy.MaxLag + 1
	measured := observe.Correlation{Size: size, Values: make([]float64, size*size)}
	weighted := observe.Correlation{Size: size, Values: make([]float64, size*size)}
	for k := range measured.Values {
		row, column := k/size-galaxy.MaxLag, k%size-galaxy.MaxLag
		measured.Values[k] = c.At(row, column)
		triangle := func(lag int) float64 {
			return 1 - math.Abs(float64(lag))/(galaxy.MaxLag+1)
		}
		weighted.Values[k] = measured.Values[k] * triangle(row) * triangle(column)
	}
	out, err := measured.Positive()
	if err != nil {
		out, err = weighted.Positive()
	}
	return &out, err
}

// AddPhotons adds the noise of the photons of what is in the image to the inverse variances, which
// lack it where they are those of the sky, as [observe.AddPhotons] does: electrons is how many
// there are to a unit of the image, GAIN for one in counts.
func (f *Field) AddPhotons(electrons float64) error {
	invVar, err := observe.AddPhotons(f.InvVar, f.Image.Pixels, f.Image.Height, f.Image.Width,
		electrons)
	if err != nil {
		return err
	}
	f.InvVar, f.fromSky = invVar, false
	f.note("the noise of the galaxies' photons is added: %.4g electrons make a unit", electrons)
	return nil
}

// Whole returns the whole image as one observation, for [Model.SampleLooks].
func (f *Field) Whole() []observe.Observation {
	return []observe.Observation{{Exposures: []observe.Exposure{{Image: f.Image,
		PSFs: []psf.PSF{f.PSF}, InvVar: f.InvVar, Noise: f.Noise}}}}
}

// At returns the square of side pixels around a place, or as much of it as the image has: column
// and row, counted from 0. A place outside of the image is an error. [Field.Window] is its header.
func (f *Field) At(column, row float64, side int) (observe.Observation, error) {
	if !(column >= 0 && row >= 0 && column < float64(f.Image.Width) &&
		row < float64(f.Image.Height)) {
		return observe.Observation{}, fmt.Errorf("galdecon: column %g, row %g isn't within the "+
			"image of %d columns and %d rows, counted from 0", column, row, f.Image.Width,
			f.Image.Height)
	}
	cut, left, top := f.crop(column, row, side)
	side = cut.Width
	cut.IDs = []string{fmt.Sprintf("%s, column %.0f, row %.0f", f.Image.ID(0), column, row)}
	invVar := make([]float64, side*side)
	for k := range invVar {
		invVar[k] = f.InvVar[(top+k/side)*f.Image.Width+left+k%side]
	}
	return observe.Observation{Exposures: []observe.Exposure{{Image: cut,
		PSFs: []psf.PSF{f.PSF}, InvVar: invVar, Noise: f.Noise}}}, nil
}

// Window returns the header of the stamp that [Field.At] returns for the same place: world
// coordinates are moved along. It is empty if the file isn't FITS.
func (f *Field) Window(column, row float64, side int) *fits.Header {
	if f.Header == nil {
		return &fits.Header{}
	}
	_, left, top := f.crop(column, row, side)
	return f.Header.Window(left, top, 1)
}

// crop returns the stamp around a place, and where its first pixel lies.
func (f *Field) crop(column, row float64, side int) (cut *galaxy.Images, left, top int) {
	side = min(side, f.Image.Width, f.Image.Height)
	return f.Image.Crop(int(math.Round(column))-side/2, int(math.Round(row))-side/2, side)
}

package galdecon

import (
	"math"
	"strings"

	"galdecon/galdecon/galaxy/files/fits"
	"galdecon/galdecon/psf"
)

const (
	// centered is how far a PSF's centroid may lie from its center, in its pixels, before it is
	// moved: that far, candidates move by less than their error bars.
	centered = 0.02
	// alike is how much the pixels of a PSF may differ from those of the image, as a share.
	alike = 0.005
)

// bringPSF takes the first PSF of a file, moves it to its center, and brings it to the pixels of
// the image.
func (f *Field) bringPSF(file *psf.File) (err error) {
	f.PSF = file.PSFs[0]
	if len(file.PSFs) > 1 {
		f.note("the first of %d PSFs is taken", len(file.PSFs))
	}
	// Where there is nothing to measure, as in a PSF of one pixel, there is nothing to move.
	if m, err := f.PSF.Moments(); err == nil && math.Hypot(m.Row, m.Col) > centered {
		if f.PSF, err = f.PSF.Recenter(); err != nil {
			return err
		}
		f.note("the PSF's light was %+.2f rows and %+.2f columns from its center, and is moved "+
			"there", m.Row, m.Col)
	}
	for _, problem := range file.Notes {
		// Notes on one of several PSFs name it.
		others := strings.Contains(problem.Source, ", PSF ") &&
			!strings.HasSuffix(problem.Source, ", PSF 0")
		if problem.Kind != psf.OffCenter && !others {
			f.note("the PSF: %s", strings.TrimPrefix(problem.Error(), "psf: "))
		}
	}
	switch ratio := f.PixelScale / file.PixelScale; {
	case f.PixelScale == 0 && file.PixelScale == 0:
		f.note("no header says how wide pixels are: the PSF's are taken to be the image's")
	case f.PixelScale == 0 || file.PixelScale == 0:
		which := "image's"
		if file.PixelScale == 0 {
			which = "PSF's"
		}
		f.note("the %s file doesn't say how wide its pixels are, %.4g arcsec are taken as in the "+
			"other", which, max(f.PixelScale, file.PixelScale))
	case math.Abs(ratio-1) > alike:
		if f.PSF, err = f.PSF.Rescale(ratio); err != nil {
			return err
		}
		f.note("the PSF is brought from pixels of %.4g arcsec to those of the image, %.4g arcsec",
			file.PixelScale, f.PixelScale)
	}
	return nil
}

// pixelScale returns the width of a pixel in arcseconds, the root of its area, by the world
// coordinates of a header (Greisen & Calabretta 2002, Calabretta & Greisen 2002), or else by a card
// that names it; 0 where there is neither.
func pixelScale(h *fits.Header) float64 {
	if h == nil {
		return 0
	}
	number := func(key string, otherwise float64) float64 {
		if v, ok := h.Number(key); ok {
			return v
		}
		return otherwise
	}
	unit := 3600.0
	switch text, _ := h.Text("CUNIT1"); strings.ToLower(strings.TrimSpace(text)) {
	case "", "deg", "degree", "degrees":
	case "arcmin":
		unit = 60
	case "arcsec":
		unit = 1
	case "mas":
		unit = 1e-3
	case "rad":
		unit = 3600 * 180 / math.Pi
	default:
		unit = 0
	}
	kind, _ := h.Text("CTYPE1")
	area := 0.0
	switch {
	case !isSky(kind):
	case h.Has("CD1_1") || h.Has("CD1_2") || h.Has("CD2_1") || h.Has("CD2_2"):
		area = number("CD1_1", 0)*number("CD2_2", 0) - number("CD1_2", 0)*number("CD2_1", 0)
	case h.Has("CDELT1") && h.Has("CDELT2") || h.Has("PC1_1") && h.Has("PC2_2"):
		area = number("CDELT1", 1) * number("CDELT2", 1) *
			(number("PC1_1", 1)*number("PC2_2", 1) - number("PC1_2", 0)*number("PC2_1", 0))
	}
	if scale := unit * math.Sqrt(math.Abs(area)); scale > 0 && !math.IsInf(scale, 0) {
		return scale
	}
	for _, key := range []string{"PIXSCALE", "SECPIX", "PIXELSCL"} {
		if v := number(key, 0); v > 0 && !math.IsInf(v, 0) {
			return v
		}
	}
	return 0
}

// isSky reports whether a CTYPE is that of a coordinate on the sky.
func isSky(kind string) bool {
	for _, name := range []string{"RA---", "DEC--", "GLON-", "GLAT-", "ELON-", "ELAT-"} {
		if strings.HasPrefix(kind, name) {
			return true
		}
	}
	return false
}

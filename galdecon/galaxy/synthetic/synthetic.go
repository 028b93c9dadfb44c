// Package synthetic makes galaxies to train on: Sérsic profiles with bulges, spiral arms and
// clumps, [n, size, size, channels], any number of them and each determined by a seed and its
// index. [Galaxies] says what is drawn, and from which ranges.
package synthetic

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"

	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/galaxy/internal/raster"
)

// Config says which galaxies [Galaxies] makes.
type Config struct {
	// N is the number of galaxies, at least 1.
	N int
	// Size is the number of pixels along a side of the square images, 8 to 2048. The same seed
	// gives the same galaxies at every size: all lengths are fractions of the side.
	Size int
	// Channels is 1 for gray (0 means 1 as well), or 3 for red, green and blue, with red bulges and
	// blue clumps; gray is the mean of the three.
	Channels int
	// Spectra makes the Channels, then 1 to 6, bands at random wavelengths: bulge, disc, arms and
	// each clump and companion have spectra of their own. The shapes are those of the same galaxies
	// without.
	Spectra bool `json:",omitzero"`
	// Seed and the index of a galaxy determine it: galaxy First+i is the same whatever N is, so a
	// stream of new galaxies is made by raising First, and a validation set by another seed.
	Seed  int64
	First int
	// Pictures is the fraction, 0 to 1, that looks as in published 8-bit pictures (the paper's
	// Illustris images are such) instead of as in calibrated data (Hubble's FITS files): stretched
	// by an asinh, on a sky above 0.
	Pictures float64
	// Noiseless leaves out the noise and the residual sky. The galaxies are the same, but for
	// wings that noise would hide, which are drawn to 1e-5 instead of 1/2000 of their brightness.
	Noiseless bool
	// Radii and PSFs, where they are set, are the least and the largest Re, of all types, and σ of
	// the telescope's PSF, in sides.
	Radii Range `json:",omitzero"`
	PSFs  Range `json:",omitzero"`
	// Scatter is the fraction, 0 to 1, of galaxies whose center is anywhere within the middle half
	// of the stamp, as in a tile of a larger image.
	Scatter float64 `json:",omitzero"`
}

// Range holds the least and the largest value of a distribution that is uniform in the logarithm.
type Range struct{ Min, Max float64 }

func (r Range) validate(name string) error {
	if r != (Range{}) && !(r.Min > 0 && r.Max >= r.Min && r.Max <= 1) {
		return fmt.Errorf("synthetic: %s must satisfy 0 < Min ≤ Max ≤ 1 side, got %g to %g", name,
			r.Min, r.Max)
	}
	return nil
}

// Galaxies makes galaxies to train on, [N, Size, Size, Channels], scaled as [galaxy.Images.Prepare]
// does. Equal arguments give equal bits on one machine, however many processors work on them.
//
// What is drawn for each galaxy ("a…b" is uniform, "log a…b" uniform in the logarithm; lengths in
// sides of the stamp, Re the half-light radius of the disc along its major axis):
//
//	quantity                      distribution
//	                              — source or reason
//	type                          25 % early, 60 % spiral, 15 % irregular
//	                              — mostly late types, as in deep fields
//	Re                            log 0.03…0.42; pictures log 0.12…0.42
//	                              — unresolved to filling; pictures are cut to fit
//	center, each axis             Gaussian, σ 0.006
//	                              — stamps are cut at rounded positions
//	inclination i                 cos i 0…1
//	                              — random orientation
//	position angle                0…π
//	                              — random orientation
//	bulge, share of flux          early 0.4…1, irregular 0…0.05, spiral 0.4 times a product of
//	                              two 0…1
//	                              — Simien & de Vaucouleurs 1986, ApJ 302, 564
//	bulge, Sérsic index           early 1…4, spiral 0.8…2.5, irr. 0.8…2
//	                              — Graham & Worley 2008, MNRAS 388, 1708
//	bulge, radius / Re            early 0.4…1, else 0.15…0.5
//	                              — smaller than the disc
//	bulge, thickness q0           0.55…1
//	                              — rounder than discs
//	disc, Sérsic index            0.4…1.2
//	                              — exponential, or broken (Pohlen & Trujillo 2006)
//	disc, thickness q0            0.15…0.35, irregular 0.2…0.6
//	                              — q² = cos²i + q0² sin²i (Hubble 1926)
//	spiral arms, number           60 % 2, else 3…5
//	                              — grand design to many-armed
//	arms, pitch angle             8°…35°, either sense
//	                              — Sa to Sd (Kennicutt 1981, AJ 86, 1847)
//	arms, share of local light    spiral 0.2…1, irregular 0…0.5
//	                              — Elmegreen et al. 2011, ApJ 737, 32
//	bar                           40 % of spirals, 0.05…0.2 of the disc's flux, radius
//	                              0.3…0.6 Re, axis ratio 0.3
//	lopsidedness, m = 1           spiral 0…0.3, irregular 0.2…0.7
//	                              — Rix & Zaritsky 1995, ApJ 447, 82
//	bending of the plane / Re     spiral 0…0.15, irregular 0.1…0.6
//	                              — warps, tides
//	dust lane                     half of discs with i > 60° that aren't irregular: depth 0.2…0.7,
//	                              σ 0.06…0.15 Re
//	clumps, number                Poisson of mean log 3…60, irregular log 3…30; none in early
//	                              types
//	clumps, place                 exponential disc; 70 % on the arms
//	                              — star formation follows gas
//	clumps, σ / Re                log 0.01…0.12
//	                              — unresolved to resolved
//	clumps, peak / local disc     log 0.1…1 of the brightest: log 0.3…2, irregular log 0.5…4
//	                              — HII regions to giant clumps (Guo et al. 2015, ApJ 800, 39)
//	companions, number            Poisson, mean 0.5, anywhere
//	                              — half galaxies of index 0.7…4, half stars
//	companions, flux / galaxy's   log 0.003…0.6, stars a fifth of it
//	companions, radius            log 0.008…0.06
//	PSF of the telescope, σ       log 0.008…0.018
//	                              — Hubble's 0.1 arcsec FWHM is 0.011 at 128 pixels of 0.03
//	                                arcsec; smaller stamps see more of it
//	noise in (1/32 of the side)²  10 % none, else log 0.003…0.035 of the peak at that resolution
//	                              — the ten of [hst.Galaxies] at size 32: 0.006…0.025
//	noise, correlation σ          half none, else log 0.002…0.015
//	                              — drizzled or resampled images
//	residual sky / peak           Gaussian, σ 0.004
//	                              — the ten of [hst.Galaxies]: -0.002…0.007
//	picture, softening of asinh   log 0.02…0.3 of the peak
//	                              — Lupton et al. 2004, PASP 116, 133
//	picture, sky                  0.02…0.1
//	                              — Galaxy Zoo's pictures of Illustris and GOODS
//
// With Spectra there are bands too, and magnitudes in them ("N(m, s)" is Gaussian; slopes are
// magnitudes by which the red end is brighter than the blue one, as from u to z):
//
//	wavelength of each band       0…1, of the logarithm's range
//	slope of the disc             N(1.3, 0.7): star formation, dust, redshift
//	slope of other parts          bulge: the disc's + 0.2…1.6; arms: − 0…0.8; a clump's:
//	                              − 0.2…1.8; a companion's own N(1.3, 1)
//	curvature                     N(0, 0.6) of the galaxy, N(0, 0.3) more of each part
//	scatter in each band          N(0, 0.03) of each part
//	emission line                 a third of the clumps: one band brighter by 0.2…1.2
//
// Ranges without a source were tuned until the real galaxies of [hst.Galaxies], and with Pictures
// those of Illustris and GOODS, lay within the synthetic ones in brightness, size, concentration,
// asymmetry and power spectrum at 32 pixels.
//
// A clean image y is thus what a telescope would record with its own sharp PSF, and noise: a
// network must learn to give back such images, since a real y is one. Noise is white or smoothed;
// shot noise of the galaxy itself is left out, because faint galaxies are limited by the sky. The
// ids are "synthetic seed/index"; Scale is nil.
func Galaxies(config Config) (*galaxy.Images, error) {
	c := config
	if c.Channels == 0 {
		c.Channels = 1
	}
	if err := c.validate(); err != nil {
		return nil, err
	}
	images := galaxy.NewImages(c.N, c.Size, c.Size, c.Channels)
	images.IDs = make([]string, c.N)
	var next atomic.Int64
	var workers sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), c.N) {
		workers.Go(func() {
			for i := int(next.Add(1)) - 1; i < c.N; i = int(next.Add(1)) - 1 {
				images.IDs[i] = c.id(c.First + i)
				c.render(images.At(i), uint64(c.First+i))
			}
		})
	}
	workers.Wait()
	return images, nil
}

func (c Config) validate() error {
	switch {
	case c.N < 1:
		return fmt.Errorf("synthetic: cannot make %d synthetic galaxies; N must be at least 1", c.N)
	case c.Size < 8 || c.Size > 2048:
		return fmt.Errorf("synthetic: cannot make synthetic galaxies of %d pixels a side; Size "+
			"must be between 8 and 2048", c.Size)
	case c.Spectra && (c.Channels < 0 || c.Channels > maxBands):
		return fmt.Errorf("synthetic: cannot make synthetic galaxies in %d bands; Channels must "+
			"be 1 to %d", c.Channels, maxBands)
	case !c.Spectra && c.Channels != 0 && c.Channels != 1 && c.Channels != 3:
		return fmt.Errorf("synthetic: cannot make synthetic galaxies of %d channels; Channels "+
			"must be 1 or 3", c.Channels)
	case c.First < 0:
		return fmt.Errorf("synthetic: the first synthetic galaxy has the index %d; First must "+
			"not be negative", c.First)
	case !(c.Pictures >= 0 && c.Pictures <= 1):
		return fmt.Errorf("synthetic: the fraction of pictures is %v; Pictures must be between 0 "+
			"and 1", c.Pictures)
	case !(c.Scatter >= 0 && c.Scatter <= 1):
		return fmt.Errorf("synthetic: the fraction of galaxies anywhere is %v; Scatter must be "+
			"between 0 and 1", c.Scatter)
	}
	return errors.Join(c.Radii.validate("Radii"), c.PSFs.validate("PSFs"))
}

// id names the galaxy of an index.
func (c Config) id(index int) string { return fmt.Sprintf("synthetic %d/%d", c.Seed, index) }

// render draws one galaxy into pixels, which are zero.
func (c Config) render(pixels []float32, index uint64) {
	r := random{rand.New(rand.NewPCG(uint64(c.Seed), index))}
	o := drawObservation(r, c)
	g := drawModel(r, o, c)
	if c.Spectra {
		// Apart from the shapes, which are the same without.
		g.drawSpectra(random{rand.New(rand.NewPCG(uint64(c.Seed), index|spectralStream))},
			c.Channels)
	}

	stamp := canvas{pixels, c.Size, c.Channels}
	side := float64(c.Size)
	// The PSF, applied to pixels, needs pixels that are not much larger than itself.
	factor := (minRender + c.Size - 1) / c.Size
	fine := canvas{make([]float32, len(pixels)*factor*factor), c.Size * factor, c.Channels}
	least := faintest
	if c.Noiseless {
		least = faintestNoiseless
	}
	g.paintProfiles(fine, least)
	fine.blur(o.psf * side * float64(factor))
	raster.AreaAverage(pixels, fine.pixels, fine.size, c.Size, c.Channels)
	for _, s := range g.spots {
		// A Gaussian behind a Gaussian PSF is a Gaussian: exact, also where the PSF is smaller than
		// a pixel.
		stamp.spot(s.x, s.y, math.Hypot(s.sigma, o.psf), s.flux, s.tint)
	}

	// Every image has light in its center, so both peaks are positive.
	peak := raster.CentralMax(pixels, c.Size, c.Size, c.Channels)
	if !c.Noiseless {
		coarse, size := pixels, min(c.Size, 32)
		if size < c.Size {
			coarse = make([]float32, size*size*c.Channels)
			raster.AreaAverage(coarse, pixels, c.Size, size, c.Channels)
		}
		noise := canvas{make([]float32, len(pixels)), c.Size, c.Channels}
		level := o.noise * raster.CentralMax(coarse, size, size, c.Channels) * side / 32
		for k := range noise.pixels {
			noise.pixels[k] = float32(level * r.NormFloat64())
		}
		noise.blur(o.correlation * side)
		for k, v := range noise.pixels {
			pixels[k] += v + float32(o.sky*peak)
		}
	}
	if raster.Normalize(pixels, c.Size, c.Channels) <= 0 {
		panic("synthetic: a synthetic galaxy without light") // the distributions exclude it
	}
	if o.picture {
		unit := math.Asinh(1 / o.softening)
		for k, v := range pixels {
			stretched := math.Asinh(float64(v)/o.softening) / unit
			pixels[k] = float32(max(0, o.pedestal+(1-o.pedestal)*stretched))
		}
	}
}

// The shares of a profile's mean surface brightness within its half-light radius below which
// nothing is drawn. Without noise a wing's brightness adds up, over a stamp, to some of the flux.
const faintest, faintestNoiseless = 1. / 2000, 1e-5

// minRender is the smallest number of pixels a side at which galaxies are drawn; smaller stamps are
// averaged down from there.
const minRender = 64

package synthetic

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"

	"gonum.org/v1/gonum/stat/distuv"

	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/galaxy/internal/raster"
)

// Config says which galaxies [Galaxies] makes.
type Config struct {
	// N is the number of galaxies, at least 1.
	N int
	// Size is the number of pixels along a side of the square images, 8 to 2048. The same seed gives the same galaxies at
	// every size: all lengths are fractions of the side.
	Size int
	// Channels is 1 for grey (0 means 1 as well), or 3 for red, green and blue, with red bulges and blue clumps; grey is the
	// mean of the three.
	Channels int
	// Seed and the index of a galaxy determine it: galaxy First+i is the same whatever N is, so a stream of new galaxies
	// is made by raising First, and a validation set by another seed.
	Seed  int64
	First int
	// Pictures is the fraction, 0 to 1, that looks as in published 8-bit pictures (the paper's Illustris images are
	// such) instead of as in calibrated data (Hubble's FITS files): stretched by an asinh, on a sky above 0.
	Pictures float64
	// Noiseless leaves out the noise and the residual sky. The galaxies are the same.
	Noiseless bool
}

// Galaxies makes galaxies to train on, [N, Size, Size, Channels], scaled as [galaxy.Images.Prepare] does. Equal arguments give
// equal bits on one machine, however many processors work on them.
//
// What is drawn for each galaxy ("a…b" is uniform, "log a…b" uniform in the logarithm; lengths in sides of the stamp, Re the
// half-light radius of the disc along its major axis):
//
//	quantity                      distribution                            source or reason
//	type                          25 % early, 60 % spiral, 15 % irregular mostly late types, as in deep fields
//	Re                            log 0.03…0.42; pictures log 0.12…0.42   unresolved to filling; pictures are cut to fit
//	centre, each axis             Gaussian, σ 0.006                       stamps are cut at rounded positions
//	inclination i                 cos i 0…1                               random orientation
//	position angle                0…π                                     random orientation
//	bulge, share of flux          early 0.4…1, irregular 0…0.05,          Simien & de Vaucouleurs 1986, ApJ 302, 564
//	                              spiral 0.4 times a product of two 0…1
//	bulge, Sérsic index           early 1…4, spiral 0.8…2.5, irr. 0.8…2   Graham & Worley 2008, MNRAS 388, 1708
//	bulge, radius / Re            early 0.4…1, else 0.15…0.5              smaller than the disc
//	bulge, thickness q0           0.55…1                                  rounder than discs
//	disc, Sérsic index            0.4…1.2                                 exponential, or broken (Pohlen & Trujillo 2006)
//	disc, thickness q0            0.15…0.35, irregular 0.2…0.6            q² = cos²i + q0² sin²i (Hubble 1926)
//	spiral arms, number           60 % 2, else 3…5                        grand design to many-armed
//	arms, pitch angle             8°…35°, either sense                    Sa to Sd (Kennicutt 1981, AJ 86, 1847)
//	arms, share of local light    spiral 0.2…1, irregular 0…0.5           Elmegreen et al. 2011, ApJ 737, 32
//	bar                           40 % of spirals, 0.05…0.2 of the disc's flux, radius 0.3…0.6 Re, axis ratio 0.3
//	lopsidedness, m = 1           spiral 0…0.3, irregular 0.2…0.7         Rix & Zaritsky 1995, ApJ 447, 82
//	bending of the plane / Re     spiral 0…0.15, irregular 0.1…0.6        warps, tides
//	dust lane                     half of discs with i > 60° that aren't irregular: depth 0.2…0.7, σ 0.06…0.15 Re
//	clumps, number                Poisson of mean log 3…60, irregular log 3…30; none in early types
//	clumps, place                 exponential disc; 70 % on the arms      star formation follows gas
//	clumps, σ / Re                log 0.01…0.12                           unresolved to resolved
//	clumps, peak / local disc     log 0.1…1 of the brightest: log 0.3…2,  HII regions to giant clumps
//	                              irregular log 0.5…4                     (Guo et al. 2015, ApJ 800, 39)
//	companions, number            Poisson, mean 0.5, anywhere             half galaxies of index 0.7…4, half stars
//	companions, flux / galaxy's   log 0.003…0.6, stars a fifth of it
//	companions, radius            log 0.008…0.06
//	PSF of the telescope, σ       log 0.008…0.018                         Hubble's 0.1 arcsec FWHM is 0.011 at 128 pixels of 0.03
//	                                                                      arcsec; smaller stamps see more of it
//	noise in (1/32 of the side)²  10 % none, else log 0.003…0.035 of the  the ten of [hst.Galaxies] at size 32: 0.006…0.025
//	                              peak at that resolution
//	noise, correlation σ          half none, else log 0.002…0.015         drizzled or resampled images
//	residual sky / peak           Gaussian, σ 0.004                       the ten of [hst.Galaxies]: -0.002…0.007
//	picture, softening of asinh   log 0.02…0.3 of the peak                Lupton et al. 2004, PASP 116, 133
//	picture, sky                  0.02…0.1                                Galaxy Zoo's pictures of Illustris and GOODS
//
// Ranges without a source were tuned until the real galaxies of [hst.Galaxies], and with Pictures those of Illustris and GOODS,
// lay within the synthetic ones in brightness, size, concentration, asymmetry and power spectrum at 32 pixels.
//
// A clean image y is thus what a telescope would record with its own sharp PSF, and noise: a network must learn to give
// back such images, since a real y is one. Noise is white or smoothed; shot noise of the galaxy itself is left out, because
// faint galaxies are limited by the sky. The ids are "synthetic seed/index"; Scale is nil.
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
		return fmt.Errorf("synthetic: cannot make synthetic galaxies of %d pixels a side; Size must be between 8 and 2048", c.Size)
	case c.Channels != 0 && c.Channels != 1 && c.Channels != 3:
		return fmt.Errorf("synthetic: cannot make synthetic galaxies of %d channels; Channels must be 1 or 3", c.Channels)
	case c.First < 0:
		return fmt.Errorf("synthetic: the first synthetic galaxy has the index %d; First must not be negative", c.First)
	case !(c.Pictures >= 0 && c.Pictures <= 1):
		return fmt.Errorf("synthetic: the fraction of pictures is %v; Pictures must be between 0 and 1", c.Pictures)
	}
	return nil
}

// id names the galaxy of an index.
func (c Config) id(index int) string { return fmt.Sprintf("synthetic %d/%d", c.Seed, index) }

// render draws one galaxy into pixels, which are zero.
func (c Config) render(pixels []float32, index uint64) {
	r := random{rand.New(rand.NewPCG(uint64(c.Seed), index))}
	o := drawObservation(r, c.Pictures)
	g := drawModel(r, o)

	stamp := canvas{pixels, c.Size, c.Channels}
	side := float64(c.Size)
	// The PSF, applied to pixels, needs pixels that are not much larger than itself.
	factor := (minRender + c.Size - 1) / c.Size
	fine := canvas{make([]float32, len(pixels)*factor*factor), c.Size * factor, c.Channels}
	g.paintProfiles(fine)
	fine.blur(o.psf * side * float64(factor))
	raster.AreaAverage(pixels, fine.pixels, fine.size, c.Size, c.Channels)
	for _, s := range g.spots {
		// A Gaussian behind a Gaussian PSF is a Gaussian: exact, also where the PSF is smaller than a pixel.
		stamp.spot(s.x, s.y, math.Hypot(s.sigma, o.psf), s.flux, s.tint)
	}

	// Every image has light in its centre, so both peaks are positive.
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

// minRender is the smallest number of pixels a side at which galaxies are drawn; smaller stamps are averaged down from there.
const minRender = 64

// random draws from the distributions that the generator needs.
type random struct{ *rand.Rand }

func (r random) uniform(lo, hi float64) float64 {
	return distuv.Uniform{Min: lo, Max: hi, Src: r}.Rand()
}

func (r random) logUniform(lo, hi float64) float64 {
	return math.Exp(r.uniform(math.Log(lo), math.Log(hi)))
}

func (r random) angle() float64 { return r.uniform(0, 2*math.Pi) }

func (r random) poisson(mean float64) int { return int(distuv.Poisson{Lambda: mean, Src: r}.Rand()) }

func (r random) chance(p float64) bool { return r.Float64() < p }

// observation is how the stamp was taken.
type observation struct {
	psf         float64 // σ, in sides
	noise       float64 // σ within 1/32 of the side squared, relative to the peak at that resolution
	correlation float64 // σ of the Gaussian that smooths the noise, in sides
	sky         float64 // relative to the peak
	picture     bool
	softening   float64 // of the asinh, relative to the peak
	pedestal    float64 // sky of a picture
}

func drawObservation(r random, pictures float64) observation {
	o := observation{
		psf:         r.logUniform(0.008, 0.018),
		noise:       r.logUniform(0.003, 0.035),
		correlation: r.logUniform(0.002, 0.015),
		sky:         0.004 * r.NormFloat64(),
		picture:     r.chance(pictures),
		softening:   r.logUniform(0.02, 0.3),
		pedestal:    r.uniform(0.02, 0.1),
	}
	if o.picture {
		// The stretch makes the sky's noise larger by its slope at 0; after it, it's as in other images.
		o.noise *= o.softening * math.Asinh(1/o.softening)
	}
	if r.chance(0.1) {
		o.noise = 0
	}
	if r.chance(0.5) {
		o.correlation = 0
	}
	return o
}

// morphology is the type of a galaxy.
type morphology int

const (
	early morphology = iota
	spiral
	irregular
)

// model is a galaxy of total flux 1 and its companions.
type model struct {
	kind  morphology
	re    float64 // half-light radius of the disc; of the bulge where it is larger
	cosI  float64
	disc  disc
	bulge component
	spots []spot // clumps and stars
	// companions are other galaxies in the stamp.
	companions []component
	clumpTint  colour
	discTint   colour
}

// component is an elliptical Sérsic profile somewhere in the stamp.
type component struct {
	flux    float64
	frame   frame
	profile sersic
	tint    colour
}

// spot is a round Gaussian, before the PSF.
type spot struct {
	x, y, sigma, flux float64
	tint              colour
}

// disc is an inclined, thin distribution of light; the modulations conserve its flux, to within how they overlap.
type disc struct {
	flux    float64
	frame   frame
	profile sersic
	// Logarithmic spiral arms: crests where arms*(θ - ln R / tan pitch) = phase, a von Mises profile of concentration
	// sharpness across them, for the share contrast of the light.
	arms             float64
	tanPitch         float64
	phase            float64
	contrast         float64
	sharpness, mean  float64 // mean is that of exp(sharpness cos φ), the Bessel function I0(sharpness)
	wobble, wobbleAt float64 // bends the arms: irregularity in phase
	lopsided         float64 // amplitude of the m = 1 mode
	lopsidedAt       float64
	bend, bendAt     float64 // the plane is sheared along its major axis by bend*sin(v/re + bendAt), which conserves area
	bar              float64 // share of the light in a bar
	barProfile       sersic
	barCos, barSin   float64
	dust             float64 // depth of the lane
	dustAt           float64 // its offset along the minor axis on the sky, and width
	dustWidth        float64
}

func drawModel(r random, o observation) *model {
	g := &model{}
	switch p := r.Float64(); {
	case p < 0.25:
		g.kind = early
	case p < 0.85:
		g.kind = spiral
	default:
		g.kind = irregular
	}
	g.re = r.logUniform(0.03, 0.42)
	if o.picture {
		g.re = r.logUniform(0.12, 0.42) // pictures are cut to show the galaxy
	}
	x, y := 0.006*r.NormFloat64(), 0.006*r.NormFloat64()
	g.cosI = r.Float64()
	angle := r.uniform(0, math.Pi)

	var bulge, bulgeN, bulgeRe, thickness float64
	switch g.kind {
	case early:
		bulge, bulgeN, bulgeRe = r.uniform(0.4, 1), r.uniform(1, 4), r.uniform(0.4, 1)
		thickness = r.uniform(0.15, 0.35)
	case spiral:
		bulge, bulgeN, bulgeRe = 0.4*r.Float64()*r.Float64(), r.uniform(0.8, 2.5), r.uniform(0.15, 0.5)
		thickness = r.uniform(0.15, 0.35)
	case irregular:
		bulge, bulgeN, bulgeRe = r.uniform(0, 0.05), r.uniform(0.8, 2), r.uniform(0.15, 0.5)
		thickness = r.uniform(0.2, 0.6)
	}
	// How strongly colours differ within the galaxy.
	gradient := r.uniform(0.1, 0.4)
	g.discTint = colour{1, 1, 1}
	g.clumpTint = colour{1 - gradient, 1, 1 + gradient}
	red := colour{1 + gradient, 1, 1 - gradient}

	q := axisRatio(g.cosI, r.uniform(0.55, 1))
	g.bulge = newComponent(bulge, bulgeRe*g.re, bulgeN, newFrame(x, y, angle, q), red)
	g.disc = drawDisc(r, g.kind, 1-bulge, g.re, newFrame(x, y, angle, axisRatio(g.cosI, thickness)), g.cosI)
	if g.kind != early {
		g.drawClumps(r, o.psf)
	}
	g.drawCompanions(r)
	return g
}

func newComponent(flux, re, n float64, f frame, tint colour) component {
	return component{flux: flux, frame: f, profile: newSersic(1, re, n, f.q), tint: tint}
}

func drawDisc(r random, kind morphology, flux, re float64, f frame, cosI float64) disc {
	n := r.uniform(0.4, 1.2)
	d := disc{
		flux: flux, frame: f, profile: newSersic(1, re, n, f.q),
		arms: 2, phase: r.angle(), tanPitch: math.Tan(r.uniform(8, 35) * math.Pi / 180),
		sharpness: r.uniform(0.5, 3), wobble: r.uniform(0, 0.6), wobbleAt: r.angle(),
		lopsided: r.uniform(0, 0.3), lopsidedAt: r.angle(),
		bend: r.uniform(0, 0.15) * re, bendAt: r.angle(),
	}
	if r.chance(0.5) {
		d.tanPitch = -d.tanPitch // winding the other way
	}
	if r.chance(0.4) {
		d.arms = 3 + float64(r.IntN(3))
	}
	switch kind {
	case early:
		d.lopsided, d.bend = 0, 0
	case spiral:
		d.contrast = r.uniform(0.2, 1)
		if r.chance(0.4) {
			d.bar = r.uniform(0.05, 0.2)
			d.barProfile = newSersic(1, r.uniform(0.3, 0.6)*re, 0.5, f.q*barAxisRatio)
			at := r.angle()
			d.barCos, d.barSin = math.Cos(at), math.Sin(at)
		}
	case irregular:
		d.contrast = r.uniform(0, 0.5)
		d.lopsided, d.bend = r.uniform(0.2, 0.7), r.uniform(0.1, 0.6)*re
	}
	if kind != irregular && cosI < 0.5 && r.chance(0.5) {
		d.dust, d.dustAt, d.dustWidth = r.uniform(0.2, 0.7), r.uniform(-0.1, 0.1)*re, r.uniform(0.06, 0.15)*re
	}
	d.mean = besselI0(d.sharpness)
	return d
}

// barAxisRatio is that of a bar within the plane of its disc.
const barAxisRatio = 0.3

// besselI0 is the modified Bessel function of order 0, by its power series, which converges fast for the small arguments here.
func besselI0(x float64) float64 {
	sum, term := 1.0, 1.0
	for k := 1.0; term > 1e-12*sum; k++ {
		term *= x * x / (4 * k * k)
		sum += term
	}
	return sum
}

// drawClumps places star-forming clumps in the disc, most of them on the crests of its arms. psf is the σ of the telescope:
// the contrast of a clump is the one that it's seen with.
func (g *model) drawClumps(r random, psf float64) {
	mean, brightest := r.logUniform(3, 60), r.logUniform(0.3, 2)
	if g.kind == irregular {
		mean, brightest = r.logUniform(3, 30), r.logUniform(0.5, 4)
	}
	// Radii of an exponential disc: the scale length is Re/1.678.
	radius := distuv.Gamma{Alpha: 2, Beta: 1.678 / g.re, Src: r}
	for range r.poisson(mean) {
		R, theta := radius.Rand(), r.angle()
		if r.chance(0.7) {
			// On a crest, with some scatter across it.
			theta = math.Log(R/g.re)/g.disc.tanPitch + (g.disc.phase+2*math.Pi*float64(r.IntN(max(1, int(g.disc.arms))))+0.5*r.NormFloat64())/g.disc.arms
		}
		u, v := R*math.Cos(theta), R*math.Sin(theta)
		u -= g.disc.bend * math.Sin(v/g.re+g.disc.bendAt)
		x, y := g.disc.frame.out(u, v)
		sigma, contrast := g.re*r.logUniform(0.01, 0.12), r.logUniform(0.1, 1)*brightest
		flux := contrast * g.disc.at(x, y) * 2 * math.Pi * (sigma*sigma + psf*psf)
		g.spots = append(g.spots, spot{x, y, sigma, flux, g.clumpTint})
	}
}

func (g *model) drawCompanions(r random) {
	for range r.poisson(0.5) {
		x, y := r.uniform(-0.5, 0.5), r.uniform(-0.5, 0.5)
		flux, re, n := r.logUniform(0.003, 0.6), r.logUniform(0.008, 0.06), r.uniform(0.7, 4)
		q, angle, blue := r.uniform(0.2, 1), r.uniform(0, math.Pi), r.uniform(-0.3, 0.3)
		tint := colour{1 - blue, 1, 1 + blue}
		if r.chance(0.5) {
			g.spots = append(g.spots, spot{x, y, 0, 0.2 * flux, tint}) // a star, of the size of the PSF
			continue
		}
		g.companions = append(g.companions, newComponent(flux, re, n, newFrame(x, y, angle, q), tint))
	}
}

// paintProfiles adds the bulge, the disc and the companions, all but the spots, to the stamp.
func (g *model) paintProfiles(c canvas) {
	g.bulge.paint(c)
	g.disc.paint(c, g.discTint)
	for i := range g.companions {
		g.companions[i].paint(c)
	}
}

func (k *component) paint(c canvas) {
	c.paint(k.at, k.frame, &k.profile, k.flux, k.tint)
}

func (k *component) at(x, y float64) float64 {
	u, v := k.frame.in(x, y)
	return k.flux * k.profile.at(u*u+v*v)
}

func (d *disc) paint(c canvas, tint colour) {
	c.paint(d.at, d.frame, &d.profile, d.flux, tint)
}

// at returns the surface brightness of the disc with its arms, bar and dust.
func (d *disc) at(x, y float64) float64 {
	u, v := d.frame.in(x, y)
	minor := v * d.frame.q
	re := d.profile.re
	u += d.bend * math.Sin(v/re+d.bendAt)
	r2 := u*u + v*v
	light := d.profile.at(r2)
	if d.contrast > 0 || d.lopsided > 0 {
		light *= d.modulation(u/re, v/re, r2/(re*re))
	}
	if d.bar > 0 {
		along, across := u*d.barCos+v*d.barSin, (v*d.barCos-u*d.barSin)/barAxisRatio
		light = (1-d.bar)*light + d.bar*d.barProfile.at(along*along+across*across)
	}
	if d.dust > 0 {
		z := (minor - d.dustAt) / d.dustWidth
		light *= 1 - d.dust*math.Exp(-z*z/2)
	}
	return d.flux * light
}

// modulation is the factor of mean 1 over the angle by which arms and lopsidedness change the disc at (u, v), in
// half-light radii, with r2 = u²+v². Both fade towards the centre, where they have no direction.
func (d *disc) modulation(u, v, r2 float64) float64 {
	outer := r2 / (r2 + 0.1)
	theta := math.Atan2(v, u)
	factor := 1 + d.lopsided*outer*math.Cos(theta-d.lopsidedAt)
	if d.contrast > 0 && r2 > 0 {
		logR := 0.5 * math.Log(r2)
		phi := d.arms*(theta-logR/d.tanPitch) - d.phase + d.wobble*math.Sin(2*theta+3*logR+d.wobbleAt)
		factor *= 1 + d.contrast*outer*(math.Exp(d.sharpness*math.Cos(phi))/d.mean-1)
	}
	return factor
}

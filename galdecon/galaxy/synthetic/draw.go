package synthetic

import (
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/stat/distuv"
)

// random draws from the distributions that the generator needs.
type random struct{ *rand.Rand }

func (r random) uniform(lo, hi float64) float64 {
	return distuv.Uniform{Min: lo, Max: hi, Src: r}.Rand()
}

func (r random) logUniform(lo, hi float64) float64 {
	return math.Exp(r.uniform(math.Log(lo), math.Log(hi)))
}

func (r random) angle() float64 { return r.uniform(0, 2*math.Pi) }

func (r random) poisson(mean float64) int {
	return int(distuv.Poisson{Lambda: mean, Src: r}.Rand())
}

func (r random) chance(p float64) bool { return r.Float64() < p }

// observation is how the stamp was taken.
type observation struct {
	psf float64 // σ, in sides
	// σ within 1/32 of the side squared, relative to the peak at that resolution
	noise       float64
	correlation float64 // σ of the Gaussian that smooths the noise, in sides
	sky         float64 // relative to the peak
	picture     bool
	softening   float64 // of the asinh, relative to the peak
	pedestal    float64 // sky of a picture
}

func drawObservation(r random, c Config) observation {
	psfs := Range{0.008, 0.018}
	if c.PSFs != (Range{}) {
		psfs = c.PSFs
	}
	o := observation{
		psf:         r.logUniform(psfs.Min, psfs.Max),
		noise:       r.logUniform(0.003, 0.035),
		correlation: r.logUniform(0.002, 0.015),
		sky:         0.004 * r.NormFloat64(),
		picture:     r.chance(c.Pictures),
		softening:   r.logUniform(0.02, 0.3),
		pedestal:    r.uniform(0.02, 0.1),
	}
	if o.picture {
		// The stretch makes the sky's noise larger by its slope at 0; after it, it's as in other
		// images.
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

func drawModel(r random, o observation, c Config) *model {
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
	if c.Radii != (Range{}) {
		g.re = r.logUniform(c.Radii.Min, c.Radii.Max)
	}
	x, y := 0.006*r.NormFloat64(), 0.006*r.NormFloat64()
	if c.Scatter > 0 && r.chance(c.Scatter) {
		x, y = r.uniform(-0.25, 0.25), r.uniform(-0.25, 0.25)
	}
	g.cosI = r.Float64()
	angle := r.uniform(0, math.Pi)

	var bulge, bulgeN, bulgeRe, thickness float64
	switch g.kind {
	case early:
		bulge, bulgeN, bulgeRe = r.uniform(0.4, 1), r.uniform(1, 4), r.uniform(0.4, 1)
		thickness = r.uniform(0.15, 0.35)
	case spiral:
		bulge, bulgeN, bulgeRe = 0.4*r.Float64()*r.Float64(), r.uniform(0.8, 2.5),
			r.uniform(0.15, 0.5)
		thickness = r.uniform(0.15, 0.35)
	case irregular:
		bulge, bulgeN, bulgeRe = r.uniform(0, 0.05), r.uniform(0.8, 2), r.uniform(0.15, 0.5)
		thickness = r.uniform(0.2, 0.6)
	}
	// How strongly colors differ within the galaxy.
	gradient := r.uniform(0.1, 0.4)
	g.discTint, g.armTint = color{1, 1, 1}, color{1, 1, 1}
	g.clumpTint = color{1 - gradient, 1, 1 + gradient}
	red := color{1 + gradient, 1, 1 - gradient}

	q := axisRatio(g.cosI, r.uniform(0.55, 1))
	g.bulge = newComponent(bulge, bulgeRe*g.re, bulgeN, newFrame(x, y, angle, q), red)
	g.disc = drawDisc(r, g.kind, 1-bulge, g.re, newFrame(x, y, angle, axisRatio(g.cosI, thickness)),
		g.cosI)
	if g.kind != early {
		g.drawClumps(r, o.psf)
	}
	g.drawCompanions(r)
	return g
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
		d.dust, d.dustAt, d.dustWidth = r.uniform(0.2, 0.7), r.uniform(-0.1, 0.1)*re,
			r.uniform(0.06, 0.15)*re
	}
	d.mean = besselI0(d.sharpness)
	return d
}

// drawClumps places star-forming clumps in the disc, most of them on the crests of its arms. psf is
// the σ of the telescope: the contrast of a clump is the one that it's seen with.
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
			theta = math.Log(R/g.re)/g.disc.tanPitch +
				(g.disc.phase+2*math.Pi*float64(r.IntN(max(1,
					int(g.disc.arms))))+0.5*r.NormFloat64())/g.disc.arms
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
		tint := color{1 - blue, 1, 1 + blue}
		if r.chance(0.5) {
			// a star, of the size of the PSF
			g.spots = append(g.spots, spot{x, y, 0, 0.2 * flux, tint})
			continue
		}
		g.companions = append(g.companions, newComponent(flux, re, n, newFrame(x, y, angle, q),
			tint))
	}
}

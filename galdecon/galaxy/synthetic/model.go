package synthetic

import (
	"math"
)

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
	clumpTint  color
	discTint   color
	armTint    color // of the arms' share of the disc's light
}

// component is an elliptical Sérsic profile somewhere in the stamp.
type component struct {
	flux    float64
	frame   frame
	profile sersic
	tint    color
}

// spot is a round Gaussian, before the PSF.
type spot struct {
	x, y, sigma, flux float64
	tint              color
}

// disc is an inclined, thin distribution of light; the modulations conserve its flux, to within how
// they overlap.
type disc struct {
	flux    float64
	frame   frame
	profile sersic
	// Logarithmic spiral arms: crests where arms*(θ - ln R / tan pitch) = phase, a von Mises
	// profile of concentration sharpness across them, for the share contrast of the light.
	arms     float64
	tanPitch float64
	phase    float64
	contrast float64
	// mean is that of exp(sharpness cos φ), the Bessel function I0(sharpness)
	sharpness, mean  float64
	wobble, wobbleAt float64 // bends the arms: irregularity in phase
	lopsided         float64 // amplitude of the m = 1 mode
	lopsidedAt       float64
	// the plane is sheared along its major axis by bend*sin(v/re + bendAt), which conserves area
	bend, bendAt   float64
	bar            float64 // share of the light in a bar
	barProfile     sersic
	barCos, barSin float64
	dust           float64 // depth of the lane
	dustAt         float64 // its offset along the minor axis on the sky, and width
	dustWidth      float64
}

func newComponent(flux, re, n float64, f frame, tint color) component {
	return component{flux: flux, frame: f, profile: newSersic(1, re, n, f.q), tint: tint}
}

// barAxisRatio is that of a bar within the plane of its disc.
const barAxisRatio = 0.3

// besselI0 returns the modified Bessel function of order 0, by its power series, which converges
// fast for the small arguments here.
func besselI0(x float64) float64 {
	sum, term := 1.0, 1.0
	for k := 1.0; term > 1e-12*sum; k++ {
		term *= x * x / (4 * k * k)
		sum += term
	}
	return sum
}

// paintProfiles adds the bulge, the disc and the companions, all but the spots, to the stamp.
// Each is drawn as far as its light is more than the share least of its own brightness.
func (g *model) paintProfiles(c canvas, least float64) {
	g.bulge.paint(c, least)
	g.disc.paint(c, g.discTint, least)
	if g.armTint != g.discTint && g.disc.contrast > 0 {
		var more color // than the disc's
		for k := range more {
			more[k] = g.armTint[k] - g.discTint[k]
		}
		c.paint(g.disc.armsAt, g.disc.frame, &g.disc.profile, g.disc.flux, more, least)
	}
	for i := range g.companions {
		g.companions[i].paint(c, least)
	}
}

func (k *component) paint(c canvas, least float64) {
	c.paint(k.at, k.frame, &k.profile, k.flux, k.tint, least)
}

func (k *component) at(x, y float64) float64 {
	u, v := k.frame.in(x, y)
	return k.flux * k.profile.at(u*u+v*v)
}

func (d *disc) paint(c canvas, tint color, least float64) {
	c.paint(d.at, d.frame, &d.profile, d.flux, tint, least)
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

// armsAt returns the part of the disc's surface brightness that is its arms'.
func (d *disc) armsAt(x, y float64) float64 {
	u, v := d.frame.in(x, y)
	u += d.bend * math.Sin(v/d.profile.re+d.bendAt)
	u, v = u/d.profile.re, v/d.profile.re
	r2 := u*u + v*v
	if r2 == 0 {
		return 0
	}
	arms := d.contrast * outer(r2) * math.Exp(d.sharpness*math.Cos(d.crest(u, v, r2))) / d.mean
	return d.at(x, y) * arms / (1 + arms)
}

// outer fades towards the center, from r2, a squared radius.
func outer(r2 float64) float64 { return r2 / (r2 + 0.1) }

// crest returns the phase at (u, v) relative to a crest of the arms.
func (d *disc) crest(u, v, r2 float64) float64 {
	theta, logR := math.Atan2(v, u), 0.5*math.Log(r2)
	return d.arms*(theta-logR/d.tanPitch) - d.phase + d.wobble*math.Sin(2*theta+3*logR+d.wobbleAt)
}

// modulation returns the factor of mean 1 over the angle by which arms and lopsidedness change the
// disc at (u, v), in half-light radii, with r2 = u²+v². Both fade towards the center, where they
// have no direction.
func (d *disc) modulation(u, v, r2 float64) float64 {
	outer := outer(r2)
	theta := math.Atan2(v, u)
	factor := 1 + d.lopsided*outer*math.Cos(theta-d.lopsidedAt)
	if d.contrast > 0 && r2 > 0 {
		phi := d.crest(u, v, r2)
		factor *= 1 + d.contrast*outer*(math.Exp(d.sharpness*math.Cos(phi))/d.mean-1)
	}
	return factor
}

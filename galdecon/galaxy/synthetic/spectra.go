package synthetic

import "math"

const (
	// maxBands is the most bands that galaxies are made in.
	maxBands = 6
	// spectralStream keeps the random numbers of spectra apart from those of shapes.
	spectralStream = 1 << 63
)

// spectra draws spectra of the parts of a galaxy, in bands at random wavelengths.
type spectra struct {
	random
	places    []float64 // of the bands, −½ the blue end to ½ the red one
	curvature float64   // of all parts
}

// drawSpectra gives each part of the galaxy a spectrum in so many bands.
func (g *model) drawSpectra(r random, bands int) {
	s := spectra{random: r, curvature: 0.6 * r.NormFloat64()}
	for range bands {
		s.places = append(s.places, r.uniform(-0.5, 0.5))
	}
	slope := 1.3 + 0.7*r.NormFloat64()
	g.discTint = s.draw(slope)
	g.armTint = s.draw(slope - r.uniform(0, 0.8))
	g.bulge.tint = s.draw(slope + r.uniform(0.2, 1.6))
	for i := range g.companions {
		g.companions[i].tint = s.draw(1.3 + r.NormFloat64())
	}
	for i := range g.spots {
		spot := &g.spots[i]
		if spot.sigma == 0 { // a star beside it
			spot.tint = s.draw(1.3 + r.NormFloat64())
			continue
		}
		spot.tint = s.draw(slope - r.uniform(0.2, 1.8))
		if r.chance(1./3) && bands > 0 {
			spot.tint[r.IntN(bands)] *= magnitudes(r.uniform(0.2, 1.2))
		}
	}
}

// draw returns the weights of a part whose red end is brighter by so many magnitudes.
func (s spectra) draw(slope float64) color {
	var c color
	curvature := s.curvature + 0.3*s.NormFloat64()
	for k, x := range s.places {
		c[k] = magnitudes(slope*x + curvature*(4*x*x-1./3) + 0.03*s.NormFloat64())
	}
	return c
}

// magnitudes returns the ratio of fluxes that differ by so many magnitudes.
func magnitudes(m float64) float64 { return math.Pow(10, 0.4*m) }

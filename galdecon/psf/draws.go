package psf

import (
	"fmt"
	"math"
	"math/rand/v2"

	"galdecon/galdecon/moments"
)

// Doubt is how well a PSF is known: standard deviations of Gaussian errors, each drawn apart.
type Doubt struct {
	// Width is that of the logarithm of its width: 0.05 is 5 %.
	Width float64
	// Shear is that of each component of the ellipticity g that it has too much.
	Shear float64
}

// Draws returns n PSFs as the true one may be where p is known with doubt: p made wider, or
// narrower, and sheared, around the middle of its grid. They are on the grid of p, with sum 1. The
// seed determines them. It is an error if n is below 1, or the doubt negative or above 0.5.
func (p PSF) Draws(n int, doubt Doubt, seed int64) ([]PSF, error) {
	if err := p.Validate(); err != nil {
		return nil, err
	}
	if n < 1 {
		return nil, fmt.Errorf("psf: at least one draw is needed, got %d", n)
	}
	for _, d := range []float64{doubt.Width, doubt.Shear} {
		if !(d >= 0 && d <= 0.5) {
			return nil, fmt.Errorf("psf: the doubt in a PSF must be within 0 and 0.5, got %g", d)
		}
	}
	r := rand.New(rand.NewPCG(uint64(seed), 0))
	out := make([]PSF, n)
	for i := range out {
		width := math.Exp(doubt.Width * r.NormFloat64())
		g := moments.Shear{G1: doubt.Shear * r.NormFloat64(), G2: doubt.Shear * r.NormFloat64()}
		if err := g.Validate(); err != nil {
			return nil, fmt.Errorf("psf: %w", err)
		}
		var err error
		if out[i], err = p.distort(width, g); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// distort returns the PSF stretched by a factor and sheared by g, which leaves areas as they are,
// by Lanczos interpolation.
func (p PSF) distort(stretch float64, g moments.Shear) (PSF, error) {
	root := math.Sqrt(1-g.G1*g.G1-g.G2*g.G2) * stretch
	half := p.Size / 2
	weights := make([]float32, len(p.Pixels))
	for i := range weights {
		y, x := float64(i/p.Size-half), float64(i%p.Size-half)
		// The inverse of stretch·(1+g₁ g₂; g₂ 1−g₁)/√(1−|g|²).
		u, v := ((1-g.G1)*x-g.G2*y)/root, ((1+g.G1)*y-g.G2*x)/root
		weights[i] = float32(p.at(v, u))
	}
	return New(p.Size, weights)
}

// at interpolates the PSF at a place, counted from its middle; it is dark beyond its grid.
func (p PSF) at(row, column float64) float64 {
	half := p.Size / 2
	top, left := int(math.Floor(row)), int(math.Floor(column))
	var sum, taps float64
	for i := top - lobes + 1; i <= top+lobes; i++ {
		wy := lanczos(row-float64(i), lobes)
		for j := left - lobes + 1; j <= left+lobes; j++ {
			w := wy * lanczos(column-float64(j), lobes)
			taps += w
			if i >= -half && i+half < p.Size && j >= -half && j+half < p.Size {
				sum += w * float64(p.Pixels[(i+half)*p.Size+j+half])
			}
		}
	}
	return sum / taps
}

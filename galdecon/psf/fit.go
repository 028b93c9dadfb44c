package psf

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/optimize"

	"galdecon/galdecon/moments"
)

// Fit is the PSF, of those an [Instrument] can have, that is nearest to a given one in the least
// squares of its pixels.
type Fit struct {
	// Sigma is its width in pixels, that of the Gaussian with the same full width at half maximum.
	Sigma float64
	// Shear is its ellipticity.
	Shear moments.Shear
	// Wings is 1/β of its Moffat profile, 0 for a Gaussian.
	Wings float64
	// Misfit is the share of light, between 0 and 1, that the given PSF has elsewhere: half the sum
	// of the absolute differences. What no Moffat profile has, such as Airy's rings, an offset from
	// the center, or noise, is in it. The Hubble Space Telescope's measured PSFs have about 0.05
	// when they are centered.
	Misfit float64
}

// Fit compares the PSF with Moffat profiles on its own grid, cut off by it and scaled to sum 1 as
// it is. It says whether a model knows a PSF like this: compare it with the ranges of its
// [Instrument].
func (p PSF) Fit() (Fit, error) {
	if err := p.Validate(); err != nil {
		return Fit{}, err
	}
	_, area := p.half()
	// All of the line is allowed for the logarithm of σ, for g/√(1−|g|²), and for the root of
	// w/(1−w), w = 1/β.
	profile := func(at []float64) Fit {
		shrink := math.Sqrt(1 + at[1]*at[1] + at[2]*at[2])
		return Fit{
			Sigma: math.Exp(at[0]),
			Shear: moments.Shear{G1: at[1] / shrink, G2: at[2] / shrink},
			Wings: at[3] * at[3] / (1 + at[3]*at[3]),
		}
	}
	model := make([]float64, len(p.Pixels))
	fill := func(f Fit) {
		sum, scale := 0.0, 1/(2*math.Ln2*f.Sigma*f.Sigma)
		for i := range model {
			dx, dy := float64(i%p.Size-p.Size/2), float64(i/p.Size-p.Size/2)
			model[i] = moffat(f.Shear.Radius2(dx, dy)*scale, f.Wings)
			sum += model[i]
		}
		for i := range model {
			model[i] /= sum
		}
	}
	problem := optimize.Problem{Func: func(at []float64) float64 {
		fill(profile(at))
		squares := 0.0
		for i, m := range model {
			d := m - float64(p.Pixels[i])
			squares += d * d
		}
		return squares
	}}
	start := []float64{math.Log(float64(area)/(2*math.Pi*math.Ln2)) / 2, 0, 0, 0.5}
	settings := &optimize.Settings{
		Converger: &optimize.FunctionConverge{Absolute: 1e-10, Relative: 1e-6, Iterations: 30},
	}
	simplex := &optimize.NelderMead{SimplexSize: 0.2}
	result, err := optimize.Minimize(problem, start, settings, simplex)
	if err != nil {
		return Fit{}, fmt.Errorf("psf: no Moffat profile can be fitted to the PSF: %w; is it "+
			"centered, and not noise?", err)
	}
	f := profile(result.X)
	fill(f)
	for i, m := range model {
		f.Misfit += math.Abs(m-float64(p.Pixels[i])) / 2
	}
	return f, nil
}

package posterior_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/posterior"
)

// χ² is 1 for residuals that are noise, by weights or without, and pixels without data don't count.
func TestChiSquared(t *testing.T) {
	const side = 64
	rng := rand.New(rand.NewPCG(1, 2))
	p := posterior.Posterior{Observation: galaxy.NewImages(1, side, side, 1),
		Reblurred: galaxy.NewImages(2, side, side, 1), Noise: 3, InvVar: make([]float64, side*side)}
	for k := range p.InvVar {
		sigma := 0.5 + float64(k%5)
		p.InvVar[k] = 1 / (sigma * sigma)
		p.Observation.Pixels[k] = float32(sigma * rng.NormFloat64())
		p.Reblurred.At(1)[k] = float32(2 * sigma) // adds 4
		if k%7 == 0 {
			p.InvVar[k], p.Observation.Pixels[k] = 0, float32(math.NaN())
		}
	}
	p.Observation.Bad = make([]bool, side*side)
	p.Observation.Bad[1], p.Observation.Pixels[1] = true, 1e9
	got, tolerance := p.ChiSquared(), 4*math.Sqrt(2.0/(side*side))
	if len(got) != 2 || math.Abs(got[0]-1) > tolerance || math.Abs(got[1]-5) > 3*tolerance {
		t.Errorf("χ² is %.3f, want 1 and 5", got)
	}
	white := posterior.Posterior{Observation: galaxy.NewImages(1, 2, 2, 1), Noise: 2,
		Reblurred: &galaxy.Images{N: 1, Height: 2, Width: 2, Channels: 1,
			Pixels: []float32{2, -2, 4, 0}}}
	if got := white.ChiSquared(); len(got) != 1 || got[0] != 1.5 {
		t.Errorf("χ² is %v, want (1 + 1 + 4 + 0)/4", got)
	}
	p.InvVar = make([]float64, side*side)
	if got := p.ChiSquared(); got != nil {
		t.Errorf("without data χ² is %v", got)
	}
}

package galaxy

import (
	"math"
	"math/rand/v2"
	"testing"
)

// White noise is found to a few per cent, also on a galaxy; a plane has none.
func TestNoiseLevels(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	const size = 64
	images := NewImages(3, size, size, 1)
	for p := range size * size {
		row, col := float64(p/size), float64(p%size)
		images.At(0)[p] = float32(0.02 * rng.NormFloat64())
		images.At(1)[p] = float32(math.Exp(-((row-32)*(row-32)+(col-32)*(col-32))/50) +
			0.02*rng.NormFloat64())
		images.At(2)[p] = float32(0.01*row - 0.02*col)
	}
	levels, err := images.NoiseLevels()
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []float64{0.02, 0.02, 0} {
		if math.Abs(levels[i]-want) > 0.0015 {
			t.Errorf("image %d: noise %g, want %g", i, levels[i], want)
		}
	}
}

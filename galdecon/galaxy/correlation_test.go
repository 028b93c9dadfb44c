package galaxy

import (
	"math"
	"testing"
)

// Noise that was smoothed by a known mask has the mask's autocorrelation.
func TestNoiseCorrelation(t *testing.T) {
	white := whiteNoise(130, 0, 3)
	smooth := NewImages(1, 128, 128, 1)
	weights := [3]float64{1, 2, 1}
	for k := range smooth.Pixels {
		y, x := k/128, k%128
		sum := 100.0
		for dx, w := range weights { // along rows alone
			sum += w * float64(white.Pixels[(y+1)*130+x+dx])
		}
		dx, dy := float64(x)-60, float64(y)-70
		smooth.Pixels[k] = float32(sum + 300*math.Exp(-math.Hypot(dx, dy)/3))
	}
	got, err := smooth.NoiseCorrelation()
	if err != nil {
		t.Fatal(err)
	}
	c := got[0]
	for lag, want := range map[[2]int]float64{{0, 0}: 1, {0, 1}: 4.0 / 6, {0, -1}: 4.0 / 6,
		{0, 2}: 1.0 / 6, {1, 0}: 0, {1, 1}: 0, {2, -1}: 0, {-1, 1}: 0, {0, 3}: 0} {
		if rho := c.At(lag[0], lag[1]); math.Abs(rho-want) > 5*c.StdErr {
			t.Errorf("%v: %.3f, want %.3f ± %.3f", lag, rho, want, c.StdErr)
		}
	}
	if !c.Correlated() || math.Abs(c.Ratio()-4/math.Sqrt(6)) > 0.2 {
		t.Errorf("correlated %v, ratio %.2f", c.Correlated(), c.Ratio())
	}
	for seed := range uint64(10) {
		got, err := whiteNoise(96, 5, seed).NoiseCorrelation()
		if err != nil {
			t.Fatal(err)
		}
		if got[0].Correlated() || math.Abs(got[0].Ratio()-1) > 0.25 {
			t.Errorf("white noise: correlated %v, ratio %.2f", got[0].Correlated(), got[0].Ratio())
		}
	}
	if _, err := whiteNoise(8, 5, 1).NoiseCorrelation(); err == nil {
		t.Error("8×8 pixels are enough")
	}
}

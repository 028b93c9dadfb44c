package observe

import (
	"math"
	"math/rand/v2"

	"galdecon/galdecon/internal/realfft"
)

// Draw draws noise of unit variance with the correlation, height × width values. Like
// [Grid.NoisePower] it has at least 10⁻³ of its variance at any frequency.
func (c Correlation) Draw(r *rand.Rand, height, width int) []float64 {
	rows, cols := paddedLength(height+c.Size), paddedLength(width+c.Size)
	t := realfft.New(rows, cols)
	correlation := make([]float64, rows*cols) // around the first pixel
	for k, v := range c.Values {
		row, col := k/c.Size-c.Size/2, k%c.Size-c.Size/2
		correlation[(row+rows)%rows*cols+(col+cols)%cols] = v
	}
	power, noise := t.Plane(), t.Plane()
	t.Forward(power, func(row, column int) float64 { return correlation[row*cols+column] })
	t.Forward(noise, func(int, int) float64 { return r.NormFloat64() })
	for k := range noise {
		noise[k] *= complex(math.Sqrt(max(real(power[k]), minPower)), 0)
	}
	out := make([]float64, height*width)
	t.Backward(noise, func(row, column int, v float64) {
		if row < height && column < width {
			out[row*width+column] = v
		}
	})
	return out
}

// Roughness returns how much larger than the noise's deviation [NoiseLevel] finds it where
// neighbors share it: below 1 where noise is smooth, 1 for white noise.
func (c Correlation) Roughness() float64 {
	mask := []float64{1, -2, 1, -2, 4, -2, 1, -2, 1}
	response, err := CorrelationOf(3, mask)
	if err != nil {
		panic(err) // the mask is as it should be
	}
	sum := 0.0
	for k, v := range response.Values {
		row, col := k/response.Size-response.Size/2, k%response.Size-response.Size/2
		if half := c.Size / 2; max(row, -row, col, -col) <= half {
			sum += v * c.Values[(row+half)*c.Size+col+half]
		}
	}
	return math.Sqrt(max(sum, 0))
}

package observe

import (
	"math"
	"math/cmplx"
	"math/rand/v2"

	dsp "gonum.org/v1/gonum/dsp/fourier"
)

// Draw draws noise of unit variance with the correlation, height × width values. Like
// [Grid.NoisePower] it has at least 10⁻³ of its variance at any frequency.
func (c Correlation) Draw(r *rand.Rand, height, width int) []float64 {
	rows, cols := paddedLength(height+c.Size), paddedLength(width+c.Size)
	kernel, white := make([]complex128, rows*cols), make([]complex128, rows*cols)
	for k, v := range c.Values {
		row, col := k/c.Size-c.Size/2, k%c.Size-c.Size/2
		kernel[(row+rows)%rows*cols+(col+cols)%cols] = complex(v, 0)
	}
	for k := range white {
		white[k] = complex(r.NormFloat64(), 0)
	}
	along(kernel, rows, cols, false)
	along(white, rows, cols, false)
	for k := range white {
		white[k] *= cmplx.Sqrt(complex(max(real(kernel[k]), minPower), 0))
	}
	along(white, rows, cols, true)
	out := make([]float64, height*width)
	for k := range out {
		out[k] = real(white[k/width*cols+k%width]) / float64(rows*cols)
	}
	return out
}

// along transforms a plane along both axes in place, or back without the factor 1/n.
func along(plane []complex128, rows, cols int, back bool) {
	do := func(t *dsp.CmplxFFT, line []complex128) {
		if back {
			t.Sequence(line, line)
			return
		}
		t.Coefficients(line, line)
	}
	byRow, byColumn := dsp.NewCmplxFFT(cols), dsp.NewCmplxFFT(rows)
	for i := range rows {
		do(byRow, plane[i*cols:(i+1)*cols])
	}
	line := make([]complex128, rows)
	for j := range cols {
		for i := range rows {
			line[i] = plane[i*cols+j]
		}
		do(byColumn, line)
		for i := range rows {
			plane[i*cols+j] = line[i]
		}
	}
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

// Package realfft is the Fourier transform of real images.
package realfft

import (
	"math"

	"gonum.org/v1/gonum/dsp/fourier"
)

// Transform is that of images of height × width pixels. As the transform at −k is the conjugate of
// that at k, half of the columns are enough: a plane is [height, width/2+1]. It must not be used
// concurrently.
type Transform struct {
	height, width, half int
	rows                *fourier.FFT
	columns             *fourier.CmplxFFT
	line                []float64
	column              []complex128
}

// New returns the transform of images of height × width pixels.
func New(height, width int) *Transform {
	return &Transform{height: height, width: width, half: width/2 + 1,
		rows: fourier.NewFFT(width), columns: fourier.NewCmplxFFT(height),
		line: make([]float64, width), column: make([]complex128, height)}
}

// Plane returns room for a transform.
func (t *Transform) Plane() []complex128 { return make([]complex128, t.height*t.half) }

// Rings returns, for each mode of a plane, the number of the ring of equal frequency |k| that it is
// in, in units of 1/N cycles per pixel with the longer side N, and how many modes of the whole
// plane it stands for, 1 or 2.
func (t *Transform) Rings() (rings, modes []int) {
	side := float64(max(t.height, t.width))
	for i := range t.height {
		for j := range t.half {
			fy := float64(min(i, t.height-i)) / float64(t.height)
			fx := float64(j) / float64(t.width)
			rings = append(rings, int(math.Hypot(fx, fy)*side+0.5))
			if j == 0 || 2*j == t.width {
				modes = append(modes, 1)
			} else {
				modes = append(modes, 2)
			}
		}
	}
	return rings, modes
}

// Forward transforms the image of the given pixels into a plane.
func (t *Transform) Forward(plane []complex128, pixel func(row, column int) float64) {
	for i := range t.height {
		for j := range t.line {
			t.line[j] = pixel(i, j)
		}
		t.rows.Coefficients(plane[i*t.half:(i+1)*t.half], t.line)
	}
	t.alongColumns(plane, t.columns.Coefficients)
}

// Backward tells the pixels of the image of a plane, which it changes.
func (t *Transform) Backward(plane []complex128, tell func(row, column int, v float64)) {
	t.alongColumns(plane, t.columns.Sequence)
	for i := range t.height {
		t.rows.Sequence(t.line, plane[i*t.half:(i+1)*t.half])
		for j, v := range t.line {
			tell(i, j, v/float64(t.height*t.width))
		}
	}
}

func (t *Transform) alongColumns(
	plane []complex128, do func(dst, src []complex128) []complex128,
) {
	for j := range t.half {
		for i := range t.column {
			t.column[i] = plane[i*t.half+j]
		}
		do(t.column, t.column)
		for i, v := range t.column {
			plane[i*t.half+j] = v
		}
	}
}

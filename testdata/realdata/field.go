package main

import (
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/dsp/fourier"

	"galdecon/galdecon/psf"
)

// ring is a torus of rows × cols pixels, on which stamps that are padded by zeros are convolved by
// their Fourier transforms.
type ring struct {
	rows, cols int
	byRow      *fourier.FFT
	byColumn   *fourier.CmplxFFT
}

// newRing returns a torus for stamps of height × width pixels and kernels that reach so far.
func newRing(height, width, reach int) *ring {
	r := &ring{rows: smooth(height + reach), cols: smooth(width + reach)}
	r.byRow, r.byColumn = fourier.NewFFT(r.cols), fourier.NewCmplxFFT(r.rows)
	return r
}

// smooth returns the smallest number from n on without prime factors above 5, and even.
func smooth(n int) int {
	for ; ; n++ {
		rest := n
		for _, p := range []int{2, 3, 5} {
			for rest%p == 0 {
				rest /= p
			}
		}
		if rest == 1 && n%2 == 0 {
			return n
		}
	}
}

// forward returns half of the spectrum of a stamp [height, width] in the corner of the torus.
func (r *ring) forward(stamp []float64, height, width int) []complex128 {
	half := r.cols/2 + 1
	out := make([]complex128, r.rows*half)
	line := make([]float64, r.cols)
	for i := range height {
		copy(line, stamp[i*width:(i+1)*width])
		r.byRow.Coefficients(out[i*half:(i+1)*half], line)
	}
	r.columns(out, r.byColumn.Coefficients)
	return out
}

// backward returns the stamp of height × width pixels in the corner of the torus.
func (r *ring) backward(spectrum []complex128, height, width int) []float64 {
	half := r.cols/2 + 1
	r.columns(spectrum, r.byColumn.Sequence)
	out, line := make([]float64, height*width), make([]float64, r.cols)
	scale := 1 / float64(r.rows*r.cols)
	for i := range height {
		r.byRow.Sequence(line, spectrum[i*half:(i+1)*half])
		for j := range width {
			out[i*width+j] = line[j] * scale
		}
	}
	return out
}

func (r *ring) columns(spectrum []complex128, transform func(dst, seq []complex128) []complex128) {
	half := r.cols/2 + 1
	column := make([]complex128, r.rows)
	for j := range half {
		for i := range column {
			column[i] = spectrum[i*half+j]
		}
		transform(column, column)
		for i, v := range column {
			spectrum[i*half+j] = v
		}
	}
}

// kernel returns half of the spectrum of a kernel of odd size, whose center is the origin.
func (r *ring) kernel(size int, values []float64) []complex128 {
	wrapped := make([]float64, r.rows*r.cols)
	for k, v := range values {
		row := (k/size - size/2 + r.rows) % r.rows
		col := (k%size - size/2 + r.cols) % r.cols
		wrapped[row*r.cols+col] += v
	}
	return r.forward(wrapped, r.rows, r.cols)
}

// times returns the product of two spectra; conjugate takes the conjugate of the second.
func times(a, b []complex128, conjugate bool) []complex128 {
	out := make([]complex128, len(a))
	for i, v := range b {
		if conjugate {
			v = complex(real(v), -imag(v))
		}
		out[i] = a[i] * v
	}
	return out
}

// white returns standard normal deviates.
func white(n int, rng *rand.Rand) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = rng.NormFloat64()
	}
	return out
}

// convolve returns a stamp [height, width] convolved with a PSF, beyond whose border it is dark.
func convolve(stamp []float64, height, width int, p psf.PSF) []float64 {
	r := newRing(height, width, p.Size)
	k := r.kernel(odd(p))
	return r.backward(times(r.forward(stamp, height, width), k, false), height, width)
}

// odd returns the weights of a PSF on a grid of odd size.
func odd(p psf.PSF) (int, []float64) {
	size := p.Size + 1 - p.Size%2
	out := make([]float64, size*size)
	for k, v := range p.Pixels {
		row, col := k/p.Size-p.Size/2+size/2, k%p.Size-p.Size/2+size/2
		out[row*size+col] = float64(v)
	}
	return size, out
}

func float64s(v []float32) []float64 {
	out := make([]float64, len(v))
	for i, x := range v {
		out[i] = float64(x)
	}
	return out
}

func dot(a, b []float64) float64 {
	sum := 0.0
	for i, v := range a {
		sum += v * b[i]
	}
	return sum
}

func largest(v []float64) float64 {
	top := math.Inf(-1)
	for _, x := range v {
		top = max(top, x)
	}
	return top
}

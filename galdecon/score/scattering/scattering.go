// Package scattering turns images into scattering coefficients (Mallat 2012; Bruna and Mallat 2013):
// features in place of a network's that the paper's variance (Section 2.3, Eq. 3-4) can be measured
// on. They are fixed: nothing is learned, downloaded or random. Astronomers know them as statistics
// of fields that aren't Gaussian (Cheng et al. 2020).
//
// An image x is convolved with wavelets ψ of scales 2^j pixels and orientations l, the modulus is
// taken, and so once more for coarser scales; a feature is the mean over all pixels of
//
//	x,  |x∗ψ_jl|,  ||x∗ψ_jl|∗ψ_j'l'| with j' > j.
//
// The first tell the flux and how much light varies at a scale and orientation, as a power spectrum
// does; the second how that is arranged: grain, arms, clumps. A shifted image has the same features.
package scattering

import (
	"context"
	"fmt"
	"iter"
	"math"
	"math/cmplx"
	"sync"

	"gonum.org/v1/gonum/dsp/fourier"

	"galdecon/galdecon/galaxy"
)

// Orientations is the number of the wavelets' directions, spread evenly over half a turn.
const Orientations = 8

// Morlet wavelets as they are customary: of the finest, the deviation of the envelope across the
// direction of the waves, in pixels, the frequency in radians a pixel, and the envelope's ratio of
// axes.
const (
	deviation = 0.8
	frequency = 3 * math.Pi / 4
	ratio     = 4.0 / Orientations
)

// Transform gives images their features. Its zero value is ready, and may be used concurrently.
type Transform struct {
	mu    sync.Mutex
	banks map[[2]int]*bank
}

// String says what the features are.
func (t *Transform) String() string {
	return fmt.Sprintf("scattering coefficients of two orders, %d orientations", Orientations)
}

// Scales returns the number J of scales for images of height × width pixels: the envelope of the
// coarsest has a deviation of about a tenth of the shorter side. It is 0 below 16 pixels.
func Scales(height, width int) int {
	return max(int(math.Floor(math.Log2(float64(min(height, width)))))-2, 0)
}

// Size returns the length of the vector of features of an image with one channel: 1 + JL + L²J(J−1)/2
// with J scales and L orientations.
func Size(height, width int) int {
	j := Scales(height, width)
	return 1 + j*Orientations + j*(j-1)/2*Orientations*Orientations
}

// Features yields a vector for each image, in their order: for each channel the mean, the first
// order, finest scale first and within it by orientation, and the second, by the first wavelet and
// then the second. The units are those of the pixels. An image continues at its opposite edge, so
// its border should be dark. Images that aren't valid ([galaxy.Images.Validate]) or have sides
// below 16 pixels are an error, and so is an end of ctx. An error is the last that it yields.
func (t *Transform) Features(
	ctx context.Context, images *galaxy.Images,
) iter.Seq2[[]float64, error] {
	return func(yield func([]float64, error) bool) {
		if err := takes(images); err != nil {
			yield(nil, err)
			return
		}
		bank := t.bank(images.Height, images.Width)
		for i := range images.N {
			if err := ctx.Err(); err != nil {
				yield(nil, fmt.Errorf("scattering: stopped after %d of %d images: %w", i, images.N,
					err))
				return
			}
			var all []float64
			for channel := range images.Channels {
				pixels := images.At(i)
				x := make([]complex128, images.Height*images.Width)
				for p := range x {
					x[p] = complex(float64(pixels[p*images.Channels+channel]), 0)
				}
				all = append(all, bank.scatter(x)...)
			}
			if !yield(all, nil) {
				return
			}
		}
	}
}

// takes returns an error if images have no features.
func takes(images *galaxy.Images) error {
	if err := images.Validate(); err != nil {
		return fmt.Errorf("scattering: %w", err)
	}
	if Scales(images.Height, images.Width) < 2 {
		return fmt.Errorf("scattering: two scales of wavelets need sides of at least 16 pixels, "+
			"the images have %d × %d; pad them with dark sky", images.Height, images.Width)
	}
	return nil
}

// bank holds the Fourier transforms of the wavelets for one size of images.
type bank struct {
	height, width int
	wavelets      [][][]float64 // by scale and orientation, [height·width]
}

// bank returns the wavelets for a size, which are made once.
func (t *Transform) bank(height, width int) *bank {
	t.mu.Lock()
	defer t.mu.Unlock()
	size := [2]int{height, width}
	if b := t.banks[size]; b != nil {
		return b
	}
	b := &bank{height: height, width: width}
	for j := range Scales(height, width) {
		var scale [][]float64
		for l := range Orientations {
			scale = append(scale, morlet(height, width, j, math.Pi*float64(l)/Orientations))
		}
		b.wavelets = append(b.wavelets, scale)
	}
	if t.banks == nil {
		t.banks = map[[2]int]*bank{}
	}
	t.banks[size] = b
	return b
}

// morlet returns the Fourier transform, which is real, of a Morlet wavelet of scale 2^j whose waves
// run along (cos θ, sin θ) in (column, row): a Gaussian around its frequency, less one around 0 so
// that the mean is 0.
func morlet(height, width, j int, theta float64) []float64 {
	scale := math.Ldexp(1, j)
	along, across := deviation*scale, deviation*scale/ratio
	cos, sin := math.Cos(theta), math.Sin(theta)
	gauss := func(x, y float64) float64 {
		u, v := x*cos+y*sin, y*cos-x*sin
		return math.Exp(-(u*u*along*along + v*v*across*across) / 2)
	}
	// The pixels' grid folds frequencies that differ by whole turns a pixel.
	folded := func(kx, ky, center float64) (sum float64) {
		for turnX := -2; turnX <= 2; turnX++ {
			for turnY := -2; turnY <= 2; turnY++ {
				sum += gauss(kx+2*math.Pi*float64(turnX)-center*cos,
					ky+2*math.Pi*float64(turnY)-center*sin)
			}
		}
		return sum
	}
	center := frequency / scale
	flat := folded(0, 0, center) / folded(0, 0, 0)
	hat := make([]float64, height*width)
	for row := range height {
		for column := range width {
			kx, ky := angular(column, width), angular(row, height)
			hat[row*width+column] = folded(kx, ky, center) - flat*folded(kx, ky, 0)
		}
	}
	return hat
}

// angular returns the frequency of a mode in radians a pixel, −π to π.
func angular(mode, n int) float64 {
	if 2*mode >= n {
		mode -= n
	}
	return 2 * math.Pi * float64(mode) / float64(n)
}

// scatter returns the features of an image, which it changes.
func (b *bank) scatter(x []complex128) []float64 {
	f := newFFT(b.height, b.width)
	f.forward(x)
	features := []float64{real(x[0]) / float64(len(x))}
	first := make([][][]complex128, len(b.wavelets))
	for j, scale := range b.wavelets {
		for _, wavelet := range scale {
			u := modulus(f, x, wavelet)
			f.forward(u)
			features = append(features, real(u[0])/float64(len(u)))
			first[j] = append(first[j], u)
		}
	}
	for j, scale := range first {
		for _, u := range scale {
			for _, coarser := range b.wavelets[j+1:] {
				for _, wavelet := range coarser {
					var sum float64
					for _, v := range modulus(f, u, wavelet) {
						sum += real(v)
					}
					features = append(features, sum/float64(len(u)))
				}
			}
		}
	}
	return features
}

// modulus returns |x∗ψ| from the Fourier transforms of x and ψ.
func modulus(f *fft, x []complex128, wavelet []float64) []complex128 {
	u := make([]complex128, len(x))
	for p, v := range x {
		u[p] = v * complex(wavelet[p], 0)
	}
	f.inverse(u)
	for p, v := range u {
		u[p] = complex(cmplx.Abs(v), 0)
	}
	return u
}

// fft is the Fourier transform of complex images in place.
type fft struct {
	rows, columns *fourier.CmplxFFT
	column        []complex128
}

func newFFT(height, width int) *fft {
	return &fft{fourier.NewCmplxFFT(width), fourier.NewCmplxFFT(height),
		make([]complex128, height)}
}

func (f *fft) forward(x []complex128) {
	f.each(x, f.rows.Coefficients, f.columns.Coefficients)
}

func (f *fft) inverse(x []complex128) {
	f.each(x, f.rows.Sequence, f.columns.Sequence)
	n := complex(float64(len(x)), 0)
	for p := range x {
		x[p] /= n
	}
}

func (f *fft) each(x []complex128, row, column func(dst, src []complex128) []complex128) {
	width := f.rows.Len()
	for i := 0; i < len(x); i += width {
		row(x[i:i+width], x[i:i+width])
	}
	for c := range width {
		for r := range f.column {
			f.column[r] = x[r*width+c]
		}
		column(f.column, f.column)
		for r, v := range f.column {
			x[r*width+c] = v
		}
	}
}

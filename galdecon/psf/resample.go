package psf

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"
)

// Recenter moves the light of a measured PSF by less or more than a pixel so that its centroid
// ([PSF.Moments]) is the center (k/2, k/2) of the package documentation. Otherwise a model gives
// galaxies that are shifted by as much the other way. The PSF is interpolated as by [PSF.Rescale].
// The first row and column of an even grid, which have none opposite, don't count for the centroid,
// so that PSFs of [Gaussian] and its like stay as they are.
func (p PSF) Recenter() (PSF, error) {
	row, col, err := p.centroid()
	if err != nil {
		return PSF{}, err
	}
	return p.resample(p.Size, 1, row, col)
}

// Rescale returns the PSF for images of another pixel scale, `pixels` old pixels wide: 2 for images
// that were averaged 2×2, such as those of [galaxy.Images.Prepare]. Averaging x and y alike leaves
// the PSF between them as it is, so it is interpolated at the new pixels' centers and keeps its
// width on the sky. Lanczos' window of five lobes is stretched to the wider of the two pixels, so
// what the new ones can't resolve is smoothed away instead of aliased. A Gaussian comes out to 0.5
// % of its peak if its σ is at least the wider pixel; at 0.8 of it to 3 %, and narrower PSFs ring.
// What spreads beyond the grid is lost, the rest scaled to sum 1.
func (p PSF) Rescale(pixels float64) (PSF, error) {
	if err := p.Validate(); err != nil {
		return PSF{}, err
	}
	if !(pixels >= 0.05 && pixels <= 20) {
		return PSF{}, fmt.Errorf("psf: the new pixels must be between 0.05 and 20 old ones wide, "+
			"got %g", pixels)
	}
	return p.resample(p.coarse(pixels), pixels, 0, 0)
}

// Rebin integrates an oversampled PSF, as optical models give it, over pixels of n×n of its
// samples. They are centered on its center; for an even n, samples on the edge between two pixels
// are shared. The light is kept to rounding. This adds the square of a pixel to the PSF, a variance
// of 1/12 in each direction: for a PSF that was measured on pixels, see [PSF.Rescale].
func (p PSF) Rebin(n int) (PSF, error) {
	if err := p.Validate(); err != nil {
		return PSF{}, err
	}
	if n < 1 {
		return PSF{}, fmt.Errorf("psf: a PSF is rebinned by at least 1 sample to a pixel, got "+
			"%d", n)
	}
	return p.rebin(p.coarse(float64(n)), n, 0)
}

// rebin is [PSF.Rebin] to a size, with pixels centered on the point (at, at), in samples from the
// center.
func (p PSF) rebin(size, n int, at float64) (PSF, error) {
	return p.separable(size, func(i, j int) float64 {
		// How much of sample j, one wide, lies in pixel i.
		middle, half := float64((i-size/2)*n)+at, float64(n)/2
		sample := float64(j - p.Size/2)
		return max(0, min(sample+0.5, middle+half)-max(sample-0.5, middle-half))
	}, nil)
}

// coarse returns the size of the grid whose pixels, `pixels` old ones wide, cover all old ones.
func (p PSF) coarse(pixels float64) int {
	need := func(light int) int { // pixels beside the central one
		return max(0, int(math.Ceil((float64(light)+0.5)/pixels-0.5-1e-9)))
	}
	before, after := need(p.Size/2), need(p.Size-1-p.Size/2)
	if after < before {
		return 2 * before
	}
	return 2*before + 1
}

// resample interpolates the PSF at the centers of a grid of another size and pixel scale, with its
// point (row, col), counted from its center, in the new center, without what the wider of the two
// pixels can't resolve.
func (p PSF) resample(size int, pixels, row, col float64) (PSF, error) {
	return p.interpolate(size, pixels, max(pixels, 1), lobes, row, col)
}

// interpolate is resample with Lanczos' window of some lobes, stretched by a factor: 1 takes the
// PSF as it is at the new centers, also what new pixels can't resolve.
func (p PSF) interpolate(
	size int, pixels, stretch float64, lobes int, row, col float64,
) (PSF, error) {
	along := func(shift float64) func(i, j int) float64 {
		// What Lanczos' weights sum to, which is not quite 1, with those off the grid.
		taps := make([]float64, size)
		at := func(i, j int) float64 {
			return lanczos((float64(i-size/2)*pixels+shift-float64(j-p.Size/2))/stretch, lobes)
		}
		for i := range taps {
			middle := int(float64(i-size/2)*pixels+shift) + p.Size/2
			reach := int(float64(lobes)*stretch) + 2
			for j := middle - reach; j <= middle+reach; j++ {
				taps[i] += at(i, j)
			}
		}
		return func(i, j int) float64 { return at(i, j) / taps[i] }
	}
	return p.separable(size, along(row), along(col))
}

// separable returns R·Π·Cᵀ on a size×size grid, for weights of the old row, or column, j in the new
// one i; C is R where it is nil.
func (p PSF) separable(size int, rows, cols func(i, j int) float64) (PSF, error) {
	if err := validSize(size); err != nil {
		return PSF{}, err
	}
	matrix := func(weight func(i, j int) float64) *mat.Dense {
		m := mat.NewDense(size, p.Size, nil)
		m.Apply(func(i, j int, _ float64) float64 { return weight(i, j) }, m)
		return m
	}
	left := matrix(rows)
	right := left
	if cols != nil {
		right = matrix(cols)
	}
	old := mat.NewDense(p.Size, p.Size, nil)
	old.Apply(func(i, j int, _ float64) float64 { return float64(p.Pixels[i*p.Size+j]) }, old)
	var product mat.Dense
	product.Product(left, old, right.T())
	weights := make([]float32, size*size)
	for i := range weights {
		weights[i] = float32(product.At(i/size, i%size))
	}
	return New(size, weights)
}

// lobes is the number of them to each side of Lanczos' window.
const lobes = 5

// lanczos returns sinc(t)·sinc(t/lobes), within ±lobes.
func lanczos(t float64, lobes int) float64 {
	n := float64(lobes)
	switch t = math.Abs(t) * math.Pi; {
	case t >= n*math.Pi:
		return 0
	case t < 1e-9:
		return 1
	}
	return n * math.Sin(t) * math.Sin(t/n) / (t * t)
}

// Compose returns the PSF of light that passes through a and then b, their convolution in full: its
// grid is large enough to lose none. If y is to be seen through a sharper PSF a instead of none
// (the paper's Section 4), the model's is the b for which Compose(a, b) is the telescope's.
func Compose(a, b PSF) (PSF, error) {
	for _, p := range []PSF{a, b} {
		if err := p.Validate(); err != nil {
			return PSF{}, err
		}
	}
	size := a.Size + b.Size - 1
	if a.Size%2 == 0 && b.Size%2 == 0 {
		size++ // or the centers a/2 + b/2 would not be the center
	}
	if err := validSize(size); err != nil {
		return PSF{}, err
	}
	sum := make([]float64, size*size)
	for i, v := range a.Pixels {
		for j, w := range b.Pixels {
			row, col := i/a.Size+j/b.Size, i%a.Size+j%b.Size
			sum[row*size+col] += float64(v) * float64(w)
		}
	}
	weights := make([]float32, len(sum))
	for i, v := range sum {
		weights[i] = float32(v)
	}
	return New(size, weights)
}

package psf

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"
)

// middle returns that of the grid, in samples from its center.
func (p PSF) middle() float64 {
	if p.Size%2 == 0 {
		return -0.5
	}
	return 0
}

// leastSpline is the number of samples that a cubic spline needs along a side.
const leastSpline = 4

// onSpline returns the values of the PSF at the centers of pixels that are n samples wide, around
// the point (at, at) in samples from its center, as many as lie within its samples: those of the
// tensor product of cubic splines through the samples that have no knot beside the ends, as
// photutils' models and SciPy's RectBivariateSpline.
func (p PSF) onSpline(n int, at float64) (PSF, error) {
	if p.Size < leastSpline {
		return PSF{}, everywhere(FewSamples, float64(p.Size), leastSpline,
			fmt.Sprintf("%d×%d samples are too few for a spline, which needs %d", p.Size, p.Size,
				leastSpline),
			"give a PSF on a larger grid, or on pixels")
	}
	before, after := float64(p.Size/2)+at, float64(p.Size-1-p.Size/2)-at
	beside := int(min(before, after) / float64(n))
	points := make([]float64, 2*beside+1)
	for i := range points {
		points[i] = before + float64((i-beside)*n)
	}
	weights := splineWeights(p.Size, points)
	return p.separable(len(points), weights.At, nil)
}

// splineWeights returns the weights [points, n] that n values at 0, 1 … have in the cubic spline
// through them at points between. Its third derivative is continuous at 1 and at n-2, too.
func splineWeights(n int, points []float64) *mat.Dense {
	// Second derivatives m solve m[i-1] + 4m[i] + m[i+1] = 6d[i], with the second differences d.
	// Beside the ends m[0] = 2m[1] - m[2], so that m[1] = d[1]; in the same way at the other end.
	inner := n - 2
	lower, middle, upper := make([]float64, inner-1), make([]float64, inner), make([]float64, inner-1)
	for i := range inner {
		middle[i] = 4
	}
	for i := range inner - 1 {
		lower[i], upper[i] = 1, 1
	}
	middle[0], upper[0], middle[inner-1], lower[inner-2] = 6, 0, 6, 0
	differences := mat.NewDense(inner, n, nil)
	for i := range inner {
		differences.Set(i, i, 6)
		differences.Set(i, i+1, -12)
		differences.Set(i, i+2, 6)
	}
	var solved mat.Dense
	system := mat.NewTridiag(inner, lower, middle, upper)
	if err := system.SolveTo(&solved, false, differences); err != nil {
		panic(err) // it's diagonally dominant
	}
	second := func(i, j int) float64 {
		switch i {
		case 0:
			return 2*solved.At(0, j) - solved.At(1, j)
		case n - 1:
			return 2*solved.At(inner-1, j) - solved.At(inner-2, j)
		}
		return solved.At(i-1, j)
	}
	weights := mat.NewDense(len(points), n, nil)
	for row, x := range points {
		i := min(max(int(math.Floor(x)), 0), n-2)
		a, b := float64(i+1)-x, x-float64(i)
		for j := range n {
			v := ((a*a*a-a)*second(i, j) + (b*b*b-b)*second(i+1, j)) / 6
			weights.Set(row, j, v)
		}
		weights.Set(row, i, weights.At(row, i)+a)
		weights.Set(row, i+1, weights.At(row, i+1)+b)
	}
	return weights
}

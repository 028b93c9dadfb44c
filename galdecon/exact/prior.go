package exact

import (
	"fmt"
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/mat"
)

// Component is one Gaussian of a mixture.
type Component struct {
	// Weight is its probability, positive.
	Weight float64 `json:"weight"`
	// Mean and Std are its mean and its standard deviation, which is positive.
	Mean float64 `json:"mean"`
	Std  float64 `json:"std"`
}

// Prior is a distribution of images of Side×Side pixels, y = B u: the coefficients u are
// independent, each a mixture of Gaussians, and the columns of the basis B are orthonormal.
type Prior struct {
	// Side is the number of pixels along a side.
	Side int
	// Basis is B, [pixels, coefficients], the pixels in the order of rows.
	Basis *mat.Dense
	// Mixtures are those of the coefficients. The weights of each sum to 1.
	Mixtures [][]Component
}

// StarField is a field of stars: each pixel holds one with a probability, its flux is Gaussian
// (Bernoulli–Gaussian pixels), and between them lies a faint Gaussian sky.
type StarField struct {
	// Share is the probability of a star in a pixel, in (0, 1).
	Share float64
	// Flux and FluxStd are the mean and the standard deviation of a star's flux.
	Flux, FluxStd float64
	// Sky is the standard deviation of the sky, around 0, in all pixels.
	Sky float64
}

// Prior returns the distribution of fields of side×side pixels.
func (s StarField) Prior(side int) (Prior, error) {
	if !(s.Share > 0 && s.Share < 1) {
		return Prior{}, fmt.Errorf("exact: a pixel must hold a star with a probability between 0 "+
			"and 1, got %g", s.Share)
	}
	n := side * side
	basis := mat.NewDense(n, n, nil)
	mixtures := make([][]Component, n)
	for i := range n {
		basis.Set(i, i, 1)
		mixtures[i] = []Component{{Weight: 1 - s.Share, Std: s.Sky},
			{Weight: s.Share, Mean: s.Flux, Std: math.Hypot(s.FluxStd, s.Sky)}}
	}
	p := Prior{Side: side, Basis: basis, Mixtures: mixtures}
	return p, p.Validate()
}

// WaveletField is a field whose coefficients in Haar's wavelets are mixtures of Gaussians of
// different scales around 0: Gaussian scale mixtures, as Portilla et al. (2003) describe natural
// images by.
type WaveletField struct {
	// Level and LevelStd are the mean of all pixels and the standard deviation of that mean.
	Level, LevelStd float64
	// Std is the standard deviation of the finest wavelets' coefficients at a scale of 1. It
	// doubles from each level to the next coarser one, so that all add as much to the variance of
	// the pixels.
	Std float64
	// Scales are the factors to it, and their probabilities.
	Scales []Scale
}

// Scale is one factor of a scale mixture, and its probability.
type Scale struct{ Weight, Factor float64 }

// Prior returns the distribution of fields of side×side pixels, a power of two. It is the same for
// fields that are mirrored or turned by quarters.
func (w WaveletField) Prior(side int) (Prior, error) {
	if side < 2 || side&(side-1) != 0 {
		return Prior{}, fmt.Errorf("exact: Haar's wavelets need a side that is a power of two, got "+
			"%d pixels", side)
	}
	n := side * side
	basis, column := mat.NewDense(n, n, nil), 0
	var mixtures [][]Component
	// add adds the wavelet with a sign in each quarter of a square of pixels.
	add := func(row, col, size int, signs [4]float64, mixture []Component) {
		for dy := range size {
			for dx := range size {
				quarter := 2*(2*dy/size) + 2*dx/size
				basis.Set((row+dy)*side+col+dx, column, signs[quarter]/float64(size))
			}
		}
		column++
		mixtures = append(mixtures, mixture)
	}
	add(0, 0, side, [4]float64{1, 1, 1, 1}, []Component{{Weight: 1, Mean: w.Level * float64(side),
		Std: w.LevelStd * float64(side)}})
	std := w.Std
	for size := 2; size <= side; size, std = 2*size, 2*std {
		var mixture []Component
		for _, s := range w.Scales {
			mixture = append(mixture, Component{Weight: s.Weight, Std: s.Factor * std})
		}
		for row := 0; row < side; row += size {
			for col := 0; col < side; col += size {
				for _, signs := range [][4]float64{{1, -1, 1, -1}, {1, 1, -1, -1}, {1, -1, -1, 1}} {
					add(row, col, size, signs, mixture)
				}
			}
		}
	}
	p := Prior{Side: side, Basis: basis, Mixtures: mixtures}
	return p, p.Validate()
}

// Validate returns an error if the prior is none: shapes that don't fit, a basis that isn't
// orthonormal to 1e-9, or mixtures that aren't probabilities of Gaussians.
func (p Prior) Validate() error {
	n := p.Side * p.Side
	if n < 1 || p.Basis == nil || len(p.Mixtures) != n {
		return fmt.Errorf("exact: a prior of %d×%d pixels needs a basis and %d mixtures, got %d",
			p.Side, p.Side, n, len(p.Mixtures))
	}
	if rows, columns := p.Basis.Dims(); rows != n || columns != n {
		return fmt.Errorf("exact: the basis of %d pixels must be square, got %d×%d", n, rows,
			columns)
	}
	var product mat.Dense
	product.Mul(p.Basis.T(), p.Basis)
	for i := range n {
		for j := range n {
			want := 0.0
			if i == j {
				want = 1
			}
			if v := product.At(i, j); !(math.Abs(v-want) < 1e-9) {
				return fmt.Errorf("exact: the basis must be orthonormal, but the product of "+
					"columns %d and %d is %g", i, j, v)
			}
		}
	}
	for i, mixture := range p.Mixtures {
		total := 0.0
		for _, c := range mixture {
			if !(c.Weight > 0) || !(c.Std > 0) || math.IsInf(c.Std, 0) ||
				math.IsNaN(c.Mean) || math.IsInf(c.Mean, 0) {
				return fmt.Errorf("exact: a Gaussian of coefficient %d needs a positive weight and "+
					"standard deviation and a finite mean, got %+v", i, c)
			}
			total += c.Weight
		}
		if !(math.Abs(total-1) < 1e-9) {
			return fmt.Errorf("exact: the weights of coefficient %d must sum to 1, these sum to %g",
				i, total)
		}
	}
	return nil
}

// Draw draws an image, [pixels].
func (p Prior) Draw(rng *rand.Rand) []float64 {
	u := make([]float64, len(p.Mixtures))
	for i, mixture := range p.Mixtures {
		c := mixture[pick(mixture, rng)]
		u[i] = c.Mean + c.Std*rng.NormFloat64()
	}
	return p.image(u)
}

// pick draws the number of a mixture's component.
func pick(mixture []Component, rng *rand.Rand) int {
	left := rng.Float64()
	for k, c := range mixture {
		if left -= c.Weight; left < 0 {
			return k
		}
	}
	return len(mixture) - 1
}

// image returns B u.
func (p Prior) image(u []float64) []float64 {
	y := mat.NewVecDense(len(u), nil)
	y.MulVec(p.Basis, mat.NewVecDense(len(u), u))
	return y.RawVector().Data
}

// Denoise returns E[y | y + σ ε], the mean of all images that may lie behind one [pixels] with
// white noise of standard deviation sigma ≥ 0. As the basis is orthonormal it has a closed form.
func (p Prior) Denoise(noisy []float64, sigma float64) []float64 {
	v := mat.NewVecDense(len(noisy), nil)
	v.MulVec(p.Basis.T(), mat.NewVecDense(len(noisy), noisy))
	u := v.RawVector().Data
	for i, mixture := range p.Mixtures {
		logs, means := make([]float64, len(mixture)), make([]float64, len(mixture))
		for k, c := range mixture {
			total, off := c.Std*c.Std+sigma*sigma, u[i]-c.Mean
			logs[k] = math.Log(c.Weight) - (math.Log(total)+off*off/total)/2
			means[k] = c.Mean + c.Std*c.Std/total*off
		}
		u[i] = 0
		for k, q := range normalized(logs) {
			u[i] += q * means[k]
		}
	}
	return p.image(u)
}

// normalized turns logarithms of weights into probabilities, in place.
func normalized(logs []float64) []float64 {
	top, total := math.Inf(-1), 0.0
	for _, v := range logs {
		top = max(top, v)
	}
	for k, v := range logs {
		logs[k] = math.Exp(v - top)
		total += logs[k]
	}
	for k := range logs {
		logs[k] /= total
	}
	return logs
}

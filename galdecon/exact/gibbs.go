package exact

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/mat"

	"galdecon/galdecon/psf"
)

// Sampler draws from p(y | x) for x = Π*y + n: images of a [Prior] behind a PSF, with white noise.
// Boundaries are dark, see package psf. It may be used concurrently.
//
// It is a Gibbs sampler over the components of all coefficients, the coefficients themselves being
// integrated out, so that it doesn't get stuck where a component is narrow. Given the components
// the posterior is Gaussian.
type Sampler struct {
	prior Prior
	blur  *mat.Dense // A, [pixels, pixels]
	a     *mat.Dense // A B
	noise float64
	// start holds the components that a chain begins with, the most probable of each coefficient,
	// and gram is what they make of W.
	start []int
	gram  *mat.SymDense
	// near holds, for each coefficient, those that it may exchange its component with.
	near [][]int
}

// New returns the sampler for images of a prior that are seen through a PSF with white noise of a
// standard deviation noise > 0.
func New(prior Prior, kernel psf.PSF, noise float64) (*Sampler, error) {
	if err := prior.Validate(); err != nil {
		return nil, err
	}
	if err := kernel.Validate(); err != nil {
		return nil, fmt.Errorf("exact: %w", err)
	}
	if !(noise > 0) || math.IsInf(noise, 0) {
		return nil, fmt.Errorf("exact: the noise must be positive and finite, got %g", noise)
	}
	s := &Sampler{prior: prior, noise: noise, blur: matrix(prior.Side, kernel),
		start: make([]int, len(prior.Mixtures)), near: neighbors(prior)}
	s.a = new(mat.Dense)
	s.a.Mul(s.blur, prior.Basis)
	for i, mixture := range prior.Mixtures {
		for k, c := range mixture {
			if c.Weight > mixture[s.start[i]].Weight {
				s.start[i] = k
			}
		}
	}
	var err error
	s.gram, err = s.whitened(s.start)
	return s, err
}

// Observe returns what is seen of an image y [pixels], with noise.
func (s *Sampler) Observe(y []float64, rng *rand.Rand) []float64 {
	x := mat.NewVecDense(len(y), nil)
	x.MulVec(s.blur, mat.NewVecDense(len(y), y))
	for i := range y {
		x.SetVec(i, x.AtVec(i)+s.noise*rng.NormFloat64())
	}
	return x.RawVector().Data
}

// matrix returns the matrix of the convolution with a PSF for images of side×side pixels.
func matrix(side int, kernel psf.PSF) *mat.Dense {
	n, k := side*side, kernel.Size
	m := mat.NewDense(n, n, nil)
	for to := range n {
		for from := range n {
			dy, dx := to/side-from/side+k/2, to%side-from%side+k/2
			if dy >= 0 && dx >= 0 && dy < k && dx < k {
				m.Set(to, from, float64(kernel.Pixels[dy*k+dx]))
			}
		}
	}
	return m
}

// neighbors returns for each coefficient those that have the same mixture and whose basis images
// have the nearest centers.
func neighbors(p Prior) [][]int {
	n := len(p.Mixtures)
	centers := make([][2]float64, n)
	for i := range n {
		total := 0.0
		for k := range n {
			weight := p.Basis.At(k, i) * p.Basis.At(k, i)
			centers[i][0] += weight * float64(k/p.Side)
			centers[i][1] += weight * float64(k%p.Side)
			total += weight
		}
		centers[i][0], centers[i][1] = centers[i][0]/total, centers[i][1]/total
	}
	near := make([][]int, n)
	for i := range n {
		least := math.Inf(1)
		for j := range n {
			if i == j || !slices.Equal(p.Mixtures[i], p.Mixtures[j]) {
				continue
			}
			d := math.Hypot(centers[i][0]-centers[j][0], centers[i][1]-centers[j][1])
			if d < least-1e-9 {
				least, near[i] = d, nil
			}
			if d < least+1e-9 {
				near[i] = append(near[i], j)
			}
		}
	}
	return near
}

package exact

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/mat"
)

// Chain is how long a Gibbs sampler runs, in sweeps over all coefficients.
type Chain struct {
	// BurnIn sweeps are dropped at the start.
	BurnIn int
	// Thin is the number of sweeps from one draw to the next, at least 1.
	Thin int
}

// Draw returns n draws from p(y | x), [n][pixels], for an observation x [pixels], and the mean of
// p(y | x), in which the coefficients are integrated out at each sweep after the burn-in. It is an
// error if there are not as many values as pixels, or one isn't finite.
func (s *Sampler) Draw(x []float64, n int, chain Chain, rng *rand.Rand) (draws [][]float64,
	mean []float64, err error) {
	pixels := len(s.prior.Mixtures)
	if len(x) != pixels || n < 1 || chain.BurnIn < 0 || chain.Thin < 1 {
		return nil, nil, fmt.Errorf("exact: a chain needs %d values, at least one draw and thinning "+
			"by at least 1, got %d values, %d draws and %+v", pixels, len(x), n, chain)
	}
	for i, v := range x {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, nil, fmt.Errorf("exact: value %d of the observation is %g", i, v)
		}
	}
	c := s.begin(x)
	for range chain.BurnIn {
		c.sweep(rng)
	}
	coefficients := make([]float64, pixels)
	for range n {
		for range chain.Thin {
			c.sweep(rng)
			for i, v := range c.expected() {
				coefficients[i] += v / float64(n*chain.Thin)
			}
		}
		draws = append(draws, s.prior.image(c.coefficients(rng)))
	}
	return draws, s.prior.image(coefficients), nil
}

// chain is a Gibbs sampler on its way. With the components z, of means m and variances D, data are
// N(A m, M⁻¹), M⁻¹ = A D Aᵀ + σ².
type chain struct {
	*Sampler
	x []float64
	z []int
	w *mat.SymDense // W = Aᵀ M A
	v []float64     // Aᵀ M (x − A m)
}

func (s *Sampler) begin(x []float64) *chain {
	n := len(x)
	c := &chain{Sampler: s, x: x, z: append([]int(nil), s.start...), w: mat.NewSymDense(n, nil)}
	c.w.CopySym(s.gram)
	m := make([]float64, n)
	for i, k := range c.z {
		m[i] = s.prior.Mixtures[i][k].Mean
	}
	c.v = c.back(m, make([]float64, n))
	return c
}

// whitened returns W for components.
func (s *Sampler) whitened(z []int) (*mat.SymDense, error) {
	n := len(z)
	var scaled, full mat.Dense
	scaled.Apply(func(_, j int, v float64) float64 {
		std := s.prior.Mixtures[j][z[j]].Std
		return v * std * std
	}, s.a)
	full.Mul(&scaled, s.a.T())
	covariance, w := mat.NewSymDense(n, nil), mat.NewSymDense(n, nil)
	for i := range n {
		for j := range i + 1 {
			covariance.SetSym(i, j, full.At(i, j))
		}
		covariance.SetSym(i, i, full.At(i, i)+s.noise*s.noise)
	}
	var factor mat.Cholesky
	if !factor.Factorize(covariance) {
		return nil, errors.New("exact: the data's covariance is singular; is the noise too small?")
	}
	var solved mat.Dense
	if err := factor.SolveTo(&solved, s.a); err != nil {
		return nil, fmt.Errorf("exact: %w", err)
	}
	full.Mul(s.a.T(), &solved)
	for i := range n {
		for j := range i + 1 {
			w.SetSym(i, j, (full.At(i, j)+full.At(j, i))/2)
		}
	}
	return w, nil
}

// back returns Aᵀ M (x − A u − e) = (1 − W D) Aᵀ (x − A u − e)/σ² (Woodbury's identity).
func (c *chain) back(u, e []float64) []float64 {
	n := len(u)
	rest := mat.NewVecDense(n, nil)
	rest.MulVec(c.a, mat.NewVecDense(n, u))
	for i, v := range c.x {
		rest.SetVec(i, v-rest.AtVec(i)-e[i])
	}
	g, scaled, out := mat.NewVecDense(n, nil), mat.NewVecDense(n, nil), mat.NewVecDense(n, nil)
	g.MulVec(c.a.T(), rest)
	for i, k := range c.z {
		std := c.prior.Mixtures[i][k].Std
		scaled.SetVec(i, std*std*g.AtVec(i))
	}
	out.MulVec(c.w, scaled)
	out.SubVec(g, out)
	out.ScaleVec(1/(c.noise*c.noise), out)
	return out.RawVector().Data
}

// expected returns the mean of the coefficients for the components as they are, m + D v.
func (c *chain) expected() []float64 {
	u := make([]float64, len(c.z))
	for i, k := range c.z {
		g := c.prior.Mixtures[i][k]
		u[i] = g.Mean + g.Std*g.Std*c.v[i]
	}
	return u
}

// coefficients draws the coefficients for the components as they are: a draw of the prior, moved by
// what its own data lack of x.
func (c *chain) coefficients(rng *rand.Rand) []float64 {
	n := len(c.z)
	u, e := make([]float64, n), make([]float64, n)
	for i, k := range c.z {
		g := c.prior.Mixtures[i][k]
		u[i], e[i] = g.Mean+g.Std*rng.NormFloat64(), c.noise*rng.NormFloat64()
	}
	for i, v := range c.back(u, e) {
		std := c.prior.Mixtures[i][c.z[i]].Std
		u[i] += std * std * v
	}
	return u
}

// sweep draws each component given the others, and then proposes to each coefficient to exchange
// its component with a neighbor's: a star may lie in the next pixel.
func (c *chain) sweep(rng *rand.Rand) {
	for i, mixture := range c.prior.Mixtures {
		if len(mixture) == 1 {
			continue
		}
		logs := make([]float64, len(mixture))
		for k := range mixture {
			logs[k] = c.gain(i, k, c.w.At(i, i), c.v[i])
		}
		left, k := rng.Float64(), 0
		for p := normalized(logs); k < len(p)-1 && left >= p[k]; k++ {
			left -= p[k]
		}
		c.set(i, k)
	}
	for i, near := range c.near {
		if len(near) == 0 {
			continue
		}
		j := near[rng.IntN(len(near))]
		a, b := c.z[i], c.z[j]
		if a == b {
			continue
		}
		// what i's change makes of j's W and v
		delta, mu := c.change(i, b)
		ii, ij, jj := c.w.At(i, i), c.w.At(i, j), c.w.At(j, j)
		share := delta / (1 + delta*ii)
		w, v := jj-share*ij*ij, c.v[j]-ij*(mu+share*(c.v[i]-mu*ii))
		if gain := c.gain(i, b, ii, c.v[i]) + c.gain(j, a, w, v); math.Log(rng.Float64()) < gain {
			c.set(i, b)
			c.set(j, a)
		}
	}
}

// change returns by how much the variance and the mean of coefficient i change with component k.
func (c *chain) change(i, k int) (delta, mu float64) {
	from, to := c.prior.Mixtures[i][c.z[i]], c.prior.Mixtures[i][k]
	return to.Std*to.Std - from.Std*from.Std, to.Mean - from.Mean
}

// gain returns by how much log p(z, x) changes where coefficient i, of W and v as they are given,
// takes component k.
func (c *chain) gain(i, k int, w, v float64) float64 {
	delta, mu := c.change(i, k)
	odds := math.Log(c.prior.Mixtures[i][k].Weight / c.prior.Mixtures[i][c.z[i]].Weight)
	left := v - mu*w
	return odds - (math.Log1p(delta*w)-2*mu*v+mu*mu*w-delta*left*left/(1+delta*w))/2
}

// set gives coefficient i the component k.
func (c *chain) set(i, k int) {
	if k == c.z[i] {
		return
	}
	delta, mu := c.change(i, k)
	column := mat.NewVecDense(len(c.z), nil)
	for j := range c.z {
		column.SetVec(j, c.w.At(i, j))
	}
	share := delta / (1 + delta*column.AtVec(i))
	by := mu + share*(c.v[i]-mu*column.AtVec(i))
	for j := range c.v {
		c.v[j] -= by * column.AtVec(j)
	}
	c.w.SymRankOne(c.w, -share, column)
	c.z[i] = k
}

package exact

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/integrate/quad"
	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"

	"galdecon/galdecon/calibration"
	"galdecon/galdecon/psf"
)

// priors are small fields of both kinds.
func priors(t *testing.T, starSide, waveletSide int) map[string]Prior {
	t.Helper()
	stars, err := StarField{Share: 0.15, Flux: 1, FluxStd: 0.5, Sky: 0.05}.Prior(starSide)
	if err != nil {
		t.Fatal(err)
	}
	wavelets, err := WaveletField{Level: 0.5, LevelStd: 0.2, Std: 0.2,
		Scales: []Scale{{0.6, 0.2}, {0.3, 1}, {0.1, 3}}}.Prior(waveletSide)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]Prior{"stars": stars, "wavelets": wavelets}
}

func gaussian(t *testing.T, size int, sigma float64) psf.PSF {
	t.Helper()
	p, err := psf.Gaussian{Sigma: sigma}.Render(size)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func sampler(t *testing.T, p Prior, noise float64) *Sampler {
	t.Helper()
	s, err := New(p, gaussian(t, 5, 0.9), noise)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Pixels of fields have the means and variances of their coefficients.
func TestPriorMoments(t *testing.T) {
	const n = 20000
	for name, p := range priors(t, 4, 4) {
		rng := rand.New(rand.NewPCG(1, 2))
		values := make([][]float64, len(p.Mixtures))
		for range n {
			for k, v := range p.Draw(rng) {
				values[k] = append(values[k], v)
			}
		}
		for k := range values {
			mean, variance := 0.0, 0.0
			for i, mixture := range p.Mixtures {
				m, second := 0.0, 0.0
				for _, c := range mixture {
					m += c.Weight * c.Mean
					second += c.Weight * (c.Mean*c.Mean + c.Std*c.Std)
				}
				b := p.Basis.At(k, i)
				mean, variance = mean+b*m, variance+b*b*(second-m*m)
			}
			gotMean, gotVariance := stat.MeanVariance(values[k], nil)
			if math.Abs(gotMean-mean) > 5*math.Sqrt(variance/n) ||
				math.Abs(gotVariance/variance-1) > 0.15 {
				t.Errorf("%s: pixel %d has mean %.4f and variance %.4f, want %.4f and %.4f", name, k,
					gotMean, gotVariance, mean, variance)
			}
		}
	}
}

// The denoiser of one pixel is the quotient of two integrals.
func TestDenoise(t *testing.T) {
	for name, p := range priors(t, 2, 2) {
		for _, sigma := range []float64{0.03, 0.3, 3} {
			noisy := p.Draw(rand.New(rand.NewPCG(3, 4)))
			got := p.Denoise(noisy, sigma)
			u := mat.NewVecDense(len(noisy), nil)
			u.MulVec(p.Basis.T(), mat.NewVecDense(len(noisy), noisy))
			want := make([]float64, len(noisy))
			for i, mixture := range p.Mixtures {
				integral := func(power float64) float64 {
					return quad.Fixed(func(v float64) float64 {
						density := 0.0
						for _, c := range mixture {
							density += c.Weight * distuv.Normal{Mu: c.Mean, Sigma: c.Std}.Prob(v)
						}
						return math.Pow(v, power) * density *
							distuv.Normal{Mu: v, Sigma: sigma}.Prob(u.AtVec(i))
					}, -8, 8, 4000, nil, 0)
				}
				want[i] = integral(1) / integral(0)
			}
			if d := floats.Distance(got, p.image(want), math.Inf(1)); d > 1e-6 {
				t.Errorf("%s, σ %g: off by %g", name, sigma, d)
			}
		}
	}
	stars := priors(t, 2, 2)["stars"]
	y := stars.Draw(rand.New(rand.NewPCG(5, 6)))
	if d := floats.Distance(stars.Denoise(y, 0), y, math.Inf(1)); d > 1e-12 {
		t.Errorf("without noise the denoiser moves an image by %g", d)
	}
}

// enumerated returns the probabilities of all choices of components, and the mean and covariance
// of y for each, by dense matrices.
func enumerated(t *testing.T, s *Sampler, x []float64) (
	probabilities []float64, means []*mat.VecDense, covariances []*mat.Dense,
) {
	t.Helper()
	n := len(x)
	z := make([]int, n)
	for {
		prior, deviation := mat.NewVecDense(n, nil), mat.NewDiagDense(n, nil)
		log := 0.0
		for i, k := range z {
			c := s.prior.Mixtures[i][k]
			prior.SetVec(i, c.Mean)
			deviation.SetDiag(i, c.Std*c.Std)
			log += math.Log(c.Weight)
		}
		var am, gain, data, rest, covariance mat.Dense
		am.Mul(s.a, deviation)
		data.Mul(&am, s.a.T())
		for i := range n {
			data.Set(i, i, data.At(i, i)+s.noise*s.noise)
		}
		residual, solved := mat.NewVecDense(n, nil), mat.NewVecDense(n, nil)
		residual.MulVec(s.a, prior)
		residual.SubVec(mat.NewVecDense(n, x), residual)
		if err := solved.SolveVec(&data, residual); err != nil {
			t.Fatal(err)
		}
		determinant, _ := mat.LogDet(&data)
		log -= (mat.Dot(residual, solved) + determinant) / 2
		if err := gain.Solve(&data, &am); err != nil {
			t.Fatal(err)
		}
		mean := mat.NewVecDense(n, nil)
		mean.MulVec(gain.T(), residual)
		mean.AddVec(mean, prior)
		rest.Mul(am.T(), &gain)
		covariance.Sub(deviation, &rest)
		y := mat.NewVecDense(n, nil)
		y.MulVec(s.prior.Basis, mean)
		covariance.Product(s.prior.Basis, &covariance, s.prior.Basis.T())
		probabilities = append(probabilities, log)
		means, covariances = append(means, y), append(covariances, &covariance)
		i := 0
		for ; i < n; i++ {
			if z[i]++; z[i] < len(s.prior.Mixtures[i]) {
				break
			}
			z[i] = 0
		}
		if i == n {
			return normalized(probabilities), means, covariances
		}
	}
}

// Where all choices of components can be enumerated, chains have the exact mean and the exact
// marginals.
func TestDrawsTheEnumeratedPosterior(t *testing.T) {
	const n = 4000
	for name, p := range priors(t, 3, 2) {
		s := sampler(t, p, 0.1)
		rng := rand.New(rand.NewPCG(7, 8))
		x := s.Observe(p.Draw(rng), rng)
		probabilities, means, covariances := enumerated(t, s, x)
		draws, mean, err := s.Draw(x, n, Chain{BurnIn: 100, Thin: 3}, rng)
		if err != nil {
			t.Fatal(err)
		}
		for pixel := range x {
			want, second := 0.0, 0.0
			for k, q := range probabilities {
				m := means[k].AtVec(pixel)
				want, second = want+q*m, second+q*(m*m+covariances[k].At(pixel, pixel))
			}
			spread := math.Sqrt(second - want*want)
			if off := math.Abs(mean[pixel]-want) / spread; off > 0.06 {
				t.Errorf("%s: the mean of pixel %d is off by %.3f of its spread", name, pixel, off)
			}
			values := make([]float64, n)
			for i, d := range draws {
				values[i] = d[pixel]
			}
			// Kolmogorov's distance of independent draws is below 1.63/√n in 99 of 100 cases;
			// draws of a chain are fewer.
			if d := kolmogorov(values, func(v float64) float64 {
				below := 0.0
				for k, q := range probabilities {
					below += q * distuv.Normal{Mu: means[k].AtVec(pixel),
						Sigma: math.Sqrt(covariances[k].At(pixel, pixel))}.CDF(v)
				}
				return below
			}); d > 3/math.Sqrt(n) {
				t.Errorf("%s: draws of pixel %d are %.4f away from their distribution", name, pixel,
					d)
			}
		}
	}
}

// kolmogorov returns the largest distance of the draws' distribution from another.
func kolmogorov(values []float64, cdf func(float64) float64) float64 {
	slices.Sort(values)
	largest := 0.0
	for i, v := range values {
		p := cdf(v)
		largest = max(largest, p-float64(i)/float64(len(values)),
			float64(i+1)/float64(len(values))-p)
	}
	return largest
}

// Simulation-based calibration: with truths of the prior, the rank of a truth among draws is
// uniform, for pixels, their sum and their sum of squares.
func TestDrawsAreCalibrated(t *testing.T) {
	const trials, n = 200, 15
	for name, p := range priors(t, 6, 4) {
		s := sampler(t, p, 0.05)
		rng := rand.New(rand.NewPCG(9, 10))
		// what is ranked
		measure := func(y []float64) []float64 {
			return []float64{y[0], y[p.Side+1], y[len(y)/2], floats.Sum(y), floats.Dot(y, y),
				floats.Max(y)}
		}
		var truth [6][]float64
		var samples [6][][]float64
		for range trials {
			y := p.Draw(rng)
			draws, _, err := s.Draw(s.Observe(y, rng), n, Chain{BurnIn: 60, Thin: 8}, rng)
			if err != nil {
				t.Fatal(err)
			}
			for q, v := range measure(y) {
				truth[q] = append(truth[q], v)
				row := make([]float64, n)
				for i, d := range draws {
					row[i] = measure(d)[q]
				}
				samples[q] = append(samples[q], row)
			}
		}
		for q := range truth {
			ensemble, err := calibration.Scalars(truth[q], samples[q])
			if err != nil {
				t.Fatal(err)
			}
			histogram, err := ensemble.Ranks(1).Histogram(8, 1)
			if err != nil {
				t.Fatal(err)
			}
			if histogram.P < 0.002 {
				t.Errorf("%s: ranks of quantity %d aren't uniform: P = %g, %v", name, q,
					histogram.P, histogram.Density)
			}
		}
	}
}

// What a chain carries from one change to the next stays what it is by definition.
func TestChainKeepsItsMatrices(t *testing.T) {
	for name, p := range priors(t, 6, 8) {
		s := sampler(t, p, 0.02)
		rng := rand.New(rand.NewPCG(11, 12))
		c := s.begin(s.Observe(p.Draw(rng), rng))
		for range 300 {
			c.sweep(rng)
		}
		fresh, err := s.whitened(c.z)
		if err != nil {
			t.Fatal(err)
		}
		var off mat.Dense
		off.Sub(fresh, c.w)
		if worst, scale := mat.Norm(&off, math.Inf(1)), mat.Norm(fresh, math.Inf(1)); worst >
			1e-8*scale {
			t.Errorf("%s: W is off by %g of %g", name, worst, scale)
		}
		means := make([]float64, len(c.z))
		for i, k := range c.z {
			means[i] = p.Mixtures[i][k].Mean
		}
		v := c.back(means, make([]float64, len(means)))
		if d := floats.Distance(v, c.v, math.Inf(1)); d > 1e-6*floats.Norm(v, math.Inf(1)) {
			t.Errorf("%s: v is off by %g", name, d)
		}
	}
}

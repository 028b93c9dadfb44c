package ddpm_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"

	"galdecon/galdecon/ddpm"
	"galdecon/galdecon/internal/devicetest"
	"galdecon/galdecon/psf"
	"galdecon/galdecon/unet"
)

// A network starts as 0, and a consistent model with it as the exact posterior of white Gaussian
// images: what it draws must have the mean and the variance of the closed form,
//
//	m + P Πᵀ (P Π Πᵀ + σ²)⁻¹ (x − Π*m)  and  P − P Πᵀ (P Π Πᵀ + σ²)⁻¹ Π P.
func TestConsistentModelStartsAsGaussianPosterior(t *testing.T) {
	const (
		size, k, draws = 12, 5, 2000
		mean, std      = 0.2, 0.3
		noise          = 0.05
	)
	c := ddpm.Config{T: 950, Prediction: ddpm.Velocity, DataConsistency: true, Mean: mean, Std: std,
		Network: unet.Config{Features: []int{2}, Blocks: 1, Embedding: 2}}
	kernel, err := psf.Gaussian{Sigma: 0.8}.Render(k)
	if err != nil {
		t.Fatal(err)
	}
	psfs := tensors.FromFlatDataAndDimensions(kernel.Pixels, 1, k, k)
	store := model.NewStore()
	loss(t, c, store, filled(mean, 2, size, size, 1), psfs)

	// Π as a matrix, column by column.
	const n = size * size
	units := make([]float32, n*n)
	for i := range n {
		units[i*n+i] = 1
	}
	columns, err := graph.CallOnce(devicetest.Device(t), psf.Convolve,
		tensors.FromFlatDataAndDimensions(units, n, size, size, 1), psfs)
	if err != nil {
		t.Fatal(err)
	}
	blur := mat.NewDense(n, n, nil)
	for i, v := range tensors.MustCopyFlatData[float32](columns) {
		blur.Set(i%n, i/n, float64(v))
	}
	// x is the blurred image of one draw of the prior, with noise.
	white := rand.New(rand.NewPCG(1, 2))
	y, prior := mat.NewVecDense(n, nil), mat.NewVecDense(n, nil)
	for i := range n {
		prior.SetVec(i, mean)
		y.SetVec(i, mean+std*white.NormFloat64())
	}
	var x, m mat.VecDense
	x.MulVec(blur, y)
	pixels := make([]float32, 0, n*draws)
	for i := range n {
		x.SetVec(i, x.AtVec(i)+noise*white.NormFloat64())
		pixels = append(pixels, float32(x.AtVec(i)))
	}
	for range draws - 1 {
		pixels = append(pixels, pixels[:n]...)
	}

	var normal, gain, rest, covariance mat.Dense
	normal.Mul(blur, blur.T())
	normal.Scale(std*std, &normal)
	for i := range n {
		normal.Set(i, i, normal.At(i, i)+noise*noise)
	}
	if err := gain.Solve(&normal, blur); err != nil { // symmetric: the gain's transpose but for P
		t.Fatal(err)
	}
	gain.Scale(std*std, &gain)
	m.MulVec(blur, prior)
	x.SubVec(&x, &m)
	m.MulVec(gain.T(), &x)
	m.AddVec(&m, prior)
	rest.Mul(gain.T(), blur)
	covariance.Scale(-std*std, &rest)
	for i := range n {
		covariance.Set(i, i, covariance.At(i, i)+std*std)
	}

	posterior, err := ddpm.NewGenerator(devicetest.Device(t), c,
		ddpm.Sampler{Steps: 20, SecondOrder: true}, store.Scope("/model"))
	if err != nil {
		t.Fatal(err)
	}
	samples, _, err := posterior.Draw(seed(t, 4), tensors.FromFlatDataAndDimensions(pixels, draws,
		size, size, 1), psfs, filled(noise, draws))
	if err != nil {
		t.Fatal(err)
	}
	drawn := tensors.MustCopyFlatData[float32](samples)
	// Of each pixel, and of the flux, which the PSF hardly hides.
	values, flux := make([]float64, draws), make([]float64, draws)
	var off, scale, variance, wantVariance float64
	for i := range n {
		for d := range draws {
			values[d] = float64(drawn[d*n+i])
			flux[d] += values[d]
		}
		got, v := stat.MeanVariance(values, nil)
		off, scale = off+math.Pow(got-m.AtVec(i), 2), scale+covariance.At(i, i)
		variance, wantVariance = variance+v, wantVariance+covariance.At(i, i)
	}
	// Monte-Carlo error is 1/√draws of the spread, and 20 steps give up to 4 % more variance.
	if off := math.Sqrt(off / scale); off > 2/math.Sqrt(draws) {
		t.Errorf("the mean is off by %.3f of the spread", off)
	}
	if ratio := variance / wantVariance; math.Abs(ratio-1) > 0.05 {
		t.Errorf("the variance is %.3f of the exact one", ratio)
	}
	got, v := stat.MeanVariance(flux, nil)
	want, spread := mat.Sum(&m), math.Sqrt(mat.Sum(&covariance))
	if math.Abs(got-want) > 4*spread/math.Sqrt(draws) || math.Abs(math.Sqrt(v)/spread-1) > 0.06 {
		t.Errorf("the flux is %.3f ± %.3f, want %.3f ± %.3f", got, math.Sqrt(v), want, spread)
	}
}

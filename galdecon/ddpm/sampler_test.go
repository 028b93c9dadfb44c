package ddpm_test

import (
	"math"
	"testing"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"

	"galdecon/galdecon/backend"
	"galdecon/galdecon/ddpm"
)

// gaussian is a problem whose posterior is known: y a Gaussian field on a ring of n pixels with
// covariance e^{−d/2}, seen through a circulant blur with white noise. Σ = (C⁻¹ + ΠᵀΠ/σ²)⁻¹, m = Σ
// Πᵀ x/σ².
func gaussian(t *testing.T, n int) (mean *mat.VecDense, covariance *mat.SymDense) {
	t.Helper()
	const noise = 0.3
	ring := func(i, j int) float64 { d := abs(i - j); return float64(min(d, n-d)) }
	c, blur := mat.NewSymDense(n, nil), mat.NewDense(n, n, nil)
	x := mat.NewVecDense(n, nil)
	for i := range n {
		x.SetVec(i, math.Sin(float64(i))+1)
		for j := range n {
			if j >= i {
				c.SetSym(i, j, math.Exp(-ring(i, j)/2))
			}
			blur.Set(i, j, math.Exp(-ring(i, j)*ring(i, j)/2)/math.Sqrt(2*math.Pi))
		}
	}
	var inverse, precision mat.Dense
	if err := inverse.Inverse(c); err != nil {
		t.Fatal(err)
	}
	precision.Mul(blur.T(), blur)
	precision.Scale(1/(noise*noise), &precision)
	precision.Add(&precision, &inverse)
	var sigma mat.Dense
	if err := sigma.Inverse(&precision); err != nil {
		t.Fatal(err)
	}
	covariance = mat.NewSymDense(n, nil)
	for i := range n {
		for j := i; j < n; j++ {
			covariance.SetSym(i, j, (sigma.At(i, j)+sigma.At(j, i))/2)
		}
	}
	mean = mat.NewVecDense(n, nil)
	mean.MulVec(blur.T(), x)
	mean.MulVec(covariance, mean)
	mean.ScaleVec(1/(noise*noise), mean)
	return mean, covariance
}

func abs(i int) int { return max(i, -i) }

func float32s(v []float64) []float32 {
	out := make([]float32, len(v))
	for i, x := range v {
		out[i] = float32(x)
	}
	return out
}

// Fed with the exact denoiser of a Gaussian posterior, a sampler must give that posterior's mean
// and covariance. This finds mistakes in schedules and strides: a sampler that steps to t−1 instead
// of the next kept time fails it by far.
func TestSamplersAgainstExactPosterior(t *testing.T) {
	device, err := backend.Default()
	if err != nil {
		t.Fatal(err)
	}
	const n, samples = 8, 20000
	mean, covariance := gaussian(t, n)
	var eigen mat.EigenSym
	if !eigen.Factorize(covariance, true) {
		t.Fatal("the covariance has no eigenvectors")
	}
	var basis mat.Dense
	eigen.VectorsTo(&basis)
	linear, err := ddpm.Linear(950)
	if err != nil {
		t.Fatal(err)
	}
	cosine, err := ddpm.Cosine(950)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name     string
		schedule ddpm.Schedule
		sampler  ddpm.Sampler
		// tolerance of standard deviations and correlations: Monte-Carlo error is 0.01; few steps
		// leave a bias.
		tolerance float64
	}{
		{"ancestral, all steps", linear, ddpm.Sampler{Steps: 950, Eta: 1}, 0.03},
		{"ancestral with σ² = β, all steps", linear, ddpm.Sampler{Steps: 950, Eta: 1,
			LargeVariance: true}, 0.03},
		{"ancestral, 200 steps", linear, ddpm.Sampler{Steps: 200, Eta: 1}, 0.05},
		{"DDIM, 200 steps", linear, ddpm.Sampler{Steps: 200, Eta: 0}, 0.03},
		{"DPM-Solver++(2M), 20 steps", linear, ddpm.Sampler{Steps: 20, Eta: 0, SecondOrder: true},
			0.03},
		// of first order: a quarter of the variance is lost
		{"DDIM, 20 steps", linear, ddpm.Sampler{Steps: 20, Eta: 0}, 0.15},
		{"ancestral, 100 steps", linear, ddpm.Sampler{Steps: 100, Eta: 1}, 0.1},
		{"stochastic DPM-Solver++(2M), 20 steps", linear,
			ddpm.Sampler{Steps: 20, Eta: 1, SecondOrder: true}, 0.05},
		{"with less fresh noise, 20 steps", linear, ddpm.Sampler{Steps: 20, Eta: 0.75,
			SecondOrder: true}, 0.05},
		{"stochastic DPM-Solver++(2M), 40 steps", linear,
			ddpm.Sampler{Steps: 40, Eta: 1, SecondOrder: true}, 0.03},
		{"cosine", cosine, ddpm.Sampler{Steps: 30, Eta: 0, SecondOrder: true}, 0.03},
	} {
		t.Run(test.name, func(t *testing.T) {
			if err := test.sampler.Validate(test.schedule); err != nil {
				t.Fatal(err)
			}
			draw, err := graph.NewExec(device, func(rng, yT, m, basis,
				values *graph.Node) *graph.Node {
				captured := []ddpm.Captured{{Outside: m}, {Outside: basis}, {Outside: values}}
				return test.sampler.Run(rng, yT, test.schedule, captured,
					func(yt *graph.Node, at ddpm.Level, in []*graph.Node) *graph.Node {
						m, basis, values := in[0], in[1], in[2]
						// E[y_0 | y_t] = m + √ᾱ Σ (ᾱ Σ + (1−ᾱ))⁻¹ (y_t − √ᾱ m), diagonal in the
						// basis of Σ.
						signal := graph.Sqrt(at.AlphaBar)
						flat := graph.Sub(graph.Reshape(yt, samples, n), graph.Mul(signal, m))
						modes := graph.Dot(flat, basis).Product()
						gain := graph.Div(graph.Mul(signal, values),
							graph.Add(graph.Mul(at.AlphaBar, values), graph.OneMinus(at.AlphaBar)))
						back := graph.Dot(graph.Mul(modes, gain),
							graph.TransposeAllAxes(basis, 1, 0)).Product()
						return graph.Reshape(graph.Add(back, m), samples, 1, n, 1)
					})
			})
			if err != nil {
				t.Fatal(err)
			}
			rng, err := graph.RNGStateFromSeed(5)
			if err != nil {
				t.Fatal(err)
			}
			start, err := graph.CallOnceN(device, func(rng *graph.Node) (*graph.Node, *graph.Node) {
				return graph.RandomNormal(rng, shapes.Make(dtypes.Float32, samples, 1, n, 1))
			}, rng)
			if err != nil {
				t.Fatal(err)
			}
			out, err := draw.Call1(start[0], start[1],
				tensors.FromFlatDataAndDimensions(float32s(mean.RawVector().Data), 1, n),
				tensors.FromFlatDataAndDimensions(float32s(basis.RawMatrix().Data), n, n),
				tensors.FromFlatDataAndDimensions(float32s(eigen.Values(nil)), 1, n))
			if err != nil {
				t.Fatal(err)
			}
			drawn := mat.NewDense(samples, n, nil)
			for i, v := range tensors.MustCopyFlatData[float32](out) {
				drawn.Set(i/n, i%n, float64(v))
			}
			var found mat.SymDense
			stat.CovarianceMatrix(&found, drawn, nil)
			for i := range n {
				scale := math.Sqrt(covariance.At(i, i))
				if m := stat.Mean(mat.Col(nil, i, drawn),
					nil); math.Abs(m-mean.AtVec(i)) > test.tolerance*scale {
					t.Errorf("mean %d is %.4f, want %.4f ± %.4f", i, m, mean.AtVec(i),
						test.tolerance*scale)
				}
				for j := range i + 1 {
					bound := test.tolerance * scale * math.Sqrt(covariance.At(j, j)) * 2
					if d := found.At(i, j) - covariance.At(i, j); math.Abs(d) > bound {
						t.Errorf("covariance %d, %d is %.4f, want %.4f ± %.4f", i, j,
							found.At(i, j), covariance.At(i, j), bound)
					}
				}
			}
		})
	}
}

package observe_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/gomlx/gomlx/core/graph"
	"gonum.org/v1/gonum/mat"

	"galdecon/galdecon/ddpm"
	"galdecon/galdecon/internal/devicetest"
	"galdecon/galdecon/internal/random"
	"galdecon/galdecon/observe"
)

// agree compares draws [n, pixels] with a Gaussian: the mean squared distance from its mean in
// units of its covariance, 1 within tolerance of it; that of the draws' mean, which is χ²; and the
// variance of each pixel.
func agree(
	t *testing.T,
	draws []float32,
	mean *mat.VecDense,
	covariance *mat.SymDense,
	tolerance float64,
) {
	t.Helper()
	pixels := mean.Len()
	n := len(draws) / pixels
	var factor mat.Cholesky
	if !factor.Factorize(covariance) {
		t.Fatal("the posterior's covariance isn't positive definite")
	}
	distance := func(d *mat.VecDense) float64 {
		var solved mat.VecDense
		if err := factor.SolveVecTo(&solved, d); err != nil {
			t.Fatal(err)
		}
		return mat.Dot(d, &solved) / float64(pixels)
	}
	total := 0.0
	average, variance := mat.NewVecDense(pixels, nil), make([]float64, pixels)
	for i := range n {
		d := mat.NewVecDense(pixels, nil)
		for p := range pixels {
			v := float64(draws[i*pixels+p]) - mean.AtVec(p)
			d.SetVec(p, v)
			variance[p] += v * v / float64(n) / covariance.At(p, p)
		}
		total += distance(d) / float64(n)
		average.AddScaledVec(average, 1/float64(n), d)
	}
	if math.Abs(total-1) > tolerance {
		t.Errorf(
			"draws have a mean squared distance of %.4f from the exact mean, want 1 ± %.2g",
			total,
			tolerance,
		)
	}
	// χ² of as many degrees of freedom as pixels.
	most := 1 + 4*math.Sqrt(2/float64(pixels)) + float64(n)*tolerance*tolerance/16
	if off := float64(n) * distance(average); off > most {
		t.Errorf("the draws' mean is off by χ² = %.3f per pixel, at most %.3f", off, most)
	}
	limit := 5*math.Sqrt(2/float64(n)) + tolerance
	for p, v := range variance {
		if math.Abs(v-1) > limit {
			t.Errorf(
				"the variance of pixel %d is %.3f of the exact one, want 1 ± %.2g",
				p,
				v,
				limit,
			)
			break
		}
	}
}

// observed gives looks data that the model makes: of one galaxy N(0, deviation²), with the noise
// that they say.
func observed(rng *rand.Rand, size int, deviation float64, looks []look) {
	y := mat.NewVecDense(size*size, normal(rng, size*size, deviation))
	for i, l := range looks {
		var x mat.VecDense
		x.MulVec(convolution(size, l.psf, l.k, l.l), y)
		seen, noise := l.covariance(size)
		looks[i].x = perturbed(rng, x.RawVector().Data, 1, seen, noise)
	}
}

// perturbed returns n copies of values, each with other noise of a covariance's factor, or of one
// deviation, at the places seen.
func perturbed(rng *rand.Rand, values []float64, n int, seen []int, noise *mat.SymDense) []float64 {
	var factor mat.Cholesky
	factor.Factorize(noise)
	var lower mat.TriDense
	factor.LTo(&lower)
	out := slices.Repeat(values, n)
	for i := range n {
		var e mat.VecDense
		e.MulVec(&lower, mat.NewVecDense(len(seen), normal(rng, len(seen), 1)))
		for k, p := range seen {
			out[i*len(values)+p] += e.AtVec(k)
		}
	}
	return out
}

// Data steps from perturbed estimates and data are draws of the posterior. With masks, maps and
// correlation their mean and covariance are those by dense matrices.
func TestPerturbedStepsDrawThePosterior(t *testing.T) {
	const size, tau, draws, steps = 16, 0.1, 1500, 12
	rng := rand.New(rand.NewPCG(31, 1))
	for _, name := range []string{"all at once", "two exposures"} {
		looks := scenes(rng, size)[name]
		observed(rng, size, tau, looks)
		estimate := make([]float64, size*size)
		mean, covariance := posterior(t, size, estimate, tau, looks...)
		z := slices.Repeat(estimate, draws)
		for i := range z {
			z[i] += tau * rng.NormFloat64()
		}
		in := []any{tensor(z, draws, size, size, 1), tensor([]float64{tau}, 1)}
		for _, l := range looks {
			seen, noise := l.covariance(size)
			one := l.inputs(size)
			one[0] = tensor(perturbed(rng, l.x, draws, seen, noise), draws, size, size, 1)
			in = append(in, one...)
		}
		got := call(t, stepper(gridOf(size, looks), looks, steps), in...)
		t.Run(name, func(t *testing.T) {
			agree(t, got, mean, covariance, 4*math.Sqrt(2/float64(draws*size*size)))
		})
	}
}

// A diffusion sampler whose denoiser is the data step, in the body of its loop, draws the posterior
// of white Gaussian galaxies with masks, maps and correlation. Few conjugate-gradient steps are
// enough: where the noise level is high the next level corrects what they left, and where it is low
// they leave little.
func TestSamplerDrawsThePosterior(t *testing.T) {
	const size, draws, steps, prior = 16, 192, 4, 0.13
	rng := rand.New(rand.NewPCG(32, 1))
	schedule, err := ddpm.Linear(1000)
	if err != nil {
		t.Fatal(err)
	}
	sampler := ddpm.Sampler{Steps: 100, Eta: 1, SecondOrder: true}
	looks := scenes(rng, size)["two exposures"]
	observed(rng, size, prior, looks)
	g := gridOf(size, looks)
	mean, covariance := posterior(t, size, make([]float64, size*size), prior, looks...)
	state := random.State(5, 0)
	// GoMLX shares constants within a graph, but not across a loop's border: what comes before the
	// loop is in another graph.
	in := []any{state, tensor(normal(rng, draws*size*size, 1), draws, size, size, 1)}
	var kinds []observe.Look
	for _, l := range looks {
		kind := observe.Look{}
		exec, err := graph.NewExec(devicetest.Device(t), func(in []*graph.Node) []*graph.Node {
			look := nodes(g, in)
			kind = look
			return look.Nodes()
		})
		if err != nil {
			t.Fatal(err)
		}
		made, err := exec.Call(l.inputs(size)...)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range made {
			in = append(in, m)
		}
		kinds = append(kinds, kind)
	}
	got := call(t, func(in []*graph.Node) *graph.Node {
		state, noise := in[0], in[1]
		var captured []ddpm.Captured
		for _, node := range in[2:] {
			captured = append(captured, ddpm.Captured{Outside: node})
		}
		u := sampler.Run(
			state,
			noise,
			schedule,
			captured,
			func(ut *graph.Node, at ddpm.Level, captured []*graph.Node) *graph.Node {
				var inside []observe.Look
				for _, kind := range kinds {
					var look observe.Look
					look, captured = kind.With(captured)
					inside = append(inside, look)
				}
				// u = y/prior, and E[u | u_t] = √ᾱ u_t ± √(1−ᾱ) without data.
				estimate := graph.MulScalar(graph.Mul(ut, graph.Sqrt(at.AlphaBar)), prior)
				tau := graph.MulScalar(graph.Sqrt(graph.OneMinus(at.AlphaBar)), prior)
				return graph.DivScalar(g.Step(estimate, tau, steps, inside...), prior)
			},
		)
		return u
	}, in...)
	for i := range got {
		got[i] *= prior
	}
	agree(t, got, mean, covariance, 0.03)
}

package calibration_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"galdecon/galdecon/backend"
	"galdecon/galdecon/calibration"
	"galdecon/galdecon/ddpm"
	"galdecon/galdecon/galaxy"
)

// field is a deconvolution whose posterior is known: images of side×side pixels without borders, a
// Gaussian field with the covariance e^{−(|dx|+|dy|)/2}, blurred by a Gaussian PSF of σ = 1 pixel,
// with white noise of 0.1. In the basis of real plane waves cos + sin (Hartley 1942) all of it is
// diagonal: prior c, blur h, posterior variance v = 1/(1/c + h²/0.1²) and mean v h x/0.1².
type field struct {
	basis   []float32 // [pixel, mode], orthonormal
	c, h, v []float64 // [mode]
}

const (
	side  = 8
	noise = 0.1
)

func newField() field {
	var ring [side]struct{ c, h float64 } // of plane waves on one axis
	total := 0.0
	for j := range side {
		d := float64(min(j, side-j))
		total += math.Exp(-d * d / 2)
	}
	for k := range side {
		for j := range side {
			d, wave := float64(min(j, side-j)), math.Cos(2*math.Pi*float64(j*k)/side)
			ring[k].c += math.Exp(-d/2) * wave
			ring[k].h += math.Exp(-d*d/2) / total * wave
		}
	}
	cas := func(i, k int) float64 {
		sin, cos := math.Sincos(2 * math.Pi * float64(i*k) / side)
		return (cos + sin) / math.Sqrt(side)
	}
	var f field
	for pixel := range side * side {
		for mode := range side * side {
			f.basis = append(f.basis, float32(cas(pixel/side, mode/side)*cas(pixel%side,
				mode%side)))
		}
	}
	for mode := range side * side {
		a, b := ring[mode/side], ring[mode%side]
		c, h := a.c*b.c, a.h*b.h
		f.c, f.h, f.v = append(f.c, c), append(f.h, h), append(f.v, 1/(1/c+h*h/noise/noise))
	}
	return f
}

func (f field) pixels(modes []float64) []float32 {
	out := make([]float32, len(modes))
	for pixel := range out {
		sum := 0.0
		for mode, v := range modes {
			sum += float64(f.basis[pixel*len(modes)+mode]) * v
		}
		out[pixel] = float32(sum)
	}
	return out
}

// observe draws m truths from the prior and an observation of each: truths [m, side, side, 1] and
// posterior means [m][pixel].
func (f field) observe(m int, rng *rand.Rand) (truth *galaxy.Images, means [][]float32) {
	truth = galaxy.NewImages(m, side, side, 1)
	for i := range m {
		y, mean := make([]float64, len(f.c)), make([]float64, len(f.c))
		for k := range y {
			y[k] = math.Sqrt(f.c[k]) * rng.NormFloat64()
			x := f.h[k]*y[k] + noise*rng.NormFloat64()
			mean[k] = f.v[k] * f.h[k] * x / noise / noise
		}
		copy(truth.At(i), f.pixels(y))
		means = append(means, f.pixels(mean))
	}
	return truth, means
}

// sample draws n samples of the posterior of each observation by a sampler with the exact denoiser
// E[y_0 | y_t], all in one run.
func (f field) sample(
	t *testing.T, device compute.Backend, schedule ddpm.Schedule, sampler ddpm.Sampler,
	means [][]float32, n int,
) []*galaxy.Images {
	t.Helper()
	d := side * side
	rows := len(means) * n
	var repeated, variances []float32
	for _, mean := range means {
		for range n {
			repeated = append(repeated, mean...)
		}
	}
	for _, v := range f.v {
		variances = append(variances, float32(v))
	}
	rng, err := graph.RNGStateFromSeed(7)
	if err != nil {
		t.Fatal(err)
	}
	start, err := graph.CallOnceN(device, func(rng *graph.Node) (*graph.Node, *graph.Node) {
		return graph.RandomNormal(rng, shapes.Make(dtypes.Float32, rows, side, side, 1))
	}, rng)
	if err != nil {
		t.Fatal(err)
	}
	out, err := graph.CallOnce(device, func(rng, yT, means, basis,
		variances *graph.Node) *graph.Node {
		captured := []ddpm.Captured{{Outside: means}, {Outside: basis}, {Outside: variances}}
		return sampler.Run(rng, yT, schedule, captured,
			func(yt *graph.Node, at ddpm.Level, in []*graph.Node) *graph.Node {
				means, basis, variances := in[0], in[1], in[2]
				signal := graph.Sqrt(at.AlphaBar)
				modes := graph.Dot(graph.Sub(graph.Reshape(yt, rows, d), graph.Mul(signal, means)),
					basis).Product()
				gain := graph.Div(graph.Mul(signal, variances),
					graph.Add(graph.Mul(at.AlphaBar, variances), graph.OneMinus(at.AlphaBar)))
				clean := graph.Add(graph.Dot(graph.Mul(modes, gain),
					graph.TransposeAllAxes(basis, 1, 0)).Product(), means)
				return graph.Reshape(clean, rows, side, side, 1)
			})
	}, start[0], start[1], tensors.FromFlatDataAndDimensions(repeated, rows, d),
		tensors.FromFlatDataAndDimensions(f.basis, d, d),
		tensors.FromFlatDataAndDimensions(variances, 1, d))
	if err != nil {
		t.Fatal(err)
	}
	pixels := tensors.MustCopyFlatData[float32](out)
	samples := make([]*galaxy.Images, len(means))
	for i := range samples {
		samples[i] = &galaxy.Images{N: n, Height: side, Width: side, Channels: 1,
			Pixels: pixels[i*n*d : (i+1)*n*d]}
	}
	return samples
}

// moments are the flux of an image, its size, and its weight on the axes, along x less along y and
// along the diagonals, about the middle.
func moments(pixels []float32) []float64 {
	m := make([]float64, 4)
	for p, v := range pixels {
		x, y := float64(p%side)-(side-1)/2., float64(p/side)-(side-1)/2.
		m[0] += float64(v)
		m[1] += float64(v) * (x*x + y*y)
		m[2] += float64(v) * (x*x - y*y)
		m[3] += float64(v) * 2 * x * y
	}
	return m
}

// Where their denoiser is exact, samplers of enough steps are calibrated: the coverage of pixels is
// within 2 % at all levels, the goal for galaxies, and moments, their ranks and TARP tell nothing
// from chance. Of the two that few steps suffice for, the stochastic one needs more of them: with
// 20 it is under-confident by 1.4 % (of 1500 observations). The same eyes catch samplers of too few
// steps, and exact samples that were drawn together, apart, or aside.
func TestSamplersAreCalibrated(t *testing.T) {
	device, err := backend.Default()
	if err != nil {
		t.Fatal(err)
	}
	linear, err := ddpm.Linear(950)
	if err != nil {
		t.Fatal(err)
	}
	const all, n = 400, 15
	f := newField()
	truths, means := f.observe(all, rand.New(rand.NewPCG(4, 0)))
	second := ddpm.Sampler{Steps: 20, SecondOrder: true}
	for _, test := range []struct {
		name    string
		sampler ddpm.Sampler
		m       int // observations
		// how far from nominal the coverage of pixels may be, at 95 % confidence; 0 for what must
		// fail
		within float64
		// Samples are moved away from the posterior mean by a factor, then all of them by a bias.
		factor, bias float32
	}{
		// slow; the band of a quarter of them is twice as wide
		{"ancestral, all steps", ddpm.Sampler{Steps: 950, Eta: 1}, 100, 0.04, 1, 0},
		{"DDIM, 200 steps", ddpm.Sampler{Steps: 200}, all, 0.02, 1, 0},
		{"DPM-Solver++(2M), 20 steps", second, all, 0.02, 1, 0},
		{"stochastic DPM-Solver++(2M), 40 steps", ddpm.Sampler{Steps: 40, Eta: 1,
			SecondOrder: true}, all, 0.02, 1, 0},
		{"stochastic DPM-Solver++(2M), 20 steps", ddpm.Sampler{Steps: 20, Eta: 1,
			SecondOrder: true}, all, 0.025, 1, 0},
		{"DDIM, 5 steps", ddpm.Sampler{Steps: 5}, all, 0, 1, 0},
		{"ancestral, 10 steps", ddpm.Sampler{Steps: 10, Eta: 1}, all, 0, 1, 0},
		{"over-confident", second, all, 0, 0.7, 0},
		{"under-confident", second, all, 0, 1.4, 0},
		{"biased", second, all, 0, 1, 0.1},
	} {
		t.Run(test.name, func(t *testing.T) {
			calibrated := test.within > 0
			samples := f.sample(t, device, linear, test.sampler, means[:test.m], n)
			truth := &galaxy.Images{N: test.m, Height: side, Width: side, Channels: 1,
				Pixels: truths.Pixels[:test.m*side*side]}
			seen, sampled := make([][]float64, test.m), make([][][]float64, test.m)
			for i := range test.m {
				for k, v := range samples[i].Pixels {
					mean := means[i][k%len(means[i])]
					samples[i].Pixels[k] = mean + test.factor*(v-mean) + test.bias
				}
				seen[i] = moments(truth.At(i))
				for k := range n {
					sampled[i] = append(sampled[i], moments(samples[i].At(k)))
				}
			}
			pixels, err := calibration.Images(truth, samples)
			if err != nil {
				t.Fatal(err)
			}
			shapes, err := calibration.Vectors(seen, sampled)
			if err != nil {
				t.Fatal(err)
			}
			ranks := map[string]*calibration.Ranks{"pixels": pixels.Ranks(1),
				"moments": shapes.Ranks(1)}
			if ranks["TARP of pixels"], err = pixels.TARP(10, 1); err != nil {
				t.Fatal(err)
			}
			if ranks["TARP of moments"], err = shapes.TARP(10, 1); err != nil {
				t.Fatal(err)
			}
			for k, what := range []string{"flux", "size", "x² − y²", "2xy"} {
				var values []float64
				var among [][]float64
				for i := range test.m {
					values, among = append(values, seen[i][k]), append(among, nil)
					for _, s := range sampled[i] {
						among[i] = append(among[i], s[k])
					}
				}
				trials, err := calibration.Scalars(values, among)
				if err != nil {
					t.Fatal(err)
				}
				of := trials.Ranks(1)
				histogram, err := of.Histogram(8, 1)
				if err != nil {
					t.Fatal(err)
				}
				t.Logf("ranks of %s: %.2f off, P = %.4f", what, histogram.Distance, histogram.P)
				ends := min(histogram.Density[0], histogram.Density[7])
				if calibrated && histogram.P < 0.005 || test.name == "over-confident" &&
					(histogram.P > 0.001 || ends < 1.3) {
					t.Errorf("the truth's %s has the ranks %.2f", what, histogram.Density)
				}
			}
			for what, r := range ranks {
				central, err := r.Central(1)
				if err != nil {
					t.Fatal(err)
				}
				cumulative, err := r.Cumulative(1)
				if err != nil {
					t.Fatal(err)
				}
				t.Logf("%s: central intervals %.4f ± %.4f off, P = %.4f, cumulative %.4f ± %.4f, "+
					"P = %.4f", what,
					central.Distance, central.HalfWidth, central.P, cumulative.Distance,
					cumulative.HalfWidth, cumulative.P)
				switch chance := min(central.P, cumulative.P); {
				case !calibrated && chance > 0.001:
					t.Errorf("%s doesn't see it", what)
				case calibrated && what == "pixels" &&
					central.Distance+central.HalfWidth > test.within:
					t.Errorf("the coverage of %s may be off by more than %g", what, test.within)
				case calibrated && what != "pixels" && chance < 0.005:
					t.Errorf("%s are off", what)
				}
			}
			ratio, err := pixels.SpreadRatio(1)
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("error over spread %.3f (%.3f to %.3f)", ratio.Value, ratio.Low, ratio.High)
			if fits := ratio.Low < 1.02 && ratio.High > 0.97; fits != calibrated && test.bias == 0 {
				t.Error("that isn't as it must be")
			}
		})
	}
}

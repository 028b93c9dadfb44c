package cvae_test

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/ml/model/initializer"

	"galdecon/galdecon/cvae"
	"galdecon/galdecon/internal/devicetest"
	"galdecon/galdecon/psf"
)

var small = cvae.Config{Latent: 3, Features: []int{4, 6}, Alpha: 0.7, Beta: 2, SigmaY: 0.5,
	SigmaX: 0.2}

func images(rng *rand.Rand, dims ...int) *tensors.Tensor {
	n := 1
	for _, d := range dims {
		n *= d
	}
	values := make([]float32, n)
	for i := range values {
		values[i] = rng.Float32()
	}
	return tensors.FromFlatDataAndDimensions(values, dims...)
}

// problem is a batch of y, x and PSFs, random: the terms don't ask for an x that was made from y.
func problem(t *testing.T, batch, size, channels int) (y, x, psfs *tensors.Tensor) {
	t.Helper()
	rng := rand.New(rand.NewPCG(1, 2))
	var kernels []psf.PSF
	for i := range batch {
		k, err := psf.Gaussian{Sigma: 0.8 + 0.3*float64(i)}.Render(5)
		if err != nil {
			t.Fatal(err)
		}
		kernels = append(kernels, k)
	}
	stack, err := psf.Stack(kernels...)
	if err != nil {
		t.Fatal(err)
	}
	return images(rng, batch, size, size, channels), images(rng, batch, size, size, channels),
		tensors.FromFlatDataAndDimensions(stack, batch, 5, 5)
}

// stir gives random values to the layers that start at zero, behind which nothing would be tested.
func stir(t *testing.T, store *model.Store) {
	t.Helper()
	rng := rand.New(rand.NewPCG(9, 9))
	for _, name := range []string{"/model/encoder/latent/dense/weights",
		"/model/decoder/out/weights"} {
		v := store.GetVariable(name)
		if v == nil {
			t.Fatalf("there are no weights %s", name)
		}
		values := make([]float32, v.Shape().Size())
		for i := range values {
			values[i] = 0.1 * float32(rng.NormFloat64())
		}
		if err := v.SetValue(tensors.FromFlatDataAndDimensions(values,
			v.Shape().Dimensions...)); err != nil {
			t.Fatal(err)
		}
	}
}

// Eq. 1 by hand, on the host in float64, from the network's own mean, variance and candidate.
func TestTermsByHand(t *testing.T) {
	for _, channels := range []int{1, 3} {
		const batch, size = 2, 8
		y, x, psfs := problem(t, batch, size, channels)
		store := model.NewStore()
		evaluate, err := model.NewExec(devicetest.Device(t), store,
			func(_ *model.Scope, y, x, psfs *graph.Node) []*graph.Node {
				g := y.Graph()
				terms := small.Terms(store.Scope("/model"), y, x, psfs)
				loss := small.Loss(store.Scope("/model"), y, x, psfs)
				// The same weights and the first draw of the random numbers once more.
				mean, logVariance := small.Encode(store.Scope("/model"), x, psfs)
				_, noise := graph.RandomNormal(graph.RNGStateFromSeedForGraph(g, 3), mean.Shape())
				candidate := small.Decode(store.Scope("/model"),
					cvae.Reparametrize(mean, logVariance, noise), size, channels)
				return []*graph.Node{terms.Clean, terms.Blurred, terms.KL, loss, mean, logVariance,
					candidate, psf.Convolve(candidate, psfs)}
			})
		if err != nil {
			t.Fatal(err)
		}
		var out []*tensors.Tensor
		for call := range 2 {
			if call == 1 { // the first call creates the weights, which draws random numbers too
				stir(t, store)
			}
			if err := store.SetRNGStateFromSeed(3); err != nil {
				t.Fatal(err)
			}
			if out, err = evaluate.Call(y, x, psfs); err != nil {
				t.Fatal(err)
			}
		}
		scalar := func(i int) float64 { return float64(tensors.ToScalar[float32](out[i])) }
		flat := func(v *tensors.Tensor) []float32 { return tensors.MustCopyFlatData[float32](v) }
		quadratic := func(a, b []float32, sigma float64) float64 {
			sum := 0.0
			for i := range a {
				d := float64(a[i]) - float64(b[i])
				sum -= d * d / (2 * sigma * sigma)
			}
			return sum / batch
		}
		kl := 0.0
		mean, logVariance := flat(out[4]), flat(out[5])
		for i := range mean {
			m, l := float64(mean[i]), float64(logVariance[i])
			kl += (m*m + math.Exp(l) - 1 - l) / 2 / batch
		}
		for name, values := range map[string][2]float64{
			"clean":   {scalar(0), quadratic(flat(y), flat(out[6]), small.SigmaY)},
			"blurred": {scalar(1), quadratic(flat(x), flat(out[7]), small.SigmaX)},
			"KL":      {scalar(2), kl},
		} {
			if math.Abs(values[0]-values[1]) > 1e-4*math.Abs(values[1]) {
				t.Errorf("%d channels: %s is %g, by hand %g", channels, name, values[0], values[1])
			}
		}
		// The loss has drawn another z, whose candidate isn't known here; KL doesn't depend on it,
		// and bounds the loss from below.
		if loss := scalar(3); loss <= scalar(2) {
			t.Errorf("the loss %g must exceed the KL term %g by the weighted errors", loss,
				scalar(2))
		}
	}
}

// The weights of Eq. 1: with the same draw, the loss is KL − α·clean − β·blurred.
func TestLossWeighs(t *testing.T) {
	y, x, psfs := problem(t, 2, 8, 1)
	evaluate := func(c cvae.Config) (loss float64, terms [3]float64) {
		store := model.NewStore()
		if err := store.SetRNGStateFromSeed(3); err != nil {
			t.Fatal(err)
		}
		run := func(f func(y, x, psfs *graph.Node) []*graph.Node) []*tensors.Tensor {
			if err := store.SetRNGStateFromSeed(4); err != nil {
				t.Fatal(err)
			}
			out, err := model.CallOnceN(devicetest.Device(t), store,
				func(_ *model.Scope, y, x, psfs *graph.Node) []*graph.Node { return f(y, x, psfs) },
				y, x, psfs)
			if err != nil {
				t.Fatal(err)
			}
			return out
		}
		of := func(y, x, psfs *graph.Node) []*graph.Node {
			terms := c.Terms(store.Scope("/model"), y, x, psfs)
			return []*graph.Node{terms.Clean, terms.Blurred, terms.KL}
		}
		run(of) // creates the weights, which draws random numbers too
		stir(t, store)
		for i, v := range run(of) {
			terms[i] = float64(tensors.ToScalar[float32](v))
		}
		loss = float64(tensors.ToScalar[float32](run(func(y, x, psfs *graph.Node) []*graph.Node {
			return []*graph.Node{c.Loss(store.Scope("/model"), y, x, psfs)}
		})[0]))
		return loss, terms
	}
	for _, weights := range [][2]float64{{1, 1}, {0, 3}, {5, 0}} {
		c := small
		c.Alpha, c.Beta = weights[0], weights[1]
		loss, terms := evaluate(c)
		want := terms[2] - c.Alpha*terms[0] - c.Beta*terms[1]
		if math.Abs(loss-want) > 1e-4*math.Abs(want) {
			t.Errorf("α = %g, β = %g: loss %g, want %g from terms %v", c.Alpha, c.Beta, loss, want,
				terms)
		}
	}
}

// KL against its closed form in one dimension and against Monte Carlo.
func TestKL(t *testing.T) {
	const mu, sigma, samples = 0.8, 0.6, 200000
	out, err := graph.CallOnce(devicetest.Device(t), func(m, l *graph.Node) *graph.Node {
		return cvae.KL(m, l)
	},
		[][]float32{{mu}}, [][]float32{{float32(2 * math.Log(sigma))}})
	if err != nil {
		t.Fatal(err)
	}
	got := float64(tensors.ToScalar[float32](out))
	if want := (mu*mu+sigma*sigma-1)/2 - math.Log(sigma); math.Abs(got-want) > 1e-5 {
		t.Errorf("KL is %g, closed form %g", got, want)
	}
	rng := rand.New(rand.NewPCG(5, 6))
	sum := 0.0
	for range samples {
		e := rng.NormFloat64()
		z := mu + sigma*e
		sum += -e*e/2 - math.Log(sigma) + z*z/2
	}
	if estimate := sum / samples; math.Abs(got-estimate) > 0.01 {
		t.Errorf("KL is %g, Monte Carlo says %g ± 0.003", got, estimate)
	}
}

// The gradient of the loss against central differences, with the noise held fixed.
func TestGradient(t *testing.T) {
	y, x, psfs := problem(t, 1, 8, 1)
	store := model.NewStore()
	if err := store.SetRNGStateFromSeed(8); err != nil {
		t.Fatal(err)
	}
	scope := func() *model.Scope { return store.Scope("/model") }
	loss := func(y, x, psfs *graph.Node) *graph.Node {
		mean, logVariance := small.Encode(scope(), x, psfs)
		noise := graph.OnesLike(mean)
		candidate := small.Decode(scope(), cvae.Reparametrize(mean, logVariance, noise), 8, 1)
		fixed := graph.ReduceAllSum(graph.Square(graph.Sub(x, psf.Convolve(candidate, psfs))))
		return graph.Add(graph.Add(fixed,
			graph.ReduceAllSum(graph.Square(graph.Sub(y, candidate)))), cvae.KL(mean, logVariance))
	}
	value, err := model.NewExec(devicetest.Device(t), store,
		func(_ *model.Scope, y, x, psfs *graph.Node) *graph.Node {
			return loss(y, x, psfs)
		})
	if err != nil {
		t.Fatal(err)
	}
	at := func() float64 {
		out, err := value.Call1(y, x, psfs)
		if err != nil {
			t.Fatal(err)
		}
		return float64(tensors.ToScalar[float32](out))
	}
	at() // creates the weights
	stir(t, store)
	for _, name := range []string{"/model/encoder/latent/dense/weights",
		"/model/encoder/psf/weights", "/model/decoder/transposed_1/dense/weights",
		"/model/decoder/out/weights"} {
		v := store.GetVariable(name)
		if v == nil {
			var names []string
			for w := range store.IterVariables() {
				names = append(names, w.Path())
			}
			t.Fatalf("no weight %s among %s", name, strings.Join(names, ", "))
		}
		gradient, err := model.CallOnce(devicetest.Device(t), store,
			func(_ *model.Scope, y, x, psfs *graph.Node) *graph.Node {
				return graph.Gradient(loss(y, x, psfs), v.NodeValue(y.Graph()))[0]
			}, y, x, psfs)
		if err != nil {
			t.Fatal(err)
		}
		g := tensors.MustCopyFlatData[float32](gradient)
		weights := tensors.MustCopyFlatData[float32](v.MustValue())
		set := func(weights []float32) {
			if err := v.SetValue(tensors.FromFlatDataAndDimensions(weights,
				v.Shape().Dimensions...)); err != nil {
				t.Fatal(err)
			}
		}
		const step = 1e-2
		for i := 0; i < len(weights); i += max(1, len(weights)/5) {
			move := func(by float32) float64 {
				moved := append([]float32(nil), weights...)
				moved[i] += by
				set(moved)
				return at()
			}
			numeric := (move(step) - move(-step)) / (2 * step)
			set(weights)
			if d := math.Abs(float64(g[i]) - numeric); d > 0.02*math.Abs(numeric)+2e-2 {
				t.Errorf("%s[%d]: gradient %g, differences %g", name, i, g[i], numeric)
			}
		}
	}
}

func TestValidate(t *testing.T) {
	if err := small.Validate(8); err != nil {
		t.Errorf("a good configuration: %v", err)
	}
	for name, change := range map[string]func(c *cvae.Config) int{
		"no latent":    func(c *cvae.Config) int { c.Latent = 0; return 8 },
		"no features":  func(c *cvae.Config) int { c.Features = nil; return 8 },
		"zero feature": func(c *cvae.Config) int { c.Features = []int{4, 0}; return 8 },
		"odd size":     func(c *cvae.Config) int { return 10 },
		"negative α":   func(c *cvae.Config) int { c.Alpha = -1; return 8 },
		"NaN β":        func(c *cvae.Config) int { c.Beta = math.NaN(); return 8 },
		"zero σ":       func(c *cvae.Config) int { c.SigmaX = 0; return 8 },
	} {
		c := small
		size := change(&c)
		if err := c.Validate(size); err == nil || !strings.HasPrefix(err.Error(), "cvae: ") {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

// The decoder's transposed convolution spreads each pixel over its own 2×2 square.
func TestDecodeShapes(t *testing.T) {
	for _, size := range []int{8, 16, 64} {
		store := model.NewStore()
		out, err := model.CallOnce(devicetest.Device(t), store,
			func(_ *model.Scope, z *graph.Node) *graph.Node {
				return small.Decode(store.Scope("/model").WithInitializer(initializer.Zero), z,
					size, 3)
			}, images(rand.New(rand.NewPCG(1, 1)), 2, small.Latent))
		if err != nil {
			t.Fatal(err)
		}
		if want := shapes.Make(dtypes.Float32, 2, size, size, 3); !out.Shape().Equal(want) {
			t.Errorf("the decoder gives %s, want %s", out.Shape(), want)
		}
	}
}

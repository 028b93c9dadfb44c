package ddpm_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"galdecon/galdecon/ddpm"
	"galdecon/galdecon/internal/devicetest"
	"galdecon/galdecon/psf"
	"galdecon/galdecon/unet"
)

// problem is a small model with weights that are no longer at their start, and galaxies seen
// through it.
type problem struct {
	c       ddpm.Config
	sampler ddpm.Sampler
	store   *model.Store
	x, psfs *tensors.Tensor
	noise   *tensors.Tensor
}

const (
	stamps, side, psfSize = 3, 16, 5
	noise                 = 0.003
)

// small returns a new copy of the same problem; what takes time is done once.
func small(t *testing.T) problem {
	t.Helper()
	once.Do(func() { made = makeSmall(t) })
	p := made
	var err error
	if p.store, err = made.store.Clone(); err != nil {
		t.Fatal(err)
	}
	return p
}

var (
	once sync.Once
	made problem
)

func makeSmall(t *testing.T) problem {
	t.Helper()
	p := problem{
		c: ddpm.Config{T: 100, Prediction: ddpm.Velocity, Dropout: 0.1, Mean: 0.1, Std: 0.2,
			Network: unet.Config{Features: []int{4}, Blocks: 1, Embedding: 4}},
		sampler: ddpm.Sampler{Steps: 8, Eta: 1, SecondOrder: true, DataConsistency: true},
		store:   model.NewStore(),
	}
	var pixels, kernels []float32
	for i := range stamps {
		for row := range side {
			for col := range side {
				r := math.Hypot(float64(row)-7.5-float64(i), (float64(col)-8)*(1+0.3*float64(i)))
				pixels = append(pixels, float32(math.Exp(-r*r/8)))
			}
		}
		k, err := psf.Gaussian{Sigma: 0.7 + 0.2*float64(i)}.Render(psfSize)
		if err != nil {
			t.Fatal(err)
		}
		kernels = append(kernels, k.Pixels...)
	}
	p.noise = filled(noise, stamps)
	p.psfs = tensors.FromFlatDataAndDimensions(kernels, stamps, psfSize, psfSize)
	y := tensors.FromFlatDataAndDimensions(pixels, stamps, side, side, 1)
	var err error
	if p.x, err = graph.CallOnce(devicetest.Device(t), psf.Convolve, y, p.psfs); err != nil {
		t.Fatal(err)
	}
	loss(t, p.c, p.store, y, p.psfs)
	move(t, p.store)
	return p
}

// move changes all weights at random, a little.
func move(t *testing.T, store *model.Store) {
	t.Helper()
	rng := rand.New(rand.NewPCG(1, 2))
	for v := range store.Scope("/model").IterVariables() {
		if v.DType() != dtypes.Float32 {
			t.Fatalf("weight %s is %s", v.Path(), v.DType())
		}
		values := tensors.MustCopyFlatData[float32](v.MustValue())
		for i := range values {
			values[i] += 0.1 * float32(rng.NormFloat64())
		}
		if err := v.SetValue(tensors.FromFlatDataAndDimensions(values,
			v.Shape().Dimensions...)); err != nil {
			t.Fatal(err)
		}
	}
}

func (p problem) posterior(t *testing.T) *ddpm.Generator {
	t.Helper()
	posterior, err := ddpm.NewGenerator(devicetest.Device(t), p.c, p.sampler,
		p.store.Scope("/model"))
	if err != nil {
		t.Fatal(err)
	}
	return posterior
}

func seed(t *testing.T, n int64) *tensors.Tensor {
	t.Helper()
	rng, err := graph.RNGStateFromSeed(n)
	if err != nil {
		t.Fatal(err)
	}
	return rng
}

func TestDraw(t *testing.T) {
	p := small(t)
	posterior := p.posterior(t)
	draw := func(n int64) (samples, reblurred []float32) {
		t.Helper()
		a, b, err := posterior.Draw(seed(t, n), p.x, p.psfs, p.noise)
		if err != nil {
			t.Fatal(err)
		}
		for what, out := range map[string]*tensors.Tensor{"samples": a, "reblurred": b} {
			if !out.Shape().Equal(p.x.Shape()) {
				t.Errorf("%s have the shape %s, want %s", what, out.Shape(), p.x.Shape())
			}
		}
		return tensors.MustCopyFlatData[float32](a), tensors.MustCopyFlatData[float32](b)
	}
	samples, reblurred := draw(1)
	again, reblurredAgain := draw(1)
	if !slices.Equal(samples, again) || !slices.Equal(reblurred, reblurredAgain) {
		t.Error("the same seed gives other samples")
	}
	blurred, err := graph.CallOnce(devicetest.Device(t), psf.Convolve,
		tensors.FromFlatDataAndDimensions(samples, p.x.Shape().Dimensions...), p.psfs)
	if err != nil {
		t.Fatal(err)
	}
	x := tensors.MustCopyFlatData[float32](p.x)
	for i, want := range tensors.MustCopyFlatData[float32](blurred) {
		if math.Abs(float64(reblurred[i]-want)) > 1e-5 {
			t.Fatalf("pixel %d of Π*y is %g, want %g", i, reblurred[i], want)
		}
	}
	other, _ := draw(2)
	const each = side * side
	for i := range stamps {
		at := func(v []float32) []float32 { return v[i*each : (i+1)*each] }
		// Whatever the weights, each step is corrected towards its own observation.
		if mse := mse(at(reblurred), at(x)); !(mse < 1e-4) {
			t.Errorf("sample %d, blurred again, has an MSE of %g to its observation, want < 1e-4",
				i, mse)
		}
		for j := range stamps {
			if j != i && mse(at(reblurred), x[j*each:(j+1)*each]) < 1e-3 {
				t.Errorf("sample %d explains observation %d: the test can't tell them apart", i, j)
			}
		}
		if d := mse(at(samples), at(other)); d < 1e-6 {
			t.Errorf("sample %d of another seed differs by an MSE of %g only", i, d)
		}
	}
	t.Run("errors", func(t *testing.T) { drawErrors(t, p, posterior) })
	move(t, p.store)
	a, _, err := p.posterior(t).Draw(seed(t, 1), p.x, p.psfs, p.noise)
	if err != nil {
		t.Fatal(err)
	}
	if slices.Equal(tensors.MustCopyFlatData[float32](a), samples) {
		t.Error("other weights give the same samples")
	}
}

func mse(a, b []float32) float64 {
	sum := 0.0
	for i := range a {
		d := float64(a[i] - b[i])
		sum += d * d
	}
	return sum / float64(len(a))
}

// One PSF for all gives what a copy for each gives; η = 0 leaves only the start to chance.
func TestDrawWithOnePSF(t *testing.T) {
	p := small(t)
	p.sampler = ddpm.Sampler{Steps: 2}
	posterior := p.posterior(t)
	one := tensors.MustCopyFlatData[float32](p.psfs)[:psfSize*psfSize]
	var out [2][]float32
	for i, copies := range []int{1, stamps} {
		a, _, err := posterior.Draw(seed(t, 1), p.x,
			tensors.FromFlatDataAndDimensions(slices.Repeat(one, copies), copies, psfSize, psfSize),
			p.noise)
		if err != nil {
			t.Fatal(err)
		}
		out[i] = tensors.MustCopyFlatData[float32](a)
	}
	for i := range out[0] {
		if math.Abs(float64(out[0][i]-out[1][i])) > 1e-4 {
			t.Fatalf("pixel %d is %g with one PSF for all, %g with a copy for each", i, out[0][i],
				out[1][i])
		}
	}
}

// drawErrors are draws that must fail and leave the posterior as good as it was.
func drawErrors(t *testing.T, p problem, posterior *ddpm.Generator) {
	for name, test := range map[string]struct {
		x, psfs *tensors.Tensor
		want    string
	}{
		"PSFs of another batch": {p.x, filled(0.04, 2, 5, 5),
			"3 images need as many PSFs, or one for all; got 2"},
		"PSFs of another size": {p.x, filled(1./9, 3, 3, 3), "3"},
		"oblong PSFs":          {p.x, filled(0.05, 3, 5, 4), "square"},
		"PSFs without batch":   {p.x, filled(0.04, 5, 5), "[batch, k, k]"},
		"images without channels": {filled(0, 3, 16, 16), p.psfs,
			"[batch, height, width, channels]"},
		"images of other channels": {filled(0, 3, 16, 16, 3), p.psfs, "3"},
		"images of another type": {tensors.FromFlatDataAndDimensions(make([]float64, 3*256), 3,
			16, 16, 1), p.psfs, "64"},
		"empty tensor where x goes": {tensors.FromFlatDataAndDimensions([]float32{}, 0, 16, 16, 1),
			p.psfs, ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := posterior.Draw(seed(t, 1), test.x, test.psfs, p.noise)
			if err == nil || !strings.HasPrefix(err.Error(), "ddpm: ") ||
				!strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want one with %q", err, test.want)
			}
		})
	}
	if _, _, err := posterior.Draw(seed(t, 1), p.x, p.psfs, p.noise); err != nil {
		t.Errorf("after errors, a good draw fails: %v", err)
	}
}

// Guidance extrapolates from the prediction without the PSF: it changes samples, and the more the
// larger it is; a guidance of 0 is the plain sampler, which a weight towards 0 approaches. Without
// dropout in training it is refused.
func TestGuidance(t *testing.T) {
	p := small(t)
	p.sampler.DataConsistency = false
	draw := func(w float64) []float32 {
		t.Helper()
		p.sampler.Guidance = w
		a, _, err := p.posterior(t).Draw(seed(t, 1), p.x, p.psfs, p.noise)
		if err != nil {
			t.Fatal(err)
		}
		return tensors.MustCopyFlatData[float32](a)
	}
	plain, slight, strong := draw(0), draw(1e-4), draw(1)
	near, far := mse(plain, slight), mse(plain, strong)
	if !(near < 1e-6*far) || far == 0 {
		t.Errorf("guidance of 1e-4 and 1 moves samples by MSEs of %g and %g", near, far)
	}
	p.c.Dropout = 0
	if _, err := ddpm.NewGenerator(devicetest.Device(t), p.c, p.sampler,
		p.store.Scope("/model")); err == nil || !strings.Contains(err.Error(), "withheld") {
		t.Errorf("guidance of a model trained without dropout: %v", err)
	}
}

// The path ends where Draw ends, and begins near noise.
func TestPath(t *testing.T) {
	p := small(t)
	posterior := p.posterior(t)
	samples, _, err := posterior.Draw(seed(t, 1), p.x, p.psfs, p.noise)
	if err != nil {
		t.Fatal(err)
	}
	path, err := posterior.Path(seed(t, 1), p.x, p.psfs, p.noise)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := path.Shape().Dimensions, []int{p.sampler.Steps, stamps, side, side,
		1}; !slices.Equal(got, want) {
		t.Fatalf("the path has the shape %v, want %v", got, want)
	}
	steps, last := tensors.MustCopyFlatData[float32](path),
		tensors.MustCopyFlatData[float32](samples)
	each := len(last)
	if d := mse(steps[len(steps)-each:], last); d > 1e-10 {
		t.Errorf("the path ends an MSE of %g away from the samples", d)
	}
	for i := 1; i < p.sampler.Steps; i++ {
		if d := mse(steps[(i-1)*each:i*each], steps[i*each:(i+1)*each]); d == 0 {
			t.Errorf("step %d changes nothing", i)
		}
	}
}

// What the observation's noise is said to be reaches the network.
func TestNoiseIsACondition(t *testing.T) {
	p := small(t)
	p.sampler.DataConsistency = false
	posterior := p.posterior(t)
	var out [2][]float32
	for i, level := range [][]float32{{0.003, 0.003, 0.003}, {0.03, 0.003, 0.003}} {
		a, _, err := posterior.Draw(seed(t, 1), p.x, p.psfs,
			tensors.FromFlatDataAndDimensions(level, stamps))
		if err != nil {
			t.Fatal(err)
		}
		out[i] = tensors.MustCopyFlatData[float32](a)
	}
	const each = side * side
	if slices.Equal(out[0][:each], out[1][:each]) {
		t.Error("the noise of an observation doesn't matter to it")
	}
	if !slices.Equal(out[0][each:], out[1][each:]) {
		t.Error("the noise of one observation matters to another")
	}
}

// The paper's network is trained and sampled like ours.
func TestPaperNetwork(t *testing.T) {
	p := small(t)
	p.c.Network, p.c.Paper = unet.Config{}, &unet.Paper{Channels: 1, Features: 8, PSFSize: psfSize}
	p.c.Prediction, p.sampler = ddpm.Epsilon, ddpm.Sampler{Steps: 4, Eta: 1, LargeVariance: true,
		Guidance: 0.5}
	p.store = model.NewStore()
	if l := loss(t, p.c, p.store, p.x, p.psfs); !(l > 0.3 && l < 10) {
		t.Errorf("the loss at the start is %g, want one near 1", l)
	}
	a, _, err := p.posterior(t).Draw(seed(t, 1), p.x, p.psfs, p.noise)
	if err != nil {
		t.Fatal(err)
	}
	if !a.Shape().Equal(p.x.Shape()) {
		t.Errorf("samples have the shape %s, want %s", a.Shape(), p.x.Shape())
	}
}

package ddpm_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"galdecon/galdecon/ddpm"
	"galdecon/galdecon/internal/devicetest"
	"galdecon/galdecon/unet"
)

func filled(value float32, dims ...int) *tensors.Tensor {
	n := 1
	for _, d := range dims {
		n *= d
	}
	return tensors.FromFlatDataAndDimensions(slices.Repeat([]float32{value}, n), dims...)
}

func loss(t *testing.T, c ddpm.Config, store *model.Store, y, psfs *tensors.Tensor) float64 {
	t.Helper()
	if err := store.SetRNGStateFromSeed(1); err != nil {
		t.Fatal(err)
	}
	out, err := model.CallOnce(devicetest.Device(t), store,
		func(scope *model.Scope, y, psfs, noise *graph.Node) *graph.Node {
			return c.Loss(scope.In("model"), y, ddpm.Condition{X: y, PSFs: psfs, Noise: noise})
		}, y, psfs, filled(0.01, y.Shape().Dimensions[0]))
	if err != nil {
		t.Fatal(err)
	}
	return float64(tensors.ToScalar[float32](out))
}

// The network starts as 0, so for a constant image whose normalized value is u the loss is the mean
// square of what should be predicted: 1 for ε, u² for y_0, ᾱ + (1−ᾱ) u² for v at each time. A batch
// that is a multiple of T takes all times equally often.
func TestLossByHand(t *testing.T) {
	const T, batch, size, channels, u = 8, 32, 8, 3, 2.0
	for _, c := range []ddpm.Config{
		{T: T, Mean: 0.2, Std: 0.3, Prediction: ddpm.Velocity},
		{T: T, Mean: -1, Std: 4, Prediction: ddpm.Velocity, Cosine: true},
		{T: T, Mean: 0.2, Std: 0.3, Prediction: ddpm.Epsilon},
		{T: T, Mean: 0.2, Std: 0.3, Prediction: ddpm.Clean, Dropout: 0.5},
	} {
		c.Network = unet.Config{Features: []int{2}, Blocks: 1, Embedding: 2}
		schedule, err := c.Schedule()
		if err != nil {
			t.Fatal(err)
		}
		want, variance := 0.0, 0.0
		for _, a := range schedule.AlphaBar[1:] {
			switch c.Prediction {
			case ddpm.Epsilon:
				want, variance = want+1./T, variance+2./T
			case ddpm.Clean:
				want += u * u / T
			case ddpm.Velocity:
				want += (a + (1-a)*u*u) / T
				variance += (2*a*a + 4*a*(1-a)*u*u) / T
			}
		}
		got := loss(t, c, model.NewStore(), filled(float32(c.Mean+u*c.Std), batch, size, size,
			channels), filled(1, 1, 1, 1))
		if spread := 4*math.Sqrt(variance/(batch*size*size*channels)) +
			1e-5; math.Abs(got-want) > spread {
			t.Errorf("%s, cosine %t: the loss is %.4f, want %.4f ± %.4f", c.Prediction, c.Cosine,
				got, want, spread)
		}
	}
}

// A level that is wrong by d in every pixel counts d² times the mean number of pixels of a scale,
// one wrong pixel counts alike at all scales, and so does white noise.
func TestScales(t *testing.T) {
	const side, d = 16, 0.1
	scales := func(values []float32) float64 {
		out, err := graph.CallOnce(devicetest.Device(t), ddpm.Scales,
			tensors.FromFlatDataAndDimensions(values, len(values)/(side*side), side, side, 1))
		if err != nil {
			t.Fatal(err)
		}
		return float64(tensors.ToScalar[float32](out))
	}
	level := slices.Repeat([]float32{d}, side*side)
	if got, want := scales(level), d*d*(1+(4.+16+64+256)/4)/2; math.Abs(got/want-1) > 1e-5 {
		t.Errorf("a wrong level counts %g, want %g", got, want)
	}
	pixel := make([]float32, side*side)
	pixel[37] = d
	if got, want := scales(pixel), d*d/(side*side); math.Abs(got/want-1) > 1e-5 {
		t.Errorf("a wrong pixel counts %g, want %g", got, want)
	}
	const n = 200
	noise := make([]float32, n*side*side)
	random := rand.New(rand.NewPCG(1, 2))
	for i := range noise {
		noise[i] = float32(random.NormFloat64())
	}
	// Of n images the scale of the whole has a variance of 2/n, the next of 2/4n, …
	if got, spread := scales(noise), 4*math.Sqrt(2./n*3)/8; math.Abs(got-1) > spread {
		t.Errorf("white noise counts %g, want 1 ± %.2g", got, spread)
	}
}

package cvae_test

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"galdecon/galdecon/cvae"
	"galdecon/galdecon/internal/devicetest"
	"galdecon/galdecon/psf"
)

// The last layer is fixed: what is drawn, blurred again, is psf's convolution of it, and only
// encoder and decoder have weights.
func TestFixedLayer(t *testing.T) {
	_, x, psfs := problem(t, 3, 16, 1)
	store := model.NewStore()
	if err := store.SetRNGStateFromSeed(1); err != nil {
		t.Fatal(err)
	}
	if _, err := model.CallOnceN(devicetest.Device(t), store,
		func(_ *model.Scope, x, psfs *graph.Node) []*graph.Node {
			terms := small.Terms(store.Scope("/model"), x, x, psfs)
			return []*graph.Node{terms.KL, terms.Blurred}
		}, x, psfs); err != nil {
		t.Fatal(err)
	}
	for v := range store.Scope("/model").IterVariables() {
		if !strings.HasPrefix(v.Path(), "/model/encoder/") &&
			!strings.HasPrefix(v.Path(), "/model/decoder/") {
			t.Errorf("a weight outside encoder and decoder: %s", v.Path())
		}
	}
	stir(t, store)
	posterior, err := cvae.NewGenerator(devicetest.Device(t), small, store.Scope("/model"))
	if err != nil {
		t.Fatal(err)
	}
	draw := func(seed int64) (samples, reblurred *tensors.Tensor) {
		rng, err := graph.RNGStateFromSeed(seed)
		if err != nil {
			t.Fatal(err)
		}
		samples, reblurred, err = posterior.Draw(rng, x, psfs)
		if err != nil {
			t.Fatal(err)
		}
		return samples, reblurred
	}
	samples, reblurred := draw(1)
	want, err := graph.CallOnce(devicetest.Device(t), psf.Convolve, samples, psfs)
	if err != nil {
		t.Fatal(err)
	}
	if !want.InDelta(reblurred, 1e-6) {
		t.Error("the reblurred candidates aren't psf.Convolve of the candidates")
	}
	if again, _ := draw(1); !again.Equal(samples) {
		t.Error("the same seed gave other candidates")
	}
	if other, _ := draw(2); other.Equal(samples) {
		t.Error("another seed gave the same candidates")
	}
	if _, _, err := posterior.Draw(tensors.FromValue([]uint64{1, 2, 3}),
		images(rand.New(rand.NewPCG(1, 1)), 3, 16, 12, 1), psfs); err == nil {
		t.Error("images of another shape were accepted")
	}
}

// The evidence lower bound of a linear Gaussian model, as a function of q's mean and variance, is
// highest at the posterior that is known in closed form, and equals the evidence there.
func TestELBOIsTightAtTheExactPosterior(t *testing.T) {
	// x = a·z + n, z ~ N(0, 1), n ~ N(0, s²): posterior N(a·x/(a²+s²), s²/(a²+s²)); the bound is E
	// −½(x−a·z)²/s² − KL.
	const a, s, x = 1.3, 0.7, 0.9
	variance := s * s / (a*a + s*s)
	mean := a * x / (a*a + s*s)
	bound := func(m, v float64) float64 {
		out, err := graph.CallOnce(devicetest.Device(t), func(m, l *graph.Node) *graph.Node {
			return cvae.KL(m, l)
		},
			[][]float32{{float32(m)}}, [][]float32{{float32(math.Log(v))}})
		if err != nil {
			t.Fatal(err)
		}
		expected := ((x-a*m)*(x-a*m) + a*a*v) / (2 * s * s)
		return -expected - float64(tensors.ToScalar[float32](out))
	}
	best := bound(mean, variance)
	evidence := -x*x/(2*(a*a+s*s)) - math.Log((a*a+s*s)/(s*s))/2
	if math.Abs(best-evidence) > 1e-4 {
		t.Errorf("the bound at the exact posterior is %g, want the evidence %g", best, evidence)
	}
	for _, off := range [][2]float64{{mean + 0.1, variance}, {mean - 0.1, variance},
		{mean, variance * 1.3}, {mean, variance / 1.3}} {
		if b := bound(off[0], off[1]); b >= best {
			t.Errorf("the bound at %v is %g, not below %g", off, b, best)
		}
	}
}

package ddpm

import (
	"math"
	"math/rand/v2"
	"testing"

	"galdecon/galdecon/backend"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
)

// Differences of white noise σ are Gaussian with 2σ², and the logarithm of a squared unit Gaussian has the mean −γ − log 2. Neither the
// unit nor a galaxy in the middle changes much of it, though that outshines the noise.
func TestStructureOfWhiteNoise(t *testing.T) {
	device, err := backend.Default()
	if err != nil {
		t.Fatal(err)
	}
	const size, unit, gamma = 64, 0.02, 0.5772156649
	sigmas := []float64{0.1, 0.02, 0.1, 0.02}
	rng := rand.New(rand.NewPCG(1, 2))
	pixels := make([]float32, 0, len(sigmas)*size*size)
	for i, sigma := range sigmas {
		for k := range size * size {
			v := sigma * rng.NormFloat64()
			if r := math.Hypot(float64(k/size-size/2), float64(k%size-size/2)); i >= 2 {
				v += 10 * math.Exp(-r*r/18)
			}
			pixels = append(pixels, float32(v))
		}
	}
	out, err := graph.CallOnce(device, func(images *graph.Node) *graph.Node {
		return structure(images, graph.Const(images.Graph(), float32(unit)))
	}, tensors.FromFlatDataAndDimensions(pixels, len(sigmas), size, size, 1))
	if err != nil {
		t.Fatal(err)
	}
	got := tensors.MustCopyFlatData[float32](out)
	if len(got) != len(sigmas)*len(lags) {
		t.Fatalf("%d figures", len(got))
	}
	for k, v := range got {
		sigma, galaxy := sigmas[k/len(lags)], k/len(lags) >= 2
		want := 0.5 * (math.Log(2*sigma*sigma/unit/unit) - gamma - math.Ln2)
		high := 0.15 // what keeps the logarithm finite adds 0.1 where the noise is one unit
		if galaxy {
			high = 0.5
		}
		if d := float64(v) - want; d < -0.05 || d > high {
			t.Errorf("σ = %g, galaxy %v, lag %d: %.3f, want %.3f", sigma, galaxy, lags[k%len(lags)], v, want)
		}
	}
}

package cvae_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"galdecon/galdecon/backend"
	"galdecon/galdecon/cvae"
	"galdecon/galdecon/psf"
)

// With other weights, such as those of a later checkpoint, the samples are those of a posterior
// that is made with them, to the bit, and nothing is compiled for that.
func TestWithWeights(t *testing.T) {
	device, err := backend.Default()
	if err != nil {
		t.Fatal(err)
	}
	const batch, size, grid = 2, 16, 5
	kernel, err := psf.Gaussian{Sigma: 1}.Render(grid)
	if err != nil {
		t.Fatal(err)
	}
	x := images(rand.New(rand.NewPCG(1, 2)), batch, size, size, 1)
	psfs := tensors.FromFlatDataAndDimensions(slices.Repeat(kernel.Pixels, batch), batch, grid,
		grid)
	weights := func(seed int64, latent int) (*model.Scope, cvae.Config) {
		config := cvae.Config{Latent: latent, Features: []int{4, 4}, SigmaY: 1, SigmaX: 1}
		store := model.NewStore()
		if err := store.SetRNGStateFromSeed(seed); err != nil {
			t.Fatal(err)
		}
		if _, err := model.CallOnceN(device, store, func(_ *model.Scope, x,
			psfs *graph.Node) []*graph.Node {
			terms := config.Terms(store.Scope("/model"), x, x, psfs)
			return []*graph.Node{terms.Clean, terms.Blurred, terms.KL}
		}, x, psfs); err != nil {
			t.Fatal(err)
		}
		// Away from the start, where the output is 0.
		rng := rand.New(rand.NewPCG(uint64(seed), 2))
		for v := range store.Scope("/model").IterVariables() {
			values := tensors.MustCopyFlatData[float32](v.MustValue())
			for i := range values {
				values[i] += 0.1 * float32(rng.NormFloat64())
			}
			if err := v.SetValue(tensors.FromFlatDataAndDimensions(values,
				v.Shape().Dimensions...)); err != nil {
				t.Fatal(err)
			}
		}
		return store.Scope("/model"), config
	}
	draw := func(p *cvae.Generator) []float32 {
		t.Helper()
		rng, err := graph.RNGStateFromSeed(1)
		if err != nil {
			t.Fatal(err)
		}
		samples, _, err := p.Draw(rng, x, psfs)
		if err != nil {
			t.Fatal(err)
		}
		return tensors.MustCopyFlatData[float32](samples)
	}
	first, config := weights(1, 3)
	second, _ := weights(2, 3)
	posterior, err := cvae.NewGenerator(device, config, first)
	if err != nil {
		t.Fatal(err)
	}
	before := draw(posterior)
	other, err := posterior.WithWeights(second)
	if err != nil {
		t.Fatal(err)
	}
	after := draw(other)
	fresh, err := cvae.NewGenerator(device, config, second)
	if err != nil {
		t.Fatal(err)
	}
	if !other.SharesExecutable(posterior) || fresh.SharesExecutable(posterior) {
		t.Error("what is compiled isn't shared by the same model, or is by others")
	}
	if slices.Equal(before, after) || !slices.Equal(after, draw(fresh)) {
		t.Error("the samples aren't those of the other weights")
	}
	if !slices.Equal(before, draw(posterior)) {
		t.Error("the posterior has lost its own weights")
	}
	wide, _ := weights(1, 5)
	if _, err := posterior.WithWeights(wide); err == nil ||
		!strings.Contains(err.Error(), "another architecture") {
		t.Errorf("weights of another architecture: error %v", err)
	}
}

// Candidates a second, of one observation each, with the networks of the presets tiny-cvae and
// paper-cvae.
func BenchmarkDraw(b *testing.B) {
	device, err := backend.Default()
	if err != nil {
		b.Fatal(err)
	}
	for _, test := range []struct {
		size, channels, grid int
		config               cvae.Config
	}{
		{32, 1, 13, cvae.Config{Latent: 64, Features: []int{32, 64, 128}, SigmaY: 1, SigmaX: 1}},
		{128, 3, 10, cvae.Config{Latent: 256, Features: []int{32, 64, 128, 256}, SigmaY: 1,
			SigmaX: 1}},
	} {
		b.Run(fmt.Sprintf("%dx%dx%d", test.size, test.size, test.channels), func(b *testing.B) {
			const batch = 64
			kernel, err := psf.Gaussian{Sigma: 2}.Render(test.grid)
			if err != nil {
				b.Fatal(err)
			}
			x := images(rand.New(rand.NewPCG(1, 2)), batch, test.size, test.size, test.channels)
			psfs := tensors.FromFlatDataAndDimensions(slices.Repeat(kernel.Pixels, batch), batch,
				test.grid, test.grid)
			rng, err := graph.RNGStateFromSeed(1)
			if err != nil {
				b.Fatal(err)
			}
			store := model.NewStore()
			if _, err := model.CallOnceN(device, store, func(_ *model.Scope, x,
				psfs *graph.Node) []*graph.Node {
				t := test.config.Terms(store.Scope("/model"), x, x, psfs)
				return []*graph.Node{t.Clean, t.Blurred, t.KL}
			}, x, psfs); err != nil {
				b.Fatal(err)
			}
			posterior, err := cvae.NewGenerator(device, test.config, store.Scope("/model"))
			if err != nil {
				b.Fatal(err)
			}
			draw := func() {
				samples, reblurred, err := posterior.Draw(rng, x, psfs)
				if err != nil {
					b.Fatal(err)
				}
				for _, images := range []*tensors.Tensor{samples, reblurred} {
					if _, err := tensors.CopyFlatData[float32](images); err != nil {
						b.Fatal(err)
					}
					images.FinalizeAll()
				}
			}
			draw() // compiles
			for b.Loop() {
				draw()
			}
			b.ReportMetric(float64(batch)*float64(b.N)/b.Elapsed().Seconds(), "samples/s")
		})
	}
}

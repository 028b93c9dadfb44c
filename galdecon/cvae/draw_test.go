package cvae_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"galdecon/galdecon/backend"
	"galdecon/galdecon/cvae"
	"galdecon/galdecon/psf"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
)

// Candidates a second, of one observation each, with the networks of the presets tiny-cvae and paper-cvae.
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
		{128, 3, 10, cvae.Config{Latent: 256, Features: []int{32, 64, 128, 256}, SigmaY: 1, SigmaX: 1}},
	} {
		b.Run(fmt.Sprintf("%dx%dx%d", test.size, test.size, test.channels), func(b *testing.B) {
			const batch = 64
			kernel, err := psf.Gaussian(test.grid, 2)
			if err != nil {
				b.Fatal(err)
			}
			x := images(rand.New(rand.NewPCG(1, 2)), batch, test.size, test.size, test.channels)
			psfs := tensors.FromFlatDataAndDimensions(slices.Repeat(kernel.Weights, batch), batch, test.grid, test.grid)
			rng, err := graph.RNGStateFromSeed(1)
			if err != nil {
				b.Fatal(err)
			}
			store := model.NewStore()
			if _, err := model.CallOnceN(device, store, func(_ *model.Scope, x, psfs *graph.Node) []*graph.Node {
				t := test.config.Terms(store.Scope("/model"), x, x, psfs)
				return []*graph.Node{t.Clean, t.Blurred, t.KL}
			}, x, psfs); err != nil {
				b.Fatal(err)
			}
			posterior, err := cvae.NewPosterior(device, test.config, store.Scope("/model"))
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

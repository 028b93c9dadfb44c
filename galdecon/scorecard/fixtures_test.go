package scorecard_test

import (
	"context"
	"fmt"
	"iter"
	"math"
	"os"
	"slices"
	"sync"
	"testing"

	"galdecon/galdecon"
	"galdecon/galdecon/ddpm"
	"galdecon/galdecon/fit"
	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/galaxy/synthetic"
	"galdecon/galdecon/psf"
	"galdecon/galdecon/score"
	"galdecon/galdecon/scorecard"
	"galdecon/galdecon/unet"
)

// micro trains in no time, and is good for nothing but tests.
var micro = galdecon.Config{
	Preset: "micro", Size: 16, Channels: 1,
	Instrument: psf.Instrument{Size: 7, SigmaMin: 0.7, SigmaMax: 1.2, NoiseMin: 0.001,
		NoiseMax: 0.03},
	Diffusion: ddpm.Config{T: 50, Prediction: ddpm.Velocity, Mean: 0.05, Std: 0.15,
		Network: unet.Config{Features: []int{4}, Blocks: 1, Embedding: 4}},
	Sampler: ddpm.Sampler{Steps: 4, Eta: 1, SecondOrder: true, DataConsistency: true},
	Fit:     fit.Config{Steps: 2, Batch: 4, LearningRate: 1e-3, EMA: 0.9, Seed: 1},
}

// trained is the folder of a micro model.
var trained = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "scorecard")
	if err != nil {
		return "", err
	}
	galaxies, err := synthetic.Galaxies(synthetic.Config{N: 8, Size: micro.Size, Seed: 1})
	if err != nil {
		return "", err
	}
	return dir, galdecon.Train(context.Background(), micro, galaxies, dir, nil)
})

func TestMain(m *testing.M) {
	status := m.Run()
	if dir, _ := trained(); dir != "" {
		os.RemoveAll(dir)
	}
	os.Exit(status)
}

// pixels are features that need no network: the pixels themselves. Their total variance is the
// variance per pixel times their number.
type pixels struct{}

func (pixels) String() string { return "pixels" }

func (pixels) Features(_ context.Context, images *galaxy.Images) iter.Seq2[[]float64, error] {
	return func(yield func([]float64, error) bool) {
		for i := range images.N {
			var features []float64
			for _, v := range images.At(i) {
				features = append(features, float64(v))
			}
			if !yield(features, nil) {
				return
			}
		}
	}
}

// parts hands candidates on as a model does, at most 2 at a time.
func parts(candidates []*galaxy.Images, err error) iter.Seq2[galdecon.Part, error] {
	return func(yield func(galdecon.Part, error) bool) {
		if err != nil {
			yield(galdecon.Part{}, err)
			return
		}
		for i, c := range candidates {
			for first := 0; first < c.N; first += 2 {
				part := galdecon.Part{Posterior: galdecon.Posterior{Index: i}, First: first, N: c.N,
					M: len(candidates)}
				part.Samples = c.Select(first)
				if first+1 < c.N {
					part.Samples = c.Select(first, first+1)
				}
				if !yield(part, nil) {
					return
				}
			}
		}
	}
}

// pieces hands candidates on 8 at a time at most, and ends between them with ctx, however many the
// device draws together.
func pieces(
	ctx context.Context, all iter.Seq2[galdecon.Part, error],
) iter.Seq2[galdecon.Part, error] {
	return func(yield func(galdecon.Part, error) bool) {
		for part, err := range all {
			if err != nil {
				yield(part, err)
				return
			}
			var each []int
			for k := range part.Samples.N {
				each = append(each, k)
			}
			for some := range slices.Chunk(each, 8) {
				piece := part
				piece.First, piece.Samples = part.First+some[0], part.Samples.Select(some...)
				if err := ctx.Err(); err != nil {
					yield(galdecon.Part{}, err)
					return
				}
				if !yield(piece, nil) {
					return
				}
			}
		}
	}
}

// blobs are elliptical Gaussian galaxies in the middle of their stamps.
func blobs(n, size int) *galaxy.Images {
	images := galaxy.NewImages(n, size, size, 1)
	middle := float64(size-1) / 2
	for i := range n {
		images.IDs = append(images.IDs, fmt.Sprintf("blob %d", i))
		wide, high := 1.5+0.1*float64(i%5), 2-0.1*float64(i%3)
		for p := range size * size {
			dy, dx := float64(p/size)-middle, float64(p%size)-middle
			images.At(i)[p] = float32(math.Exp(-dx*dx/(2*wide*wide) - dy*dy/(2*high*high)))
		}
	}
	return images
}

// config compares the classical methods and more on blobs.
func config(methods ...scorecard.Method) scorecard.Config {
	return scorecard.Config{Galaxies: blobs(6, 16), Prior: blobs(15, 16), PSFSize: 7,
		Settings: []scorecard.Setting{{Sigma: 1, Noise: 0.001}},
		Methods:  append(methods, scorecard.Classical()...), Candidates: 4, Epsilon: score.Epsilon,
		Seed: 3, Features: pixels{}}
}

// shaky is a method whose candidates are what truth makes of the index of the galaxy, with noise of
// its own.
func shaky(name string, truth *galaxy.Images, spread float64, calls *int) scorecard.Method {
	return scorecard.Method{Name: name, Identity: fmt.Sprint(spread),
		Deconvolve: func(_ context.Context, o *galdecon.Observations, n int,
			seed int64) iter.Seq2[galdecon.Part, error] {
			if calls != nil {
				*calls++
			}
			candidates := make([]*galaxy.Images, o.Images().N)
			for i := range candidates {
				all := make([]int, n)
				for k := range truth.N {
					if truth.ID(k) == o.Images().ID(i) {
						for j := range all {
							all[j] = k
						}
					}
				}
				noisy, err := galdecon.Observe(truth.Select(all...),
					[]psf.PSF{{Size: 1, Pixels: []float32{1}}}, spread, seed+int64(i))
				if err != nil {
					return parts(nil, err)
				}
				candidates[i] = noisy.Images()
			}
			return parts(candidates, nil)
		}}
}

func run(t *testing.T, c scorecard.Config, dir string) scorecard.Card {
	t.Helper()
	card, err := scorecard.Run(t.Context(), c, dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	return card
}

func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance) {
		t.Errorf("%s is %v, want %v ± %v", what, got, want, tolerance)
	}
}

package ddpm_test

import (
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/go-xla/pjrt"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"galdecon/galdecon/ddpm"
	"galdecon/galdecon/internal/devicetest"
)

// With other weights, such as those of a later checkpoint, the samples are those of a posterior
// that is made with them, to the bit, and nothing is compiled for that. The old posterior keeps its
// own.
func TestWithWeights(t *testing.T) {
	p, later := small(t), small(t)
	move(t, later.store)
	posterior := p.posterior(t)
	draw := func(posterior *ddpm.Generator) []float32 {
		t.Helper()
		samples, _, err := posterior.Draw(seed(t, 1), p.x, p.psfs, p.noise)
		if err != nil {
			t.Fatal(err)
		}
		return tensors.MustCopyFlatData[float32](samples)
	}
	before := draw(posterior)
	other, err := posterior.WithWeights(later.store.Scope("/model"))
	if err != nil {
		t.Fatal(err)
	}
	after := draw(other)
	if !other.SharesExecutables(posterior) || later.posterior(t).SharesExecutables(posterior) {
		t.Error("what is compiled isn't shared by the same model, or is by others")
	}
	if slices.Equal(before, after) || !slices.Equal(after, draw(later.posterior(t))) {
		t.Error("the samples aren't those of the other weights")
	}
	if !slices.Equal(before, draw(posterior)) {
		t.Error("the posterior has lost its own weights")
	}
	wide := p.c
	wide.Network.Features = []int{8}
	store := model.NewStore()
	loss(t, wide, store, p.x, p.psfs)
	if _, err := posterior.WithWeights(store.Scope("/model")); err == nil ||
		!strings.Contains(err.Error(), "another architecture") {
		t.Errorf("weights of another architecture: error %v", err)
	}
}

// Drawing leaves nothing on the device but what it returns: the garbage collector, which sees
// little of it, would free it late.
func TestDrawFreesMemory(t *testing.T) {
	p := small(t)
	posterior, rng := p.posterior(t), seed(t, 1)
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	for name, draw := range map[string]func() []*tensors.Tensor{
		"Draw": func() []*tensors.Tensor {
			samples, reblurred, err := posterior.Draw(rng, p.x, p.psfs, p.noise)
			if err != nil {
				t.Fatal(err)
			}
			return []*tensors.Tensor{samples, reblurred}
		},
		"Path": func() []*tensors.Tensor {
			path, err := posterior.Path(rng, p.x, p.psfs, p.noise)
			if err != nil {
				t.Fatal(err)
			}
			return []*tensors.Tensor{path}
		},
	} {
		draw() // brings the inputs and the weights to the device
		before := pjrt.BuffersAlive()
		out := draw()
		if left := pjrt.BuffersAlive() - before; left > int64(len(out)) {
			t.Errorf("%s leaves %d tensors on the device, want the %d that it returns", name, left,
				len(out))
		}
	}
}

// A posterior takes any number of shapes: its executables alike, of which this one compiles
// fastest.
func TestManyShapes(t *testing.T) {
	posterior := small(t).posterior(t)
	for n := range 33 {
		if _, err := posterior.Restore(filled(0.1, n+1, 1, 1, 1)); err != nil {
			t.Fatalf("the shape of %d images: %v", n+1, err)
		}
	}
}

// Weights of another architecture, or none, are an error and not samples from weights at their
// start.
func TestPosteriorOfOtherWeights(t *testing.T) {
	p := small(t)
	for name, test := range map[string]struct {
		change func(*ddpm.Config)
		scope  string
		want   string
	}{
		"no weights": {func(*ddpm.Config) {}, "/nowhere", "weights that the model lacks"},
		"more levels": {func(c *ddpm.Config) { c.Network.Features = []int{4, 4} }, "/model",
			"/model/unet/up_0"},
		"more blocks": {func(c *ddpm.Config) { c.Network.Blocks = 2 }, "/model",
			"weights that the model lacks"},
		"larger embedding": {func(c *ddpm.Config) { c.Network.Embedding = 8 }, "/model",
			"/model/embed"},
	} {
		t.Run(name, func(t *testing.T) {
			c := p.c
			test.change(&c)
			posterior, err := ddpm.NewGenerator(devicetest.Device(t), c, p.sampler,
				p.store.Scope(test.scope))
			if err == nil {
				_, _, err = posterior.Draw(seed(t, 1), p.x, p.psfs, p.noise)
			}
			if err == nil || !strings.HasPrefix(err.Error(), "ddpm: ") ||
				!strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want one with %q", err, test.want)
			}
		})
	}
	if _, err := ddpm.NewGenerator(devicetest.Device(t),
		ddpm.Config{T: 1, Prediction: ddpm.Velocity}, p.sampler,
		p.store.Scope("/model")); err == nil {
		t.Error("a schedule of one level is accepted")
	}
	if _, err := ddpm.NewGenerator(devicetest.Device(t), p.c, ddpm.Sampler{Steps: 101},
		p.store.Scope("/model")); err == nil {
		t.Error("a sampler of more steps than noise levels is accepted")
	}
}

package scorecard

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"iter"
	"os"
	"path/filepath"

	"galdecon/galdecon"
	"galdecon/galdecon/classical"
	"galdecon/galdecon/galaxy"
)

// Method is a way to deconvolve.
type Method struct {
	// Name stands in the tables.
	Name string
	// Identity tells its results from those of others of that name: its parameters, the hash of its
	// weights.
	Identity string
	// Deconvolve yields n candidates y of each observation x, or one of a method that has but one
	// answer, in the way of [galdecon.Model.Stream], of which only Samples, Index, First and N
	// count. Equal seeds give equal candidates.
	Deconvolve func(ctx context.Context, observations *galdecon.Observations, n int,
		seed int64) iter.Seq2[galdecon.Part, error]
	// Model is [Diffusion] or [CVAE] of a model of these kinds, which the paper compares; empty for
	// others.
	Model string
}

// Kinds of models.
const (
	Diffusion = "diffusion"
	CVAE      = "CVAE"
)

// Load loads the model in a folder as a method, and returns its configuration as well: as it
// samples by itself, or once with each of the named samplers, see [Sampler]: as methods of their
// own. A CVAE has none to choose.
func Load(name, dir string, samplers ...string) ([]Method, galdecon.Config, error) {
	d, err := galdecon.Load(dir)
	if err != nil {
		return nil, galdecon.Config{}, err
	}
	weights, err := hashModel(dir)
	if err != nil {
		return nil, galdecon.Config{}, err
	}
	if len(samplers) == 0 || d.Config.CVAE != nil {
		return []Method{model(name, d, weights)}, d.Config, nil
	}
	var methods []Method
	for _, s := range samplers {
		sampler, err := Sampler(s, d.Config)
		if err != nil {
			return nil, galdecon.Config{}, err
		}
		other, err := d.WithSampler(sampler)
		if err != nil {
			return nil, galdecon.Config{}, fmt.Errorf("scorecard: the sampler %q: %w", s, err)
		}
		called := name
		if s != defaultSampler {
			called += ", " + s
		}
		methods = append(methods, model(called, other, weights))
	}
	return methods, d.Config, nil
}

// model returns the method of a trained model with its sampler; weights tells its weights from
// others'.
func model(name string, d *galdecon.Model, weights string) Method {
	m := Method{Name: name, Identity: "weights " + weights, Deconvolve: d.Stream, Model: CVAE}
	if d.Config.CVAE == nil {
		sampler, err := json.Marshal(d.Config.Sampler)
		if err != nil {
			// a number that isn't finite, which no valid sampler has
			sampler = fmt.Append(nil, d.Config.Sampler)
		}
		m.Identity += ", sampler " + string(sampler)
		m.Model = Diffusion
	}
	return m
}

// hashModel tells the model in a folder from others by its configuration and its newest checkpoint.
func hashModel(dir string) (string, error) {
	checkpoints, _ := filepath.Glob(filepath.Join(dir, "checkpoint-*.bin"))
	if len(checkpoints) == 0 {
		return "", fmt.Errorf("scorecard: there is no trained model in %s", dir)
	}
	h := sha256.New()
	// Glob sorts
	for _, path := range []string{filepath.Join(dir, galdecon.ConfigFile),
		checkpoints[len(checkpoints)-1]} {
		content, err := os.ReadFile(path)
		if err != nil {
			return "", fmt.Errorf("scorecard: cannot read the model in %s: %w", dir, err)
		}
		h.Write(content)
	}
	return hex.EncodeToString(h.Sum(nil)[:8]), nil
}

const (
	// iterations of Richardson and Lucy's method, and its background in standard deviations of the
	// noise: where its error is about the smallest.
	iterations, background = 30, 3
)

// Classical returns the methods without learning: Richardson and Lucy's (30 iterations on a
// background of 3σ of the noise), Wiener's filter (for a prior of standard deviation 0.03), and
// doing nothing.
func Classical() []Method {
	one := func(name, identity string, deconvolve func(o *galdecon.Observations) (*galaxy.Images,
		error)) Method {
		return Method{Name: name, Identity: identity,
			Deconvolve: func(_ context.Context, o *galdecon.Observations, _ int,
				_ int64) iter.Seq2[galdecon.Part, error] {
				return func(yield func(galdecon.Part, error) bool) {
					y, err := deconvolve(o)
					if err != nil {
						yield(galdecon.Part{}, err)
						return
					}
					for i := range y.N {
						if !yield(galdecon.Part{Posterior: galdecon.Posterior{Index: i,
							Samples: y.Select(i)}, N: 1, M: y.N}, nil) {
							return
						}
					}
				}
			}}
	}
	return []Method{
		one("Richardson-Lucy", fmt.Sprintf("%d iterations, background %dσ", iterations, background),
			func(o *galdecon.Observations) (*galaxy.Images, error) {
				sky := make([]float64, len(o.Noise()))
				for i, sigma := range o.Noise() {
					sky[i] = background * sigma
				}
				return classical.RichardsonLucy(o.Images(), o.PSFs(), sky, iterations)
			}),
		one("Wiener", fmt.Sprintf("prior %g", classical.WienerPrior),
			func(o *galdecon.Observations) (*galaxy.Images, error) {
				return classical.Wiener(o, classical.WienerPrior)
			}),
		one("nothing", "", func(o *galdecon.Observations) (*galaxy.Images, error) {
			return o.Images(), nil
		}),
	}
}

package cvae

import (
	"fmt"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"galdecon/galdecon/internal/executor"
	"galdecon/galdecon/internal/random"
	"galdecon/galdecon/internal/weights"
	"galdecon/galdecon/psf"
)

// Generator draws candidates with a trained model: z from q(z | x, Π); the candidate is the mean of
// p(y | z).
type Generator struct {
	layout weights.Layout
	values []any // the weights
	draw   *graph.Exec
}

// NewGenerator prepares the sampler of a model whose weights lie below a scope.
func NewGenerator(device compute.Backend, c Config, scope *model.Scope) (*Generator, error) {
	p := &Generator{layout: weights.Of(scope)}
	var err error
	if p.values, err = p.layout.Values(scope); err != nil {
		return nil, fmt.Errorf("cvae: %w", err)
	}
	layout := p.layout // The executable outlives the weights.
	p.draw, err = executor.New(device, func(in []*graph.Node) []*graph.Node {
		// Within a function the networks find their weights in a store whose variables are the
		// function's parameters.
		draw := graph.NewFunction(in[0].Graph(), "draw", func(g *graph.Graph) []*graph.Node {
			rng, x, psfs := graph.Parameter(g, "rng", in[0].Shape()),
				graph.Parameter(g, "x", in[1].Shape()), graph.Parameter(g, "psfs", in[2].Shape())
			inner := model.NewStore()
			for i := range layout.Len() {
				layout.Parameter(g, inner, i)
			}
			scope := layout.Scope(inner)
			mean, logVariance := c.Encode(scope, x, psfs)
			_, noise := random.Normal(rng, mean.Shape())
			d := x.Shape().Dimensions
			samples := c.Decode(scope, Reparametrize(mean, logVariance, noise), d[1], d[3])
			if err := layout.Complete(inner); err != nil {
				// While a graph is built, as GoMLX does; Draw returns it.
				panic(fmt.Errorf("cvae: %w", err))
			}
			return []*graph.Node{samples, psf.Convolve(samples, psfs)}
		})
		return draw.Call(in...)
	})
	if err != nil {
		return nil, fmt.Errorf("cvae: cannot prepare the sampler: %w", err)
	}
	return p, nil
}

// Check returns an error if the weights below a scope aren't those of the model for images [batch,
// size, size, channels] and PSFs [batch, k, k], and says which. It compiles nothing.
func (c Config) Check(device compute.Backend, scope *model.Scope, size, channels, k int) error {
	err := weights.Check(device, scope, func(scope *model.Scope, in []*graph.Node) {
		mean, _ := c.Encode(scope, in[0], in[1])
		c.Decode(scope, mean, size, channels)
	}, shapes.Make(dtypes.Float32, 1, size, size, channels), shapes.Make(dtypes.Float32, 1, k, k))
	if err != nil {
		return fmt.Errorf("cvae: %w", err)
	}
	return nil
}

// WithWeights returns the same sampler, as far as it is compiled, with the weights below another
// scope, such as those of a later checkpoint. It is an error if they are of another architecture. p
// keeps its own.
func (p *Generator) WithWeights(scope *model.Scope) (*Generator, error) {
	values, err := p.layout.Values(scope)
	if err != nil {
		return nil, fmt.Errorf("cvae: %w", err)
	}
	return &Generator{p.layout, values, p.draw}, nil
}

// Draw draws one candidate y for every observation x [batch, height, width, channels], with its PSF
// [batch, k, k], and convolves it again: samples and Π*samples have the shape of x. rng is a state
// of GoMLX's random numbers (graph.RNGStateFromSeed).
func (p *Generator) Draw(
	rng, x, psfs *tensors.Tensor,
) (samples, reblurred *tensors.Tensor, err error) {
	out, err := p.draw.Call(append([]any{rng, x, psfs}, p.values...)...)
	if err != nil {
		return nil, nil, fmt.Errorf("cvae: sampling failed: %w", err)
	}
	return out[0], out[1], nil
}

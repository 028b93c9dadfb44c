package cvae

import (
	"fmt"

	"galdecon/galdecon/psf"
	"galdecon/galdecon/random"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
)

// Posterior draws candidates with a trained model: z from q(z | x, Π); the candidate is the mean of p(y | z).
type Posterior struct {
	draw *model.Exec
}

// NewPosterior prepares the sampler of a model whose weights lie below a scope.
func NewPosterior(backend compute.Backend, c Config, weights *model.Scope) (*Posterior, error) {
	// A weight that is missing would be made at random.
	for _, name := range []string{"encoder/latent/dense/weights", "decoder/out/weights"} {
		if path := model.JoinPath(weights.Scope(), name); weights.Store().GetVariable(path) == nil {
			return nil, fmt.Errorf("cvae: there are no weights %s; is the checkpoint one of another model?", path)
		}
	}
	draw, err := model.NewExec(backend, weights.Store(), func(_ *model.Scope, rng, x, psfs *graph.Node) (samples, reblurred *graph.Node) {
		scope := weights.Store().Scope(weights.Scope())
		mean, logVariance := c.Encode(scope, x, psfs)
		_, noise := random.Normal(rng, mean.Shape())
		d := x.Shape().Dimensions
		samples = c.Decode(scope, Reparametrize(mean, logVariance, noise), d[1], d[3])
		return samples, psf.Convolve(samples, psfs)
	})
	if err != nil {
		return nil, fmt.Errorf("cvae: cannot prepare the sampler: %w", err)
	}
	return &Posterior{draw}, nil
}

// Draw draws one candidate y for every observation x [batch, height, width, channels], with its PSF [batch, k, k], and convolves it
// again: samples and Π*samples have the shape of x. rng is a state of GoMLX's random numbers (graph.RNGStateFromSeed).
func (p *Posterior) Draw(rng, x, psfs *tensors.Tensor) (samples, reblurred *tensors.Tensor, err error) {
	samples, reblurred, err = p.draw.Call2(rng, x, psfs)
	if err != nil {
		return nil, nil, fmt.Errorf("cvae: sampling failed: %w", err)
	}
	return samples, reblurred, nil
}

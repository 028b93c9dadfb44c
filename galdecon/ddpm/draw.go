package ddpm

import (
	"fmt"

	"galdecon/galdecon/psf"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/ml/model/initializer"
)

// Posterior draws candidates from p(y | x, Π) with a trained model.
type Posterior struct {
	weights             []any
	start, loop, finish *graph.Exec
}

// correctionSteps is the number of conjugate-gradient steps within each step of a sampler.
const correctionSteps = 3

// NewPosterior prepares the sampler of a model whose weights lie below a scope. noise is the standard deviation of the noise
// in the observations, in units of x. The estimate ŷ_0 of every step is corrected towards Π*y = x, by a Wiener step at that
// noise and at the uncertainty that is left at the step's level ([psf.Correct]).
func NewPosterior(backend compute.Backend, c Config, sampler Sampler, weights *model.Scope, noise float64) (*Posterior, error) {
	schedule, err := c.Schedule()
	if err != nil {
		return nil, err
	}
	if err := sampler.Validate(schedule); err != nil {
		return nil, err
	}
	p := &Posterior{}
	var variables []*model.Variable
	for v := range weights.IterVariables() {
		value, err := v.Value()
		if err != nil {
			return nil, fmt.Errorf("ddpm: weight %s: %w", v.Path(), err)
		}
		variables, p.weights = append(variables, v), append(p.weights, value)
	}

	start := func(rng, x, psfs *graph.Node) (state, yT, condition *graph.Node) {
		state, yT = graph.RandomNormal(rng, x.Shape())
		return state, yT, Condition{X: x, PSFs: psfs, Noise: noise}.images(c.normalise)
	}
	loop := func(in []*graph.Node) *graph.Node {
		rng, yT := in[0], in[1]
		captured := []Captured{{Outside: in[2]}, {Outside: in[3]}, {Outside: in[4]}}
		// Within the loop's body the network finds its weights in a store whose variables are the body's parameters.
		inner := model.NewStore()
		for i, v := range variables {
			captured = append(captured, Captured{Outside: in[5+i], Inside: func(g *graph.Graph) *graph.Node {
				return inner.VariableWithShape(v.Path(), v.Shape(), initializer.Zero).NodeValue(g)
			}})
		}
		return sampler.Run(rng, yT, schedule, captured, func(yt *graph.Node, at Level, captured []*graph.Node) *graph.Node {
			x, psfs, condition := captured[0], captured[1], captured[2]
			time := graph.BroadcastToDims(at.Time, yt.Shape().Dimensions[0])
			v := c.velocity(inner.Scope(weights.Scope()), yt, condition, time, psfs)
			if n := inner.NumVariables(); n != len(variables) {
				// While a graph is built, as GoMLX does; Draw returns it.
				panic(fmt.Errorf("ddpm: the network has %d weights that the model lacks (it has %d below %s): they are of different architectures",
					n-len(variables), len(variables), weights.Scope()))
			}
			signal, sigma := graph.Sqrt(at.AlphaBar), graph.Sqrt(graph.OneMinus(at.AlphaBar))
			clean := graph.Sub(graph.Mul(signal, yt), graph.Mul(sigma, v))
			prior := graph.MulScalar(sigma, c.Std)
			lambda := graph.Square(graph.Div(graph.Const(yt.Graph(), float32(Condition{Noise: noise}.noise())), prior))
			return c.normalise(psf.Correct(c.restore(clean), x, psfs, lambda, correctionSteps))
		})
	}
	finish := func(u, psfs *graph.Node) (samples, reblurred *graph.Node) {
		samples = c.restore(u)
		return samples, psf.Convolve(samples, psfs)
	}
	if p.start, err = graph.NewExec(backend, start); err == nil {
		if p.loop, err = graph.NewExec(backend, loop); err == nil {
			p.finish, err = graph.NewExec(backend, finish)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("ddpm: cannot prepare the sampler: %w", err)
	}
	return p, nil
}

// Draw draws one candidate y for every observation x [batch, height, width, channels], with its PSF [batch, k, k] or one for
// all [1, k, k], and convolves it again: samples and Π*samples have the shape of x. rng is a state of GoMLX's random numbers (graph.RNGStateFromSeed).
func (p *Posterior) Draw(rng, x, psfs *tensors.Tensor) (samples, reblurred *tensors.Tensor, err error) {
	state, yT, condition, err := p.start.Call3(rng, x, psfs)
	if err != nil {
		return nil, nil, fmt.Errorf("ddpm: cannot start sampling: %w", err)
	}
	u, err := p.loop.Call1(append([]any{state, yT, x, psfs, condition}, p.weights...)...)
	if err != nil {
		return nil, nil, fmt.Errorf("ddpm: sampling failed: %w", err)
	}
	if samples, reblurred, err = p.finish.Call2(u, psfs); err != nil {
		return nil, nil, fmt.Errorf("ddpm: cannot blur the samples again: %w", err)
	}
	return samples, reblurred, nil
}

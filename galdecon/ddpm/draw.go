package ddpm

import (
	"errors"
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

// Generator draws candidates from p(y | x, Π) with a trained model.
type Generator struct {
	layout                             weights.Layout
	values                             []any // the weights
	start, loop, path, finish, restore *graph.Exec
}

// NewGenerator prepares the sampler of a model whose weights lie below a scope.
func NewGenerator(
	device compute.Backend, c Config, sampler Sampler, scope *model.Scope,
) (*Generator, error) {
	schedule, err := sampler.scheduleOf(c)
	if err != nil {
		return nil, err
	}
	if sampler.Guidance != 0 && c.Dropout == 0 {
		return nil, fmt.Errorf("ddpm: guidance %g needs a model that was trained with its PSF "+
			"withheld at times; set Dropout and train again, or use guidance 0", sampler.Guidance)
	}
	p := &Generator{layout: weights.Of(scope)}
	if p.values, err = p.layout.Values(scope); err != nil {
		return nil, fmt.Errorf("ddpm: %w", err)
	}
	layout := p.layout // The executables outlive the weights.

	start := func(in []*graph.Node) []*graph.Node {
		rng, x, psfs, noise := in[0], in[1], in[2], in[3]
		state, yT := random.Normal(rng, x.Shape())
		condition := c.prepare(Condition{X: x, PSFs: psfs, Noise: noise})
		return []*graph.Node{state, yT, condition.blurred, condition.wiener, condition.psfs,
			condition.logNoise}
	}
	denoise := func(scope *model.Scope, yt *graph.Node, at Level, carried []*graph.Node,
	) *graph.Node {
		x, noise := carried[0], carried[1]
		condition := prepared{carried[2], carried[3], carried[4], carried[5]}
		signal, sigma := graph.Sqrt(at.AlphaBar), graph.Sqrt(graph.OneMinus(at.AlphaBar))
		predicted := c.guided(scope, yt, at.Time, condition, sampler.Guidance)
		clean := c.Prediction.clean(predicted, yt, signal, sigma)
		if c.DataConsistency || sampler.DataConsistency {
			clean = c.correct(clean, sigma, Condition{X: x, PSFs: condition.psfs, Noise: noise})
		}
		return clean
	}
	loop, path := sampler.loops(schedule, layout, denoise)
	finish := func(u, psfs *graph.Node) (samples, reblurred *graph.Node) {
		samples = c.restore(u)
		return samples, psf.Convolve(samples, psfs)
	}
	var errs [5]error
	p.start, errs[0] = executor.New(device, start)
	p.loop, errs[1] = executor.New(device, loop)
	p.path, errs[2] = executor.New(device, path)
	p.finish, errs[3] = executor.New(device, finish)
	p.restore, errs[4] = executor.New(device, c.restore)
	if err := errors.Join(errs[:]...); err != nil {
		return nil, fmt.Errorf("ddpm: cannot prepare the sampler: %w", err)
	}
	return p, nil
}

// scheduleOf returns the schedule of a model, if the sampler is possible with it.
func (s Sampler) scheduleOf(c Config) (Schedule, error) {
	schedule, err := c.Schedule()
	if err != nil {
		return Schedule{}, err
	}
	return schedule, s.Validate(schedule)
}

// loops returns graph functions of [Sampler.Run] and [Sampler.Path]. Their inputs are the state of
// the random numbers, y_T, what is carried through the loop to the denoiser, and the weights, which
// its network finds in the scope.
func (s Sampler) loops(
	schedule Schedule, layout weights.Layout,
	denoise func(scope *model.Scope, yt *graph.Node, at Level, carried []*graph.Node) *graph.Node,
) (loop, path func(in []*graph.Node) *graph.Node) {
	reverse := func(in []*graph.Node, run func(rng, yT *graph.Node, schedule Schedule,
		captured []Captured, denoise Denoiser) *graph.Node) *graph.Node {
		given, values := in[2:len(in)-layout.Len()], in[len(in)-layout.Len():]
		var captured []Captured
		for _, node := range given {
			captured = append(captured, Captured{Outside: node})
		}
		// Within the loop's body the network finds its weights in a store whose variables are the
		// body's parameters.
		inner := model.NewStore()
		for i, value := range values {
			captured = append(captured, Captured{Outside: value,
				Inside: func(g *graph.Graph) *graph.Node {
					return layout.Parameter(g, inner, i)
				}})
		}
		return run(in[0], in[1], schedule, captured, func(yt *graph.Node, at Level,
			captured []*graph.Node) *graph.Node {
			clean := denoise(layout.Scope(inner), yt, at, captured)
			if err := layout.Complete(inner); err != nil {
				// While a graph is built, as GoMLX does; Draw returns it.
				panic(fmt.Errorf("ddpm: %w", err))
			}
			return clean
		})
	}
	return func(in []*graph.Node) *graph.Node { return reverse(in, s.Run) },
		func(in []*graph.Node) *graph.Node { return reverse(in, s.Path) }
}

// Check returns an error if the weights below a scope aren't those of the model's network for
// images [batch, size, size, channels] and PSFs [batch, k, k], and says which. It compiles nothing.
func (c Config) Check(device compute.Backend, scope *model.Scope, size, channels, k int) error {
	float := func(dims ...int) shapes.Shape { return shapes.Make(dtypes.Float32, dims...) }
	err := weights.Check(device, scope, func(scope *model.Scope, in []*graph.Node) {
		images, psfs, scalar := in[0], in[1], in[2]
		c.predict(scope, images, scalar, prepared{blurred: images, wiener: images, psfs: psfs,
			logNoise: scalar})
	}, float(1, size, size, channels), float(1, k, k), float(1))
	if err != nil {
		return fmt.Errorf("ddpm: %w", err)
	}
	return nil
}

// WithWeights returns the same sampler, as far as it is compiled, with the weights below another
// scope, such as those of a later checkpoint. It is an error if they are of another architecture. p
// keeps its own.
func (p *Generator) WithWeights(scope *model.Scope) (*Generator, error) {
	values, err := p.layout.Values(scope)
	if err != nil {
		return nil, fmt.Errorf("ddpm: %w", err)
	}
	other := *p
	other.values = values
	return &other, nil
}

// guided returns the network's prediction under classifier-free guidance (Ho and Salimans 2022):
// (1+w) times that with the PSF minus w times that without. With w = 0 the network is evaluated
// once.
func (c Config) guided(
	scope *model.Scope, yt, time *graph.Node, condition prepared, w float64,
) *graph.Node {
	batch := yt.Shape().Dimensions[0]
	if w == 0 {
		return c.predict(scope, yt, graph.BroadcastToDims(time, batch), condition)
	}
	without := condition.withhold(graph.Zeros(yt.Graph(), shapes.Make(dtypes.Float32, batch)))
	double := func(a, b *graph.Node) *graph.Node {
		return graph.Concatenate([]*graph.Node{a, b}, 0)
	}
	both := c.predict(scope, double(yt, yt), graph.BroadcastToDims(time, 2*batch), prepared{
		double(condition.blurred, without.blurred), double(condition.wiener, without.wiener),
		double(condition.psfs, without.psfs), double(condition.logNoise, without.logNoise)})
	return graph.Sub(graph.MulScalar(graph.Slice(both, graph.AxisRange(0, batch)), 1+w),
		graph.MulScalar(graph.Slice(both, graph.AxisRange(batch)), w))
}

// Draw draws one candidate y for every observation x [batch, height, width, channels], with its PSF
// [batch, k, k] or one for all [1, k, k] and the standard deviation of its noise [batch] in units
// of x, and convolves it again: samples and Π*samples have the shape of x. rng is a state of
// GoMLX's random numbers (random.State).
func (p *Generator) Draw(
	rng, x, psfs, noise *tensors.Tensor,
) (samples, reblurred *tensors.Tensor, err error) {
	u, err := p.run(p.loop, rng, x, psfs, noise)
	if err != nil {
		return nil, nil, err
	}
	samples, reblurred, err = p.finish.Call2(u, psfs)
	if err := errors.Join(err, executor.Free(u)); err != nil {
		return nil, nil, fmt.Errorf("ddpm: cannot blur the samples again: %w", err)
	}
	return samples, reblurred, nil
}

// Path draws as Draw does and returns the way there: y_t after every step, in units of x, [steps,
// batch, height, width, channels]. The last are the samples that Draw gives for the same rng.
func (p *Generator) Path(rng, x, psfs, noise *tensors.Tensor) (*tensors.Tensor, error) {
	u, err := p.run(p.path, rng, x, psfs, noise)
	if err != nil {
		return nil, err
	}
	path, err := p.restore.Call1(u)
	if err := errors.Join(err, executor.Free(u)); err != nil {
		return nil, fmt.Errorf("ddpm: cannot scale the path: %w", err)
	}
	return path, nil
}

func (p *Generator) run(
	loop *graph.Exec, rng, x, psfs, noise *tensors.Tensor,
) (*tensors.Tensor, error) {
	// state, y_T and the prepared condition
	started, err := p.start.Call(rng, x, psfs, noise)
	if err != nil {
		return nil, fmt.Errorf("ddpm: cannot start sampling: %w", err)
	}
	inputs := []any{started[0], started[1], x, noise}
	for _, condition := range started[2:] {
		inputs = append(inputs, condition)
	}
	out, err := loop.Call1(append(inputs, p.values...)...)
	if err := errors.Join(err, executor.Free(started...)); err != nil {
		return nil, fmt.Errorf("ddpm: sampling failed: %w", err)
	}
	return out, nil
}

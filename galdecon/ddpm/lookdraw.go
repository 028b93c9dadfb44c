package ddpm

import (
	"errors"
	"fmt"
	"math"
	"sync"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"galdecon/galdecon/internal/executor"
	"galdecon/galdecon/internal/random"
	"galdecon/galdecon/internal/weights"
	"galdecon/galdecon/observe"
)

// LookGenerator draws candidates of galaxies from what was seen of them, with a model that was
// trained by [Config.LookLoss].
type LookGenerator struct {
	device   compute.Backend
	config   Config
	sampler  Sampler
	schedule Schedule
	layout   weights.Layout
	values   []any // the weights
	// bands is how many members of a batch, that follow each other, are bands of one galaxy.
	bands  int
	shared *lookExecutables
}

// lookExecutables serve all weights, by the kind of a batch: see [observe.Batch.Kind], and by the
// number of bands.
type lookExecutables struct {
	mu     sync.Mutex
	byKind map[string]*lookExecutable
}

type lookExecutable struct {
	start, loop, path, redraw, finish, restore *graph.Exec
}

// NewLookGenerator prepares the sampler of a model whose weights lie below a scope.
func NewLookGenerator(
	device compute.Backend, c Config, sampler Sampler, scope *model.Scope,
) (*LookGenerator, error) {
	schedule, err := sampler.scheduleOf(c)
	if err != nil {
		return nil, err
	}
	if sampler.Guidance != 0 {
		return nil, fmt.Errorf("ddpm: guidance %g needs a model that was trained with its PSF "+
			"withheld at times, which this one never was; use guidance 0", sampler.Guidance)
	}
	p := &LookGenerator{device: device, config: c, sampler: sampler, schedule: schedule,
		layout: weights.Of(scope), bands: 1,
		shared: &lookExecutables{byKind: map[string]*lookExecutable{}}}
	if p.values, err = p.layout.Values(scope); err != nil {
		return nil, fmt.Errorf("ddpm: %w", err)
	}
	return p, nil
}

// WithWeights returns the same sampler, as far as it is compiled, with the weights below another
// scope. It is an error if they are of another architecture. p keeps its own.
func (p *LookGenerator) WithWeights(scope *model.Scope) (*LookGenerator, error) {
	values, err := p.layout.Values(scope)
	if err != nil {
		return nil, fmt.Errorf("ddpm: %w", err)
	}
	other := *p
	other.values = values
	return &other, nil
}

// CheckLooks returns an error if the weights below a scope aren't those of the model's network for
// looks at images [batch, size, size, 1]. It compiles nothing.
func (c Config) CheckLooks(device compute.Backend, scope *model.Scope, size int) error {
	inputs, forward := c.LookNetwork(1, size)
	err := weights.Check(device, scope, func(scope *model.Scope, in []*graph.Node) {
		forward(scope, in)
	}, inputs...)
	if err != nil {
		return fmt.Errorf("ddpm: %w", err)
	}
	return nil
}

// executable returns what draws for batches of a kind, made at the first of them.
func (p *LookGenerator) executable(b *observe.Batch) (*lookExecutable, error) {
	p.shared.mu.Lock()
	defer p.shared.mu.Unlock()
	kind := fmt.Sprintf("%d %s", p.bands, b.Kind())
	if e := p.shared.byKind[kind]; e != nil {
		return e, nil
	}
	c, e, bands := p.config, &lookExecutable{}, p.bands
	start := func(in []*graph.Node) []*graph.Node {
		rng := in[0]
		looks, _ := b.Looks(in[1:])
		unit := b.Grid.Unit(looks...)
		for i, l := range looks {
			looks[i] = l.Scale(unit)
		}
		state, yT := random.Normal(rng, looks[0].X.Shape())
		var noise []*graph.Node
		for _, l := range looks {
			white := b.Grid.White(l)
			var z *graph.Node
			state, z = random.Normal(state, white)
			noise = append(noise, z)
		}
		out := append([]*graph.Node{unit}, noise...)
		out = append(append(out, state, yT), c.knows(b.Grid, looks).nodes()...)
		for _, l := range looks {
			out = append(out, l.Nodes()...)
		}
		return out
	}
	denoise := func(scope *model.Scope, yt *graph.Node, at Level, carried []*graph.Node,
	) *graph.Node {
		k := known{carried[0], carried[1], carried[2], carried[3]}
		looks, _ := b.Carried(carried[4:])
		signal, sigma := graph.Sqrt(at.AlphaBar), graph.Sqrt(graph.OneMinus(at.AlphaBar))
		time := graph.BroadcastToDims(at.Time, yt.Shape().Dimensions[0])
		predicted := c.predictKnown(scope, yt, time, signal, sigma, k,
			exchangeOf(scope, yt, bands))
		clean := c.Prediction.clean(predicted, yt, signal, sigma)
		return c.correctLooks(clean, sigma, samplingSteps, b.Grid, looks)
	}
	loop, path := p.sampler.loops(p.schedule, p.layout, denoise)
	// Sampling ends with a data step, which takes over noise of x, the same for all candidates. So
	// noise of its deviation is drawn for each; as data steps are linear, by one for it alone.
	last := c.Std * math.Sqrt(1-p.schedule.AlphaBar[1])
	redraw := func(in []*graph.Node) *graph.Node {
		u, unit, white := in[0], in[1], in[2:2+b.Exposures()] // u: [batch, …], or a path's [steps, …]
		looks, _ := b.Looks(in[2+b.Exposures():])
		for i, l := range looks {
			looks[i] = l.Scale(unit)
			looks[i].X = b.Grid.Noise(looks[i], white[i])
		}
		d := looks[0].X.Shape()
		zero := graph.Zeros(u.Graph(), shapes.Make(d.DType, unit.Shape().Size(), b.Grid.Height,
			b.Grid.Width, 1))
		noise := graph.DivScalar(b.Grid.Step(zero, graph.Const(u.Graph(), float32(last)),
			samplingSteps, looks...), c.Std)
		if u.Rank() > noise.Rank() { // the last of a path
			steps := u.Shape().Dim(0)
			noise = graph.Mul(graph.ExpandAxes(noise, 0), graph.Reshape(graph.ConvertDType(
				graph.Equal(graph.Iota(u.Graph(), shapes.Make(dtypes.Int32, steps), 0),
					graph.Const(u.Graph(), int32(steps-1))), u.DType()), steps, 1, 1, 1, 1))
		}
		return graph.Add(u, noise)
	}
	restore := func(u, unit *graph.Node) *graph.Node {
		shape := make([]int, u.Rank()) // [batch, …], or [steps, batch, …] of a path
		for i := range shape {
			shape[i] = 1
		}
		shape[u.Rank()-4] = unit.Shape().Size()
		return graph.Mul(c.restore(u), graph.Reshape(unit, shape...))
	}
	finish := func(in []*graph.Node) []*graph.Node {
		looks, _ := b.Looks(in[2:])
		samples := restore(in[0], in[1])
		out := []*graph.Node{samples}
		for _, l := range looks {
			out = append(out, b.Grid.A(l, samples))
		}
		return out
	}
	var errs [6]error
	e.start, errs[0] = executor.New(p.device, start)
	e.loop, errs[1] = executor.New(p.device, loop)
	e.path, errs[2] = executor.New(p.device, path)
	e.finish, errs[3] = executor.New(p.device, finish)
	e.restore, errs[4] = executor.New(p.device, restore)
	e.redraw, errs[5] = executor.New(p.device, redraw)
	if err := errors.Join(errs[:]...); err != nil {
		return nil, fmt.Errorf("ddpm: cannot prepare the sampler: %w", err)
	}
	p.shared.byKind[kind] = e
	return e, nil
}

// Draw draws one candidate y for every observation of a batch, and what each exposure would see of
// it: samples and seen have the shape [batch, height, width, 1] of the batch's grid, in the unit of
// its observations. rng is a state of random numbers as for [Generator.Draw].
func (p *LookGenerator) Draw(
	rng *tensors.Tensor, b *observe.Batch,
) (samples *tensors.Tensor, seen []*tensors.Tensor, err error) {
	e, err := p.executable(b)
	if err != nil {
		return nil, nil, err
	}
	u, unit, err := p.run(e, e.loop, rng, b)
	if err != nil {
		return nil, nil, err
	}
	out, err := e.finish.Call(append([]any{u, unit}, b.Inputs()...)...)
	if err := errors.Join(err, executor.Free(u, unit)); err != nil {
		return nil, nil, fmt.Errorf("ddpm: cannot look at the samples: %w", err)
	}
	return out[0], out[1:], nil
}

// Path draws as Draw does and returns the way there: y_t after every step, [steps, batch, height,
// width, 1]. The last are the samples that Draw gives for the same rng.
func (p *LookGenerator) Path(rng *tensors.Tensor, b *observe.Batch) (*tensors.Tensor, error) {
	e, err := p.executable(b)
	if err != nil {
		return nil, err
	}
	u, unit, err := p.run(e, e.path, rng, b)
	if err != nil {
		return nil, err
	}
	path, err := e.restore.Call1(u, unit)
	if err := errors.Join(err, executor.Free(u, unit)); err != nil {
		return nil, fmt.Errorf("ddpm: cannot scale the path: %w", err)
	}
	return path, nil
}

func (p *LookGenerator) run(
	e *lookExecutable, loop *graph.Exec, rng *tensors.Tensor, b *observe.Batch,
) (u, unit *tensors.Tensor, err error) {
	started, err := e.start.Call(append([]any{rng}, b.Inputs()...)...)
	if err != nil {
		return nil, nil, fmt.Errorf("ddpm: cannot start sampling: %w", err)
	}
	unit, rest := started[0], started[1+b.Exposures():]
	var in []any
	for _, node := range rest {
		in = append(in, node)
	}
	u, err = loop.Call1(append(in, p.values...)...)
	if err := errors.Join(err, executor.Free(rest...)); err != nil {
		return nil, nil, fmt.Errorf("ddpm: sampling failed: %w", err)
	}
	in = []any{u, unit}
	for _, white := range started[1 : 1+b.Exposures()] {
		in = append(in, white)
	}
	drawn, err := e.redraw.Call1(append(in, b.Inputs()...)...)
	free := executor.Free(append([]*tensors.Tensor{u}, started[1:1+b.Exposures()]...)...)
	if err := errors.Join(err, free); err != nil {
		return nil, nil, fmt.Errorf("ddpm: cannot draw the noise that the samples take over: %w", err)
	}
	return drawn, unit, nil
}

// Package fit is the one training loop: GoMLX's trainer with Adam, the learning rate and average of weights that the models
// share, checkpoints, resume and interruption (the optimization of the paper's Section 3).
package fit

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"math/rand/v2"
	"time"

	"galdecon/galdecon/galaxy"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/ml/model/initializer"
	"github.com/gomlx/gomlx/ml/train"
	"github.com/gomlx/gomlx/ml/train/optimizer"
)

// Config is how a model is trained.
type Config struct {
	// Steps is the number of updates of the weights.
	Steps int `json:"steps"`
	// Batch is the number of galaxies in a step.
	Batch int `json:"batch"`
	// LearningRate is that of Adam after WarmUp steps, through which it rises from 0; from there it falls linearly, to
	// reach 0 after the last step, as in the paper's program.
	LearningRate float64 `json:"learning_rate"`
	WarmUp       int     `json:"warm_up"`
	// EMA is the decay, per step, of the exponential moving average of the weights that samples are drawn with.
	EMA float64 `json:"ema"`
	// Seed determines the weights' start, the order of galaxies, and all noise.
	Seed int64 `json:"seed"`
}

// Validate reports what makes the training impossible.
func (c Config) Validate() error {
	switch {
	case c.Steps < 1 || c.Batch < 1:
		return fmt.Errorf("fit: steps and batch must be at least 1, got %d and %d", c.Steps, c.Batch)
	case !(c.LearningRate > 0) || math.IsInf(c.LearningRate, 0) || c.WarmUp < 0:
		return fmt.Errorf("fit: the learning rate must be positive and finite and the warm-up at least 0 steps, got %g and %d", c.LearningRate, c.WarmUp)
	case !(c.EMA >= 0 && c.EMA < 1):
		return fmt.Errorf("fit: the decay of the averaged weights must be in [0, 1), got %g", c.EMA)
	}
	return nil
}

// Accepts reports what makes the training on these galaxies [n, size, size, channels] impossible.
func (c Config) Accepts(images *galaxy.Images) error {
	if err := c.Validate(); err != nil {
		return err
	}
	if err := images.Validate(); err != nil {
		return err
	}
	if images.Height != images.Width {
		return fmt.Errorf("fit: galaxies must be square to be turned, got %d×%d pixels", images.Height, images.Width)
	}
	if images.N < c.Batch {
		return fmt.Errorf("fit: a batch of %d needs at least as many galaxies, got %d", c.Batch, images.N)
	}
	return nil
}

// Objective is the loss of a model: clean images y [batch, height, width, channels] → a float32 scalar to minimise. All of its
// weights must lie below the scope.
type Objective func(scope *model.Scope, y *graph.Node) *graph.Node

// Progress is the state of a training after a step.
type Progress struct {
	Step, Steps int
	// Loss is that of the step's batch.
	Loss float64
	// Elapsed is the time since this run began, after its first step: compilation is not in it.
	Elapsed time.Duration
}

// ErrBusy says that another training uses the folder.
var ErrBusy = errors.New("the checkpoint folder is in use")

// ErrDiverged says that the loss or a weight became NaN or infinite; the last checkpoint is kept.
var ErrDiverged = errors.New("the training diverged: not a finite number")

// saveShare is the share of the time that may go into saving: a training saves as often as it allows, so that it loses little
// when it is killed.
const saveShare = 0.02

// Scopes of the store: weights as trained, their average, and what isn't part of the model.
const (
	weightsScope = "/model"
	averageScope = "/average"
	dataScope    = "/data"
)

// Average is the scope that holds the averaged weights of a trained model, under the same names as in the objective's.
func Average(store *model.Store) *model.Scope { return store.Scope(averageScope) }

// Run trains until c.Steps in all, from the checkpoint in dir if there is one, and leaves a checkpoint there. report, which may
// be nil, is called after every step. When ctx ends, Run saves and returns its error; the next Run goes on where it was, to the
// same weights, bit for bit, as if it had not been interrupted.
func Run(ctx context.Context, backend compute.Backend, c Config, images *galaxy.Images, objective Objective, dir string, report func(Progress)) error {
	if err := c.Accepts(images); err != nil {
		return err
	}
	state, err := open(dir, c.Steps)
	if err != nil {
		return err
	}
	if state.step >= c.Steps {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	store := state.store
	if state.step == 0 {
		if err := store.SetRNGStateFromSeed(c.Seed); err != nil {
			return fmt.Errorf("fit: cannot seed the random numbers: %w", err)
		}
	}
	defer state.close()
	if err := state.prepare(); err != nil {
		return err
	}
	// All galaxies stay on the device; a batch comes as their indices.
	data, err := store.Scope(dataScope).CreateVariable("galaxies", images.Tensor())
	if err != nil {
		return fmt.Errorf("fit: cannot bring the galaxies to the device: %w", err)
	}
	data.SetTrainable(false)
	state.saver.ExcludeVarsFromSaving(data)

	trainer := train.NewTrainer(backend, store, func(scope *model.Scope, indices *graph.Node) *graph.Node {
		g := indices.Graph()
		weights := store.Scope(weightsScope)
		setLearningRate(c, scope, g)
		train.AddPerStepUpdateGraphFn(scope, g, func(_ *model.Scope, g *graph.Graph) { average(c, store, g) })
		loss := objective(weights, turn(store, graph.Gather(data.NodeValue(g), graph.ExpandAxes(indices, -1))))
		train.AddMainLoss(loss)
		return loss
	}, nil, optimizer.Adam().LearningRate(c.LearningRate).Done(), nil, nil)
	loop := train.NewLoop(trainer)
	loop.LoopStep = state.step

	var started, saved time.Time
	var cost time.Duration // of the last save
	var stopped error      // why the loop was ended
	loop.OnStep("galdecon", 0, func(loop *train.Loop, metrics []*tensors.Tensor) error {
		step, loss := loop.LoopStep+1, float64(tensors.ToScalar[float32](metrics[0]))
		if math.IsNaN(loss) || math.IsInf(loss, 0) {
			stopped = state.diverged(step, fmt.Errorf("%w in the loss", ErrDiverged))
			return stopped
		}
		state.record(step, loss)
		if started.IsZero() {
			started = time.Now()
		}
		if report != nil {
			report(Progress{Step: step, Steps: c.Steps, Loss: loss, Elapsed: time.Since(started)})
		}
		last := step == c.Steps
		if !last {
			stopped = ctx.Err()
		}
		if !last && stopped == nil && time.Since(saved).Seconds()*saveShare < cost.Seconds() {
			return nil
		}
		begun := time.Now()
		if err := state.finite(); err != nil {
			stopped = state.diverged(step, err)
		} else if err := state.save(step); err != nil {
			stopped = err
		}
		saved = time.Now()
		cost = saved.Sub(begun)
		return stopped
	})
	_, err = loop.RunSteps(&order{c: c, n: images.N, from: state.step}, c.Steps-state.step)
	if stopped != nil {
		return stopped
	}
	if err != nil {
		return fmt.Errorf("fit: training stopped at step %d; %s: %w", loop.LoopStep+1, state.kept(), err)
	}
	return nil
}

// setLearningRate builds the schedule of Config.LearningRate into the step.
func setLearningRate(c Config, scope *model.Scope, g *graph.Graph) {
	step := graph.ConvertDType(optimizer.GetGlobalStepVar(scope).NodeValue(g), dtypes.Float32)
	rise := graph.DivScalar(graph.OnePlus(step), float64(max(c.WarmUp, 1)))
	fall := graph.DivScalar(graph.Sub(graph.Const(g, float32(c.Steps)), step), float64(max(c.Steps-c.WarmUp, 1)))
	factor := graph.Min(graph.Min(rise, fall), graph.ScalarOne(g, dtypes.Float32))
	optimizer.LearningRateVar(scope, dtypes.Float32, c.LearningRate).SetNodeValue(graph.MulScalar(factor, c.LearningRate))
}

// average moves the averaged weights, and statistics of batches, towards those that the step has just made. The decay rises from 0, so that the start of
// the training is soon forgotten.
func average(c Config, store *model.Store, g *graph.Graph) {
	step := graph.ConvertDType(optimizer.GetGlobalStepVar(store.RootScope()).NodeValue(g), dtypes.Float32) // 1 in the first step
	decay := graph.MinScalar(graph.Div(graph.MinusOne(step), graph.AddScalar(step, 9)), c.EMA)
	for w := range store.Scope(weightsScope).IterVariables() {
		if !w.InUseByGraph(g) {
			continue
		}
		path := averageScope + w.Path()[len(weightsScope):]
		mean := store.VariableWithShape(path, w.Shape(), initializer.Zero)
		mean.SetTrainable(false)
		value := w.NodeValue(g)
		mean.SetNodeValue(graph.Add(value, graph.Mul(decay, graph.Sub(mean.NodeValue(g), value))))
	}
}

// turn mirrors each galaxy at random along rows, columns and the diagonal: they have no preferred orientation.
func turn(store *model.Store, y *graph.Node) *graph.Node {
	batch := y.Shape().Dimensions[0]
	u := store.RandomUniform(y.Graph(), shapes.Make(dtypes.Float32, 3, batch, 1, 1, 1))
	for i, mirrored := range []func() *graph.Node{
		func() *graph.Node { return graph.Reverse(y, 1) },
		func() *graph.Node { return graph.Reverse(y, 2) },
		func() *graph.Node { return graph.TransposeAllAxes(y, 0, 2, 1, 3) },
	} {
		heads := graph.LessThan(graph.Reshape(graph.Slice(u, graph.AxisElem(i)), batch, 1, 1, 1), graph.Const(y.Graph(), float32(0.5)))
		y = graph.Where(graph.BroadcastToDims(heads, y.Shape().Dimensions...), mirrored(), y)
	}
	return y
}

// order yields the indices of each step's galaxies: every epoch is a permutation drawn from the seed and its number, so that the
// order depends on the step alone and a resumed training sees what it would have seen.
type order struct {
	c       Config
	n, from int
}

func (o *order) Name() string { return "galaxies" }

func (o *order) Iter() iter.Seq2[train.Batch, error] {
	return func(yield func(train.Batch, error) bool) {
		perEpoch := o.n / o.c.Batch
		var permutation []int
		for step := o.from; step < o.c.Steps; step++ {
			epoch, batch := step/perEpoch, step%perEpoch
			if permutation == nil || batch == 0 {
				permutation = rand.New(rand.NewPCG(uint64(o.c.Seed), uint64(epoch))).Perm(o.n)
			}
			indices := make([]int32, o.c.Batch)
			for i := range indices {
				indices[i] = int32(permutation[batch*o.c.Batch+i])
			}
			if !yield(train.Batch{Inputs: []*tensors.Tensor{tensors.FromFlatDataAndDimensions(indices, o.c.Batch)}}, nil) {
				return
			}
		}
	}
}

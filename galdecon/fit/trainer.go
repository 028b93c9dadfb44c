package fit

import (
	"context"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/gomlx/compute/distributed"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/core/tensors/dtensor"
	"github.com/gomlx/gomlx/ml/dataset"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/ml/model/checkpoint"
)

// Inputs are scalars that a loss reads by name with [Input]: what a sweep varies. They stay the same through a training, and are
// stored in its checkpoint, as float32.
type Inputs map[string]float64

// Trainer trains models that differ only in their [Inputs], one after the other, with one compiled step: only the first training
// costs a compilation. Each starts from the same weights and sees the same galaxies and noise.
type Trainer struct {
	problem        Problem
	config         Config
	training, held []int // indices of its images

	store   *model.Store
	initial *model.Store // values that a training starts with; nil until the step is compiled
	// step and validation take galaxies and a state of random numbers; validation is nil where no galaxies are held out. update takes
	// nothing, and is nil where a batch has one part.
	step, update, validation *model.Exec
	sharding                 *distributed.ShardingSpec // along the first axis, nil on one device
}

// NewTrainer prepares the training; it compiles nothing yet.
func NewTrainer(p Problem, c Config) (*Trainer, error) {
	if err := c.Accepts(p.Images); err != nil {
		return nil, err
	}
	t := &Trainer{problem: p, config: c}
	t.training, t.held = c.split(p.Images.N)
	if n := c.devices(); n > 1 {
		if available := p.Device.NumDevices(); n > available {
			return nil, fmt.Errorf("fit: the training asks for %d devices, but there are %d", n, available)
		}
		mesh, err := distributed.NewDeviceMesh([]int{n}, []string{"batch"})
		if err == nil {
			t.sharding, err = distributed.NewShardingSpec(mesh, distributed.AxisSpec{"batch"})
		}
		if err != nil {
			return nil, fmt.Errorf("fit: cannot spread a batch over %d devices: %w", n, err)
		}
	}
	return t, nil
}

// Close frees the memory of the device. The trainer can't be used afterwards.
func (t *Trainer) Close() {
	for _, exec := range []*model.Exec{t.step, t.update, t.validation} {
		if exec != nil {
			exec.Finalize()
		}
	}
	for _, store := range []*model.Store{t.store, t.initial} {
		if store != nil {
			store.Finalize()
		}
	}
}

// Run trains until the configured number of steps in all, from the checkpoint in dir if there is one, and leaves a checkpoint
// there; otherwise like the function [Run]. The inputs must be those that the loss reads, and those of the checkpoint. own, which may be
// nil, is called before anything else, once no other training can be going on in the folder: it may refuse what is there, or write what
// belongs beside the checkpoints. Only one Run may go on at a time.
func (t *Trainer) Run(ctx context.Context, dir string, inputs Inputs, own func() error, report func(Progress)) error {
	c := t.config
	for name, value := range inputs {
		if v := float64(float32(value)); math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Errorf("fit: the input %q must be a finite float32, got %g", name, value)
		}
	}
	done, err := Step(dir)
	if err != nil {
		return err
	}
	// One that is finished may be in a folder that can't be written to.
	if done < c.Steps {
		if err := ctx.Err(); err != nil {
			return err
		}
		locked, err := lock(dir)
		if err != nil {
			return err
		}
		// The file stays: removing it could take it from under another training.
		defer locked.Close()
	}
	if own != nil {
		if err := own(); err != nil {
			return err
		}
	}
	state, err := open(dir, c.Steps)
	if err != nil {
		return err
	}
	if state.step > 0 {
		if err := state.sameInputs(inputs); err != nil {
			return err
		}
	}
	if state.step >= c.Steps {
		return nil
	}
	if state.step > 0 && state.exported() {
		return fmt.Errorf("fit: the model in %s was exported at step %d: without the optimizer's state it can't be trained until step %d", dir, state.step, c.Steps)
	}
	if err := t.compile(); err != nil {
		return fmt.Errorf("fit: cannot compile the training step: %w", err)
	}
	if err := t.restore(state.store, dir); err != nil {
		return err
	}
	if c.InitialModel != "" && state.step == 0 {
		if err := t.begin(c.InitialModel); err != nil {
			return err
		}
	}
	if err := t.set(inputs); err != nil {
		return err
	}
	state.store = t.store
	if err := state.stage(checkpoint.BinUncompressed); err != nil { // compressing takes many times longer, and saves a tenth
		return err
	}
	defer state.unstage()
	return t.run(ctx, state, report)
}

// run makes the steps from state to the last.
func (t *Trainer) run(ctx context.Context, state *state, report func(Progress)) error {
	c := t.config
	failed := func(step int, err error) error {
		return fmt.Errorf("fit: training stopped at step %d; %s: %w", step, state.kept(), err)
	}
	save := func(step int) error {
		if err := state.finite(); err != nil {
			return state.diverged(step, err)
		}
		return state.save(step)
	}
	var started, saved time.Time
	var cost time.Duration // of the last save
	step, part, loss, terms := state.step, 0, 0.0, map[string]float64(nil)
	var before map[*model.Variable]*tensors.Tensor // the statistics when the step began, if it has several parts
	// The next batch is copied while the device computes.
	for batch, err := range dataset.Buffer(&feed{c: c, images: t.problem.Images, training: t.training, from: state.step}).Iter() {
		if err != nil {
			return failed(step+1, err)
		}
		if part == 0 && c.parts() > 1 {
			if before, err = t.statistics(); err != nil {
				return failed(step+1, err)
			}
		}
		partial, err := t.call(t.step, batch.Inputs[0], t.random(stepStream, step*c.parts()+part))
		if err != nil {
			return failed(step+1, err)
		}
		loss += partial / float64(c.parts())
		if terms, err = t.addTerms(terms); err != nil {
			return failed(step+1, err)
		}
		if part++; part < c.parts() {
			stopped := ctx.Err()
			if stopped == nil {
				continue
			}
			// The step is given up: a part may take longer than there is time, and the last whole step may not be on disk yet.
			if step > state.step {
				for v, value := range before {
					if err := v.SetValue(value); err != nil {
						return failed(step+1, err)
					}
				}
				if err := save(step); err != nil {
					return err
				}
			}
			return stopped
		}
		step++
		if c.parts() > 1 {
			if _, err := t.call(t.update); err != nil {
				return failed(step, err)
			}
		}
		if math.IsNaN(loss) || math.IsInf(loss, 0) {
			return state.diverged(step, fmt.Errorf("%w in the loss", ErrDiverged))
		}
		state.record(step, loss, terms)
		if t.validates(step, state.every) {
			value, err := t.validate()
			if err != nil {
				return failed(step, err)
			}
			state.validation = append(state.validation, Point{step, value})
		}
		if started.IsZero() {
			started = time.Now()
		}
		if report != nil {
			report(Progress{Step: step, Steps: c.Steps, Loss: loss, Terms: terms, Validation: last(state.validation), Elapsed: time.Since(started)})
		}
		part, loss, terms = 0, 0, nil
		var stopped error
		if step < c.Steps {
			stopped = ctx.Err()
			if stopped == nil && time.Since(saved).Seconds()*saveShare < cost.Seconds() {
				continue
			}
		}
		begun := time.Now()
		if err := save(step); err != nil {
			return err
		}
		if stopped != nil {
			return stopped
		}
		saved = time.Now()
		cost = saved.Sub(begun)
	}
	return nil
}

// statistics are copies of what the parts of a step change in the model before its end.
func (t *Trainer) statistics() (map[*model.Variable]*tensors.Tensor, error) {
	copies := map[*model.Variable]*tensors.Tensor{}
	for v := range t.store.Scope(weightsScope).IterVariables() {
		if v.Trainable {
			continue
		}
		value, err := v.Value()
		if err != nil {
			return nil, err
		}
		if copies[v], err = value.LocalClone(); err != nil {
			return nil, err
		}
	}
	return copies, nil
}

// addTerms adds the terms of the last part of a step, which count as much as the part, to those of the parts before.
func (t *Trainer) addTerms(sums map[string]float64) (map[string]float64, error) {
	for v := range t.store.Scope(termScope).IterVariables() {
		value, err := v.Value()
		if err != nil {
			return nil, err
		}
		if sums == nil {
			sums = map[string]float64{}
		}
		sums[strings.TrimPrefix(v.Path(), termScope+"/")] += float64(tensors.ToScalar[float32](value)) / float64(t.config.parts())
	}
	return sums, nil
}

// saveShare is the share of the time that may go into saving: a training saves as often as it allows, so that it loses little
// when it is killed.
const saveShare = 0.02

func last(points []Point) float64 {
	if len(points) == 0 {
		return math.NaN()
	}
	return points[len(points)-1].Loss
}

// validateShare is the number of held-out galaxies that are looked at for one that is trained on. It bounds the time of validation to
// about a third of this share, because no gradient is computed, and says at which steps it comes, whatever the clock says.
const validateShare = 0.1

// validates reports whether the validation loss is computed after a step: now and then, where a point of the history ends, and after
// the last.
func (t *Trainer) validates(step, every int) bool {
	if len(t.held) == 0 {
		return false
	}
	steps := float64(len(t.held)) / (validateShare * float64(t.config.Batch))
	period := int(math.Ceil(steps/float64(every))) * every
	return step%period == 0 || step == t.config.Steps
}

// validate is the mean loss of the held-out galaxies, with the same random numbers every time so that its curve is smooth.
func (t *Trainer) validate() (float64, error) {
	part, n := t.config.part(), len(t.held)
	mean := 0.0
	for from := 0; from < n; from += part {
		loss, err := t.call(t.validation, stack(t.problem.Images, t.held[from:from+part]), t.random(validationStream, from/part))
		if err != nil {
			return 0, err
		}
		mean += loss * float64(part) / float64(n)
	}
	return mean, nil
}

// random are states of random numbers, one for each device, for the parts of a step, or of a validation.
func (t *Trainer) random(stream uint64, part int) *tensors.Tensor {
	n := t.config.devices()
	var words []uint64
	for device := range n {
		rng := rand.New(rand.NewPCG(uint64(t.config.Seed), stream+uint64(part*n+device)))
		for range graph.RNGStateShape.Size() {
			words = append(words, rng.Uint64())
		}
	}
	return tensors.FromFlatDataAndDimensions(words, len(words))
}

// call runs a graph on arguments, each spread over the devices along its first axis, frees them, and returns its scalar, if there is
// one.
func (t *Trainer) call(exec *model.Exec, arguments ...*tensors.Tensor) (value float64, err error) {
	var all []any
	for _, argument := range arguments {
		defer argument.FinalizeAll()
		if t.sharding == nil {
			all = append(all, argument)
			continue
		}
		shards, err := dtensor.ShardTensor(t.sharding, argument)
		if err != nil {
			return 0, err
		}
		defer shards.FinalizeAll()
		all = append(all, shards)
	}
	results, err := exec.Call(all...)
	if err != nil || len(results) == 0 {
		return 0, err
	}
	for _, copies := range results { // one for each device
		defer copies.FinalizeAll()
	}
	return float64(tensors.ToScalar[float32](results[0])), nil
}

// compile builds the graphs and the values that every training starts with. It does nothing when it has succeeded before.
func (t *Trainer) compile() error {
	if t.initial != nil {
		return nil
	}
	c := t.config
	t.store = model.NewStore()
	// GoMLX's own way to seed leaves the state's variable without its store, which several devices need.
	seeded, err := graph.RNGStateFromSeed(c.Seed)
	if err != nil {
		return err
	}
	rng, err := t.store.CreateVariable(randomPath, seeded)
	if err != nil {
		return err
	}
	rng.SetTrainable(false)
	y := shapes.Make(dtypes.Float32, c.part()/c.devices(), t.problem.Images.Height, t.problem.Images.Width, t.problem.Images.Channels)
	if t.step, err = build(t, t.stepGraph, y, graph.RNGStateShape); err != nil {
		return err
	}
	if c.parts() > 1 {
		if t.update, err = build(t, t.updateGraph); err != nil {
			return err
		}
	}
	if len(t.held) > 0 {
		if t.validation, err = build(t, t.validationGraph, y, graph.RNGStateShape); err != nil {
			return err
		}
	}
	if err := t.store.InitializeVariables(t.problem.Device, nil); err != nil {
		return err
	}
	if t.sharding != nil {
		t.step.SPMD(t.sharding.Mesh) // tells the store
	}
	initial := model.NewStore()
	for v := range t.store.IterVariables() {
		value, err := v.MustValue().LocalClone()
		if err != nil {
			return err
		}
		if _, err := initial.CreateVariable(v.Path(), value); err != nil {
			return err
		}
	}
	t.initial = initial
	return nil
}

// build compiles a graph for arguments of the given shapes on each device.
func build[F model.ExecGraphFn](t *Trainer, f F, arguments ...shapes.Shape) (*model.Exec, error) {
	exec, err := model.NewExec(t.problem.Device, t.store, f)
	if err != nil {
		return nil, err
	}
	if t.sharding != nil {
		// GoMLX would declare the variables as copies over a mesh, which go-xla knows of only in automatic sharding: the store must
		// not know of it before its graphs are built.
		exec.SetStore(model.NewStore()).SPMD(t.sharding.Mesh).SetStore(t.store)
	}
	_, err = exec.Compile(slices.Repeat(arguments, t.config.devices())...)
	return exec, err
}

// restore sets all variables to those of a checkpoint loaded from dir or, where it is empty, to the initial ones.
func (t *Trainer) restore(loaded *model.Store, dir string) error {
	fresh := loaded.NumVariables() == 0
	other := func(format string, args ...any) error {
		return fmt.Errorf("fit: the checkpoint in %s is that of another model, choose another folder: "+format, append([]any{dir}, args...)...)
	}
	for v := range t.store.IterVariables() {
		from := t.initial.GetVariable(v.Path())
		if !fresh && !temporary(v) {
			if from = loaded.GetVariable(v.Path()); from == nil {
				return other("it lacks %s", v.Path())
			}
			if !from.Shape().Equal(v.Shape()) {
				return other("%s is %s there, but %s here", v.Path(), from.Shape(), v.Shape())
			}
		}
		if err := copyTo(v, from); err != nil {
			return err
		}
	}
	for v := range loaded.Scope(weightsScope).IterVariables() {
		if t.store.GetVariable(v.Path()) == nil {
			return other("it also has %s", v.Path())
		}
	}
	return nil
}

// copyTo gives a variable a copy of another's value.
func copyTo(v, from *model.Variable) error {
	value, err := from.MustValue().LocalClone()
	if err == nil {
		err = v.SetValue(value)
	}
	if err != nil {
		return fmt.Errorf("fit: cannot set %s: %w", v.Path(), err)
	}
	return nil
}

// begin sets the weights to the averaged ones of the model in the folder from.
func (t *Trainer) begin(from string) error {
	loaded, err := Load(from)
	if err != nil {
		return fmt.Errorf("fit: cannot begin with the weights of another model: %w", err)
	}
	defer loaded.Finalize()
	other := func(format string, args ...any) error {
		return fmt.Errorf("fit: cannot begin with the weights in %s, which are those of another kind of model: "+format, append([]any{from}, args...)...)
	}
	ours := 0
	for v := range t.store.Scope(weightsScope).IterVariables() {
		name := v.Path()[len(weightsScope):]
		w := loaded.GetVariable(averageScope + name)
		if w == nil {
			return other("they lack %s", name)
		}
		if !w.Shape().Equal(v.Shape()) {
			return other("%s is %s there, but %s here", name, w.Shape(), v.Shape())
		}
		if err := copyTo(v, w); err != nil {
			return err
		}
		ours++
	}
	if theirs := Average(loaded).NumVariables(); theirs != ours {
		return other("they are %d arrays, but %d here", theirs, ours)
	}
	return nil
}

// temporary reports whether a variable means nothing to the next step, so that it needn't be saved.
func temporary(v *model.Variable) bool {
	return strings.HasPrefix(v.Path(), gradientScope+"/") || strings.HasPrefix(v.Path(), termScope+"/")
}

// set gives the loss its inputs.
func (t *Trainer) set(inputs Inputs) error {
	missing := maps.Clone(inputs)
	for v := range t.store.Scope(inputScope).IterVariables() {
		name := strings.TrimPrefix(v.Path(), inputScope+"/")
		value, ok := inputs[name]
		if !ok {
			return fmt.Errorf("fit: the loss reads the input %q, which isn't given", name)
		}
		delete(missing, name)
		if err := v.SetValue(tensors.FromScalar(float32(value))); err != nil {
			return fmt.Errorf("fit: cannot set the input %q: %w", name, err)
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("fit: the loss doesn't read the inputs %q", slices.Sorted(maps.Keys(missing)))
	}
	return nil
}

package fit

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/gomlx/compute/distributed"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/core/tensors/dtensor"
	"github.com/gomlx/gomlx/ml/dataset"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/ml/model/checkpoint"
)

// Inputs are scalars that a loss reads by name with [Input]: what a sweep varies. They stay the
// same through a training, and are stored in its checkpoint, as float32.
type Inputs map[string]float64

// Trainer trains models that differ only in their [Inputs], one after the other, with one compiled
// step: only the first training costs a compilation. Each starts from the same weights and sees the
// same galaxies and noise.
type Trainer struct {
	problem        Problem
	config         Config
	training, held []int // indices of its images

	store   *model.Store
	initial *model.Store // values that a training starts with; nil until the step is compiled
	// step and validation take galaxies and a state of random numbers; validation is nil where no
	// galaxies are held out. update takes nothing, and is nil where a batch has one part.
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
			return nil, fmt.Errorf("fit: the training asks for %d devices, but there are %d", n,
				available)
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

// Run trains until the configured number of steps in all, from the checkpoint in dir if there is
// one, and leaves a checkpoint there; otherwise like the function [Run]. The inputs must be those
// that the loss reads, and those of the checkpoint. prepareDir, which may be nil, is called before
// anything else, once no other training can be going on in the folder: it may refuse what is there,
// or write what belongs beside the checkpoints. Only one Run may go on at a time.
func (t *Trainer) Run(
	ctx context.Context, dir string, inputs Inputs, prepareDir func() error, report func(Progress),
) error {
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
	if prepareDir != nil {
		if err := prepareDir(); err != nil {
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
		return fmt.Errorf("fit: the model in %s was exported at step %d: without the optimizer's "+
			"state it can't be trained until step %d", dir, state.step, c.Steps)
	}
	if err := t.compile(); err != nil {
		return fmt.Errorf("fit: cannot compile the training step: %w", err)
	}
	if err := t.restore(state.store, dir); err != nil {
		return err
	}
	if from := c.InitialFolder(); from != "" && state.step == 0 {
		if err := t.begin(from); err != nil {
			return err
		}
	}
	if err := t.set(inputs); err != nil {
		return err
	}
	state.store = t.store
	// compressing takes many times longer, and saves a tenth
	if err := state.stage(checkpoint.BinUncompressed); err != nil {
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
	// the statistics when the step began, if it has several parts
	var before map[*model.Variable]*tensors.Tensor
	// The next batch is copied while the device computes.
	for batch, err := range dataset.Buffer(&feed{c: c, images: t.problem.Images,
		training: t.training, from: state.step}).Iter() {
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
			// The step is given up: a part may take longer than there is time, and the last whole
			// step may not be on disk yet.
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
			report(Progress{Step: step, Steps: c.Steps, Loss: loss, Terms: terms,
				Validation: last(state.validation), Elapsed: time.Since(started)})
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

// statistics returns copies of what the parts of a step change in the model before its end.
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

// addTerms adds the terms of the last part of a step, which count as much as the part, to those of
// the parts before.
func (t *Trainer) addTerms(sums map[string]float64) (map[string]float64, error) {
	for v := range t.store.Scope(termScope).IterVariables() {
		value, err := v.Value()
		if err != nil {
			return nil, err
		}
		if sums == nil {
			sums = map[string]float64{}
		}
		name := strings.TrimPrefix(v.Path(), termScope+"/")
		sums[name] += float64(tensors.ToScalar[float32](value)) / float64(t.config.parts())
	}
	return sums, nil
}

// saveShare is the share of the time that may go into saving: a training saves as often as it
// allows, so that it loses little when it is killed.
const saveShare = 0.02

// random returns states of random numbers, one for each device, for the parts of a step, or of a
// validation.
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

// call runs a graph on arguments, each spread over the devices along its first axis, frees them,
// and returns its scalar, if there is one.
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

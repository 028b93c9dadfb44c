package fit

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"galdecon/galdecon/internal/random"
)

// compile builds the graphs and the values that every training starts with. It does nothing when it
// has succeeded before.
func (t *Trainer) compile() error {
	if t.initial != nil {
		return nil
	}
	c := t.config
	t.store = model.NewStore()
	// GoMLX's own way to seed leaves the state's variable without its store, which several devices
	// need.
	seeded, err := random.Initial(c.Seed)
	if err != nil {
		return err
	}
	rng, err := t.store.CreateVariable(randomPath, seeded)
	if err != nil {
		return err
	}
	rng.SetTrainable(false)
	y := shapes.Make(dtypes.Float32, c.part()/c.devices(), t.problem.Images.Height,
		t.problem.Images.Width, t.problem.Images.Channels)
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
		// GoMLX would declare the variables as copies over a mesh, which go-xla knows of only in
		// automatic sharding: the store must not know of it before its graphs are built.
		exec.SetStore(model.NewStore()).SPMD(t.sharding.Mesh).SetStore(t.store)
	}
	_, err = exec.Compile(slices.Repeat(arguments, t.config.devices())...)
	return exec, err
}

// restore sets all variables to those of a checkpoint loaded from dir or, where it is empty, to the
// initial ones.
func (t *Trainer) restore(loaded *model.Store, dir string) error {
	fresh := loaded.NumVariables() == 0
	other := func(format string, args ...any) error {
		return fmt.Errorf("fit: the checkpoint in %s is that of another model, choose another "+
			"folder: "+format, append([]any{dir}, args...)...)
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
		return fmt.Errorf("fit: cannot begin with the weights in %s, which are those of another "+
			"kind of model: "+format, append([]any{from}, args...)...)
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
	return strings.HasPrefix(v.Path(), gradientScope+"/") ||
		strings.HasPrefix(v.Path(), termScope+"/")
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
		return fmt.Errorf("fit: the loss doesn't read the inputs %q",
			slices.Sorted(maps.Keys(missing)))
	}
	return nil
}

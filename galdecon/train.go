package galdecon

import (
	"context"
	"errors"
	"fmt"
	"reflect"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"galdecon/galdecon/backend"
	"galdecon/galdecon/ddpm"
	"galdecon/galdecon/fit"
	"galdecon/galdecon/galaxy"
)

// Train trains a model on clean galaxies [n, Size, Size, Channels] and leaves it in the folder dir.
// It goes on where an interrupted training stopped, and returns at once where it was finished.
// report, which may be nil, is called after every step. When ctx ends, the model after the last
// whole step is saved and ctx's error returned. It begins with random weights, or with those of the
// model that c.Fit.InitialModel names, which must be of the same kind.
func Train(ctx context.Context, c Config, galaxies *galaxy.Images, dir string,
	report func(fit.Progress)) error {
	if err := c.checkInitialModel(dir); err != nil {
		return err
	}
	trainer, err := NewTrainer(c, galaxies)
	if err != nil {
		return err // before a folder is made
	}
	defer trainer.Close()
	return trainer.Train(ctx, c, dir, report)
}

// Trainer trains models of one configuration, which may differ in the weights of a CVAE's loss, on
// the same galaxies with one compilation.
type Trainer struct {
	trainer  *fit.Trainer
	galaxies *galaxy.Images
}

// NewTrainer returns a trainer of models of a configuration on clean galaxies [n, Size, Size,
// Channels]. Close it after use.
func NewTrainer(c Config, galaxies *galaxy.Images) (*Trainer, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if err := c.checkShape(galaxies); err != nil {
		return nil, err
	}
	objective, err := c.objective()
	if err != nil {
		return nil, err
	}
	return c.trainer(galaxies, objective)
}

// trainer returns a trainer of a valid configuration that minimizes an objective.
func (c Config) trainer(galaxies *galaxy.Images, objective fit.Objective) (*Trainer, error) {
	device, err := backend.Default()
	if err != nil {
		return nil, err
	}
	trainer, err := fit.NewTrainer(fit.Problem{Device: device, Images: galaxies,
		Objective: objective}, c.Fit)
	if err != nil {
		return nil, err
	}
	return &Trainer{trainer, galaxies}, nil
}

// Close frees the device's memory.
func (t *Trainer) Close() { t.trainer.Close() }

// Train trains a model as [Train] does. Its configuration is that of the trainer but for the
// weights of a CVAE's loss.
func (t *Trainer) Train(ctx context.Context, c Config, dir string,
	report func(fit.Progress)) error {
	prepare := func() error {
		if err := c.save(dir); err != nil {
			return err
		}
		return saveIdentity(dir, t.galaxies)
	}
	err := t.trainer.Run(ctx, dir, c.inputs(), prepare, report)
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return fmt.Errorf("galdecon: training was interrupted, and its whole steps are saved in "+
			"%s; run it again to go on: %w", dir, err)
	}
	return err
}

// checkInitialModel returns an error if the training in dir is to begin with a model of another
// kind: its weights may have the right shapes but another meaning.
func (c Config) checkInitialModel(dir string) error {
	initial := c.Fit.InitialFolder()
	if initial == "" {
		return nil
	}
	if step, err := fit.Step(dir); err != nil || step > 0 {
		return err // it has begun
	}
	from, err := LoadConfig(initial)
	if err != nil {
		return fmt.Errorf("galdecon: cannot begin with the weights of another model: %w", err)
	}
	alike := c
	alike.Diffusion, alike.CVAE, alike.Standardized = from.Diffusion, from.CVAE, from.Standardized
	if !reflect.DeepEqual(alike, c) {
		return fmt.Errorf("galdecon: the model in %s is of another kind%s; begin with one that "+
			"has the same network, see Config", initial, difference(alike, c))
	}
	return nil
}

// objective returns the loss of the model, for clean galaxies y, each seen through the instrument
// or in the survey.
func (c Config) objective() (fit.Objective, error) {
	if c.Survey == nil {
		return c.loss, nil
	}
	bank, err := c.Survey.Draw()
	if err != nil {
		return nil, err
	}
	return func(scope *model.Scope, y *graph.Node) *graph.Node {
		grid, look := c.Survey.Observe(scope, y, bank)
		return c.Diffusion.LookLoss(scope, y, grid, look)
	}, nil
}

// loss returns that of the model, Eq. 2 or Eq. 1, for clean galaxies y, each seen through the
// instrument.
func (c Config) loss(scope *model.Scope, y *graph.Node) *graph.Node {
	x, psfs, noise := c.Instrument.Observe(scope, y)
	if c.Standardized {
		y, x, noise = standardize(y, x, psfs, noise)
	}
	if c.CVAE != nil {
		terms := c.CVAE.Terms(scope, y, x, psfs)
		fit.Record(scope, "clean", terms.Clean)
		fit.Record(scope, "blurred", terms.Blurred)
		fit.Record(scope, "KL", terms.KL)
		return terms.Loss(fit.Input(scope, y, "alpha"), fit.Input(scope, y, "beta"))
	}
	return c.Diffusion.Loss(scope, y, ddpm.Condition{X: x, PSFs: psfs, Noise: noise})
}

// Package fit is the one training loop: Adam, the learning rate and average of weights that the
// models share, validation, checkpoints, resume and interruption (the optimization of the paper's
// Section 3). A [Trainer] compiles its step once and can train a sweep of models with it.
package fit

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"time"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"galdecon/galdecon/galaxy"
)

// Config is how a model is trained.
type Config struct {
	// Steps is the number of updates of the weights.
	Steps int `json:"steps"`
	// Batch is the number of galaxies in a step.
	Batch int `json:"batch"`
	// LearningRate is that of Adam after WarmUp steps, through which it rises from 0; from there it
	// falls linearly, to reach 0 after the last step, as in the paper's program.
	LearningRate float64 `json:"learning_rate"`
	WarmUp       int     `json:"warm_up"`
	// EMA is the decay, per step, of the exponential moving average of the weights that samples are
	// drawn with.
	EMA float64 `json:"ema"`
	// ClipNorm is the largest norm of the gradient with respect to all weights together; a longer
	// one is shortened to it. 0 is no limit.
	ClipNorm float64 `json:"clip_norm,omitempty"`
	// Shift is how far each galaxy is moved at random in every step, in pixels along either axis,
	// at most: up to half a pixel each way makes a detail at a pixel's edge as frequent as one in
	// its middle. Galaxies are always mirrored and turned by quarters.
	Shift float64 `json:"shift,omitempty"`
	// HoldOut is the share of the galaxies, drawn by the seed, that the model isn't trained on, but
	// its validation loss is computed on: 0.05 is 5 %, in whole batches, at least one and at most
	// 256 galaxies where a batch isn't larger. 0 is none.
	HoldOut float64 `json:"hold_out,omitempty"`
	// Accumulate is the number of equal parts of a batch whose gradients are computed one after the
	// other and then averaged, so that a step needs less memory. Statistics of batches are those of
	// the parts. 0 is 1.
	Accumulate int `json:"accumulate,omitempty"`
	// Devices is the number of devices that each part is spread over. 0 is 1.
	Devices int `json:"devices,omitempty"`
	// InitialModel is the folder of a trained model whose averaged weights the training begins
	// with, where they would else be random: a model becomes fit for other galaxies, images of
	// another size or another instrument in a fraction of the steps. The optimizer starts anew. A
	// training that goes on doesn't look there.
	InitialModel string `json:"begin,omitempty"`
	// WorkingDir is the directory that a relative InitialModel is in, "" for the process's. It
	// belongs to the caller and not to the model: it isn't stored.
	WorkingDir string `json:"-"`
	// Seed determines the weights' start, the order of galaxies, and all noise.
	Seed int64 `json:"seed"`
}

// Validate returns an error if the training is impossible.
func (c Config) Validate() error {
	switch {
	case c.Steps < 1 || c.Batch < 1:
		return fmt.Errorf("fit: steps and batch must be at least 1, got %d and %d", c.Steps,
			c.Batch)
	case !(c.LearningRate > 0) || math.IsInf(c.LearningRate, 0) || c.WarmUp < 0:
		return fmt.Errorf("fit: the learning rate must be positive and finite and the warm-up at "+
			"least 0 steps, got %g and %d", c.LearningRate, c.WarmUp)
	case !(c.EMA >= 0 && c.EMA < 1):
		return fmt.Errorf("fit: the decay of the averaged weights must be in [0, 1), got %g", c.EMA)
	case !(c.ClipNorm >= 0) || math.IsInf(c.ClipNorm, 0):
		return fmt.Errorf("fit: the largest norm of the gradient must be positive and finite, or "+
			"0 for no limit, got %g", c.ClipNorm)
	case !(c.Shift >= 0 && c.Shift <= 1):
		return fmt.Errorf("fit: galaxies can be shifted by up to 1 pixel, where light from one "+
			"edge to the other is little; got %g", c.Shift)
	case !(c.HoldOut >= 0 && c.HoldOut < 1):
		return fmt.Errorf("fit: the share of galaxies that are held out must be in [0, 1), got %g",
			c.HoldOut)
	case c.Accumulate < 0 || c.Devices < 0 || c.Batch%(c.parts()*c.devices()) != 0:
		return fmt.Errorf("fit: a batch of %d can't be computed in %d equal parts on %d "+
			"device(s) each", c.Batch, c.Accumulate, c.Devices)
	}
	return nil
}

// InitialFolder returns where InitialModel is: a path that is absolute where it or WorkingDir is,
// or "" where there is none.
func (c Config) InitialFolder() string {
	if c.InitialModel == "" || filepath.IsAbs(c.InitialModel) {
		return c.InitialModel
	}
	return filepath.Join(c.WorkingDir, c.InitialModel)
}

func (c Config) parts() int   { return max(c.Accumulate, 1) }
func (c Config) devices() int { return max(c.Devices, 1) }

// part returns the number of galaxies that are computed together.
func (c Config) part() int { return c.Batch / c.parts() }

// Accepts returns an error if the training on these galaxies [n, size, size, channels] is
// impossible.
func (c Config) Accepts(images *galaxy.Images) error {
	if err := c.Validate(); err != nil {
		return err
	}
	if err := images.Validate(); err != nil {
		return err
	}
	if images.Height != images.Width {
		return fmt.Errorf("fit: galaxies must be square to be turned, got %d×%d pixels",
			images.Height, images.Width)
	}
	if n := images.N - c.heldOut(images.N); n < c.Batch {
		return fmt.Errorf("fit: a batch of %d needs at least as many galaxies, got %d%s", c.Batch,
			n, c.beside(images.N))
	}
	return nil
}

// beside says how many galaxies are held out.
func (c Config) beside(n int) string {
	if held := c.heldOut(n); held > 0 {
		return fmt.Sprintf(" beside %d that are held out", held)
	}
	return ""
}

// Objective is the loss of a model: clean images y [batch, height, width, channels] → a float32
// scalar to minimize. All of its weights must lie below the scope, and nothing else of it may
// depend on the scope: the validation loss has another one, with the averaged weights. What varies
// from one training to another is read by [Input].
type Objective func(scope *model.Scope, y *graph.Node) *graph.Node

// Problem is what a training solves: weights that make a loss of galaxies small.
type Problem struct {
	// Device computes.
	Device compute.Backend
	// Images are the galaxies, [n, size, size, channels].
	Images *galaxy.Images
	// Objective is the loss.
	Objective Objective
}

// Progress is the state of a training after a step.
type Progress struct {
	// Step is the number of the step, counted from 1, and Steps how many there are in all.
	Step, Steps int
	// Loss is that of the step's batch.
	Loss float64
	// Terms are parts of the loss by the names that the objective gives them, see [Record]; nil
	// where it gives none.
	Terms map[string]float64
	// Validation is the last loss of held-out galaxies, with averaged weights; NaN before the
	// first.
	Validation float64
	// Elapsed is the time since this run began, after its first step: compilation is not in it.
	Elapsed time.Duration
}

// ErrBusy says that another training uses the folder.
var ErrBusy = errors.New("the checkpoint folder is in use")

// ErrDiverged says that the loss or a weight became NaN or infinite; the last checkpoint is kept.
var ErrDiverged = errors.New("the training diverged: not a finite number")

// Scopes of the store: weights as trained, their average, and what isn't part of the model.
const (
	weightsScope  = "/model"
	averageScope  = "/average"
	inputScope    = "/input"
	gradientScope = "/gradient"
	termScope     = "/term"
)

// Average returns the scope that holds the averaged weights of a trained model, under the same
// names as in the objective's.
func Average(store *model.Store) *model.Scope { return store.Scope(averageScope) }

// Run trains until c.Steps in all, from the checkpoint in dir if there is one, and leaves a
// checkpoint there. report, which may be nil, is called after every step. When ctx ends, Run saves
// the last whole step, if there is one, and returns ctx's error: a step of several parts
// (Config.Accumulate) is given up between them. The next Run goes on where it was, to the same
// weights, bit for bit, as if it had not been interrupted.
func Run(ctx context.Context, p Problem, c Config, dir string, report func(Progress)) error {
	trainer, err := NewTrainer(p, c)
	if err != nil {
		return err
	}
	defer trainer.Close()
	return trainer.Run(ctx, dir, nil, nil, report)
}

// Package watch shows a training that goes on in a session, in the cell that watches it: how far it
// is, its loss, and candidates as it draws them by now.
//
//	training, err := s.Training("checkpoints/tiny")
//	err = watch.Training(ctx, training, observations, seed)
//
// Like package session it is free of XLA.
package watch

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"sync"
	"time"

	"github.com/janpfeifer/gonb/gonbui"

	"galdecon/galdecon/fit"
	"galdecon/galdecon/galaxy"
	"galdecon/kernels/session"
	"galdecon/plotting"
)

// Drawing takes cores from the training: candidates are drawn once in a period at most, and after
// each drawing there is a pause of three times its duration, so that a slow model draws in a
// quarter of the time.
const (
	period = 10 * time.Second
	pauses = 3
)

// Training shows a training until it ends: the steps, the rate, the time that is left and the loss;
// the loss of all its steps; and, with new checkpoints, a candidate for each of up to 60
// observations, from the seed. Without observations (nil) there are no candidates. The displays
// change in place, and the last ones stay in the notebook; outside of a notebook there is the
// progress alone. Of a training that is paused it shows what there is, and waits until it goes on.
//
// When the cell is interrupted it detaches and returns nil, and when ctx ends ctx's error: the
// training goes on. Otherwise it returns the error of a training that failed, as
// [session.Training.Watch] does, or why candidates can't be drawn.
func Training(ctx context.Context, training *session.Training, observations *session.Observations,
	seed int64) error {
	history, err := training.History()
	if err != nil {
		return err
	}
	c := &candidates{training: training, observations: observations, seed: seed,
		place: plotting.NewLive()}
	if !gonbui.IsNotebook {
		c.observations = nil
	}
	return show(ctx, plotting.NewTraining(training.Steps, history...), c)
}

// curve is a plotting.Training.
type curve interface {
	Update(step int, loss float64)
	Close() error
}

func show(ctx context.Context, loss curve, c *candidates) error {
	live, detach := signal.NotifyContext(ctx, os.Interrupt) // which ends a drawing, too
	defer detach()
	watching, stop := context.WithCancelCause(live)
	// A drawing may take long; the loss goes on meanwhile. The loss is shown first, and stands
	// above.
	var drawing sync.WaitGroup
	begin := sync.OnceFunc(func() {
		drawing.Go(func() {
			if err := c.follow(watching); err != nil {
				stop(err)
			}
		})
	})
	// What is paused makes no step to report, and has something to show all the same. What has made
	// no step yet, in this session, still compiles: the rate isn't to be counted from here.
	if state, last, err := c.training.State(); err == nil && last.Elapsed > 0 && !state.Ended() {
		loss.Update(last.Step, last.Loss)
		begin()
	}
	err := c.training.Watch(watching, func(p fit.Progress) {
		loss.Update(p.Step, p.Loss)
		begin()
	})
	failed := context.Cause(watching)
	stop(nil)
	drawing.Wait()
	closed := loss.Close()
	if err == nil && closed == nil {
		var state session.State
		if state, _, err = c.training.State(); state.Ended() {
			err = c.show(live)
		}
	}
	switch {
	case ctx.Err() != nil:
		err = ctx.Err()
	case live.Err() != nil:
		err = nil
	case failed != nil:
		err = failed
	}
	return errors.Join(err, closed)
}

// candidates are drawn with the checkpoints of a training.
type candidates struct {
	training     *session.Training
	observations *session.Observations
	seed         int64
	place        place
	step         int // of those that are shown
}

// place is a plotting.Live.
type place interface {
	Show(plotting.Drawable) error
}

// follow shows candidates, and again with new checkpoints until ctx ends.
func (c *candidates) follow(ctx context.Context) error {
	for {
		began := time.Now()
		err := c.show(ctx)
		if ctx.Err() != nil {
			return nil // it wasn't to be finished
		}
		if err != nil {
			return err
		}
		select {
		case <-time.After(max(period, pauses*time.Since(began))):
		case <-ctx.Done():
			return nil
		}
	}
}

// show shows candidates by the last checkpoint, if there is one since the last time.
func (c *candidates) show(ctx context.Context) error {
	if c.observations == nil {
		return nil
	}
	figure, step, err := c.preview(ctx)
	if err != nil || figure == nil {
		return err
	}
	c.step = step
	return c.place.Show(figure)
}

// preview returns a candidate for each observation, by the last checkpoint, and the step of that.
// It is nil where there is no checkpoint yet, or none but that of the candidates that are shown.
func (c *candidates) preview(ctx context.Context) (figure plotting.Drawable, step int, err error) {
	model, err := c.training.Model()
	if errors.Is(err, fs.ErrNotExist) || err == nil && model.Step == c.step {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, err
	}
	posteriors, err := model.Sample(ctx, c.observations, 1, c.seed)
	if errors.Is(err, session.ErrReplaced) {
		return c.preview(ctx) // somebody else has loaded a later checkpoint
	}
	if err != nil {
		return nil, 0, err
	}
	var drawn []*galaxy.Images
	for _, p := range posteriors {
		drawn = append(drawn, p.Samples)
	}
	all, err := galaxy.Join(drawn...)
	if err != nil {
		return nil, 0, err
	}
	all.IDs = c.observations.Images().IDs
	return plotting.Mosaic{Title: fmt.Sprintf("A candidate of each, after %d steps", model.Step),
		Images: all}, model.Step, nil
}

// Package watch shows a training that goes on in a session, in the cell that watches it: how far it is, its loss, and candidates as it
// draws them by now.
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
	"time"

	"galdecon/galdecon/fit"
	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/session"
	"galdecon/plotting"
)

// period is how often candidates are drawn at most. Drawing takes cores from the training.
const period = 10 * time.Second

// Training shows a training until it ends: the steps, the rate, the time that is left and the loss; the loss of all its steps; and, with each
// checkpoint, a candidate for each of the observations, from the seed. Without observations (nil) there are no candidates. The displays change in
// place, and the last ones stay in the notebook; outside of a notebook there is the progress alone.
//
// When the cell is interrupted it detaches and returns nil, and when ctx ends ctx's error: the training goes on. Otherwise it returns the error of a
// training that failed, as [session.Training.Watch] does.
func Training(ctx context.Context, training *session.Training, observations *session.Observations, seed int64) error {
	history, err := training.History()
	if err != nil {
		return err
	}
	loss, candidates := plotting.NewTraining(training.Steps, history...), plotting.NewLive()
	step := 0 // of the candidates that are shown
	show := func(ctx context.Context) error {
		if observations == nil {
			return nil
		}
		figure, now, err := preview(ctx, training, observations, seed, step)
		if err != nil || figure == nil {
			return err
		}
		step = now
		if err = candidates.Show(figure); errors.Is(err, plotting.ErrNoNotebook) {
			observations, err = nil, nil
		}
		return err
	}
	watching, stop := context.WithCancel(ctx)
	defer stop()
	var failed error
	shown := time.Now()
	err = training.Watch(watching, func(p fit.Progress) {
		loss.Update(p.Step, p.Loss)
		if failed == nil && time.Since(shown) > period {
			if failed = show(watching); failed != nil {
				stop()
			}
			shown = time.Now()
		}
	})
	if failed != nil && ctx.Err() == nil { // ctx's end can interrupt a drawing
		return errors.Join(failed, loss.Close())
	}
	// As it is left: at its end, or ctx's. A cell that is interrupted should end, and one that fails say no more.
	state, _, _ := training.State()
	if err == nil && state.Ended() || ctx.Err() != nil {
		err = errors.Join(err, show(context.WithoutCancel(ctx)))
	}
	return errors.Join(err, loss.Close())
}

// preview is a candidate for each observation, by the last checkpoint, and the step of that. It is nil where there is no checkpoint yet, or none
// but that of the step before.
func preview(ctx context.Context, training *session.Training, observations *session.Observations, seed int64, before int) (figure plotting.Drawable, step int, err error) {
	model, err := training.Model()
	if errors.Is(err, fs.ErrNotExist) || err == nil && model.Step == before {
		return nil, before, nil
	}
	if err != nil {
		return nil, before, err
	}
	posteriors, err := model.Sample(ctx, observations, 1, seed)
	if err != nil {
		return nil, before, err
	}
	var drawn []*galaxy.Images
	for _, p := range posteriors {
		drawn = append(drawn, p.Samples)
	}
	all, err := galaxy.Join(drawn...)
	if err != nil {
		return nil, before, err
	}
	all.IDs = observations.Images.IDs
	return plotting.Mosaic{Title: fmt.Sprintf("A candidate of each, after %d steps", model.Step), Images: all}, model.Step, nil
}

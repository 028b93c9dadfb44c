package session

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"

	"galdecon/galdecon/fit"
	"galdecon/galdecon/galaxy"
	"galdecon/kernels/session/internal/wire"
)

// Config is implemented by galdecon.Config alone. It is an interface to keep this package free of
// XLA.
type Config interface {
	// Validate returns an error if no model can be trained as configured.
	Validate() error
	// Folder returns where the model of the configuration belongs below parent.
	Folder(parent string) string
}

// Training is a training in the session. It goes on whether or not someone watches.
type Training struct {
	// Dir is its folder, and Steps how many steps it has in all.
	Dir   string
	Steps int

	session *Session
}

// partSize is about how many pixels are sent at a time.
const partSize = 1 << 24

// Train starts a training in the background: of the model of a galdecon.Config, on clean galaxies
// [n, Size, Size, Channels], in the folder dir, as galdecon.Train does. It goes on from the
// checkpoint there if there is one. Where the very same training goes on already in this session,
// it is found; where another does, here, in another kernel's session or in another program, the
// error is fit.ErrBusy and names the owner. Errors that show within a second are returned, later
// ones by [Training.Watch].
func (s *Session) Train(config Config, galaxies *galaxy.Images, dir string) (*Training, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	if err := galaxies.Validate(); err != nil {
		return nil, err
	}
	text, err := json.Marshal(config)
	if err != nil {
		return nil, fmt.Errorf("session: the configuration can't be sent: %w", err)
	}
	path, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("session: %w", err)
	}
	here, err := os.Getwd()
	if err != nil {
		return nil, fmt.Errorf("session: %w", err)
	}
	var requests []any
	n := max(1, partSize/(galaxies.Height*galaxies.Width*galaxies.Channels))
	for first := 0; first < galaxies.N; first += n {
		part := wire.TrainRequest{Galaxies: slice(galaxies, first, min(first+n, galaxies.N))}
		if first == 0 {
			part.Dir, part.WorkingDir, part.Config = path, here, text
		}
		requests = append(requests, part)
	}
	var status wire.Status
	err = wire.Stream(context.Background(), s.address, wire.Train, func(answer wire.Status) error {
		status = answer
		return nil
	}, requests...)
	if err != nil {
		return nil, s.explain(err)
	}
	return &Training{Dir: path, Steps: status.Last.Steps, session: s}, nil
}

// slice returns the images from first to before end; their pixels are shared.
func slice(images *galaxy.Images, first, end int) *galaxy.Images {
	each := images.Height * images.Width * images.Channels
	part := *images
	part.N, part.Pixels = end-first, images.Pixels[first*each:end*each]
	if images.IDs != nil {
		part.IDs = images.IDs[first:end]
	}
	if images.Objects != nil {
		part.Objects = images.Objects[first:end]
	}
	if images.Scale != nil {
		part.Scale = images.Scale[first:end]
	}
	return &part
}

// Training returns the training in the folder dir that this session has started, also if it has
// ended since. It is an error that matches fs.ErrNotExist if there is none.
func (s *Session) Training(dir string) (*Training, error) {
	path, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("session: %w", err)
	}
	found, err := call[wire.History](context.Background(), s, wire.Training, wire.Folder{Dir: path})
	if err != nil {
		return nil, err
	}
	return &Training{Dir: path, Steps: found.Status.Last.Steps, session: s}, nil
}

// State is what a training does.
type State = wire.State

// The states of a training. The last three are its ends.
const (
	Running  = wire.Running
	Paused   = wire.Paused
	Finished = wire.Finished
	Stopped  = wire.Stopped
	Failed   = wire.Failed
)

// State returns what it does now. last is its progress after the last step or, before the first in
// this session, that of the checkpoint which it goes on from: its Elapsed is 0 then, and what isn't
// known of the losses is NaN. Its Step is 0 where there is no checkpoint either. err is why it
// failed, if it did.
func (t *Training) State() (state State, last fit.Progress, err error) {
	found, err := call[wire.History](context.Background(), t.session, wire.Training,
		wire.Folder{Dir: t.Dir})
	if err != nil {
		return "", last, err
	}
	return found.Status.State, found.Status.Last, found.Status.Failure.Err()
}

// History returns the loss until now, of earlier sessions, too, in at most some 2000 points: what a
// plot is given that goes on with what Watch reports.
func (t *Training) History() ([]fit.Point, error) {
	found, err := call[wire.History](context.Background(), t.session, wire.Training,
		wire.Folder{Dir: t.Dir})
	return found.Points, err
}

// Model returns the model of the training's last checkpoint. It is an error that matches
// fs.ErrNotExist where there is none yet. What is compiled for one checkpoint serves the next.
func (t *Training) Model() (*Model, error) { return t.session.Load(t.Dir) }

// Watch calls report, which may be nil, after every step from now on, and returns when the training
// has ended, with the error of one that failed. When the cell is interrupted it returns nil, and
// when ctx ends ctx's error: the training goes on.
func (t *Training) Watch(ctx context.Context, report func(fit.Progress)) error {
	watching, stop := signal.NotifyContext(ctx, os.Interrupt)
	defer stop()
	var failed error
	err := wire.Stream(watching, t.session.address, wire.Watch, func(news wire.News) error {
		for _, p := range news.Steps {
			if report != nil {
				report(p)
			}
		}
		failed = news.Status.Failure.Err()
		return nil
	}, wire.Folder{Dir: t.Dir})
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case watching.Err() != nil:
		return nil
	case err != nil:
		return t.session.explain(err)
	}
	return failed
}

// Pause holds the training after the step that it is in, and returns when it is held. It keeps its
// memory, and no core. Models that are loaded meanwhile are those of the last checkpoint, which a
// training writes as often as fits into 2 % of its time. It is an error if the training has ended.
func (t *Training) Pause() error { return t.control(wire.Pause) }

// Resume lets a paused training go on. It is an error if the training has ended: Train goes on with
// one that was stopped.
func (t *Training) Resume() error { return t.control(wire.Resume) }

// Stop ends the training after the step that it is in, with a checkpoint of that step. Train goes
// on from there. Of a training that has ended it returns why it failed, if it did.
func (t *Training) Stop() error { return t.control(wire.Stop) }

func (t *Training) control(function string) error {
	_, err := call[wire.Nothing](context.Background(), t.session, function, wire.Folder{Dir: t.Dir})
	return err
}

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"galdecon/galdecon"
	"galdecon/galdecon/fit"
	"galdecon/galdecon/galaxy"
	"galdecon/kernels/session/internal/wire"
)

const (
	// startTime is how long a training may take to fail and have its error returned by its start;
	// later ones are returned to who watches.
	startTime = time.Second
	// historyPoints bounds a history.
	historyPoints = 1000
)

// trainings are those of this session, by folder, also the ended ones.
type trainings struct {
	file string // lists the running ones, for the host to read should this process be killed

	mu       sync.Mutex
	byFolder map[string]*training
	active   sync.WaitGroup
}

func newTrainings(file string) *trainings {
	return &trainings{file: file, byFolder: map[string]*training{}}
}

// training is one training. It goes on whether or not someone watches.
type training struct {
	dir      string
	config   galdecon.Config
	galaxies *galaxy.Images
	past     []fit.Point // before this session
	cancel   context.CancelFunc

	mu      sync.Mutex
	changed chan struct{} // closed at the next change
	state   wire.State
	paused  bool           // waits between two steps
	steps   []fit.Progress // the steps of this session
	last    fit.Progress   // the last step, also one before this session
	err     error
}

// start starts a training, or finds the running one with the same configuration and galaxies.
func (t *trainings) start(ctx context.Context, r wire.TrainRequest) (wire.Status, error) {
	var c galdecon.Config
	decoder := json.NewDecoder(bytes.NewReader(r.Config))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&c); err != nil {
		return wire.Status{},
			fmt.Errorf("session: the configuration is of another version, restart the kernel: %w",
				err)
	}
	if from := c.Fit.InitialModel; from != "" && !filepath.IsAbs(from) {
		c.Fit.WorkingDir = r.WorkingDir // the caller's
	}
	if err := errors.Join(c.Validate(), c.Fit.Accepts(r.Galaxies)); err != nil {
		return wire.Status{}, err
	}
	t.mu.Lock()
	before := t.byFolder[r.Dir]
	one, err := t.begin(r, c)
	t.mu.Unlock()
	if err != nil {
		return wire.Status{}, err
	}
	// What is wrong with the folder shows at once.
	soon, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	begun := false
	_ = one.await(soon, func() bool {
		begun = len(one.steps) > 0
		return begun || one.state != wire.Running
	})
	status := one.now()
	if status.State == wire.Failed && !begun {
		t.forget(one, before)
	}
	return status, status.Failure.Err()
}

// forget puts the training before in the place of one that didn't begin.
func (t *trainings) forget(one, before *training) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.byFolder[one.dir] != one:
	case before == nil:
		delete(t.byFolder, one.dir)
	default:
		t.byFolder[one.dir] = before
	}
}

// running returns the training in a folder and its galaxies, nil if there is none or it has ended,
// when its galaxies are freed; t.mu is held.
func (t *trainings) running(dir string) (*training, *galaxy.Images) {
	one := t.byFolder[dir]
	if one == nil {
		return nil, nil
	}
	one.mu.Lock()
	defer one.mu.Unlock()
	if one.galaxies == nil {
		return nil, nil
	}
	return one, one.galaxies
}

// begin does what start does without waiting; t.mu is held.
func (t *trainings) begin(r wire.TrainRequest, c galdecon.Config) (*training, error) {
	if one, before := t.running(r.Dir); one != nil {
		if !reflect.DeepEqual(one.config, c) || !slices.Equal(before.Pixels, r.Galaxies.Pixels) {
			return nil, fmt.Errorf("session: another configuration, or other galaxies, are being "+
				"trained in %s; stop that training first, or choose another folder: %w", r.Dir,
				fit.ErrBusy)
		}
		return one, nil
	}
	past, last, err := checkpointState(r.Dir, c.Fit.Steps)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	one := &training{dir: r.Dir, config: c, galaxies: r.Galaxies, past: past, cancel: cancel,
		changed: make(chan struct{}), state: wire.Running, last: last}
	t.byFolder[r.Dir] = one
	t.list()
	t.active.Go(func() {
		err := galdecon.Train(ctx, c, r.Galaxies, one.dir,
			func(p fit.Progress) { one.report(ctx, p) })
		one.end(ctx, err)
		t.mu.Lock()
		defer t.mu.Unlock()
		t.list()
	})
	return one, nil
}

// checkpointState returns the loss curve of the checkpoint in a folder, and the progress that it is
// of; step 0 where there is none.
func checkpointState(dir string, steps int) (past []fit.Point, last fit.Progress, err error) {
	last = fit.Progress{Steps: steps, Loss: math.NaN(), Validation: math.NaN()}
	if last.Step, err = fit.Step(dir); err != nil {
		return nil, last, err
	}
	past, err = fit.History(dir)
	if n := len(past); n > 0 {
		last.Loss = past[n-1].Loss
	}
	return past, last, err
}

// list writes the file of the running trainings; t.mu is held.
func (t *trainings) list() {
	var list strings.Builder
	for dir, one := range t.byFolder {
		if !one.now().State.Ended() {
			fmt.Fprintln(&list, dir)
		}
	}
	// Without it the error after a crash lacks the trainings.
	_ = os.WriteFile(t.file, []byte(list.String()), 0o600)
}

// find returns the training in a folder.
func (t *trainings) find(dir string) (*training, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if one := t.byFolder[dir]; one != nil {
		return one, nil
	}
	return nil, fmt.Errorf("session: this session has no training in %s; Train starts one, from "+
		"the checkpoint there if there is one: %w", dir, fs.ErrNotExist)
}

func (t *trainings) all() []wire.Status {
	t.mu.Lock()
	defer t.mu.Unlock()
	var all []wire.Status
	for _, one := range t.byFolder {
		all = append(all, one.now())
	}
	slices.SortFunc(all, func(a, b wire.Status) int { return strings.Compare(a.Dir, b.Dir) })
	return all
}

// close stops all trainings, each after the step that it is in. The channel is closed when they
// have saved.
func (t *trainings) close() <-chan struct{} {
	t.mu.Lock()
	for _, one := range t.byFolder {
		one.cancel()
	}
	t.mu.Unlock()
	saved := make(chan struct{})
	go func() {
		t.active.Wait()
		close(saved)
	}()
	return saved
}

// control returns a function that does something to the training in a folder.
func (t *trainings) control(do func(*training, context.Context) error) wire.Function {
	return wire.Unary(func(ctx context.Context, folder wire.Folder) (wire.Nothing, error) {
		one, err := t.find(folder.Dir)
		if err != nil {
			return wire.Nothing{}, err
		}
		return wire.Nothing{}, do(one, ctx)
	})
}

// change changes something and wakes who waits for it.
func (o *training) change(f func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	f()
	close(o.changed)
	o.changed = make(chan struct{})
}

// await waits until a condition holds, which is asked with o.mu held, or until ctx ends.
func (o *training) await(ctx context.Context, holds func() bool) error {
	for {
		o.mu.Lock()
		done, changed := holds(), o.changed
		o.mu.Unlock()
		if done {
			return nil
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		select {
		case <-changed:
		case <-ctx.Done():
		}
	}
}

// report notes a step, and holds the training while it is paused.
func (o *training) report(ctx context.Context, p fit.Progress) {
	o.change(func() { o.steps, o.last, o.paused = append(o.steps, p), p, true })
	_ = o.await(ctx, func() bool {
		o.paused = o.state == wire.Paused && ctx.Err() == nil
		return !o.paused
	})
}

func (o *training) end(ctx context.Context, err error) {
	o.change(func() {
		o.galaxies = nil
		switch {
		case err == nil:
			o.state = wire.Finished
		case ctx.Err() != nil && errors.Is(err, ctx.Err()):
			o.state = wire.Stopped
		default:
			o.state, o.err = wire.Failed, err
		}
	})
}

// status returns how far it is; o.mu is held.
func (o *training) status() wire.Status {
	return wire.Status{Dir: o.dir, State: o.state, Last: o.last, Failure: wire.NewFailure(o.err)}
}

// now returns how far it is.
func (o *training) now() wire.Status {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.status()
}

// endedError returns an error if it has ended; o.mu is held.
func (o *training) endedError() error {
	switch o.state {
	case wire.Finished:
		return fmt.Errorf("session: the training in %s has finished all of its %d steps", o.dir,
			o.config.Fit.Steps)
	case wire.Stopped:
		return fmt.Errorf("session: the training in %s was stopped; Train goes on from there",
			o.dir)
	case wire.Failed:
		return fmt.Errorf("session: the training in %s has failed; Train goes on from its last "+
			"checkpoint: %w", o.dir, o.err)
	}
	return nil
}

// transition makes one state another; it is an error if the training has ended.
func (o *training) transition(from, to wire.State) error {
	var ended error
	o.change(func() {
		if ended = o.endedError(); o.state == from {
			o.state = to
		}
	})
	return ended
}

// pause returns when it is paused, or has been resumed meanwhile.
func (o *training) pause(ctx context.Context) error {
	if err := o.transition(wire.Running, wire.Paused); err != nil {
		return err
	}
	var ended error
	err := o.await(ctx, func() bool {
		ended = o.endedError()
		return o.paused || o.state != wire.Paused
	})
	return errors.Join(err, ended)
}

func (o *training) resume(context.Context) error { return o.transition(wire.Paused, wire.Running) }

// stop ends it with a checkpoint of its last step.
func (o *training) stop(ctx context.Context) error {
	o.cancel()
	var failed error
	err := o.await(ctx, func() bool {
		failed = o.err
		return o.state.Ended()
	})
	return errors.Join(err, failed)
}

// history returns the loss until now.
func (o *training) history() wire.History {
	o.mu.Lock()
	defer o.mu.Unlock()
	points := slices.Clone(o.past)
	every := (len(o.steps) + historyPoints - 1) / historyPoints
	for part := range slices.Chunk(o.steps, max(every, 1)) {
		mean := 0.0
		for _, p := range part {
			mean += p.Loss / float64(len(part))
		}
		points = append(points, fit.Point{Step: part[len(part)-1].Step, Loss: mean})
	}
	return wire.History{Status: o.status(), Points: points}
}

// watch sends what happens from now on, and the end.
func (o *training) watch(ctx context.Context, send func(wire.News) error) error {
	o.mu.Lock()
	seen := len(o.steps)
	o.mu.Unlock()
	for {
		news, changed := o.since(seen)
		seen += len(news.Steps)
		if err := send(news); err != nil {
			return err
		}
		if news.Status.State.Ended() {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// since returns what has happened since the first steps that were seen, and a channel that is
// closed at the next change.
func (o *training) since(seen int) (wire.News, <-chan struct{}) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return wire.News{Steps: slices.Clone(o.steps[seen:]), Status: o.status()}, o.changed
}

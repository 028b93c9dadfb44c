package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
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
	"galdecon/galdecon/session/internal/wire"

	"github.com/gofrs/flock"
)

const (
	// ownerFile is locked by the session that trains in a folder, and names it.
	ownerFile = ".session"
	// startTime is how long a training may take to fail and have its error returned by its start; later ones are told to who watches.
	startTime = time.Second
	// historyPoints bounds a history.
	historyPoints = 1000
)

// trainings are those of this session, by folder, also the ended ones.
type trainings struct {
	owner string // what other sessions are told
	file  string // lists the running ones, for the host to read should this process be killed

	mu       sync.Mutex
	byFolder map[string]*training
	running  sync.WaitGroup
}

func newTrainings(owner, file string) *trainings {
	return &trainings{owner: owner, file: file, byFolder: map[string]*training{}}
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
	made    []fit.Progress // the steps of this session
	err     error
}

// start starts a training, or finds the running one with the same configuration and galaxies.
func (t *trainings) start(r wire.TrainRequest) (wire.Status, error) {
	var c galdecon.Config
	decoder := json.NewDecoder(bytes.NewReader(r.Config))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&c); err != nil {
		return wire.Status{}, fmt.Errorf("session: the configuration is of another version, restart the kernel: %w", err)
	}
	if err := errors.Join(c.Validate(), c.Fit.Accepts(r.Galaxies)); err != nil {
		return wire.Status{}, err // before a folder is made
	}
	t.mu.Lock()
	before := t.byFolder[r.Dir]
	one, err := t.begin(r.Dir, c, r.Galaxies)
	t.mu.Unlock()
	if err != nil {
		return wire.Status{}, err
	}
	// What is wrong with the folder shows at once.
	deadline := time.After(startTime)
	for {
		status, changed := one.status()
		if status.State == wire.Failed {
			if status.Last.Step == 0 {
				t.forget(one, before)
			}
			return status, status.Failure.Err()
		}
		if status.State != wire.Running || status.Last.Step > 0 {
			return status, nil
		}
		select {
		case <-changed:
		case <-deadline:
			return status, nil
		}
	}
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

// underWay is the training in a folder and its galaxies, nil if there is none or it has ended, when its galaxies are gone; t.mu is held.
func (t *trainings) underWay(dir string) (*training, *galaxy.Images) {
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

// begin is start without waiting; t.mu is held.
func (t *trainings) begin(dir string, c galdecon.Config, galaxies *galaxy.Images) (*training, error) {
	if one, before := t.underWay(dir); one != nil {
		if !reflect.DeepEqual(one.config, c) || !slices.Equal(before.Pixels, galaxies.Pixels) {
			return nil, fmt.Errorf("session: another configuration, or other galaxies, are being trained in %s; stop that training first, or choose another folder: %w", dir, fit.ErrBusy)
		}
		return one, nil
	}
	lock, err := t.lock(dir)
	if err != nil {
		return nil, err
	}
	past, err := fit.History(dir)
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	ctx, cancel := context.WithCancel(context.Background())
	one := &training{dir: dir, config: c, galaxies: galaxies, past: past, cancel: cancel, changed: make(chan struct{}), state: wire.Running}
	t.byFolder[dir] = one
	t.list()
	t.running.Go(func() {
		err := galdecon.Train(ctx, c, galaxies, dir, func(p fit.Progress) { one.report(ctx, p) })
		_ = lock.Close()
		one.end(ctx, err)
		t.mu.Lock()
		defer t.mu.Unlock()
		t.list()
	})
	return one, nil
}

// lock makes the folder this session's, or says whose it is.
func (t *trainings) lock(dir string) (*flock.Flock, error) {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, fmt.Errorf("session: cannot make the checkpoint folder: %w", err)
	}
	path := filepath.Join(dir, ownerFile)
	lock := flock.New(path)
	locked, err := lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("session: cannot lock the checkpoint folder: %w", err)
	}
	if !locked {
		owner, _ := os.ReadFile(path)
		return nil, fmt.Errorf("session: %s is trained in by %s; stop it there, or choose another folder: %w", dir, strings.TrimSpace(string(owner)), fit.ErrBusy)
	}
	// In place, since the lock is the file's.
	if err := os.WriteFile(path, []byte(t.owner+", since "+time.Now().Format(time.DateTime)+"\n"), 0o666); err != nil {
		return nil, errors.Join(fmt.Errorf("session: cannot write to the checkpoint folder: %w", err), lock.Close())
	}
	return lock, nil
}

// list writes the file of the running trainings; t.mu is held.
func (t *trainings) list() {
	var list strings.Builder
	for dir, one := range t.byFolder {
		if !one.ended() {
			fmt.Fprintln(&list, dir)
		}
	}
	_ = os.WriteFile(t.file, []byte(list.String()), 0o600) // without it a crash is told without its trainings
}

// find is the training in a folder.
func (t *trainings) find(dir string) (*training, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if one := t.byFolder[dir]; one != nil {
		return one, nil
	}
	return nil, fmt.Errorf("session: this session has no training in %s; Train starts one, from the checkpoint there if there is one: %w", dir, fs.ErrNotExist)
}

func (t *trainings) all() []wire.Status {
	t.mu.Lock()
	defer t.mu.Unlock()
	var all []wire.Status
	for _, one := range t.byFolder {
		status, _ := one.status()
		all = append(all, status)
	}
	slices.SortFunc(all, func(a, b wire.Status) int { return strings.Compare(a.Dir, b.Dir) })
	return all
}

// close stops all trainings, each after the step that it is in. The channel is closed when they have saved.
func (t *trainings) close() <-chan struct{} {
	t.mu.Lock()
	for _, one := range t.byFolder {
		one.cancel()
	}
	t.mu.Unlock()
	saved := make(chan struct{})
	go func() {
		t.running.Wait()
		close(saved)
	}()
	return saved
}

// control is a function that does something to the training in a folder.
func (t *trainings) control(do func(*training)) wire.Function {
	return wire.Unary(func(_ context.Context, folder wire.Folder) (wire.Status, error) {
		one, err := t.find(folder.Dir)
		if err != nil {
			return wire.Status{}, err
		}
		do(one)
		status, _ := one.status()
		return status, nil
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

// report notes a step, and holds the training while it is paused.
func (o *training) report(ctx context.Context, p fit.Progress) {
	o.change(func() { o.made = append(o.made, p) })
	for {
		status, changed := o.status()
		if status.State != wire.Paused {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
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

func (o *training) ended() bool {
	status, _ := o.status()
	return status.State.Ended()
}

// status is how far it is, and a channel that is closed at the next change.
func (o *training) status() (wire.Status, <-chan struct{}) {
	o.mu.Lock()
	defer o.mu.Unlock()
	status := wire.Status{Dir: o.dir, State: o.state, Failure: wire.NewFailure(o.err)}
	status.Last.Steps = o.config.Fit.Steps
	if n := len(o.made); n > 0 {
		status.Last = o.made[n-1]
	}
	return status, o.changed
}

func (o *training) pause() {
	o.change(func() {
		if o.state == wire.Running {
			o.state = wire.Paused
		}
	})
}

func (o *training) resume() {
	o.change(func() {
		if o.state == wire.Paused {
			o.state = wire.Running
		}
	})
}

// stop ends it with a checkpoint of its last step.
func (o *training) stop() {
	o.cancel()
	for {
		status, changed := o.status()
		if status.State.Ended() {
			return
		}
		<-changed
	}
}

// history is the loss until now.
func (o *training) history() wire.History {
	status, _ := o.status()
	o.mu.Lock()
	defer o.mu.Unlock()
	points := slices.Clone(o.past)
	every := (len(o.made) + historyPoints - 1) / historyPoints
	for part := range slices.Chunk(o.made, max(every, 1)) {
		mean := 0.0
		for _, p := range part {
			mean += p.Loss / float64(len(part))
		}
		points = append(points, fit.Point{Step: part[len(part)-1].Step, Loss: mean})
	}
	return wire.History{Status: status, Points: points}
}

// watch sends what happens from now on, and the end.
func (o *training) watch(ctx context.Context, send func(wire.News) error) error {
	o.mu.Lock()
	seen := len(o.made)
	o.mu.Unlock()
	for {
		status, changed := o.status()
		o.mu.Lock()
		news := wire.News{Steps: slices.Clone(o.made[seen:]), Status: status}
		seen = len(o.made)
		o.mu.Unlock()
		if err := send(news); err != nil {
			return err
		}
		if status.State.Ended() {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

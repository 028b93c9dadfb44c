package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"galdecon/galdecon"
	"galdecon/galdecon/ddpm"
	"galdecon/galdecon/fit"
	"galdecon/kernels/session/internal/wire"
)

// models are those that were loaded, by folder.
type models struct {
	// drawing holds a token while some candidates are drawn, of whichever model: that takes all
	// cores.
	drawing chan struct{}

	mu     sync.Mutex
	loaded map[string]*loadedModel
}

func newModels() *models {
	return &models{drawing: make(chan struct{}, 1), loaded: map[string]*loadedModel{}}
}

// loadedModel is a model in memory, with what was compiled for it, for each sampler. It doesn't
// change: a later checkpoint makes another.
type loadedModel struct {
	*galdecon.Model
	version wire.Version
	step    int
}

// load reads the model in a folder, unless it is loaded already and the files are the same.
func (m *models) load(dir string) (*loadedModel, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	loaded, before := m.loaded[dir], versionOf(dir)
	if loaded != nil && loaded.version == before {
		return loaded, nil
	}
	for {
		model, err := read(dir, before, loaded)
		after := versionOf(dir)
		if before == after {
			if err != nil {
				return nil, err
			}
			m.loaded[dir] = model
			return model, nil
		}
		before = after // a training has put another checkpoint in its place meanwhile
	}
}

// get returns the model of a choice. One of an earlier version isn't kept once a later one is
// loaded.
func (m *models) get(choice wire.Choice) (*loadedModel, error) {
	if choice.Version == (wire.Version{}) {
		return m.load(choice.Dir)
	}
	m.mu.Lock()
	model := m.loaded[choice.Dir]
	m.mu.Unlock()
	if model == nil {
		var err error
		if model, err = m.load(choice.Dir); err != nil {
			return nil, err
		}
	}
	if model.version != choice.Version {
		return nil, fmt.Errorf("%w: the session holds that of step %d in %s now; Load it again",
			wire.ErrReplaced, model.step, choice.Dir)
	}
	return model, nil
}

// read reads the model in a folder whose files are of a version. What is compiled for the loaded
// model, if there is one, serves a later checkpoint of it, too.
func read(dir string, v wire.Version, loaded *loadedModel) (*loadedModel, error) {
	model := &loadedModel{version: v}
	var err error
	if loaded != nil && loaded.version.Config == v.Config {
		model.Model, err = loaded.Reload(dir)
	} else {
		model.Model, err = galdecon.Load(dir)
	}
	if err != nil {
		return nil, err
	}
	if model.step, err = fit.Step(dir); err != nil {
		return nil, err
	}
	return model, nil
}

// versionOf returns the version of the files in a folder.
func versionOf(dir string) wire.Version {
	entries, _ := os.ReadDir(dir) // reading the model says what is wrong with it
	var config, checkpoint strings.Builder
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil || filepath.Ext(entry.Name()) != ".json" {
			continue
		}
		to := &checkpoint
		if entry.Name() == galdecon.ConfigFile {
			to = &config
		}
		fmt.Fprintln(to, entry.Name(), info.Size(), info.ModTime().UnixNano())
	}
	return wire.Version{Config: config.String(), Checkpoint: checkpoint.String()}
}

// folders returns those of the loaded models.
func (m *models) folders() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Sorted(maps.Keys(m.loaded))
}

// with returns the model with a sampler, its own if that is nil.
func (m *loadedModel) with(sampler *ddpm.Sampler) (*galdecon.Model, error) {
	if sampler == nil {
		return m.Model, nil
	}
	return m.WithSampler(*sampler)
}

func (m *loadedModel) describe(sampler *ddpm.Sampler) (wire.Model, error) {
	d, err := m.with(sampler)
	if err != nil {
		return wire.Model{}, err
	}
	c := d.Config
	return wire.Model{Version: m.version, Step: m.step, Size: c.Size, Channels: c.Channels,
		Instrument: c.SeenThrough(), Sampler: c.Sampler}, nil
}

// sample draws, and sends the candidates as they come. Drawings take turns: while one sends, which
// lasts as long as its caller takes for what came before, others go on.
func (m *models) sample(ctx context.Context, r wire.SampleRequest,
	send func(wire.SampleAnswer) error) error {
	model, err := m.get(r.Choice)
	if err != nil {
		return err
	}
	d, err := model.with(r.Choice.Sampler)
	if err != nil {
		return err
	}
	if err := m.take(ctx); err != nil {
		return err
	}
	for part, err := range d.Stream(ctx, r.Observations, r.N, r.Seed) {
		<-m.drawing
		answer := wire.SampleAnswer{Part: part}
		if errors.As(err, &answer.Refusal) {
			err = nil
		}
		if err == nil {
			err = send(answer)
		}
		if err == nil {
			err = m.take(ctx)
		}
		if err != nil {
			return err
		}
	}
	<-m.drawing
	return nil
}

// take takes the token for drawing, unless ctx ends first.
func (m *models) take(ctx context.Context) error {
	select {
	case m.drawing <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

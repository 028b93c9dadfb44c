package main

import (
	"context"
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
	"galdecon/galdecon/session/internal/wire"
)

// models are those that were loaded, by folder.
type models struct {
	// drawing holds one token, for one drawing at a time, of whichever model: it takes all cores.
	drawing chan struct{}

	mu     sync.Mutex
	loaded map[string]*loadedModel
}

func newModels() *models {
	return &models{drawing: make(chan struct{}, 1), loaded: map[string]*loadedModel{}}
}

// loadedModel is a model in memory, with what was compiled for it, for each sampler. It doesn't change: a later checkpoint makes another.
type loadedModel struct {
	*galdecon.Deconvolver
	version version
	step    int
}

// version is of the files that a model was read from. It changes with them.
type version struct{ config, checkpoint string }

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

// get is the model in a folder as it was loaded last.
func (m *models) get(dir string) (*loadedModel, error) {
	m.mu.Lock()
	model := m.loaded[dir]
	m.mu.Unlock()
	if model != nil {
		return model, nil
	}
	return m.load(dir)
}

// read reads the model in a folder whose files are of a version. What is compiled for the loaded model, if there is one, serves a later
// checkpoint of it, too.
func read(dir string, v version, loaded *loadedModel) (*loadedModel, error) {
	model := &loadedModel{version: v}
	var err error
	if loaded != nil && loaded.version.config == v.config {
		model.Deconvolver, err = loaded.Reload(dir)
	} else {
		model.Deconvolver, err = galdecon.Load(dir)
	}
	if err != nil {
		return nil, err
	}
	if model.step, err = fit.Step(dir); err != nil {
		return nil, err
	}
	return model, nil
}

// versionOf is the version of the files in a folder.
func versionOf(dir string) version {
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
	return version{config.String(), checkpoint.String()}
}

// folders are those of the loaded models.
func (m *models) folders() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Sorted(maps.Keys(m.loaded))
}

// with is the model with a sampler, its own if that is nil.
func (m *loadedModel) with(sampler *ddpm.Sampler) (*galdecon.Deconvolver, error) {
	if sampler == nil {
		return m.Deconvolver, nil
	}
	return m.WithSampler(*sampler)
}

func (m *loadedModel) describe(sampler *ddpm.Sampler) (wire.Model, error) {
	d, err := m.with(sampler)
	if err != nil {
		return wire.Model{}, err
	}
	c := d.Config
	return wire.Model{Step: m.step, Size: c.Size, Channels: c.Channels, Instrument: c.Instrument, Sampler: c.Sampler}, nil
}

// sample draws with a model as it was loaded last, when no other drawing goes on, and sends the candidates as they come.
func (m *models) sample(ctx context.Context, r wire.SampleRequest, send func(galdecon.Part) error) error {
	model, err := m.get(r.Choice.Dir)
	if err != nil {
		return err
	}
	d, err := model.with(r.Choice.Sampler)
	if err != nil {
		return err
	}
	select {
	case m.drawing <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-m.drawing }()
	for part, err := range d.Stream(ctx, r.Observations, r.N, r.Seed) {
		if err != nil {
			return err
		}
		if err := send(part); err != nil {
			return err
		}
	}
	return nil
}

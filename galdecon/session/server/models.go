package main

import (
	"context"
	"fmt"
	"maps"
	"os"
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
	mu     sync.Mutex
	loaded map[string]*loadedModel
}

func newModels() *models { return &models{loaded: map[string]*loadedModel{}} }

// loadedModel is a model in memory. What is compiled for it, for each sampler, is kept.
type loadedModel struct {
	version string // of the files that it was read from
	step    int
	base    *galdecon.Deconvolver

	drawing  sync.Mutex // one drawing at a time: it takes all cores
	mu       sync.Mutex
	samplers map[ddpm.Sampler]*galdecon.Deconvolver
}

// load reads the model in a folder, unless it is loaded already and the files are the same.
func (m *models) load(dir string) (*loadedModel, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	before := version(dir)
	if model := m.loaded[dir]; model != nil && model.version == before {
		return model, nil
	}
	for {
		model, err := read(dir)
		after := version(dir)
		if before == after {
			if err != nil {
				return nil, err
			}
			model.version = after
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

func read(dir string) (*loadedModel, error) {
	base, err := galdecon.Load(dir)
	if err != nil {
		return nil, err
	}
	model := &loadedModel{base: base, samplers: map[ddpm.Sampler]*galdecon.Deconvolver{base.Config.Sampler: base}}
	history, err := fit.History(dir)
	if err != nil {
		return nil, err
	}
	if n := len(history); n > 0 {
		model.step = history[n-1].Step
	}
	return model, nil
}

// version changes with the checkpoint and the configuration in a folder.
func version(dir string) string {
	entries, _ := os.ReadDir(dir) // reading the model says what is wrong with it
	var v strings.Builder
	for _, entry := range entries {
		if !strings.HasSuffix(entry.Name(), ".json") {
			continue
		}
		if info, err := entry.Info(); err == nil {
			fmt.Fprintln(&v, entry.Name(), info.Size(), info.ModTime().UnixNano())
		}
	}
	return v.String()
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
		return m.base, nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if d := m.samplers[*sampler]; d != nil {
		return d, nil
	}
	d, err := m.base.WithSampler(*sampler)
	if err == nil {
		m.samplers[*sampler] = d
	}
	return d, err
}

func (m *loadedModel) describe(sampler *ddpm.Sampler) (wire.Model, error) {
	d, err := m.with(sampler)
	if err != nil {
		return wire.Model{}, err
	}
	c := d.Config
	return wire.Model{Step: m.step, Size: c.Size, Channels: c.Channels, Instrument: c.Instrument, Sampler: c.Sampler}, nil
}

// sample draws and sends the posteriors.
func (m *loadedModel) sample(ctx context.Context, r wire.SampleRequest, send func(galdecon.Posterior) error) error {
	d, err := m.with(r.Choice.Sampler)
	if err != nil {
		return err
	}
	m.drawing.Lock()
	posteriors, err := d.Sample(ctx, r.Observations, r.N, r.Seed)
	m.drawing.Unlock()
	if err != nil {
		return err
	}
	for _, p := range posteriors {
		if err := send(p); err != nil {
			return err
		}
	}
	return nil
}

package galdecon

import (
	"errors"
	"fmt"
	"reflect"
	"sync"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"galdecon/galdecon/cvae"
	"galdecon/galdecon/ddpm"
	"galdecon/galdecon/recalibration"
)

// Model draws candidates from a trained model. It may be used concurrently.
type Model struct {
	// Config is what it was trained with, but for the sampler, which may be another.
	Config      Config
	executables *executables
	// draw is ddpm.Generator.Draw or its like.
	draw func(rng, x, psfs, noise *tensors.Tensor) (samples, reblurred *tensors.Tensor, err error)
	// looks draws in place of draw and path, where the model has a Survey.
	looks *ddpm.LookGenerator
	// path is ddpm.Generator.Path.
	path func(rng, x, psfs, noise *tensors.Tensor) (*tensors.Tensor, error)
	// recalibration is what posteriors are given, and unused says why there is none.
	recalibration *recalibration.Recalibration
	unused        error
	// bands is how bands of a galaxy exchange what they see, and noBands says why there is none.
	bands   *exchange
	noBands error
}

// executables are those of a model with all that was prepared, and is compiled at its first use, to
// draw with them.
type executables struct {
	device compute.Backend
	scope  *model.Scope

	mu        sync.Mutex
	diffusion map[ddpm.Sampler]*ddpm.Generator
	looks     map[ddpm.Sampler]*ddpm.LookGenerator
	cvae      *cvae.Generator
}

func newExecutables(device compute.Backend, scope *model.Scope) *executables {
	return &executables{device: device, scope: scope,
		diffusion: map[ddpm.Sampler]*ddpm.Generator{},
		looks:     map[ddpm.Sampler]*ddpm.LookGenerator{}}
}

// Reload returns the same model with the weights of the checkpoint that is in the folder dir by
// now, where m has been loaded from an earlier one. Nothing that is compiled for m, or for another
// sampler of [Model.WithSampler], is compiled again. m itself, and what draws with it meanwhile,
// keeps its weights. It is an error if the folder holds another configuration, but for the sampler:
// m's stays.
func (m *Model) Reload(dir string) (*Model, error) {
	stored, err := LoadConfig(dir)
	if err != nil {
		return nil, err
	}
	stored.Sampler = m.Config.Sampler
	if !reflect.DeepEqual(stored, m.Config) {
		return nil, fmt.Errorf("galdecon: the model in %s has another configuration%s; "+
			"read it by galdecon.Load", dir, difference(stored, m.Config))
	}
	scope, err := loadWeights(dir)
	if err != nil {
		return nil, err
	}
	w, err := m.executables.withWeights(scope)
	if err != nil {
		return nil, err
	}
	other, err := w.model(m.Config)
	if err != nil {
		return nil, err
	}
	return other.recalibrated(dir).withBands(dir), nil
}

// model returns a model with the weights, that draws as a configuration of theirs says.
func (w *executables) model(c Config) (*Model, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	m := &Model{Config: c, executables: w}
	if c.CVAE != nil {
		if w.cvae == nil {
			p, err := cvae.NewGenerator(w.device, *c.CVAE, w.scope)
			if err != nil {
				return nil, err
			}
			w.cvae = p
		}
		p := w.cvae
		// The CVAE sees the noise in x only.
		m.draw = func(rng, x, psfs, _ *tensors.Tensor) (samples, reblurred *tensors.Tensor,
			err error) {
			return p.Draw(rng, x, psfs)
		}
		return m, nil
	}
	if c.Survey != nil {
		p := w.looks[c.Sampler]
		if p == nil {
			var err error
			if p, err = ddpm.NewLookGenerator(w.device, c.Diffusion, c.Sampler, w.scope); err != nil {
				return nil, err
			}
			w.looks[c.Sampler] = p
		}
		m.looks = p
		return m, nil
	}
	p := w.diffusion[c.Sampler]
	if p == nil {
		var err error
		if p, err = ddpm.NewGenerator(w.device, c.Diffusion, c.Sampler, w.scope); err != nil {
			return nil, err
		}
		w.diffusion[c.Sampler] = p
	}
	m.draw, m.path = p.Draw, p.Path
	return m, nil
}

// withWeights returns other weights, with all that was prepared for w.
func (w *executables) withWeights(scope *model.Scope) (*executables, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	other := newExecutables(w.device, scope)
	var err error
	for sampler, p := range w.looks {
		if other.looks[sampler], err = p.WithWeights(scope); err != nil {
			return nil, err
		}
	}
	if w.cvae != nil {
		if other.cvae, err = w.cvae.WithWeights(scope); err != nil {
			return nil, err
		}
	}
	for sampler, p := range w.diffusion {
		if other.diffusion[sampler], err = p.WithWeights(scope); err != nil {
			return nil, err
		}
	}
	return other, nil
}

// WithSampler returns the same diffusion model with another sampler. The weights are shared, and
// what is compiled for the sampler is kept: choosing it again costs nothing. Error bars are
// corrected for the sampler only that they were learned of, see [Model.Recalibration]. It is an
// error if the model is a CVAE, or the sampler doesn't fit its schedule.
func (m *Model) WithSampler(sampler ddpm.Sampler) (*Model, error) {
	if m.Config.CVAE != nil {
		return nil, errors.New("galdecon: a CVAE has no sampler to choose")
	}
	c := m.Config
	c.Sampler = sampler
	if err := c.Validate(); err != nil {
		return nil, err
	}
	other, err := m.executables.model(c)
	if err != nil {
		return nil, err
	}
	other.bands, other.noBands = m.bands, m.noBands
	if m.recalibration == nil {
		return other, nil
	}
	with, err := other.WithRecalibration(m.recalibration)
	if err != nil {
		other.unused = err
		return other, nil
	}
	return with, nil
}

package galdecon

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"galdecon/galdecon/backend"
	"galdecon/galdecon/cvae"
	"galdecon/galdecon/ddpm"
	"galdecon/galdecon/fit"
)

// Model draws candidates from a trained model. It may be used concurrently.
type Model struct {
	Config      Config
	executables *executables
	// draw is ddpm.Generator.Draw or its like.
	draw func(rng, x, psfs, noise *tensors.Tensor) (samples, reblurred *tensors.Tensor, err error)
	// path is ddpm.Generator.Path.
	path func(rng, x, psfs, noise *tensors.Tensor) (*tensors.Tensor, error)
}

// executables are those of a model with all that was prepared, and is compiled at its first use, to draw with them.
type executables struct {
	device compute.Backend
	scope  *model.Scope

	mu        sync.Mutex
	diffusion map[ddpm.Sampler]*ddpm.Generator
	cvae      *cvae.Generator
}

// Load reads the model in the folder dir.
func Load(dir string) (*Model, error) {
	c, err := loadConfig(dir)
	if err != nil {
		return nil, err
	}
	device, err := backend.Default()
	if err != nil {
		return nil, err
	}
	scope, err := loadWeights(dir)
	if err != nil {
		return nil, err
	}
	check := c.Diffusion.Check
	if c.CVAE != nil {
		check = c.CVAE.Check
	}
	if err := check(device, scope, c.Size, c.Channels, c.Instrument.Size); err != nil {
		return nil, fmt.Errorf("galdecon: the checkpoint in %s isn't that of the configuration beside it: %w", dir, err)
	}
	w := &executables{device: device, scope: scope, diffusion: map[ddpm.Sampler]*ddpm.Generator{}}
	return w.model(c)
}

// loadWeights reads the averaged weights of the checkpoint in the folder dir. What is there to train them further would take several times
// their memory.
func loadWeights(dir string) (*model.Scope, error) {
	store, err := fit.Load(dir)
	if err != nil {
		return nil, err
	}
	average := fit.Average(store)
	for _, v := range slices.Collect(store.IterVariables()) {
		if !strings.HasPrefix(v.Path(), average.Scope()+"/") {
			if err := store.DeleteVariable(v.Path()); err != nil {
				return nil, fmt.Errorf("galdecon: cannot free %s: %w", v.Path(), err)
			}
		}
	}
	return average, nil
}

// Reload is the same model with the weights of the checkpoint that is in the folder dir by now, where d has been loaded from an earlier
// one. Nothing that is compiled for d, or for another sampler of [Model.WithSampler], is compiled again. d itself, and what draws
// with it meanwhile, keeps its weights. It is an error if the folder holds another configuration, but for the sampler: d's stays.
func (d *Model) Reload(dir string) (*Model, error) {
	stored, err := loadConfig(dir)
	if err != nil {
		return nil, err
	}
	stored.Sampler = d.Config.Sampler
	if !reflect.DeepEqual(stored, d.Config) {
		return nil, fmt.Errorf("galdecon: the model in %s has another configuration%s; read it by galdecon.Load", dir, difference(stored, d.Config))
	}
	scope, err := loadWeights(dir)
	if err != nil {
		return nil, err
	}
	w, err := d.executables.withWeights(scope)
	if err != nil {
		return nil, err
	}
	return w.model(d.Config)
}

// model draws with the weights, as a configuration of their model says.
func (w *executables) model(c Config) (*Model, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	d := &Model{Config: c, executables: w}
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
		d.draw = func(rng, x, psfs, _ *tensors.Tensor) (samples, reblurred *tensors.Tensor, err error) {
			return p.Draw(rng, x, psfs)
		}
		return d, nil
	}
	p := w.diffusion[c.Sampler]
	if p == nil {
		var err error
		if p, err = ddpm.NewGenerator(w.device, c.Diffusion, c.Sampler, w.scope); err != nil {
			return nil, err
		}
		w.diffusion[c.Sampler] = p
	}
	d.draw, d.path = p.Draw, p.Path
	return d, nil
}

// withWeights are other weights, with all that was prepared for w.
func (w *executables) withWeights(scope *model.Scope) (*executables, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	other := &executables{device: w.device, scope: scope, diffusion: map[ddpm.Sampler]*ddpm.Generator{}}
	var err error
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

// WithSampler is the same diffusion model with another sampler. The weights are shared, and what is compiled for the sampler is kept:
// choosing it again costs nothing.
func (d *Model) WithSampler(sampler ddpm.Sampler) (*Model, error) {
	if d.Config.CVAE != nil {
		return nil, errors.New("galdecon: a CVAE has no sampler to choose")
	}
	c := d.Config
	c.Sampler = sampler
	if err := c.Validate(); err != nil {
		return nil, err
	}
	return d.executables.model(c)
}

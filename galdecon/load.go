package galdecon

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gomlx/gomlx/ml/model"

	"galdecon/galdecon/backend"
	"galdecon/galdecon/fit"
)

// Load reads the model that [Train], [Export] or [Import] left in the folder dir. It is an error if
// there is none, if its configuration is of another version, or if its weights aren't those of the
// configuration. What draws with it is compiled later, at its first use. Error bars are corrected
// by what [SaveRecalibration] left there, if it is of this model: see [Model.Recalibration]. Bands
// are sampled together by what [TrainBands] left there, see [Model.SampleBands].
func Load(dir string) (*Model, error) {
	c, err := LoadConfig(dir)
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
	switch {
	case c.Survey != nil:
		err = c.Diffusion.CheckLooks(device, scope, c.Size)
	case c.CVAE != nil:
		err = c.CVAE.Check(device, scope, c.Size, c.Channels, c.Instrument.Size)
	default:
		err = c.Diffusion.Check(device, scope, c.Size, c.Channels, c.Instrument.Size)
	}
	if err != nil {
		return nil, fmt.Errorf("galdecon: the checkpoint in %s isn't that of the configuration "+
			"beside it: %w", dir, err)
	}
	m, err := newExecutables(device, scope).model(c)
	if err != nil {
		return nil, err
	}
	return m.recalibrated(dir).withBands(dir), nil
}

// loadWeights reads the averaged weights of the checkpoint in the folder dir. What is there to
// train them further would take several times their memory.
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

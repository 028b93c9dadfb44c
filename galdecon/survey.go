package galdecon

import (
	"fmt"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"galdecon/galdecon/backend"
	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/galaxy/synthetic"
	"galdecon/galdecon/internal/executor"
	"galdecon/galdecon/internal/random"
	"galdecon/galdecon/observe"
)

// SyntheticGalaxies returns n of the galaxies that the model is trained on, or others of their kind
// with another seed: 1 is that of the training.
//
// Those of a model with a Survey have no noise; half-light radii of discs are 0.8 pixels to a third
// of the stamp, seen with a PSF of σ between 0.32 and 1.28 pixels; a tenth lie anywhere in the
// middle half of the stamp.
func (c Config) SyntheticGalaxies(n int, seed int64) synthetic.Config {
	s := synthetic.Config{N: n, Size: c.Size, Channels: c.Channels, Seed: seed}
	if c.Survey != nil {
		side := float64(c.Size)
		s.Noiseless, s.Scatter = true, 0.1
		s.Radii = synthetic.Range{Min: 0.8 / side, Max: 0.33}
		s.PSFs = synthetic.Range{Min: 0.32 / side, Max: 1.28 / side}
	}
	return s
}

// ObserveSurvey returns what a survey sees of clean galaxies y [n, height, width, 1]: of each one
// exposure, with a PSF, weights, gaps and noise of its own, drawn from the seed as in training.
func ObserveSurvey(s observe.Survey, galaxies *galaxy.Images, seed int64) ([]observe.Observation,
	error) {
	if err := galaxies.Validate(); err != nil {
		return nil, err
	}
	if galaxies.Channels != 1 {
		return nil, fmt.Errorf("galdecon: a survey sees galaxies of one channel, these have %d",
			galaxies.Channels)
	}
	bank, err := s.Draw()
	if err != nil {
		return nil, err
	}
	device, err := backend.Default()
	if err != nil {
		return nil, err
	}
	store := model.NewStore()
	defer store.Finalize()
	start := random.State(seed, observationStream)
	if _, err := store.CreateVariable("/"+model.RNGStateVariableName, start); err != nil {
		return nil, fmt.Errorf("galdecon: cannot seed the survey: %w", err)
	}
	exec, err := model.NewExec(device, store, func(scope *model.Scope, y *graph.Node) []*graph.Node {
		return s.Expose(scope, y, bank)
	})
	if err != nil {
		return nil, fmt.Errorf("galdecon: cannot prepare the survey: %w", err)
	}
	defer exec.Finalize()
	const together = 16
	var out []observe.Observation
	for from := 0; from < galaxies.N; from += together {
		members := make([]int, together)
		for k := range members {
			members[k] = min(from+k, galaxies.N-1)
		}
		y := galaxies.Select(members...).Tensor()
		drawn, err := exec.Call(y)
		if err != nil {
			return nil, fmt.Errorf("galdecon: cannot draw exposures: %w", err)
		}
		var host [4][]float32
		for k, t := range drawn {
			if host[k], err = tensors.CopyFlatData[float32](t); err != nil {
				return nil, fmt.Errorf("galdecon: cannot copy exposures from the device: %w", err)
			}
		}
		if err := executor.Free(append(drawn, y)...); err != nil {
			return nil, err
		}
		for k, e := range bank.Exposures(galaxies.Height, galaxies.Width, host[0], host[1], host[2],
			host[3]) {
			if from+k < galaxies.N {
				e.Image.IDs = []string{galaxies.ID(from + k)}
				out = append(out, observe.Observation{Exposures: []observe.Exposure{e}})
			}
		}
	}
	return out, nil
}

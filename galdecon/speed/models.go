package speed

import (
	"fmt"
	"slices"

	"galdecon/galdecon"
	"galdecon/galdecon/pretrained"
)

// Draw is how much is drawn together: so many candidates of so many observations.
type Draw struct {
	Observations int `json:"observations"`
	Candidates   int `json:"candidates"`
}

// String returns the numbers, as in 4×16.
func (d Draw) String() string { return fmt.Sprintf("%d×%d", d.Observations, d.Candidates) }

// Model is a diffusion model that is measured.
type Model struct {
	// Name is what rows call it.
	Name string
	// Config is what it is trained with, but for the batch.
	Config galdecon.Config
	// Folder is that of the trained model. Where it is "", the weights are those that the training
	// steps leave which are timed, as good as random.
	Folder string
	// Evaluations are numbers of images that the network is evaluated for together, Trainings
	// those of galaxies in a step, and Samples what is drawn, each in rising order: what follows
	// one that the memory doesn't suffice for isn't tried. Without Samples there is no first
	// candidate either.
	Evaluations, Trainings []int
	Samples                []Draw
}

// Models returns what is measured on a CPU, or on a GPU: the shipped models tiny and small, for 32
// and 64 pixels, and, unless it has to be quick, the paper's network for 128 pixels with random
// weights. On a CPU a candidate of the latter takes minutes, and isn't drawn.
func Models(cpu, quick bool) ([]Model, error) {
	models := []Model{
		{Name: "tiny", Evaluations: []int{1, 8, 32}, Trainings: []int{16},
			Samples: []Draw{{1, 1}, {1, 16}, {4, 16}}},
		{Name: "small", Evaluations: []int{1, 8}, Trainings: []int{8},
			Samples: []Draw{{1, 1}, {1, 16}}},
		{Name: "paper", Evaluations: []int{1}, Trainings: []int{1}},
	}
	if !cpu {
		for i := range models {
			models[i].Evaluations = []int{1, 8, 64, 512}
			models[i].Trainings = []int{16, 96}
			models[i].Samples = []Draw{{1, 1}, {1, 16}, {64, 16}}
		}
		models[2].Samples = []Draw{{1, 1}, {1, 16}}
	}
	if quick {
		models = models[:2]
	}
	for i := range models {
		m := &models[i]
		var err error
		if m.Config, err = galdecon.Preset(m.Name); err != nil {
			return nil, err
		}
		if slices.Contains(pretrained.Names(), m.Name) {
			if m.Folder, err = pretrained.Folder(m.Name); err != nil {
				return nil, err
			}
		}
	}
	return models, nil
}

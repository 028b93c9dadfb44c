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
	// Exposures is how many each observation has; 0 is one. More are for a model with a Survey.
	Exposures int `json:"exposures,omitempty"`
}

// String returns the numbers, as in 4×16, or 4×16×2 where there are two exposures.
func (d Draw) String() string {
	text := fmt.Sprintf("%d×%d", d.Observations, d.Candidates)
	if d.Exposures > 1 {
		text += fmt.Sprintf("×%d", d.Exposures)
	}
	return text
}

// Model is a diffusion model that is measured.
type Model struct {
	// Name is what rows call it.
	Name string
	// Config is what it is trained with, but for the batch. Its Size is the side of the images that
	// are measured, which for a trained model with a Survey may be another than in training.
	Config galdecon.Config
	// Folder is that of the trained model. Where it is "", the weights are those that the training
	// steps leave which are timed, as good as random.
	Folder string
	// Evaluations are numbers of images that the network is evaluated for together, Trainings
	// those of galaxies in a step, and Samples what is drawn, each in rising order: what follows
	// one that the memory doesn't suffice for isn't tried.
	Evaluations, Trainings []int
	Samples                []Draw
	// First has the time to a first candidate measured.
	First bool
}

// Extent is how much is measured.
type Extent int

// What is measured: all, all but the paper's network, or how the cost of galaxy grows.
const (
	All Extent = iota
	Quick
	Growing
)

// Models returns what is measured on a CPU, or on a GPU: the shipped models tiny for 32 pixels,
// small for 64, and galaxy for 32, 64 and 128, and, where all is, the paper's network for 128 pixels
// with random weights. On a CPU a candidate of the latter takes minutes, and isn't drawn.
func Models(cpu bool, extent Extent) ([]Model, error) {
	models := []Model{
		{Name: "tiny", Evaluations: []int{1, 8, 32}, Trainings: []int{16},
			Samples: []Draw{{1, 1, 0}, {1, 16, 0}, {4, 16, 0}}, First: true},
		{Name: "small", Evaluations: []int{1, 8}, Trainings: []int{8},
			Samples: []Draw{{1, 1, 0}, {1, 16, 0}}, First: true},
		{Name: "galaxy", Evaluations: []int{1, 8}, Trainings: []int{8},
			Samples: []Draw{{1, 1, 0}, {1, 8, 0}, {4, 8, 0}}, First: true},
		{Name: "paper", Evaluations: []int{1}, Trainings: []int{1}},
	}
	const galaxy, paper = 2, 3
	if !cpu {
		for i := range models {
			models[i].Evaluations = []int{1, 8, 64, 512}
			models[i].Trainings = []int{16, 96}
			models[i].Samples = []Draw{{1, 1, 0}, {1, 16, 0}, {64, 16, 0}}
			models[i].First = true
		}
		models[paper].Samples = []Draw{{1, 1, 0}, {1, 16, 0}}
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
	if extent == Growing {
		return growing(models[galaxy]), nil
	}
	small, large := of(models[galaxy], 32), of(models[galaxy], 128)
	large.Samples = []Draw{{1, 1, 0}, {1, 8, 0}}
	models = slices.Insert(models, galaxy+1, small, large)
	if extent == Quick {
		models = models[:len(models)-1]
	}
	return models, nil
}

// of returns a model for images of another side, which isn't trained anew.
func of(m Model, side int) Model {
	m.Config.Size, m.Trainings, m.First = side, nil, false
	return m
}

// growing returns models that differ in one number each from a model that draws a chunk of
// candidates: in the side of the images, candidates, observations or exposures.
func growing(m Model) []Model {
	const chunk = 8
	var all []Model
	for _, side := range []int{32, 64, 128, 256} {
		next := of(m, side)
		next.Evaluations, next.Samples = []int{chunk}, []Draw{{1, chunk, 0}}
		if side == m.Config.Size {
			next.Samples = []Draw{{1, chunk, 0}, {1, 2 * chunk, 0}, {1, 4 * chunk, 0},
				{2, chunk, 0}, {4, chunk, 0}, {1, chunk, 2}, {1, chunk, 3}, {1, chunk, 4}}
		}
		all = append(all, next)
	}
	return all
}

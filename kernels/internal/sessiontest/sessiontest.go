// Package sessiontest is what the tests of the session's packages train.
package sessiontest

import (
	"galdecon/galdecon"
	"galdecon/galdecon/ddpm"
	"galdecon/galdecon/fit"
	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/galaxy/synthetic"
	"galdecon/galdecon/psf"
	"galdecon/galdecon/unet"
)

// Micro trains in no time, and is good for nothing but tests.
func Micro(steps int) galdecon.Config {
	return galdecon.Config{
		Preset: "micro", Size: 16, Channels: 1,
		Instrument: psf.Instrument{Size: 7, SigmaMin: 0.7, SigmaMax: 1.2, NoiseMin: 0.003,
			NoiseMax: 0.003},
		Diffusion: ddpm.Config{T: 50, Prediction: ddpm.Epsilon, Mean: 0.05, Std: 0.15,
			Network: unet.Config{Features: []int{4}, Blocks: 1, Embedding: 4}},
		Sampler: ddpm.Sampler{Steps: 4, Eta: 1, SecondOrder: true},
		Fit:     fit.Config{Steps: steps, Batch: 4, LearningRate: 1e-3, EMA: 0.9, Seed: 1},
	}
}

// Galaxies returns what it is trained on, [8, 16, 16, 1].
func Galaxies() *galaxy.Images {
	images, err := synthetic.Galaxies(synthetic.Config{N: 8, Size: 16, Seed: 1})
	if err != nil {
		panic(err)
	}
	return images
}

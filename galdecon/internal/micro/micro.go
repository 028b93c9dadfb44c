// Package micro holds a model that trains in no time, and galaxies for it, for tests.
package micro

import (
	"fmt"
	"math"

	"galdecon/galdecon"
	"galdecon/galdecon/ddpm"
	"galdecon/galdecon/fit"
	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/observe"
	"galdecon/galdecon/psf"
	"galdecon/galdecon/unet"
)

// Config returns a configuration that trains in no time, and is good for nothing but tests.
func Config() galdecon.Config {
	return galdecon.Config{
		Preset: "micro", Size: 16, Channels: 1,
		Instrument: psf.Instrument{Size: 7, SigmaMin: 0.7, SigmaMax: 1.2, NoiseMin: 0.001,
			NoiseMax: 0.003},
		Diffusion: ddpm.Config{T: 50, Prediction: ddpm.Velocity, Mean: 0.05, Std: 0.15,
			Network: unet.Config{Features: []int{4}, Blocks: 1, Embedding: 4}},
		Sampler: ddpm.Sampler{Steps: 4, Eta: 1, SecondOrder: true, DataConsistency: true},
		Fit:     fit.Config{Steps: 3, Batch: 4, LearningRate: 1e-3, EMA: 0.9, Seed: 1},
	}
}

// Survey returns a configuration for any stamp that trains in no time.
func Survey() galdecon.Config {
	c := Config()
	c.Preset, c.Instrument = "micro-survey", psf.Instrument{}
	c.Survey = &observe.Survey{Seed: 1, PSFSize: 9, PSFs: 8, SigmaMin: 0.5, SigmaMax: 1.5,
		NoiseMin: 0.001, NoiseMax: 0.1, Photon: 0.5, Correlated: 0.5, Gaps: 0.5, Padded: 0.2,
		EdgeMax: 0.3}
	c.Diffusion.DataConsistency, c.Diffusion.Mean, c.Diffusion.Std = true, 0.005, 0.04
	c.Sampler.DataConsistency = false
	return c
}

// Galaxies returns Gaussian galaxies that lie apart from image to image.
func Galaxies(n, size int) *galaxy.Images {
	images := galaxy.NewImages(n, size, size, 1)
	for i := range n {
		images.IDs = append(images.IDs, fmt.Sprintf("blob %d", i))
		angle := 2 * math.Pi * float64(i) / float64(n)
		for p := range size * size {
			dy := float64(p/size) - float64(size)*(0.5+0.25*math.Sin(angle))
			dx := float64(p%size) - float64(size)*(0.5+0.25*math.Cos(angle))
			images.At(i)[p] = float32(math.Exp(-(dx*dx + dy*dy) / 4))
		}
	}
	return images
}

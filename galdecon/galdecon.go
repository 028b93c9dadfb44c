// Package galdecon is what a notebook imports first: an experiment in probabilistic deconvolution of galaxies, after Xue, Li,
// Patel and Regier (2023). It only composes: clean galaxies ([galaxy]), an instrument that blurs them ([psf]), a model
// ([ddpm] with the network of [unet], or [cvae]), its training ([fit]), and candidates with their scores ([score]).
//
//	config, err := galdecon.Preset("tiny")
//	err = galdecon.Train(ctx, config, galaxies, "checkpoints/tiny", nil)
//	deconvolver, err := galdecon.Load("checkpoints/tiny")
//	posteriors, err := deconvolver.Sample(ctx, observations, 8, seed)
package galdecon

// Package galdecon is what a notebook imports first: probabilistic deconvolution of galaxies, after
// Xue, Li, Patel and Regier (2023). A [Config] says what model is trained and on which
// observations; [Train] trains it, [Load] reads it, [Model.Sample] draws candidates. Observations
// that a model wasn't trained for are refused, see [Refusal].
//
//	config, err := galdecon.Preset("tiny")
//	err = galdecon.Train(ctx, config, galaxies, "checkpoints/tiny", nil)
//	model, err := galdecon.Load("checkpoints/tiny")
//	posteriors, err := model.Sample(ctx, observations, 8, seed)
//
// The galaxies come from package galaxy, the instrument that blurs them from psf. The models are
// those of ddpm, with a network of unet, and of cvae; fit trains them, and score says how good
// their candidates are.
package galdecon

package galdecon

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"galdecon/galdecon/cvae"
	"galdecon/galdecon/ddpm"
	"galdecon/galdecon/fit"
	"galdecon/galdecon/observe"
	"galdecon/galdecon/psf"
	"galdecon/galdecon/unet"
	"galdecon/internal/override"
)

// Presets by name.
var presets = map[string]func() Config{
	"galaxy":     anyGalaxy,
	"tiny":       tiny,
	"tiny-cvae":  tinyCVAE,
	"small":      small,
	"small-cvae": smallCVAE,
	"paper":      paper,
	"paper-cvae": paperCVAE,
}

// tiny is for a laptop: it trains in half an hour on two cores, and one that shows something in
// minutes (fewer Fit.Steps). Relative to the image its PSFs are twice as wide as the paper's: σ of
// 1 to 2 pixels is the least that visibly blurs 32 pixels.
func tiny() Config {
	return Config{
		Size: 32, Channels: 1,
		Instrument: psf.Instrument{Size: 15, SigmaMin: 0.8, SigmaMax: 2.2, ShearMax: 0.2,
			InvBetaMax: 0.4, NoiseMin: 1e-3, NoiseMax: 0.03},
		Standardized: true,
		Diffusion: ddpm.Config{
			// of synthetic.Galaxies
			T: 950, Prediction: ddpm.Velocity, DataConsistency: true, Mean: 0.04, Std: 0.13,
			Network: unet.Config{Features: []int{64, 96}, Blocks: 1, Embedding: 64,
				Attention: true},
		},
		// Fresh noise in each step forgets part of what the network got wrong at the steps before,
		// and 20 such steps have less variance than many: without, skies get too grainy.
		Sampler: ddpm.Sampler{Steps: 20, Eta: 1, SecondOrder: true},
		Fit: fit.Config{Steps: 20000, Batch: 16, LearningRate: 2e-3, WarmUp: 100, EMA: 0.999,
			ClipNorm: 1, Seed: 1},
	}
}

// anyGalaxy is the model for the data that astronomers have: stamps of any size, PSF, weights, gaps
// and noise.
func anyGalaxy() Config {
	return Config{
		Size: 64, Channels: 1,
		Survey: &observe.Survey{Seed: 1, PSFSize: 41, PSFs: 1024, SigmaMin: 0.5, SigmaMax: 4,
			ShearMax: 0.25, NoiseMin: 1e-3, NoiseMax: 0.5, Photon: 0.4, Correlated: 0.35, Gaps: 0.4,
			Padded: 0.25, Coarse: 0.06, EdgeMax: 0.4},
		Diffusion: ddpm.Config{
			// A dark sky is 0, of which no mean need be taken away.
			T: 950, Prediction: ddpm.Velocity, DataConsistency: true, Std: 0.04,
			Network: unet.Config{Features: []int{64, 96, 128}, Blocks: 1, Embedding: 64},
		},
		Sampler: ddpm.Sampler{Steps: 10, Eta: 1, SecondOrder: true},
		Fit: fit.Config{Steps: 10000, Batch: 8, LearningRate: 1e-3, WarmUp: 300, EMA: 0.999,
			ClipNorm: 1, HoldOut: 0.006, Seed: 1},
	}
}

// tinyCVAE returns the baseline for tiny: the same images and instrument, trained for about as
// long.
func tinyCVAE() Config {
	c := tiny()
	c.Diffusion, c.Sampler, c.Standardized = ddpm.Config{}, ddpm.Sampler{}, false
	c.CVAE = &cvae.Config{Latent: 64, Features: []int{32, 64, 128}, Alpha: 1, Beta: 1, SigmaY: 0.03,
		SigmaX: 0.01}
	c.Fit.Steps, c.Fit.Batch, c.Fit.LearningRate = 27000, 32, 5e-4
	// The likelihoods are sharp: without a limit a rare gradient throws the training back for
	// thousands of steps.
	c.Fit.ClipNorm = 1000
	return c
}

// small is tiny for images of twice the size, in which the same PSFs are the paper's relative blur.
// Begun with the weights of tiny, see [fit.Config], it trains in an hour on two cores.
func small() Config {
	c := tiny()
	c.Size = 64
	c.Sampler.Eta = 0.75 // with all of the fresh noise its skies are too smooth where x is noisy
	c.Fit.Steps, c.Fit.Batch, c.Fit.LearningRate, c.Fit.WarmUp = 18000, 8, 1e-3, 500
	return c
}

// smallCVAE returns the baseline for small.
func smallCVAE() Config {
	c := tinyCVAE()
	c.Size = small().Size
	return c
}

// Galaxies that the paper trained on (Section 3), and its epochs over them.
const (
	paperGalaxies, paperEpochs, paperCVAEEpochs = 7774, 500, 600
)

// paper is the model of the paper's Section 3 and its released program, for its images from
// Illustris; where the two differ, the text counts.
func paper() Config {
	const batch = 96
	return Config{
		Size: 128, Channels: 3,
		Instrument: psf.Instrument{Size: 10, SigmaMin: 2, SigmaMax: 4},
		Diffusion: ddpm.Config{
			T: 950, Prediction: ddpm.Epsilon, Mean: 0, Std: 1, Dropout: 0.1,
			Paper: &unet.Paper{Channels: 3, Features: 128, PSFSize: 10},
		},
		Sampler: ddpm.Sampler{Steps: 950, Eta: 1, LargeVariance: true},
		// A part of 16 galaxies fits a GPU of 12 GB: on a CPU the whole program takes 9.5 GB at
		// most.
		Fit: fit.Config{Steps: paperEpochs * paperGalaxies / batch, Batch: batch,
			Accumulate: batch / 16, LearningRate: 1e-4, EMA: 0.999, Seed: 1},
	}
}

// paperCVAE returns the paper's baseline.
func paperCVAE() Config {
	const batch = 128
	c := paper()
	c.Diffusion, c.Sampler = ddpm.Config{}, ddpm.Sampler{}
	c.CVAE = &cvae.Config{Latent: 256, Features: []int{32, 64, 128, 256}, Alpha: 1, Beta: 1,
		SigmaY: 0.03, SigmaX: 0.01}
	c.Fit.Steps, c.Fit.Batch, c.Fit.Accumulate = paperCVAEEpochs*paperGalaxies/batch, batch, 0
	return c
}

// Preset returns a configuration by its name; change what you like before use. An unknown name is
// an error that lists them.
func Preset(name string) (Config, error) {
	preset, ok := presets[name]
	if !ok {
		names := slices.Sorted(maps.Keys(presets))
		return Config{}, fmt.Errorf("galdecon: there is no preset %q; choose one of %s", name,
			strings.Join(names, ", "))
	}
	c := preset()
	c.Preset = name
	return c, nil
}

// ConfigEnv names the environment variable that [PresetFromEnv] reads: JSON of the fields to
// change, such as {"fit": {"steps": 20000}}.
const ConfigEnv = "GALDECON_CONFIG"

// PresetFromEnv returns a configuration by its name, changed by [ConfigEnv], for a notebook that
// runs headless.
func PresetFromEnv(name string) (Config, error) {
	c, err := Preset(name)
	if err != nil {
		return Config{}, err
	}
	if err := override.FromEnv(ConfigEnv, `{"fit": {"steps": 20000}}`, &c); err != nil {
		return Config{}, fmt.Errorf("galdecon: %w", err)
	}
	return c, nil
}

package scorecard

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"galdecon/galdecon"
	"galdecon/galdecon/galaxy/synthetic"
	"galdecon/galdecon/score"
	"galdecon/internal/override"
)

// Options say in short what a comparison is made of; [Options.Config] makes it.
type Options struct {
	// Galaxies are "synthetic" ones that no model has seen, "hst", the ten of Hubble, or the path
	// of a file that files.Load reads, of a folder of such files, or of the folder of a set
	// (dataset.Open), of which the images for the test are taken, or else those for the validation.
	Galaxies string `json:"galaxies"`
	// SubtractSky takes its sky off each galaxy of a file, a set or Hubble before its peak becomes
	// 1: models are trained on dark skies, but a picture shows one. The level is the median of the
	// stamp's edge, or that of galaxy.Images.Sky if it is lower.
	SubtractSky bool `json:"subtract_sky"`
	// N is the number of galaxies, of files and of Hubble's the first ones, or all if there are
	// fewer.
	N int `json:"n"`
	// Candidates, Epsilon and Seed are those of [Config].
	Candidates int     `json:"candidates"`
	Epsilon    float64 `json:"epsilon"`
	Seed       int64   `json:"seed"`
	// Sigma is that of the PSF in pixels, 0 for the middle of what the model was trained for: the
	// geometric one of a survey.
	Sigma float64 `json:"sigma"`
	// PSF is the path of measured PSFs in place of a Gaussian, that psf.Load reads, centered and on
	// the pixels of the model's images. Each galaxy has one, in turn.
	PSF string `json:"psf,omitempty"`
	// Noise are the noise levels, rounded to 1e-6 unless that makes them 0, each with the true PSF;
	// empty stands for the least and the most that the model was trained for, and a third of that,
	// or of a survey for the least, 10 and 100 times as much.
	Noise []float64 `json:"noise"`
	// Released is that of [Config].
	Released bool `json:"released"`
	// WidthErrors are parts by which the width of the PSF that is assumed is wrong, at the first
	// noise level.
	WidthErrors []float64 `json:"wrong"`
}

// Defaults returns the options by default: 20 synthetic galaxies with 10 candidates each, which is
// what the paper's released program draws.
func Defaults() Options {
	return Options{Galaxies: "synthetic", N: 20, Candidates: 10, Epsilon: score.Epsilon, Seed: 1,
		WidthErrors: []float64{0.05, 0.1}}
}

// OptionsEnv names the environment variable that [DefaultsFromEnv] reads: JSON of the fields to
// change, such as {"n": 100, "candidates": 20}.
const OptionsEnv = "GALDECON_SCORE"

// DefaultsFromEnv returns the options by default, changed by [OptionsEnv], for a notebook that runs
// headless.
func DefaultsFromEnv() (Options, error) {
	o := Defaults()
	if err := override.FromEnv(OptionsEnv, `{"n": 100}`, &o); err != nil {
		return Options{}, fmt.Errorf("scorecard: %w", err)
	}
	return o, nil
}

const (
	// heldOut is a seed of synthetic galaxies that nothing is trained on; presets train on
	// trainingSeed.
	heldOut, trainingSeed = 2, 1
	// priorGalaxies stand for the prior.
	priorGalaxies = 256
)

// Config returns the comparison for models like this one, on images of its size and PSFs of its
// grid; Methods and Features remain to be set.
func (o Options) Config(model galdecon.Config) (Config, error) {
	if o.N < 1 {
		return Config{}, fmt.Errorf("scorecard: the number of galaxies must be at least 1, got %d",
			o.N)
	}
	var notes []string
	galaxies, err := o.galaxies(model, &notes)
	if err != nil {
		return Config{}, err
	}
	prior, err := synthetic.Galaxies(model.SyntheticGalaxies(priorGalaxies, trainingSeed))
	if err != nil {
		return Config{}, err
	}
	c := Config{Galaxies: galaxies, Source: o.source(), Notes: notes, Prior: prior,
		PSFSize: model.SeenThrough().Size, Settings: o.settings(model),
		Candidates: o.Candidates, Epsilon: o.Epsilon, Released: o.Released, Seed: o.Seed}
	if o.PSF != "" {
		if o.Sigma != 0 {
			return Config{}, fmt.Errorf("scorecard: PSFs are those of %s, or Gaussians of σ = %g "+
				"pixels; give one of both", o.PSF, o.Sigma)
		}
		if err := c.measured(o.PSF, model); err != nil {
			return Config{}, err
		}
	}
	return c, nil
}

func (o Options) settings(model galdecon.Config) []Setting {
	in := model.SeenThrough()
	sigma := (in.SigmaMin + in.SigmaMax) / 2
	noise := []float64{in.NoiseMin, in.NoiseMax / 3, in.NoiseMax}
	if model.Survey != nil { // whose widths and noise are drawn by their logarithms
		sigma = math.Sqrt(in.SigmaMin * in.SigmaMax)
		noise[1], noise[2] = min(10*in.NoiseMin, in.NoiseMax), min(100*in.NoiseMin, in.NoiseMax)
	}
	if o.Sigma != 0 {
		sigma = o.Sigma
	}
	noise = slices.Compact(noise)
	if len(o.Noise) > 0 {
		noise = o.Noise
	}
	var settings []Setting
	for i, v := range noise {
		settings = append(settings, Setting{Sigma: sigma, Noise: round(v)})
		for _, wrong := range o.WidthErrors {
			if i == 0 && wrong != 0 {
				settings = append(settings, Setting{Sigma: sigma, Noise: round(v),
					WidthError: wrong})
			}
		}
	}
	return settings
}

// round removes the last, wrong digits of a quotient. What is too small for that stays: noise
// doesn't become none.
func round(v float64) float64 { return cmp.Or(math.Round(v*1e6)/1e6, v) }

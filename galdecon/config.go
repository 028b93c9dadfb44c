package galdecon

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"galdecon/internal/atomicfile"

	"galdecon/galdecon/cvae"
	"galdecon/galdecon/ddpm"
	"galdecon/galdecon/fit"
	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/psf"
	"galdecon/galdecon/unet"
)

// Config is everything that determines an experiment; it is stored as JSON with every checkpoint.
type Config struct {
	// Preset names where the configuration started from.
	Preset string `json:"preset"`
	// Size and Channels are those of the images, [batch, Size, Size, Channels].
	Size     int `json:"size"`
	Channels int `json:"channels"`
	// Instrument is what the galaxies are seen through.
	Instrument psf.Instrument `json:"instrument"`
	// Standardized has the model see observations as [Standardize] scales them, in training as in sampling, so that what it says doesn't
	// depend on their units. Otherwise whoever asks it must scale them so that the peak of y is about 1.
	Standardized bool `json:"standardized,omitzero"`
	// Diffusion is the model, Sampler how candidates are drawn from it.
	Diffusion ddpm.Config  `json:"diffusion,omitzero"`
	Sampler   ddpm.Sampler `json:"sampler,omitzero"`
	// CVAE, where it is set, is the model in their place: the paper's baseline.
	CVAE *cvae.Config `json:"cvae,omitempty"`
	// Fit is how it is trained.
	Fit fit.Config `json:"fit"`
}

// Presets by name.
var presets = map[string]func() Config{
	"tiny":       tiny,
	"tiny-cvae":  tinyCVAE,
	"small":      small,
	"small-cvae": smallCVAE,
	"paper":      paper,
	"paper-cvae": paperCVAE,
}

// tiny is for a laptop: it trains in half an hour on two cores, and one that shows something in minutes (fewer Fit.Steps). Relative to
// the image its PSFs are twice as wide as the paper's: σ of 1 to 2 pixels is the least that visibly blurs 32 pixels.
func tiny() Config {
	return Config{
		Size: 32, Channels: 1,
		Instrument:   psf.Instrument{Size: 15, SigmaMin: 0.8, SigmaMax: 2.2, Shear: 0.2, Wings: 0.4, NoiseMin: 1e-3, NoiseMax: 0.03},
		Standardized: true,
		Diffusion: ddpm.Config{
			T: 950, Prediction: ddpm.Velocity, Consistent: true, Mean: 0.04, Std: 0.13, // of galaxy.Synthetic
			Network: unet.Config{Features: []int{64, 96}, Blocks: 1, Embedding: 64, Attention: true},
		},
		// Fresh noise in each step forgets part of what the network got wrong at the steps before, and 20 such steps have less variance
		// than many: without, skies get too grainy.
		Sampler: ddpm.Sampler{Steps: 20, Eta: 1, SecondOrder: true},
		Fit:     fit.Config{Steps: 20000, Batch: 16, LearningRate: 2e-3, WarmUp: 100, EMA: 0.999, ClipNorm: 1, Seed: 1},
	}
}

// tinyCVAE is the baseline for tiny: the same images and instrument, trained for about as long.
func tinyCVAE() Config {
	c := tiny()
	c.Diffusion, c.Sampler, c.Standardized = ddpm.Config{}, ddpm.Sampler{}, false
	c.CVAE = &cvae.Config{Latent: 64, Features: []int{32, 64, 128}, Alpha: 1, Beta: 1, SigmaY: 0.03, SigmaX: 0.01}
	c.Fit.Steps, c.Fit.Batch, c.Fit.LearningRate = 27000, 32, 5e-4
	// The likelihoods are sharp: without a limit a rare gradient throws the training back for thousands of steps.
	c.Fit.ClipNorm = 1000
	return c
}

// small is tiny for images of twice the size, in which the same PSFs are the paper's relative blur. Begun with the weights of tiny, see
// [fit.Config], it trains in an hour on two cores.
func small() Config {
	c := tiny()
	c.Size = 64
	c.Sampler.Eta = 0.75 // with all of the fresh noise its skies are too smooth where x is noisy
	c.Fit.Steps, c.Fit.Batch, c.Fit.LearningRate, c.Fit.WarmUp = 18000, 8, 1e-3, 500
	return c
}

// smallCVAE is the baseline for small.
func smallCVAE() Config {
	c := tinyCVAE()
	c.Size = small().Size
	return c
}

// Galaxies that the paper trained on (Section 3), and its epochs over them.
const (
	paperGalaxies, paperEpochs, paperCVAEEpochs = 7774, 500, 600
)

// paper is the model of the paper's Section 3 and its released program, for its images from Illustris; where the two differ, the
// text counts.
func paper() Config {
	const batch = 96
	return Config{
		Size: 128, Channels: 3,
		Instrument: psf.Instrument{Size: 10, SigmaMin: 2, SigmaMax: 4},
		Diffusion: ddpm.Config{
			T: 950, Prediction: ddpm.Epsilon, Mean: 0, Std: 1, Dropout: 0.1,
			Paper: &unet.Paper{Channels: 3, Features: 128, PSFSize: 10},
		},
		Sampler: ddpm.Sampler{Steps: 950, Eta: 1, Beta: true},
		// A part of 16 galaxies fits a GPU of 12 GB: on a CPU the whole program takes 9.5 GB at most.
		Fit: fit.Config{Steps: paperEpochs * paperGalaxies / batch, Batch: batch, Accumulate: batch / 16, LearningRate: 1e-4, EMA: 0.999, Seed: 1},
	}
}

// paperCVAE is the paper's baseline.
func paperCVAE() Config {
	const batch = 128
	c := paper()
	c.Diffusion, c.Sampler = ddpm.Config{}, ddpm.Sampler{}
	c.CVAE = &cvae.Config{Latent: 256, Features: []int{32, 64, 128, 256}, Alpha: 1, Beta: 1, SigmaY: 0.03, SigmaX: 0.01}
	c.Fit.Steps, c.Fit.Batch, c.Fit.Accumulate = paperCVAEEpochs*paperGalaxies/batch, batch, 0
	return c
}

// ConfigEnv names the environment variable that changes presets: JSON of the fields to change, such as {"fit": {"steps": 20000}}. It
// is how a notebook that runs headless is given parameters.
const ConfigEnv = "GALDECON_CONFIG"

// Preset returns a configuration by its name, changed by [ConfigEnv]; change what you like before use.
func Preset(name string) (Config, error) {
	preset, ok := presets[name]
	if !ok {
		names := slices.Sorted(maps.Keys(presets))
		return Config{}, fmt.Errorf("galdecon: there is no preset %q; choose one of %s", name, strings.Join(names, ", "))
	}
	c := preset()
	c.Preset = name
	if change := os.Getenv(ConfigEnv); change != "" {
		decoder := json.NewDecoder(strings.NewReader(change))
		decoder.DisallowUnknownFields()
		err := decoder.Decode(&c)
		if err == nil && decoder.More() {
			err = errors.New("there is more behind it")
		}
		if err != nil {
			return Config{}, fmt.Errorf("galdecon: %s must be JSON such as {\"fit\": {\"steps\": 20000}}, with fields of a configuration: %w", ConfigEnv, err)
		}
	}
	return c, nil
}

// Folder is where the model of this configuration belongs below parent. Configurations that differ have different folders, but for
// the sampler, which isn't part of what is trained.
func (c Config) Folder(parent string) string {
	c.Sampler = ddpm.Sampler{}
	text, err := json.Marshal(c)
	if err != nil {
		panic(err) // numbers that JSON can't hold, which Validate refuses
	}
	hash := sha256.Sum256(text)
	return filepath.Join(parent, c.Preset+"-"+hex.EncodeToString(hash[:4]))
}

// Validate reports what is wrong with the configuration.
func (c Config) Validate() error {
	if c.Size < 1 || c.Channels < 1 {
		return fmt.Errorf("galdecon: images need a positive size and number of channels, got %d and %d", c.Size, c.Channels)
	}
	if c.Instrument.Size > c.Size {
		return fmt.Errorf("galdecon: the PSF grid (%d pixels) is larger than the images (%d pixels)", c.Instrument.Size, c.Size)
	}
	if err := errors.Join(c.Instrument.Validate(), c.Fit.Validate()); err != nil {
		return err
	}
	if c.CVAE != nil {
		return c.CVAE.Validate(c.Size)
	}
	if err := c.Diffusion.Validate(c.Size); err != nil {
		return err
	}
	if p := c.Diffusion.Paper; p != nil && (p.Channels != c.Channels || p.PSFSize != c.Instrument.Size) {
		return fmt.Errorf("galdecon: the paper's network is for %d channel(s) and PSFs of %d pixels, but the images have %d and the instrument's PSFs %d",
			p.Channels, p.PSFSize, c.Channels, c.Instrument.Size)
	}
	schedule, err := c.Diffusion.Schedule()
	if err != nil {
		return err
	}
	return c.Sampler.Validate(schedule)
}

// ConfigFile is the name of the file in a folder of checkpoints that holds the [Config].
const ConfigFile = "config.json"

// save stores the configuration in a checkpoint folder. What is there already must be the same, but for the sampler.
func (c Config) save(dir string) error {
	want, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return fmt.Errorf("galdecon: cannot encode the configuration: %w", err)
	}
	path := filepath.Join(dir, ConfigFile)
	have, err := os.ReadFile(path)
	switch {
	case err == nil && bytes.Equal(have, want):
		return nil
	case err == nil:
		stored, err := loadConfig(dir)
		if err != nil {
			return err
		}
		stored.Sampler = c.Sampler
		if !reflect.DeepEqual(stored, c) {
			return fmt.Errorf("galdecon: %s holds another configuration than this training's%s; choose another folder, or delete that one to train anew",
				path, difference(stored, c))
		}
	case !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("galdecon: cannot read the configuration: %w", err)
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return fmt.Errorf("galdecon: cannot make the checkpoint folder: %w", err)
	}
	return writeFile(path, want)
}

// writeFile writes a file under another name first: what bears the right one is complete.
func writeFile(path string, content []byte) error {
	if err := atomicfile.WriteFile(path, content); err != nil {
		return fmt.Errorf("galdecon: cannot store %s: %w", filepath.Base(path), err)
	}
	return nil
}

const identityFile = "galaxies.sha256"

// saveIdentity stores what tells the galaxies of a training from others. Those of the training in dir must be the same.
func saveIdentity(dir string, galaxies *galaxy.Images) error {
	hash := sha256.New()
	if err := binary.Write(hash, binary.LittleEndian, galaxies.Pixels); err != nil {
		return fmt.Errorf("galdecon: cannot hash the galaxies: %w", err)
	}
	want := hex.EncodeToString(hash.Sum(nil)) + "\n"
	path := filepath.Join(dir, identityFile)
	have, err := os.ReadFile(path)
	switch {
	case err == nil && string(have) == want:
		return nil
	case err == nil:
		return fmt.Errorf("galdecon: the model in %s was trained on other galaxies than these %d; choose another folder, or delete that one to train anew", dir, galaxies.N)
	case !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("galdecon: cannot read which galaxies the model was trained on: %w", err)
	}
	return writeFile(path, []byte(want))
}

// difference is the first line in which two configurations differ, for a message.
func difference(there, here Config) string {
	var lines [2][]string
	for i, c := range []Config{there, here} {
		text, err := json.MarshalIndent(c, "", "  ")
		if err != nil {
			return ""
		}
		lines[i] = strings.Split(string(text), "\n")
	}
	for i := range min(len(lines[0]), len(lines[1])) {
		if a, b := lines[0][i], lines[1][i]; a != b {
			trim := func(line string) string { return strings.TrimSuffix(strings.TrimSpace(line), ",") }
			return fmt.Sprintf(" (%s there, %s here)", trim(a), trim(b))
		}
	}
	return ""
}

func loadConfig(dir string) (Config, error) {
	path := filepath.Join(dir, ConfigFile)
	text, err := os.ReadFile(path)
	if err != nil {
		return Config{}, fmt.Errorf("galdecon: there is no model in %s; train one there first, or give the folder of one: %w", dir, err)
	}
	var c Config
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&c); err != nil {
		return Config{}, fmt.Errorf("galdecon: %s is damaged or of another version: %w", path, err)
	}
	if err := c.Validate(); err != nil {
		return Config{}, fmt.Errorf("galdecon: %s: %w", path, err)
	}
	return c, nil
}

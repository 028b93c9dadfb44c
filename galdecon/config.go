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
	"os"
	"path/filepath"
	"reflect"
	"strings"

	"galdecon/galdecon/cvae"
	"galdecon/galdecon/ddpm"
	"galdecon/galdecon/fit"
	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/observe"
	"galdecon/galdecon/psf"
	"galdecon/internal/atomicfile"
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
	// Survey, where it is set, takes the Instrument's place: the model takes stamps of any size,
	// with any PSF, weights, gaps and correlated noise, see [observe.Observation]. Size is then that
	// of the stamps that it is trained on.
	Survey *observe.Survey `json:"survey,omitempty"`
	// Standardized has the model see observations as [Standardize] scales them, in training as in
	// sampling, so that what it says doesn't depend on their units. Otherwise whoever asks it must
	// scale them so that the peak of y is about 1.
	Standardized bool `json:"standardized,omitzero"`
	// Diffusion is the model, Sampler how candidates are drawn from it.
	Diffusion ddpm.Config  `json:"diffusion,omitzero"`
	Sampler   ddpm.Sampler `json:"sampler,omitzero"`
	// CVAE, where it is set, is the model in their place: the paper's baseline.
	CVAE *cvae.Config `json:"cvae,omitempty"`
	// Fit is how it is trained.
	Fit fit.Config `json:"fit"`
}

// Folder returns where the model of this configuration belongs below parent. Configurations that
// differ have different folders, but for the sampler, which isn't part of what is trained.
func (c Config) Folder(parent string) string {
	c.Sampler = ddpm.Sampler{}
	text, err := json.Marshal(c)
	if err != nil {
		panic(err) // numbers that JSON can't hold, which Validate refuses
	}
	hash := sha256.Sum256(text)
	return filepath.Join(parent, c.Preset+"-"+hex.EncodeToString(hash[:4]))
}

// Validate returns an error if no model can be trained as configured, or drawn from: it names the
// first fault.
func (c Config) Validate() error {
	if c.Size < 1 || c.Channels < 1 {
		return fmt.Errorf("galdecon: images need a positive size and number of channels, got %d "+
			"and %d", c.Size, c.Channels)
	}
	if c.Survey != nil {
		return c.validateSurvey()
	}
	if c.Instrument.Size > c.Size {
		return fmt.Errorf("galdecon: the PSF grid (%d pixels) is larger than the images (%d "+
			"pixels)", c.Instrument.Size, c.Size)
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
	if p := c.Diffusion.Paper; p != nil &&
		(p.Channels != c.Channels || p.PSFSize != c.Instrument.Size) {
		return fmt.Errorf("galdecon: the paper's network is for %d channel(s) and PSFs of %d "+
			"pixels, but the images have %d and the instrument's PSFs %d",
			p.Channels, p.PSFSize, c.Channels, c.Instrument.Size)
	}
	schedule, err := c.Diffusion.Schedule()
	if err != nil {
		return err
	}
	return c.Sampler.Validate(schedule)
}

// validateSurvey is Validate for a model with a Survey.
func (c Config) validateSurvey() error {
	d := c.Diffusion
	if c.CVAE != nil || d.Paper != nil || !d.DataConsistency || c.Channels != 1 {
		return errors.New("galdecon: a model with a Survey is a consistent diffusion model of one " +
			"channel with a network of its own; start from the preset galaxy")
	}
	if d.Network.Attention {
		return errors.New("galdecon: attention between all pixels fits one size of images; leave " +
			"it out of a model with a Survey")
	}
	if err := errors.Join(c.Survey.Validate(), c.Fit.Validate(), d.Validate(c.Size)); err != nil {
		return err
	}
	schedule, err := d.Schedule()
	if err != nil {
		return err
	}
	return c.Sampler.Validate(schedule)
}

// SeenThrough returns what galaxies are seen through by the model: its Instrument, or, of a model
// with a Survey, one that spans the widths, ellipticities and wings of the survey's PSFs, on their
// grid. Its noise is then in units of the brightest pixel that is seen.
func (c Config) SeenThrough() psf.Instrument {
	s := c.Survey
	if s == nil {
		return c.Instrument
	}
	return psf.Instrument{Size: s.PSFSize, SigmaMin: s.SigmaMin, SigmaMax: s.SigmaMax,
		ShearMax: s.ShearMax, InvBetaMax: observe.InvBetaMax, NoiseMin: s.NoiseMin,
		NoiseMax: s.NoiseMax}
}

// CheckPSF returns an error if a PSF is unlike those that the model was trained for: a
// [*psf.Problem] or, of a model with a Survey, a [*Refusal]. It must be on the grid of
// [Config.SeenThrough], unless there is a Survey.
func (c Config) CheckPSF(p psf.PSF) error {
	if c.Survey == nil {
		return c.Instrument.Check(p)
	}
	if refusal := c.checkPSF(p); refusal != nil {
		return refusal
	}
	return nil
}

// ConfigFile is the name of the file in a folder of checkpoints that holds the [Config].
const ConfigFile = "config.json"

// save stores the configuration in a checkpoint folder. What is there already must be the same, but
// for the sampler.
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
		stored, err := LoadConfig(dir)
		if err != nil {
			return err
		}
		stored.Sampler, stored.Fit.WorkingDir = c.Sampler, c.Fit.WorkingDir
		if !reflect.DeepEqual(stored, c) {
			return fmt.Errorf("galdecon: %s holds another configuration than this training's%s; "+
				"choose another folder, or delete that one to train anew",
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

// saveIdentity stores what tells the galaxies of a training from others. Those of the training in
// dir must be the same.
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
		return fmt.Errorf("galdecon: the model in %s was trained on other galaxies than these "+
			"%d; choose another folder, or delete that one to train anew", dir, galaxies.N)
	case !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("galdecon: cannot read which galaxies the model was trained on: %w", err)
	}
	return writeFile(path, []byte(want))
}

// difference returns the first line in which two configurations differ, for a message.
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
			trim := func(line string) string {
				return strings.TrimSuffix(strings.TrimSpace(line),
					",")
			}
			return fmt.Sprintf(" (%s there, %s here)", trim(a), trim(b))
		}
	}
	return ""
}

// LoadConfig reads the configuration of the model in the folder dir, and nothing else of it. It is
// an error if there is none, or if it is of another version.
func LoadConfig(dir string) (Config, error) {
	path := filepath.Join(dir, ConfigFile)
	text, err := os.ReadFile(path)
	if err != nil {
		return Config{},
			fmt.Errorf("galdecon: there is no model in %s; train one there first, or give the "+
				"folder of one: %w", dir, err)
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

// inputs returns the scalars that the compiled training step takes, so that one step serves all
// weights.
func (c Config) inputs() fit.Inputs {
	if c.CVAE == nil {
		return nil
	}
	return fit.Inputs{"alpha": c.CVAE.Alpha, "beta": c.CVAE.Beta}
}

package galdecon

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"

	"github.com/gomlx/gomlx/ml/model"

	"galdecon/galdecon/fit"
)

// Export copies the model in the folder dir into the folder to, which must not hold one, with
// nothing but what [Load] needs: an eighth of the size. It can't be trained further. Its weights
// are rounded to 16 bits. The card, the recalibration and the exchange between bands of the folder
// are copied, but where the rounding changes any weight the last two are another model's, and have
// to be learned again.
func Export(dir, to string) error {
	c, err := LoadConfig(dir)
	if err != nil {
		return err
	}
	if err := c.saveNew(to, func() error { return fit.Export(dir, to) }); err != nil {
		return err
	}
	texts, err := readBeside(dir)
	if err != nil {
		return err
	}
	if err := writeBeside(to, texts); err != nil {
		return err
	}
	exchange, err := os.ReadFile(filepath.Join(dir, BandsFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return fmt.Errorf("galdecon: cannot read the exchange between bands: %w", err)
	}
	return writeFile(filepath.Join(to, BandsFile), exchange)
}

// beside are the files that belong to a model but may be missing, by their keys in a packed one.
var beside = map[string]string{"card": CardFile, "recalibration": RecalibrationFile}

// readBeside returns those of the files [beside] that a folder has, by their keys.
func readBeside(dir string) (map[string]string, error) {
	texts := map[string]string{}
	for key, name := range beside {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err == nil {
			texts[key] = string(text)
		} else if !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("galdecon: cannot read what belongs to the model: %w", err)
		}
	}
	return texts, nil
}

// writeBeside writes those of the files [beside] whose keys the texts have.
func writeBeside(dir string, texts map[string]string) error {
	for key, name := range beside {
		if text, ok := texts[key]; ok {
			if err := writeFile(filepath.Join(dir, name), []byte(text)); err != nil {
				return err
			}
		}
	}
	return nil
}

// saveNew stores a model, whose weights write writes, in the folder dir, which must not hold one.
func (c Config) saveNew(dir string, write func() error) error {
	step, err := fit.Step(dir)
	if err != nil {
		return err
	}
	if step > 0 {
		return fmt.Errorf("galdecon: there is a model in %s; choose another folder", dir)
	}
	if err := c.save(dir); err != nil {
		return err
	}
	return write()
}

// Import makes a model in the folder dir, which must not hold one, of weights that are in a file of
// PyTorch's tensors: those of the paper's released program, see [unet.Paper.LoadStateDict]. The
// configuration must be that of the weights, with the paper's network, as the preset paper has, and
// the T that they were trained with; it counts as trained for its Fit.Steps. The model can't be
// trained further, but another can begin with it, see [fit.Config].
//
//	config, err := galdecon.Preset("paper")
//	config.Diffusion.T, config.Sampler.Steps = 1000, 1000
//	err = galdecon.Import(config, "model.npz", "checkpoints/released")
//	model, err := galdecon.Load("checkpoints/released")
func Import(c Config, stateDict, dir string) error {
	if err := c.Validate(); err != nil {
		return err
	}
	if c.CVAE != nil || c.Diffusion.Paper == nil {
		return errors.New("galdecon: weights of the released program are for the paper's " +
			"network; start from the preset paper")
	}
	store := model.NewStore()
	alphaBar, err := c.Diffusion.Paper.LoadStateDict(fit.Average(store).In("unet"), stateDict)
	if err != nil {
		return err
	}
	if alphaBar != nil {
		if err := c.checkSchedule(alphaBar); err != nil {
			return fmt.Errorf("galdecon: the weights in %s %w", stateDict, err)
		}
	}
	return c.saveNew(dir, func() error { return fit.Import(store, dir, c.Fit.Steps) })
}

// checkSchedule returns an error if a noise schedule ᾱ_0 to ᾱ_T isn't the configuration's.
func (c Config) checkSchedule(alphaBar []float32) error {
	schedule, err := c.Diffusion.Schedule()
	if err != nil {
		return err
	}
	if T := len(alphaBar) - 1; T != schedule.T() {
		return fmt.Errorf("were trained with T = %d, but the configuration says T = %d: set "+
			"Diffusion.T", T, schedule.T())
	}
	// The released program counts a β_0 as well and stretches the others a little, which is up to
	// 0.0024 of ᾱ for its T = 1000.
	const tolerance = 0.003
	for t, there := range alphaBar {
		if here := schedule.AlphaBar[t]; math.Abs(float64(there)-here) > tolerance {
			return fmt.Errorf("were trained with another noise schedule than the "+
				"configuration's: at t = %d of %d their ᾱ is %.4g, here it is %.4g", t,
				schedule.T(), there, here)
		}
	}
	return nil
}

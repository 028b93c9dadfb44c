package galdecon

import (
	"errors"
	"fmt"
	"math"

	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/psf"
)

// checkShape reports images that the model isn't made for.
func (c Config) checkShape(images *galaxy.Images) error {
	if err := images.Validate(); err != nil {
		return err
	}
	switch {
	case images.Height != c.Size || images.Width != c.Size:
		return fmt.Errorf("galdecon: the model takes images of %d×%d pixels, these are %d×%d: Prepare galaxies to train on; of an observation take a galaxy.Images.Cutout, or its Average with the PSF rescaled alike (psf.PSF.Rescale, or Rebin)",
			c.Size, c.Size, images.Height, images.Width)
	case images.Channels != c.Channels:
		return fmt.Errorf("galdecon: the model takes images of %d channel(s), these have %d: deconvolve each channel of an observation with its PSF, or see galaxy.Images.Grey and WithChannels",
			c.Channels, images.Channels)
	}
	return nil
}

// checkRange reports observations that the model wasn't trained for: pixels that aren't scaled as those of clean galaxies with a peak of 1, a sky
// that isn't dark, or more noise, which it would take for structure.
func (c Config) checkRange(o *Observations) error {
	found, err := o.Images.NoiseLevels()
	var refused *galaxy.Refusal
	if err != nil && !errors.As(err, &refused) { // one without noise has less than is said
		return err
	}
	for i, edge := range o.Images.Edges() {
		peak, id := 0.0, o.Images.ID(i)
		for _, v := range o.Images.At(i) {
			peak = max(peak, math.Abs(float64(v)))
		}
		if peak < 1e-2 || peak > 3 {
			return fmt.Errorf("galdecon: the largest pixel of %s is %.3g, but the model takes galaxies whose peak without blur is 1; see galdecon.Standardize", id, peak)
		}
		// Of 400 galaxies.Synthetic with any PSF of the presets it is 0.12 at most, of Hubble's 0.05.
		if edge > 0.2 {
			return fmt.Errorf("galdecon: the border of %s is at %.2g of the galaxy's peak, but outside of it the model takes the sky for dark: subtract the sky (galaxy.Images.Sky and Subtract), "+
				"or see more of the sky, with a larger cutout that is averaged down", id, edge)
		}
		_, noise := o.At(i)
		most := max(c.Instrument.NoiseMax, psf.MinNoise)
		seen := most
		if c.Standardized {
			seen *= 5 // a galaxy whose peak the PSF has hidden has a unit of a fifth of it; what its candidates say is more, see witness
		}
		if noise > 1.1*seen {
			return tooNoisy(id, noise, most)
		}
		// The estimate of a noise-free image is above 0: some of the galaxy, and of the noise that y has of its own, passes for noise, up to 0.004
		// of the peak with the narrowest PSF.
		if limit := max(2*noise, 6e-3); found[i] > limit {
			return fmt.Errorf("galdecon: %s looks as if it had noise of %.2g, more than twice what its Noise says (%.2g); leave Noise empty to have it estimated", id, found[i], noise)
		}
	}
	return nil
}

func tooNoisy(id string, noise, most float64) error {
	return fmt.Errorf("galdecon: %s has noise of %.2g of the galaxy's peak without blur, but the model was trained for at most %.2g, and its error bars would be too small: "+
		"average pixels, or train a model with a larger \"noise_max\" in its instrument", id, noise, most)
}

// noiseGuard is what the first candidates of an observation say of the galaxy's peak, which noise is measured by and blur hides.
type noiseGuard struct {
	peaks float64 // their sum
	n     int
}

// guardCandidates is how many candidates are asked. Their mean peak is right to a few per cent.
const guardCandidates = 8

// add takes the next candidates of an observation, and reports that, by the first of them, it has more noise than the model was trained for.
func (w *noiseGuard) add(part Part, most float64) error {
	if part.First == 0 {
		*w = noiseGuard{}
	}
	enough := min(part.N, guardCandidates)
	if w.n == enough {
		return nil
	}
	for k := range min(part.Samples.N, enough-w.n) {
		peak, err := part.Samples.Select(k).Peaks()
		if err == nil { // otherwise it is as dark as the sky
			w.peaks += peak[0]
		}
		w.n++
	}
	// At the most noise of the training one galaxy in a hundred has 4/3 of it by this measure. With 3/2 of the noise a fifth is refused,
	// with twice as much three quarters; of what passes, intervals of fluxes that should hold 68 % of them hold 59 to 67 %.
	if ratio := part.Noise / (w.peaks / float64(w.n)); w.n == enough && !(ratio <= 1.5*most) {
		return tooNoisy(part.Observation.ID(0), ratio, most)
	}
	return nil
}

package galdecon

import (
	"fmt"
	"math"

	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/posterior"
	"galdecon/galdecon/psf"
)

// Refusal is the error for one observation that a model doesn't take.
type Refusal = posterior.Refusal

// checkShape returns an error for images that the model isn't made for.
func (c Config) checkShape(images *galaxy.Images) error {
	if err := images.Validate(); err != nil {
		return err
	}
	switch {
	case images.Height != c.Size || images.Width != c.Size:
		return fmt.Errorf("galdecon: the model takes images of %d×%d pixels, these are "+
			"%d×%d\nHint: Prepare galaxies to train on; of an observation take a "+
			"galaxy.Images.Cutout, or its Average with the PSF rescaled alike (psf.PSF.Rescale, "+
			"or Rebin)",
			c.Size, c.Size, images.Height, images.Width)
	case images.Channels != c.Channels:
		return fmt.Errorf("galdecon: the model takes images of %d channel(s), these have "+
			"%d\nHint: deconvolve each channel of an observation with its PSF, or see "+
			"galaxy.Images.Gray and WithChannels",
			c.Channels, images.Channels)
	}
	return nil
}

// maxNoise returns the most noise of the training, in units of the galaxy's peak without blur.
func (c Config) maxNoise() float64 { return max(c.Instrument.NoiseMax, psf.MinNoise) }

const (
	// A model that isn't Standardized takes galaxies whose peak without blur is 1.
	minPeak, maxPeak = 1e-2, 3
	// maxEdge is the brightest border, in units of the peak: of 400 synthetic galaxies with any PSF
	// of the presets it is 0.12 at most, of Hubble's 0.05.
	maxEdge = 0.2
	// minEdge is how far below 0 the border may be, beside half of the noise: galaxies don't make
	// it so, and of the 400 it is −0.008 at least. Within an aperture of 8 pixels −0.03 took a
	// fifth of the flux away from one with a half-light radius of 3.
	minEdge = -0.015
	// hiddenPeak is how much too small the unit of a galaxy may be whose peak the PSF has hidden.
	// What its candidates say is more, see noiseGuard.
	hiddenPeak = 5
	// noiseFloor is what the estimate of a noise-free image may be: some of the galaxy, and of the
	// noise that y has of its own, passes for noise, up to 0.004 of the peak with the narrowest
	// PSF.
	noiseFloor = 6e-3
)

// checkRange returns a refusal for each observation that the model wasn't trained for, with the
// number that it has among these: pixels that aren't scaled as those of clean galaxies with a peak
// of 1, a sky that isn't dark, or more noise, which it would take for structure.
func (c Config) checkRange(o *Observations) ([]*Refusal, error) {
	found, err := o.Images().NoiseLevels()
	if err != nil && !galaxy.NoNoise.Only(err) { // an image without noise has less than is said
		return nil, err
	}
	var refused []*Refusal
	for i, edge := range o.Images().Edges() {
		peak := 0.0
		for _, v := range o.Images().At(i) {
			peak = max(peak, math.Abs(float64(v)))
		}
		_, noise := o.At(i)
		seen := c.maxNoise()
		if c.Standardized {
			seen *= hiddenPeak
		}
		r := &Refusal{Index: i, ID: o.Images().ID(i)}
		lost, at := noDataAtPeak(o.Images(), i)
		switch limit := max(2*noise, noiseFloor); {
		case lost > 0:
			r.Reason, r.Value, r.Place = galaxy.NoDataAtPeak, float64(lost), &at
			r.What = fmt.Sprintf("%d pixel(s) in the galaxy's core have no data; none may lack "+
				"there", lost)
			r.Hint = "take an exposure in which it has data; the values that are there were made up"
		case peak < minPeak || peak > maxPeak:
			r.Reason, r.Value, r.Limit = posterior.RefusedPeak, peak, maxPeak
			if peak < minPeak {
				r.Limit = minPeak
			}
			r.What = fmt.Sprintf("its largest pixel is %.3g, but the model takes galaxies whose "+
				"peak without blur is 1", peak)
			r.Hint = "divide it by its unit, see galdecon.Standardize"
			if c.Standardized && peak > maxPeak {
				r.What = fmt.Sprintf("outside of its central half a pixel has %.3g times the "+
					"peak of the galaxy without blur, at most %d are taken", peak, maxPeak)
				r.Hint = "another source is in the stamp: subtract or mask it, or take a smaller " +
					"stamp (galaxy.Images.Cutout)"
			}
		case edge > maxEdge:
			r.Reason, r.Value, r.Limit = posterior.RefusedSky, edge, maxEdge
			r.What = fmt.Sprintf("its border is at %.2g of the galaxy's peak, at most %.2g are "+
				"taken for a dark sky", edge, maxEdge)
			r.Hint = "subtract the sky (galaxy.Images.Sky and Subtract), or see more of it, with " +
				"a larger cutout that is averaged down"
		case edge < minEdge-noise/2:
			r.Reason, r.Value, r.Limit = posterior.RefusedSky, edge, minEdge-noise/2
			r.What = fmt.Sprintf("its border is at %.2g of the galaxy's peak, at least %.2g are "+
				"taken for a dark sky", edge, r.Limit)
			r.Hint = "subtract less: the sky near the galaxy (galaxy.Images.Sky of a part of the " +
				"image), and only once"
		case noise > 1.1*seen:
			tooNoisy(r, noise, c.maxNoise())
		case found[i] > limit:
			r.Reason, r.Value, r.Limit = posterior.RefusedStatedNoise, found[i], limit
			r.What = fmt.Sprintf("it looks as if it had noise of %.2g of the galaxy's peak, more "+
				"than twice what is said (%.2g)", found[i], noise)
			r.Hint = "leave the noise of the observations empty to have it estimated"
		default:
			continue
		}
		refused = append(refused, r)
	}
	return refused, nil
}

// noDataAtPeak returns how many bad pixels image i has in the core of its galaxy, above half of the
// largest value within the central half, and where the first is.
func noDataAtPeak(images *galaxy.Images, i int) (n int, at galaxy.Place) {
	bad := images.BadAt(i)
	top := 0.0
	each := func(do func(k int, v float64)) {
		for y := images.Height / 4; y < images.Height-images.Height/4; y++ {
			for x := images.Width / 4; x < images.Width-images.Width/4; x++ {
				k := y*images.Width + x
				sum := 0.0
				for _, v := range images.At(i)[k*images.Channels : (k+1)*images.Channels] {
					sum += float64(v)
				}
				do(k, sum)
			}
		}
	}
	if bad == nil {
		return 0, at
	}
	each(func(_ int, v float64) { top = max(top, v) })
	each(func(k int, v float64) {
		if bad[k] && v > top/2 {
			if n++; n == 1 {
				at = galaxy.Place{Column: k % images.Width, Row: k / images.Width}
			}
		}
	})
	return n, at
}

// tooNoisy fills in a refusal by noise, in units of the galaxy's peak without blur.
func tooNoisy(r *Refusal, noise, limit float64) *Refusal {
	r.Reason, r.Value, r.Limit = posterior.RefusedNoise, noise, limit
	r.What = fmt.Sprintf("noise of %.2g of the galaxy's peak without blur; the model was trained "+
		"for at most %.2g, and its error bars would be too small", noise, limit)
	r.Hint = "average pixels, or train a model with a larger Config.Instrument.NoiseMax"
	return r
}

// noiseGuard estimates the galaxy's peak without blur from the first candidates of an observation,
// and with it the noise relative to that peak.
type noiseGuard struct {
	peaks float64 // their sum
	n     int
}

// guardCandidates is how many candidates are asked. Their mean peak is right to a few per cent.
const guardCandidates = 8

// add takes the next candidates of an observation, and returns a refusal if, by the first of them,
// it has more noise than the model was trained for.
func (g *noiseGuard) add(part Part, limit float64) *Refusal {
	if part.First == 0 {
		*g = noiseGuard{}
	}
	enough := min(part.N, guardCandidates)
	if g.n == enough {
		return nil
	}
	for k := range min(part.Samples.N, enough-g.n) {
		peak, err := part.Samples.Select(k).Peaks()
		if err == nil { // otherwise it is as dark as the sky
			g.peaks += peak[0]
		}
		g.n++
	}
	// At the most noise of the training one galaxy in a hundred has 4/3 of it by this measure. With
	// 3/2 of the noise a fifth is refused, with twice as much three quarters; of what passes,
	// intervals of fluxes that should hold 68 % of them hold 59 to 67 %.
	if noise := part.Noise / (g.peaks / float64(g.n)); g.n == enough && !(noise <= 1.5*limit) {
		return tooNoisy(&Refusal{Index: part.Index, ID: part.Observation.ID(0)}, noise, limit)
	}
	return nil
}

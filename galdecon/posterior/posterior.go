// Package posterior holds the data that samplers, scores and figures exchange: observations, and
// the candidates that were drawn for them, with what these say about the galaxy. It imports no
// model and no XLA.
package posterior

import (
	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/observe"
	"galdecon/galdecon/psf"
	"galdecon/galdecon/recalibration"
)

// Posterior are samples of p(y | x, Π) for one observation x.
type Posterior struct {
	// Index is the number of the observation among those that were sampled together, counted from
	// 0: some of them may have been refused.
	Index int
	// Observation is x, [1, height, width, channels], PSF its Π, on the model's grid, and Noise the
	// standard deviation of its noise.
	Observation *galaxy.Images
	PSF         psf.PSF
	Noise       float64
	// InvVar is 1/σ² of the noise of each value of Observation, 0 where there is no data; nil is
	// white noise of the standard deviation Noise, which is otherwise the median.
	InvVar []float64
	// Correlation is how neighboring pixels share their noise; nil is not at all.
	Correlation *observe.Correlation
	// Samples are the candidates y, [n, height, width, channels], and Reblurred is Π*y of each, on
	// the pixels of Observation.
	Samples, Reblurred *galaxy.Images
	// More is what further exposures show of the same galaxy, in their order; see
	// [Posterior.Views].
	More []View
	// Seed is what the candidates were drawn with.
	Seed int64
	// Recalibration corrects the error bars of what is measured of the candidates, which are as the
	// model drew them; nil doesn't.
	Recalibration *recalibration.Recalibration
}

// View is what one exposure of several shows of a galaxy and of its candidates: the fields are
// those of [Posterior]. Its pixels may be coarser than those of the candidates.
type View struct {
	Observation *galaxy.Images
	PSF         psf.PSF
	Noise       float64
	InvVar      []float64
	Correlation *observe.Correlation
	Reblurred   *galaxy.Images
}

// Views returns the posterior as each of its exposures shows it, in their order. All have the same
// candidates, and the first is p without More: so each exposure has a verdict, or a figure, of its
// own.
func (p Posterior) Views() []Posterior {
	more := p.More
	p.More = nil
	all := []Posterior{p}
	for _, v := range more {
		p.Observation, p.PSF, p.Noise = v.Observation, v.PSF, v.Noise
		p.InvVar, p.Correlation, p.Reblurred = v.InvVar, v.Correlation, v.Reblurred
		all = append(all, p)
	}
	return all
}

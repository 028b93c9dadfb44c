package plotting

import (
	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/posterior"
)

// Posterior returns the figure of a model's candidates for one observation. truth is its galaxy,
// one image, or nil where it isn't known.
func Posterior(p posterior.Posterior, truth *galaxy.Images) Candidates {
	return Candidates{
		Title: p.Observation.ID(0), Truth: truth, Observation: p.Observation,
		PSF: p.PSF.Pixels, Samples: p.Samples, Reblurred: p.Reblurred,
	}
}

// Posteriors returns the figures of a model's candidates for several observations, the rows of an
// [Overview]. truth are the galaxies [n, height, width, channels] of all observations that were
// sampled, of which each figure gets that with the Index of its posterior, or nil.
func Posteriors(posteriors []posterior.Posterior, truth *galaxy.Images) []Candidates {
	figures := make([]Candidates, len(posteriors))
	for i, p := range posteriors {
		var y *galaxy.Images
		if truth != nil {
			y = &galaxy.Images{} // none, which the figure refuses
			if p.Index >= 0 && p.Index < truth.N {
				y = truth.Select(p.Index)
			}
		}
		figures[i] = Posterior(p, y)
	}
	return figures
}

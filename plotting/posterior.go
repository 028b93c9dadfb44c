package plotting

import (
	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/posterior"
)

// Posterior is the figure of a model's candidates for one observation. truth is its galaxy, one
// image, or nil where it isn't known.
func Posterior(p posterior.Posterior, truth *galaxy.Images) Candidates {
	return Candidates{
		Title: p.Observation.ID(0), Truth: truth, Observation: p.Observation,
		PSF: p.PSF.Pixels, Samples: p.Samples, Reblurred: p.Reblurred,
	}
}

// Posteriors are the figures of a model's candidates for several observations, with their galaxies
// [n, height, width, channels] in the same order, or nil: the rows of an [Overview].
func Posteriors(posteriors []posterior.Posterior, truth *galaxy.Images) []Candidates {
	figures := make([]Candidates, len(posteriors))
	for i, p := range posteriors {
		var y *galaxy.Images
		if truth != nil {
			y = truth.Select(i)
		}
		figures[i] = Posterior(p, y)
	}
	return figures
}

package plotting

import (
	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/posterior"
)

// Posterior returns the figure of a model's candidates for one observation. truth is its galaxy,
// one image, or nil where it isn't known. An observation whose pixels are a whole number of the
// candidates' wide is drawn as large as these, each pixel as a square.
func Posterior(p posterior.Posterior, truth *galaxy.Images) Candidates {
	return Candidates{
		Title: p.Observation.ID(0), Truth: truth, Observation: onGrid(p.Observation, p.Samples),
		PSF: p.PSF.Pixels, Samples: p.Samples, Reblurred: onGrid(p.Reblurred, p.Samples),
	}
}

// onGrid returns images with pixels repeated so that they are as large as others, the same if
// these aren't a whole number of times as large, which a figure refuses.
func onGrid(im, to *galaxy.Images) *galaxy.Images {
	if im == nil || to == nil || im.Height < 1 || im.Width < 1 || im.Height == to.Height ||
		to.Height%im.Height != 0 || to.Height/im.Height*im.Width != to.Width {
		return im
	}
	n := to.Height / im.Height
	out := galaxy.NewImages(im.N, to.Height, to.Width, im.Channels)
	out.IDs, out.Scale = im.IDs, im.Scale
	if im.Bad != nil {
		out.Bad = make([]bool, out.N*out.Height*out.Width)
	}
	for k := range out.N * out.Height * out.Width {
		image, place := k/(out.Height*out.Width), k%(out.Height*out.Width)
		from := (image*im.Height+place/out.Width/n)*im.Width + place%out.Width/n
		copy(out.Pixels[k*im.Channels:(k+1)*im.Channels], im.Pixels[from*im.Channels:])
		if im.Bad != nil {
			out.Bad[k] = im.Bad[from]
		}
	}
	return out
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

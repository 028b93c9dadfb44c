package psf

import "fmt"

// Resize returns the same PSF on a grid of another size, its center kept: a larger grid is filled
// with zeros. It is a [Problem] if a smaller one would cut off more than 1 % of the light, which
// says what of the PSF is out there; otherwise the rest is scaled back to sum 1. [PSF.Crop] cuts
// off more.
func (p PSF) Resize(size int) (PSF, error) {
	const limit = 0.01
	if err := p.Validate(); err != nil {
		return PSF{}, err
	}
	if size == p.Size {
		return p, nil
	}
	if err := validSize(size); err != nil {
		return PSF{}, err
	}
	weights, lost := p.cut(size)
	if lost > limit {
		hint := "it has light far out: use a model with larger PSFs, or cut it off with PSF.Crop"
		if w := p.wings(); 3*w.fwhm > float64(size) {
			hint = "is it on the image's pixel scale (PSF.Rescale, PSF.Rebin)? Otherwise use a " +
				"model with larger PSFs"
		}
		return PSF{}, blame(p.Inspect(), everywhere(CutOff, lost, limit,
			fmt.Sprintf("a %d×%d grid holds only %.1f %% of the light of this %d×%d PSF",
				size, size, 100*(1-lost), p.Size, p.Size), hint))
	}
	return normalized(size, weights)
}

// Crop returns the PSF on a grid of a smaller size, or the same, its center kept, and the share of
// the light that it loses, of 1; the rest is scaled to sum 1. The share is negative where noise is.
func (p PSF) Crop(size int) (cropped PSF, lost float64, err error) {
	if err := p.Validate(); err != nil {
		return PSF{}, 0, err
	}
	if err := validSize(size); err != nil {
		return PSF{}, 0, err
	}
	if size > p.Size {
		return PSF{}, 0, fmt.Errorf("psf: a %d×%d PSF can't be cropped to the larger size %d; "+
			"see PSF.Resize",
			p.Size, p.Size, size)
	}
	weights, lost := p.cut(size)
	cropped, err = normalized(size, weights)
	return cropped, lost, err
}

// cut returns the weights on a grid of another size, and the light that isn't on it.
func (p PSF) cut(size int) (weights []float64, lost float64) {
	wide := make([]float64, len(p.Pixels))
	sum := 0.0
	for i, w := range p.Pixels {
		wide[i] = float64(w)
		sum += wide[i]
	}
	weights = placed(wide, p.Size, p.Size, size)
	for _, w := range weights {
		sum -= w
	}
	return weights, sum
}

// placed lays values [height, width] on a dark grid size×size, with pixel (height/2, width/2) in
// its center (size/2, size/2), and cuts off what is beyond.
func placed(values []float64, height, width, size int) []float64 {
	out := make([]float64, size*size)
	for row := range height {
		for col := range width {
			r, c := row+size/2-height/2, col+size/2-width/2
			if r >= 0 && r < size && c >= 0 && c < size {
				out[r*size+c] = values[row*width+col]
			}
		}
	}
	return out
}

package psf

import (
	"fmt"
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/stat/distuv"

	"galdecon/galdecon/galaxy"
)

// MinNoise stands for the noise of an observation that is said to have less, where something must
// be divided by it: rounding and the model's own error are not smaller.
const MinNoise = 1e-3

// AddPhotonNoise returns the observations x [n, height, width, channels] as a detector that counts
// photons sees them: sky electrons fall on every pixel besides those of the galaxy, and the mean of
// the sky is subtracted again. Values stay in the units of x. How many electrons a unit is follows,
// for each image, from its signal-to-noise ratio snr = √(Σ s²/σ²) over its pixels and channels,
// where s is the signal and σ the noise of the sky, √sky electrons: that of a matched filter on a
// galaxy fainter than the sky, the definition of GalSim (Rowe et al. 2015). The galaxy's own
// photons add noise where it is bright against the sky.
//
// It also returns σ of the sky in units of x for each image: the noise that a model is told. Equal
// seeds give equal images. snr and sky must be positive. A pixel so negative that it outweighs the
// sky is an error.
func AddPhotonNoise(
	x *galaxy.Images, snr, sky float64, seed int64,
) (noisy *galaxy.Images, sigma []float64, err error) {
	if err := x.Validate(); err != nil {
		return nil, nil, err
	}
	if !(snr > 0) || math.IsInf(snr, 0) {
		return nil, nil, fmt.Errorf("psf: the signal-to-noise ratio must be positive, got %g", snr)
	}
	if !(sky > 0) || math.IsInf(sky, 0) {
		return nil, nil, fmt.Errorf("psf: the sky must be a positive number of electrons per "+
			"pixel, got %g", sky)
	}
	noisy = galaxy.NewImages(x.N, x.Height, x.Width, x.Channels)
	noisy.LabelAs(x)
	sigma = make([]float64, x.N)
	poisson := distuv.Poisson{Src: rand.NewPCG(uint64(seed), 0)}
	for i := range x.N {
		pixels := noisy.At(i)
		copy(pixels, x.At(i))
		squares := 0.0
		for _, v := range pixels {
			squares += float64(v) * float64(v)
		}
		if squares == 0 {
			return nil, nil, fmt.Errorf("psf: %s (index %d) is black, so no noise gives it a "+
				"signal-to-noise ratio of %g", x.ID(i), i, snr)
		}
		sigma[i] = math.Sqrt(squares) / snr
		gain := math.Sqrt(sky) / sigma[i] // electrons per unit
		for p, v := range pixels {
			poisson.Lambda = float64(v)*gain + sky
			if poisson.Lambda < 0 {
				return nil, nil, fmt.Errorf("psf: %s (index %d) has the value %g, %.3g "+
					"electrons, which the sky of %g can't make up for; give a brighter sky, or "+
					"set such pixels to 0",
					x.ID(i), i, v, float64(v)*gain, sky)
			}
			pixels[p] = float32((poisson.Rand() - sky) / gain)
		}
	}
	return noisy, sigma, nil
}

package score

import (
	"slices"

	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/internal/realfft"
)

// Spectrum is a radial power spectrum: the power |F(k)|²/(height·width) of the discrete Fourier
// transform F, averaged over rings of equal |k|. White noise of standard deviation σ has the power
// σ² in every ring, and the mean of the power over all modes is the mean square of the pixels
// (Parseval).
type Spectrum struct {
	// Frequency is |k| at the middle of each ring, in cycles per pixel: 0, 1/N, 2/N, … for images
	// whose longer side is N pixels, up to √½ in the corners of the Fourier plane. Beyond ½, the
	// Nyquist frequency along an axis, rings have gaps.
	Frequency []float64
	// Power is the mean of the power over the modes of the ring, in squared units of the pixels.
	Power []float64
	// Modes is the number of modes in each ring, which sum to height·width.
	Modes []int
}

// PowerSpectrum returns the mean of the radial power spectra of all images and channels [n, height,
// width, channels]. No window is laid over them: an image that isn't dark at its edges has the
// power of that step in its spectrum.
func PowerSpectrum(images *galaxy.Images) (Spectrum, error) {
	if err := valid("images", images); err != nil {
		return Spectrum{}, err
	}
	height, width := images.Height, images.Width
	side := max(height, width)
	transform := realfft.New(height, width)
	rings, modes := transform.Rings()
	last := slices.Max(rings)
	s := Spectrum{Frequency: make([]float64, last+1), Power: make([]float64, last+1),
		Modes: make([]int, last+1)}
	for at, ring := range rings {
		s.Modes[ring] += modes[at]
	}

	plane := transform.Plane()
	for n := range images.N {
		pixels := images.At(n)
		for c := range images.Channels {
			transform.Forward(plane, func(row, column int) float64 {
				return float64(pixels[(row*width+column)*images.Channels+c])
			})
			for at, f := range plane {
				s.Power[rings[at]] += float64(modes[at]) * (real(f)*real(f) + imag(f)*imag(f))
			}
		}
	}
	for ring := range s.Power {
		s.Frequency[ring] = float64(ring) / float64(side)
		s.Power[ring] /= float64(s.Modes[ring]) * float64(height*width) *
			float64(images.N*images.Channels)
	}
	return s, nil
}

// DetailFrequency, in cycles per pixel, is where a galaxy's detail begins: beyond it, a Gaussian
// PSF of σ = 1.5 pixels leaves at most 6 % of the amplitude.
const DetailFrequency = 0.25

// HighFrequency returns the share of the variance within an image, the power but for its mean, that
// lies in the rings of frequencies ≥ from, in cycles per pixel. It is 0 where nothing varies.
func (s Spectrum) HighFrequency(from float64) float64 {
	all := s.From(0)
	if all == 0 {
		return 0
	}
	return s.From(from) / all
}

// From returns the power in all modes of the rings of frequencies ≥ from, in cycles per pixel, that
// of the mean left out.
func (s Spectrum) From(from float64) float64 {
	sum := 0.0
	for ring := 1; ring < len(s.Power); ring++ {
		if s.Frequency[ring] >= from {
			sum += s.Power[ring] * float64(s.Modes[ring])
		}
	}
	return sum
}

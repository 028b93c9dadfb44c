package observe

import (
	"fmt"
	"math"
	"math/rand/v2"

	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/moments"
	"galdecon/galdecon/psf"
)

// Bank holds the PSFs and the correlations of noise that a [Survey] draws from.
type Bank struct {
	psfs, correlations [][]float32
	lags               int // along a side of the correlations
}

// InvBetaMax is the largest 1/β of the Moffat profiles of a survey.
const InvBetaMax = 0.45

// optics is how finely a PSF is drawn before it is averaged over pixels.
const optics = 3

// Draw returns the survey's PSFs and correlations, which its seed determines. A PSF is averaged
// over pixels and has a sum of 1 on its grid. Of all,
//
//	40 %  are Moffat profiles, 1/β 0…0.45
//	20 %  Gaussians
//	25 %  diffraction through an aperture with an obscuration of 0…0.5 of its diameter
//	15 %  two Gaussians: a halo of 1.5…3 times the width with 5…40 % of the light
//
// all but the third with an ellipticity |g| up to ShearMax.
func (s Survey) Draw() (Bank, error) {
	if err := s.Validate(); err != nil {
		return Bank{}, err
	}
	r := rand.New(rand.NewPCG(uint64(s.Seed), 0))
	uniform := func(low, high float64) float64 { return low + (high-low)*r.Float64() }
	var b Bank
	for range s.PSFs {
		sigma := optics * math.Exp(uniform(math.Log(s.SigmaMin), math.Log(s.SigmaMax)))
		sin, cos := math.Sincos(uniform(0, 2*math.Pi))
		g := s.ShearMax * math.Sqrt(r.Float64())
		p, err := s.draw(r.Float64(), uniform, sigma, moments.Shear{G1: g * cos, G2: g * sin})
		if err != nil {
			return Bank{}, fmt.Errorf("observe: cannot draw the PSFs of a survey: %w", err)
		}
		b.psfs = append(b.psfs, p.Pixels)
	}
	const size, number = 7, 48
	b.lags = 2*size - 1
	for i := range number {
		filter := make([]float64, size*size)
		shiftRow, shiftColumn := uniform(-0.5, 0.5), uniform(-0.5, 0.5)
		width := uniform(0.3, 1.2)
		for k := range filter {
			y, x := float64(k/size-size/2)-shiftRow, float64(k%size-size/2)-shiftColumn
			switch {
			case i == 0: // white
				filter[k] = pick(k == size*size/2, 1, 0)
			case i < number/4: // bilinear interpolation
				filter[k] = max(0, 1-math.Abs(y)) * max(0, 1-math.Abs(x))
			case i < number/2: // the part of a drop that falls on each pixel
				filter[k] = overlap(y, width) * overlap(x, width)
			default:
				filter[k] = math.Exp(-(x*x + y*y) / (2 * width * width))
			}
		}
		c, err := CorrelationOf(size, filter)
		if err != nil {
			return Bank{}, err
		}
		values := make([]float32, len(c.Values))
		for k, v := range c.Values {
			values[k] = float32(v)
		}
		b.correlations = append(b.correlations, values)
	}
	return b, nil
}

// overlap returns how much of a drop of the given width at a distance falls on a pixel.
func overlap(distance, width float64) float64 {
	half := width / 2
	return max(0, min(0.5, distance+half)-max(-0.5, distance-half))
}

// draw returns one PSF, of the kind that a number from 0 to 1 says.
func (s Survey) draw(
	kind float64, uniform func(low, high float64) float64, sigma float64, g moments.Shear,
) (psf.PSF, error) {
	fine := s.PSFSize * optics
	var p psf.PSF
	var err error
	switch {
	case kind < 0.4:
		p, err = psf.Moffat{FWHM: psf.FWHMOfSigma * sigma, Beta: 1 / uniform(1e-3, InvBetaMax), Shear: g}.Render(fine)
	case kind < 0.6:
		p, err = psf.Gaussian{Sigma: sigma, Shear: g}.Render(fine)
	case kind < 0.85:
		p, err = psf.Airy{LambdaOverD: psf.FWHMOfSigma / 1.029 * sigma,
			Obscuration: uniform(0, 0.5)}.Render(fine)
	default:
		if p, err = (psf.Gaussian{Sigma: sigma, Shear: g}).Render(fine); err != nil {
			break
		}
		var halo psf.PSF
		halo, err = psf.Gaussian{Sigma: sigma * uniform(1.5, 3)}.Render(fine)
		share := float32(uniform(0.05, 0.4))
		for i, v := range halo.Pixels {
			p.Pixels[i] = (1-share)*p.Pixels[i] + share*v
		}
	}
	if err != nil {
		return psf.PSF{}, err
	}
	return p.Rebin(optics)
}

// Exposures returns the exposures that the results of [Survey.Expose] are of, on the host: images
// and inverse variances of height × width pixels each.
func (b Bank) Exposures(height, width int, x, invVar, psfs, correlations []float32) []Exposure {
	pixels := height * width
	n := len(x) / pixels
	size, lags := int(math.Sqrt(float64(len(psfs)/n))), b.lags
	out := make([]Exposure, n)
	for i := range out {
		image := galaxy.NewImages(1, height, width, 1)
		copy(image.Pixels, x[i*pixels:])
		p := psf.PSF{Size: size, Pixels: append([]float32(nil), psfs[i*size*size:(i+1)*size*size]...)}
		out[i] = Exposure{Image: image, PSFs: []psf.PSF{p}, InvVar: make([]float64, pixels)}
		for k := range pixels {
			out[i].InvVar[k] = float64(invVar[i*pixels+k])
		}
		c := Correlation{Size: lags, Values: make([]float64, lags*lags)}
		shared := false
		for k := range c.Values {
			c.Values[k] = float64(correlations[i*lags*lags+k])
			shared = shared || k != lags*lags/2 && c.Values[k] != 0
		}
		if shared {
			out[i].Noise = &c
		}
	}
	return out
}

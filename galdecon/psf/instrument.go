package psf

import (
	"fmt"
	"math"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"galdecon/galdecon/internal/random"
)

// Instrument is what a model is trained to look through: the observation x = Π*y + n with a random
// PSF and white noise n. The paper's has round Gaussian PSFs and no noise (Section 3).
type Instrument struct {
	// Size is that of the PSF grid in pixels; PSFs of another size are resized to it, see
	// [PSF.Resize].
	Size int `json:"size"`
	// SigmaMin and SigmaMax bound the width σ of the PSFs, in pixels; it is drawn uniformly between
	// them. σ is that of the Gaussian with the same full width at half maximum.
	SigmaMin float64 `json:"sigma_min"`
	SigmaMax float64 `json:"sigma_max"`
	// ShearMax is the largest |g| of the PSFs' ellipticity, g = (1−q)/(1+q) for the axis ratio q;
	// it is drawn uniformly from the disk. 0 is round.
	ShearMax float64 `json:"shear,omitzero"`
	// InvBetaMax is the largest 1/β of the PSFs: they are Moffat profiles (Moffat 1969), and 1/β is
	// drawn uniformly from 0, a Gaussian, up to it. Seeing has β of 2.5 to 5 (Trujillo et al.
	// 2001).
	InvBetaMax float64 `json:"wings,omitzero"`
	// NoiseMin and NoiseMax bound the standard deviation of n in units of the scaled image, where
	// the peak of a galaxy is 1; its logarithm is drawn uniformly. Both may be 0. The paper
	// neglects noise (Section 2); every detector has some.
	NoiseMin float64 `json:"noise_min"`
	NoiseMax float64 `json:"noise_max"`
}

// Validate returns an error if nothing can be drawn from the instrument.
func (in Instrument) Validate() error {
	switch {
	case in.Size < 1:
		return fmt.Errorf("psf: an instrument needs a PSF grid of at least 1 pixel, got "+
			"%d", in.Size)
	case !(in.SigmaMin > 0) || !(in.SigmaMax >= in.SigmaMin) || math.IsInf(in.SigmaMax, 0):
		return fmt.Errorf("psf: σ of an instrument must satisfy 0 < min ≤ max, got %g to %g "+
			"pixels", in.SigmaMin, in.SigmaMax)
	case !(in.ShearMax >= 0 && in.ShearMax < 1):
		return fmt.Errorf("psf: the largest ellipticity |g| of an instrument's PSFs must be in "+
			"[0, 1), got %g", in.ShearMax)
	case !(in.InvBetaMax >= 0 && in.InvBetaMax < 1):
		return fmt.Errorf("psf: the largest 1/β of an instrument's PSFs must be in [0, 1), where "+
			"their light is finite, got %g", in.InvBetaMax)
	case in.NoiseMin == 0 && in.NoiseMax == 0:
		return nil
	case !(in.NoiseMin > 0) || !(in.NoiseMax >= in.NoiseMin) || math.IsInf(in.NoiseMax, 0):
		return fmt.Errorf("psf: the noise of an instrument must satisfy 0 < min ≤ max in units "+
			"of the peak, or be 0; got %g to %g", in.NoiseMin, in.NoiseMax)
	}
	return nil
}

// Check returns a [Problem] if a PSF isn't one of those that the instrument draws. Ranges are
// stretched a little, as a model doesn't end sharply at their borders, and the centroid may be up
// to a quarter of a pixel from the center. Sky and other stars in the PSF are refused from twice
// the limits of [PSF.Inspect] on, and named, as is noise, where they may be why another range is
// left.
func (in Instrument) Check(p PSF) error {
	const (
		width, shape = 0.1, 0.1 // of the range, and absolute
		misfit       = 0.15     // of the light
		train        = "train a model for it"
	)
	found := p.Inspect()
	for _, problem := range found {
		foreign := problem.Kind == Pedestal || problem.Kind == Neighbor
		if foreign && math.Abs(problem.Value) > 2*problem.Limit {
			return problem
		}
	}
	// First, as a fit takes a PSF that is off its center for a long one. One whose centroid can't
	// be measured is the fit's to refuse.
	for _, problem := range found {
		if problem.Kind == OffCenter {
			return blame(found, problem)
		}
	}
	f, err := p.Fit()
	if err != nil {
		return err
	}
	low, high := in.SigmaMin*(1-width), in.SigmaMax*(1+width)
	kind, value, limit, what, hint := Kind(""), 0.0, 0.0, "", train
	switch g := f.Shear.Norm(); {
	case f.Sigma < low:
		kind, value, limit = Narrow, f.Sigma, low
	case f.Sigma > high:
		kind, value, limit = Wide, f.Sigma, high
	case g > in.ShearMax+shape:
		kind, value, limit = Elongated, g, in.ShearMax+shape
		what = fmt.Sprintf("an ellipticity of |g| = %.2f, the instrument's have at most "+
			"%.2g", g, in.ShearMax)
	case f.Wings > in.InvBetaMax+shape:
		kind, value, limit = Winged, f.Wings, in.InvBetaMax+shape
		what = fmt.Sprintf("wings like a Moffat profile of β = %.1f, the instrument's 1/β is at "+
			"most %.2g",
			1/f.Wings, in.InvBetaMax)
		hint = "is there background left in it? Subtract that first, or " + train
	case f.Misfit > misfit:
		kind, value, limit = Misfit, f.Misfit, misfit
		what = fmt.Sprintf("%.0f %% of its light elsewhere than in any centered Moffat profile, "+
			"at most %.0f %% is good",
			100*f.Misfit, 100*misfit)
		hint = "is there noise, background or another star in it?"
	default:
		return nil
	}
	if kind == Narrow || kind == Wide {
		what = fmt.Sprintf("a width of σ = %.2f pixels, the instrument's have %.2g to %.2g",
			f.Sigma, in.SigmaMin, in.SigmaMax)
		hint = "is it on the image's pixel scale (PSF.Rescale, PSF.Rebin)? Otherwise " + train
	}
	return blame(found, everywhere(kind, value, limit, "this PSF has "+what, hint))
}

// Observe draws a PSF and a noise level for every clean image y [batch, height, width, channels]
// and returns the observations x, of the shape of y, the PSFs [batch, Size, Size] and the noise
// [batch]. Random numbers come from the store of the scope, so they are seeded with it.
func (in Instrument) Observe(scope *model.Scope, y *graph.Node) (x, psfs, noise *graph.Node) {
	g, each := y.Graph(), shapes.Make(dtypes.Float32, y.Shape().Dimensions[0])
	uniform := func(low, high float64) *graph.Node {
		return graph.AddScalar(graph.MulScalar(scope.RandomUniform(g, each), high-low), low)
	}
	sigma := uniform(in.SigmaMin, in.SigmaMax)
	if in.ShearMax == 0 && in.InvBetaMax == 0 {
		psfs = Gaussians(sigma, in.Size)
	} else {
		shear := graph.MulScalar(graph.Sqrt(uniform(0, 1)), in.ShearMax)
		angle := uniform(0, 2*math.Pi)
		psfs = Moffats(sigma, graph.Mul(shear, graph.Cos(angle)),
			graph.Mul(shear, graph.Sin(angle)),
			uniform(0, in.InvBetaMax), in.Size)
	}
	x = Convolve(y, psfs)
	if in.NoiseMax == 0 {
		return x, psfs, graph.Zeros(g, each)
	}
	noise = graph.Exp(uniform(math.Log(in.NoiseMin), math.Log(in.NoiseMax)))
	n := graph.Mul(random.Scoped(scope, g, y.Shape()),
		graph.Reshape(noise, each.Dimensions[0], 1, 1, 1))
	return graph.Add(x, n), psfs, noise
}

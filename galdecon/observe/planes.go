package observe

import (
	"fmt"
	"math"
)

// FromError returns the inverse variances of a plane of standard deviations (ERR, SIGMA, an UNCERT
// of type "std"), 1/σ². Values that are not positive and finite are no data: 0.
func FromError(sigma []float32) []float64 {
	return each(sigma, func(v float64) float64 { return 1 / (v * v) })
}

// FromVariance returns the inverse variances of a plane of variances (VAR_POISSON + VAR_RNOISE, an
// UNCERT of type "var"), 1/v. Values that are not positive and finite are no data: 0. Add the
// planes of several sources of noise first.
func FromVariance(variance []float32) []float64 {
	return each(variance, func(v float64) float64 { return 1 / v })
}

// FromInvVar returns a plane of inverse variances (IVAR, an UNCERT of type "ivar") with 0, no data,
// where a value is not positive and finite.
func FromInvVar(invVar []float32) []float64 {
	return each(invVar, func(v float64) float64 { return v })
}

func each(plane []float32, f func(float64) float64) []float64 {
	out := make([]float64, len(plane))
	for i, v := range plane {
		// A value that is tiny or huge may leave the range of its inverse.
		if w := f(float64(v)); v > 0 && !math.IsInf(float64(v), 0) && !math.IsInf(w, 0) {
			out[i] = w
		}
	}
	return out
}

// FromUncertainty returns the inverse variances of an UNCERT plane from its type, as astropy's
// CCDData writes it (UTYPE): "std", "var" or "ivar".
func FromUncertainty(kind string, plane []float32) ([]float64, error) {
	switch kind {
	case "std", "StdDevUncertainty":
		return FromError(plane), nil
	case "var", "VarianceUncertainty":
		return FromVariance(plane), nil
	case "ivar", "InverseVariance":
		return FromInvVar(plane), nil
	}
	return nil, fmt.Errorf(
		"observe: an uncertainty of type %q is unknown; convert it to std, var or ivar",
		kind,
	)
}

// FromWeight returns the inverse variances of a weight map (WHT) that is known up to a factor
// alone, as coadding and drizzling leave it: weights times the factor that makes the noise of the
// image what it shows, see [NoiseLevel]. Both are [height, width]. Weights that are not positive
// and finite are no data. Sky-dominated noise is assumed, as such maps are; it must be white.
func FromWeight(weights, image []float32, height, width int) ([]float64, error) {
	out := FromInvVar(weights)
	if len(image) != len(out) {
		return nil, &ShapeError{
			What: "the weight map",
			Got:  []int{len(out)},
			Want: fmt.Sprintf("%d values, as the image has", len(image)),
		}
	}
	flat := make([]float32, len(image))
	for i, w := range out {
		flat[i] = image[i] * float32(math.Sqrt(w))
	}
	level, err := NoiseLevel(flat, out, height, width)
	if err != nil {
		return nil, err
	}
	if level == 0 {
		return nil, &ValueError{
			What: "the noise of the weighted image",
			Want: "positive",
			Hint: "give inverse variances (IVAR) instead",
		}
	}
	for i := range out {
		out[i] /= level * level
	}
	return out, nil
}

// AddPhotons adds the photon noise of the sources to inverse variances that lack it (of sky and
// detector alone): 1/(1/w + s/e), with the image's smoothed light s ≥ 0 and e electrons to each of
// its units. That is GAIN for an image in counts, and GAIN·EXPTIME for one in counts per second;
// never guess it. The light is averaged over the data within 5×5 pixels, since noise that is low
// where the image happens to be low would make fluxes too faint. All planes are [height, width].
func AddPhotons(
	invVar []float64,
	image []float32,
	height, width int,
	electrons float64,
) ([]float64, error) {
	if len(invVar) != height*width || len(image) != height*width {
		return nil, &ShapeError{
			What: "inverse variances and image",
			Got:  []int{len(invVar), len(image)},
			Want: fmt.Sprintf("%d×%d values each", height, width),
		}
	}
	if !(electrons > 0) || math.IsInf(electrons, 0) {
		return nil, &ValueError{
			What: "the number of electrons to a unit",
			Got:  electrons,
			Want: "positive and finite",
			Hint: "it is GAIN, times EXPTIME where the image is per second",
		}
	}
	const reach = 2
	out := make([]float64, len(invVar))
	for i, w := range invVar {
		if w == 0 {
			continue
		}
		row, col := i/width, i%width
		sum, n := 0.0, 0.0
		for r := max(row-reach, 0); r <= min(row+reach, height-1); r++ {
			for c := max(col-reach, 0); c <= min(col+reach, width-1); c++ {
				if k := r*width + c; invVar[k] > 0 && finite(image[k]) {
					sum, n = sum+float64(image[k]), n+1
				}
			}
		}
		out[i] = 1 / (1/w + max(sum/max(n, 1), 0)/electrons)
	}
	return out, nil
}

func finite(v float32) bool { return !math.IsNaN(float64(v)) && !math.IsInf(float64(v), 0) }

package score

import (
	"cmp"
	"errors"
	"fmt"
	"math"

	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/moments"
)

// Photometry is what an astronomer measures of a galaxy. Lengths are in pixels; positions are those
// of pixel centers, counted from 0. Nothing is corrected for a PSF or for the width of the pixels,
// which adds 1/12 to squared widths.
type Photometry struct {
	// Flux is the sum over the stamp, Aperture that within a circle around (X, Y), with the stamp's
	// surroundings dark, both in units of the pixels. White noise of standard deviation σ leaves
	// them unbiased, with errors of σ times the root of the area in pixels.
	Flux, Aperture float64
	// HalfLight is the radius of the circle around (X, Y) that holds half of Aperture.
	HalfLight float64
	// G1 and G2 are the ellipticity g, the reduced shear that makes a round galaxy this one: |g| =
	// (1−q)/(1+q) for the axis ratio q, G1 > 0 where it is long along x, G2 > 0 where it is along
	// the diagonal x = y. (The distortion (1−q²)/(1+q²) is another, about twice as large.) White
	// noise gives each an error of 1/ν, where ν is the signal-to-noise ratio of the whole galaxy
	// for its best Gaussian weights.
	G1, G2 float64
	// X and Y are the centroid: column and row.
	X, Y float64
}

const (
	// subpixels of a pixel along a side, and rings of a pixel, of the curve of growth.
	subpixels, rings = 8, 50
	// maxMoments bounds the iterations of the moments, of which smooth galaxies need about 30.
	maxMoments = 500
	// minWeight is the smallest width of a weight in pixels, see [moments.Limits].
	minWeight = 0.6
	// minWidth is the smallest width of a galaxy in pixels, with such weights: what is narrower is
	// a point.
	minWidth = 0.4
)

// Measure measures the galaxy in the middle of an image [1, height, width, channels], of which the
// mean of the channels is taken. Its Scale doesn't count: multiply Flux and Aperture with
// image.Scale[0], if there is one, for the units of the source, as posterior.Posterior.Measure
// does. The radius of the aperture is in pixels, at most half the shorter side; a quarter of it
// leaves out sky that only adds noise.
//
// Centroid and ellipticity are adaptive moments, see [moments.Adaptive]. They are found from a
// round weight of a quarter of the aperture, in the middle of the stamp. A bright nucleus draws the
// weights in, until they see one pixel: they stay at least 0.6 pixels wide, so that the light
// around it counts too. The half-light radius is read from the curve of growth, with even light
// within each pixel.
//
// It is an error if there is no galaxy: no light within the aperture or under the weights, a width
// under 0.4 pixels or over the aperture, or a centroid that leaves the aperture; errors.Is tells
// those of package moments apart. Of noisy images some have none; count them.
func Measure(image *galaxy.Images, aperture float64) (Photometry, error) {
	if err := valid("image", image); err != nil {
		return Photometry{}, err
	}
	if image.N != 1 {
		return Photometry{}, fmt.Errorf("score: one image is measured at a time, got %d; see "+
			"galaxy.Images.Select", image.N)
	}
	if half := float64(min(image.Height, image.Width)) / 2; !(aperture > 0 && aperture <= half) {
		return Photometry{}, fmt.Errorf("score: the radius of the aperture must be within 0 and "+
			"half the shorter side, %g pixels; got %g", half, aperture)
	}
	s := onePlane(image)
	start := moments.Round(float64(s.Width-1)/2, float64(s.Height-1)/2, aperture/4)
	m, err := moments.Adaptive(s, start, moments.Limits{MinWeight: minWeight, MinWidth: minWidth,
		MaxWidth: aperture, MaxShift: aperture, MaxSteps: maxMoments})
	if err != nil {
		return Photometry{}, fmt.Errorf("score: %s: there is no galaxy in the aperture of radius "+
			"%g: %w",
			image.ID(0), aperture, err)
	}
	g := m.Shear()
	p := Photometry{X: m.X, Y: m.Y, G1: g.G1, G2: g.G2}
	if p.Aperture, p.HalfLight, err = growth(s, m.X, m.Y, aperture); err != nil {
		return Photometry{}, fmt.Errorf("score: %s: %w", image.ID(0), err)
	}
	for _, v := range s.Pixels {
		p.Flux += v
	}
	return p, nil
}

// Measurements are those of several images, such as the candidates of a galaxy.
type Measurements struct {
	// Measured are those that could be measured, and Index which images of all they are.
	Measured []Photometry
	Index    []int
	// Failure is why the first of the others couldn't be, nil if there is none.
	Failure error
}

// MeasureEach measures all images by [Measure], in apertures of the same radius in pixels.
func MeasureEach(images *galaxy.Images, aperture float64) Measurements {
	var all Measurements
	for i := range images.N {
		m, err := Measure(images.Select(i), aperture)
		if err != nil {
			all.Failure = cmp.Or(all.Failure, err)
			continue
		}
		all.Measured, all.Index = append(all.Measured, m), append(all.Index, i)
	}
	return all
}

// growth returns the light within a circle and the radius that holds half of it.
func growth(s moments.Image, x, y, aperture float64) (light, half float64, err error) {
	within := make([]float64, int(math.Ceil(aperture*rings)))
	eachSubpixel(s, x, y, func(r, value float64) {
		if r < aperture {
			within[int(r*rings)] += value
			light += value
		}
	})
	if !(light > 0) {
		return 0, 0, errors.New("there is no galaxy: there is no light within the aperture")
	}
	sum := 0.0
	for ring, value := range within {
		if sum+value >= light/2 {
			return light, (float64(ring) + (light/2-sum)/value) / rings, nil
		}
		sum += value
	}
	return light, aperture, nil // rounding alone
}

// PhotometryDeviation is how far a measurement lies from the truth.
type PhotometryDeviation struct {
	// Flux, Aperture and HalfLight are relative and signed: measured/true − 1. Flux can't be used
	// where the true one isn't clearly positive: the sky of a real galaxy's stamp can sum up to
	// anything.
	Flux, Aperture, HalfLight float64
	// Ellipticity is |Δg|. Other weights measure other ellipticities, and published errors are
	// comparable as far as these agree.
	Ellipticity float64
	// Centroid is the distance in pixels.
	Centroid float64
}

// Deviation compares with the truth, measured in the same aperture.
func (p Photometry) Deviation(truth Photometry) PhotometryDeviation {
	return PhotometryDeviation{
		Flux:        p.Flux/truth.Flux - 1,
		Aperture:    p.Aperture/truth.Aperture - 1,
		HalfLight:   p.HalfLight/truth.HalfLight - 1,
		Ellipticity: math.Hypot(p.G1-truth.G1, p.G2-truth.G2),
		Centroid:    math.Hypot(p.X-truth.X, p.Y-truth.Y),
	}
}

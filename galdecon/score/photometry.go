package score

import (
	"errors"
	"fmt"
	"math"

	"galdecon/galdecon/galaxy"
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
	// minWeight is the smallest width of a weight in pixels. The sum of a Gaussian over the pixels'
	// centers depends on where it is by 2·exp(−2π²σ²): 0.2 % at 0.6 pixels, 8 % at 0.4.
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
// Centroid and ellipticity are adaptive moments (Bernstein and Jarvis 2002, AJ 123, 583; Hirata and
// Seljak 2003, MNRAS 343, 459): the second moments M, and the center, weighted by an elliptical
// Gaussian that has just these moments and this center. It is the Gaussian that fits the image
// best, so that noise far from the galaxy counts for nothing. They are found from a round weight of
// a quarter of the aperture, in the middle of the stamp, by M ← 2·(weighted moments). A bright
// nucleus draws the weights in, until they see one pixel: they stay at least 0.6 pixels wide, so
// that the light around it counts too. The half-light radius is read from the curve of growth, with
// even light within each pixel.
//
// It is an error if there is no galaxy: no light within the aperture or under the weights, a width
// under 0.4 pixels or over the aperture, or a centroid that leaves the aperture. Of noisy images
// some have none; count them.
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
	s := stamp{height: image.Height, width: image.Width,
		pixels: make([]float64, image.Height*image.Width)}
	for i, v := range image.Pixels {
		s.pixels[i/image.Channels] += float64(v) / float64(image.Channels)
	}
	m, err := s.moments(aperture)
	if err != nil {
		return Photometry{}, fmt.Errorf("score: %s: %w", image.ID(0), err)
	}
	p := Photometry{X: m.x, Y: m.y}
	p.G1, p.G2 = m.shear()
	if p.Aperture, p.HalfLight, err = s.growth(m.x, m.y, aperture); err != nil {
		return Photometry{}, fmt.Errorf("score: %s: %w", image.ID(0), err)
	}
	for _, v := range s.pixels {
		p.Flux += v
	}
	return p, nil
}

// stamp is a gray image in float64.
type stamp struct {
	height, width int
	pixels        []float64
}

// moments are the center and the second moments of an elliptical Gaussian.
type moments struct {
	x, y, xx, yy, xy float64
}

func (s stamp) moments(aperture float64) (moments, error) {
	middleX, middleY := float64(s.width-1)/2, float64(s.height-1)/2
	m := moments{x: middleX, y: middleY, xx: aperture * aperture / 16, yy: aperture * aperture / 16}
	for range maxMoments {
		w := m.atLeast(minWeight)
		det := w.xx*w.yy - w.xy*w.xy
		var light, x, y, xx, yy, xy float64
		for row := range s.height {
			dy := float64(row) - m.y
			for col := range s.width {
				dx := float64(col) - m.x
				distance := (w.yy*dx*dx - 2*w.xy*dx*dy + w.xx*dy*dy) / det
				if distance > 50 {
					continue // a weight of 1e-11
				}
				weighted := s.pixels[row*s.width+col] * math.Exp(-distance/2)
				light += weighted
				x += weighted * dx
				y += weighted * dy
				xx += weighted * dx * dx
				yy += weighted * dy * dy
				xy += weighted * dx * dy
			}
		}
		if !(light > 0) {
			return m, errors.New("there is no galaxy: its moments have no light under their " +
				"weights")
		}
		next := moments{x: m.x + 2*x/light, y: m.y + 2*y/light, xx: 2 * xx / light,
			yy: 2 * yy / light, xy: 2 * xy / light}
		smallest := (next.xx+next.yy)/2 - math.Hypot((next.xx-next.yy)/2, next.xy)
		switch largest := next.xx + next.yy - smallest; {
		case !(smallest > minWidth*minWidth):
			return m, fmt.Errorf("there is no galaxy: what is there is narrower than %g pixels",
				minWidth)
		case largest > aperture*aperture:
			return m, errors.New("there is no galaxy: its light spreads beyond the aperture")
		case math.Hypot(next.x-middleX, next.y-middleY) > aperture:
			return m, errors.New("there is no galaxy in the middle: its centroid leaves the " +
				"aperture")
		}
		change := max(math.Abs(next.xx-m.xx), math.Abs(next.yy-m.yy), math.Abs(next.xy-m.xy))
		moved := max(math.Abs(next.x-m.x), math.Abs(next.y-m.y))
		m = next
		if change < 1e-7*(m.xx+m.yy) && moved < 1e-6 {
			return m, nil
		}
	}
	return m, fmt.Errorf("there is no galaxy with definite moments: %d iterations don't find them",
		maxMoments)
}

// atLeast widens what is narrower than width along the principal axes to it.
func (m moments) atLeast(width float64) moments {
	mean, half := (m.xx+m.yy)/2, math.Hypot((m.xx-m.yy)/2, m.xy)
	large, small := max(mean+half, width*width), max(mean-half, width*width)
	if large == small {
		m.xx, m.yy, m.xy = large, large, 0 // round; half may be 0
		return m
	}
	stretch := (large - small) / 2 / half
	along, across := stretch*(m.xx-m.yy)/2, stretch*m.xy
	m.xx, m.yy, m.xy = (large+small)/2+along, (large+small)/2-along, across
	return m
}

// shear returns g from the distortion e = (xx−yy, 2xy)/(xx+yy): g = e/(1+√(1−|e|²)).
func (m moments) shear() (g1, g2 float64) {
	e1, e2 := (m.xx-m.yy)/(m.xx+m.yy), 2*m.xy/(m.xx+m.yy)
	root := 1 + math.Sqrt(1-e1*e1-e2*e2)
	return e1 / root, e2 / root
}

// growth returns the light within a circle and the radius that holds half of it.
func (s stamp) growth(x, y, aperture float64) (light, half float64, err error) {
	within := make([]float64, int(math.Ceil(aperture*rings)))
	for row := range s.height {
		for col := range s.width {
			value := s.pixels[row*s.width+col] / (subpixels * subpixels)
			for i := range subpixels {
				dy := float64(row) + (float64(i)+0.5)/subpixels - 0.5 - y
				for j := range subpixels {
					dx := float64(col) + (float64(j)+0.5)/subpixels - 0.5 - x
					if r := math.Sqrt(dx*dx + dy*dy); r < aperture {
						within[int(r*rings)] += value
						light += value
					}
				}
			}
		}
	}
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

// Package moments measures where light is, how wide it spreads, and how elliptical: the adaptive
// moments of galaxies and of PSFs.
//
// Positions are those of pixel centers, columns X and rows Y counted from 0; lengths are in pixels.
package moments

import (
	"errors"
	"fmt"
	"math"
)

// Image is a gray image.
type Image struct {
	// Height and Width are the numbers of rows and columns.
	Height, Width int
	// Pixels are its values in any unit, [Height, Width], row after row.
	Pixels []float64
}

// Moments are the center and the second moments of an elliptical Gaussian.
type Moments struct {
	// X and Y are the column and the row of the center, in pixels.
	X, Y float64
	// XX, YY and XY are the covariances of columns and rows, in squared pixels.
	XX, YY, XY float64
}

// Round returns the moments of a round Gaussian of width sigma.
func Round(x, y, sigma float64) Moments {
	return Moments{X: x, Y: y, XX: sigma * sigma, YY: sigma * sigma}
}

// Sigma returns the geometric mean of the two widths: σ of a round Gaussian of the same area.
func (m Moments) Sigma() float64 { return math.Pow(m.XX*m.YY-m.XY*m.XY, 0.25) }

// Shear returns the ellipticity, from the distortion e = (XX−YY, 2·XY)/(XX+YY).
func (m Moments) Shear() Shear {
	return FromDistortion((m.XX-m.YY)/(m.XX+m.YY), 2*m.XY/(m.XX+m.YY))
}

// variances returns those along the two principal axes.
func (m Moments) variances() (large, small float64) {
	mean, half := (m.XX+m.YY)/2, math.Hypot((m.XX-m.YY)/2, m.XY)
	return mean + half, mean - half
}

// atLeast widens what is narrower than width, along the principal axes, to it.
func (m Moments) atLeast(width float64) Moments {
	long, short := m.variances()
	large, small := max(long, width*width), max(short, width*width)
	if large == small {
		m.XX, m.YY, m.XY = large, large, 0 // round; long−short may be 0
		return m
	}
	stretch := (large - small) / (long - short)
	along, across := stretch*(m.XX-m.YY)/2, stretch*m.XY
	m.XX, m.YY, m.XY = (large+small)/2+along, (large+small)/2-along, across
	return m
}

// Limits bound what is taken for a source. The zero value of each but MaxSteps is no limit.
type Limits struct {
	// MinWeight is the smallest width of a weight in pixels: narrower sources are weighted with it.
	// The sum of a Gaussian over the pixels' centers depends on where it is by 2·exp(−2π²σ²): 0.2 %
	// at 0.6 pixels, 8 % at 0.4.
	MinWeight float64
	// MinWidth and MaxWidth bound the widths of the source in pixels, along both axes.
	MinWidth, MaxWidth float64
	// MaxShift is how far the center may move from where it starts, in pixels.
	MaxShift float64
	// MaxSteps bounds the iterations, of which smooth sources need about 30; at least 1.
	MaxSteps int
}

// Errors of [Adaptive], to be told apart with errors.Is.
var (
	ErrDark    = errors.New("its moments have no light under their weights")
	ErrNarrow  = errors.New("what is there is too narrow")
	ErrWide    = errors.New("its light spreads too far")
	ErrMoved   = errors.New("its centroid leaves its place")
	ErrUnclear = errors.New("it has no definite moments")
)

// Adaptive returns the adaptive moments of a source (Bernstein & Jarvis 2002, AJ 123, 583, Section
// 3; Hirata & Seljak 2003, MNRAS 343, 459): its centroid and second moments M where light is
// weighted by the elliptical Gaussian that has just these moments. That is the Gaussian that fits
// the image best, so that neither faint wings nor noise far from the source count.
//
// They are found from a start by M ← 2·(weighted moments), and likewise for the center: the product
// of two equal Gaussians is one of half the variance. The source must be sampled finely enough for
// sums over pixels to be integrals. The error, one of those above, says why there are none.
func Adaptive(image Image, start Moments, limits Limits) (Moments, error) {
	m := start
	for range limits.MaxSteps {
		next, err := step(image, m, m.atLeast(limits.MinWeight))
		if err != nil {
			return m, err
		}
		large, small := next.variances()
		shift := math.Hypot(next.X-start.X, next.Y-start.Y)
		switch least := limits.MinWidth * limits.MinWidth; {
		case !(small > least):
			return m, fmt.Errorf("%w: narrower than %g pixels", ErrNarrow, limits.MinWidth)
		case limits.MaxWidth > 0 && large > limits.MaxWidth*limits.MaxWidth:
			return m, fmt.Errorf("%w: beyond the limit of %g pixels", ErrWide, limits.MaxWidth)
		case limits.MaxShift > 0 && shift > limits.MaxShift:
			return m, fmt.Errorf("%w: by more than %g pixels", ErrMoved, limits.MaxShift)
		}
		change := max(math.Abs(next.XX-m.XX), math.Abs(next.YY-m.YY), math.Abs(next.XY-m.XY))
		moved := max(math.Abs(next.X-m.X), math.Abs(next.Y-m.Y))
		m = next
		if change < 1e-7*(m.XX+m.YY) && moved < 1e-6 {
			return m, nil
		}
	}
	return m, fmt.Errorf("%w: %d iterations don't find them", ErrUnclear, limits.MaxSteps)
}

// step returns the moments after m, with the Gaussian weight w around the center of m.
func step(image Image, m, w Moments) (Moments, error) {
	det := w.XX*w.YY - w.XY*w.XY
	var light, x, y, xx, yy, xy float64
	for row := range image.Height {
		dy := float64(row) - m.Y
		for col := range image.Width {
			dx := float64(col) - m.X
			distance := (w.YY*dx*dx - 2*w.XY*dx*dy + w.XX*dy*dy) / det
			if distance > 50 {
				continue // a weight of 1e-11
			}
			weighted := image.Pixels[row*image.Width+col] * math.Exp(-distance/2)
			light += weighted
			x += weighted * dx
			y += weighted * dy
			xx += weighted * dx * dx
			yy += weighted * dy * dy
			xy += weighted * dx * dy
		}
	}
	if !(light > 0) {
		return m, ErrDark
	}
	return Moments{
		X: m.X + 2*x/light, Y: m.Y + 2*y/light,
		XX: 2 * xx / light, YY: 2 * yy / light, XY: 2 * xy / light,
	}, nil
}

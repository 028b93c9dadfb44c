package observe

import (
	"errors"
	"fmt"
	"math"

	"galdecon/galdecon/galaxy/wcs"
)

// offLimit is how many pixels of the target grid a pixel may lie off, where an exposure is taken to
// be shifted and binned only.
const offLimit = 0.05

// Locate returns the exposure with its place on the target grid, Row, Column and Bin, from the
// world coordinates of its image and of the grid, whose first pixel is row 0, column 0. The shift
// is that of the image's center. It's an [*AlignmentError] if the image is turned against the grid,
// mirrored or distorted, or has pixels that aren't a whole number of the grid's wide, by so much
// that one of its pixels would lie more than 0.05 of the grid's off; a [*wcs.SkyError] if they show
// other parts of the sky, or in other coordinates.
func (e Exposure) Locate(image, target *wcs.WCS) (Exposure, error) {
	if err := e.Image.CheckShape(); err != nil {
		return Exposure{}, err
	}
	if image == nil || target == nil {
		return Exposure{}, errors.New("observe: world coordinates are missing; wcs.Parse reads " +
			"them from the header of the image, and of the target grid")
	}
	a, err := newAlignment(image, target, e.Image.Height, e.Image.Width)
	if err != nil {
		return Exposure{}, err
	}
	area := math.Abs(a.matrix[0][0]*a.matrix[1][1] - a.matrix[0][1]*a.matrix[1][0])
	bin := max(1, math.Round(math.Sqrt(area)))
	if err := a.check(bin); err != nil {
		return Exposure{}, err
	}
	// A pixel's center lies amid those that it is the mean of; its corner is the first.
	e.Bin = int(bin)
	e.Column = a.center[0] - bin*float64(e.Image.Width-1)/2 - (bin-1)/2
	e.Row = a.center[1] - bin*float64(e.Image.Height-1)/2 - (bin-1)/2
	return e, nil
}

// alignment is where pixels of an image are on the target grid, columns first.
type alignment struct {
	matrix [2][2]float64 // the linear map that fits best
	center [2]float64    // of the image, on the grid
	from   [][2]float64  // places beside the center, in pixels of the image
	to     [][2]float64  // where they are beside the center on the grid
}

func newAlignment(image, target *wcs.WCS, height, width int) (*alignment, error) {
	const steps = 2 // from the center to an edge
	a := &alignment{}
	middle := [2]float64{float64(width-1) / 2, float64(height-1) / 2}
	at := func(p [2]float64) (q [2]float64, err error) {
		q[0], q[1], err = wcs.Between(image, target, middle[0]+p[0], middle[1]+p[1])
		return q, err
	}
	var err error
	if a.center, err = at([2]float64{}); err != nil {
		return nil, err
	}
	var squares [2]float64
	for i := -steps; i <= steps; i++ {
		for j := -steps; j <= steps; j++ {
			p := [2]float64{float64(j*width) / (2 * steps), float64(i*height) / (2 * steps)}
			q, err := at(p)
			if err != nil {
				return nil, err
			}
			for axis := range q {
				q[axis] -= a.center[axis]
				squares[axis] += p[axis] * p[axis]
				// Places are symmetric, so that their columns and rows are uncorrelated.
				for other := range p {
					a.matrix[axis][other] += q[axis] * p[other]
				}
			}
			a.from, a.to = append(a.from, p), append(a.to, q)
		}
	}
	for axis := range a.matrix {
		for other := range squares {
			a.matrix[axis][other] /= squares[other]
		}
	}
	return a, nil
}

// check returns an error unless the image is on the grid, with bin pixels to one of its own.
func (a *alignment) check(bin float64) error {
	m := a.matrix
	e := &AlignmentError{
		Angle:       math.Atan2(m[1][0]-m[0][1], m[0][0]+m[1][1]) * 180 / math.Pi,
		ColumnScale: math.Hypot(m[0][0], m[1][0]),
		RowScale:    math.Hypot(m[0][1], m[1][1]),
		Limit:       offLimit,
	}
	for i, p := range a.from {
		e.Off = max(e.Off, math.Hypot(a.to[i][0]-bin*p[0], a.to[i][1]-bin*p[1]))
	}
	// How far a linear map alone, in place of the image's, puts the pixels off.
	puts := func(xx, xy, yx, yy float64) (off float64) {
		for _, p := range a.from {
			off = max(off, math.Hypot(xx*p[0]+xy*p[1]-bin*p[0], yx*p[0]+yy*p[1]-bin*p[1]))
		}
		return off
	}
	sin, cos := math.Sincos(e.Angle * math.Pi / 180)
	switch {
	case m[0][0]*m[1][1]-m[0][1]*m[1][0] < 0:
		e.Kind = Mirrored
	case e.Off <= offLimit:
		return nil
	case puts(bin*cos, -bin*sin, bin*sin, bin*cos) > offLimit:
		e.Kind = Turned
	case puts(e.ColumnScale, 0, 0, e.RowScale) > offLimit:
		e.Kind = Scaled
	default:
		e.Kind = Distorted
	}
	return e
}

// Alignment says how an image doesn't lie on the target grid.
type Alignment string

const (
	Turned    Alignment = "turned"
	Mirrored  Alignment = "mirrored"
	Scaled    Alignment = "of another scale"
	Distorted Alignment = "distorted"
)

// AlignmentError says that the pixels of an image aren't those of the target grid, or whole numbers
// of them, after a shift.
type AlignmentError struct {
	Kind Alignment
	// Angle is by how many degrees the image's columns, to higher ones, are turned on the grid,
	// from its columns towards its rows.
	Angle float64
	// ColumnScale and RowScale are the widths of a pixel of the image in those of the grid.
	ColumnScale, RowScale float64
	// Off is how many pixels of the grid a pixel of the image would lie off, and Limit how many
	// it may.
	Off, Limit float64
}

func (e *AlignmentError) Error() string {
	hint := "resample it to the grid, with its noise"
	if e.Kind == Scaled {
		hint = "take a grid of which its pixels are a whole number wide, or " + hint
	}
	return fmt.Sprintf("observe: the image is %s on the target grid: by %.4g degrees, its pixels "+
		"%.6g×%.6g of the grid's wide, so that one would lie %.3g of these off, at most %g is "+
		"taken for none; %s", e.Kind, e.Angle, e.ColumnScale, e.RowScale, e.Off, e.Limit, hint)
}

package wcs

import "math"

// PixelScale returns the size of the pixel at a column and a row in arcseconds, the root of its
// area.
func (w *WCS) PixelScale(column, row float64) float64 {
	east, north := w.arcsecond(column, row)
	return 1 / math.Sqrt(math.Abs(east[0]*north[1]-east[1]*north[0]))
}

// Compass returns in which directions of the image the latitude and the longitude grow at a pixel,
// north and east of RA and DEC: columns and rows, of length 1. Rows grow downwards in a picture
// whose first row is at its top.
func (w *WCS) Compass(column, row float64) (north, east [2]float64) {
	e, n := w.arcsecond(column, row)
	unit := func(v [2]float64) [2]float64 {
		length := math.Hypot(v[0], v[1])
		return [2]float64{v[0] / length, v[1] / length}
	}
	return unit(n), unit(e)
}

// arcsecond returns how many columns and rows an arcsecond to the east and one to the north of a
// pixel are.
func (w *WCS) arcsecond(column, row float64) (east, north [2]float64) {
	t := w.Tangent(column, row)
	m := t.Matrix
	det := (m[0][0]*m[1][1] - m[0][1]*m[1][0]) * 3600
	return [2]float64{m[1][1] / det, -m[1][0] / det}, [2]float64{-m[0][1] / det, m[0][0] / det}
}

// Tangent is a plane that touches the sky where a pixel of an image is, with which world
// coordinates around it are those of a plain TAN: (ξ, η) = Matrix · (x − Column, y − Row), degrees
// to the east and to the north.
type Tangent struct {
	Longitude, Latitude float64
	Column, Row         float64
	Matrix              [2][2]float64
}

// Tangent returns the plane at a pixel. Around it coordinates are those of w but for terms of the
// second order: distortions, and the square of the distance times that to the reference point.
func (w *WCS) Tangent(column, row float64) Tangent {
	t := Tangent{Column: column, Row: row}
	t.Longitude, t.Latitude = w.Sky(column, row)
	touch := direction(t.Longitude, t.Latitude)
	east, north := direction(t.Longitude+90, 0), direction(t.Longitude, t.Latitude+90)
	const half = 0.5 // pixels
	for k, step := range [][2]float64{{half, 0}, {0, half}} {
		after := w.toSky(column+step[0], row+step[1])
		before := w.toSky(column-step[0], row-step[1])
		degrees := func(axis vector) float64 {
			return (after.dot(axis)/after.dot(touch) - before.dot(axis)/before.dot(touch)) *
				180 / math.Pi / (2 * half)
		}
		t.Matrix[0][k], t.Matrix[1][k] = degrees(east), degrees(north)
	}
	return t
}

// Window returns the world coordinates of the part of the image whose first pixel is at a column
// and a row of it.
func (w *WCS) Window(column, row int) *WCS {
	out := *w
	out.reference[0] -= float64(column)
	out.reference[1] -= float64(row)
	return &out
}

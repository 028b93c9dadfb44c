// Package wcs understands the world coordinates of images: where in the sky their pixels are
// (Greisen & Calabretta 2002, A&A 395, 1061; Calabretta & Greisen 2002, A&A 395, 1077).
//
// It has the gnomonic projection, TAN, which nearly all images of galaxies are in, with the
// polynomials of SIP (Shupe et al. 2005, ASPC 347, 491). What else a header asks for is refused by
// name. Pixels count from 0, the first pixel's center being column 0, row 0.
package wcs

import (
	"fmt"
	"math"
)

// WCS is the world coordinates of an image, see [Parse].
type WCS struct {
	// Frame is the system of the coordinates, such as "RA/DEC ICRS" or "RA/DEC FK5 2000".
	Frame string

	reference [2]float64    // CRPIX, from 0
	matrix    [2][2]float64 // pixels to degrees along axes of intermediate coordinates, x and y
	inverse   [2][2]float64
	sip       [2][]term // what is added to pixels along axis 1 and 2; nil is nothing
	// The plane touches the sky at the pole, and has its axes east and north there.
	pole, east, north vector
}

// term is a coefficient of u^p·v^q.
type term struct {
	p, q        int
	coefficient float64
}

// vector is a direction in the sky, of length 1.
type vector [3]float64

func (v vector) dot(w vector) float64 { return v[0]*w[0] + v[1]*w[1] + v[2]*w[2] }

// direction returns that of a longitude and a latitude in degrees.
func direction(longitude, latitude float64) vector {
	sinLon, cosLon := math.Sincos(longitude * math.Pi / 180)
	sinLat, cosLat := math.Sincos(latitude * math.Pi / 180)
	return vector{cosLat * cosLon, cosLat * sinLon, sinLat}
}

// Sky returns the longitude, from 0 to 360, and the latitude of a pixel in degrees; of RA and DEC
// these.
func (w *WCS) Sky(column, row float64) (longitude, latitude float64) {
	v := w.toSky(column, row)
	longitude = math.Mod(math.Atan2(v[1], v[0])*180/math.Pi+360, 360)
	return longitude, math.Atan2(v[2], math.Hypot(v[0], v[1])) * 180 / math.Pi
}

func (w *WCS) toSky(column, row float64) vector {
	p := w.distort([2]float64{column - w.reference[0], row - w.reference[1]})
	x := (w.matrix[0][0]*p[0] + w.matrix[0][1]*p[1]) * math.Pi / 180
	y := (w.matrix[1][0]*p[0] + w.matrix[1][1]*p[1]) * math.Pi / 180
	length := math.Sqrt(1 + x*x + y*y)
	var v vector
	for i := range v {
		v[i] = (w.pole[i] + x*w.east[i] + y*w.north[i]) / length
	}
	return v
}

// Pixel returns where a longitude and a latitude in degrees are in the image. It's a [*SkyError]
// for places that the image can't show.
func (w *WCS) Pixel(longitude, latitude float64) (column, row float64, err error) {
	return w.toPixel(direction(longitude, latitude))
}

func (w *WCS) toPixel(v vector) (column, row float64, err error) {
	depth := v.dot(w.pole)
	if !(depth > 0) {
		return 0, 0, &SkyError{fmt.Sprintf("it is %.4g degrees from the reference point, and a "+
			"plane shows less than 90", math.Acos(max(min(depth, 1), -1))*180/math.Pi)}
	}
	x, y := v.dot(w.east)/depth*180/math.Pi, v.dot(w.north)/depth*180/math.Pi
	goal := [2]float64{w.inverse[0][0]*x + w.inverse[0][1]*y, w.inverse[1][0]*x + w.inverse[1][1]*y}
	p, err := w.undistort(goal)
	return p[0] + w.reference[0], p[1] + w.reference[1], err
}

// distort adds the polynomials of SIP to pixels from the reference.
func (w *WCS) distort(p [2]float64) [2]float64 {
	out := p
	for axis, terms := range w.sip {
		for _, t := range terms {
			out[axis] += t.coefficient * power(p[0], t.p) * power(p[1], t.q)
		}
	}
	return out
}

// undistort is the inverse of distort, by Newton's steps.
func (w *WCS) undistort(goal [2]float64) ([2]float64, error) {
	p := goal
	if w.sip[0] == nil && w.sip[1] == nil {
		return p, nil
	}
	for range 50 {
		got := w.distort(p)
		off := [2]float64{goal[0] - got[0], goal[1] - got[1]}
		j := w.slope(p)
		det := j[0][0]*j[1][1] - j[0][1]*j[1][0]
		p[0] += (j[1][1]*off[0] - j[0][1]*off[1]) / det
		p[1] += (j[0][0]*off[1] - j[1][0]*off[0]) / det
		if math.Hypot(off[0], off[1]) < 1e-9 {
			return p, nil
		}
	}
	return p, &SkyError{"the polynomials of SIP can't be inverted there"}
}

// slope returns the derivatives of distort.
func (w *WCS) slope(p [2]float64) [2][2]float64 {
	j := [2][2]float64{{1, 0}, {0, 1}}
	for axis, terms := range w.sip {
		for _, t := range terms {
			if t.p > 0 {
				j[axis][0] += t.coefficient * float64(t.p) * power(p[0], t.p-1) * power(p[1], t.q)
			}
			if t.q > 0 {
				j[axis][1] += t.coefficient * float64(t.q) * power(p[0], t.p) * power(p[1], t.q-1)
			}
		}
	}
	return j
}

func power(x float64, n int) float64 {
	out := 1.0
	for range n {
		out *= x
	}
	return out
}

// Between returns where a pixel of an image is in another, in the pixels of that. It's a
// [*SkyError] if they don't show the same part of the sky, or in other coordinates.
func Between(from, to *WCS, column, row float64) (toColumn, toRow float64, err error) {
	if from.Frame != to.Frame {
		return 0, 0, &SkyError{fmt.Sprintf("one image is in %s, the other in %s, which differ by "+
			"up to much more than a pixel; if one catalog was the reference of both, give both "+
			"headers its RADESYS and EQUINOX", from.Frame, to.Frame)}
	}
	return to.toPixel(from.toSky(column, row))
}

// SkyError says that a place in the sky has no pixel.
type SkyError struct{ Why string }

func (e *SkyError) Error() string { return "wcs: a place in the sky has no pixel: " + e.Why }

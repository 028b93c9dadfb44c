// Package wcs says where in the sky the pixels of an image lie: by the world coordinates of its
// FITS header in the gnomonic projection (TAN), with the polynomials of SIP where it has them.
//
// Pixels are counted as in [galaxy.Images]: the center of the first one, in the first row of the
// file, is at (0, 0), x grows along a row, y from row to row. Angles are in degrees.
package wcs

import (
	"fmt"
	"math"
)

// World are the world coordinates of an image in the gnomonic projection (Calabretta & Greisen
// 2002, A&A 395, 1077, section 5.1.3), in right ascension and declination:
//
//	(ξ, η) = Matrix · (u, v),  (u, v) = (x − X, y − Y)
//
// is the place on the plane that touches the sky at (RA, Dec), ξ to the east, η to the north. With
// SIP's polynomials (Shupe et al. 2005, ASPC 347, 491) u and v are corrected by them first. The
// zero value is not usable; [FromHeader] reads one, and one without distortion is made by hand.
type World struct {
	// RA and Dec are the sky at the reference pixel, in degrees.
	RA, Dec float64
	// X and Y are the reference pixel, counted from 0.
	X, Y float64
	// Matrix has the degrees to a pixel: rows for ξ and η, columns for x and y.
	Matrix [2][2]float64

	distortion *sip
}

// Validate returns an error if a number of w isn't finite, a declination beyond the poles, or the
// matrix has no inverse.
func (w *World) Validate() error {
	if w == nil {
		return fmt.Errorf("wcs: there are no world coordinates; FromHeader reads them")
	}
	for _, v := range []float64{w.RA, w.Dec, w.X, w.Y, w.Matrix[0][0], w.Matrix[0][1],
		w.Matrix[1][0], w.Matrix[1][1]} {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Errorf("wcs: the world coordinates %+v have a value that isn't finite", *w)
		}
	}
	if math.Abs(w.Dec) > 90 {
		return fmt.Errorf("wcs: the declination of the reference pixel is %g°; "+
			"it must be from -90 to 90", w.Dec)
	}
	if w.determinant() == 0 {
		return fmt.Errorf("wcs: the matrix %v, degrees to a pixel, has no inverse: "+
			"all pixels would lie on one line of the sky", w.Matrix)
	}
	return nil
}

func (w *World) determinant() float64 {
	return w.Matrix[0][0]*w.Matrix[1][1] - w.Matrix[0][1]*w.Matrix[1][0]
}

// Sky returns the right ascension, from 0 to 360, and the declination of a pixel.
func (w *World) Sky(x, y float64) (ra, dec float64) {
	return angles(w.direction(x, y))
}

// Pixel returns the pixel at a place in the sky, whether within the image or not; ok is false for
// the half of the sky that the projection doesn't show.
func (w *World) Pixel(ra, dec float64) (x, y float64, ok bool) {
	return w.pixel(direction(ra, dec))
}

// PixelScale returns the size of a pixel at (x, y) in arcseconds, the root of its area.
func (w *World) PixelScale(x, y float64) float64 {
	ex, ey, nx, ny := w.axes(x, y)
	// A pixel is as large a part of a square arcsecond as one of these has pixels.
	return 1 / math.Sqrt(math.Abs(ex*ny-ey*nx))
}

// Compass returns in which directions of the image north and east are at (x, y), as vectors of
// length 1 in pixels; y grows from row to row.
func (w *World) Compass(x, y float64) (north, east [2]float64) {
	ex, ey, nx, ny := w.axes(x, y)
	n, e := math.Hypot(nx, ny), math.Hypot(ex, ey)
	return [2]float64{nx / n, ny / n}, [2]float64{ex / e, ey / e}
}

// axes returns how far an arcsecond to the east and to the north of (x, y) are away, in pixels.
func (w *World) axes(x, y float64) (ex, ey, nx, ny float64) {
	at := w.direction(x, y)
	ra, dec := angles(at)
	sa, ca := math.Sincos(ra * degree)
	sd, cd := math.Sincos(dec * degree)
	const step = degree / 3600
	difference := func(to vector) (dx, dy float64) {
		var p, m vector
		for i := range at {
			p[i], m[i] = at[i]+step/2*to[i], at[i]-step/2*to[i]
		}
		px, py, _ := w.pixel(p)
		mx, my, _ := w.pixel(m)
		return px - mx, py - my
	}
	ex, ey = difference(vector{-sa, ca, 0})
	nx, ny = difference(vector{-sd * ca, -sd * sa, cd})
	return ex, ey, nx, ny
}

// Window returns the world coordinates of the part of the image whose first pixel is (left, top) of
// it.
func (w *World) Window(left, top int) *World {
	out := *w
	out.X, out.Y = w.X-float64(left), w.Y-float64(top)
	return &out
}

// Plain returns world coordinates without distortion that are those of w at the pixel (x, y) and
// in its neighborhood to first order; w itself where it has none. Within 100 pixels of Hubble's ACS
// that is good to 0.02 pixels.
func (w *World) Plain(x, y float64) *World {
	if w.distortion == nil {
		return w
	}
	plain := &World{X: x, Y: y}
	plain.RA, plain.Dec = w.Sky(x, y)
	ex, ey, nx, ny := w.axes(x, y)
	d := (ex*ny - ey*nx) * 3600
	plain.Matrix = [2][2]float64{{ny / d, -nx / d}, {-ey / d, ex / d}}
	return plain
}

const degree = math.Pi / 180

// vector is a direction in space: (cos δ cos α, cos δ sin α, sin δ), of any length.
type vector [3]float64

func direction(ra, dec float64) vector {
	sa, ca := math.Sincos(ra * degree)
	sd, cd := math.Sincos(dec * degree)
	return vector{cd * ca, cd * sa, sd}
}

func angles(v vector) (ra, dec float64) {
	ra = math.Atan2(v[1], v[0]) / degree
	if ra < 0 {
		ra += 360
	}
	return ra, math.Atan2(v[2], math.Hypot(v[0], v[1])) / degree
}

// frame returns the reference direction, and those to the east and to the north of it.
func (w *World) frame() (reference, east, north vector) {
	sa, ca := math.Sincos(w.RA * degree)
	sd, cd := math.Sincos(w.Dec * degree)
	return vector{cd * ca, cd * sa, sd}, vector{-sa, ca, 0}, vector{-sd * ca, -sd * sa, cd}
}

func (w *World) direction(x, y float64) vector {
	u, v := x-w.X, y-w.Y
	if w.distortion != nil {
		u, v = w.distortion.at(u, v)
	}
	xi := (w.Matrix[0][0]*u + w.Matrix[0][1]*v) * degree
	eta := (w.Matrix[1][0]*u + w.Matrix[1][1]*v) * degree
	r, e, n := w.frame()
	var out vector
	length := math.Sqrt(1 + xi*xi + eta*eta)
	for i := range out {
		out[i] = (r[i] + xi*e[i] + eta*n[i]) / length
	}
	return out
}

func (w *World) pixel(to vector) (x, y float64, ok bool) {
	r, e, n := w.frame()
	var depth, xi, eta float64
	for i, v := range to {
		depth, xi, eta = depth+v*r[i], xi+v*e[i], eta+v*n[i]
	}
	if depth <= 0 {
		return math.NaN(), math.NaN(), false
	}
	xi, eta = xi/depth/degree, eta/depth/degree
	d := w.determinant()
	u := (w.Matrix[1][1]*xi - w.Matrix[0][1]*eta) / d
	v := (w.Matrix[0][0]*eta - w.Matrix[1][0]*xi) / d
	if w.distortion != nil {
		u, v = w.distortion.inverse(u, v)
	}
	return w.X + u, w.Y + v, true
}

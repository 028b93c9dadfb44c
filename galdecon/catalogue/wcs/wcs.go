// Package wcs turns positions on the sky into pixels and back, by the world coordinates in a
// header of FITS (Greisen & Calabretta 2002, A&A 395, 1061; Calabretta & Greisen 2002, A&A 395,
// 1077): the zenithal projections TAN, SIN, ARC, STG and ZEA, and distortions by SIP's polynomials
// (Shupe et al. 2005, ASPC 347, 491).
package wcs

import (
	"fmt"
	"math"
	"strings"

	"galdecon/galdecon/galaxy/files/fits"
)

// WCS is the world coordinates of an image.
type WCS struct {
	reference  [2]float64    // CRPIX, counted from 1
	ra, dec    float64       // of the reference, in radians
	matrix     [2][2]float64 // from pixels to degrees
	inverse    [2][2]float64
	longitude  int // the axis, 0 or 1, of right ascension
	projection string
	pole       float64 // LONPOLE in radians
	a, b       polynomial
}

// polynomial is a SIP polynomial: coefficient [p][q] of u^p v^q.
type polynomial [][]float64

// Error says why a header's coordinates aren't understood.
type Error struct{ What string }

func (e *Error) Error() string {
	return "wcs: " + e.What + "; give positions in pixels"
}

// radius are, for the projections, the distance from the reference in radians of a place at the
// angle c from it, and the inverse of that.
var radius = map[string]struct{ of, angle func(float64) float64 }{
	"TAN": {math.Tan, math.Atan},
	"SIN": {math.Sin, math.Asin},
	"ARC": {func(c float64) float64 { return c }, func(r float64) float64 { return r }},
	"STG": {func(c float64) float64 { return 2 * math.Tan(c/2) },
		func(r float64) float64 { return 2 * math.Atan(r/2) }},
	"ZEA": {func(c float64) float64 { return 2 * math.Sin(c/2) },
		func(r float64) float64 { return 2 * math.Asin(r/2) }},
}

const degree = math.Pi / 180

// New returns the coordinates of the first two axes. It is an [*Error] if the header has none, or
// others than the package knows.
func New(h *fits.Header) (*WCS, error) {
	w := &WCS{}
	var types [2]string
	for i := range types {
		types[i], _ = h.Text(fmt.Sprintf("CTYPE%d", i+1))
		types[i] = strings.ToUpper(strings.TrimSpace(types[i]))
	}
	switch {
	case types[0] == "" && types[1] == "":
		return nil, &Error{"the header has no world coordinates (CTYPE1 and CTYPE2)"}
	case strings.HasPrefix(types[0], "RA--") && strings.HasPrefix(types[1], "DEC-"):
	case strings.HasPrefix(types[1], "RA--") && strings.HasPrefix(types[0], "DEC-"):
		w.longitude = 1
	default:
		return nil, &Error{fmt.Sprintf("axes of the types %s and %s aren't right ascension and "+
			"declination", types[0], types[1])}
	}
	kind := types[w.longitude]
	kind, sip := strings.CutSuffix(kind, "-SIP")
	w.projection = strings.TrimLeft(strings.TrimPrefix(kind, "RA"), "-")
	if _, ok := radius[w.projection]; !ok {
		return nil, &Error{fmt.Sprintf("the projection of %s isn't known, only TAN, TAN-SIP, SIN, "+
			"ARC, STG and ZEA", types[w.longitude])}
	}
	for c := range h.Cards() {
		key := c.Key()
		switch {
		case (strings.HasPrefix(key, "PV1_") || strings.HasPrefix(key, "PV2_")) &&
			w.projection != "ARC" && w.projection != "STG" && w.projection != "ZEA":
			if v, ok := h.Number(key); ok && v != 0 && !(key[2] == byte('1'+w.longitude)) {
				return nil, &Error{fmt.Sprintf("parameters of the projection (%s) aren't known",
					key)}
			}
		case strings.HasPrefix(key, "CPDIS") || strings.HasPrefix(key, "CQDIS") ||
			strings.HasPrefix(key, "D2IMDIS"):
			return nil, &Error{fmt.Sprintf("distortions in tables (%s) aren't known", key)}
		}
	}
	number := func(key string, otherwise float64) float64 {
		if v, ok := h.Number(key); ok {
			return v
		}
		return otherwise
	}
	w.reference = [2]float64{number("CRPIX1", 0), number("CRPIX2", 0)}
	value := [2]float64{number("CRVAL1", 0), number("CRVAL2", 0)}
	w.ra, w.dec = value[w.longitude]*degree, value[1-w.longitude]*degree
	pole := 180.0
	if value[1-w.longitude] >= 90 {
		pole = 0
	}
	w.pole = number("LONPOLE", pole) * degree
	w.setMatrix(h, number)
	m := w.matrix
	det := m[0][0]*m[1][1] - m[0][1]*m[1][0]
	if !(math.Abs(det) > 0) || math.IsInf(det, 0) {
		return nil, &Error{fmt.Sprintf("the matrix from pixels to degrees, %v, has no inverse", m)}
	}
	w.inverse = [2][2]float64{{m[1][1] / det, -m[0][1] / det}, {-m[1][0] / det, m[0][0] / det}}
	if sip {
		w.a, w.b = readPolynomial(h, "A"), readPolynomial(h, "B")
	}
	return w, nil
}

// setMatrix reads CD, or PC and CDELT, or CDELT and CROTA2.
func (w *WCS) setMatrix(h *fits.Header, number func(string, float64) float64) {
	hasCD := false
	for i := range 2 {
		for j := range 2 {
			hasCD = hasCD || h.Has(fmt.Sprintf("CD%d_%d", i+1, j+1))
		}
	}
	step := [2]float64{number("CDELT1", 1), number("CDELT2", 1)}
	sin, cos := math.Sincos(number("CROTA2", 0) * degree)
	turned := !hasCD && !h.Has("PC1_1") && !h.Has("PC1_2") && !h.Has("PC2_1") && !h.Has("PC2_2")
	for i := range 2 {
		for j := range 2 {
			unit := 0.0
			if i == j {
				unit = 1
			}
			switch {
			case hasCD:
				w.matrix[i][j] = number(fmt.Sprintf("CD%d_%d", i+1, j+1), 0)
			case turned:
				w.matrix[i][j] = [2][2]float64{{step[0] * cos, -step[1] * sin},
					{step[0] * sin, step[1] * cos}}[i][j]
			default:
				w.matrix[i][j] = step[i] * number(fmt.Sprintf("PC%d_%d", i+1, j+1), unit)
			}
		}
	}
}

// maxOrder is the highest that SIP's keywords can name.
const maxOrder = 9

func readPolynomial(h *fits.Header, letter string) polynomial {
	order, _ := h.Integer(letter + "_ORDER")
	var c polynomial
	for p := range min(order, maxOrder) + 1 {
		row := make([]float64, min(order, maxOrder)+1)
		for q := range row {
			row[q], _ = h.Number(fmt.Sprintf("%s_%d_%d", letter, p, q))
		}
		c = append(c, row)
	}
	return c
}

// at returns the polynomial's value.
func (c polynomial) at(u, v float64) float64 {
	sum := 0.0
	for p := len(c) - 1; p >= 0; p-- {
		row := 0.0
		for q := len(c[p]) - 1; q >= 0; q-- {
			row = row*v + c[p][q]
		}
		sum = sum*u + row
	}
	return sum
}

// ToSky returns the right ascension and declination, in degrees, of column x and row y, counted
// from 0; NaN where the projection has no place there.
func (w *WCS) ToSky(x, y float64) (ra, dec float64) {
	u, v := x+1-w.reference[0], y+1-w.reference[1]
	u, v = u+w.a.at(u, v), v+w.b.at(u, v)
	plane := [2]float64{w.matrix[0][0]*u + w.matrix[0][1]*v, w.matrix[1][0]*u + w.matrix[1][1]*v}
	east, north := plane[w.longitude]*degree, plane[1-w.longitude]*degree
	c := radius[w.projection].angle(math.Hypot(east, north))
	// Angle from the native pole, and native longitude from it.
	phi := math.Atan2(east, -north)
	sin, cos := math.Sincos(c)
	sinDec, cosDec := math.Sincos(w.dec)
	sinPhi, cosPhi := math.Sincos(phi - w.pole)
	dec = math.Asin(cos*sinDec + sin*cosDec*cosPhi)
	ra = w.ra + math.Atan2(-sin*sinPhi, cos*cosDec-sin*sinDec*cosPhi)
	ra = math.Mod(ra/degree, 360)
	if ra < 0 {
		ra += 360
	}
	return ra, dec / degree
}

// ToPixel returns the column and row, counted from 0, of a place on the sky in degrees, and whether
// the projection and the distortion have it. It may lie outside the image.
func (w *WCS) ToPixel(ra, dec float64) (x, y float64, ok bool) {
	sinDec, cosDec := math.Sincos(dec * degree)
	sin0, cos0 := math.Sincos(w.dec)
	sinRA, cosRA := math.Sincos(ra*degree - w.ra)
	away := sinDec*sin0 + cosDec*cos0*cosRA // cosine of the distance from the reference
	toEast, toNorth := cosDec*sinRA, sinDec*cos0-cosDec*sin0*cosRA
	c := math.Atan2(math.Hypot(toEast, toNorth), away)
	if away <= 0 && (w.projection == "TAN" || w.projection == "SIN") {
		return 0, 0, false
	}
	phi := w.pole + math.Atan2(-toEast, toNorth)
	r := radius[w.projection].of(c)
	sinPhi, cosPhi := math.Sincos(phi)
	var plane [2]float64
	plane[w.longitude], plane[1-w.longitude] = r*sinPhi/degree, -r*cosPhi/degree
	u := w.inverse[0][0]*plane[0] + w.inverse[0][1]*plane[1]
	v := w.inverse[1][0]*plane[0] + w.inverse[1][1]*plane[1]
	if u, v, ok = w.undistort(u, v); !ok {
		return 0, 0, false
	}
	return u + w.reference[0] - 1, v + w.reference[1] - 1, !math.IsNaN(u + v)
}

// undistort returns where the polynomials lead to (u, v) from. Distortions are small: each step
// leaves a small part of the error.
func (w *WCS) undistort(u, v float64) (from, row float64, ok bool) {
	if w.a == nil && w.b == nil {
		return u, v, true
	}
	from, row = u, v
	const most = 100
	for range most {
		nextU, nextV := u-w.a.at(from, row), v-w.b.at(from, row)
		step := math.Hypot(nextU-from, nextV-row)
		from, row = nextU, nextV
		if step < 1e-9 {
			return from, row, true
		}
		if !(step < 1e6) {
			break
		}
	}
	return 0, 0, false
}

// Scale returns the size of a pixel at the reference, in arcseconds: the root of its area.
func (w *WCS) Scale() float64 {
	m := w.matrix
	return 3600 * math.Sqrt(math.Abs(m[0][0]*m[1][1]-m[0][1]*m[1][0]))
}

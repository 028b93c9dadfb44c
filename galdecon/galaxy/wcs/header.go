package wcs

import (
	"fmt"
	"math"
	"strings"

	"galdecon/galdecon/galaxy/files/fits"
)

// MissingError is what [FromHeader] returns for a header without world coordinates.
type MissingError struct {
	// Key is the first keyword that is missing.
	Key string
}

func (e *MissingError) Error() string {
	return fmt.Sprintf("wcs: the header has no %s, so it doesn't say where in the sky the image is",
		e.Key)
}

// ProjectionError is what [FromHeader] returns for coordinates that it can't compute.
type ProjectionError struct {
	// Types are the types of the two axes, such as "GLON-CAR".
	Types [2]string
	// Reason says what can't be computed.
	Reason string
}

func (e *ProjectionError) Error() string {
	return fmt.Sprintf("wcs: world coordinates %s, %s can't be computed: %s; resample the image "+
		"to RA---TAN, DEC--TAN, as SWarp does", e.Types[0], e.Types[1], e.Reason)
}

// FromHeader returns the world coordinates of an image by its header, that of files.Read: of the
// type RA---TAN, DEC--TAN, in either order, or these with SIP, by CD, PC and CDELT, CROTA2 or
// CDELT alone, in degrees or arcseconds, with LONPOLE. For a part of an image take
// [fits.Header.Window] of it. Distortions in tables, such as Hubble's CPDIS of 0.04 pixels, are left
// out. Without world coordinates the error is [*MissingError], with others [*ProjectionError].
func FromHeader(h *fits.Header) (*World, error) {
	var types [2]string
	for i, axis := range []string{"1", "2"} {
		text, ok := h.Text("CTYPE" + axis)
		if !ok {
			return nil, &MissingError{"CTYPE" + axis}
		}
		types[i] = strings.TrimSpace(text)
	}
	lon := 0 // the axis of the right ascension
	if strings.HasPrefix(types[1], "RA") {
		lon = 1
	}
	refused := func(reason string) error { return &ProjectionError{types, reason} }
	if !strings.HasPrefix(types[lon], "RA---") || !strings.HasPrefix(types[1-lon], "DEC--") {
		return nil, refused("they aren't right ascension and declination")
	}
	code := strings.TrimPrefix(types[lon], "RA---")
	if code != strings.TrimPrefix(types[1-lon], "DEC--") || code != "TAN" && code != "TAN-SIP" {
		return nil, refused("the projection isn't TAN")
	}
	w := &World{}
	var value, origin [2]float64
	for i, axis := range []string{"1", "2"} {
		var ok bool
		if value[i], ok = h.Number("CRVAL" + axis); !ok {
			return nil, &MissingError{"CRVAL" + axis}
		}
		pixel, _ := h.Number("CRPIX" + axis) // 0 is its default
		origin[i] = pixel - 1
	}
	matrix, err := matrixOf(h)
	if err != nil {
		return nil, err
	}
	for i, axis := range []string{"1", "2"} {
		unit, ok := unitOf(h, axis)
		if !ok {
			return nil, refused("CUNIT" + axis + " is neither deg nor arcsec")
		}
		value[i] *= unit
		matrix[i][0], matrix[i][1] = matrix[i][0]*unit, matrix[i][1]*unit
	}
	w.RA, w.Dec = value[lon], value[1-lon]
	w.X, w.Y = origin[0], origin[1]
	w.Matrix = [2][2]float64{matrix[lon], matrix[1-lon]}
	pole, ok := h.Number("LONPOLE")
	if !ok && w.Dec < 90 {
		pole = 180 // its default; at the pole itself that is 0
	}
	w.turn(180 - pole)
	if code == "TAN-SIP" {
		w.distortion = &sip{terms(h, "A"), terms(h, "B")}
	}
	return w, w.Validate()
}

// turn turns the plane by degrees, for a native pole that isn't where it is by default.
func (w *World) turn(angle float64) {
	if angle == 0 {
		return
	}
	s, c := math.Sincos(angle * degree)
	m := w.Matrix
	for k := range 2 {
		w.Matrix[0][k] = c*m[0][k] - s*m[1][k]
		w.Matrix[1][k] = s*m[0][k] + c*m[1][k]
	}
}

// matrixOf returns the matrix from pixels to intermediate coordinates, in the order of the axes.
func matrixOf(h *fits.Header) (m [2][2]float64, err error) {
	has := false
	for i := range 2 {
		for k := range 2 {
			v, ok := first(h, fmt.Sprintf("CD%d_%d", i+1, k+1), fmt.Sprintf("CD%03d%03d", i+1, k+1))
			m[i][k], has = v, has || ok
		}
	}
	if has {
		return m, nil
	}
	var step [2]float64
	for i := range 2 {
		key := fmt.Sprintf("CDELT%d", i+1)
		v, ok := h.Number(key)
		if !ok {
			return m, &MissingError{key}
		}
		step[i] = v
	}
	for i := range 2 {
		for k := range 2 {
			v, ok := first(h, fmt.Sprintf("PC%d_%d", i+1, k+1), fmt.Sprintf("PC%03d%03d", i+1, k+1))
			if has = has || ok; !ok && i == k {
				v = 1
			}
			m[i][k] = step[i] * v
		}
	}
	if angle, ok := h.Number("CROTA2"); ok && !has {
		s, c := math.Sincos(angle * degree)
		m = [2][2]float64{{step[0] * c, -step[1] * s}, {step[0] * s, step[1] * c}}
	}
	return m, nil
}

// first returns the number of the first of the keywords that there is.
func first(h *fits.Header, keys ...string) (float64, bool) {
	for _, key := range keys {
		if v, ok := h.Number(key); ok {
			return v, true
		}
	}
	return 0, false
}

// unitOf returns the degrees of the unit of an axis.
func unitOf(h *fits.Header, axis string) (float64, bool) {
	text, _ := h.Text("CUNIT" + axis)
	switch strings.ToLower(strings.TrimSpace(text)) {
	case "", "deg", "degree", "degrees":
		return 1, true
	case "arcsec":
		return 1.0 / 3600, true
	}
	return 0, false
}

// maxOrder is the highest order of SIP's polynomials, by its convention.
const maxOrder = 9

// terms returns the polynomial of a letter, A or B.
func terms(h *fits.Header, letter string) (out []term) {
	order, _ := h.Integer(letter + "_ORDER")
	for p := 0; p <= min(int(order), maxOrder); p++ {
		for q := 0; p+q <= min(int(order), maxOrder); q++ {
			if v, ok := h.Number(fmt.Sprintf("%s_%d_%d", letter, p, q)); ok && v != 0 {
				out = append(out, term{p, q, v})
			}
		}
	}
	return out
}

package wcs

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"

	"galdecon/galdecon/galaxy/files/fits"
)

// KeywordError says that a keyword is missing or asks for what can't be computed.
type KeywordError struct {
	Key   string
	Found string // the value; empty if there is none
	Want  string // what it must be
}

func (e *KeywordError) Error() string {
	found := "is missing"
	if e.Found != "" {
		found = "is " + e.Found
	}
	return fmt.Sprintf("wcs: %s %s; it must be %s", e.Key, found, e.Want)
}

// Parse understands the world coordinates in the header of an image, that of a [fits.HDU] or of a
// files.File: CTYPE with TAN or TAN-SIP, CRVAL, CRPIX, and CD, PC with CDELT, or CROTA2 with CDELT.
// CUNIT, LONPOLE, RADESYS and EQUINOX are optional. It's a [*KeywordError] if they are missing,
// contradict each other, or ask for another projection or for distortions in tables.
func Parse(h *fits.Header) (*WCS, error) {
	r := &reader{header: h}
	w := &WCS{}
	longitude := r.axes(w)
	r.tables()
	scale := r.units()
	w.reference = [2]float64{r.need("CRPIX1", "a pixel") - 1, r.need("CRPIX2", "a pixel") - 1}
	var values [2]float64
	for i := range values {
		values[i] = r.need(fmt.Sprintf("CRVAL%d", i+1), "a coordinate") * scale[i]
	}
	matrix := r.matrix()
	for i := range matrix {
		for j := range matrix[i] {
			matrix[i][j] *= scale[i]
		}
	}
	if longitude == 1 { // axis 2 runs east
		matrix[0], matrix[1] = matrix[1], matrix[0]
		values[0], values[1] = values[1], values[0]
	}
	w.matrix = matrix
	det := matrix[0][0]*matrix[1][1] - matrix[0][1]*matrix[1][0]
	w.inverse = [2][2]float64{
		{matrix[1][1] / det, -matrix[0][1] / det}, {-matrix[1][0] / det, matrix[0][0] / det}}
	for _, row := range w.inverse {
		for _, v := range row {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				r.refuse("CD1_1", "of a matrix that can be inverted, as that of PC and CDELT")
			}
		}
	}
	w.sip[0], w.sip[1] = r.sip("A"), r.sip("B")
	w.orient(values[0], values[1], r)
	return w, r.err
}

// orient lays the axes of the plane at a longitude and a latitude, where native ones have their
// pole.
func (w *WCS) orient(longitude, latitude float64, r *reader) {
	native := 180.0
	if latitude >= 90 {
		native = 0
	}
	if v, ok := r.header.Number("LONPOLE"); ok {
		native = v
	}
	w.pole = direction(longitude, latitude)
	east := direction(longitude+90, 0)
	north := direction(longitude, latitude+90)
	sin, cos := math.Sincos((native - 180) * math.Pi / 180)
	for i := range w.east {
		w.east[i] = cos*east[i] - sin*north[i]
		w.north[i] = sin*east[i] + cos*north[i]
	}
}

// reader reads keywords up to the first that is wrong.
type reader struct {
	header *fits.Header
	err    error
}

func (r *reader) refuse(key, want string) {
	if r.err != nil {
		return
	}
	found := ""
	if card, ok := r.header.Get(key); ok {
		found = fmt.Sprint(card.Value())
	}
	r.err = &KeywordError{key, found, want}
}

func (r *reader) need(key, want string) float64 {
	v, ok := r.header.Number(key)
	if !ok || math.IsNaN(v) || math.IsInf(v, 0) {
		r.refuse(key, want+", a number")
	}
	return v
}

// axes reads the coordinates and their projection, and returns which axis is the longitude, 0 or 1.
func (r *reader) axes(w *WCS) (longitude int) {
	const want = "that of a gnomonic projection, such as RA---TAN or RA---TAN-SIP; bring the " +
		"image to one, as SWarp or reproject do"
	var names, kinds [2]string
	for i := range names {
		key := fmt.Sprintf("CTYPE%d", i+1)
		text, _ := r.header.Text(key)
		name, projection, _ := strings.Cut(strings.TrimSpace(text), "-")
		names[i], kinds[i] = name, strings.TrimLeft(projection, "-")
		if kinds[i] != "TAN" && kinds[i] != "TAN-SIP" {
			r.refuse(key, want)
		}
	}
	if kinds[0] != kinds[1] {
		r.refuse("CTYPE2", "of the same projection as CTYPE1, "+kinds[0])
	}
	if sip := r.header.Has("A_ORDER") || r.header.Has("B_ORDER"); sip != (kinds[0] == "TAN-SIP") {
		r.refuse("CTYPE1", "of TAN-SIP if, and only if, there are A_ORDER and B_ORDER; remove "+
			"these if they don't belong to the image")
	}
	pairs := [][2]string{{"RA", "DEC"}, {"GLON", "GLAT"}, {"ELON", "ELAT"}, {"SLON", "SLAT"}}
	for _, pair := range pairs {
		for i := range names {
			if names[i] == pair[0] && names[1-i] == pair[1] {
				w.Frame = pair[0] + "/" + pair[1] + r.frame(pair[0])
				return i
			}
		}
	}
	r.refuse("CTYPE1", "a longitude, such as RA, and CTYPE2 the latitude to it, or reversed")
	return 0
}

// frame returns the system of right ascension, with its equinox if that matters.
func (r *reader) frame(longitude string) string {
	if longitude != "RA" && longitude != "ELON" {
		return ""
	}
	equinox, ok := r.header.Number("EQUINOX")
	if !ok {
		equinox, ok = r.header.Number("EPOCH")
	}
	system, has := r.header.Text("RADESYS")
	if !has {
		system, has = r.header.Text("RADECSYS")
	}
	system = strings.ToUpper(strings.TrimSpace(system))
	switch {
	case has && system != "":
	case !ok:
		system = "ICRS"
	case equinox < 1984:
		system = "FK4"
	default:
		system = "FK5"
	}
	switch system {
	case "FK5":
		if !ok {
			equinox = 2000
		}
		return fmt.Sprintf(" FK5 %g", equinox)
	case "FK4", "FK4-NO-E":
		if !ok {
			equinox = 1950
		}
		return fmt.Sprintf(" %s %g", system, equinox)
	}
	return " " + system
}

var polynomial = regexp.MustCompile(`^PV[12]_[0-9]+$`)

// tables refuses what a TAN can't have: distortions in other HDUs, and polynomials of SCAMP's.
func (r *reader) tables() {
	if notes := r.header.Copy().DropLookups(); len(notes) > 0 {
		if r.err == nil {
			r.err = &KeywordError{"a distortion", "in a table: " + notes[0],
				"dropped, see fits.Header.DropLookups, or the image drizzled"}
		}
	}
	for c := range r.header.Cards() {
		if v, ok := r.header.Number(c.Key()); ok && v != 0 && polynomial.MatchString(c.Key()) {
			r.refuse(c.Key(), "left out: SCAMP's polynomials aren't known; bring the image to a "+
				"plain TAN, as SWarp does")
		}
	}
}

// units returns the degrees in the unit of each axis.
func (r *reader) units() (scale [2]float64) {
	for i := range scale {
		key := fmt.Sprintf("CUNIT%d", i+1)
		unit, _ := r.header.Text(key)
		switch strings.ToLower(strings.TrimSpace(unit)) {
		case "", "deg", "degree", "degrees":
			scale[i] = 1
		case "arcmin":
			scale[i] = 1. / 60
		case "arcsec":
			scale[i] = 1. / 3600
		case "rad":
			scale[i] = 180 / math.Pi
		default:
			r.refuse(key, "deg, arcmin, arcsec or rad")
		}
	}
	return scale
}

// matrix returns the product of CDELT and PC, or CD.
func (r *reader) matrix() (m [2][2]float64) {
	get := func(key string, without float64) float64 {
		v, ok := r.header.Number(key)
		if !ok {
			if r.header.Has(key) {
				r.refuse(key, "a number")
			}
			return without
		}
		return v
	}
	each := func(letters string) (has bool) {
		for i := range m {
			for j := range m {
				has = has || r.header.Has(fmt.Sprintf("%s%d_%d", letters, i+1, j+1))
			}
		}
		return has
	}
	if each("CD") {
		for i := range m {
			for j := range m {
				m[i][j] = get(fmt.Sprintf("CD%d_%d", i+1, j+1), 0)
			}
		}
		return m
	}
	delta := [2]float64{
		r.need("CDELT1", "there, or CD1_1, for the size of a pixel"),
		r.need("CDELT2", "there, or CD2_2, for the size of a pixel")}
	m = [2][2]float64{{delta[0], 0}, {0, delta[1]}}
	if each("PC") {
		for i := range m {
			for j := range m {
				without := 0.0
				if i == j {
					without = 1
				}
				m[i][j] = delta[i] * get(fmt.Sprintf("PC%d_%d", i+1, j+1), without)
			}
		}
	} else if angle := get("CROTA2", 0); angle != 0 {
		sin, cos := math.Sincos(angle * math.Pi / 180)
		m = [2][2]float64{{delta[0] * cos, -delta[1] * sin}, {delta[0] * sin, delta[1] * cos}}
	}
	return m
}

// sip reads the coefficients of the polynomial for an axis, A or B.
func (r *reader) sip(letter string) (terms []term) {
	const most = 9
	key := letter + "_ORDER"
	if !r.header.Has(key) {
		return nil
	}
	order, ok := r.header.Integer(key)
	if !ok || order < 0 || order > most {
		r.refuse(key, "0 to "+strconv.Itoa(most))
		return nil
	}
	for p := range int(order) + 1 {
		for q := range int(order) + 1 - p {
			key := fmt.Sprintf("%s_%d_%d", letter, p, q)
			if r.header.Has(key) {
				terms = append(terms, term{p, q, r.need(key, "a coefficient")})
			}
		}
	}
	return terms
}

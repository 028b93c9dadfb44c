package catalogue

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"galdecon/galdecon/catalogue/table"
)

// Origin says what the center of an image's first pixel is in a table of positions.
type Origin int

const (
	// OriginUnknown is the default: it follows from the program whose columns they are.
	OriginUnknown Origin = iota
	// OriginZero is that of sep, photutils and the LSST pipelines.
	OriginZero
	// OriginOne is that of SExtractor and FITS.
	OriginOne
)

// Columns names the columns of a table that say which objects there are, and where. Empty ones are
// not there.
type Columns struct {
	// Program is whose columns the positions are, or "user".
	Program string
	// ID tells the objects apart; without it they are numbered by their rows, from 0.
	ID string
	// X and Y are positions in pixels, Origin what they are counted from.
	X, Y   string
	Origin Origin
	// RA and Dec are positions on the sky, in degrees unless their unit is rad.
	RA, Dec string
	// Radius is a size in pixels, or arcsec if that is its unit, and RadiusFactor, if there is one,
	// what it has to be multiplied with. Of an array the largest counts.
	Radius, RadiusFactor string
}

// String says what was recognized.
func (c Columns) String() string {
	var parts []string
	if c.X != "" {
		from := "0"
		if c.Origin == OriginOne {
			from = "1"
		}
		parts = append(parts, fmt.Sprintf("pixels %s, %s, counted from %s", c.X, c.Y, from))
	}
	if c.RA != "" {
		parts = append(parts, fmt.Sprintf("sky %s, %s", c.RA, c.Dec))
	}
	id := "rows, counted from 0, as ids"
	if c.ID != "" {
		id = "ids " + c.ID
	}
	parts = append(parts, id)
	if c.Radius != "" {
		radius := "radius " + c.Radius
		if c.RadiusFactor != "" {
			radius += " times " + c.RadiusFactor
		}
		parts = append(parts, radius)
	}
	return fmt.Sprintf("%s (%s)", strings.Join(parts, "; "), c.Program)
}

// ColumnError says that a table's columns don't tell what they must.
type ColumnError struct {
	// Role is what was looked for: "positions", "ids", "radii", or "origin".
	Role string
	// Candidates are the columns among which nothing decides; empty where none is there.
	Candidates []string
	What, Hint string
}

func (e *ColumnError) Error() string {
	return fmt.Sprintf("catalogue: %s; %s", e.What, e.Hint)
}

// convention is how a program names columns; of several ones for a thing the first that is there
// counts.
type convention struct {
	program string
	pixels  [][2]string
	origin  Origin
	sky     [][2]string
	ids     []string
	radii   [][2]string // with the column to multiply by, or none
}

// conventions are those of programs, the names of which are known in upper and lower case. Several
// that are there contradict each other.
var conventions = []convention{
	{program: "SExtractor", origin: OriginOne,
		// XPSF_IMAGE is a fit's, and X_IMAGE the centroid of what is above the threshold.
		pixels: [][2]string{{"XWIN_IMAGE", "YWIN_IMAGE"}, {"X_IMAGE", "Y_IMAGE"},
			{"XPSF_IMAGE", "YPSF_IMAGE"}, {"XPEAK_IMAGE", "YPEAK_IMAGE"}},
		sky: [][2]string{{"ALPHAWIN_J2000", "DELTAWIN_J2000"}, {"ALPHA_J2000", "DELTA_J2000"},
			{"ALPHAWIN_SKY", "DELTAWIN_SKY"}, {"ALPHA_SKY", "DELTA_SKY"},
			{"XWIN_WORLD", "YWIN_WORLD"}, {"X_WORLD", "Y_WORLD"}},
		ids: []string{"NUMBER"},
		radii: [][2]string{{"FLUX_RADIUS"}, {"KRON_RADIUS", "A_IMAGE"}, {"AWIN_IMAGE"},
			{"A_IMAGE"}}},
	{program: "photutils", origin: OriginZero,
		pixels: [][2]string{{"x_centroid", "y_centroid"}, {"xcentroid", "ycentroid"},
			{"x_fit", "y_fit"}},
		sky: [][2]string{{"sky_centroid.ra", "sky_centroid.dec"},
			{"sky_centroid_icrs.ra", "sky_centroid_icrs.dec"}},
		ids: []string{"label"},
		radii: [][2]string{{"half_light_radius"}, {"kron_radius", "semimajor_axis"},
			{"kron_radius", "semimajor_sigma"}, {"equivalent_radius"}, {"semimajor_axis"},
			{"semimajor_sigma"}}},
	{program: "LSST", origin: OriginZero,
		pixels: [][2]string{{"slot_Centroid_x", "slot_Centroid_y"},
			{"base_SdssCentroid_x", "base_SdssCentroid_y"},
			{"base_NaiveCentroid_x", "base_NaiveCentroid_y"}},
		sky: [][2]string{{"coord_ra", "coord_dec"}},
		ids: []string{"objectId", "sourceId", "diaObjectId", "diaSourceId", "forcedSourceId"}},
	{program: "Legacy Surveys", origin: OriginZero, pixels: [][2]string{{"bx", "by"}},
		ids: []string{"objid"}, radii: [][2]string{{"shape_r"}}},
}

// general are names that anybody uses, for what no program's columns tell.
var general = []convention{
	{program: "sep", origin: OriginZero, pixels: [][2]string{{"x", "y"}},
		radii: [][2]string{{"a"}}},
	{program: "names in general", pixels: [][2]string{{"X", "Y"}, {"xcenter", "ycenter"},
		{"x_pix", "y_pix"}, {"xpos", "ypos"}},
		sky: [][2]string{{"ra", "dec"}, {"RAJ2000", "DEJ2000"}, {"_RAJ2000", "_DEJ2000"},
			{"RA_ICRS", "DE_ICRS"}, {"ra_deg", "dec_deg"}, {"ra", "decl"}, {"radeg", "decdeg"}},
		ids: []string{"id", "source_id", "object_id", "obj_id", "source", "name"},
		radii: [][2]string{{"r_half"}, {"half_light_radius"}, {"reff"}, {"r_eff"}, {"re"},
			{"radius"}}},
}

// Recognize returns which columns of a table have positions, ids and sizes, by the names that
// SExtractor, photutils (of any version), sep, the LSST pipelines and others give them, in upper or
// lower case. Those that choice names are taken instead; its pixels alone, or its sky alone, are
// then the positions. It is a [*ColumnError] if there are no positions, if those of several
// programs are there, if nothing tells what pixels are counted from, or if a column that is chosen
// isn't there, or has no numbers.
func Recognize(t *table.Table, choice Columns) (Columns, error) {
	c := Columns{Program: "user", ID: choice.ID, X: choice.X, Y: choice.Y, Origin: choice.Origin,
		RA: choice.RA, Dec: choice.Dec, Radius: choice.Radius, RadiusFactor: choice.RadiusFactor}
	if (c.X == "") != (c.Y == "") || (c.RA == "") != (c.Dec == "") {
		return c, &ColumnError{Role: "positions", What: "one column of a position is named alone",
			Hint: "name both, X and Y or RA and Dec"}
	}
	r := recognition{t: t, found: &c}
	if c.X == "" && c.RA == "" {
		if err := r.positions(); err != nil {
			return c, err
		}
	}
	if c.X != "" && c.Origin == OriginUnknown {
		return c, &ColumnError{Role: "origin", Candidates: []string{c.X, c.Y},
			What: fmt.Sprintf("columns %s and %s don't say whether the first pixel is 0 or 1", c.X,
				c.Y),
			Hint: "state it, as Columns.Origin or --origin"}
	}
	if err := r.id(); err != nil {
		return c, err
	}
	r.radius()
	return c, r.check()
}

type recognition struct {
	t     *table.Table
	found *Columns
	by    *convention // whose the positions are
}

// has returns the name of a column as the table spells it, if it is there.
func (r *recognition) has(name string) string {
	if c := r.t.Column(name); c != nil {
		return c.Name
	}
	return ""
}

// pair returns the first pair of columns that are both there. Upper and lower case aren't the same
// where a name of one letter tells programs apart.
func (r *recognition) pair(pairs [][2]string) (a, b string) {
	for _, p := range pairs {
		if a, b = r.has(p[0]), r.has(p[1]); len(p[0]) == 1 && a != p[0] {
			continue
		}
		if a != "" && b != "" {
			return a, b
		}
	}
	return "", ""
}

// positions finds those of the one program whose columns are there, or else general ones.
func (r *recognition) positions() error {
	var programs, columns []string
	for i := range conventions {
		if there := r.positionsOf(&conventions[i]); len(there) > 0 {
			programs, columns = append(programs, conventions[i].program), append(columns, there...)
		}
	}
	if len(programs) > 1 {
		return &ColumnError{Role: "positions", Candidates: columns,
			What: fmt.Sprintf("the table has positions of %s: %s", strings.Join(programs, " and "),
				strings.Join(columns, ", ")),
			Hint: "name those to take, as Columns.X and Y or RA and Dec, or --x and --y or --ra " +
				"and --dec"}
	}
	// Names of the sky that all have complete a program's pixels, or sep's, which has no others.
	sky := &general[1]
	if len(programs) > 0 || len(r.positionsOf(&general[0])) > 0 {
		if r.found.RA == "" {
			r.found.RA, r.found.Dec = r.pair(sky.sky)
		}
		return nil
	}
	if len(r.positionsOf(sky)) > 0 {
		return nil
	}
	return &ColumnError{Role: "positions",
		What: fmt.Sprintf("the table has no positions that are recognized, such as X_IMAGE and "+
			"Y_IMAGE, x_centroid and y_centroid, or RA and DEC; its columns are %s",
			shortened(r.t.Names())),
		Hint: "name them, as Columns.X and Y or RA and Dec, or --x and --y or --ra and --dec"}
}

// positionsOf takes the positions of a program, if they are the first, and returns their columns.
func (r *recognition) positionsOf(of *convention) (columns []string) {
	x, y := r.pair(of.pixels)
	ra, dec := r.pair(of.sky)
	for _, name := range []string{x, y, ra, dec} {
		if name != "" {
			columns = append(columns, name)
		}
	}
	if len(columns) > 0 && r.by == nil {
		r.by, r.found.Program = of, of.program
		r.found.X, r.found.Y, r.found.RA, r.found.Dec = x, y, ra, dec
		if x != "" && r.found.Origin == OriginUnknown {
			r.found.Origin = of.origin
		}
	}
	return columns
}

// programs returns the conventions in the order in which their ids and radii count: first those of
// the positions' program, then others.
func (r *recognition) programs() []convention {
	var all []convention
	if r.by != nil {
		all = append(all, *r.by)
	}
	return slices.Concat(all, conventions, general)
}

func (r *recognition) id() error {
	if r.found.ID != "" {
		return nil
	}
	var there []string
	for i, of := range r.programs() {
		for _, name := range of.ids {
			name = r.has(name)
			if name == "" || slices.Contains(there, name) {
				continue
			}
			if r.by != nil && i == 0 {
				r.found.ID = name
				return nil
			}
			if of.program == general[1].program {
				if len(there) == 0 {
					there = append(there, name)
				}
				break
			}
			there = append(there, name)
			break
		}
	}
	switch len(there) {
	case 0:
	case 1:
		r.found.ID = there[0]
	default:
		return &ColumnError{Role: "ids", Candidates: there,
			What: fmt.Sprintf("several columns look like ids: %s", strings.Join(there, ", ")),
			Hint: "name the one to take, as Columns.ID or --id"}
	}
	return nil
}

// radius finds sizes, which may be missing.
func (r *recognition) radius() {
	if r.found.Radius != "" {
		return
	}
	for _, of := range r.programs() {
		for _, pair := range of.radii {
			a, b := r.has(pair[0]), ""
			if pair[1] != "" {
				b = r.has(pair[1])
			}
			if a != "" && (pair[1] == "" || b != "") && !(len(pair[0]) == 1 && a != pair[0]) {
				r.found.Radius, r.found.RadiusFactor = a, b
				return
			}
		}
	}
}

// check returns an error if a column isn't there, or isn't what it must be.
func (r *recognition) check() error {
	for _, of := range []struct {
		role  string
		names []string
	}{
		{"positions", []string{r.found.X, r.found.Y, r.found.RA, r.found.Dec}},
		{"ids", []string{r.found.ID}},
		{"radii", []string{r.found.Radius, r.found.RadiusFactor}},
	} {
		role := of.role
		for _, name := range of.names {
			if name == "" {
				continue
			}
			c := r.t.Column(name)
			switch {
			case c == nil:
				return &ColumnError{Role: role, What: fmt.Sprintf("the table has no column %s; "+
					"its columns are %s", name, shortened(r.t.Names())), Hint: "name another"}
			case role == "ids" && (len(c.Shape) > 0 || c.IsVariable() || c.Type.IsFloat()):
				return &ColumnError{Role: role, Candidates: []string{name}, Hint: "name another",
					What: fmt.Sprintf("column %s can't be ids, which are texts or integers", c)}
			case role == "positions" && !c.IsNumber(),
				role == "radii" && c.Type == table.Text:
				return &ColumnError{Role: role, Candidates: []string{name},
					What: fmt.Sprintf("column %s doesn't have one number in each row", c),
					Hint: "name another, or convert it: angles are in degrees"}
			}
		}
	}
	for _, name := range []string{r.found.RA, r.found.Dec} {
		if name == "" {
			continue
		}
		if _, err := degree(r.t.Column(name)); err != nil {
			return err
		}
	}
	return nil
}

// degree returns how many degrees the unit of a column is.
func degree(c *table.Column) (float64, error) {
	switch strings.ToLower(c.Unit) {
	case "", "deg", "degree", "degrees":
		return 1, nil
	case "rad", "radian", "radians":
		return 180 / math.Pi, nil
	}
	return 0, &ColumnError{Role: "positions", Candidates: []string{c.Name},
		What: fmt.Sprintf("column %s is neither in degrees nor in radians", c),
		Hint: "convert it to degrees"}
}

// shortened lists the first names.
func shortened(names []string) string {
	const most = 12
	if len(names) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	return strings.Join(names, ", ")
}

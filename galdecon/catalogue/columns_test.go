package catalogue

import (
	"errors"
	"strings"
	"testing"

	"galdecon/galdecon/catalogue/table"
)

// named returns a table of one row with numbers under the given names; a name may have a unit after
// a blank.
func named(names ...string) *table.Table {
	t := &table.Table{}
	for _, name := range names {
		name, unit, _ := strings.Cut(name, " ")
		t.Columns = append(t.Columns, table.NewFloats(name, unit, "", []float64{1}))
		if strings.Contains(" number label objectid sourceid objid id ",
			" "+strings.ToLower(name)+" ") {
			t.Columns[len(t.Columns)-1] = table.NewIntegers(name, "", "", []int64{1})
		}
	}
	return t
}

func TestRecognize(t *testing.T) {
	for names, want := range map[string]string{
		"NUMBER X_IMAGE Y_IMAGE FLUX_RADIUS ALPHA_J2000 DELTA_J2000": "pixels X_IMAGE, Y_IMAGE, " +
			"counted from 1; sky ALPHA_J2000, DELTA_J2000; ids NUMBER; radius FLUX_RADIUS " +
			"(SExtractor)",
		"X_IMAGE Y_IMAGE XWIN_IMAGE YWIN_IMAGE KRON_RADIUS A_IMAGE": "pixels XWIN_IMAGE, " +
			"YWIN_IMAGE, counted from 1; rows, counted from 0, as ids; radius KRON_RADIUS times " +
			"A_IMAGE (SExtractor)",
		"label x_centroid y_centroid semimajor_sigma kron_radius": "pixels x_centroid, " +
			"y_centroid, counted from 0; ids label; radius kron_radius times semimajor_sigma " +
			"(photutils)",
		"id xcentroid ycentroid": "pixels xcentroid, ycentroid, counted from 0; ids id " +
			"(photutils)",
		"x y a b theta": "pixels x, y, counted from 0; rows, counted from 0, as ids; radius a " +
			"(sep)",
		"id coord_ra coord_dec base_SdssCentroid_x base_SdssCentroid_y": "pixels " +
			"base_SdssCentroid_x, base_SdssCentroid_y, counted from 0; sky coord_ra, coord_dec; " +
			"ids id (LSST)",
		"objectId slot_Centroid_x slot_Centroid_y base_SdssCentroid_x base_SdssCentroid_y ra dec": "" +
			"pixels slot_Centroid_x, slot_Centroid_y, counted from 0; sky ra, dec; ids objectId " +
			"(LSST)",
		"objectId ra dec x y": "pixels x, y, counted from 0; sky ra, dec; ids objectId (sep)",
		"RA DEC id":           "sky RA, DEC; ids id (names in general)",
		"RAJ2000 DEJ2000 re": "sky RAJ2000, DEJ2000; rows, counted from 0, as ids; radius re " +
			"(names in general)",
		"objid bx by shape_r ra dec": "pixels bx, by, counted from 0; sky ra, dec; ids objid; " +
			"radius shape_r (Legacy Surveys)",
	} {
		got, err := Recognize(named(strings.Fields(names)...), Columns{})
		if err != nil || got.String() != want {
			t.Errorf("%s:\n%v, want\n%s: %v", names, got, want, err)
		}
	}
}

// What can't be told is said in a sentence that names the columns.
func TestNotRecognized(t *testing.T) {
	for names, want := range map[string][]string{
		"flux mag": {"positions", "no positions", "flux, mag", "--x"},
		"X_IMAGE Y_IMAGE x_centroid y_centroid": {"positions", "SExtractor and photutils",
			"X_IMAGE, Y_IMAGE, x_centroid, y_centroid"},
		"X Y":                    {"origin", "X and Y don't say whether the first pixel is 0 or 1"},
		"ra dec NUMBER objectId": {"ids", "NUMBER, objectId"},
	} {
		_, err := Recognize(named(strings.Fields(names)...), Columns{})
		var e *ColumnError
		if !errors.As(err, &e) || e.Role != want[0] || strings.Contains(e.Error(), "\n") {
			t.Errorf("%s: %v", names, err)
			continue
		}
		for _, text := range want[1:] {
			if !strings.Contains(e.Error(), text) {
				t.Errorf("%s: %v doesn't say %q", names, err, text)
			}
		}
	}
	hours := named("RA h", "DEC deg")
	if _, err := Recognize(hours, Columns{}); err == nil ||
		!strings.Contains(err.Error(), "degrees") {
		t.Errorf("hours: %v", err)
	}
}

func TestChosenColumns(t *testing.T) {
	all := named("X", "Y", "X_IMAGE", "Y_IMAGE", "x_centroid", "y_centroid", "NUMBER", "id")
	got, err := Recognize(all, Columns{X: "X", Y: "Y", Origin: OriginOne, ID: "id"})
	if err != nil || got.String() != "pixels X, Y, counted from 1; ids id (user)" {
		t.Errorf("%v: %v", got, err)
	}
	for what, choice := range map[string]Columns{
		"alone":        {X: "X"},
		"no column":    {X: "X", Y: "nope", Origin: OriginOne, ID: "id"},
		"can't be ids": {X: "X", Y: "Y", Origin: OriginOne, ID: "X_IMAGE"},
		"--origin":     {X: "X", Y: "Y", ID: "id"},
	} {
		if _, err := Recognize(all, choice); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

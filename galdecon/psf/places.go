package psf

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"galdecon/galdecon/galaxy/files/fits"
)

// group is the PSFs of a detector in a file.
type group struct {
	detector string // empty if there is one
	planes   []int
	places   []Position
}

// readPlaces reads where on the detector the PSFs are.
func (s *stamps) readPlaces(hdu, primary *fits.HDU) error {
	for _, h := range []*fits.HDU{hdu, primary} {
		switch {
		case h.Header.Has("DET_YX0"):
			return s.readSTPSF(h)
		case h.Header.Has("NXPSFS") && h.Header.Has("NYPSFS"):
			return s.readSTDPSF(h)
		}
	}
	return nil
}

// readSTPSF reads cards such as DET_YX1 = '(1023.0, 0.0)', row and column counted from 0, of grids
// of STPSF, whose samples are the light of whole pixels.
func (s *stamps) readSTPSF(hdu *fits.HDU) error {
	g := group{}
	for i := range s.planes {
		key := "DET_YX" + strconv.Itoa(i)
		text, _ := hdu.Header.Text(key)
		row, col, _ := strings.Cut(strings.Trim(text, "() "), ",")
		r, err := strconv.ParseFloat(strings.TrimSpace(row), 64)
		c, other := strconv.ParseFloat(strings.TrimSpace(col), 64)
		if err != nil || other != nil || !isFinite(r) || !isFinite(c) {
			return &fits.KeywordError{HDU: hdu.Index, Key: key, Found: text,
				Want: "a place on the detector, such as '(1023.0, 0.0)', as there are " +
					strconv.Itoa(len(s.planes)) + " PSFs"}
		}
		g.planes, g.places = append(g.planes, i), append(g.places, Position{c, r})
	}
	s.light, s.groups = ofPixels, []group{g}
	if inOrder := func(a, b Position) int {
		return cmp.Or(cmp.Compare(a.Row, b.Row), cmp.Compare(a.Column, b.Column))
	}; isSTPSFSorted(hdu.Header) && !slices.IsSortedFunc(g.places, inOrder) {
		slices.SortFunc(g.places, inOrder)
		version, _ := hdu.Header.Text("VERSION")
		s.note(Places, float64(len(g.places)), "version "+version+" of STPSF sorts PSFs by row "+
			"and column when it saves them, but not the cards DET_YX",
			"places are taken in that order: check them where you have the grid in STPSF")
	}
	return nil
}

// isSTPSFSorted reports whether a version of WebbPSF or STPSF made the file that saves the PSFs of
// a grid sorted by row and column, but not their places: 1.3 to 2.2, the last there is.
func isSTPSFSorted(h *fits.Header) bool {
	version, _ := h.Text("VERSION")
	var major, minor int
	if _, err := fmt.Sscanf(version, "%d.%d", &major, &minor); err != nil || !h.Has("DATAVERS") {
		return false
	}
	return major == 1 && minor >= 3 || major == 2 && minor <= 2
}

// layout is how detectors lie in a file of STDPSF, as its PSFs in columns and rows tell.
type layout struct {
	columns, rows int // of detectors
	size          int // of each, in pixels
	names         []string
}

// layouts are those of files with more than one detector.
var layouts = map[[2]int]layout{
	{9, 10}: {1, 2, 2048, []string{"WFC2", "WFC1"}},           // ACS
	{7, 8}:  {1, 2, 2048, []string{"UVIS2", "UVIS1"}},         // WFC3
	{6, 6}:  {2, 2, 800, []string{"WF3", "WF4", "WF2", "PC"}}, // WFPC2
	{20, 10}: {4, 2, 2048,
		[]string{"A1", "A3", "B4", "B2", "A2", "A4", "B3", "B1"}}, // NIRCam
}

// stdpsfSampling is the oversampling of all files of STDPSF, which don't say so.
const stdpsfSampling = 4

// readSTDPSF reads the columns and the rows of the PSFs in a file of the format STDPSF of the Space
// Telescope Science Institute, counted from 1, as photutils.psf.stdpsf_reader does. Samples are the
// light of whole pixels (Anderson & King 2000, PASP 112, 1360), four to a pixel.
func (s *stamps) readSTDPSF(hdu *fits.HDU) error {
	r := keywords{hdu: hdu}
	n := len(s.planes)
	positive := func(n int) bool { return n > 0 }
	across := r.integer("NXPSFS", "the number of columns of PSFs", positive)
	r.integer("NYPSFS", fmt.Sprintf("that of rows, with %d columns for %d PSFs", across, n),
		func(rows int) bool { return rows > 0 && across*rows == n })
	if r.err != nil {
		return r.err
	}
	down := n / across
	x, err := stdpsfAxis(&r, "IPSFX", across)
	if err != nil {
		return err
	}
	y, err := stdpsfAxis(&r, "JPSFY", down)
	if err != nil {
		return err
	}
	s.light, s.oversampling = ofPixels, stdpsfSampling
	l, ok := layouts[[2]int{across, down}]
	if !ok {
		l = layout{1, 1, 0, []string{""}}
	}
	for i, name := range l.names {
		g := group{detector: name}
		column, row := i%l.columns, i/l.columns
		for k := range n {
			if k%across/(across/l.columns) == column && k/across/(down/l.rows) == row {
				at := FITSPosition(x[k%across]-float64(column*l.size),
					y[k/across]-float64(row*l.size))
				g.planes, g.places = append(g.planes, k), append(g.places, at)
			}
		}
		s.groups = append(s.groups, g)
	}
	return nil
}

// stdpsfAxis reads coordinates from cards such as IPSFX01, or five to a card IPSFXA5, IPSFXB5 ….
func stdpsfAxis(r *keywords, start string, n int) ([]float64, error) {
	var values []float64
	for i := range n {
		if !r.hdu.Header.Has(start + "A5") {
			values = append(values, r.number(fmt.Sprintf("%s%02d", start, i+1),
				"the place of PSFs in pixels", isFinite))
			continue
		}
		key := start + string(rune('A'+i/5)) + "5"
		fields := strings.Fields(r.text(key, "the places of five PSFs in pixels",
			func(s string) bool { return len(strings.Fields(s)) == 5 }))
		if r.err != nil {
			break
		}
		v, err := strconv.ParseFloat(fields[i%5], 64)
		if err != nil || !isFinite(v) {
			r.refuse(key, "the places of five PSFs in pixels")
		}
		values = append(values, v)
	}
	return values, r.err
}

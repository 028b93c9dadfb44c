package psf

import "fmt"

// Position is a place on a detector in its pixels, counted from 0: (0, 0) is the center of the
// first pixel, which FITS, SExtractor and DS9 call (1, 1). See [FITSPosition].
type Position struct{ Column, Row float64 }

// FITSPosition returns the place that has the coordinates x and y as FITS counts pixels, from 1:
// those of catalogs, such as SExtractor's X_IMAGE and Y_IMAGE.
func FITSPosition(x, y float64) Position { return Position{Column: x - 1, Row: y - 1} }

func (p Position) String() string { return fmt.Sprintf("column %g, row %g", p.Column, p.Row) }

// Field is a PSF that depends on the place of the source on the detector, as files of PSFEx, STPSF
// and STDPSF have it: a [*Grid] or a [*PSFEx].
type Field interface {
	// At returns the PSF of a source at a place, on the pixels of the detector. The source lies in
	// the PSF's center, wherever in a pixel the place is. It's a [Problem] of the kind Outside
	// where the field says nothing.
	At(Position) (PSF, error)
}

// Detector is one of several whose PSFs are in a file.
type Detector struct {
	// Name is such as "WFC1", or "2" for the HDU of that index.
	Name  string
	Field Field
}

// borders are the places that a field knows of.
type borders struct{ low, high Position }

// check returns a [Problem] for a place that isn't between the borders, or no number.
func (b borders) check(at Position) error {
	for _, along := range []struct {
		name             string
		value, low, high float64
	}{
		{"columns", at.Column, b.low.Column, b.high.Column},
		{"rows", at.Row, b.low.Row, b.high.Row},
	} {
		if along.value >= along.low && along.value <= along.high {
			continue
		}
		limit := along.low
		if along.value > along.high {
			limit = along.high
		}
		return everywhere(Outside, along.value, limit, fmt.Sprintf("there is no PSF at %v: the "+
			"field has the %s %.6g to %.6g, counted from 0", at, along.name, along.low, along.high),
			"is it a place on this detector? (FITSPosition takes one that counts from 1)")
	}
	return nil
}

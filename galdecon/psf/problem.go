package psf

import "fmt"

// Kind says what is wrong with a PSF, or unusual about it.
type Kind string

const (
	NoData      Kind = "no data"          // pixels that are NaN or infinite
	Dark        Kind = "no light"         // weights of no positive sum
	Noisy       Kind = "noise"            // of which much of the light is
	Pedestal    Kind = "pedestal"         // sky that was left, or too much that was subtracted
	Neighbor    Kind = "neighbor"         // another star in the stamp
	CutOff      Kind = "cut off"          // light beyond the border of its grid
	OffCenter   Kind = "off center"       // the centroid isn't in the center
	EvenGrid    Kind = "even grid"        // there is no pixel in the middle
	Rectangular Kind = "rectangular grid" // height and width differ
	Oversampled Kind = "oversampled"      // samples are finer than the pixels of the detector
	Planes      Kind = "planes"           // the file has others than those that were read
	FewSamples  Kind = "few samples"      // to interpolate between
	Places      Kind = "places"           // on the detector aren't what the file says
	Outside     Kind = "outside"          // of the field of PSFs
	Narrow      Kind = "too narrow"       // for the instrument, and so on
	Wide        Kind = "too wide"
	Elongated   Kind = "too elongated"
	Winged      Kind = "too much wings"
	Misfit      Kind = "misfit" // with any Moffat profile
)

// Problem is something about a PSF that is other than it should be. As an error it says why the PSF
// is refused, and errors.As finds it there; in [File.Notes] it says what was done about it.
type Problem struct {
	Kind Kind
	// Source names the PSF, such as "psf.fits[DET_DIST], PSF 3"; it's empty where the caller knows.
	Source string
	// Row and Col are the pixel where it is, counted from 0; both -1 if it is in none.
	Row, Col int
	// Value is what was measured and Limit what is allowed, in the unit that What names.
	Value, Limit float64
	// What says it in words, and Hint what to do, or what was done.
	What, Hint string
}

func (p *Problem) Error() string {
	of := ""
	if p.Source != "" {
		of = p.Source + ": "
	}
	return fmt.Sprintf("psf: %s%s; %s", of, p.What, p.Hint)
}

// everywhere returns a problem that no single pixel has.
func everywhere(kind Kind, value, limit float64, what, hint string) *Problem {
	return &Problem{Kind: kind, Row: -1, Col: -1, Value: value, Limit: limit,
		What: what, Hint: hint}
}

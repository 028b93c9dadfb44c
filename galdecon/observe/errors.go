package observe

import "fmt"

// ShapeError says that something has another shape than it needs.
type ShapeError struct {
	What string
	Got  []int
	Want string
}

func (e *ShapeError) Error() string {
	return fmt.Sprintf("observe: %s is %v, but must be %s", e.What, e.Got, e.Want)
}

// ValueError says that a value is impossible, and where it stands in its plane.
type ValueError struct {
	What        string
	Row, Column int
	Got         float64
	Want, Hint  string
}

func (e *ValueError) Error() string {
	return fmt.Sprintf("observe: %s is %g at row %d, column %d, but must be %s; %s",
		e.What, e.Got, e.Row, e.Column, e.Want, e.Hint)
}

// NoDataError says that an exposure sees nothing of the target grid, or too few pixels for what was
// asked.
type NoDataError struct {
	What      string
	Got, Need int // pixels
	Hint      string
}

func (e *NoDataError) Error() string {
	return fmt.Sprintf(
		"observe: %s has %d pixels with data, but needs %d; %s",
		e.What,
		e.Got,
		e.Need,
		e.Hint,
	)
}

// PSFError says that an exposure's PSFs can't be used.
type PSFError struct {
	Got, Bands int // PSFs, and bands that they are for
	Err        error
}

func (e *PSFError) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("observe: a PSF of an exposure can't be used: %v", e.Err)
	}
	return fmt.Sprintf(
		"observe: an exposure of %d band(s) has %d PSFs; give one for all, or one for each",
		e.Bands,
		e.Got,
	)
}

func (e *PSFError) Unwrap() error { return e.Err }

// MemberError says which exposure of which observation of a batch is wrong; the others may be
// right.
type MemberError struct {
	Observation, Exposure int
	Err                   error
}

func (e *MemberError) Error() string {
	return fmt.Sprintf("observation %d, exposure %d: %v", e.Observation, e.Exposure, e.Err)
}

func (e *MemberError) Unwrap() error { return e.Err }

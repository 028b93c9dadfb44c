package galaxy

import (
	"fmt"
	"slices"
)

// Reason says why an image was refused.
type Reason string

const (
	// NoDataAtPeak: pixels in the core of the galaxy have no data.
	NoDataAtPeak Reason = "no data at the peak"
	// TooMuchBad: more pixels have no data than can be filled.
	TooMuchBad Reason = "too many pixels without data"
	// NoPixels: hardly a pixel has data.
	NoPixels Reason = "no pixels with data"
	// NoNoise: the image shows no noise, which every observation has.
	NoNoise Reason = "no noise"
	// NoGalaxy: no light rises from the sky at the place.
	NoGalaxy Reason = "no galaxy"
	// FarPeak: the light at the place belongs to a peak too far from it.
	FarPeak Reason = "the peak is too far away"
)

// Refusal is the error of an image that can't be used as it is; errors.As finds it.
type Refusal struct {
	// Index is the place of the image in its batch, counted from 0, and ID its name.
	Index int
	ID    string
	// Reason is what callers branch on, and What says what was found.
	Reason Reason
	What   string
	// Column and Row are where in the image, counted from 0; -1 where it is no single place.
	Column, Row int
	// Value was measured, and Limit is what it must not pass, in units that What names: a share is a
	// fraction of 1.
	Value, Limit float64
	// Hint says what to do.
	Hint string
}

// Error returns what was refused, where and why, and the hint on a line of its own.
func (r *Refusal) Error() string {
	at := ""
	if r.Column >= 0 && r.Row >= 0 {
		at = fmt.Sprintf(" at column %d, row %d", r.Column, r.Row)
	}
	return fmt.Sprintf("galaxy: %s (index %d) is refused, %s%s: %s\nHint: %s",
		r.ID, r.Index, r.Reason, at, r.What, r.Hint)
}

// refuse returns a refusal of image i at no single place.
func (im *Images) refuse(i int, why Reason, value, limit float64, hint, format string,
	args ...any) *Refusal {
	return &Refusal{Index: i, ID: im.ID(i), Reason: why, What: fmt.Sprintf(format, args...),
		Column: -1, Row: -1, Value: value, Limit: limit, Hint: hint}
}

// Only reports whether err consists of refusals for one reason, which its caller can do without.
func (r Reason) Only(err error) bool {
	switch e := err.(type) {
	case *Refusal:
		return e.Reason == r
	case interface{ Unwrap() []error }:
		all := e.Unwrap()
		return len(all) > 0 && !slices.ContainsFunc(all, func(one error) bool { return !r.Only(one) })
	case interface{ Unwrap() error }:
		return r.Only(e.Unwrap())
	}
	return false
}

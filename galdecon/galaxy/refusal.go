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

// Refusal is the error of one image, or of an observation, that can't be used as it is: what came
// of it would be wrong. The others of a batch are used all the same. errors.As finds it.
type Refusal struct {
	// Index is the place of the image in its batch, counted from 0, and ID its name.
	Index int
	ID    string
	// Reason is what callers branch on, and What says what was found.
	Reason Reason
	What   string
	// Place is where in the image; nil where it is no single place.
	Place *Place
	// Value was measured, and Limit is what it must not pass, in units that What names: a share is
	// a fraction of 1. Both are 0 where nothing was measured.
	Value, Limit float64
	// Hint says what to do.
	Hint string
}

// Place is a pixel of an image, counted from 0.
type Place struct{ Column, Row int }

// Error returns what was refused, where and why, and the hint on a line of its own.
func (r *Refusal) Error() string {
	text := fmt.Sprintf("galdecon: %s is refused", r.ID)
	if r.Place != nil {
		text += fmt.Sprintf(" at column %d, row %d", r.Place.Column, r.Place.Row)
	}
	text += ": " + r.What
	if r.Hint != "" {
		text += "\nHint: " + r.Hint
	}
	return text
}

// refuse returns a refusal of image i at no single place.
func (im *Images) refuse(i int, why Reason, value, limit float64, hint, format string,
	args ...any) *Refusal {
	return &Refusal{Index: i, ID: im.ID(i), Reason: why, What: fmt.Sprintf(format, args...),
		Value: value, Limit: limit, Hint: hint}
}

// Only reports whether err consists of refusals for one reason, which its caller can do without.
func (r Reason) Only(err error) bool {
	switch e := err.(type) {
	case *Refusal:
		return e.Reason == r
	case interface{ Unwrap() []error }:
		all := e.Unwrap()
		return len(all) > 0 &&
			!slices.ContainsFunc(all, func(one error) bool { return !r.Only(one) })
	case interface{ Unwrap() error }:
		return r.Only(e.Unwrap())
	}
	return false
}

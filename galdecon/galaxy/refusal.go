package galaxy

import (
	"fmt"
	"strings"
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
	// Image and Index name the image, the latter by its place in the batch.
	Image string
	Index int
	// Reason is what callers branch on, and Detail says more.
	Reason Reason
	Detail string
	// Column and Row are where in the image, counted from 0; -1 where it is no single place.
	Column, Row int
	// Measured is the value that is at fault, and Limit what it must not pass, both in the unit of
	// Detail. A share is a fraction of 1.
	Measured, Limit float64
	// Hint says what to do.
	Hint string
}

// Error returns all of it in one line, the hint in a second one.
func (r *Refusal) Error() string {
	var s strings.Builder
	fmt.Fprintf(&s, "galaxy: %s (index %d): %s", r.Image, r.Index, r.Reason)
	if r.Column >= 0 && r.Row >= 0 {
		fmt.Fprintf(&s, " at column %d, row %d", r.Column, r.Row)
	}
	fmt.Fprintf(&s, ": %s", r.Detail)
	if r.Hint != "" {
		fmt.Fprintf(&s, "\n%s", r.Hint)
	}
	return s.String()
}

// refuse returns a refusal of image i at no single place.
func (im *Images) refuse(i int, why Reason, measured, limit float64, hint, format string,
	args ...any) *Refusal {
	return &Refusal{Image: im.ID(i), Index: i, Reason: why, Detail: fmt.Sprintf(format, args...),
		Column: -1, Row: -1, Measured: measured, Limit: limit, Hint: hint}
}

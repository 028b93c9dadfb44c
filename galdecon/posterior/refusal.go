package posterior

import (
	"errors"
	"fmt"
	"strings"
)

// Reason is what about an observation a model doesn't take.
type Reason string

const (
	// RefusedNoise is more noise, relative to the galaxy's peak without blur, than the model was trained for.
	RefusedNoise Reason = "noise"
	// RefusedStatedNoise is noise that is said to be less than what the image shows.
	RefusedStatedNoise Reason = "stated noise"
	// RefusedSky is a sky that isn't dark.
	RefusedSky Reason = "sky"
	// RefusedPeak is an image without a galaxy in its middle, or in units that the model doesn't take.
	RefusedPeak Reason = "peak"
	// RefusedPSF is a PSF unlike those of the training.
	RefusedPSF Reason = "PSF"
)

// Refusal is the error for one observation that a model doesn't take, since its error bars would be
// wrong. The other observations of a batch are sampled all the same.
type Refusal struct {
	// Index is the number of the observation in its batch, counted from 0, and ID its name.
	Index int
	ID    string
	// Reason is what the model doesn't take.
	Reason Reason
	// What says what was found, in words.
	What string
	// Value was measured, and Limit is the most, or the least, that the model takes, in units that What
	// names. Both are 0 where nothing was measured.
	Value, Limit float64
	// Hint says what to do.
	Hint string
}

// Error returns what was refused and why, and the hint on a line of its own.
func (r *Refusal) Error() string {
	text := fmt.Sprintf("galdecon: %s is refused: %s", r.ID, r.What)
	if r.Hint != "" {
		text += "\nHint: " + r.Hint
	}
	return text
}

// Refusals are the observations of a batch that a model doesn't take, as one error. errors.As finds the
// first *[Refusal] in it.
type Refusals []*Refusal

// shownRefusals is how many refusals an error tells in full.
const shownRefusals = 3

// Error returns the first refusals and the number of the others.
func (r Refusals) Error() string {
	var lines []string
	for _, one := range r[:min(len(r), shownRefusals)] {
		lines = append(lines, one.Error())
	}
	if more := len(r) - shownRefusals; more > 0 {
		lines = append(lines, fmt.Sprintf("galdecon: and %d more are refused", more))
	}
	return strings.Join(lines, "\n")
}

// Unwrap returns the refusals.
func (r Refusals) Unwrap() []error {
	errs := make([]error, len(r))
	for i, one := range r {
		errs[i] = one
	}
	return errs
}

// SplitRefusals returns the refusals that err consists of, if it is the error of a batch of which some
// were sampled, and nil; or else no refusals and err itself.
func SplitRefusals(err error) (refused Refusals, rest error) {
	if errors.As(err, &refused) {
		return refused, nil
	}
	var one *Refusal
	if errors.As(err, &one) {
		return Refusals{one}, nil
	}
	return nil, err
}

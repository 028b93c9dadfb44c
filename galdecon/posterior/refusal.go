package posterior

import (
	"errors"
	"fmt"
	"strings"

	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/table"
)

// Reason says why an observation is refused.
type Reason = galaxy.Reason

// Refusal is the error for one observation that a model doesn't take, since its error bars would be
// wrong. The other observations of a batch are sampled all the same.
type Refusal = galaxy.Refusal

const (
	// RefusedNoise is more noise, relative to the galaxy's peak without blur, than the model was
	// trained for.
	RefusedNoise Reason = "noise"
	// RefusedStatedNoise is noise that is said to be less than what the image shows.
	RefusedStatedNoise Reason = "stated noise"
	// RefusedSky is a sky that isn't dark.
	RefusedSky Reason = "sky"
	// RefusedPeak is an image without a galaxy in its middle, or in units that the model doesn't
	// take.
	RefusedPeak Reason = "peak"
	// RefusedData is an exposure that can't be used: too few of its pixels have data, or what is
	// said of it doesn't fit together.
	RefusedData Reason = "data"
	// RefusedSize is a stamp with too few pixels, or too many.
	RefusedSize Reason = "size"
	// RefusedPSF is a PSF unlike those of the training.
	RefusedPSF Reason = "PSF"
	// RefusedBands is an observation whose bands can't be drawn together.
	RefusedBands Reason = "bands"
)

// Refusals are the observations of a batch that a model doesn't take, as one error. errors.As finds
// the first *[Refusal] in it.
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

// Tables returns the refusals as a table: what was found of each observation, and what to do.
func (r Refusals) Tables() []table.Table {
	t := table.Table{Title: "Refused", Columns: []table.Column{
		{Name: "observation"}, {Name: "what was found"}, {Name: "what to do"},
	}}
	for _, one := range r {
		what := one.What
		if one.Place != nil {
			what += fmt.Sprintf(" (column %d, row %d)", one.Place.Column, one.Place.Row)
		}
		t.Add(table.Text(one.ID), table.Text(what), table.Text(one.Hint))
	}
	return []table.Table{t}
}

// SplitRefusals returns the refusals that err consists of, if it is the error of a batch of which
// some were sampled, and nil; or else no refusals and err itself.
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

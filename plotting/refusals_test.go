package plotting_test

import (
	"errors"
	"fmt"
	"testing"

	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/posterior"
	"galdecon/plotting"
)

// All refusals are shown, also more than their error tells, and nothing else is left of it.
func ExampleRefusals() {
	refused := posterior.Refusals{
		{Index: 0, ID: "left", What: "its PSF is too narrow", Hint: "average less"},
		{Index: 3, ID: "faint", What: "no galaxy in its middle, but a brighter one at its edge",
			Place: &galaxy.Place{Column: 2, Row: 17},
			Hint:  "cut out another stamp, with the galaxy in its middle, by Images.Cutout"},
	}
	fmt.Println(plotting.Refusals(fmt.Errorf("2 of 6: %w", refused)))
	// Output:
	// Refused
	// observation  what was found                               what to do
	// ───────────────────────────────────────────────────────────────────────────────────────────────────
	// left         its PSF is too narrow                        average less
	// faint        no galaxy in its middle, but a brighter one  cut out another stamp, with the galaxy in
	//              at its edge (column 2, row 17)               its middle, by Images.Cutout
	// <nil>
}

// What isn't a refusal comes back as it is.
func TestRefusalsReturnsTheRest(t *testing.T) {
	if err := plotting.Refusals(nil); err != nil {
		t.Errorf("no error became %v", err)
	}
	other := errors.New("no memory")
	if err := plotting.Refusals(other); err != other {
		t.Errorf("%v became %v", other, err)
	}
}

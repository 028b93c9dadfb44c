package plotting_test

import (
	"errors"
	"fmt"
	"testing"

	"galdecon/galdecon/posterior"
	"galdecon/plotting"
)

// All refusals are shown, also more than their error tells, and nothing else is left of it.
func ExampleRefusals() {
	var refused posterior.Refusals
	for i, name := range []string{"left", "middle", "right", "faint"} {
		refused = append(refused, &posterior.Refusal{
			Index: i, ID: name, What: "its PSF is too narrow", Hint: "average less",
		})
	}
	fmt.Println(plotting.Refusals(fmt.Errorf("2 of 6: %w", refused)))
	// Output:
	// galdecon: left is refused: its PSF is too narrow
	// Hint: average less
	// galdecon: middle is refused: its PSF is too narrow
	// Hint: average less
	// galdecon: right is refused: its PSF is too narrow
	// Hint: average less
	// galdecon: faint is refused: its PSF is too narrow
	// Hint: average less
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

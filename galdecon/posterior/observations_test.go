package posterior

import "testing"

// Observations that nobody made are none, rather than a panic.
func TestNoObservations(t *testing.T) {
	var missing *Observations
	for what, o := range map[string]*Observations{"nil": missing, "the zero value": {}} {
		if n := o.N(); n != 0 {
			t.Errorf("%s has %d observations", what, n)
		}
		if err := o.Validate(); err == nil {
			t.Errorf("%s is taken for observations", what)
		}
	}
}

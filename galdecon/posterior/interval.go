package posterior

import "slices"

// NewInterval returns the interval of the values of a quantity that candidates have, of which there
// is at least one, as [Posterior.Measure] does.
func NewInterval(values []float64) Interval { return interval(slices.Clone(values)) }

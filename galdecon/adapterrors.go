package galdecon

import (
	"fmt"
	"math"

	"galdecon/galdecon/posterior"
)

// FewError says that too few observations are left to learn a prior from.
type FewError struct {
	// Got is the number of different observations that the model takes, Need the least number, and
	// Given how many there were.
	Got, Need, Given int
	// Alike is how many are the same as another one.
	Alike int
	// Refused are those that the model doesn't take.
	Refused posterior.Refusals
}

func (e *FewError) Error() string {
	text := fmt.Sprintf("galdecon: %d different observations of %d are left to learn a prior "+
		"from, at least %d are needed", e.Got, e.Given, e.Need)
	if e.Alike > 0 {
		text += fmt.Sprintf("; %d are the same as another one", e.Alike)
	}
	if len(e.Refused) > 0 {
		text += fmt.Sprintf("; %d are refused:\n%v", len(e.Refused), e.Refused)
	}
	return text
}

// Unwrap returns the refusals.
func (e *FewError) Unwrap() []error { return e.Refused.Unwrap() }

// NoiseError says that the noise of observations isn't what is said of it.
type NoiseError struct {
	// Ratio is what is left of the observations, without the candidates, over the noise stated: the
	// median of their deviations.
	Ratio float64
}

func (e *NoiseError) Error() string {
	much, effect := "too small", "takes noise for detail, and error bars are too small"
	if e.Ratio < 1 {
		much, effect = "too large", "takes detail for noise, and error bars are too large"
	}
	return fmt.Sprintf("galdecon: the noise that is stated of the observations is %s, it shows "+
		"%.2f times as much: a prior learned from them %s; multiply their inverse variances by "+
		"%.2f, or give the correlation of their noise", much, e.Ratio, effect,
		1/(e.Ratio*e.Ratio))
}

// noiseTolerance is how far the noise may be from what is stated.
const noiseTolerance = 0.1

// checkNoise returns an error if the ratio of noise to what is stated isn't about 1.
func checkNoise(ratio float64) *NoiseError {
	if math.Abs(math.Log(ratio)) > math.Log1p(noiseTolerance) {
		return &NoiseError{Ratio: ratio}
	}
	return nil
}

package plotting

import (
	"slices"
	"testing"

	"galdecon/galdecon/posterior"
)

// The truth of a posterior is that of its observation, also where the one before it was refused.
func TestPosteriorsBesideTheirTruth(t *testing.T) {
	c := observation(1)
	p := posterior.Posterior{
		Index: 2, Observation: c.Observation, PSF: gaussian(t, 3, 1),
		Samples: c.Samples, Reblurred: c.Reblurred,
	}
	truth := disc(3, 8, 1)
	figures := Posteriors([]posterior.Posterior{p}, truth)
	if len(figures) != 1 || !slices.Equal(figures[0].Truth.Pixels, truth.At(2)) {
		t.Error("the truth isn't that of the third observation")
	}
	if f := Posteriors([]posterior.Posterior{p}, nil); f[0].Truth != nil {
		t.Error("there is a truth where none is known")
	}
	_, err := Posteriors([]posterior.Posterior{p}, truth.Select(0, 1))[0].Figure()
	wantError(t, err, "Candidates.Truth")
}

package plotting

import (
	"slices"
	"testing"

	"galdecon/galdecon/galaxy"
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

// An observation of wider pixels is drawn as large as its candidates, with its gaps; one that
// doesn't fit them is refused.
func TestPosteriorOfWiderPixels(t *testing.T) {
	samples, x := disc(3, 8, 1), galaxy.NewImages(1, 4, 4, 1)
	x.Pixels[1*4+2] = 5
	x.Bad = make([]bool, 16)
	x.Bad[15] = true
	seen := galaxy.NewImages(3, 4, 4, 1)
	seen.At(2)[3*4+0] = 7
	p := posterior.Posterior{Observation: x, PSF: gaussian(t, 3, 1), Samples: samples,
		Reblurred: seen}
	c := Posterior(p, nil)
	for k := range 64 {
		row, column := k/8, k%8
		if want := row/2 == 1 && column/2 == 2; (c.Observation.Pixels[k] == 5) != want {
			t.Errorf("row %d, column %d is %g", row, column, c.Observation.Pixels[k])
		}
		if want := row/2 == 3 && column/2 == 0; (c.Reblurred.At(2)[k] == 7) != want {
			t.Errorf("reblurred row %d, column %d is %g", row, column, c.Reblurred.At(2)[k])
		}
		if c.Observation.BadAt(0)[k] != (row/2 == 3 && column/2 == 3) {
			t.Errorf("row %d, column %d: bad %v", row, column, c.Observation.BadAt(0)[k])
		}
	}
	if _, err := c.Figure(); err != nil {
		t.Error(err)
	}
	p.Observation = galaxy.NewImages(1, 5, 5, 1)
	_, err := Posterior(p, nil).Figure()
	wantError(t, err, "Candidates.Samples")
}

package galdecon

import (
	"errors"
	"fmt"

	"galdecon/galdecon/classical"
	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/posterior"
	"galdecon/galdecon/psf"
	"galdecon/galdecon/score"
)

// Report says how good the candidates for a set of observations are, and Row how good those of one
// are. They are also what a session tells (kernels/session).
type (
	Report = posterior.Report
	Row    = posterior.Row
)

// Benchmark is a test by galaxies whose truth is known.
type Benchmark struct {
	// Truth are the galaxies, [n, Size, Size, Channels].
	Truth *galaxy.Images
	// Observations are those of Truth, in the same order.
	Observations *Observations
	// Candidates are drawn for each observation, from Seed.
	Candidates int
	Seed       int64
}

// Evaluate compares the truth [n, Size, Size, Channels] of all observations that were sampled with
// their posteriors, by the Index of each: those that were refused have no row.
func Evaluate(truth *galaxy.Images, posteriors []Posterior) (Report, error) {
	if err := truth.Validate(); err != nil {
		return Report{}, err
	}
	if len(posteriors) == 0 {
		return Report{}, errors.New("galdecon: there are no posteriors to compare with the " +
			"truth; were all observations refused?")
	}
	seen := map[int]bool{}
	var report Report
	for _, p := range posteriors {
		if p.Index < 0 || p.Index >= truth.N || seen[p.Index] {
			return Report{}, fmt.Errorf("galdecon: a posterior is that of observation %d, which "+
				"is not one of %d true galaxies, or comes twice", p.Index, truth.N)
		}
		seen[p.Index] = true
		y := truth.Select(p.Index)
		remains, err := score.DataMSE(p.Reblurred, p.Observation)
		if err != nil {
			return Report{}, err
		}
		accuracy, err := score.Trial{Truth: y, Observation: p.Observation,
			Samples: p.Samples}.Accuracy()
		if err != nil {
			return Report{}, err
		}
		o, err := posterior.NewObservations(p.Observation, []psf.PSF{p.PSF}, []float64{p.Noise})
		if err != nil {
			return Report{}, err
		}
		wiener, err := classical.Wiener(o, classical.WienerPrior)
		if err != nil {
			return Report{}, err
		}
		mean := 0.0
		for _, e := range remains {
			mean += e / float64(len(remains))
		}
		report.Rows = append(report.Rows,
			Row{ID: truth.ID(p.Index), Retained: score.Retained(remains, score.Epsilon),
				Reconvolution: mean,
				Wiener:        score.MSE(wiener.Pixels, y.Pixels), Accuracy: accuracy})
	}
	return report, nil
}

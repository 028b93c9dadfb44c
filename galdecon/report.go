package galdecon

import (
	"fmt"

	"galdecon/galdecon/classical"
	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/posterior"
	"galdecon/galdecon/psf"
	"galdecon/galdecon/score"
)

// Report says how good the candidates for a set of observations are, and Row how good those of one are. They are also what a session tells
// (kernels/session).
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

// Evaluate compares the truth [n, Size, Size, Channels] with posteriors of its galaxies, in the same
// order.
func Evaluate(truth *galaxy.Images, posteriors []Posterior) (Report, error) {
	if err := truth.Validate(); err != nil {
		return Report{}, err
	}
	if len(posteriors) == 0 || len(posteriors) != truth.N {
		return Report{}, fmt.Errorf("galdecon: %d posteriors can't be compared with %d true galaxies", len(posteriors), truth.N)
	}
	var report Report
	for i, p := range posteriors {
		errors, err := score.DataMSE(p.Reblurred, p.Observation)
		if err != nil {
			return Report{}, err
		}
		accuracy, err := score.Trial{Truth: truth.Select(i), Observation: p.Observation, Samples: p.Samples}.Accuracy()
		if err != nil {
			return Report{}, err
		}
		wiener, err := classical.Wiener(&Observations{Images: p.Observation, PSFs: []psf.PSF{p.PSF}, Noise: []float64{p.Noise}}, classical.WienerPrior)
		if err != nil {
			return Report{}, err
		}
		mean := 0.0
		for _, e := range errors {
			mean += e / float64(len(errors))
		}
		report.Rows = append(report.Rows, Row{ID: truth.ID(i), Retained: score.Retained(errors, score.Epsilon), Reconvolution: mean,
			Wiener: score.MSE(wiener.Pixels, truth.At(i)), Accuracy: accuracy})
	}
	return report, nil
}

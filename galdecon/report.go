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

// Evaluate compares posteriors with the truth [n, Size, Size, Channels], in the same order.
func Evaluate(posteriors []Posterior, truth *galaxy.Images) (Report, error) {
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
		accuracy, err := score.NewAccuracy(truth.Select(i), p.Observation, p.Samples)
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

package scorecard

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"galdecon/galdecon"
	"galdecon/galdecon/calibration"
	"galdecon/galdecon/ddpm"
	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/posterior"
	"galdecon/galdecon/score"
)

// Steps is what a sampler of a diffusion model gives for its number of evaluations of the network.
type Steps struct {
	// Sampler is what the candidates were drawn with.
	Sampler ddpm.Sampler
	// Retained is the share of candidates below ε, Reconvolution the MSE of candidates blurred
	// again to x.
	Retained, Reconvolution float64
	// Mean is the MSE of the mean of the candidates to the truth, Variance that of the candidates
	// per pixel.
	Mean, Variance float64
	// Coverage is the distance from the diagonal of the coverage of pixels (calibration.Coverage),
	// Spread the ratio of error to spread, 1 for calibrated candidates and above for over-confident
	// ones.
	Coverage, Spread float64
	// CoverageError is calibration.Coverage.HalfWidth: what too few galaxies leave open.
	CoverageError float64
	// Refused observations of the benchmark are in no figure.
	Refused int
	// Seconds a candidate, compilation not included.
	Seconds float64
}

// CompareSteps draws at least 2 candidates with each sampler for the observations of a benchmark.
// report, which may be nil, is called after each sampler.
func CompareSteps(
	ctx context.Context, model *galdecon.Model, samplers []ddpm.Sampler, b galdecon.Benchmark,
	report func(done int),
) ([]Steps, error) {
	out := make([]Steps, len(samplers))
	for i, sampler := range samplers {
		s := &out[i]
		s.Sampler = sampler
		with, err := model.WithSampler(sampler)
		if err != nil {
			return nil, err
		}
		if err := warmUp(ctx, with, b); err != nil {
			return nil, err
		}
		begun := time.Now()
		posteriors, err := with.Sample(ctx, b.Observations, b.Candidates, b.Seed)
		refused, err := posterior.SplitRefusals(err)
		if err != nil {
			return nil, err
		}
		s.Refused = len(refused)
		s.Seconds = time.Since(begun).Seconds() / float64(b.Candidates*len(posteriors))
		evaluated, err := galdecon.Evaluate(b.Truth, posteriors)
		if err != nil {
			return nil, err
		}
		mean := evaluated.Mean()
		s.Retained, s.Reconvolution, s.Mean, s.Variance = mean.Retained, mean.Reconvolution,
			mean.Accuracy.Mean, mean.Variance
		var samples []*galaxy.Images
		var indices []int
		for _, p := range posteriors {
			samples, indices = append(samples, p.Samples), append(indices, p.Index)
		}
		trials, err := calibration.Images(b.Truth.Select(indices...), samples)
		if err != nil {
			return nil, err
		}
		coverage, err := trials.Ranks(b.Seed).Central(b.Seed)
		if err != nil {
			return nil, err
		}
		spread, err := trials.SpreadRatio(b.Seed)
		if err != nil {
			return nil, err
		}
		s.Coverage, s.CoverageError, s.Spread = coverage.Distance, coverage.HalfWidth, spread.Value
		if report != nil {
			report(i + 1)
		}
	}
	return out, nil
}

// warmUp compiles all that drawing n candidates for each observation needs. What is drawn together
// has one of a few sizes: the largest, of 64 at most, comes first, and 8 where it leaves a rest, or
// 1 where there are few in all.
func warmUp(ctx context.Context, model *galdecon.Model, b galdecon.Benchmark) error {
	drawn := 0
	for part, err := range model.Stream(ctx, b.Observations, b.Candidates, b.Seed) {
		var refusal *galdecon.Refusal
		if errors.As(err, &refusal) {
			continue
		}
		if err != nil {
			return err
		}
		if drawn += part.Samples.N; drawn >= 64 && part.Done() < 1 {
			one, err := b.Observations.Select(part.Index)
			if err != nil {
				return err
			}
			_, err = model.Sample(ctx, one, 8, b.Seed)
			_, err = posterior.SplitRefusals(err)
			return err
		}
	}
	return nil
}

// StepsTable returns the comparison as a table. MSEs and variances are in units of 1e-4, the
// paper's ε; w is the weight of guidance.
func StepsTable(all []Steps) string {
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "sampler\tevaluations\tretained\tMSE(Π*y, x)\tMSE of the "+
		"mean\tvariance\tcoverage off by\terror/spread\tms a candidate\t")
	for _, s := range all {
		name := "DDIM"
		switch {
		case s.Sampler.SecondOrder && s.Sampler.Eta == 0:
			name = "DPM-Solver++(2M)"
		case s.Sampler.SecondOrder:
			name = "stochastic 2M"
		case s.Sampler.LargeVariance:
			name = "ancestral, σ² = β"
		case s.Sampler.Eta == 1:
			name = "ancestral"
		case s.Sampler.Eta > 0:
			name = fmt.Sprintf("DDIM, η = %g", s.Sampler.Eta)
		}
		if s.Sampler.DataConsistency {
			name += ", corrected"
		}
		if s.Sampler.Guidance > 0 {
			name += fmt.Sprintf(", w = %g", s.Sampler.Guidance)
		}
		fmt.Fprintf(w, "%s\t%d\t%.0f %%\t%.3f\t%.2f\t%.2f\t%.1f ± %.1f %%\t%.2f\t%.0f\t\n", name,
			s.Sampler.Steps, 100*s.Retained, s.Reconvolution/score.Epsilon,
			s.Mean/score.Epsilon, s.Variance/score.Epsilon, 100*s.Coverage, 100*s.CoverageError,
			s.Spread, 1000*s.Seconds)
	}
	w.Flush()
	return text.String()
}

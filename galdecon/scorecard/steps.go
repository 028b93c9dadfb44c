package scorecard

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"gonum.org/v1/gonum/stat"

	"galdecon/galdecon"
	"galdecon/galdecon/calibration"
	"galdecon/galdecon/ddpm"
	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/posterior"
	"galdecon/galdecon/table"
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
	// Report has the observations one by one.
	Report posterior.Report
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
		s.Report = evaluated
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

// Against returns the ratio of a quantity's mean over the observations to that of another sampler
// for the same ones, and its standard error. As the observations are paired, what makes some of
// them harder than others for both isn't in it. Observations that only one has don't count; the
// error of fewer than 2 is NaN.
func (s Steps) Against(other Steps, of func(row posterior.Row) float64) (ratio, err float64) {
	known := map[string]float64{}
	for _, row := range other.Report.Rows {
		known[row.ID] = of(row)
	}
	var here, there []float64
	for _, row := range s.Report.Rows {
		if v, ok := known[row.ID]; ok {
			here, there = append(here, of(row)), append(there, v)
		}
	}
	mean := stat.Mean(there, nil)
	ratio = stat.Mean(here, nil) / mean
	for i := range here {
		here[i] -= ratio * there[i]
	}
	n := float64(len(here))
	return ratio, stat.StdErr(stat.StdDev(here, nil), n) / math.Abs(mean)
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

// StepsTable returns the comparison as a table. w is the weight of guidance.
func StepsTable(all []Steps) table.Table {
	t := table.Table{
		Title: "Samplers",
		Columns: []table.Column{
			{Name: "sampler"}, {Name: "evaluations"},
			{Name: "retained", Unit: "%", Group: "candidates", Format: table.Decimals(0)},
			{Name: "MSE(Π*y, x)", Unit: unitName, Group: "candidates", Format: table.Decimals(3)},
			{Name: "variance", Unit: unitName, Group: "candidates", Format: table.Decimals(2)},
			{Name: "MSE of the mean", Unit: unitName, Format: table.Decimals(2)},
			{Name: "coverage off by", Unit: "%", Group: "calibration", Format: table.Decimals(1)},
			{Name: "error / spread", Group: "calibration", Format: table.Decimals(2)},
			{Name: "time", Unit: "ms", Format: table.Decimals(0)},
		},
		Notes: []string{"Per pixel, in units of the paper's ε = 10⁻⁴. After ±: half the width of " +
			"the band that holds calibrated candidates at 95 %; ✓: within it, ✗: beyond it. " +
			"Time: of a candidate."},
	}
	refused := 0
	for _, s := range all {
		refused = max(refused, s.Refused)
		t.Add(table.Text(name(s.Sampler)), table.Count(s.Sampler.Steps),
			table.Number(100*s.Retained), table.Number(s.Reconvolution/unit),
			table.Number(s.Variance/unit), table.Number(s.Mean/unit),
			table.Uncertain(100*s.Coverage, 100*s.CoverageError).GoodIf(
				s.Coverage <= s.CoverageError),
			table.Number(s.Spread), table.Number(1000*s.Seconds))
	}
	if refused > 0 {
		t.Notes = append(t.Notes, fmt.Sprintf("Without %d observations that were refused.",
			refused))
	}
	return t
}

// name says which method a sampler is.
func name(s ddpm.Sampler) string {
	name := "DDIM"
	switch {
	case s.SecondOrder && s.Eta == 0:
		name = "DPM-Solver++(2M)"
	case s.SecondOrder:
		name = "stochastic 2M"
	case s.LargeVariance:
		name = "ancestral, σ² = β"
	case s.Eta == 1:
		name = "ancestral"
	case s.Eta > 0:
		name = fmt.Sprintf("DDIM, η = %g", s.Eta)
	}
	if s.DataConsistency {
		name += ", corrected"
	}
	if s.Guidance > 0 {
		name += fmt.Sprintf(", w = %g", s.Guidance)
	}
	return name
}

// Package sweep trains the CVAE with several weights of its loss and compares what they do to the
// candidates: the experiment of the paper's Figure 4.
//
//	plan := sweep.Plan{Model: config, Weights: sweep.Pairs([]float64{0.5, 1, 2}, []float64{1})}
//	dirs, err := sweep.Run(ctx, plan, galaxies, "checkpoints", nil)
//	results, err := sweep.Evaluate(ctx, dirs, benchmark)
//	fmt.Print(sweep.Table(results))
package sweep

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"gonum.org/v1/gonum/stat"

	"galdecon/galdecon"
	"galdecon/galdecon/fit"
	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/posterior"
	"galdecon/galdecon/score"
	"galdecon/galdecon/table"
)

// Weights are those of the two reconstructions in Eq. 1: α of the clean galaxy, β of the blurred
// one.
type Weights struct{ Alpha, Beta float64 }

func (w Weights) String() string { return fmt.Sprintf("α = %g, β = %g", w.Alpha, w.Beta) }

// Pairs returns all pairs of weights, β running fastest.
func Pairs(alphas, betas []float64) []Weights {
	var pairs []Weights
	for _, a := range alphas {
		for _, b := range betas {
			pairs = append(pairs, Weights{a, b})
		}
	}
	return pairs
}

// weighted returns the configuration of a CVAE with other weights.
func weighted(c galdecon.Config, w Weights) galdecon.Config {
	cvae := *c.CVAE
	cvae.Alpha, cvae.Beta = w.Alpha, w.Beta
	c.CVAE = &cvae
	return c
}

// Plan is what a sweep trains.
type Plan struct {
	// Model is the configuration of a CVAE, whose own weights don't count.
	Model galdecon.Config
	// Weights are those of its loss, one model for each; see [Pairs].
	Weights []Weights
}

// Run trains a CVAE once for each of several weights of its loss, as for the paper's Figure 4, all
// from the same start and with one compilation. It returns the folders of the models, each
// [galdecon.Config.Folder] below parent with the weights in the configuration. What is trained
// already isn't trained again, and what was interrupted goes on. report, which may be nil, is
// called after every step with the index of the weights.
//
// Several programs that run the same sweep share it: each trains what no other does, and returns
// when all is trained. So a sweep uses as many devices as programs are started, each with a device
// of its own (CUDA_VISIBLE_DEVICES). Fit.Devices spreads each training instead.
func Run(
	ctx context.Context, plan Plan, galaxies *galaxy.Images, parent string,
	report func(i int, p fit.Progress),
) ([]string, error) {
	c, weights := plan.Model, plan.Weights
	if c.CVAE == nil {
		return nil, errors.New("sweep: only a CVAE has the weights α and β to sweep over; start " +
			"from the preset tiny-cvae")
	}
	if len(weights) == 0 {
		return nil, errors.New("sweep: a sweep needs at least one pair of weights; see Pairs")
	}
	for _, w := range weights {
		if err := weighted(c, w).Validate(); err != nil {
			return nil, fmt.Errorf("%w (%v)", err, w)
		}
	}
	trainer, err := galdecon.NewTrainer(weighted(c, weights[0]), galaxies)
	if err != nil {
		return nil, err
	}
	defer trainer.Close()
	dirs := make([]string, len(weights))
	left := make([]int, len(weights))
	for i := range left {
		left[i] = i
	}
	for len(left) > 0 {
		var busy []int
		for _, i := range left {
			point := weighted(c, weights[i])
			dirs[i] = point.Folder(parent)
			err := trainer.Train(ctx, point, dirs[i], func(p fit.Progress) {
				if report != nil {
					report(i, p)
				}
			})
			switch {
			case errors.Is(err, fit.ErrBusy):
				busy = append(busy, i)
			case err != nil:
				return nil, fmt.Errorf("%w (%v)", err, weights[i])
			}
		}
		if len(busy) == len(left) {
			select {
			case <-ctx.Done():
				return nil, fmt.Errorf("sweep: interrupted while another program trains in %s: %w",
					dirs[busy[0]], ctx.Err())
			case <-time.After(busyPeriod):
			}
		}
		left = busy
	}
	return dirs, nil
}

// busyPeriod is how often a sweep looks after the trainings of other programs, should one be
// interrupted.
const busyPeriod = 2 * time.Second

// Result says what the weights of a model's loss do to its candidates.
type Result struct {
	Weights
	// LogClean, LogBlurred and KL are the terms of Eq. 1 that its training came to, in nats, see
	// [cvae.Terms]: averages of the last tenth.
	LogClean, LogBlurred, KL float64
	// Clean and Blurred are the MSE of the candidates to the truth, and of the candidates blurred
	// again to x, on average, in squared units of the galaxies.
	Clean, Blurred float64
	// Variance is that of the candidates per pixel, in the same units.
	Variance float64
	// Spectrum is that of the candidates.
	Spectrum score.Spectrum
	// Refused observations of the benchmark are in no figure.
	Refused int
	// High is their power at spatial frequencies of [score.DetailFrequency] and more, as a multiple
	// of the truth's, for all galaxies together. Correlation is that of the candidates with the
	// truth at these frequencies, −1 to 1: what of the power is detail of the galaxy.
	High, Correlation float64
	// Highs is High for each galaxy of the truth, [n], NaN where it was refused.
	Highs []float64
	// Posteriors are the candidates themselves.
	Posteriors []galdecon.Posterior
}

// Evaluate draws candidates with each model of a [Run] for the observations of a benchmark, and
// returns what they are like, in the order of dirs. It is an error if a folder holds no CVAE, if
// observations and truth don't fit together, or if no observation is left; a refused observation is
// none, it is counted.
func Evaluate(ctx context.Context, dirs []string, b galdecon.Benchmark) ([]Result, error) {
	results := make([]Result, len(dirs))
	for i, dir := range dirs {
		model, err := galdecon.Load(dir)
		if err != nil {
			return nil, err
		}
		if model.Config.CVAE == nil {
			return nil, fmt.Errorf("sweep: the model in %s is no CVAE", dir)
		}
		r := &results[i]
		r.Weights = Weights{model.Config.CVAE.Alpha, model.Config.CVAE.Beta}
		terms, err := fit.Terms(dir)
		if err != nil {
			return nil, err
		}
		r.LogClean, r.LogBlurred, r.KL = tailMean(terms["clean"]), tailMean(terms["blurred"]),
			tailMean(terms["KL"])
		r.Posteriors, err = model.Sample(ctx, b.Observations, b.Candidates, b.Seed)
		refused, err := posterior.SplitRefusals(err)
		if err != nil {
			return nil, err
		}
		r.Refused = len(refused)
		report, err := galdecon.Evaluate(b.Truth, r.Posteriors)
		if err != nil {
			return nil, err
		}
		mean := report.Mean()
		r.Clean, r.Blurred, r.Variance = mean.Samples, mean.Reconvolution, mean.Variance
		if err := r.detail(b.Truth); err != nil {
			return nil, err
		}
	}
	return results, nil
}

// detail fills in what follows from the spectra of the candidates, of the truth and of their
// difference.
func (r *Result) detail(truth *galaxy.Images) error {
	var samples []*galaxy.Images
	var drawn, target, crossed float64
	r.Highs = slices.Repeat([]float64{math.NaN()}, truth.N)
	for _, p := range r.Posteriors {
		i := p.Index
		difference := p.Samples.Clone()
		for k := range difference.Pixels {
			difference.Pixels[k] -= truth.At(i)[k%len(truth.At(i))]
		}
		var powers [3]float64
		for k, images := range []*galaxy.Images{p.Samples, truth.Select(i), difference} {
			s, err := score.PowerSpectrum(images)
			if err != nil {
				return err
			}
			powers[k] = s.From(score.DetailFrequency)
		}
		c, t, d := powers[0], powers[1], powers[2]
		r.Highs[i] = c / t
		// |c−t|² = |c|² + |t|² − 2 Re c t*
		drawn, target, crossed = drawn+c, target+t, crossed+(c+t-d)/2
		samples = append(samples, p.Samples)
	}
	r.High, r.Correlation = drawn/target, crossed/math.Sqrt(drawn*target)
	all, err := galaxy.Join(samples...)
	if err != nil {
		return err
	}
	r.Spectrum, err = score.PowerSpectrum(all)
	return err
}

// DetailChange returns the factor by which the power of detail of the same galaxies changes from
// the candidates of one model to those of another: the geometric mean over the galaxies, and its
// interval of 95 %, in which it lies if the galaxies are typical.
func DetailChange(from, to Result) (factor, low, high float64) {
	var logs []float64
	for i := range from.Highs {
		if change := to.Highs[i] / from.Highs[i]; !math.IsNaN(change) {
			logs = append(logs, math.Log(change))
		}
	}
	mean, deviation := stat.MeanStdDev(logs, nil)
	within := 1.96 * stat.StdErr(deviation, float64(len(logs)))
	return math.Exp(mean), math.Exp(mean - within), math.Exp(mean + within)
}

// tailMean returns the average of the last tenth of a curve.
func tailMean(curve []fit.Point) float64 {
	tail := curve[len(curve)*9/10:]
	sum := 0.0
	for _, p := range tail {
		sum += p.Loss
	}
	return sum / float64(len(tail))
}

// Table returns the results as a table.
func Table(results []Result) table.Table {
	const terms, candidates, detail = "Eq. 1, nats", "candidates, 10⁻⁴", "detail"
	t := table.Table{
		Title: "Weights of the loss",
		Keys:  2,
		Columns: []table.Column{
			{Name: "α", Format: shortest}, {Name: "β", Format: shortest},
			{Name: "E log p(y | z)", Group: terms, Format: table.Decimals(0)},
			{Name: "E log p(x | y, z)", Group: terms, Format: table.Decimals(0)},
			{Name: "KL", Group: terms, Format: table.Decimals(0)},
			{Name: "MSE(y, truth)", Group: candidates, Format: table.Decimals(2)},
			{Name: "MSE(Π*y, x)", Group: candidates, Format: table.Decimals(3)},
			{Name: "variance", Group: candidates, Format: table.Decimals(3)},
			{Name: "power", Unit: "%", Group: detail, Format: table.Decimals(0)},
			{Name: "correlation", Group: detail, Format: table.Decimals(2)},
		},
		Notes: []string{
			"Terms without constants, as the training came to them. Errors and variance per " +
				"pixel, in units of the paper's ε = 10⁻⁴.",
			fmt.Sprintf("Detail: power at %g cycles per pixel or more, relative to the truth's, "+
				"and correlation with the truth there.", score.DetailFrequency),
		},
	}
	for _, r := range results {
		t.Add(table.Number(r.Alpha), table.Number(r.Beta), table.Number(r.LogClean),
			table.Number(r.LogBlurred), table.Number(r.KL), table.Number(r.Clean/score.Epsilon),
			table.Number(r.Blurred/score.Epsilon), table.Number(r.Variance/score.Epsilon),
			table.Number(100*r.High), table.Number(r.Correlation))
	}
	return t
}

// shortest writes a number as briefly as it can be written exactly.
func shortest(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }

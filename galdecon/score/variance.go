package score

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/stat"
)

// Survivors returns the indices of the candidates that satisfy the constraint of Eq. 3: those with
// a reconvolution error (see [DataMSE]) below epsilon, > 0. A NaN among the errors is an error.
func Survivors(reconvolution []float64, epsilon float64) ([]int, error) {
	if !(epsilon > 0) || math.IsInf(epsilon, 1) {
		return nil, fmt.Errorf("score: the slack ε must be positive and finite, got %v", epsilon)
	}
	var kept []int
	for i, e := range reconvolution {
		if math.IsNaN(e) {
			return nil, fmt.Errorf("score: candidate %d has the reconvolution error NaN", i)
		}
		if e < epsilon {
			kept = append(kept, i)
		}
	}
	return kept, nil
}

// AuthorsCriterion returns what the paper's released program keeps instead of the [Survivors]: the
// candidates with an error below [Epsilon], and those above 2. Such errors come from a failed
// candidate, which then passes for a diverse one. Both its figures, the share retained and the
// variance, count them. This is only to compare with it; in all else [MeanRetained] and
// [MeanVariance] do as it does.
func AuthorsCriterion(reconvolution []float64) ([]int, error) {
	kept, err := Survivors(reconvolution, Epsilon)
	if err != nil {
		return nil, err
	}
	for i, e := range reconvolution {
		if e > 2 {
			kept = append(kept, i)
		}
	}
	slices.Sort(kept)
	return kept, nil
}

// Variance sums up the total variance V of Eq. 3 for one observation, the trace of the covariance
// of feature vectors, as they come: it holds their mean but none of them (Welford 1962). No term of
// its sum is negative, so it stays accurate where the features are large and vary little. The zero
// value is ready for the first vector.
type Variance struct {
	n       int
	mean    []float64
	squares float64 // Σ |f - mean|² over the vectors so far
}

// Add takes in the features of one more candidate. It is an error, and changes nothing, if there
// are none, their number isn't that of the vectors before, or one isn't finite.
func (v *Variance) Add(features []float64) error {
	if len(features) == 0 {
		return errors.New("score: a candidate has no features")
	}
	if v.n > 0 && len(features) != len(v.mean) {
		return fmt.Errorf("score: a candidate has %d features, those before have %d", len(features),
			len(v.mean))
	}
	for i, f := range features {
		if math.IsNaN(f) || math.IsInf(f, 0) {
			return fmt.Errorf("score: a candidate has the value %v as feature %d", f, i)
		}
	}
	v.n++
	if v.n == 1 {
		v.mean = slices.Clone(features)
		return nil
	}
	n := float64(v.n)
	for i, f := range features {
		d := f - v.mean[i]
		v.mean[i] += d / n
		v.squares += d * d * (n - 1) / n
	}
	return nil
}

// N returns the number of vectors taken in.
func (v *Variance) N() int { return v.n }

// Trace returns Tr(Σ), with the unbiased covariance Σ of divisor N-1, as of numpy.cov and
// pytorch-fid. It is an error if N < 2.
func (v *Variance) Trace() (float64, error) {
	if v.n < 2 {
		return 0, fmt.Errorf("score: a variance needs at least 2 candidates, got %d", v.n)
	}
	return v.squares / float64(v.n-1), nil
}

// Diversity is the outcome of Eq. 3 for one observation.
type Diversity struct {
	// Candidates were drawn, of which Retained satisfy the constraint.
	Candidates, Retained int
	// Variance is Tr(Σ) of the features of the retained ones; 0 and without meaning if Retained <
	// 2.
	Variance float64
}

// Diversity returns the outcome for an observation for which that many candidates were drawn, and
// the survivors among them added to v. It is an error if there were fewer than that.
func (v *Variance) Diversity(candidates int) (Diversity, error) {
	if candidates < v.n {
		return Diversity{}, fmt.Errorf("score: %d survivors of %d candidates", v.n, candidates)
	}
	d := Diversity{Candidates: candidates, Retained: v.n}
	if v.n >= 2 {
		d.Variance, _ = v.Trace()
	}
	return d, nil
}

func (d Diversity) validate() error {
	if d.Candidates < 1 || d.Retained < 0 || d.Retained > d.Candidates || !(d.Variance >= 0) ||
		math.IsInf(d.Variance, 1) {
		return fmt.Errorf("retains %d of %d candidates with the variance %v", d.Retained,
			d.Candidates, d.Variance)
	}
	return nil
}

// Estimate is a mean over observations with its interval of 95 % confidence.
type Estimate struct {
	Value float64 `json:"value"`
	// Low and High are the ends of the interval.
	Low  float64 `json:"low"`
	High float64 `json:"high"`
	// Used is the number of observations in the mean, Dropped that of the others.
	Used    int `json:"used"`
	Dropped int `json:"dropped,omitempty"`
}

// Resamples is the number of samples of a bootstrap: their 2.5 % quantile has a standard error of
// 0.16 %.
const Resamples = 10_000

// MeanRetained returns the other figure of Table 1: the mean over observations of the fraction of
// candidates that is retained. All are used, so it is not selective as [MeanVariance] is. For the
// interval see [Mean].
func MeanRetained(observations []Diversity, seed int64) (Estimate, error) {
	fractions := make([]float64, len(observations))
	for i, o := range observations {
		if err := o.validate(); err != nil {
			return Estimate{}, fmt.Errorf("score: observation %d %w", i, err)
		}
		fractions[i] = float64(o.Retained) / float64(o.Candidates)
	}
	return Mean(fractions, seed)
}

// MeanVariance returns Eq. 4: the mean of Tr(Σ) over the observations. Those with fewer than 2
// survivors have no covariance and are dropped, as in the paper's released program, and counted.
// Where many are, the mean is one of the easy observations: read it together with Dropped and the
// fraction retained. It is an error if none is left. For the interval see [Mean].
func MeanVariance(observations []Diversity, seed int64) (Estimate, error) {
	var traces []float64
	for i, o := range observations {
		if err := o.validate(); err != nil {
			return Estimate{}, fmt.Errorf("score: observation %d %w", i, err)
		}
		if o.Retained >= 2 {
			traces = append(traces, o.Variance)
		}
	}
	if len(traces) == 0 {
		return Estimate{}, fmt.Errorf("score: none of %d observations has the 2 survivors that a "+
			"variance needs", len(observations))
	}
	e, err := Mean(traces, seed)
	e.Dropped = len(observations) - len(traces)
	return e, err
}

// Difference compares two models by the same observations, in the same order: the mean over
// observations of what the first retains less what the second does, and of its variance less the
// second's. Pairs of values of one observation vary less than the observations do, so this finds
// smaller differences than a look at two intervals. An observation of which either has fewer than 2
// survivors is dropped from the variance and counted; if none is left, as Used says, the variance
// has no value.
func Difference(first, second []Diversity, seed int64) (retained, variance Estimate, err error) {
	if len(first) != len(second) {
		return Estimate{}, Estimate{},
			fmt.Errorf("score: models can't be compared by %d and %d observations; give both the "+
				"same", len(first), len(second))
	}
	var fractions, traces []float64
	for i, a := range first {
		b := second[i]
		if err := errors.Join(a.validate(), b.validate()); err != nil {
			return Estimate{}, Estimate{}, fmt.Errorf("score: observation %d %w", i, err)
		}
		fractions = append(fractions,
			float64(a.Retained)/float64(a.Candidates)-float64(b.Retained)/float64(b.Candidates))
		if a.Retained >= 2 && b.Retained >= 2 {
			traces = append(traces, a.Variance-b.Variance)
		}
	}
	if retained, err = Mean(fractions, seed); err != nil {
		return Estimate{}, Estimate{}, err
	}
	if len(traces) > 0 {
		if variance, err = Mean(traces, seed); err != nil {
			return Estimate{}, Estimate{}, err
		}
	}
	variance.Dropped = len(first) - len(traces)
	return retained, variance, nil
}

// Mean returns the mean of one value per observation with its percentile bootstrap interval (Efron
// 1979): observations are drawn again with replacement, by a generator with that seed. With few
// observations it is too narrow, and with 1 it is that point and says nothing. No values, or one
// that isn't finite, are an error.
func Mean(values []float64, seed int64) (Estimate, error) {
	if len(values) == 0 {
		return Estimate{}, errors.New("score: a mean needs at least one observation")
	}
	for i, v := range values {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return Estimate{}, fmt.Errorf("score: observation %d has the value %v", i, v)
		}
	}
	rng := rand.New(rand.NewPCG(uint64(seed), 0))
	means := make([]float64, Resamples)
	for k := range means {
		sum := 0.0
		for range values {
			sum += values[rng.IntN(len(values))]
		}
		means[k] = sum / float64(len(values))
	}
	slices.Sort(means)
	return Estimate{
		Value: stat.Mean(values, nil),
		Low:   stat.Quantile(0.025, stat.Empirical, means, nil),
		High:  stat.Quantile(0.975, stat.Empirical, means, nil),
		Used:  len(values),
	}, nil
}

// Package score says how good candidates are: whether they explain the observation, and how far
// they lie from the truth where that is known.
//
// [Survivors] is the constraint of the paper's Eq. 3, [Variance] and [Diversity] its objective,
// which package scorecard puts together. [MeanVariance] is Eq. 4, on the features of package
// score/inception.
package score

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/stat"

	"galdecon/galdecon/galaxy"
)

// Epsilon is the paper's slack ε (Section 3): a candidate is retained if mean((Π*y − x)²) <
// Epsilon.
const Epsilon = 1e-4

// MSE returns the mean squared difference of two images; it is NaN for empty ones. It panics if
// their lengths differ.
func MSE(a, b []float32) float64 {
	if len(a) != len(b) {
		panic(fmt.Sprintf("score: MSE of images with %d and %d values", len(a), len(b)))
	}
	sum := 0.0
	for i := range a {
		d := float64(a[i]) - float64(b[i])
		sum += d * d
	}
	return sum / float64(len(a))
}

// DataMSE returns the error mean((Π*y − x)²) of each candidate: reblurred is Π*y [n, height, width,
// channels], observation is x [1, height, width, channels].
func DataMSE(reblurred, observation *galaxy.Images) ([]float64, error) {
	if err := Match("candidates", reblurred, "observation", observation); err != nil {
		return nil, err
	}
	errors := make([]float64, reblurred.N)
	for i := range errors {
		errors[i] = MSE(reblurred.At(i), observation.Pixels)
	}
	return errors, nil
}

// ChiSquared returns the reduced χ² of each candidate, mean((Π*y − x)²)/σ², with reblurred and
// observation as in [DataMSE] and the standard deviation σ > 0 of the white noise of x. The truth
// has 1, within √(2/pixels), and so have on average exact samples of the posterior. Below, noise
// was taken for galaxy: the mean of a posterior and all that fits x best. Above, the candidate
// doesn't explain x.
func ChiSquared(reblurred, observation *galaxy.Images, noise float64) ([]float64, error) {
	if !(noise > 0) || math.IsInf(noise, 1) {
		return nil, fmt.Errorf("score: χ² needs a positive, finite standard deviation of the "+
			"noise, got %g", noise)
	}
	values, err := DataMSE(reblurred, observation)
	for i := range values {
		values[i] /= noise * noise
	}
	return values, err
}

// Retained returns the fraction of candidates with a reconvolution error below epsilon (Table 1,
// "percent retained"), of the [Survivors]. Where these are an error, as for ε ≤ 0 or the error NaN,
// and of no candidates, it is NaN.
func Retained(reconvolution []float64, epsilon float64) float64 {
	kept, err := Survivors(reconvolution, epsilon)
	if err != nil {
		return math.NaN()
	}
	return float64(len(kept)) / float64(len(reconvolution))
}

// Accuracy compares candidates of one observation with the truth; all numbers are per pixel.
type Accuracy struct {
	// Observation is the MSE of doing nothing: of x to the truth.
	Observation float64
	// Samples is the mean MSE of the candidates, Mean that of their mean image.
	Samples, Mean float64
	// Variance is that of the candidates around their mean, unbiased. Where a posterior is
	// calibrated, Mean is on average Variance·(1 + 1/n), and Samples twice Variance.
	Variance float64
}

// Trial is one observation whose truth is known, with candidates for it. Name its fields: images
// that change places give other numbers, not an error.
type Trial struct {
	// Truth is y and Observation is x, both [1, height, width, channels].
	Truth, Observation *galaxy.Images
	// Samples are the candidates, [n, height, width, channels], n ≥ 2.
	Samples *galaxy.Images
}

// Accuracy compares the candidates with the truth. It returns an error if their shapes differ, or
// if there are fewer than 2 candidates.
func (t Trial) Accuracy() (Accuracy, error) {
	truth, observation, samples := t.Truth, t.Observation, t.Samples
	if err := Match("truth", truth, "observation", observation); err != nil {
		return Accuracy{}, err
	}
	if err := Match("candidates", samples, "truth", truth); err != nil {
		return Accuracy{}, err
	}
	if samples.N < 2 {
		return Accuracy{}, fmt.Errorf("score: a variance needs at least 2 candidates, got %d",
			samples.N)
	}
	a := Accuracy{Observation: MSE(observation.Pixels, truth.Pixels)}
	for i := range samples.N {
		a.Samples += MSE(samples.At(i), truth.Pixels) / float64(samples.N)
	}
	values := make([]float64, samples.N)
	for pixel, y := range truth.Pixels {
		for i := range values {
			values[i] = float64(samples.At(i)[pixel])
		}
		mean, variance := stat.MeanVariance(values, nil)
		d := mean - float64(y)
		a.Mean += d * d / float64(len(truth.Pixels))
		a.Variance += variance / float64(len(truth.Pixels))
	}
	return a, nil
}

// MeanImage returns the mean of images [n, height, width, channels], [1, height, width, channels]:
// of candidates, their best estimate in the mean square.
func MeanImage(images *galaxy.Images) (*galaxy.Images, error) {
	if err := valid("images", images); err != nil {
		return nil, err
	}
	mean := galaxy.NewImages(1, images.Height, images.Width, images.Channels)
	for pixel := range mean.Pixels {
		sum := 0.0
		for i := range images.N {
			sum += float64(images.At(i)[pixel])
		}
		mean.Pixels[pixel] = float32(sum / float64(images.N))
	}
	return mean, nil
}

// Prior is what is known of a galaxy before it is observed, as far as its variance goes; [NewPrior]
// makes it.
type Prior struct {
	galaxy   *galaxy.Images // one of them, for their shape
	variance float64
}

// NewPrior measures galaxies [m, height, width, channels], m ≥ 2, of the kind that a model was
// trained for. It returns an error if they are all equal.
func NewPrior(galaxies *galaxy.Images) (*Prior, error) {
	if err := valid("galaxies", galaxies); err != nil {
		return nil, err
	}
	if galaxies.N < 2 {
		return nil, fmt.Errorf("score: the variance of a prior needs at least 2 galaxies, got %d",
			galaxies.N)
	}
	p := &Prior{galaxy: galaxies.Select(0), variance: pixelVariance(galaxies)}
	if p.variance == 0 {
		return nil, fmt.Errorf("score: the %d galaxies are equal, so the prior has no variance",
			galaxies.N)
	}
	return p, nil
}

// VarianceRatio returns the variance of the posterior over that of the prior, each unbiased and
// averaged over pixels: near 1 the observation has told nothing, near 0 nearly all. The candidates
// are of one observation, [n, height, width, channels], n ≥ 2. An over-confident model has a small
// ratio too; see the calibration.
func (p *Prior) VarianceRatio(candidates *galaxy.Images) (float64, error) {
	if err := Match("candidates", candidates, "galaxy", p.galaxy); err != nil {
		return 0, err
	}
	if candidates.N < 2 {
		return 0, fmt.Errorf("score: a variance needs at least 2 candidates, got %d", candidates.N)
	}
	return pixelVariance(candidates) / p.variance, nil
}

// pixelVariance returns the unbiased variance of each value over the images, averaged over the
// values.
func pixelVariance(images *galaxy.Images) float64 {
	sum, values := 0.0, make([]float64, images.N)
	for pixel := range images.At(0) {
		for i := range values {
			values[i] = float64(images.At(i)[pixel])
		}
		sum += stat.Variance(values, nil)
	}
	return sum / float64(len(images.At(0)))
}

// valid returns an error if images are missing or damaged.
func valid(name string, images *galaxy.Images) error {
	if images == nil {
		return fmt.Errorf("score: %s: there are none", name)
	}
	if err := images.Validate(); err != nil {
		return fmt.Errorf("score: %s: %w", name, err)
	}
	return nil
}

// Match returns an error if images can't be compared: all of a, [n, h, w, c], with the one of b,
// [1, h, w, c].
func Match(nameA string, a *galaxy.Images, nameB string, b *galaxy.Images) error {
	if err := valid(nameA, a); err != nil {
		return err
	}
	if err := valid(nameB, b); err != nil {
		return err
	}
	if b.N != 1 || a.Height != b.Height || a.Width != b.Width || a.Channels != b.Channels {
		return fmt.Errorf("score: %s of shape [%d, %d, %d, %d] can't be compared with one %s, "+
			"which has the shape [%d, %d, %d, %d]",
			nameA, a.N, a.Height, a.Width, a.Channels, nameB, b.N, b.Height, b.Width, b.Channels)
	}
	return nil
}

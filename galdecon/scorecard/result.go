package scorecard

import (
	"context"
	"fmt"
	"slices"

	"galdecon/galdecon"
	"galdecon/galdecon/calibration"
	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/psf"
	"galdecon/galdecon/score"
)

// Result is what is measured of one method on one observation. It is what is kept: one line of
// JSON.
type Result struct {
	Method   string  `json:"method"`
	Identity string  `json:"identity"`
	Setting  Setting `json:"setting"`
	// Galaxy is the index of the galaxy, ID its name.
	Galaxy int    `json:"galaxy"`
	ID     string `json:"id"`
	// Refused says why the method refused the observation, in words; nothing else is measured then.
	Refused string `json:"refused,omitempty"`
	// Candidates is their number, 1 of a method that has but one answer.
	Candidates int `json:"candidates"`
	// Retained of them are within the slack, and FeatureVariance is the variance of those'
	// features, 0 if there are fewer than 2, or no features.
	Retained        int     `json:"retained"`
	FeatureVariance float64 `json:"feature_variance"`
	// ReleasedRetained and ReleasedVariance are these two as the paper's released program counts,
	// see [Released].
	ReleasedRetained int     `json:"released_retained"`
	ReleasedVariance float64 `json:"released_variance"`
	// Reconvolution is the mean of the candidates' MSE of Π*y to x, with the Π that the method was
	// told.
	Reconvolution float64 `json:"reconvolution"`
	// PixelVariance is the candidates' variance, averaged over pixels, and VarianceRatio its ratio
	// to that of the prior.
	PixelVariance float64 `json:"pixel_variance"`
	VarianceRatio float64 `json:"over_prior"`
	// MSE, PSNR and SSIM are those of the candidates' mean to the truth.
	MSE  float64 `json:"mse"`
	PSNR float64 `json:"psnr"`
	SSIM float64 `json:"ssim"`
	// Power is the mean radial power spectrum of the candidates, TruePower that of the truth;
	// HighFrequency is the ratio of the two over the modes of high frequency.
	Power         []float64 `json:"power"`
	TruePower     []float64 `json:"true_power"`
	HighFrequency float64   `json:"high_frequency"`
	// Truth, Mean and Each are measured of the truth, the mean of the candidates and each
	// candidate; nil where that failed.
	Truth *score.Photometry   `json:"truth"`
	Mean  *score.Photometry   `json:"mean"`
	Each  []*score.Photometry `json:"each,omitempty"`
	// PixelRanks [Candidates+1] counts the pixels of the truth by their rank among the candidates'.
	PixelRanks []int `json:"pixel_ranks,omitempty"`
	// Seconds a candidate took.
	Seconds float64 `json:"seconds"`
}

// evaluate fills in all that is measured of candidates [n, height, width, channels] of the
// observation x; Π is the PSF that is assumed.
func (c comparison) evaluate(
	ctx context.Context, r *Result, x *galaxy.Images, assumed psf.PSF, candidates *galaxy.Images,
) error {
	truth := c.Galaxies.Select(r.Galaxy)
	if candidates.N != 1 && candidates.N != c.Candidates {
		return fmt.Errorf("there are %d candidates instead of %d", candidates.N, c.Candidates)
	}
	r.Candidates = candidates.N

	blurred, err := galdecon.Observe(candidates, []psf.PSF{assumed}, 0, 0)
	if err != nil {
		return err
	}
	errors, err := score.DataMSE(blurred.Images(), x)
	if err != nil {
		return err
	}
	for _, e := range errors {
		r.Reconvolution += e / float64(len(errors))
	}
	if err := c.diversity(ctx, r, candidates, errors); err != nil {
		return err
	}

	mean, err := score.MeanImage(candidates)
	if err != nil {
		return err
	}
	r.MSE = score.MSE(mean.Pixels, truth.Pixels)
	psnr, err := score.PSNR(truth, mean, 1)
	if err != nil {
		return err
	}
	ssim, err := score.SSIM(truth, mean, 1)
	if err != nil {
		return err
	}
	r.PSNR, r.SSIM = psnr[0], ssim[0]

	power, err := score.PowerSpectrum(candidates)
	if err != nil {
		return err
	}
	truePower, err := score.PowerSpectrum(truth)
	if err != nil {
		return err
	}
	r.Power, r.TruePower = power.Power, truePower.Power
	if real := truePower.From(score.DetailFrequency); real > 0 {
		r.HighFrequency = power.From(score.DetailFrequency) / real
	}
	r.Truth, r.Mean = photometry(truth), photometry(mean)
	if candidates.N == 1 {
		return nil
	}

	accuracy, err := score.Trial{Truth: truth, Observation: x, Samples: candidates}.Accuracy()
	if err != nil {
		return err
	}
	r.PixelVariance = accuracy.Variance
	if r.VarianceRatio, err = c.prior.VarianceRatio(candidates); err != nil {
		return err
	}
	for k := range candidates.N {
		r.Each = append(r.Each, photometry(candidates.Select(k)))
	}
	trials, err := calibration.Images(truth, []*galaxy.Images{candidates})
	if err != nil {
		return err
	}
	r.PixelRanks = trials.Ranks(c.Seed + int64(r.Galaxy)).Counts[0]
	return nil
}

// diversity returns Eq. 3 for one observation, as the paper states it and as its released program
// computes it.
func (c Config) diversity(
	ctx context.Context, r *Result, candidates *galaxy.Images, reconvolution []float64,
) error {
	survivors, err := score.Survivors(reconvolution, c.Epsilon)
	if err != nil {
		return err
	}
	released, err := score.AuthorsCriterion(reconvolution)
	if err != nil {
		return err
	}
	r.Retained, r.ReleasedRetained = len(survivors), len(released)
	if c.Features == nil || max(len(survivors), len(released)) < 2 {
		return nil
	}
	// Both are nearly always the same candidates, and features take long.
	either := slices.Compact(slices.Sorted(slices.Values(slices.Concat(survivors, released))))
	variances := []struct {
		of    []int
		value *float64
		score.Variance
	}{{of: survivors, value: &r.FeatureVariance}, {of: released, value: &r.ReleasedVariance}}
	taken := 0
	for features, err := range c.Features.Features(ctx, unitRange(candidates.Select(either...))) {
		if err != nil {
			return err
		}
		for k := range variances {
			if v := &variances[k]; slices.Contains(v.of, either[taken]) {
				if err := v.Add(features); err != nil {
					return err
				}
			}
		}
		taken++
	}
	for k := range variances {
		v := &variances[k]
		if v.N() != len(v.of) {
			return fmt.Errorf("there are features of %d of %d candidates", v.N(), len(v.of))
		}
		d, err := v.Diversity(candidates.N)
		if err != nil {
			return err
		}
		*v.value = d.Variance
	}
	return nil
}

// unitRange cuts pixels off below 0 and above 1, as a picture does.
func unitRange(images *galaxy.Images) *galaxy.Images {
	for k, v := range images.Pixels {
		images.Pixels[k] = min(max(v, 0), 1)
	}
	return images
}

// photometry measures a galaxy within a circle of a quarter of the stamp's side; nil if there is
// none.
func photometry(image *galaxy.Images) *score.Photometry {
	p, err := score.Measure(image, float64(min(image.Height, image.Width))/4)
	if err != nil {
		return nil
	}
	return &p
}

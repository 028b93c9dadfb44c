package plotting

import (
	"errors"
	"fmt"
	"math"

	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/posterior"
	"galdecon/galdecon/score"
)

// quantities are what is measured of a galaxy.
var quantities = []struct {
	name, unit string
	of         func(m score.Photometry, scale float64) float64
	among      func(m posterior.Measurement) posterior.Interval
}{
	{"flux", "", func(m score.Photometry, scale float64) float64 { return scale * m.Aperture },
		func(m posterior.Measurement) posterior.Interval { return m.Flux }},
	{"half-light radius", "pixels",
		func(m score.Photometry, _ float64) float64 { return m.HalfLight },
		func(m posterior.Measurement) posterior.Interval { return m.HalfLight }},
	{"g1", "", func(m score.Photometry, _ float64) float64 { return m.G1 },
		func(m posterior.Measurement) posterior.Interval { return m.G1 }},
	{"g2", "", func(m score.Photometry, _ float64) float64 { return m.G2 },
		func(m posterior.Measurement) posterior.Interval { return m.G2 }},
}

// CornerOf returns the corner of flux, half-light radius and ellipticity of a model's candidates
// for one observation, measured in an aperture of the given radius in pixels, in units of the
// source and moved by the posterior's Recalibration; see [posterior.Posterior.Measure]. Candidates
// without a galaxy are left out. truth is the galaxy, one image, or nil where it isn't known. It is
// an error if the truth can't be measured.
func CornerOf(p posterior.Posterior, aperture float64, truth *galaxy.Images) (Corner, error) {
	c := Corner{Title: p.Observation.ID(0)}
	for _, q := range quantities {
		c.Quantities = append(c.Quantities, Quantity{Name: q.name, Unit: q.unit, Truth: math.NaN()})
	}
	all := score.MeasureEach(p.Samples, aperture)
	for _, m := range p.Recalibration.Apply(all.Measured) {
		for k, q := range quantities {
			values := &c.Quantities[k].Values
			*values = append(*values, q.of(m, scaleOf(p.Observation)))
		}
	}
	if n := len(all.Measured); n < fewestCorner && all.Failure != nil {
		return Corner{}, fmt.Errorf("plotting: only %d candidates can be measured, another not "+
			"because: %w", n, all.Failure)
	}
	if truth == nil {
		return c, nil
	}
	m, err := score.Measure(truth, aperture)
	if err != nil {
		return Corner{}, fmt.Errorf("plotting: the truth can't be measured: %w", err)
	}
	for k, q := range quantities {
		c.Quantities[k].Truth = q.of(m, scaleOf(truth))
	}
	return c, nil
}

// PullsOf returns the pulls of flux, half-light radius and ellipticity, measured in an aperture of
// the given radius in pixels, of the medians of a model's candidates. truth are the galaxies of all
// observations that were sampled, of which each posterior has the Index. Galaxies that can't be
// measured, and those whose candidates don't differ in a quantity, are left out. It is an error if
// a posterior has no truth.
func PullsOf(
	posteriors []posterior.Posterior, truth *galaxy.Images, aperture float64,
) (Pulls, error) {
	var all Pulls
	for _, q := range quantities {
		all.Histograms = append(all.Histograms, PullHistogram{Name: q.name})
	}
	if truth == nil {
		return all, errors.New("plotting: pulls need the truth, got none (nil)")
	}
	for _, p := range posteriors {
		if p.Index < 0 || p.Index >= truth.N {
			return all, fmt.Errorf("plotting: a posterior is that of observation %d, which is not "+
				"one of %d true galaxies", p.Index, truth.N)
		}
		y := truth.Select(p.Index)
		real, err := score.Measure(y, aperture)
		if err != nil {
			continue
		}
		m, err := p.Measure(aperture)
		if err != nil {
			continue
		}
		for k, q := range quantities {
			pulls := &all.Histograms[k].Pulls
			if pull := q.among(m).Pull(q.of(real, scaleOf(y))); !math.IsNaN(pull) &&
				!math.IsInf(pull, 0) {
				*pulls = append(*pulls, pull)
			}
		}
	}
	return all, nil
}

// scaleOf is what a pixel value of 1 stands for.
func scaleOf(images *galaxy.Images) float64 {
	if images.Scale == nil {
		return 1
	}
	return images.Scale[0]
}

package posterior

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/gonum/stat"

	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/score"
	"galdecon/galdecon/table"
	"galdecon/internal/numbers"
)

// Interval is a median with its error bars: the true value lies between Low and High with a
// probability of 68 %, as far as the model is right. For a Gaussian they are one standard deviation
// away. Fewer than 6 candidates don't reach as far: of n the interval is all that they span, with a
// probability of (n−1)/(n+1), 60 % for 4 and 33 % for 2, and a single one has NaN for both ends.
type Interval struct {
	// Median is that of the candidates.
	Median float64
	// Low and High are the ends of the interval, the quantiles 16 % and 84 %.
	Low, High float64
}

// Scaled returns the interval in other units, of which one is 1/by; by is positive.
func (i Interval) Scaled(by float64) Interval {
	return Interval{Median: i.Median * by, Low: i.Low * by, High: i.High * by}
}

// Pull returns how far the median is from the truth, over the error bar on that side: of Gaussian
// candidates that are right, a number of the unit Gaussian. It is NaN or infinite where there is no
// such bar.
func (i Interval) Pull(truth float64) float64 {
	off := i.Median - truth
	if off > 0 {
		return off / (i.Median - i.Low)
	}
	return off / (i.High - i.Median)
}

// String returns the median with its error bars, to the digit that the shorter bar justifies: its
// second where it begins with 10 to 35, otherwise its first, as in "0.123 +0.031 −0.028". Below
// 0.001 and from 1,000,000 on the three have a common exponent: "(3.870 +0.008 −0.009)e-19". Where
// the candidates all agree the bars are "+0 −0", and of a single one "+NaN −NaN".
func (i Interval) String() string { return numbers.Interval(i.Median, i.Low, i.High) }

// WithUnit returns the text of String with a unit after it, such as the BUNIT of a header times a
// pixel: "(3.870 +0.008 −0.009)e-19 W/m2/Hz". Without a unit it is String.
func (i Interval) WithUnit(unit string) string {
	return strings.TrimSpace(i.String() + " " + unit)
}

// Cell returns the median with its error bars as a cell of a table.
func (i Interval) Cell() table.Cell { return table.Measured(i.Median, i.Low, i.High) }

// Measurement is what the candidates of a posterior say about the galaxy: the quantities of
// [score.Photometry], each over the candidates.
type Measurement struct {
	// ID is that of the observation.
	ID string
	// Flux is that within the aperture, summed over pixels in units of the source, by
	// Observation.Scale.
	Flux Interval
	// HalfLight is the half-light radius in pixels; G1 and G2 are the ellipticity.
	HalfLight, G1, G2 Interval
	// Measured is how many candidates could be measured; Failed could not, and aren't in the
	// intervals.
	Measured, Failed int
	// Recalibrated says that the intervals are corrected, by Posterior.Recalibration.
	Recalibrated bool
}

// String returns all in one line: the flux and the half-light radius, g1 and g2, and how many
// candidates were measured.
func (m Measurement) String() string {
	return fmt.Sprintf("flux %v, half-light radius %v px, g1 %v, g2 %v; "+
		"%d of %d candidates measured",
		m.Flux, m.HalfLight, m.G1, m.G2, m.Measured, m.Measured+m.Failed)
}

// Tables returns the measurement as a table of one row.
func (m Measurement) Tables() []table.Table { return Measurements{m}.Tables() }

// Measurements are those of several galaxies.
type Measurements []Measurement

// Tables returns the measurements as a table, a row for each galaxy.
func (all Measurements) Tables() []table.Table {
	t := table.Table{
		Title: "Measured of the candidates",
		Columns: []table.Column{
			{Name: "galaxy"}, {Name: "flux"}, {Name: "half-light radius", Unit: "pixels"},
			{Name: "g1", Group: "ellipticity"}, {Name: "g2", Group: "ellipticity"},
			{Name: "candidates measured"},
		},
		Notes: []string{"Medians of the candidates. The truth lies within the error bars with a " +
			"probability of 68 %, as far as the model is right."},
	}
	recalibrated := false
	for _, m := range all {
		recalibrated = recalibrated || m.Recalibrated
		t.Add(table.Text(m.ID), m.Flux.Cell(), m.HalfLight.Cell(), m.G1.Cell(), m.G2.Cell(),
			table.Text(fmt.Sprintf("%d of %d", m.Measured, m.Measured+m.Failed)))
	}
	if recalibrated {
		t.Notes = append(t.Notes, "Corrected by how far the model is off for simulated galaxies.")
	}
	return []table.Table{t}
}

// String returns the measurements as text, at most 100 columns wide.
func (all Measurements) String() string { return table.String(all.Tables()...) }

// Measure measures every candidate by [score.Measure], in an aperture of the given radius in
// pixels. Flux is that of score.Measure multiplied by Observation.Scale[0], if there is one:
// multiply the true galaxy's with its Scale too before the two are compared. Candidates without a
// galaxy that could be measured are counted. Intervals are those of the candidates moved by the
// posterior's Recalibration, if there is one. It is an error if fewer than half can be measured.
func (p Posterior) Measure(aperture float64) (Measurement, error) {
	all, err := p.Photometry(aperture)
	if err != nil {
		return Measurement{}, err
	}
	var flux, radius, g1, g2 []float64
	for _, m := range p.Recalibration.Apply(all) {
		flux, radius = append(flux, m.Aperture), append(radius, m.HalfLight)
		g1, g2 = append(g1, m.G1), append(g2, m.G2)
	}
	id := ""
	if p.Observation != nil {
		id = p.Observation.ID(0)
	}
	return Measurement{
		ID: id, Flux: interval(flux), HalfLight: interval(radius), G1: interval(g1),
		G2:       interval(g2),
		Measured: len(flux), Failed: p.Samples.N - len(flux),
		Recalibrated: p.Recalibration != nil,
	}, nil
}

// Photometry returns what is measured of the candidates that can be measured, as they are drawn,
// with fluxes in units of the source. It is an error if they are fewer than half.
func (p Posterior) Photometry(aperture float64) ([]score.Photometry, error) {
	if p.Samples == nil || p.Samples.N == 0 {
		return nil, errors.New("posterior: there are no candidates to measure")
	}
	all := score.MeasureEach(p.Samples, aperture)
	if 2*len(all.Measured) < p.Samples.N {
		return nil, fmt.Errorf("posterior: only %d of %d candidates can be measured, the first of "+
			"the others not because: %w", len(all.Measured), p.Samples.N, all.Failure)
	}
	for i := range all.Measured {
		m := &all.Measured[i]
		m.Flux, m.Aperture = m.Flux*p.scale(), m.Aperture*p.scale()
	}
	return all.Measured, nil
}

// Restored returns the candidates in units of the source, by Observation.Scale.
func (p Posterior) Restored() *galaxy.Images {
	y, scale := p.Samples, p.scale()
	out := galaxy.NewImages(y.N, y.Height, y.Width, y.Channels)
	for k, v := range p.Samples.Pixels {
		out.Pixels[k] = float32(float64(v) * scale)
	}
	return out
}

// Moments returns the mean of the candidates and their standard deviation, for each pixel and in
// units of the source: one image each. The mean is the best estimate of a pixel, and smoother than
// any galaxy. At least two candidates are needed.
func (p Posterior) Moments() (mean, deviation *galaxy.Images, err error) {
	if p.Samples == nil || p.Samples.N < 2 {
		return nil, nil, errors.New("posterior: a standard deviation needs at least two candidates")
	}
	mean, deviation = p.Samples.Select(0), p.Samples.Select(0)
	values, scale := make([]float64, p.Samples.N), p.scale()
	for k := range mean.Pixels {
		for i := range values {
			values[i] = scale * float64(p.Samples.At(i)[k])
		}
		m, d := stat.MeanStdDev(values, nil)
		mean.Pixels[k], deviation.Pixels[k] = float32(m), float32(d)
	}
	return mean, deviation, nil
}

func (p Posterior) scale() float64 {
	if p.Observation == nil || p.Observation.Scale == nil {
		return 1
	}
	return p.Observation.Scale[0]
}

// interval interpolates so that a further sample of the same distribution lies in it with a
// probability of 68 %: the i-th of n sorted ones is the quantile i/(n+1). Where that is out of
// their reach it ends at the first and the last.
func interval(values []float64) Interval {
	if len(values) == 1 {
		return Interval{Median: values[0], Low: math.NaN(), High: math.NaN()}
	}
	slices.Sort(values)
	n := float64(len(values))
	at := func(q float64) float64 {
		return stat.Quantile(min(q*(n+1)/n, 1), stat.LinInterp, values, nil)
	}
	return Interval{Median: at(0.5), Low: at(0.16), High: at(0.84)}
}

package posterior

import (
	"fmt"
	"math"
	"strings"

	"galdecon/galdecon/score"
	"galdecon/galdecon/table"
)

// Bands are candidates of one galaxy in several bands that were drawn together: candidate k of each
// band is the same galaxy.
type Bands struct {
	// Index is the number of the observation among those that were sampled together.
	Index int
	// Names are those of the bands, and Posteriors what was drawn in each, with as many candidates.
	Names      []string
	Posteriors []Posterior
}

// BandError says that a band that is asked for isn't there.
type BandError struct {
	Band string
	Have []string
}

func (e *BandError) Error() string {
	return fmt.Sprintf("posterior: there is no band %q; there are %s", e.Band,
		strings.Join(e.Have, ", "))
}

// In returns the candidates in one band. It is a [*BandError] if there is none of that name.
func (b Bands) In(band string) (Posterior, error) {
	for i, name := range b.Names {
		if name == band {
			return b.Posteriors[i], nil
		}
	}
	return Posterior{}, &BandError{Band: band, Have: b.Names}
}

// Measure measures the candidates in every band, in the order of Names, in an aperture of the given
// radius in pixels of the target grid: see [Posterior.Measure].
func (b Bands) Measure(aperture float64) (Measurements, error) {
	var all Measurements
	for i, p := range b.Posteriors {
		m, err := p.Measure(aperture)
		if err != nil {
			return nil, fmt.Errorf("band %s: %w", b.Names[i], err)
		}
		m.ID = strings.TrimSpace(m.ID + " " + b.Names[i])
		all = append(all, m)
	}
	return all, nil
}

// Color is how the fluxes of a galaxy in two bands, First and Second, compare within an aperture.
type Color struct {
	First, Second string
	// Ratio is the first flux over the second, and Magnitude the difference −2.5 log₁₀ of it, in
	// the units of the images: add that of their zero points.
	Ratio, Magnitude Interval
	// Measured is how many candidates could be measured in both bands, with fluxes above 0; Failed
	// could not, and aren't in the intervals.
	Measured, Failed int
}

// String returns the color in one line.
func (c Color) String() string {
	return fmt.Sprintf("%s − %s: %v mag, flux ratio %v; %d of %d candidates measured", c.First,
		c.Second, c.Magnitude, c.Ratio, c.Measured, c.Measured+c.Failed)
}

// Ratios returns the ratio of the fluxes in two bands of each candidate, first over second, in an
// aperture of the given radius in pixels, and how many candidates have none: those that can't be
// measured in both bands, with a ratio above 0. It is a [*BandError] if a band isn't there, and an
// error if fewer than half of the candidates have one.
func (b Bands) Ratios(first, second string, aperture float64) (ratios []float64, failed int,
	err error) {
	p, err := b.In(first)
	if err != nil {
		return nil, 0, err
	}
	q, err := b.In(second)
	if err != nil {
		return nil, 0, err
	}
	if p.Samples == nil || q.Samples == nil || p.Samples.N == 0 || p.Samples.N != q.Samples.N {
		return nil, 0, fmt.Errorf("posterior: the bands %s and %s have no candidates that were "+
			"drawn together", first, second)
	}
	var failure error
	for k := range p.Samples.N {
		one, err := score.Measure(p.Samples.Select(k), aperture)
		if err != nil {
			failed, failure = failed+1, err
			continue
		}
		other, err := score.Measure(q.Samples.Select(k), aperture)
		if err != nil {
			failed, failure = failed+1, err
			continue
		}
		ratio := one.Aperture * p.scale() / (other.Aperture * q.scale())
		if !(ratio > 0) || math.IsInf(ratio, 0) {
			failed, failure = failed+1, fmt.Errorf("their fluxes have the ratio %.3g", ratio)
			continue
		}
		ratios = append(ratios, ratio)
	}
	if len(ratios) < failed {
		return nil, failed, fmt.Errorf("posterior: only %d of %d candidates have a color %s − %s, "+
			"one of the others not because: %w", len(ratios), p.Samples.N, first, second, failure)
	}
	return ratios, failed, nil
}

// Color compares the fluxes in two bands, candidate by candidate, as [Bands.Ratios] does: so what
// the bands' errors have in common cancels.
func (b Bands) Color(first, second string, aperture float64) (Color, error) {
	ratios, failed, err := b.Ratios(first, second, aperture)
	if err != nil {
		return Color{}, err
	}
	magnitudes := make([]float64, len(ratios))
	for i, r := range ratios {
		magnitudes[i] = -2.5 * math.Log10(r)
	}
	return Color{First: first, Second: second, Measured: len(ratios), Failed: failed,
		Ratio: interval(ratios), Magnitude: interval(magnitudes)}, nil
}

// Tables returns the colors of neighboring bands, in the order of Names, as a table.
func (b Bands) Tables(aperture float64) ([]table.Table, error) {
	t := table.Table{Title: "Colors", Columns: []table.Column{{Name: "color"},
		{Name: "difference", Unit: "mag"}, {Name: "flux ratio"}},
		Notes: []string{"Of candidates drawn together in all bands, in the units of the images."}}
	for i := range b.Names[:max(len(b.Names)-1, 0)] {
		c, err := b.Color(b.Names[i], b.Names[i+1], aperture)
		if err != nil {
			return nil, err
		}
		t.Add(table.Text(c.First+" − "+c.Second), c.Magnitude.Cell(), c.Ratio.Cell())
	}
	return []table.Table{t}, nil
}

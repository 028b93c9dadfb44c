package catalogue

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/gonum/stat"

	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/posterior"
	"galdecon/galdecon/score"
)

// Fate is what became of an object.
type Fate string

const (
	// Measured objects have results.
	Measured Fate = "measured"
	// NoPosition: the position is missing.
	NoPosition Fate = "no position"
	// DuplicateID: an earlier row has the same id, and its random numbers.
	DuplicateID Fate = "duplicate id"
	// Outside: the position is in none of the images.
	Outside Fate = "outside"
	// NoData: too many of the pixels around it are masked, or beyond the edge.
	NoData Fate = "no data"
	// NoPSF: there is no PSF at its place.
	NoPSF Fate = "no PSF"
	// Refused: the model doesn't take it, and its error bars would be wrong.
	Refused Fate = "refused"
	// Unmeasured: there are candidates, but most have no galaxy that could be measured.
	Unmeasured Fate = "unmeasured"
)

// Flags of the results beside those of [posterior.Flag], which are the bits below them.
const (
	// FlagMasked: pixels without data were filled.
	FlagMasked posterior.Flag = 1 << (iota + 8)
	// FlagEdge: the stamp reaches beyond the image.
	FlagEdge
	// FlagUnmeasured: some candidates couldn't be measured, and aren't in the error bars.
	FlagUnmeasured
)

// Describe returns a sentence for each flag of deconvolution_flags, "" for none.
func Describe(flags posterior.Flag) string {
	var all []string
	if text := (flags & (FlagMasked - 1)).String(); text != "" {
		all = append(all, text)
	}
	for i, text := range []string{"pixels without data were filled",
		"the stamp reaches beyond the image", "some candidates couldn't be measured"} {
		if flags&(FlagMasked<<i) != 0 {
			all = append(all, text)
		}
	}
	return strings.Join(all, "; ")
}

// flagsText describes the bits in a table.
const flagsText = "sum of 1 no candidate explains the observation, 2 less noise than is said, " +
	"4 a pattern is left, 8 a pixel is far off, 16 the border isn't dark, 32 the galaxy reaches " +
	"the border, 64 much of it has no data, 256 pixels without data, 512 stamp beyond the edge, " +
	"1024 some candidates unmeasured"

// quantity is what is measured of each candidate.
type quantity struct{ name, unit, long string }

// quantities are what is measured of each candidate, in the order of the covariance's first.
var quantities = []quantity{
	{"flux", "", "flux of the galaxy without blur within the aperture, in the image's units"},
	{"half_light_radius", "pix", "radius of the circle with half of the flux, without blur"},
	{"g1", "", "ellipticity along the columns, reduced shear (1-q)/(1+q)"},
	{"g2", "", "ellipticity along the diagonal, reduced shear (1-q)/(1+q)"},
	{"x", "pix", "column of the center in the image, from 0"},
	{"y", "pix", "row of the center in the image, from 0"},
}

// quantities returns what is measured, fluxes in the unit of the images.
func (r *run) quantities() []quantity {
	all := slices.Clone(quantities)
	all[0].unit = r.unit
	return all
}

// correlated is how many of the quantities are in the covariance.
const correlated = 4

// result is what a row of the table gets.
type result struct {
	row               int
	fate              Fate
	detail            string
	image             int // among the images, or -1
	middle            []posterior.Interval
	deviation         []float64
	covariance        []float64 // [correlated, correlated]
	draws             [][]float64
	chi2, probability float64 // NaN without candidates
	masked            float64
	noise             float64
	measured          int64
	flags             posterior.Flag
	refusal           error // what the caller may show
	stamp             *stamp
	aperture          float64
}

// fail sets the fate of an object without results.
func (r *result) fail(fate Fate, err error) {
	r.fate = fate
	if err != nil {
		r.detail = oneLine(err)
		r.refusal = err
	}
}

// oneLine returns an error as one line of ASCII, as FITS holds it.
func oneLine(err error) string {
	text := strings.TrimSpace(strings.ReplaceAll(err.Error(), "\n", "; "))
	text = strings.NewReplacer("×", "x", "≥", ">=", "≤", "<=", "−", "-", "σ", "sigma", "χ²",
		"chi2", "…", "...", "–", "-", "°", " deg ", "Π", "PSF").Replace(text)
	const most = 200
	text = strings.Map(func(c rune) rune {
		if c < ' ' || c > '~' {
			return '?'
		}
		return c
	}, text)
	if len(text) > most {
		text = text[:most]
	}
	return text
}

// measure measures the candidates of an object.
func (r *result) measure(p posterior.Posterior) {
	scale := 1.0
	if p.Observation.Scale != nil {
		scale = p.Observation.Scale[0]
	}
	values := make([][]float64, len(quantities))
	draws := make([][]float64, len(quantities)) // NaN where a candidate couldn't be measured
	numbers := func(m score.Photometry) []float64 {
		return []float64{m.Aperture * scale, m.HalfLight, m.G1, m.G2,
			m.X + float64(r.stamp.left), m.Y + float64(r.stamp.top)}
	}
	all := score.MeasureEach(p.Samples, r.aperture)
	for k := range draws {
		draws[k] = slices.Repeat([]float64{math.NaN()}, p.Samples.N)
	}
	for i, m := range all.Measured {
		for k, v := range numbers(m) {
			draws[k][all.Index[i]] = v
		}
	}
	for _, m := range p.Recalibration.Apply(all.Measured) {
		for k, v := range numbers(m) {
			values[k] = append(values[k], v)
		}
	}
	r.noise = p.Noise * scale
	if v, err := p.Verdict(); err == nil {
		r.chi2, r.probability = v.ChiSquared, v.PChiSquared
		r.flags |= v.Flags
	}
	r.measured, r.draws = int64(len(all.Measured)), draws
	if 2*len(all.Measured) < p.Samples.N {
		r.fail(Unmeasured, fmt.Errorf("only %d of %d candidates can be measured: %w",
			len(all.Measured), p.Samples.N, all.Failure))
		return
	}
	r.fate = Measured
	for _, v := range values {
		r.middle = append(r.middle, posterior.NewInterval(v))
		deviation := math.NaN()
		if len(v) > 1 {
			deviation = stat.StdDev(v, nil)
		}
		r.deviation = append(r.deviation, deviation)
	}
	for i := range correlated {
		for k := range correlated {
			c := math.NaN()
			if len(values[0]) > 1 {
				c = stat.Covariance(values[min(i, k)], values[max(i, k)], nil)
			}
			r.covariance = append(r.covariance, c)
		}
	}
	if all.Failure != nil {
		r.flags |= FlagUnmeasured
	}
}

// fateOf returns the fate for an error of a stamp or of the model that is about one object, or
// nothing for any other error.
func fateOf(err error) Fate {
	var r *galaxy.Refusal
	if !errors.As(err, &r) {
		return ""
	}
	switch r.Reason {
	case galaxy.TooMuchBad, galaxy.NoPixels, galaxy.NoDataAtPeak, posterior.RefusedData:
		return NoData
	case posterior.RefusedPSF:
		return NoPSF
	}
	return Refused
}

package main

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat"

	"galdecon/galdecon/calibration"
	"galdecon/galdecon/classical"
	"galdecon/galdecon/observe"
	"galdecon/galdecon/posterior"
)

const header = "                                   mean   Wiener  ratio   spread  χ²   off by     " +
	"  seconds refused\n"

const notes = `mean, Wiener: root mean square error of the candidates' mean and of Wiener's filter, % of the
truth's brightest pixel. ratio: the median of four exposures' over one's. spread: what that of the
mean should be by the candidates. off by: pixel coverage, in points, and the half width of its band.
seconds: of a candidate. After σ of the PSF in pixels of the grid, the noise of each of four
exposures over the brightest pixel behind it.
`

// result gathers what is found for many galaxies.
type result struct {
	setting              string
	clean                bool // the truths have no noise
	refused              int
	errors, wiener       []float64
	spread, chi, exposed float64
	truths               [][]float64
	drawn                [][][]float64
	byIndex, against     map[int]float64 // root mean square errors of galaxies, and of one exposure
	seconds              float64
}

func (r *result) add(p posterior.Posterior, truth []float32, o observe.Observation) error {
	linear, err := classical.WienerLook(o, classical.WienerPrior)
	if err != nil {
		return err
	}
	n := float64(p.Samples.N)
	var square, scatter, other float64
	values := make([]float64, len(truth))
	rows := make([][]float64, p.Samples.N)
	for k, y := range truth {
		values[k] = float64(y)
		mean, squares := 0.0, 0.0
		for i := range rows {
			v := float64(p.Samples.At(i)[k])
			rows[i] = append(rows[i], v)
			mean, squares = mean+v/n, squares+v*v
		}
		square += (mean - values[k]) * (mean - values[k])
		scatter += (squares - n*mean*mean) / (n - 1) * (1 + 1/n)
		other += math.Pow(float64(linear.Pixels[k])-values[k], 2)
	}
	pixels := float64(len(truth))
	r.errors = append(r.errors, square/pixels)
	r.byIndex[p.Index] = math.Sqrt(square / pixels)
	r.wiener = append(r.wiener, other/pixels)
	r.spread += scatter / pixels
	for _, view := range p.Views() {
		verdict, err := view.Verdict()
		if err != nil {
			return err
		}
		r.chi, r.exposed = r.chi+verdict.ChiSquared, r.exposed+1
	}
	r.truths, r.drawn = append(r.truths, values), append(r.drawn, rows)
	return nil
}

// String returns the row of the table.
func (r *result) String() string {
	off := "–"
	if r.clean && len(r.truths) > 1 {
		off = "?"
		if e, err := calibration.Vectors(r.truths, r.drawn); err == nil {
			if c, err := e.Ranks(1).Central(1); err == nil {
				off = fmt.Sprintf("%.1f (%.1f)", 100*c.Distance, 100*c.HalfWidth)
			}
		}
	}
	ratio := "–"
	var ratios []float64
	for i, e := range r.byIndex {
		if one, ok := r.against[i]; ok {
			ratios = append(ratios, e/one)
		}
	}
	if len(ratios) > 0 {
		slices.Sort(ratios)
		ratio = fmt.Sprintf("%.2f", stat.Quantile(0.5, stat.LinInterp, ratios, nil))
	}
	root := func(v float64) float64 { return 100 * math.Sqrt(v) }
	return fmt.Sprintf("%-34s %5.2f  %5.2f   %-5s  %5.2f   %5.2f %-12s %6.2f   %d\n", r.setting,
		root(stat.Mean(r.errors, nil)), root(stat.Mean(r.wiener, nil)), ratio,
		root(r.spread/float64(len(r.errors))),
		r.chi/r.exposed, off, r.seconds, r.refused)
}

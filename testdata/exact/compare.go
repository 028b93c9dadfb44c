package main

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat"

	"galdecon/galdecon/calibration"
	"galdecon/galdecon/score"
)

// method is a way to draw candidates, and what it drew.
type method struct {
	name       string
	candidates [][][]float64 // [fields][n][pixels]
	mean       [][]float64   // of the posterior where it is known, else nil
}

// estimate is a number with the half width of its interval of 95 %.
type estimate struct {
	Value float64 `json:"value"`
	Error float64 `json:"error"`
}

// result is how a method compares with the reference.
type result struct {
	Method string `json:"method"`
	// Coverage is the share of pixels, and Flux that of fields' sums, that their central interval
	// of 90 % holds, in per cent.
	Coverage estimate `json:"coverage"`
	Flux     estimate `json:"flux"`
	// Gap is how much larger the squared error of the mean is than that of the exact mean, in
	// decibels. The share of it that the number of candidates makes is taken away.
	Gap estimate `json:"gap"`
	// Distance is Kolmogorov's between the candidates' values of a pixel and the reference's, the
	// mean over pixels.
	Distance estimate `json:"distance"`
	// Spread is the error of the mean over the spread of the candidates.
	Spread score.Estimate `json:"spread"`
}

// split returns numbers [fields × n × pixels] as [fields][n][pixels].
func split(values []float32, n int) [][][]float64 {
	pixels := side * side
	var out [][][]float64
	for field := range slices.Chunk(values, n*pixels) {
		var images [][]float64
		for image := range slices.Chunk(field, pixels) {
			wide := make([]float64, pixels)
			for k, v := range image {
				wide[k] = float64(v)
			}
			images = append(images, wide)
		}
		out = append(out, images)
	}
	return out
}

// over returns the mean over independent fields.
func over(values []float64) estimate {
	mean, std := stat.MeanStdDev(values, nil)
	return estimate{mean, 1.96 * std / math.Sqrt(float64(len(values)))}
}

// compare compares a method with the reference: draws and the mean of the exact posterior.
func (p *problem) compare(m method, reference method) (result, error) {
	r := result{Method: m.name}
	pixels, err := calibration.Vectors(p.truth, m.candidates)
	if err != nil {
		return r, err
	}
	if r.Spread, err = pixels.SpreadRatio(1); err != nil {
		return r, err
	}
	r.Coverage = covered(pixels.Ranks(1))
	var flux []float64
	var fluxes [][]float64
	sum := func(image []float64) (total float64) {
		for _, v := range image {
			total += v
		}
		return total
	}
	errors, least := make([]float64, len(p.truth)), make([]float64, len(p.truth))
	var distances []float64
	for i, truth := range p.truth {
		flux = append(flux, sum(truth))
		var each []float64
		for _, candidate := range m.candidates[i] {
			each = append(each, sum(candidate))
		}
		fluxes = append(fluxes, each)
		distance := 0.0
		for k, y := range truth {
			own, exact := column(m.candidates[i], k), column(reference.candidates[i], k)
			distance += stat.KolmogorovSmirnov(own, nil, exact, nil) / float64(len(truth))
			mean, variance := stat.MeanVariance(own, nil)
			variance /= float64(len(own))
			if m.mean != nil {
				mean, variance = m.mean[i][k], 0
			}
			errors[i] += (mean-y)*(mean-y) - variance
			least[i] += (reference.mean[i][k] - y) * (reference.mean[i][k] - y)
		}
		distances = append(distances, distance)
	}
	r.Distance = over(distances)
	total, exact := stat.Mean(errors, nil), stat.Mean(least, nil)
	// Of a quotient of means over the same fields, to first order.
	relative := make([]float64, len(errors))
	for i := range errors {
		relative[i] = errors[i]/total - least[i]/exact
	}
	r.Gap = estimate{10 * math.Log10(total/exact), 10 / math.Ln10 * over(relative).Error}
	sums, err := calibration.Scalars(flux, fluxes)
	if err != nil {
		return r, err
	}
	r.Flux = covered(sums.Ranks(1))
	return r, nil
}

// column returns one pixel of all images, in rising order.
func column(images [][]float64, pixel int) []float64 {
	var out []float64
	for _, image := range images {
		out = append(out, image[pixel])
	}
	slices.Sort(out)
	return out
}

// covered returns the share of truths within central intervals of 90 %. The number of samples is
// such that these are whole ranks.
func covered(r *calibration.Ranks) estimate {
	low := (r.Samples + 1) / 20
	var shares []float64
	for _, counts := range r.Counts {
		inside, total := 0, 0
		for rank, n := range counts {
			total += n
			if rank >= low && rank <= r.Samples-low {
				inside += n
			}
		}
		shares = append(shares, 100*float64(inside)/float64(total))
	}
	return over(shares)
}

// checkCandidates returns an error where intervals of 90 % aren't whole ranks.
func checkCandidates(n int) error {
	if n < 19 || (n+1)%20 != 0 {
		return fmt.Errorf("the number of candidates must be one less than a multiple of 20, so that "+
			"an interval of 90 %% is a whole number of ranks; got %d", n)
	}
	return nil
}

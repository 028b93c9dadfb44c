package psf

import (
	"fmt"
	"math"
	"slices"
)

// Grid is PSFs of one size that stand for places on a detector, between which the PSF changes
// slowly: a [Field].
type Grid struct {
	// Places are those of the PSFs.
	Places []Position
	// PSFs are on pixels, or on samples that are finer: then each of them is the light of a whole
	// pixel around it, as of photutils' GriddedPSFModel, and the center is the middle of the grid,
	// of an even one amid four samples.
	PSFs []PSF
	// Fluxes are the light of each, by which it counts for those between; nil is the same for all.
	Fluxes []float64
	// Oversampling is the number of samples along a pixel; 0 is 1.
	Oversampling int
}

// Validate returns an error if there isn't a place for each PSF, or if their sizes differ.
func (g *Grid) Validate() error {
	if len(g.Places) != len(g.PSFs) || g.Fluxes != nil && len(g.Fluxes) != len(g.PSFs) {
		return fmt.Errorf("psf: a grid of %d PSFs needs as many places and fluxes, got %d and %d",
			len(g.PSFs), len(g.Places), len(g.Fluxes))
	}
	if g.Oversampling < 0 || g.Oversampling > maxOversampling {
		return fmt.Errorf("psf: the PSFs of a grid must have 1 to %d samples along a pixel, got %d",
			maxOversampling, g.Oversampling)
	}
	for i, p := range g.Places {
		if !isFinite(p.Column) || !isFinite(p.Row) {
			return fmt.Errorf("psf: PSF %d of a grid is at %v, which is no place", i, p)
		}
		if g.Fluxes != nil && !(g.Fluxes[i] > 0 && isFinite(g.Fluxes[i])) {
			return fmt.Errorf("psf: PSF %d of a grid has a flux of %g; it must be positive", i,
				g.Fluxes[i])
		}
	}
	_, err := Stack(g.PSFs...)
	return err
}

// At returns the PSF at a place of the detector: between the four of a rectangular grid around it
// by bilinear interpolation, beyond its border as on the border, as far as half a distance between
// places. Where the places form no rectangular grid of at least 2×2, it is the PSF of the nearest
// one. One PSF is that of all places.
//
// Samples are interpolated first, and then brought to pixels by cubic splines, both as
// photutils.psf.GriddedPSFModel does.
func (g *Grid) At(at Position) (PSF, error) {
	if err := g.Validate(); err != nil {
		return PSF{}, err
	}
	columns, rows := g.axes()
	if err := g.borders(columns, rows).check(at); err != nil {
		return PSF{}, err
	}
	mean := make([]float64, len(g.PSFs[0].Pixels))
	for _, part := range g.parts(columns, rows, at) {
		weight := part.weight
		if g.Fluxes != nil {
			weight *= g.Fluxes[part.index]
		}
		for k, v := range g.PSFs[part.index].Pixels {
			mean[k] += weight * float64(v)
		}
	}
	p, err := normalized(g.PSFs[0].Size, mean)
	if err != nil || g.Oversampling <= 1 {
		return p, err
	}
	return p.onSpline(g.Oversampling, p.middle())
}

// axes returns the columns and the rows of a rectangular grid, sorted; nil if it is none.
func (g *Grid) axes() (columns, rows []float64) {
	for _, p := range g.Places {
		columns, rows = append(columns, p.Column), append(rows, p.Row)
	}
	columns, rows = distinct(columns), distinct(rows)
	if len(columns) < 2 || len(rows) < 2 || len(columns)*len(rows) != len(g.PSFs) {
		return nil, nil
	}
	for _, c := range columns {
		for _, r := range rows {
			if !slices.Contains(g.Places, Position{c, r}) {
				return nil, nil // a place stands twice, and another lacks
			}
		}
	}
	return columns, rows
}

// borders returns how far the PSFs reach: half of the mean distance between places beyond them.
func (g *Grid) borders(columns, rows []float64) borders {
	across := math.Sqrt(float64(len(g.Places)))
	reach := func(along func(Position) float64, places []float64) (low, high float64) {
		low, high = math.Inf(1), math.Inf(-1)
		for _, p := range g.Places {
			low, high = min(low, along(p)), max(high, along(p))
		}
		if low == high { // it doesn't change that way
			return -math.MaxFloat64, math.MaxFloat64
		}
		steps := max(across-1, 1)
		if places != nil {
			steps = float64(len(places) - 1)
		}
		margin := (high - low) / steps / 2
		return low - margin, high + margin
	}
	var b borders
	b.low.Column, b.high.Column = reach(func(p Position) float64 { return p.Column }, columns)
	b.low.Row, b.high.Row = reach(func(p Position) float64 { return p.Row }, rows)
	return b
}

// part is a PSF and what it counts.
type part struct {
	index  int
	weight float64
}

// parts returns the PSFs that count at a place.
func (g *Grid) parts(columns, rows []float64, at Position) []part {
	if columns == nil {
		best, least := 0, math.Inf(1)
		for i, p := range g.Places {
			if d := math.Hypot(p.Column-at.Column, p.Row-at.Row); d < least {
				best, least = i, d
			}
		}
		return []part{{best, 1}}
	}
	var parts []part
	left, right := between(columns, at.Column)
	low, high := between(rows, at.Row)
	for _, c := range []weighted{left, right} {
		for _, r := range []weighted{low, high} {
			i := slices.Index(g.Places, Position{c.at, r.at})
			parts = append(parts, part{i, c.weight * r.weight})
		}
	}
	return parts
}

// weighted is a coordinate and its part in an interpolation.
type weighted struct{ at, weight float64 }

// between returns the neighbors of x, clamped to the range of the sorted values, of which there are
// at least two.
func between(values []float64, x float64) (before, after weighted) {
	i, _ := slices.BinarySearch(values, x)
	i = min(max(i, 1), len(values)-1)
	a, b := values[i-1], values[i]
	part := (min(max(x, a), b) - a) / (b - a)
	return weighted{a, 1 - part}, weighted{b, part}
}

func isFinite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// distinct returns the values sorted, each once.
func distinct(values []float64) []float64 {
	return slices.Compact(slices.Sorted(slices.Values(values)))
}

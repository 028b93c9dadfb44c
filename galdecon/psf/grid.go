package psf

import (
	"fmt"
	"math"
	"slices"
)

// Grid is PSFs of one size that stand for places on a detector, between which the PSF changes
// slowly.
type Grid struct {
	// X and Y are the places of the PSFs, columns and rows in pixels of the detector, counted from
	// 0.
	X, Y []float64
	PSFs []PSF
}

// Validate returns an error if there isn't a place for each PSF, or if their sizes differ.
func (g Grid) Validate() error {
	if len(g.X) != len(g.PSFs) || len(g.Y) != len(g.PSFs) {
		return fmt.Errorf("psf: a grid of %d PSFs needs as many places, got %d columns and %d rows",
			len(g.PSFs), len(g.X), len(g.Y))
	}
	for i := range g.PSFs {
		if !isFinite(g.X[i]) || !isFinite(g.Y[i]) {
			return fmt.Errorf("psf: PSF %d of a grid is at (%g, %g), which is no "+
				"place", i, g.X[i], g.Y[i])
		}
	}
	_, err := Stack(g.PSFs...)
	return err
}

// At returns the PSF at column x and row y of the detector: between the four of a rectangular grid
// around the place by bilinear interpolation, beyond its border as on the border. Where the places
// form no rectangular grid of at least 2×2, it is the PSF of the nearest one. (As
// photutils.psf.GriddedPSFModel has it.)
func (g Grid) At(x, y float64) (PSF, error) {
	if err := g.Validate(); err != nil {
		return PSF{}, err
	}
	if !isFinite(x) || !isFinite(y) {
		return PSF{}, fmt.Errorf("psf: there is no PSF at (%g, %g)", x, y)
	}
	columns, rows := distinct(g.X), distinct(g.Y)
	if len(columns) < 2 || len(rows) < 2 || len(columns)*len(rows) != len(g.PSFs) {
		return g.nearest(x, y), nil
	}
	left, right := between(columns, x)
	low, high := between(rows, y)
	mean := make([]float64, len(g.PSFs[0].Pixels))
	for _, c := range []weighted{left, right} {
		for _, r := range []weighted{low, high} {
			i := g.index(c.at, r.at)
			if i < 0 { // a place stands twice, and another lacks
				return g.nearest(x, y), nil
			}
			for k, v := range g.PSFs[i].Pixels {
				mean[k] += c.weight * r.weight * float64(v)
			}
		}
	}
	return normalized(g.PSFs[0].Size, mean)
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

// index returns that of the PSF at a place, or -1.
func (g Grid) index(x, y float64) int {
	for i := range g.PSFs {
		if g.X[i] == x && g.Y[i] == y {
			return i
		}
	}
	return -1
}

func (g Grid) nearest(x, y float64) PSF {
	best := 0
	for i := range g.PSFs {
		if math.Hypot(g.X[i]-x, g.Y[i]-y) < math.Hypot(g.X[best]-x, g.Y[best]-y) {
			best = i
		}
	}
	return g.PSFs[best]
}

package psf

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"
)

// Limits of [PSF.Inspect].
const (
	pedestalLimit  = 0.02 // of the light
	neighborLimit  = 0.01 // of the peak
	noiseLimit     = 0.05 // of the light, without signs
	cutLimit       = 0.01 // of the light
	offCenterLimit = 0.25 // pixels
)

// Inspect returns what a PSF has besides the light of one star in its center, or lacks of it; most
// telling first, none for a good one, or one that [PSF.Validate] refuses. What it finds may still be right for what you do: a PSF of wide
// wings is cut off by any grid.
//
//   - Pedestal: the median brightness far out, less wings that fall with the third power of the
//     radius as those of a telescope do, times the pixels of the grid, is more than 2 % of the light,
//     and of three standard errors.
//   - Neighbor: a local maximum of more than 1 % of the peak, and of five standard deviations of the
//     noise, has no counterpart on the other side.
//   - Noisy: the noise far out makes up 5 % of the light, without signs, or more.
//   - CutOff: more than 1 % of the light is estimated to be beyond the border, by the power of the
//     radius with which the wings fall towards it; where the grid is too small for wings, by [PSF.Fit].
//   - OffCenter: the centroid is more than a quarter of a pixel from the center.
func (p PSF) Inspect() []*Problem {
	if p.Validate() != nil {
		return nil
	}
	var found []*Problem
	w := p.wings()
	pedestal := w.findPedestal()
	for _, problem := range []*Problem{p.findNeighbor(w), pedestal, w.findNoise()} {
		if problem != nil {
			found = append(found, problem)
		}
	}
	if pedestal == nil {
		if problem := p.findCut(w); problem != nil {
			found = append(found, problem)
		}
	}
	if problem := p.findOffCenter(); problem != nil {
		found = append(found, problem)
	}
	return found
}

func (p PSF) findOffCenter() *Problem {
	row, col, err := p.centroid()
	if err != nil || math.Hypot(row, col) <= offCenterLimit {
		return nil
	}
	return &Problem{Kind: OffCenter, Row: p.Size/2 + int(math.Round(row)),
		Col: p.Size/2 + int(math.Round(col)), Value: math.Hypot(row, col), Limit: offCenterLimit,
		What: fmt.Sprintf("the centroid of this PSF is %+.2f rows and %+.2f columns from its center, "+
			"which would move a galaxy by as much", row, col),
		Hint: "see PSF.Recenter"}
}

// wings are what a PSF has far from its peak, in units of the weights.
type wings struct {
	size             int
	peak, fwhm       float64
	row, col         int     // of the peak
	inner, outer     float64 // median brightness in two rings
	innerAt, outerAt float64 // their radii in pixels
	noise, errOuter  float64 // σ of a pixel of the outer ring, and the standard error of its median
	clear            bool    // the inner ring is beyond the light of the core
}

// wings measures the PSF in rings around its peak, of 0.55 to 0.75 of half the grid's size, and from
// 0.8 on.
func (p PSF) wings() wings {
	brightest, area := p.half()
	w := wings{size: p.Size, peak: float64(p.Pixels[brightest]), fwhm: 2 * math.Sqrt(float64(area)/math.Pi),
		row: brightest / p.Size, col: brightest % p.Size}
	half := float64(p.Size) / 2
	var inner, outer, innerAt, outerAt []float64
	for i, v := range p.Pixels {
		r := math.Hypot(float64(i/p.Size-w.row), float64(i%p.Size-w.col))
		switch {
		case r >= 0.8*half:
			outer, outerAt = append(outer, float64(v)), append(outerAt, r)
		case r >= 0.55*half && r < 0.75*half:
			inner, innerAt = append(inner, float64(v)), append(innerAt, r)
		}
	}
	if len(inner) < 8 || len(outer) < 8 {
		return w
	}
	w.inner, w.innerAt = median(inner), median(innerAt)
	w.outer, w.outerAt = median(outer), median(outerAt)
	floats.AddConst(-w.outer, outer)
	for i, v := range outer {
		outer[i] = math.Abs(v)
	}
	w.noise = 1.4826 * median(outer)
	w.errOuter = 1.2533 * w.noise / math.Sqrt(float64(len(outer)))
	w.clear = w.innerAt >= 1.25*w.fwhm
	return w
}

// median sorts the values.
func median(values []float64) float64 {
	slices.Sort(values)
	n := len(values)
	return (values[(n-1)/2] + values[n/2]) / 2
}

// level returns the brightness that doesn't fall with the radius, and its standard error. Wings that
// fall faster than with the third power leave less than nothing of it; then only what is dark itself
// counts.
func (w wings) level() (level, err float64) {
	fall := math.Pow(w.innerAt/w.outerAt, 3)
	level = (w.outer - fall*w.inner) / (1 - fall)
	if level < 0 {
		return min(w.outer, 0), w.errOuter
	}
	return level, w.errOuter / (1 - fall)
}

func (w wings) findPedestal() *Problem {
	if !w.clear {
		return nil
	}
	level, err := w.level()
	share := level * float64(w.size*w.size)
	if math.Abs(share) <= pedestalLimit || math.Abs(level) <= 3*err {
		return nil
	}
	hint := fmt.Sprintf("subtract %.3g of the peak from every pixel, see PSF.SubtractPedestal", level/w.peak)
	what := "sky is left in this PSF"
	if share < 0 {
		what = "too much sky was subtracted from this PSF"
	}
	return everywhere(Pedestal, share, pedestalLimit,
		fmt.Sprintf("%s: a pedestal of %.2g of the peak in every pixel, %.0f %% of its light, at most %g %% is good",
			what, level/w.peak, 100*share, 100*pedestalLimit), hint)
}

func (w wings) findNoise() *Problem {
	// Half the mean of |n| is 0.4 σ: see [Fit].
	share := 0.4 * w.noise * float64(w.size*w.size)
	if !w.clear || share <= noiseLimit {
		return nil
	}
	return everywhere(Noisy, share, noiseLimit,
		fmt.Sprintf("the noise of this PSF is %.2g of its peak, which puts %.0f %% of its light elsewhere, at most %g %% is good",
			w.noise/w.peak, 100*share, 100*noiseLimit),
		"average several stars, or cut the grid closer to the source, see PSF.Crop")
}

// findNeighbor compares the PSF with itself turned by 180°: rings and spikes come in pairs, stars
// don't.
func (p PSF) findNeighbor(w wings) *Problem {
	at := func(row, col int) float64 {
		if row < 0 || col < 0 || row >= p.Size || col >= p.Size {
			return math.Inf(-1)
		}
		return float64(p.Pixels[row*p.Size+col])
	}
	around := func(row, col int) float64 {
		most := math.Inf(-1)
		for r := row - 1; r <= row+1; r++ {
			for c := col - 1; c <= col+1; c++ {
				most = max(most, at(r, c))
			}
		}
		return most
	}
	level := max(w.outer, 0)
	var brightest *Problem
	for i, v := range p.Pixels {
		row, col, value := i/p.Size, i%p.Size, float64(v)
		share := (value - level) / w.peak
		if share <= neighborLimit || value-level <= 5*w.noise || value < around(row, col) ||
			math.Hypot(float64(row-w.row), float64(col-w.col)) < 1.25*w.fwhm {
			continue
		}
		// Where the other side is off the grid, wings must do.
		other := max(around(2*w.row-row, 2*w.col-col), level)
		if value < 3*other || brightest != nil && share < brightest.Value {
			continue
		}
		brightest = &Problem{Kind: Neighbor, Row: row, Col: col, Value: share, Limit: neighborLimit,
			What: fmt.Sprintf("there is another star in this PSF, at row %d, column %d: %.2g of the peak, "+
				"and nothing on the other side", row, col, share),
			Hint: "mask it with what is on the other side, cut the grid before it, see PSF.Crop, or take another star"}
	}
	return brightest
}

// findCut estimates the light beyond the border.
func (p PSF) findCut(w wings) *Problem {
	lost := 0.0
	if power := math.Log(w.inner/w.outer) / math.Log(w.outerAt/w.innerAt); w.clear {
		if w.outer > 3*w.errOuter && power > 2.2 {
			// ∫ 2πr·(r/R)^−power from the circle of the grid's area on.
			edge := float64(p.Size) / math.Sqrt(math.Pi)
			beyond := 2 * math.Pi * w.outer * math.Pow(w.outerAt/edge, power) * edge * edge / (power - 2)
			lost = beyond / (1 + beyond)
		}
	} else if f, err := p.Fit(); err == nil {
		lost = f.beyond(float64(p.Size) / math.Sqrt(math.Pi))
	}
	if lost <= cutLimit {
		return nil
	}
	return everywhere(CutOff, lost, cutLimit,
		fmt.Sprintf("about %.2g %% of the light of this PSF is beyond the border of its %d×%d grid, at most %g %% is good",
			100*lost, p.Size, p.Size, 100*cutLimit),
		"cut a larger stamp; fluxes are too low by as much where the true PSF has it")
}

// beyond returns the share of light of the profile outside the radius.
func (f Fit) beyond(radius float64) float64 {
	t := radius * radius / (2 * math.Ln2 * f.Sigma * f.Sigma) // in squared half widths
	if f.Wings < 1e-3 {
		return math.Exp2(-t)
	}
	return math.Pow(1+t*math.Expm1(f.Wings*math.Ln2), 1-1/f.Wings)
}

// SubtractPedestal returns the PSF without the pedestal that [PSF.Inspect] finds, scaled to sum 1
// again, and how much it was in each pixel of the PSF: 0 where nothing is found, and the PSF as it was.
func (p PSF) SubtractPedestal() (PSF, float64, error) {
	if err := p.Validate(); err != nil {
		return PSF{}, 0, err
	}
	w := p.wings()
	if w.findPedestal() == nil {
		return p, 0, nil
	}
	level, _ := w.level()
	weights := make([]float64, len(p.Pixels))
	for i, v := range p.Pixels {
		weights[i] = float64(v) - level
	}
	clean, err := normalized(p.Size, weights)
	return clean, level, err
}

// blame returns what explains a problem, if [PSF.Inspect] finds that in the PSF, or else the problem
// itself.
func (p PSF) blame(problem *Problem) *Problem {
	for _, found := range p.Inspect() {
		if slices.Contains([]Kind{Pedestal, Neighbor, Noisy}, found.Kind) {
			return found
		}
	}
	return problem
}

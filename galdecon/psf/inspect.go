package psf

import (
	"fmt"
	"math"
	"slices"
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
// telling first, none for a good one, or one that [PSF.Validate] refuses. What it finds may still
// be right for what you do: a PSF of wide wings is cut off by any grid.
//
//   - Pedestal: the median brightness far out, less wings that fall with the third power of the
//     radius as those of a telescope do, is more than three standard errors, and times the pixels
//     of the grid more than 2 % of the light.
//   - Neighbor: a local maximum of more than 1 % of the peak, and of five standard deviations of
//     the noise, has no counterpart on the other side.
//   - Noisy: the noise far out makes up 5 % of the light, without signs, or more.
//   - CutOff: more than 1 % of the light is estimated to be beyond the border, by the power of the
//     radius with which the wings fall towards it; where the grid is too small for wings, by
//     [PSF.Fit].
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
		What: fmt.Sprintf("the centroid of this PSF is %+.2f rows and %+.2f columns from its "+
			"center, "+
			"which would move a galaxy by as much", row, col),
		Hint: "see PSF.Recenter"}
}

// wings are what a PSF has far from its peak, in units of the weights.
type wings struct {
	size         int
	peak, fwhm   float64
	row, col     int  // of the peak
	inner, outer ring // of 0.5 to 0.7, and of 0.75 to 1, of half the grid's size
	corners      ring // beyond
	clear        bool // the inner ring has none of the core's light
}

// ring is the light at about one radius.
type ring struct {
	n             int     // of pixels; where there are few, the rest is 0
	at            float64 // radius in pixels
	median, noise float64 // brightness, and the standard deviation of a pixel
	odd           float64 // that of what isn't the same on the opposite side, as optics have it
}

// err returns the standard error of the median.
func (r ring) err() float64 { return 1.2533 * r.noise / math.Sqrt(float64(r.n)) }

// wings measures the PSF in rings around its peak. Pixels of 0 have been filled, and don't count.
func (p PSF) wings() wings {
	brightest, area := p.half()
	w := wings{size: p.Size, peak: float64(p.Pixels[brightest]),
		fwhm: 2 * math.Sqrt(float64(area)/math.Pi),
		row:  brightest / p.Size, col: brightest % p.Size}
	between := func(low, high float64) ring {
		var light, radii, odd []float64
		for i, v := range p.Pixels {
			r := math.Hypot(float64(i/p.Size-w.row), float64(i%p.Size-w.col)) / float64(p.Size) * 2
			if v != 0 && r >= low && r < high {
				light, radii = append(light, float64(v)), append(radii, r*float64(p.Size)/2)
				row, col := 2*w.row-i/p.Size, 2*w.col-i%p.Size
				if row >= 0 && row < p.Size && col >= 0 && col < p.Size {
					odd = append(odd, math.Abs(float64(v-p.Pixels[row*p.Size+col]))/math.Sqrt2)
				}
			}
		}
		if len(light) < 8 {
			return ring{}
		}
		r := ring{n: len(light), at: median(radii), median: median(light)}
		for i, v := range light {
			light[i] = math.Abs(v - r.median)
		}
		r.noise = 1.4826 * median(light)
		r.odd = r.noise
		if len(odd) >= 8 {
			r.odd = 1.4826 * median(odd)
		}
		return r
	}
	w.inner, w.outer, w.corners = between(0.5, 0.7), between(0.75, 1), between(1.05, 2)
	w.clear = w.inner.n > 0 && w.outer.n > 0 && w.inner.at >= 1.25*w.fwhm
	return w
}

// median sorts the values.
func median(values []float64) float64 {
	slices.Sort(values)
	n := len(values)
	return (values[(n-1)/2] + values[n/2]) / 2
}

// level returns the brightness that doesn't fall with the radius from one ring to the other, and
// its standard error. Wings that fall faster than with the third power leave less than nothing of
// it; then only what is dark itself counts.
func level(near, far ring) (level, err float64) {
	fall := math.Pow(near.at/far.at, 3)
	level = (far.median - fall*near.median) / (1 - fall)
	if level < 0 {
		return min(far.median, 0), far.err()
	}
	return level, far.err() / (1 - fall)
}

// level returns the pedestal, and its standard error: the smaller of those that the rings and the
// corners tell, as the rings of a telescope's PSF rise and fall.
func (w wings) level() (float64, float64) {
	c, err := level(w.inner, w.outer)
	if w.corners.n > 0 {
		if other, otherErr := level(w.outer, w.corners); math.Abs(other) < math.Abs(c) {
			return other, otherErr
		}
	}
	return c, err
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
	hint := fmt.Sprintf("subtract %.3g of the peak from every pixel, see "+
		"PSF.SubtractPedestal", level/w.peak)
	what := "sky is left in this PSF"
	if share < 0 {
		what = "too much sky was subtracted from this PSF"
	}
	return everywhere(Pedestal, share, pedestalLimit,
		fmt.Sprintf("%s: a pedestal of %.2g of the peak in every pixel, %.0f %% of its light, at "+
			"most %g %% is good",
			what, level/w.peak, 100*share, 100*pedestalLimit), hint)
}

func (w wings) findNoise() *Problem {
	// Rings of light scatter as well, but alike on both sides.
	noise := min(w.outer.noise, w.outer.odd)
	// Half the mean of |n| is 0.4 σ: see [Fit].
	share := 0.4 * noise * float64(w.size*w.size)
	if !w.clear || share <= noiseLimit {
		return nil
	}
	return everywhere(Noisy, share, noiseLimit,
		fmt.Sprintf("the noise of this PSF is %.2g of its peak, which puts %.0f %% of its light "+
			"elsewhere, at most %g %% is good",
			noise/w.peak, 100*share, 100*noiseLimit),
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
	level := max(w.outer.median, 0)
	var brightest *Problem
	for i, v := range p.Pixels {
		row, col, value := i/p.Size, i%p.Size, float64(v)
		share := (value - level) / w.peak
		if share <= neighborLimit || value-level <= 5*w.outer.noise || value < around(row, col) ||
			math.Hypot(float64(row-w.row), float64(col-w.col)) < 1.25*w.fwhm {
			continue
		}
		// Where the other side is off the grid, the wings stand for it.
		other := max(around(2*w.row-row, 2*w.col-col), level)
		if value < 3*other || brightest != nil && share < brightest.Value {
			continue
		}
		brightest = &Problem{Kind: Neighbor, Row: row, Col: col, Value: share, Limit: neighborLimit,
			What: fmt.Sprintf("there is another star in this PSF, at row %d, column %d: %.2g of "+
				"the peak, and nothing on the other side", row, col, share),
			Hint: "mask it with what is on the other side, cut the grid before it, see PSF.Crop, " +
				"or take another star"}
	}
	return brightest
}

// findCut estimates the light beyond the border.
func (p PSF) findCut(w wings) *Problem {
	lost := 0.0
	if power := math.Log(w.inner.median/w.outer.median) / math.Log(w.outer.at/w.inner.at); w.clear {
		if w.outer.median > 3*w.outer.err() && power > 2.2 {
			// ∫ 2πr·(r/R)^−power from the circle of the grid's area on.
			edge := float64(p.Size) / math.Sqrt(math.Pi)
			atEdge := w.outer.median * math.Pow(w.outer.at/edge, power)
			beyond := 2 * math.Pi * atEdge * edge * edge / (power - 2)
			lost = beyond / (1 + beyond)
		}
	} else if f, err := p.Fit(); err == nil {
		lost = f.beyond(float64(p.Size) / math.Sqrt(math.Pi))
	}
	if lost <= cutLimit {
		return nil
	}
	return everywhere(CutOff, lost, cutLimit,
		fmt.Sprintf("about %.2g %% of the light of this PSF is beyond the border of its %d×%d "+
			"grid, at most %g %% is good",
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
// again, and how much it was in each pixel of the PSF: 0 where nothing is found, and the PSF as it
// was.
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

// blame returns what explains a problem, if that is among what [PSF.Inspect] found, or else the
// problem itself.
func blame(found []*Problem, problem *Problem) *Problem {
	for _, cause := range found {
		if slices.Contains([]Kind{Pedestal, Neighbor, Noisy}, cause.Kind) {
			return cause
		}
	}
	return problem
}

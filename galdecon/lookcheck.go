package galdecon

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat"

	"galdecon/galdecon/observe"
	"galdecon/galdecon/posterior"
	"galdecon/galdecon/psf"
)

// Limits of what a model with a Survey takes.
const (
	// minSide is the least height and width of a stamp.
	minSide = 16
	// leastSeen is the least share of a stamp's pixels with data.
	leastSeen = 0.3
	// beyond is how far the width of a PSF may lie outside of the training's, as a share.
	beyond = 0.1
	// darkEdge is how bright the border of a stamp may be, in units of the brightest pixel, and
	// brightEdge how dark, beside what its noise explains.
	darkEdge, brightEdge = 0.25, -0.02
)

// prepareLook returns an observation ready to be drawn, or a *[Refusal].
func (c Config) prepareLook(index int, o observe.Observation) (look, error) {
	l := look{Observation: o, index: index}
	refuse := func(r Refusal) (look, error) {
		r.Index, r.ID = index, fmt.Sprintf("observation %d", index)
		if len(o.Exposures) > 0 && o.Exposures[0].Image != nil && o.Exposures[0].Image.N > 0 {
			r.ID = o.Exposures[0].Image.ID(0)
		}
		return look{}, &r
	}
	if len(o.Exposures) == 0 {
		return refuse(Refusal{Reason: posterior.RefusedData, What: "it has no exposure",
			Hint: "give at least one image with its PSF"})
	}
	if bands := o.Bands(); len(bands) > 1 {
		return refuse(Refusal{Reason: posterior.RefusedBands, Value: float64(len(bands)), Limit: 1,
			What: fmt.Sprintf("its exposures are in the bands %q", bands),
			Hint: "draw them together by Model.SampleBands, or take one by Observation.In"})
	}
	l.Exposures = nil
	for k, e := range o.Exposures {
		e, err := e.Complete()
		if err != nil {
			return refuse(Refusal{Reason: posterior.RefusedData,
				What: fmt.Sprintf("exposure %d: %v", k, err), Hint: "see observe.Exposure"})
		}
		if e.Image.Channels != 1 {
			return refuse(Refusal{Reason: posterior.RefusedData, Value: float64(e.Image.Channels),
				Limit: 1, What: fmt.Sprintf("exposure %d has %d bands, the model takes one", k,
					e.Image.Channels), Hint: "deconvolve each band with its PSF"})
		}
		if e.Noise != nil {
			// Where noise is said to have next to no power, the data step doesn't converge: 32
			// pixels with the correlation of a filter (½, 1, ½)⊗(½, 1, ½) had a χ² of 2.4 and
			// bars of fluxes four times too wide, with a floor 1.1 and the right ones.
			positive, err := e.Noise.Positive()
			if err != nil {
				return refuse(Refusal{Reason: posterior.RefusedData,
					What: fmt.Sprintf("exposure %d: %v", k, err), Hint: "see observe.Correlation"})
			}
			e.Noise = &positive
		}
		for _, p := range append(e.PSFs[:1:1], e.Draws...) {
			if r := c.checkPSF(p); r != nil {
				return refuse(*r)
			}
		}
		l.Exposures = append(l.Exposures, e)
	}
	l.height, l.width = l.Size()
	if l.side = grid(l.height, l.width); l.side == 0 || min(l.height, l.width) < minSide {
		largest := grids[len(grids)-1]
		return refuse(Refusal{Reason: posterior.RefusedSize, Value: float64(max(l.height, l.width)),
			Limit: float64(largest), What: fmt.Sprintf("it has %d×%d pixels; %d to %d are taken",
				l.height, l.width, minSide, largest),
			Hint: "take a cutout around the galaxy (galaxy.Images.Cutout), or average pixels"})
	}
	if r := l.check(); r != nil {
		return refuse(*r)
	}
	b, err := observe.NewBatch(l.side, l.side, l.Observation)
	if err != nil {
		var shape *observe.NoDataError
		if errors.As(err, &shape) {
			return refuse(Refusal{Reason: posterior.RefusedData, What: err.Error(),
				Hint: "see observe.Exposure"})
		}
		return look{}, fmt.Errorf("galdecon: observation %d: %w", index, err)
	}
	l.kind = b.Kind()
	plane := make([]float32, l.side*l.side)
	for _, e := range l.Exposures {
		_, outside := e.Seen(b, 0, plane)
		for k, out := range outside {
			if out {
				e.InvVar[k] = 0 // it has no part in anything
			}
		}
	}
	return l, b.Free()
}

// checkPSF returns a refusal of a PSF unlike those of the survey.
func (c Config) checkPSF(p psf.PSF) *Refusal {
	width := p.EffectiveSigma()
	low := c.Survey.SigmaMin * (1 - beyond)
	// Wings, and the pixel, make it wider.
	high := 1.25 * c.Survey.SigmaMax * (1 + beyond)
	if width < low || width > high {
		limit := low
		if width > high {
			limit = high
		}
		return &Refusal{Reason: posterior.RefusedPSF, Value: width, Limit: limit,
			What: fmt.Sprintf("its PSF: a width of σ = %.2f pixels, %.2g to %.2g are taken", width,
				low, high),
			Hint: "average pixels of the image and rescale the PSF alike (galaxy.Images.Average, " +
				"psf.PSF.Rescale), or check that the PSF is on the image's pixels"}
	}
	// Wide wings that end at the border of the PSF's grid look like some sky. A PSF off its center
	// moves candidates, and does nothing else to them: those of COSMOS are off by 0.5 to 0.6 pixels.
	tolerated := map[psf.Kind]float64{psf.Pedestal: 5, psf.Neighbor: 2, psf.OffCenter: 6}
	for _, problem := range p.Inspect() {
		limit := tolerated[problem.Kind] * problem.Limit
		if problem.Kind == psf.Neighbor && nearCore(problem, p, width) {
			continue
		}
		if limit > 0 && math.Abs(problem.Value) > limit {
			return &Refusal{Reason: posterior.RefusedPSF, Value: problem.Value, Limit: limit,
				What: "its PSF: " + problem.What, Hint: problem.Hint}
		}
	}
	return nil
}

// nearCore reports whether a second maximum lies within three widths of a PSF: optics that are out
// of focus or astigmatic make lobes there, of up to 14 % of the peak in simulated PSFs of Euclid.
func nearCore(second *psf.Problem, p psf.PSF, width float64) bool {
	const reach = 3
	center := p.Size / 2
	return math.Hypot(float64(second.Row-center), float64(second.Col-center)) < reach*width
}

// check sets the unit of a look, and returns a refusal where too little of it is seen, nothing is
// brighter than 0, or a sky was left or taken away. The sky is that of the first exposure.
func (l *look) check() *Refusal {
	e := l.Exposures[0]
	im := e.Image
	seen, peak := 0, math.Inf(-1)
	var border []float64
	var noise float64
	for p, v := range im.Pixels {
		w := e.InvVar[p]
		if !(w > 0) {
			continue
		}
		seen++
		peak = max(peak, float64(v))
		row, column := p/im.Width, p%im.Width
		if row < 2 || column < 2 || row >= im.Height-2 || column >= im.Width-2 {
			border = append(border, float64(v))
			noise += 1 / w
		}
	}
	share := float64(seen) / float64(len(im.Pixels))
	if share < leastSeen {
		return &Refusal{Reason: posterior.RefusedData, Value: share, Limit: leastSeen,
			What: fmt.Sprintf("only %.0f %% of its pixels have data, at least %.0f %% must have",
				100*share, 100*leastSeen), Hint: "check its mask and inverse variances"}
	}
	if peak <= 0 {
		return &Refusal{Reason: posterior.RefusedPeak, Value: peak,
			What: "no pixel is above 0",
			Hint: "see whether the galaxy is in the stamp, and the sky was subtracted only once"}
	}
	l.Unit = peak
	if len(border) < 16 {
		return nil
	}
	edge := median(border) / peak
	error := 2 * math.Sqrt(noise/float64(len(border))) / peak // of white noise, and more
	const cause = "its border is at %.2g of its brightest pixel, %.2g to %.2g are taken for a " +
		"dark sky"
	low, high := brightEdge-error, darkEdge+error
	if edge < low || edge > high {
		r := &Refusal{Reason: posterior.RefusedSky, Value: edge, Limit: low,
			What: fmt.Sprintf(cause, edge, low, high),
			Hint: "subtract less: the sky near the galaxy (galaxy.Images.Sky), and only once"}
		if edge > high {
			r.Limit, r.Hint = high, "subtract the sky (galaxy.Images.Sky and Subtract), or take "+
				"a larger stamp"
		}
		return r
	}
	return nil
}

// lookGuard finds how bright the galaxy is that the noise hides, from the first candidates of an
// observation.
type lookGuard struct {
	peaks float64 // their sum, blurred
	n     int
}

// add takes the next candidates of an observation, and returns a refusal if, by the first of them,
// it has more noise than the model was trained for.
func (g *lookGuard) add(part Part, limit float64) *Refusal {
	if part.First == 0 {
		*g = lookGuard{}
	}
	enough := min(part.N, guardCandidates)
	if g.n == enough {
		return nil
	}
	for k := range min(part.Samples.N, enough-g.n) {
		peak := 0.0
		for _, v := range part.Reblurred.At(k) {
			peak = max(peak, float64(v))
		}
		g.peaks += peak
		g.n++
	}
	const tolerance = 1.5
	noise := together(part) / (g.peaks / float64(g.n))
	if g.n < enough || noise <= tolerance*limit {
		return nil
	}
	return &Refusal{Index: part.Index, ID: part.Observation.ID(0),
		Reason: posterior.RefusedNoise, Value: noise, Limit: limit,
		What: fmt.Sprintf("noise of %.2g of the galaxy's brightest pixel; the model was trained "+
			"for at most %.2g", noise, limit),
		Hint: "average pixels, or add exposures"}
}

// together returns the noise of all exposures as if they had the same pixels.
func together(part Part) float64 {
	precision := 0.0
	for _, v := range part.Views() {
		precision += 1 / (v.Noise * v.Noise)
	}
	return 1 / math.Sqrt(precision)
}

// median returns that of values, which it sorts.
func median(values []float64) float64 {
	slices.Sort(values)
	return stat.Quantile(0.5, stat.LinInterp, values, nil)
}

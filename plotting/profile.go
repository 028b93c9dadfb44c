package plotting

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/score"
)

// Profile shows how the light of a galaxy falls off with the distance from its center, and how much
// of it lies within: the median of candidates with bands that hold 68 % and, of 39 candidates or
// more, 95 % of them, beside the observation and the truth.
type Profile struct {
	// Candidates are 2 or more of one galaxy.
	Candidates *galaxy.Images
	// Observation and Truth are those of the galaxy, one image each of the shape of Candidates; nil
	// where they aren't known.
	Observation, Truth *galaxy.Images
	// PixelScale is how many arcseconds a pixel has along a side; 0 shows radii in pixels.
	PixelScale float64
	// Title stands above; it may be empty.
	Title string
}

// The rings of a profile, in pixels, and its panels, in CSS pixels.
const (
	ringWidth                   = 1.0 // of the brightness
	growthStep                  = 0.5
	profilePanel, profileHeight = 430, 280
	// enoughFor95 is how many candidates reach the quantiles 2.5 and 97.5 %.
	enoughFor95 = 39
)

// radial is what an image has in rings, and within them.
type radial struct{ rings, within score.Profile }

// known is what isn't a candidate, with a name and how it is drawn.
type known struct {
	name  string
	style draw.LineStyle
	radial
}

// Figure draws the profile around the center of the candidates' mean, up to the largest circle in
// the image. It is an error if images aren't valid or differ in shape, if there are fewer than 2
// candidates, or if no galaxy is in their middle.
func (p Profile) Figure() (*Figure, error) {
	if err := check("Profile.Candidates", p.Candidates); err != nil {
		return nil, err
	}
	if p.Candidates.N < 2 {
		return nil, errors.New("plotting: a Profile has at least 2 candidates, got 1")
	}
	if err := checkPixelScale(p.PixelScale); err != nil {
		return nil, err
	}
	radius := float64(min(p.Candidates.Height, p.Candidates.Width)) / 2
	best, err := score.MeanImage(p.Candidates)
	if err != nil {
		return nil, fmt.Errorf("plotting: %w", err)
	}
	middle, err := score.Measure(best, radius)
	if err != nil {
		return nil, fmt.Errorf("plotting: the candidates of a Profile have no center: %w", err)
	}
	of := func(images *galaxy.Images) (r radial, err error) {
		r.rings, err = score.RadialProfile(images, middle.X, middle.Y, ringWidth, radius)
		if err == nil {
			r.within, err = score.RadialProfile(images, middle.X, middle.Y, growthStep, radius)
		}
		if err != nil {
			return r, fmt.Errorf("plotting: %w", err)
		}
		return r, nil
	}
	candidates := make([]radial, p.Candidates.N)
	for i := range candidates {
		if candidates[i], err = of(p.Candidates.Select(i)); err != nil {
			return nil, err
		}
	}
	var others []known
	for _, k := range []struct {
		role, name string
		images     *galaxy.Images
		style      draw.LineStyle
	}{
		{"Profile.Observation", "observation x", p.Observation,
			draw.LineStyle{Color: vermillion, Width: 1.5 * css, Dashes: dashes}},
		{"Profile.Truth", "truth y", p.Truth, draw.LineStyle{Color: ink, Width: 1.5 * css}},
	} {
		if k.images == nil {
			continue
		}
		if err := checkLike(k.role, k.images, 1, "the candidates", p.Candidates); err != nil {
			return nil, err
		}
		m, err := of(k.images)
		if err != nil {
			return nil, err
		}
		others = append(others, known{k.name, k.style, m})
	}
	return p.figure(candidates, others), nil
}

// figure draws the two panels.
func (p Profile) figure(candidates []radial, others []known) *Figure {
	unit, scale := "pixels", 1.0
	if p.PixelScale > 0 {
		unit, scale = "arcsec", p.PixelScale
	}
	var middles []float64
	edges := []float64{0}
	for _, r := range candidates[0].rings.Radius {
		middles = append(middles, scale*(r-ringWidth/2))
	}
	for _, r := range candidates[0].within.Radius {
		edges = append(edges, scale*r)
	}
	levels := []float64{0.68}
	if len(candidates) >= enoughFor95 {
		levels = []float64{0.95, 0.68}
	}
	rings := func(r radial) []float64 { return r.rings.Brightness }
	within := func(r radial) []float64 { return append([]float64{0}, r.within.Growth...) }
	brightness, growth := bands(candidates, levels, rings), bands(candidates, levels, within)
	all := growth.median[len(growth.median)-1]
	inPercent := func(v float64) float64 { return 100 * v / all }

	// What a logarithmic scale can't show lies on the lower edge: the sky, and below. The axis has
	// the logarithms themselves: plot.LogScale makes room for a label as if it stood at the top.
	top := slices.Max(brightness.high[0])
	floor := top
	for _, v := range brightness.median {
		if v > 0 {
			floor = min(floor, v)
		}
	}
	floor = max(floor/2, top/1e4)
	onScale := func(v float64) float64 { return math.Log10(max(v, floor)) }

	left, right := plot.New(), plot.New()
	for _, q := range []*plot.Plot{left, right} {
		style(q, "")
		q.X.Label.Text = "radius, " + unit
		q.X.Min, q.X.Max = 0, edges[len(edges)-1]
		q.X.Tick.Marker = valueTicks(roundBelow(q.X.Max / 4))
	}
	left.Y.Label.Text, right.Y.Label.Text = "mean pixel value in a ring", "light within, %"
	left.Y.Tick.Marker, right.Y.Tick.Marker = decades{}, percentTicks(25)
	addLevels(left)
	half := plotter.XYs{{X: 0, Y: 50}, {X: edges[len(edges)-1], Y: 50}}
	right.Add(&plotter.Line{XYs: half, LineStyle: dashedLine})
	left.Legend.Add("candidates", brightness.add(left, middles, onScale))
	growth.add(right, edges, inPercent)
	for _, curve := range others {
		line := &plotter.Line{XYs: points(middles, rings(curve.radial), onScale),
			LineStyle: curve.style}
		left.Add(line)
		left.Legend.Add(curve.name, line)
		right.Add(&plotter.Line{XYs: points(edges, within(curve.radial), inPercent),
			LineStyle: curve.style})
	}
	left.Y.Min, left.Y.Max = onScale(floor), max(left.Y.Max, onScale(top))+0.2
	right.Y.Min, right.Y.Max = 0, 1.04*max(right.Y.Max, 100)

	foot := "bands: 68 % of the candidates"
	if len(levels) > 1 {
		foot = "bands: 68 % and 95 % of the candidates"
	}
	foot += fmt.Sprintf("; light as part of the median's within %s %s; dashed gray: half of it",
		number(edges[len(edges)-1]), unit)
	return pairOf(titleOr(p.Title, "radial profile"), p.Title, foot, left, right)
}

// decades labels the powers of ten on an axis of logarithms.
type decades struct{}

func (decades) Ticks(low, high float64) []plot.Tick {
	ticks := powerTicks{}.Ticks(math.Pow(10, low), math.Pow(10, high))
	for i := range ticks {
		ticks[i].Value = math.Log10(ticks[i].Value)
	}
	return ticks
}

// pairOf returns a figure of two plots side by side.
func pairOf(name, title, foot string, left, right *plot.Plot) *Figure {
	above := titleHeight(title)
	figure := &Figure{Title: name, Width: 2 * profilePanel,
		Height: above + profileHeight + footSpace, dpi: sharp}
	figure.draw = func(c draw.Canvas) {
		drawTitle(c, title)
		drawFoot(c, foot)
		body := draw.Crop(c, 2*css, 0, footSpace*css, -vg.Length(above)*css)
		tiles := draw.Tiles{Rows: 1, Cols: 2, PadX: 18 * css, PadTop: 6 * css, PadRight: 12 * css}
		plots := []*plot.Plot{left, right}
		for i, tile := range plot.Align([][]*plot.Plot{plots}, tiles, body)[0] {
			plots[i].Draw(tile)
		}
	}
	return figure
}

// spread is a quantity over radii: the median of candidates, and for each level, the widest first,
// what holds as many of them.
type spread struct {
	median    []float64
	low, high [][]float64
}

func bands(candidates []radial, levels []float64, of func(r radial) []float64) spread {
	n := len(of(candidates[0]))
	s := spread{median: make([]float64, n)}
	values := make([]float64, len(candidates))
	for range levels {
		s.low, s.high = append(s.low, make([]float64, n)), append(s.high, make([]float64, n))
	}
	for i := range n {
		for k, c := range candidates {
			values[k] = of(c)[i]
		}
		slices.Sort(values)
		s.median[i] = quantile(0.5, values)
		for k, level := range levels {
			s.low[k][i] = quantile((1-level)/2, values)
			s.high[k][i] = quantile((1+level)/2, values)
		}
	}
	return s
}

// quantile returns that of sorted values by which a further one would be below it with the
// probability q, as far as they reach: the i-th of n is the quantile i/(n+1).
func quantile(q float64, sorted []float64) float64 {
	n := float64(len(sorted))
	return stat.Quantile(min(q*(n+1)/n, 1), stat.LinInterp, sorted, nil)
}

// add draws the bands and the median, which it returns.
func (s spread) add(p *plot.Plot, radii []float64, scaled func(float64) float64) *plotter.Line {
	for k := range s.low {
		border, upper := points(radii, s.low[k], scaled), points(radii, s.high[k], scaled)
		slices.Reverse(upper)
		part := 0.18
		if k == len(s.low)-1 {
			part = 0.36
		}
		p.Add(filled(append(border, upper...), overWhite(blue, part)))
	}
	line := curveLine(0, points(radii, s.median, scaled))
	p.Add(line)
	return line
}

func points(x, y []float64, scaled func(float64) float64) plotter.XYs {
	xys := make(plotter.XYs, len(x))
	for i := range x {
		xys[i] = plotter.XY{X: x[i], Y: scaled(y[i])}
	}
	return xys
}

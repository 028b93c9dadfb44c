package galdecon

import (
	"cmp"
	"errors"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"

	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/moments"
	"galdecon/galdecon/posterior"
	"galdecon/galdecon/score"
)

const (
	// maxSources is how many peaks of an image are looked at, from the brightest on.
	maxSources = 24
	// pointLike is how wide a source may be, in units of the PSF, to pass for a point.
	pointLike = 1.12
	// tooNarrow is how wide, in these units, no source can be.
	tooNarrow = 0.85
	// stampRadii is how wide a stamp is, in half-light radii of what is seen: an exponential disc
	// has 97 % of its light within half of that.
	stampRadii = 8
	// measurable is the peak's brightness, in units of the noise, from which widths are trusted.
	measurable = 10
)

// source is what stands out of the noise of an image.
type source struct {
	galaxy.Peak
	// column and row are where its light has its center.
	column, row float64
	// width is that of its light in units of the PSF's; 0 if it can't be measured.
	width float64
	// radius is its half-light radius as observed, in pixels.
	radius float64
	// side is that of a stamp that holds it.
	side int
	// bright is its brightest pixel in units of the noise.
	bright float64
	// beside are other peaks within its stamp.
	beside []galaxy.Peak
	// lopsided is light on one side of it, without a peak.
	lopsided bool
	// cut is set where its stamp reaches over the border of the image.
	cut bool
	// coreless is how many pixels of its core have no data.
	coreless int
	// blended is set where it has no peak of its own in the light of a brighter one.
	blended bool
}

func (s source) isPoint() bool { return s.width > 0 && s.width < pointLike }

// nearest returns the distance of the nearest other peak, infinity if there is none.
func (s source) nearest() float64 {
	least := math.Inf(1)
	for _, p := range s.beside {
		d := math.Hypot(float64(p.Column)-s.column, float64(p.Row)-s.row)
		least = min(least, d)
	}
	return least
}

// aperture returns a radius to measure the source in: three half-light radii, less where that
// reaches a neighbor.
func (s source) aperture() float64 {
	most := min(float64(s.side)/2-1, s.nearest()-1.5)
	return math.Floor(max(3, min(3*s.radius, most)))
}

// sources returns what stands out of the noise, brightest first.
func (f *Field) sources() ([]source, error) {
	peaks, err := f.Image.FindPeaks()
	if err != nil {
		return nil, err
	}
	if len(peaks) > maxSources {
		peaks = peaks[:maxSources]
	}
	filled, err := f.Image.Fill(galaxy.BadInterpolate, 1)
	if err != nil {
		return nil, err
	}
	if filled == f.Image {
		filled = f.Image.Clone()
	}
	filled.Bad = nil // Cutout allows few
	width, err := f.PSF.Moments()
	if err != nil {
		return nil, err
	}
	noise := posterior.MedianNoise(f.InvVar)
	all := make([]source, 0, len(peaks))
	for _, p := range peaks {
		if !f.shows(p) {
			continue
		}
		s := source{Peak: p, column: float64(p.Column), row: float64(p.Row)}
		s.bright = float64(filled.Pixels[p.Row*filled.Width+p.Column]) / noise
		s.measure(filled, peaks, width.Sigma, noise)
		s.findNeighbors(f, filled, peaks)
		all = append(all, s)
	}
	if hidden, ok := f.hiddenInMiddle(filled, all); ok {
		hidden.bright = float64(filled.Pixels[hidden.Row*filled.Width+hidden.Column]) / noise
		hidden.measure(filled, hidden.beside, width.Sigma, noise)
		all = append(all, hidden)
	}
	return all, nil
}

// shows reports whether a peak is seen: not where nearly all around it is interpolated, nor where
// it is as few counts of photons as the sky has by chance.
func (f *Field) shows(p galaxy.Peak) bool {
	const reach, least = 4, 0.3
	seen, all := 0, 0
	for row := max(0, p.Row-reach); row <= min(f.Image.Height-1, p.Row+reach); row++ {
		for col := max(0, p.Column-reach); col <= min(f.Image.Width-1, p.Column+reach); col++ {
			all++
			if f.InvVar[row*f.Image.Width+col] > 0 {
				seen++
			}
		}
	}
	if float64(seen) < least*float64(all) {
		return false
	}
	if f.electrons() == 0 {
		return true
	}
	const by, pixels = 1e-8, 9 // chance, and what peaks are means over
	sky := distuv.Poisson{Lambda: pixels * f.Sky.Level / f.Sky.Step}
	counts := pixels * (p.Value + f.Sky.Level) / f.Sky.Step
	return sky.Survival(math.Round(counts)-1) < by
}

// electrons returns how many make a unit of an image that holds counts of photons: its values have
// steps, and the variance of its sky is that of counts; 0 if it doesn't.
func (f *Field) electrons() float64 {
	const within = 0.25
	if f.Sky.Step == 0 || f.Sky.Level <= 0 {
		return 0
	}
	ratio := f.Sky.Noise * f.Sky.Noise / (f.Sky.Level * f.Sky.Step)
	if math.Abs(ratio-1) > within {
		return 0
	}
	return 1 / f.Sky.Step
}

// hiddenInMiddle returns the galaxy in the middle of a stamp that has no peak of its own in the
// light of a brighter neighbor, if there is one.
func (f *Field) hiddenInMiddle(filled *galaxy.Images, all []source) (hidden source, ok bool) {
	const side = 32
	if _, stamp := f.inMiddle(all); stamp || !f.isSmall() || len(all) == 0 {
		return source{}, false
	}
	c, err := filled.Cutout(f.Image.Width/2, f.Image.Height/2, side)
	const brighter = 1.5 // than it is: knots of one galaxy are more alike
	if err != nil || c.Shift > f.middleReach() || len(c.Neighbors) == 0 ||
		c.Neighbors[0].Rise == 0 {
		return source{}, false
	}
	other := c.Neighbors[0]
	at := int(math.Round(c.Row))*filled.Width + int(math.Round(c.Column))
	light := float64(filled.Pixels[at])
	known := slices.ContainsFunc(all, func(s source) bool {
		return math.Hypot(float64(other.Column-s.Column), float64(other.Row-s.Row)) < 2
	})
	if !known || other.Value < brighter*light ||
		light*math.Sqrt(f.InvVar[at]) < measurable { // which has no data where that is 0
		return source{}, false
	}
	return source{Peak: galaxy.Peak{Column: int(math.Round(c.Column)),
		Row: int(math.Round(c.Row))}, column: c.Column, row: c.Row, beside: c.Neighbors,
		blended: true}, true
}

// measure finds the center, width and radius of a source. The light of others is replaced by what
// is across.
func (s *source) measure(im *galaxy.Images, peaks []galaxy.Peak, psfSigma, noise float64) {
	sides := []int{32, 48, 64, 96, 128, 192, 256}
	whole := min(im.Height, im.Width)
	s.radius = 1.18 * psfSigma // that of a Gaussian
	light := 0.0
	for _, side := range sides {
		side = min(side, whole)
		cut, left, top := im.Crop(s.Column-side/2, s.Row-side/2, side)
		cut = s.alone(cut, left, top, peaks, noise)
		p, err := score.Measure(cut, float64(side)/2)
		// Far out there is only noise, unless light grows by more than it may.
		const far, sigmas = 96, 6
		if side > far && (err != nil || p.Aperture-light < sigmas*noise*float64(side)) {
			break
		}
		s.side = side
		s.shape(cut, left, top, psfSigma)
		if err == nil {
			light = p.Aperture
			s.radius = max(s.radius, p.HalfLight)
		}
		// Bright galaxies are seen farther out.
		if side == whole || float64(side) >= stampRadii*s.radius && cut.Edges()[0] < noise {
			break
		}
	}
	half := float64(s.side) / 2
	s.cut = s.column < half-1 || s.row < half-1 || s.column > float64(im.Width)-half ||
		s.row > float64(im.Height)-half
}

// shape finds the center and the width of a source in its stamp, which begins at left, top.
func (s *source) shape(cut *galaxy.Images, left, top int, psfSigma float64) {
	pixels := make([]float64, len(cut.Pixels))
	for k, v := range cut.Pixels {
		pixels[k] = float64(v)
	}
	// A narrow weight finds what a wide one loses to neighbors.
	for _, sigma := range []float64{1.3 * psfSigma, 1} {
		m, err := moments.Adaptive(
			moments.Image{Height: cut.Height, Width: cut.Width, Pixels: pixels},
			moments.Round(float64(s.Column-left), float64(s.Row-top), sigma),
			moments.Limits{MinWeight: 0.6, MinWidth: 0.3, MaxWidth: float64(cut.Width) / 3,
				MaxShift: max(3, 2*sigma), MaxSteps: 300})
		if err == nil {
			s.width = m.Sigma() / psfSigma
			s.column, s.row = float64(left)+m.X, float64(top)+m.Y
			return
		}
	}
}

// alone returns the stamp of a source, which begins at left, top, without the light of other peaks:
// pixels that are nearer to one of them, and much brighter than what is across the source, have the
// latter's values.
func (s *source) alone(cut *galaxy.Images, left, top int, peaks []galaxy.Peak,
	noise float64) *galaxy.Images {
	out := cut.Clone()
	for k := range out.Pixels {
		x, y := k%cut.Width+left, k/cut.Width+top
		nearer := slices.ContainsFunc(peaks, func(p galaxy.Peak) bool {
			return p != s.Peak && math.Hypot(float64(p.Column-x), float64(p.Row-y)) <
				math.Hypot(float64(s.Column-x), float64(s.Row-y))
		})
		if !nearer {
			continue
		}
		across := float32(0)
		col, row := 2*s.Column-x-left, 2*s.Row-y-top
		if col >= 0 && row >= 0 && col < cut.Width && row < cut.Height {
			across = cut.Pixels[row*cut.Width+col]
		}
		if float64(out.Pixels[k]-across) > 3*math.Sqrt2*noise {
			out.Pixels[k] = across
		}
	}
	return out
}

// findNeighbors finds what else is in the stamp of a source: other peaks, or light on one side; and
// how much of its core has no data.
func (s *source) findNeighbors(f *Field, filled *galaxy.Images, peaks []galaxy.Peak) {
	for _, p := range peaks {
		away := max(math.Abs(float64(p.Column)-s.column), math.Abs(float64(p.Row)-s.row))
		if p != s.Peak && away <= float64(s.side)/2 && f.shows(p) {
			s.beside = append(s.beside, p)
		}
	}
	c, err := f.Image.Cutout(s.Column, s.Row, s.side)
	var refused *galaxy.Refusal
	if errors.As(err, &refused) && refused.Reason == galaxy.NoDataAtPeak {
		s.coreless = int(refused.Value)
	}
	whole := err == nil // else noise can't be told where much is interpolated
	if !whole {
		if c, err = filled.Cutout(s.Column, s.Row, s.side); err != nil {
			return // too near the border, for one
		}
	}
	for _, p := range c.Neighbors {
		known := slices.ContainsFunc(peaks, func(q galaxy.Peak) bool {
			return q.Column == p.Column && q.Row == p.Row
		})
		switch {
		case p.Rise == 0:
			s.lopsided = f.excess(filled, p, c.Column, c.Row) > 5
		case !known && whole && f.shows(p):
			s.beside = append(s.beside, p)
		}
	}
}

// excess returns by how many standard deviations the mean over 3×3 pixels at a place is brighter
// than that across a center, with the noise of each pixel, which bright ones have more of.
func (f *Field) excess(filled *galaxy.Images, p galaxy.Peak, column, row float64) float64 {
	var difference, variance float64
	for i := range 9 {
		x, y := p.Column+i%3-1, p.Row+i/3-1
		u, v := int(math.Round(2*column))-x, int(math.Round(2*row))-y
		if min(x, y, u, v) < 0 || max(x, u) >= filled.Width || max(y, v) >= filled.Height {
			continue
		}
		near, far := y*filled.Width+x, v*filled.Width+u
		if f.InvVar[near] > 0 && f.InvVar[far] > 0 {
			difference += float64(filled.Pixels[near] - filled.Pixels[far])
			variance += 1/f.InvVar[near] + 1/f.InvVar[far]
		}
	}
	if f.Noise != nil {
		variance *= 2 // neighbors share it
	}
	return difference / math.Sqrt(variance)
}

// isSmall reports whether an image may be the stamp of one galaxy.
func (f *Field) isSmall() bool { return max(f.Image.Width, f.Image.Height) <= 256 }

// middleReach is how far from the middle of a stamp its galaxy may be.
func (f *Field) middleReach() float64 {
	return max(3, 0.04*math.Hypot(float64(f.Image.Width-1), float64(f.Image.Height-1)))
}

// inMiddle returns the source nearest to the middle, and whether the image is its stamp.
func (f *Field) inMiddle(all []source) (middle source, stamp bool) {
	if len(all) == 0 {
		return source{}, false
	}
	away := func(s source) float64 {
		return math.Hypot(s.column-float64(f.Image.Width-1)/2, s.row-float64(f.Image.Height-1)/2)
	}
	middle = slices.MinFunc(all, func(a, b source) int { return cmp.Compare(away(a), away(b)) })
	return middle, away(middle) <= f.middleReach() && f.isSmall()
}

// targets returns the galaxies that the files are likely about: that in the middle of a stamp, or
// up to three of a field, the brightest first, and whether it is a stamp.
func (f *Field) targets(all []source) (targets []source, stamp bool) {
	if middle, stamp := f.inMiddle(all); stamp {
		return []source{middle}, true
	}
	const most = 3
	for _, s := range all {
		if !s.isPoint() && len(targets) < most {
			targets = append(targets, s)
		}
	}
	if len(targets) == 0 {
		targets = all[:1]
	}
	return targets, false
}

// refusal returns what the model for any galaxy would refuse a source for, nil if it takes it.
func (f *Field) refusal(s source) (*Refusal, error) {
	o, err := f.At(s.column, s.row, s.side)
	if err != nil {
		return nil, err
	}
	var refusal *Refusal
	if _, err := anyGalaxy().prepareLook(0, o); err != nil && !errors.As(err, &refusal) {
		return nil, err
	}
	return refusal, nil
}

package galdecon

import (
	"cmp"
	"errors"
	"math"
	"slices"

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
		s := source{Peak: p, column: float64(p.Column), row: float64(p.Row)}
		s.bright = float64(filled.Pixels[p.Row*filled.Width+p.Column]) / noise
		s.measure(filled, width.Sigma, noise)
		s.findNeighbors(filled, peaks)
		all = append(all, s)
	}
	return all, nil
}

// measure finds the center, width and radius of a source.
func (s *source) measure(im *galaxy.Images, psfSigma, noise float64) {
	sides := []int{32, 48, 64, 96, 128, 192, 256}
	whole := min(im.Height, im.Width)
	s.radius = 1.18 * psfSigma // that of a Gaussian
	for _, side := range sides {
		s.side = min(side, whole)
		cut, left, top := im.Crop(s.Column-s.side/2, s.Row-s.side/2, s.side)
		x, y := float64(s.Column-left), float64(s.Row-top)
		pixels := make([]float64, len(cut.Pixels))
		for k, v := range cut.Pixels {
			pixels[k] = float64(v)
		}
		// A narrow weight finds what a wide one loses to neighbors.
		for _, sigma := range []float64{1.3 * psfSigma, 1} {
			m, err := moments.Adaptive(moments.Image{Height: s.side, Width: s.side, Pixels: pixels},
				moments.Round(x, y, sigma), moments.Limits{MinWeight: 0.6, MinWidth: 0.3,
					MaxWidth: float64(s.side) / 3, MaxShift: max(3, 2*sigma), MaxSteps: 300})
			if err == nil {
				s.width = m.Sigma() / psfSigma
				s.column, s.row = float64(left)+m.X, float64(top)+m.Y
				break
			}
		}
		if p, err := score.Measure(cut, float64(s.side)/2); err == nil {
			s.radius = max(s.radius, p.HalfLight)
		}
		// Bright galaxies are seen farther out.
		if float64(s.side) >= stampRadii*s.radius && cut.Edges()[0] < noise {
			break
		}
	}
	half := float64(s.side) / 2
	s.cut = s.column < half-1 || s.row < half-1 || s.column > float64(im.Width)-half ||
		s.row > float64(im.Height)-half
}

// findNeighbors finds what else is in the stamp of a source: other peaks, or light on one side.
func (s *source) findNeighbors(im *galaxy.Images, peaks []galaxy.Peak) {
	for _, p := range peaks {
		away := max(math.Abs(float64(p.Column)-s.column), math.Abs(float64(p.Row)-s.row))
		if p != s.Peak && away <= float64(s.side)/2 {
			s.beside = append(s.beside, p)
		}
	}
	c, err := im.Cutout(s.Column, s.Row, s.side)
	if err != nil {
		return // too near the border, for one
	}
	for _, p := range c.Neighbors {
		known := slices.ContainsFunc(peaks, func(q galaxy.Peak) bool {
			return q.Column == p.Column && q.Row == p.Row
		})
		switch {
		case p.Rise == 0:
			s.lopsided = true
		case !known:
			s.beside = append(s.beside, p)
		}
	}
}

// targets returns the galaxies that the files are likely about: that in the middle of a stamp, or
// up to three of a field, the brightest first, and whether it is a stamp.
func (f *Field) targets(all []source) (targets []source, stamp bool) {
	x, y := float64(f.Image.Width-1)/2, float64(f.Image.Height-1)/2
	middle := slices.MinFunc(all, func(a, b source) int {
		return cmp.Compare(math.Hypot(a.column-x, a.row-y), math.Hypot(b.column-x, b.row-y))
	})
	reach := max(3, 0.08*math.Hypot(x, y))
	if math.Hypot(middle.column-x, middle.row-y) <= reach &&
		max(f.Image.Width, f.Image.Height) <= 256 {
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

package plotting

import (
	"fmt"
	"image"
	"image/color"
	"image/draw"

	"gonum.org/v1/plot/vg"
	vgdraw "gonum.org/v1/plot/vg/draw"
)

// Overview shows several observations at once, one in a row: the truth where any is known, the
// observation with its PSF, the first candidates with the MSE of each, the mean and the standard
// deviation of all samples. Each row has its own stretch, except where [SharedScale] gave several
// the same; the standard deviations share one range.
type Overview struct {
	// Galaxies are the rows, all of the same image size. Their titles are not used; a row is
	// labeled with the ID of its observation, which may have lines.
	Galaxies []Candidates
	// Title stands above the figure; it may be empty.
	Title string
}

// Figure draws the overview. It is an error if there are no galaxies, or one of them isn't valid or
// of another size.
func (o Overview) Figure() (*Figure, error) {
	if len(o.Galaxies) == 0 {
		return nil, fmt.Errorf("plotting: Overview.Galaxies is empty; give at least one")
	}
	rows := make([]*layout, len(o.Galaxies))
	var top float64
	var truths, deviations bool
	shown := 0
	first := o.Galaxies[0].Observation
	for i, c := range o.Galaxies {
		l, err := c.layout()
		if err != nil {
			return nil, fmt.Errorf("plotting: Overview.Galaxies[%d]: %w", i, err)
		}
		if x := c.Observation; x.Height != first.Height || x.Width != first.Width ||
			x.Channels != first.Channels {
			return nil, fmt.Errorf("plotting: Overview.Galaxies[%d] is %dx%dx%d, but the first "+
				"galaxy is %dx%dx%d (height, width, channels); they must agree",
				i, x.Height, x.Width, x.Channels, first.Height, first.Width, first.Channels)
		}
		rows[i] = l
		truths = truths || l.truth != nil
		if l.deviation != nil {
			deviations = true
			top = max(top, robustTop(l.deviation))
		}
		shown = max(shown, len(l.candidates()))
	}
	top = roundUp(top)

	stretches := make(map[Stretch]bool)
	for _, l := range rows {
		stretches[l.stretch] = true
	}
	foot := "each row in its own stretch"
	switch {
	case len(stretches) == 1:
		foot = rows[0].stretch.String()
	case len(stretches) < len(rows):
		foot = "each galaxy in its own stretch"
	}
	g := newGrid(o.Title, foot+"; in the panels: MSE, the mean over pixels of (Π*y − x)^{2}", first)
	for i, l := range rows {
		c := o.Galaxies[i]
		r := row{label: c.Observation.ID(0)}
		if truths {
			r.panels = append(r.panels, panel{caption: "truth", img: l.truth})
		}
		observation := panel{caption: "observation x", img: l.observation,
			over: l.mask(first.Width)}
		if c.PSF != nil {
			observation.img = withInset(l.observation, c.PSF)
			observation.over = append(observation.over, frameInset(first.Height, first.Width))
		}
		if c.World != nil { // each lies elsewhere
			observation.over = append(observation.over, scaleBar(c.pixelScale(), first.Width),
				compass(c.World, first))
		} else if i == 0 || c.PixelScale != o.Galaxies[i-1].pixelScale() { // it holds below, too
			observation.over = append(observation.over, scaleBar(c.pixelScale(), first.Width))
		}
		r.panels = append(r.panels, observation)
		for k := range shown {
			p := panel{caption: fmt.Sprintf("candidate %d", k+1)}
			if k < len(l.candidates()) {
				e := l.estimates[k]
				p.img, p.over = e.sharp, []overlay{stateText(number(e.mse))}
			}
			r.panels = append(r.panels, p)
		}
		if deviations {
			average, spread := panel{caption: "mean"}, panel{caption: "std. dev. 0–" + number(top)}
			if l.deviation != nil {
				a := l.estimates[len(l.estimates)-1]
				average.img, average.over = a.sharp, []overlay{stateText(number(a.mse))}
				d := l.deviationPanel(top, first.Width)
				spread.img, spread.over = d.img, d.over
			}
			r.panels = append(r.panels, average, spread)
		}
		if i > 0 { // The captions stand once, above the columns.
			for k := range r.panels {
				r.panels[k].caption = ""
			}
		}
		g.rows = append(g.rows, r)
	}
	return g.figure(), nil
}

// candidates returns the estimates without the mean.
func (l *layout) candidates() []estimate {
	if l.deviation != nil {
		return l.estimates[:len(l.estimates)-1]
	}
	return l.estimates
}

// insetSide returns the size of a PSF inset in pixels of the galaxy, 3/10 of the smaller side.
func insetSide(height, width int) int { return max(3, 3*min(height, width)/10) }

// withInset returns an image with the middle of a PSF in its upper right corner, at the same pixel
// scale.
func withInset(img image.Image, psf []float32) image.Image {
	b := img.Bounds()
	side := insetSide(b.Dy(), b.Dx())
	inset := mapped(psfOnStamp(psf, side, side), side, grayMap(), grayShades)
	out := image.NewNRGBA(image.Rect(0, 0, b.Dx(), b.Dy()))
	draw.Draw(out, out.Rect, img, b.Min, draw.Src)
	draw.Draw(out, image.Rect(b.Dx()-side, 0, b.Dx(), side), inset, image.Point{}, draw.Src)
	return out
}

// frameInset sets the inset off from the galaxy.
func frameInset(height, width int) overlay {
	return func(c vgdraw.Canvas, pixel vg.Length) {
		size := vg.Length(insetSide(height, width)) * pixel
		c.StrokeLines(vgdraw.LineStyle{Color: color.White, Width: 0.75 * css}, []vg.Point{
			{X: c.Max.X - size, Y: c.Max.Y},
			{X: c.Max.X - size, Y: c.Max.Y - size},
			{X: c.Max.X, Y: c.Max.Y - size},
		})
	}
}

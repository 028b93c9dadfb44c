package plotting

import (
	"cmp"
	"slices"

	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/galaxy/wcs"
)

// Candidates is one observation x with S candidate deconvolutions y, samples of p(y | x, Π). Its
// figure is that of the paper (Figures 2 and 3), with residuals: a row of sharp images, the truth
// and the candidates; beneath, a row of blurred ones, the observation and every candidate blurred
// again; beneath, the residual Π*y − x of each. If there are 2 samples or more, columns for their
// mean and their standard deviation per pixel follow, taken over all S samples.
//
// All images have the same height, width and channels. The galaxies of a figure share one stretch,
// the residuals one symmetric range. Residuals and standard deviations of images of 3 channels are
// averaged over the channels (the latter as variances).
type Candidates struct {
	// Observation is x, one image.
	Observation *galaxy.Images
	// Samples are the S candidates y, and Reblurred the same blurred again, Π*y.
	Samples, Reblurred *galaxy.Images
	// Truth is the sharp galaxy, one image, or nil where it isn't known, as with real observations.
	Truth *galaxy.Images
	// PSF are the k×k weights of Π, row by row; nil leaves it out. It is shown at the pixel scale
	// of the galaxies.
	PSF []float32
	// PixelScale is the size of a pixel in arcseconds; where it is 0 World says it, if that is
	// known.
	PixelScale float64
	// World says where in the sky the images are, for a compass in the observation, see
	// [wcs.Parse]; nil if unknown.
	World *wcs.WCS
	// Shown is how many candidates are drawn, the first ones; 0 stands for 4.
	Shown int
	// Stretch is for all galaxies in the figure; if it is zero they get an [AutoStretch].
	// [SharedScale] sets it, and both limits.
	Stretch Stretch
	// ResidualLimit and DeviationLimit are the largest residual and standard deviation that the
	// colors of the figure tell apart. Of the residual 0 stands for the largest in the figure. Of
	// the standard deviation it stands for the largest as well, but at most for 1.5 times what 98
	// in 100 pixels are below, so that a star or a nucleus doesn't make the others look alike; the
	// panel says the largest then. The rows of an [Overview] share one limit anyway.
	ResidualLimit, DeviationLimit float64
	// Title stands above the figure; it may be empty.
	Title string
}

// SharedScale gives figures of one observation, the candidates of several models, one stretch and
// one range of residuals and of standard deviations, so that what looks alike is alike. It is an
// error if one of them can't be drawn.
func SharedScale(figures ...Candidates) ([]Candidates, error) {
	var batches []*galaxy.Images
	var residual, deviation float64
	for _, c := range figures {
		l, err := c.layout()
		if err != nil {
			return nil, err
		}
		batches = append(batches, c.galaxies()...)
		residual = max(residual, l.residualTop())
		deviation = max(deviation, robustTop(l.deviation))
	}
	stretch, err := AutoStretch(batches...)
	if err != nil {
		return nil, err
	}
	alike := slices.Clone(figures)
	for i := range alike {
		alike[i].Stretch = stretch
		alike[i].ResidualLimit, alike[i].DeviationLimit = roundUp(residual), roundUp(deviation)
	}
	return alike, nil
}

// galaxies returns the images of galaxies in the figure.
func (c Candidates) galaxies() []*galaxy.Images {
	if c.Truth == nil {
		return []*galaxy.Images{c.Observation, c.Samples}
	}
	return []*galaxy.Images{c.Observation, c.Samples, c.Truth}
}

// Zoom returns the figure of a detail: of the middle of the images, half of their side, and thus
// enlarged. MSEs are those of the detail.
func (c Candidates) Zoom() Candidates {
	var left, top int
	if c.Observation != nil {
		left, top = c.Observation.Width/4, c.Observation.Height/4
	}
	for _, im := range []**galaxy.Images{&c.Observation, &c.Samples, &c.Reblurred, &c.Truth} {
		*im = middle(*im)
	}
	if c.World != nil {
		c.World = c.World.Window(left, top)
	}
	c.PSF = nil // it would be as large as the detail
	return c
}

// residualLimit and deviationLimit return the limits of the colors.
func (c Candidates) residualLimit(l *layout) float64 {
	return cmp.Or(c.ResidualLimit, roundUp(l.residualTop()))
}

func (c Candidates) deviationLimit(l *layout) float64 {
	return cmp.Or(c.DeviationLimit, roundUp(robustTop(l.deviation)))
}

// deviationPanel returns the panel of standard deviations from 0 to top; where some are above, it
// says how large they are.
func (l *layout) deviationPanel(top float64, width int) panel {
	p := panel{caption: "std. dev. 0–" + number(top),
		img: mapped(l.deviation, width, heatMap(top), shades)}
	if most := slices.Max(l.deviation); most > top {
		p.over = []overlay{stateText("up to " + number(most))}
	}
	return p
}

// middle cuts out the middle of images, half of their side; nil has none.
func middle(im *galaxy.Images) *galaxy.Images {
	if im == nil {
		return nil
	}
	out := galaxy.NewImages(im.N, (im.Height+1)/2, (im.Width+1)/2, im.Channels)
	out.IDs = im.IDs
	if im.Bad != nil {
		out.Bad = make([]bool, out.N*out.Height*out.Width)
	}
	top, left, length := im.Height/4, im.Width/4, out.Width*im.Channels
	for i := range im.N {
		for row := range out.Height {
			copy(out.At(i)[row*length:][:length], im.At(i)[((top+row)*im.Width+left)*im.Channels:])
			if im.Bad != nil {
				copy(out.BadAt(i)[row*out.Width:][:out.Width], im.BadAt(i)[(top+row)*im.Width+left:])
			}
		}
	}
	return out
}

// Figure draws the candidates. It is an error if a shape doesn't fit, a pixel isn't finite, or
// there are no samples.
func (c Candidates) Figure() (*Figure, error) {
	l, err := c.layout()
	if err != nil {
		return nil, err
	}
	limit := c.residualLimit(l)
	diverging := divergingMap(limit)
	width := c.Observation.Width

	sharp := row{label: "sharp: y"}
	blurred := row{label: "blurred: Π*y"}
	residual := row{label: "residual: Π*y − x"}
	psf := panel{caption: "PSF Π", img: l.psf}
	if l.psf == nil {
		psf = panel{}
	}
	// The first column holds what the others are held against. The PSF takes the place of an
	// unknown truth.
	blurred.panels = append(blurred.panels, panel{
		caption: "observation x", img: l.observation,
		over: append(l.mask(width), scaleBar(c.pixelScale(), width),
			compass(c.World, c.Observation)),
	})
	if l.truth != nil {
		sharp.panels = append(sharp.panels, panel{caption: "truth", img: l.truth})
		residual.panels = append(residual.panels, psf)
	} else {
		sharp.panels = append(sharp.panels, psf)
		residual.panels = append(residual.panels, panel{})
	}
	for _, a := range l.estimates {
		sharp.panels = append(sharp.panels, panel{caption: a.name, img: a.sharp})
		blurred.panels = append(blurred.panels,
			panel{caption: "MSE " + number(a.mse), img: a.blurred})
		residual.panels = append(residual.panels,
			panel{img: mapped(a.residual, width, diverging, shades), over: l.mask(width)})
	}
	if l.deviation != nil {
		sharp.panels = append(sharp.panels, l.deviationPanel(c.deviationLimit(l), width))
	}
	brightness := panel{}
	if c.Observation.Channels == 1 {
		bar := colorBar("pixel value", ramp(grayMap(), grayShades), stretchTicks(l.stretch))
		brightness.over = []overlay{bar}
	}
	blurred.panels = append(blurred.panels, brightness)
	residual.panels = append(residual.panels, panel{over: []overlay{
		colorBar("", ramp(diverging, shades), []tick{{0, -limit}, {0.5, 0}, {1, limit}})}})
	g := newGrid(c.Title, l.stretch.String()+"; MSE: mean over pixels of (Π*y − x)^{2}",
		c.Observation)
	g.rows = []row{sharp, blurred, residual}
	return g.figure(), nil
}

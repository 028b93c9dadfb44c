package plotting

import (
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"math"
	"slices"

	"galdecon/galdecon/catalogue/table"
	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/posterior"
)

// CatalogueCorner returns the corner of a table of measured objects, as galdecon.Catalogue returns
// it: how their fluxes (decimal logarithms), half-light radii, ellipticities and χ² scatter.
// Objects that miss one of them, or whose flux isn't positive, are left out, and so is a quantity
// that is the same of all.
func CatalogueCorner(t *table.Table) Corner {
	var all []Quantity
	for _, of := range []struct{ column, name string }{
		{"flux", "log flux"}, {"half_light_radius", "half-light radius"}, {"g1", "g1"},
		{"g2", "g2"}, {"chi2", "χ²"},
	} {
		c := t.Column(of.column)
		if c == nil || !c.IsNumber() {
			continue
		}
		q := Quantity{Name: of.name, Unit: c.Unit, Truth: math.NaN()}
		for row := range t.Rows() {
			v := c.Float(row)
			if of.column == "flux" {
				v = math.Log10(v)
			}
			q.Values = append(q.Values, v)
		}
		all = append(all, q)
	}
	missing := make([]bool, t.Rows())
	for _, q := range all {
		for row, v := range q.Values {
			missing[row] = missing[row] || math.IsNaN(v) || math.IsInf(v, 0)
		}
	}
	out := Corner{Of: "objects", Title: "The objects of the catalogue"}
	for _, q := range all {
		var values []float64
		for row, v := range q.Values {
			if !missing[row] {
				values = append(values, v)
			}
		}
		if len(values) == 0 || slices.Min(values) < slices.Max(values) {
			q.Values = values
			out.Quantities = append(out.Quantities, q)
		}
	}
	return out
}

// Residuals shows what the candidates of several observations leave of them, two in a row: each
// observation x, the mean of its candidates, and the mean, blurred again, minus x, over the
// standard deviation of each pixel's noise. Where a model is right the last is noise without a
// pattern. Each galaxy has its own stretch.
type Residuals struct {
	// Posteriors, 1 to 30, may have stamps of different sizes, of one channel.
	Posteriors []posterior.Posterior
	// Captions stand above the observations; without them these are their IDs.
	Captions []string
	// Title stands above the figure; it may be empty.
	Title string
}

// mostResiduals keeps the figure small.
const (
	mostResiduals  = 30
	residualsInRow = 2
	// farResidual, in standard deviations, is where the colors end.
	farResidual = 5.0
)

// Figure draws the residuals. It is an error if there are no posteriors, or too many, if one of
// them isn't valid or has several channels, or if there is another number of captions.
func (r Residuals) Figure() (*Figure, error) {
	n := len(r.Posteriors)
	if n < 1 || n > mostResiduals {
		return nil, fmt.Errorf("plotting: Residuals shows 1 to %d posteriors, not %d",
			mostResiduals, n)
	}
	if len(r.Captions) != 0 && len(r.Captions) != n {
		return nil, fmt.Errorf("plotting: Residuals has %d captions for %d posteriors; give one "+
			"for each, or none", len(r.Captions), n)
	}
	height, width := 0, 0
	for i, p := range r.Posteriors {
		if err := Posterior(p, nil).check(); err != nil {
			return nil, fmt.Errorf("plotting: Residuals.Posteriors[%d]: %w", i, err)
		}
		if c := p.Observation.Channels; c != 1 {
			return nil, fmt.Errorf("plotting: Residuals.Posteriors[%d] has %d channels; take one",
				i, c)
		}
		height, width = max(height, p.Observation.Height), max(width, p.Observation.Width)
	}
	g := newGrid(r.Title, fmt.Sprintf("x: the observation; y: the mean of the candidates; "+
		"Π*y − x over the noise, blue to red: ±%g standard deviations", farResidual),
		galaxy.NewImages(1, height, width, 1))
	for i := range n {
		caption := r.Posteriors[i].Observation.ID(0)
		if len(r.Captions) > 0 {
			caption = r.Captions[i]
		}
		panels, err := residualPanels(r.Posteriors[i], caption, height, width)
		if err != nil {
			return nil, err
		}
		if i%residualsInRow == 0 {
			g.rows = append(g.rows, row{})
		}
		last := &g.rows[len(g.rows)-1]
		last.panels = append(last.panels, panels...)
	}
	return g.figure(), nil
}

// residualPanels returns the three panels of a posterior, in the middle of height × width pixels.
func residualPanels(p posterior.Posterior, caption string, height, width int) ([]panel, error) {
	x := withoutBad(p.Observation)
	y := galaxy.NewImages(1, x.Height, x.Width, 1)
	copy(y.Pixels, mean(p.Samples))
	stretch, err := AutoStretch(x, y)
	if err != nil {
		return nil, err
	}
	bad := make([]bool, len(x.Pixels))
	left := make([]float64, len(x.Pixels))
	for k, v := range mean(p.Reblurred) {
		noise := p.Noise
		bad[k] = x.Bad != nil && x.Bad[k]
		if p.InvVar != nil {
			bad[k] = bad[k] || !(p.InvVar[k] > 0)
			noise = 1 / math.Sqrt(p.InvVar[k])
		}
		if !bad[k] && noise > 0 {
			left[k] = (float64(v) - float64(x.Pixels[k])) / noise
		}
	}
	top, first := (height-x.Height)/2, (width-x.Width)/2
	framed := func(img image.Image) image.Image {
		if x.Height == height && x.Width == width {
			return img
		}
		out := image.NewNRGBA(image.Rect(0, 0, width, height))
		draw.Draw(out, out.Rect, image.NewUniform(color.White), image.Point{}, draw.Src)
		draw.Draw(out, img.Bounds().Add(image.Pt(first, top)), img, image.Point{}, draw.Src)
		return out
	}
	marks := make([]bool, height*width)
	for k, b := range bad {
		marks[(top+k/x.Width)*width+first+k%x.Width] = b
	}
	hatches := []overlay{hatched(marks, width)}
	limits := divergingMap(farResidual)
	return []panel{
		{caption: caption, img: framed(picture(x.At(0), x.Width, 1, stretch)), over: hatches},
		{caption: "y", img: framed(picture(y.At(0), x.Width, 1, stretch))},
		{caption: "Π*y − x", img: framed(mapped(left, x.Width, limits, shades)), over: hatches},
	}, nil
}

// Package draws writes the candidates of posteriors as files for ArviZ, in Zarr:
// xarray.open_datatree opens them with the groups, and the dimensions chain and draw, of ArviZ's
// schema (https://python.arviz.org/projects/base/en/latest/schema/schema.html).
package draws

import (
	"fmt"
	"math"
	"strings"

	"galdecon/galdecon/catalogue/table"
	"galdecon/galdecon/catalogue/zarr"
	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/posterior"
	"galdecon/galdecon/score"
)

// quantities are what is measured of each candidate, with their units and descriptions.
var quantities = []struct {
	name, unit, long string
	of               func(score.Photometry) float64
}{
	{"flux", "", "flux within the aperture, in units of the image's pixels summed",
		func(p score.Photometry) float64 { return p.Aperture }},
	{"half_light_radius", "pix", "radius of the circle with half of the flux",
		func(p score.Photometry) float64 { return p.HalfLight }},
	{"g1", "", "ellipticity along the columns (reduced shear)",
		func(p score.Photometry) float64 { return p.G1 }},
	{"g2", "", "ellipticity along the diagonal (reduced shear)",
		func(p score.Photometry) float64 { return p.G2 }},
	{"x_centroid", "pix", "column of the center in the stamp, from 0",
		func(p score.Photometry) float64 { return p.X }},
	{"y_centroid", "pix", "row of the center in the stamp, from 0",
		func(p score.Photometry) float64 { return p.Y }},
}

// Save writes the candidates of one object as the folder dir, in units of the source, by
// Observation.Scale. It must not be there yet, and appears when it is complete. The groups are
//
//	posterior             galaxy [chain, draw, height, width], and of each candidate flux,
//	                      half_light_radius, g1, g2, x_centroid and y_centroid [chain, draw],
//	                      measured in an aperture of the given radius in pixels, and NaN where
//	                      that isn't possible
//	posterior_predictive  image, the candidates blurred again
//	observed_data         image [height, width]
//	constant_data         psf [psf_height, psf_width] and noise
//
// There is one chain, since candidates are independent. Images of several channels have a last
// dimension channel.
func Save(dir string, p posterior.Posterior, aperture float64) error {
	if p.Samples == nil || p.Samples.N == 0 || p.Observation == nil || p.Reblurred == nil {
		return fmt.Errorf("draws: cannot write %s: there are no candidates", dir)
	}
	scale := 1.0
	if p.Observation.Scale != nil {
		scale = p.Observation.Scale[0]
	}
	n := p.Samples.N
	measured := make([][]float64, len(quantities))
	for i := range n {
		m, err := score.Measure(p.Samples.Select(i), aperture)
		for k, q := range quantities {
			v := q.of(m)
			switch {
			case err != nil:
				v = math.NaN()
			case k == 0:
				v *= scale
			}
			measured[k] = append(measured[k], v)
		}
	}
	chains := []zarr.Array{
		{Name: "chain", Dimensions: []string{"chain"}, Shape: []int{1}, Data: []int64{0}},
		{Name: "draw", Dimensions: []string{"draw"}, Shape: []int{n}, Data: counted(n)},
	}
	drawn := append([]zarr.Array{image("galaxy", p.Samples, scale, true)}, chains...)
	for k, q := range quantities {
		attributes := map[string]any{"long_name": q.long}
		if q.unit != "" {
			attributes["units"] = q.unit
		}
		drawn = append(drawn, zarr.Array{Name: q.name, Dimensions: []string{"chain", "draw"},
			Shape: []int{1, n}, Data: measured[k], Attributes: attributes})
	}
	attributes := map[string]any{"creation_library": "galdecon", "sample_dims": []string{"chain",
		"draw"}}
	return zarr.Save(dir, zarr.Group{
		Attributes: map[string]any{"object": p.Observation.ID(0), "seed": p.Seed},
		Groups: []zarr.Group{
			{Name: "posterior", Attributes: attributes, Arrays: drawn},
			{Name: "posterior_predictive", Attributes: attributes,
				Arrays: append([]zarr.Array{image("image", p.Reblurred, scale, true)}, chains...)},
			{Name: "observed_data",
				Arrays: []zarr.Array{image("image", p.Observation, scale, false)}},
			{Name: "constant_data", Arrays: []zarr.Array{
				{Name: "psf", Dimensions: []string{"psf_height", "psf_width"},
					Shape: []int{p.PSF.Size, p.PSF.Size}, Data: p.PSF.Pixels},
				{Name: "noise", Data: []float64{p.Noise * scale},
					Attributes: map[string]any{"long_name": "standard deviation of a pixel"}}}},
		}})
}

func counted(n int) []int64 {
	all := make([]int64, n)
	for i := range all {
		all[i] = int64(i)
	}
	return all
}

// image returns images, each times the scale: those of all draws, or one.
func image(name string, im *galaxy.Images, scale float64, draws bool) zarr.Array {
	a := zarr.Array{Name: name, Dimensions: []string{"height", "width"},
		Shape: []int{im.Height, im.Width}}
	if draws {
		a.Dimensions = append([]string{"chain", "draw"}, a.Dimensions...)
		a.Shape = append([]int{1, im.N}, a.Shape...)
	}
	if im.Channels > 1 {
		a.Dimensions, a.Shape = append(a.Dimensions, "channel"), append(a.Shape, im.Channels)
	}
	if scale == 1 {
		a.Data = im.Pixels
		return a
	}
	// Scales may take values out of the range of float32.
	values := make([]float64, len(im.Pixels))
	for i, v := range im.Pixels {
		values[i] = scale * float64(v)
	}
	a.Data = values
	return a
}

// drawsSuffix ends the names of a table's columns that have a value of each candidate.
const drawsSuffix = "_draws"

// objectsTogether is how many objects are in one file of an array.
const objectsTogether = 4096

// SaveTable writes the draws of all objects of a table as the folder dir: each column NAME_draws as
// NAME [chain, draw, object] of the group posterior, whose coordinate object are the ids, the
// column of a name, or the rows, counted from 0, if that is empty. It is an error if the table has
// no draws.
func SaveTable(dir string, t *table.Table, id string) error {
	n := t.Rows()
	ids := zarr.Array{Name: "object", Dimensions: []string{"object"}, Shape: []int{n},
		Data: counted(n)}
	if c := t.Column(id); c != nil {
		texts := make([]string, n)
		for i := range texts {
			texts[i] = c.Text(i)
		}
		ids.Data = texts
		if c.Type.IsInteger() && c.Type != table.Uint64 && c.Missing == nil {
			ids.Data = c.Integers
		}
	}
	arrays := []zarr.Array{ids,
		{Name: "chain", Dimensions: []string{"chain"}, Shape: []int{1}, Data: []int64{0}}}
	draws := 0
	for _, c := range t.Columns {
		name, ok := strings.CutSuffix(c.Name, drawsSuffix)
		if !ok || len(c.Shape) != 1 || !c.Type.IsFloat() {
			continue
		}
		draws = c.Shape[0]
		a := zarr.Array{Name: name, Dimensions: []string{"chain", "draw", "object"},
			Shape: []int{1, draws, n}, PartLength: objectsTogether,
			Attributes: map[string]any{"long_name": c.Description}}
		if c.Unit != "" {
			a.Attributes["units"] = c.Unit
		}
		a.Part = func(first, end int) (any, error) {
			values := make([]float64, 0, draws*(end-first))
			for k := range draws {
				for row := first; row < end; row++ {
					values = append(values, c.Floats[row*draws+k])
				}
			}
			return values, nil
		}
		arrays = append(arrays, a)
	}
	if draws == 0 {
		return fmt.Errorf("draws: cannot write %s: the table has no columns of draws; keep them "+
			"by catalogue.Job.Draws", dir)
	}
	arrays = append(arrays, zarr.Array{Name: "draw", Dimensions: []string{"draw"},
		Shape: []int{draws}, Data: counted(draws)})
	return zarr.Save(dir, zarr.Group{Groups: []zarr.Group{{Name: "posterior", Arrays: arrays,
		Attributes: map[string]any{"creation_library": "galdecon"}}}})
}

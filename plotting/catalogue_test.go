package plotting

import (
	"image"
	"image/color"
	"math"
	"slices"
	"strings"
	"testing"

	"galdecon/galdecon/catalogue/table"
	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/posterior"
	"galdecon/galdecon/psf"
	display "galdecon/galdecon/table"
)

// left returns two posteriors of other sizes, the second of whose mean, blurred again, is two
// standard deviations above the observation in the pixel (1, 2), and has no data in (0, 0).
func left(t *testing.T) []posterior.Posterior {
	t.Helper()
	of := func(height, width int, id string) posterior.Posterior {
		y := galaxy.NewImages(2, height, width, 1)
		for k := range y.Pixels {
			y.Pixels[k] = float32(k % (height * width) % 7)
		}
		x := y.Select(0)
		x.IDs = []string{id}
		return posterior.Posterior{Observation: x, Samples: y, Reblurred: y.Clone(), Noise: 0.5,
			PSF: psf.PSF{Size: 1, Pixels: []float32{1}}}
	}
	a, b := of(8, 10, "a"), of(4, 6, "b")
	b.InvVar = slices.Repeat([]float64{4}, 24)
	b.InvVar[0], b.InvVar[1*6+2] = 0, 0.25
	b.Reblurred.At(0)[1*6+2] += 6
	b.Reblurred.At(1)[1*6+2] += 2
	b.Reblurred.At(0)[0] += 100 // beneath which there is no data
	return []posterior.Posterior{a, b}
}

func TestResiduals(t *testing.T) {
	panels, err := residualPanels(left(t)[1], "b", 8, 10)
	if err != nil {
		t.Fatal(err)
	}
	shade := func(at float64) color.Color {
		return mapped([]float64{at}, 1, divergingMap(farResidual), shades).At(0, 0)
	}
	img := panels[2].img
	if img.Bounds() != image.Rect(0, 0, 10, 8) {
		t.Fatalf("the panel is %v", img.Bounds())
	}
	same := func(a, b color.Color) bool {
		return color.NRGBAModel.Convert(a) == color.NRGBAModel.Convert(b)
	}
	for _, c := range []struct {
		what string
		x, y int
		want color.Color
	}{{"two deviations", 2 + 2, 2 + 1, shade(2)}, {"nothing left", 2 + 3, 2 + 1, shade(0)},
		{"no data", 2, 2, shade(0)}, {"outside of the stamp", 0, 0, color.White}} {
		if got := img.At(c.x, c.y); !same(got, c.want) {
			t.Errorf("%s: %v, want %v", c.what, got, c.want)
		}
	}
	several := left(t)
	several[0].Observation = several[0].Observation.Clone()
	for name, r := range map[string]Residuals{
		"none": {}, "captions": {Posteriors: several, Captions: []string{"one"}},
		"too many":   {Posteriors: slices.Repeat(several, 16)},
		"no samples": {Posteriors: []posterior.Posterior{{Observation: several[0].Observation}}},
	} {
		if _, err := r.Figure(); err == nil {
			t.Errorf("%s: a figure is drawn", name)
		}
	}
}

// What is the same of all objects, and objects that miss something, aren't in the corner.
func TestCatalogueCorner(t *testing.T) {
	n := 12
	values := func(f func(i float64) float64) (all []float64) {
		for i := range n {
			all = append(all, f(float64(i)))
		}
		return all
	}
	flux := values(func(i float64) float64 { return math.Pow(10, i) })
	flux[3] = -1
	g1 := values(func(i float64) float64 { return i / 20 })
	g1[5] = math.NaN()
	of := &table.Table{Columns: []*table.Column{
		table.NewFloats("flux", "nJy", "", flux), table.NewFloats("g1", "", "", g1),
		table.NewFloats("half_light_radius", "pix", "", values(func(float64) float64 { return 2 })),
		table.NewFloats("chi2", "", "", values(func(i float64) float64 { return 1 + i/100 })),
	}}
	c := CatalogueCorner(of)
	var names []string
	for _, q := range c.Quantities {
		names = append(names, q.label())
	}
	if !slices.Equal(names, []string{"log flux, nJy", "g1", "χ²"}) {
		t.Errorf("the corner has %v", names)
	}
	want := []float64{0, 1, 2, 4, 6, 7, 8, 9, 10, 11}
	for i, v := range c.Quantities[0].Values {
		if len(c.Quantities[0].Values) != len(want) || math.Abs(v-want[i]) > 1e-12 {
			t.Fatalf("logarithms %v, want %v", c.Quantities[0].Values, want)
		}
	}
	mustDraw(t, c)
	if _, err := CatalogueCorner(of.Select(0, 1, 2)).Figure(); err == nil {
		t.Error("a corner of three objects is drawn")
	}
}

// The tables have the objects' numbers, and count what became of them.
func TestCatalogueTables(t *testing.T) {
	nan := math.NaN()
	of := &table.Table{Columns: []*table.Column{
		table.NewIntegers("NUMBER", "", "", []int64{7, 8, 9}),
		table.NewTexts("fate", "", []string{"measured", "outside", "measured"}),
		table.NewIntegers("deconvolution_flags", "", "", []int64{257, 0, 256}),
		table.NewFloats("chi2", "", "", []float64{1.25, nan, 0.99}),
	}}
	for i, name := range []string{"flux", "half_light_radius", "g1", "g2"} {
		v := 10 * float64(i+1)
		of.Columns = append(of.Columns, table.NewFloats(name, "u", "", []float64{v, nan, v}),
			table.NewFloats(name+"_p16", "u", "", []float64{v - 1, nan, v}),
			table.NewFloats(name+"_p84", "u", "", []float64{v + 1, nan, v}))
	}
	text := display.String(CatalogueTable(of, "NUMBER", 0, 1), CatalogueFates(of))
	for _, want := range []string{"7 measured 10.0 ± 1.0", "1.25", "8 outside", "2 measured",
		"1 outside", "1 1: no candidate explains", "2 256: pixels without data"} {
		if !strings.Contains(strings.Join(strings.Fields(text), " "), want) {
			t.Errorf("the tables don't say %q:\n%s", want, text)
		}
	}
}

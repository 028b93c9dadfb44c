package plotting_test

import (
	"fmt"
	"math"
	"os"
	"path/filepath"

	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/posterior"
	"galdecon/galdecon/table"
	"galdecon/plotting"
)

// galaxies are round ones of a brightness of 1 in the middle, each wider than the one before.
func galaxies(n int) *galaxy.Images {
	images := galaxy.NewImages(n, 32, 32, 1)
	for i := range n {
		for k := range images.At(i) {
			r := math.Hypot(float64(k%32-16), float64(k/32-16))
			images.At(i)[k] = float32(math.Exp(-r / float64(2+i)))
		}
	}
	return images
}

// A figure is described by a struct. In a notebook plotting.Show puts it below the cell; anywhere
// it can be saved, as a PNG, SVG or PDF.
func Example() {
	figure, err := plotting.Mosaic{
		Images: galaxies(5), Title: "Five galaxies", PixelScale: 0.03,
	}.Figure()
	if err != nil {
		fmt.Println(err)
		return
	}
	dir, err := os.MkdirTemp("", "figures")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	if err := figure.Save(filepath.Join(dir, "five.pdf")); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s: %.0f×%.0f CSS pixels\n", figure.Title, figure.Width, figure.Height)
	// Output: Five galaxies: 898×231 CSS pixels
}

// Tables are shown like figures. Outside a notebook they are text.
func ExampleShow() {
	sizes := table.Table{Title: "Scale lengths", Columns: []table.Column{
		{Name: "galaxy"}, {Name: "length", Unit: "pixels", Format: table.Decimals(1)},
	}}
	for i := range 3 {
		sizes.Add(table.Text(fmt.Sprint("round ", i)), table.Uncertain(float64(2+i), 0.1))
	}
	if err := plotting.Show(sizes); err != nil {
		fmt.Println(err)
	}
	// Output:
	// Scale lengths
	//             length
	// galaxy      pixels
	// ──────────────────
	// round 0  2.0 ± 0.1
	// round 1  3.0 ± 0.1
	// round 2  4.0 ± 0.1
}

// How the light of a galaxy falls off, with bands of candidates.
func ExampleProfile() {
	profile := plotting.Profile{
		Title: "Round galaxies", Candidates: galaxies(5), Truth: galaxies(3).Select(2),
		PixelScale: 0.03,
	}
	figure, err := profile.Figure()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s: %.0f×%.0f CSS pixels\n", figure.Title, figure.Width, figure.Height)
	// Output: Round galaxies: 860×318 CSS pixels
}

// How two quantities of candidates scatter together, beside the truth.
func ExampleCorner() {
	var flux, radius []float64
	for i := range 50 {
		z := math.Sin(float64(i) * 1.3)
		flux, radius = append(flux, 100+5*z), append(radius, 3+0.2*z+0.1*math.Cos(float64(3*i)))
	}
	corner := plotting.Corner{Title: "Flux and size", Quantities: []plotting.Quantity{
		{Name: "flux", Unit: "counts", Values: flux, Truth: 101},
		{Name: "half-light radius", Unit: "pixels", Values: radius, Truth: math.NaN()},
	}}
	figure, err := corner.Figure()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s: %.0f×%.0f CSS pixels\n", figure.Title, figure.Width, figure.Height)
	// Output: Flux and size: 392×464 CSS pixels
}

// Whether error bars are right: the median of candidates minus the truth, over the error bar.
func ExamplePulls() {
	var pulls []float64
	for truth := 1.0; truth < 30; truth++ {
		measured := posterior.Interval{Median: 15, Low: 5, High: 25}
		pulls = append(pulls, measured.Pull(truth))
	}
	figure, err := plotting.Pulls{Histograms: []plotting.PullHistogram{
		{Name: "flux", Pulls: pulls},
	}}.Figure()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%.1f to %.1f; %.0f×%.0f CSS pixels\n", pulls[0], pulls[len(pulls)-1], figure.Width,
		figure.Height)
	// Output: 1.4 to -1.4; 225×207 CSS pixels
}

// The candidates of two models for one observation, in the same colors.
func ExampleSharedScale() {
	x, sharp := galaxies(3).Select(2), galaxies(2)
	good, bad := galaxies(3).Select(2, 2), galaxies(3).Select(1, 2) // blurred again
	one := plotting.Candidates{Title: "one", Observation: x, Samples: sharp, Reblurred: good}
	other := plotting.Candidates{Title: "other", Observation: x, Samples: sharp, Reblurred: bad}
	figures, err := plotting.SharedScale(one, other)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, f := range figures {
		fmt.Printf("%s: %v, residuals up to %g\n", f.Title, f.Stretch, f.ResidualLimit)
	}
	// Output:
	// one: asinh stretch, softening 0.033, black −0.026, white 1, residuals up to 0.11
	// other: asinh stretch, softening 0.033, black −0.026, white 1, residuals up to 0.11
}

// candidates are three for one observation.
func candidates() plotting.Candidates {
	return plotting.Candidates{
		Title: "a galaxy", Observation: galaxies(3).Select(2), Samples: galaxies(3),
		Reblurred: galaxies(3).Select(2, 2, 2),
	}
}

// What is uncertain is what moves. In a notebook plotting.Show lets it play below the cell.
func ExampleAnimation() {
	dir, err := os.MkdirTemp("", "figures")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "posterior.png")
	animation := plotting.Animation{Candidates: candidates(), Limit: 500_000}
	if err := animation.Save(path); err != nil {
		fmt.Println(err)
		return
	}
	file, err := os.Stat(path)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(file.Size() <= 500_000)
	// Output: true
}

// In a notebook plotting.Show puts the viewer below the cell; a page of its own can be sent.
func ExampleViewer() {
	dir, err := os.MkdirTemp("", "figures")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "galaxy.html")
	if err := (plotting.Viewer{Candidates: candidates()}).Save(path); err != nil {
		fmt.Println(err)
		return
	}
	page, err := os.ReadFile(path)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(len(page) <= plotting.DefaultViewerLimit)
	// Output: true
}

// Images in three bands become pictures, which every figure draws as they are.
func ExampleLupton() {
	bands := galaxy.NewImages(1, 32, 32, 3) // for red, green and blue
	for k, v := range galaxies(1).Pixels {
		bands.Pixels[3*k], bands.Pixels[3*k+1], bands.Pixels[3*k+2] = 9*v, 6*v, 3*v
	}
	pictures, err := plotting.Lupton{}.Pictures(bands)
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err := (plotting.Mosaic{Images: pictures}).Figure(); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%.2f in the middle\n", pictures.Pixels[3*(16*32+16):][:3])
	// Output: [1.00 0.67 0.33] in the middle
}

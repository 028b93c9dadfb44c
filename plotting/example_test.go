package plotting_test

import (
	"fmt"
	"math"
	"os"
	"path/filepath"

	"galdecon/galdecon/galaxy"
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

package notebooks_test

import (
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var (
	fluxes = regexp.MustCompile(`(?m)^  flux +(\d+) \+(\d+) −(\d+) count +observed (\d+) +truth (\d+)$`)
	radii  = regexp.MustCompile(`(?m)^  half-light radius +([\d.]+) \+([\d.]+) −([\d.]+) arcsec +observed ([\d.]+) +truth ([\d.]+)$`)
)

// myGalaxy checks what the notebook of a researcher's own image shows: flux and size of both
// galaxies are right within their error bars, and better than nothing.
func myGalaxy(t *testing.T, text string, figures [][]byte) {
	t.Helper()
	if len(figures) != 5 {
		t.Errorf("%d figures, want 5", len(figures))
	}
	for _, want := range []string{"all of 6912 pixels have data", "sky 2000.1 ±",
		"0.6 pixels from the place named", "holds only 93.0 %",
		"σ = 0.50 pixels", "NoiseMax", "left: 64 of 64 candidates measured",
		"my_galaxy/right-mean.fits"} {
		if !strings.Contains(text, want) {
			t.Errorf("the notebook doesn't say %q:\n%s", want, text)
		}
	}
	flux, radius := fluxes.FindAllStringSubmatch(text, -1), radii.FindAllStringSubmatch(text, -1)
	if len(flux) != 2 || len(radius) != 2 {
		t.Fatalf("no fluxes and radii of two galaxies in the output:\n%s", text)
	}
	// check returns how far a median is from the truth, of which the observation is as far as the
	// second.
	check := func(quantity string, fields []string) (off, observed float64) {
		var v [5]float64 // the median, its two bars, observed, and the truth
		for i := range v {
			var err error
			if v[i], err = strconv.ParseFloat(fields[i+1], 64); err != nil {
				t.Fatal(err)
			}
		}
		if off = v[0] - v[4]; math.Abs(off) > 3*max(v[1], v[2]) {
			t.Errorf("the %s %g is off by %g, its error bars +%g −%g", quantity, v[0], off, v[1],
				v[2])
		}
		return off, v[3] - v[4]
	}
	for i := range flux {
		check("flux", flux[i])
		if off, observed := check("radius", radius[i]); math.Abs(off) > observed/3 {
			t.Errorf("galaxy %d: the radius is off by %g, that observed by %g", i, off, observed)
		}
	}
}

// The notebook of a researcher's own image runs on its example, and was committed as it ran. A
// place without a galaxy doesn't cost the others.
func TestMyGalaxy(t *testing.T) {
	const name = "07_my_galaxy.ipynb"
	committed, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	text, figures := read(t, committed)
	myGalaxy(t, text, figures)
	last := `{name: \"right\", path: \"data/exposure.fits\", x: 74, y: 41},`
	text, figures = execute(t, name, "", last,
		last+`{name: \"nothing\", path: \"data/exposure.fits\", x: 48, y: 12},`)
	myGalaxy(t, text, figures)
	if !strings.Contains(text, "nothing is refused") {
		t.Errorf("the notebook doesn't say which galaxy is left out:\n%s", text)
	}
}

// The same notebook takes others' images, here Hubble's in an NPY stack, with a PSF that was
// measured, and the model for 64×64 pixels.
func TestMyGalaxyOfMine(t *testing.T) {
	images, err := filepath.Abs("../../shared/data/galaxies")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(images); err != nil {
		t.Skipf("there are no galaxies in %s", images)
	}
	text, figures := execute(t, "07_my_galaxy.ipynb", "",
		`{name: \"left\", path: \"data/exposure.fits\", x: 27, y: 38}`, `{name: \"first\", path: \"`+images+`/hst128.npy\", x: 64, y: 64, frame: 2}`,
		`{name: \"right\", path: \"data/exposure.fits\", x: 74, y: 41}`, `{name: \"second\", path: \"`+images+`/hst128.npy\", x: 64, y: 64, frame: 9}`,
		`pixelScale = 0.12`, `pixelScale = 0.03`, `data/psf.fits`, images+`/psf33.npy`, `psfScale   = 0.06`, `psfScale   = 0.03`,
		`average    = 1 `, `average    = 2 `,
		`aperture   = 10 `, `aperture   = 20 `, `\"tiny\"`, `\"small\"`, `size       = 32`, `size       = 64`, `\"data/truth.fits\"`, `\"\"`)
	if len(figures) != 6 {
		t.Errorf("%d figures, want 6", len(figures))
	}
	if n := strings.Count(text, ": 64 of 64 candidates measured\n"); n != 2 {
		t.Errorf("%d galaxies are measured in all candidates, want 2:\n%s", n, text)
	}
	for _, want := range []string{"my_galaxy/first-mean.fits", "my_galaxy/second.pdf"} {
		if !strings.Contains(text, want) {
			t.Errorf("the notebook doesn't say %q:\n%s", want, text)
		}
	}
}

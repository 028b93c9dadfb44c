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

// measured are the rows of the table of measurements: what was measured of whom.
var measured = regexp.MustCompile(`(?m)^(candidates|observation|truth) +([−\d].*)$`)

// numbers reads a row of measurements. Where there are error bars those of each number follow it,
// the upper one first.
func numbers(t *testing.T, row string) (all []float64) {
	t.Helper()
	number := func(text string) float64 {
		v, err := strconv.ParseFloat(strings.Trim(strings.Replace(text, "−", "-", 1), "+"), 64)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for fields := strings.Fields(row); len(fields) > 0; fields = fields[1:] {
		switch {
		case fields[0] == "±":
			all = append(all, number(fields[1]), number(fields[1]))
			fields = fields[1:]
		case len(fields) > 2 && strings.HasPrefix(fields[1], "+"):
			all = append(all, number(fields[0]), number(fields[1]), -number(fields[2]))
			fields = fields[2:]
		default:
			all = append(all, number(fields[0]))
		}
	}
	return all
}

// myGalaxy checks what the notebook of a researcher's own image shows: flux and size of both
// galaxies are right within their error bars, and better than nothing.
func myGalaxy(t *testing.T, text string, figures [][]byte) {
	t.Helper()
	if len(figures) != 5 {
		t.Errorf("%d figures, want 5", len(figures))
	}
	for _, want := range []string{"all of 6912 pixels have data", "2000.08 ± 0.34",
		"0.6 pixels from the place named", "93.0 % of the light",
		"σ = 0.50", "NoiseMax", "left: 64 of 64 candidates measured",
		"my_galaxy/right-mean.fits"} {
		if !strings.Contains(strings.Join(strings.Fields(text), " "), want) {
			t.Errorf("the notebook doesn't say %q:\n%s", want, text)
		}
	}
	rows := measured.FindAllStringSubmatch(text, -1)
	if len(rows) != 6 {
		t.Fatalf("%d rows of measurements in the output, want 3 of each of two galaxies:\n%s",
			len(rows), text)
	}
	for i := range 2 {
		candidates, observed, truth := numbers(t, rows[3*i][2]), numbers(t, rows[3*i+1][2]),
			numbers(t, rows[3*i+2][2])
		if len(candidates) != 12 || len(observed) != 4 || len(truth) != 4 {
			t.Fatalf("the measurements of galaxy %d are %q", i, rows[3*i:3*i+3])
		}
		for k := range 2 { // flux and radius
			off, bar := candidates[3*k]-truth[k], max(candidates[3*k+1], candidates[3*k+2])
			if math.Abs(off) > 3*bar {
				t.Errorf("galaxy %d: quantity %d is off by %g, its error bars are %g", i, k, off,
					bar)
			}
			if k == 1 && math.Abs(off) > (observed[k]-truth[k])/3 {
				t.Errorf("galaxy %d: the radius is off by %g, that observed by %g", i, off,
					observed[k]-truth[k])
			}
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
	if n := strings.Count(text, ": 64 of 64 candidates measured, flux in "); n != 2 {
		t.Errorf("%d galaxies are measured in all candidates, want 2:\n%s", n, text)
	}
	for _, want := range []string{"my_galaxy/first-mean.fits", "my_galaxy/second.pdf"} {
		if !strings.Contains(text, want) {
			t.Errorf("the notebook doesn't say %q:\n%s", want, text)
		}
	}
}

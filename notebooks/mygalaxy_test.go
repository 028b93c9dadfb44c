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

// answers are the rows of answers with a truth: the candidates' medians, what the observation shows,
// the truth, and how many error bars the medians are away from it.
var answers = regexp.MustCompile(
	`(?m)^candidates +(.*)\nobserved +(.*)\ntruth +(.*)\npull +(.*)$`)

// medians are the numbers of a row, without their error bars.
var medians = regexp.MustCompile(`(?:^| )(−?[\d.]+|—)(?: ± [\d.]+| \+[\d.]+ −[\d.]+)?`)

// myGalaxy checks what the notebook of a researcher's own image shows: what is in the files, and
// that flux and size of the three galaxies are right within their error bars, and better than
// nothing.
func myGalaxy(t *testing.T, text string, figures [][]byte) {
	t.Helper()
	if len(figures) != 13 {
		t.Errorf("%d figures, want 13", len(figures))
	}
	flat := strings.Join(strings.Fields(text), " ")
	for _, want := range []string{
		"910 of 12288 pixels (7.4 %) have no data", "from pixels of 0.06 arcsec", "[2] ERR",
		"-1.00 rows", "share their noise, by 0.29", "It has wings", "4 peaks", "1 of them as narrow",
		"32 of 32 candidates measured", "of the aperture has no data", "taken for a dark sky",
		"0.45 to 5.5 are taken", "of its pixels have data", "my_galaxy/faint-mean.fits",
	} {
		if !strings.Contains(flat, want) {
			t.Errorf("the notebook doesn't say %q:\n%s", want, text)
		}
	}
	for line := range strings.Lines(text) {
		if n := len([]rune(strings.TrimRight(line, "\n"))); n > 100 && !strings.Contains(line, `"`) {
			t.Errorf("a line of the output is %d columns wide: %s", n, line)
		}
	}
	found := answers.FindAllStringSubmatch(text, -1)
	if len(found) != 3 {
		t.Fatalf("%d tables beside the truth, want one of each galaxy:\n%s", len(found), text)
	}
	squares := 0.0
	for i, rows := range found {
		var v [4][4]float64 // of each row flux, radius, g1 and g2
		for r := range v {
			cells := medians.FindAllStringSubmatch(rows[r+1], -1)
			if len(cells) != 4 {
				t.Fatalf("galaxy %d: %d numbers in %q, want 4", i, len(cells), rows[r+1])
			}
			for k, cell := range cells {
				var err error
				number := strings.Replace(cell[1], "−", "-", 1)
				if v[r][k], err = strconv.ParseFloat(number, 64); err != nil {
					v[r][k] = math.NaN() // the observation can't be measured
				}
			}
		}
		median, observed, truth, pull := v[0], v[1], v[2], v[3]
		for k := range pull {
			// The model's galaxies end sooner than real ones: fluxes and sizes are too small by more
			// than their error bars say. The notebook says so, and these limits hold what is reached.
			if !(math.Abs(pull[k]) <= 6) {
				t.Errorf("galaxy %d: quantity %d is %g error bars from the truth", i, k, pull[k])
			}
			squares += pull[k] * pull[k]
		}
		const radius = 1
		if off, seen := math.Abs(median[radius]-truth[radius]),
			math.Abs(observed[radius]-truth[radius]); i < 2 && !(off <= seen) {
			t.Errorf("galaxy %d: the radius is off by %g, that observed by %g", i, off, seen)
		}
	}
	if rms := math.Sqrt(squares / 12); rms > 3 {
		t.Errorf("the root of the mean square of the pulls is %.2f, want about 1", rms)
	}
}

// The notebook of a researcher's own image runs on its example, and was committed as it ran.
func TestMyGalaxy(t *testing.T) {
	const name = "07_my_galaxy.ipynb"
	committed, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	text, figures := read(t, committed)
	myGalaxy(t, text, figures)
	text, figures = execute(t, name, "")
	myGalaxy(t, text, figures)
}

// The same notebook takes others' images as they come, here one of COSMOS with its own PSF, whose
// noise is shared and which has no plane of errors.
func TestMyGalaxyOfMine(t *testing.T) {
	real, err := filepath.Abs("../../shared/data/real")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(real); err != nil {
		t.Skipf("there are no galaxies in %s", real)
	}
	text, figures := execute(t, "07_my_galaxy.ipynb", "",
		`\"data/exposure.fits\"`, `\"`+real+`/cosmos_galaxies.fits[12]\"`,
		`\"data/psf.fits\"`, `\"`+real+`/cosmos_psfs.fits[12]\"`,
		`\"data/truth.fits\"`, `\"\"`, `candidates = 32 `, `candidates = 8 `,
		`{name: \"trail\", x: 29, y: 29, side: 32, aperture: 10}`,
		`{name: \"mine\", x: 31, y: 31, side: 64, aperture: 20}`,
		"    \"\\t{name: \\\"column\\\", x: 95, y: 31, side: 48, aperture: 12},\\n\",\n", "",
		"    \"\\t{name: \\\"faint\\\", x: 66, y: 70, side: 32, aperture: 9},\\n\",\n", "")
	if len(figures) != 9 {
		t.Errorf("%d figures, want 9", len(figures))
	}
	for _, want := range []string{"of 8 candidates measured within 20 pixels",
		"share their noise, by 0.", "a stamp, with a galaxy in its middle", "by chance in",
		"my_galaxy/mine.pdf"} {
		if !strings.Contains(strings.Join(strings.Fields(text), " "), want) {
			t.Errorf("the notebook doesn't say %q:\n%s", want, text)
		}
	}
}

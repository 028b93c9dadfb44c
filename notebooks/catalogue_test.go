package notebooks_test

import (
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// catalogue checks what the notebook of a catalogue shows: that nearly all objects are measured,
// what became of the others, and its figures.
func catalogue(t *testing.T, text string, figures [][]byte) {
	t.Helper()
	if len(figures) != 4 {
		t.Errorf("%d figures, want 4", len(figures))
	}
	flat := strings.Join(strings.Fields(text), " ")
	for _, want := range []string{"count/s", "10 no data", "61 outside", "62 no position",
		"5 duplicate id", "256: pixels without data were filled", "Random seed: 7"} {
		if !strings.Contains(flat, want) {
			t.Errorf("the notebook doesn't say %q:\n%s", want, text)
		}
	}
	// Of 60 galaxies one is hidden.
	found := regexp.MustCompile(`fate (\d+) measured`).FindStringSubmatch(flat)
	if found == nil {
		t.Fatalf("it doesn't say how many are measured:\n%s", text)
	}
	if n, err := strconv.Atoi(found[1]); err != nil || n < 54 || n > 59 {
		t.Errorf("%s of 59 galaxies are measured", found[1])
	}
	if strings.Contains(flat, "to the bit: false") {
		t.Errorf("SLURM's table is another:\n%s", text)
	}
}

// The notebook of a catalogue runs, here with fewer candidates, and was committed as it ran beside a
// SLURM.
func TestCatalogue(t *testing.T) {
	const name = "11_catalogue.ipynb"
	committed, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	text, figures := read(t, committed)
	catalogue(t, text, figures)
	if !strings.Contains(text, "to the bit: true") {
		t.Errorf("the committed notebook wasn't executed beside a SLURM:\n%s", text)
	}
	text, figures = execute(t, name, "", "candidates = 16 ", "candidates = 8 ")
	catalogue(t, text, figures)
}

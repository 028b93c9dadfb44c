package plotting

import (
	"bytes"
	"flag"
	"image/png"
	"os"
	"path/filepath"
	"testing"

	"gonum.org/v1/plot/cmpimg"
)

var update = flag.Bool("update", false, "write the pictures that the figures are compared with")

// tolerance is how far, of black to white, a dot may be off: what rounding on other processors can
// do to the edge of a letter, and less than a wrong color or place.
const tolerance = 0.05

// Each figure looks as it did when a person last looked at it. After a change that is meant, make
// the pictures anew with go test -run Golden -update, and look at them.
func TestGolden(t *testing.T) {
	for name, figure := range goldens(t) {
		t.Run(name, func(t *testing.T) {
			got, err := mustDraw(t, figure).PNG()
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join("testdata", "golden", name+".png")
			if *update {
				if err := os.WriteFile(path, got, 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			// The comparison is of equally many dots, whatever the shape.
			same, err := cmpimg.EqualApprox("png", got, want, tolerance)
			if err != nil {
				t.Fatal(err)
			}
			if a, b := pngSize(t, got), pngSize(t, want); a != b || !same {
				made := filepath.Join(t.ArtifactDir(), name+".png")
				if err := os.WriteFile(made, got, 0o644); err != nil {
					t.Error(err)
				}
				t.Errorf("the figure, %v dots, isn't that of %s, %v dots; it lies in %s",
					a, path, b, made)
			}
		})
	}
}

// A wrong figure is seen: another label, swapped colors, a point that has moved.
func TestGoldenTellsFiguresApart(t *testing.T) {
	draw := func(c Curves) []byte {
		data, err := mustDraw(t, c).PNG()
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	curves := func() Curves {
		return Curves{X: "steps", Y: "error", Curves: []Curve{
			{Name: "first", X: []float64{1, 10, 100}, Y: []float64{3, 2, 1}},
			{Name: "second", X: []float64{1, 10, 100}, Y: []float64{1, 2, 3}},
		}}
	}
	want := draw(curves())
	for name, change := range map[string]func(*Curves){
		"nothing": func(*Curves) {},
		"label":   func(c *Curves) { c.Y = "errors" },
		"order":   func(c *Curves) { c.Curves[0], c.Curves[1] = c.Curves[1], c.Curves[0] },
		"value":   func(c *Curves) { c.Curves[0].Y[1] = 2.03 },
	} {
		changed := curves()
		change(&changed)
		same, err := cmpimg.EqualApprox("png", draw(changed), want, tolerance)
		if err != nil {
			t.Fatal(err)
		}
		if same != (name == "nothing") {
			t.Errorf("a figure with another %s counts as the same: %t", name, same)
		}
	}
}

func pngSize(t *testing.T, data []byte) [2]int {
	t.Helper()
	c, err := png.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return [2]int{c.Width, c.Height}
}

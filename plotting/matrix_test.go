package plotting

import (
	"strings"
	"testing"

	"galdecon/galdecon/galaxy"
)

func TestMatrix(t *testing.T) {
	images := galaxy.NewImages(6, 8, 8, 1)
	for i := range images.Pixels {
		images.Pixels[i] = float32(i%64) / 64
	}
	m := Matrix{
		Rows: []string{"α = 1", "α = 2"}, Columns: []string{"β = 1", "β = 2", "β = 3"},
		Images: images, Title: "weights",
	}
	f, err := m.Figure()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.PNG(); err != nil {
		t.Error(err)
	}
	// Three columns of the largest panels, and two rows below the title, the captions and above the
	// foot.
	if f.Width < 3*150 || f.Height < 2*150 || f.Width < f.Height {
		t.Errorf("the figure is %g×%g", f.Width, f.Height)
	}
	m.Rows = m.Rows[:1]
	if _, err := m.Figure(); err == nil ||
		!strings.Contains(err.Error(), "1 rows and 3 columns has 3 images, not 6") {
		t.Errorf("images that don't fit: %v", err)
	}
	m.Images = nil
	if _, err := m.Figure(); err == nil {
		t.Error("no images are drawn")
	}
}

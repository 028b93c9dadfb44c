package plotting

import (
	"bytes"
	"fmt"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gonum.org/v1/plot/vg/draw"

	"galdecon/galdecon/table"

	"galdecon/galdecon/galaxy"
)

// A mosaic of one 4x4 galaxy has a panel of 200 CSS pixels, 2 dots each, so 100x100 dots for each
// pixel of the galaxy; it lies 1 CSS pixel from the left and below a caption of 15.
func TestMosaicPixelsAreCrisp(t *testing.T) {
	im := galaxy.NewImages(1, 4, 4, 1)
	for k := range im.Pixels {
		im.Pixels[k] = float32(k) / 15
	}
	stretch := Stretch{High: 1}
	f := mustDraw(t, Mosaic{Images: im, Stretch: stretch})
	data, err := f.PNG()
	if err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	if got := img.Bounds().Dx(); got != int(2*f.Width) {
		t.Errorf("the PNG is %d dots wide, want two for each of %g CSS pixels", got, f.Width)
	}
	grays := ramp(grayMap(), grayShades)
	for k := range im.Pixels {
		if k == 12 || k == 13 {
			continue // Beneath the scale bar.
		}
		want := rgb(grays[int(stretch.At(float64(k)/15)*(grayShades-1)+0.5)])
		left, top := 2+k%4*100, 32+k/4*100
		for y := top; y < top+100; y++ {
			for x := left; x < left+100; x++ {
				if got := rgb(img.At(x, y)); got != want {
					t.Fatalf("pixel %d: the dot (%d, %d) is %v, want %v",
						k, x-left, y-top, got, want)
				}
			}
		}
	}
}

func TestSave(t *testing.T) {
	f := mustDraw(t, observation(1))
	dir := t.TempDir()
	for ext, magic := range map[string]string{
		"png": "\x89PNG", "svg": "<?xml", "pdf": "%PDF", "SVG": "<?xml",
	} {
		path := filepath.Join(dir, "fig."+ext)
		for range 2 { // The second time it is replaced.
			if err := f.Save(path); err != nil {
				t.Fatal(err)
			}
		}
		data, err := os.ReadFile(path)
		if err != nil || !bytes.HasPrefix(data, []byte(magic)) {
			t.Errorf("%s starts with %.10q, %v", path, data, err)
		}
		if bytes.Contains(data, []byte("<text")) || bytes.Contains(data, []byte("image/jpg")) {
			t.Errorf("%s needs fonts, or declares its images to be JPEG", path)
		}
	}
	wantError(t, f.Save(filepath.Join(dir, "fig.jpg")), ".png, .svg or .pdf", ".jpg")
	wantError(t, f.Save(filepath.Join(dir, "missing", "fig.png")), "missing")
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 4 {
		t.Errorf("%d files are left (%v), want the 4 that were saved", len(entries), err)
	}
}

func TestDrawingNeverPanics(t *testing.T) {
	_, err := new(Figure).PNG()
	wantError(t, err, "empty")
	f := &Figure{Title: "broken", Width: 10, Height: 10, dpi: sharp}
	f.draw = func(draw.Canvas) { panic("ouch") }
	for _, render := range []func() ([]byte, error){f.PNG, f.SVG, f.PDF} {
		_, err := render()
		wantError(t, err, "broken", "ouch")
	}
}

func TestShowOutsideANotebook(t *testing.T) {
	if err := Show(Mosaic{Images: disc(1, 4, 1)}); err != ErrNoNotebook {
		t.Errorf("Show = %v, want ErrNoNotebook", err)
	}
	wantError(t, Show(Mosaic{}), "no images")
	wantError(t, Show([]Mosaic{}), "[]plotting.Mosaic is neither")
	wantError(t, Show(nil), "is neither")
	wantError(t, Show(table.Table{Title: "blank"}), `"blank" has no columns`)
}

func TestMosaic(t *testing.T) {
	im := disc(10, 8, 1)
	for i := range im.N {
		im.IDs = append(im.IDs, fmt.Sprintf("galaxy-%d", i))
	}
	im.IDs[9] = strings.Repeat("very", 20) + "long"
	f := mustDraw(t, Mosaic{Images: im, Title: "ten", PixelScale: 0.5})
	texts := strings.Join(written(t, f), "|")
	for _, want := range []string{"ten|", "|1″|", "|galaxy-0|", "|galaxy-8|veryvery",
		"…|each galaxy in its own stretch"} {
		if !strings.Contains(texts, want) {
			t.Errorf("%q lacks %q", texts, want)
		}
	}
	if f.Width < 890 || f.Width > 900 {
		t.Errorf("the mosaic is %g CSS pixels wide, want to fill a cell of 900", f.Width)
	}
	for n, want := range map[int]int{1: 1, 5: 5, 6: 6, 7: 7, 9: 5, 10: 5, 11: 6, 16: 8, 60: 6} {
		if got := mosaicColumns(n); got != want {
			t.Errorf("%d galaxies in %d columns, want %d", n, got, want)
		}
	}

	single := written(t, mustDraw(t, Mosaic{Images: disc(1, 80, 1)}))
	if single[len(single)-1] != "in a stretch of its own" {
		t.Errorf("the mosaic of one image says %q", single)
	}
	// Pixels without data are hatched, whatever they are, and stay as they are.
	marked, other, dark := disc(1, 80, 1), disc(1, 80, 1), disc(1, 80, 1)
	marked.Bad = make([]bool, 80*80)
	marked.Bad[3], marked.Pixels[3], dark.Pixels[3] = true, float32(math.NaN()), 0
	other.Bad, other.Pixels[3] = marked.Bad, 7
	var shown [3][]byte
	for i, images := range []*galaxy.Images{marked, other, dark} {
		var err error
		if shown[i], err = mustDraw(t, Mosaic{Images: images}).PNG(); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(shown[0], shown[1]) || bytes.Equal(shown[0], shown[2]) {
		t.Error("a pixel that is marked as bad isn't hatched, or shows its value")
	}
	if marked.Pixels[3] == 0 {
		t.Error("the images that are shown are changed")
	}

	_, err := Mosaic{Images: disc(61, 4, 1)}.Figure()
	wantError(t, err, "60", "61", "Select")
	_, err = Mosaic{Images: disc(1, 4, 2)}.Figure()
	wantError(t, err, "2 channels")
	_, err = Mosaic{Images: im, PixelScale: -1}.Figure()
	wantError(t, err, "PixelScale")
	_, err = Mosaic{Images: &galaxy.Images{}}.Figure()
	wantError(t, err, "Mosaic.Images", "[0, 0, 0, 0]")
}

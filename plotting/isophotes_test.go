package plotting

import (
	"bytes"
	"image/color"
	"image/png"
	"math"
	"strings"
	"testing"

	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/psf"
)

// The light of a Gaussian within r is 1 − exp(−r²/2σ²) of all.
func TestEncircledEnergy(t *testing.T) {
	const sigma = 3
	c, err := EncircledEnergy([]psf.PSF{gaussian(t, 31, sigma)}, []string{"Gaussian"})
	if err != nil {
		t.Fatal(err)
	}
	curve := c.Curves[0]
	for k, r := range curve.X {
		want := 100 * (1 - math.Exp(-r*r/2/sigma/sigma))
		if math.Abs(curve.Y[k]-want) > 1.5 { // its pixels are even
			t.Errorf("within %g pixels is %.1f %% of the light, want %.1f", r, curve.Y[k], want)
		}
	}
	if last := curve.X[len(curve.X)-1]; last != 15.5 {
		t.Errorf("the curve ends at %g pixels, want 15.5", last)
	}
	mustDraw(t, c)
	if _, err := EncircledEnergy(nil, nil); err == nil {
		t.Error("no PSF is no error")
	}
	if _, err := EncircledEnergy([]psf.PSF{gaussian(t, 31, sigma)}, nil); err == nil {
		t.Error("a PSF without a name is no error")
	}
}

// round are candidates that are the same round Gaussian on n pixels a side, or half as high images.
func round(rows, columns int, sigma float64) *galaxy.Images {
	im := galaxy.NewImages(2, rows, columns, 1)
	for i := range im.N {
		for k := range im.At(i) {
			dy, dx := float64(k/columns)-float64(rows-1)/2, float64(k%columns)-float64(columns-1)/2
			im.At(i)[k] = float32(math.Exp(-(dx*dx + dy*dy) / 2 / sigma / sigma))
		}
	}
	return im
}

// The isophote of a round galaxy is a circle, whatever the shape of its image, and where its
// brightness says.
func TestIsophotesAreRound(t *testing.T) {
	for _, shape := range [][2]int{{41, 41}, {41, 61}, {61, 41}} {
		f := mustDraw(t, Isophotes{Candidates: round(shape[0], shape[1], 6), Levels: []float64{0.5}})
		data, err := f.PNG()
		if err != nil {
			t.Fatal(err)
		}
		img, err := png.Decode(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		// Beneath the legend, which has the color of the contour as well.
		want := color.NRGBAModel.Convert(curveColors[0])
		left, right, top, bottom := math.MaxInt, 0, math.MaxInt, 0
		for y := img.Bounds().Dy() / 5; y < img.Bounds().Dy(); y++ {
			for x := range img.Bounds().Dx() {
				if color.NRGBAModel.Convert(img.At(x, y)) == want {
					left, right, top, bottom = min(left, x), max(right, x), min(top, y),
						max(bottom, y)
				}
			}
		}
		wide, high := float64(right-left), float64(bottom-top)
		if math.Abs(wide-high) > 5 || wide < 100 {
			t.Errorf("the isophote of %v is %g dots wide and %g high", shape, wide, high)
		}
	}
}

func TestIsophotesErrors(t *testing.T) {
	one := round(9, 9, 2).Select(0)
	dark := galaxy.NewImages(2, 9, 9, 1)
	for want, i := range map[string]Isophotes{
		"at least two":     {Candidates: one},
		"has no light":     {Candidates: dark},
		"a level is":       {Candidates: round(9, 9, 2), Levels: []float64{1.5}},
		"Isophotes.Levels": {Candidates: round(9, 9, 2), Levels: make([]float64, 9)},
	} {
		if _, err := i.Figure(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error is %v, want one with %q", err, want)
		}
	}
}

// A title that is wider than the panels beneath is whole.
func TestTitleOfANarrowGrid(t *testing.T) {
	long := "Standard deviation of the candidates, brightened"
	narrow := mustDraw(t, Mosaic{Images: disc(1, 8, 1)})
	f := mustDraw(t, Mosaic{Images: disc(1, 8, 1), Title: long})
	need := float64(textStyle(titleSize, ink).Width(long) / css)
	if !(f.Width >= need) || f.Width <= narrow.Width || f.Width > cellWidth {
		t.Errorf("the figure is %g wide, without the title %g; the title needs %g", f.Width,
			narrow.Width, need)
	}
}

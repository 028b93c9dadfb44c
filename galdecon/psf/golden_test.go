package psf_test

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"testing"

	"galdecon/galdecon/psf"
)

// testdata/make_golden.py makes the files of these tests.

// POPPY's oversampled PSFs, brought to pixels, are POPPY's on pixels: the odd grid in full, the
// even one, whose middle is between pixels there, after the centroid is in the center.
func TestOversampledAsPOPPY(t *testing.T) {
	path := filepath.Join("testdata", "poppy-odd.fits")
	want, got := must(psf.Read(path))(t), must(psf.Read(path+"[OVERSAMP]"))(t)
	if want.Oversampling != 1 || got.Oversampling != 4 || got.Samples[0].Size != 60 {
		t.Errorf("oversampling %d and %d, of %d samples", want.Oversampling, got.Oversampling,
			got.Samples[0].Size)
	}
	near(t, "the pixel scale", got.PixelScale, 0.043, 1e-12)
	near(t, "the pixel scale of DET_SAMP", want.PixelScale, 0.043, 1e-12)
	wide := make([]float64, len(want.PSFs[0].Pixels))
	for i, v := range want.PSFs[0].Pixels {
		wide[i] = float64(v)
	}
	if got.PSFs[0].Size != 15 {
		t.Fatalf("size %d", got.PSFs[0].Size)
	}
	compare(t, "pixels", got.PSFs[0].Pixels, wide, 1e-6)

	path = filepath.Join("testdata", "poppy-even.fits")
	even := must(psf.Read(path + "[OVERSAMP]"))(t)
	m := must(even.PSFs[0].Moments())(t)
	near(t, "the row", m.Row, 0, 0.01)
	near(t, "the column", m.Col, 0, 0.01)
	m = must(must(psf.Load(path))(t)[0].Moments())(t)
	near(t, "the row of 14×14 pixels", m.Row, -0.5, 0.01)
}

// Grids as STPSF writes them: between the places, and beyond them, PSFs are photutils', as far as
// its cubic splines and Lanczos' window agree.
func TestGridAsPhotutils(t *testing.T) {
	var golden []struct {
		File   string
		X, Y   float64
		Pixels []float64
	}
	data := must(os.ReadFile(filepath.Join("testdata", "golden.json")))(t)
	if err := json.Unmarshal(data, &golden); err != nil {
		t.Fatal(err)
	}
	if len(golden) == 0 {
		t.Fatal("nothing to compare with")
	}
	for _, want := range golden {
		f := must(psf.Read(filepath.Join("testdata", want.File)))(t)
		if f.Grid == nil || len(f.PSFs) != 6 || f.Oversampling != 4 {
			t.Fatalf("%s: %d PSFs, oversampling %d, grid %v", want.File, len(f.PSFs),
				f.Oversampling, f.Grid)
		}
		p := must(f.Grid.At(want.X, want.Y))(t)
		cropped, _, err := p.Crop(11)
		if err != nil {
			t.Fatal(err)
		}
		sum := 0.0
		for _, v := range want.Pixels {
			sum += v
		}
		for i, v := range want.Pixels {
			if d := math.Abs(float64(cropped.Pixels[i])*sum - v); d > 5e-4*want.Pixels[60] {
				t.Errorf("%s at (%g, %g): pixel %d differs by %g of the peak", want.File, want.X,
					want.Y, i, d/want.Pixels[60])
				break
			}
		}
	}
}

func TestGridNearest(t *testing.T) {
	var g psf.Grid
	for i, at := range [][2]float64{{0, 0}, {10, 0}, {0, 10}} { // no rectangle
		g.X, g.Y = append(g.X, at[0]), append(g.Y, at[1])
		g.PSFs = append(g.PSFs, must(psf.Gaussian{Sigma: 1 + float64(i)}.Render(15))(t))
	}
	for _, test := range []struct {
		x, y float64
		want int
	}{{1, 2, 0}, {100, 4, 1}, {2, 9, 2}} {
		p := must(g.At(test.x, test.y))(t)
		if p.Pixels[112] != g.PSFs[test.want].Pixels[112] {
			t.Errorf("(%g, %g) has another PSF than %d", test.x, test.y, test.want)
		}
	}
	if _, err := g.At(math.NaN(), 0); err == nil {
		t.Error("there is a PSF at NaN")
	}
	g.X = g.X[:2]
	if _, err := g.At(0, 0); err == nil {
		t.Error("three PSFs have two places")
	}
}

package galdecon_test

import (
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"galdecon/galdecon"
	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/galaxy/files"
	"galdecon/galdecon/galaxy/files/fits"
	"galdecon/galdecon/internal/devicetest"
)

const skyLevel, skyNoise = 100.0, 2.0

// writeField writes an image of 64×48 pixels with a galaxy and a sky, and planes beside it, and
// returns its path and that of its PSF.
func writeField(t *testing.T, planes func(image []float64) []fits.NewImage) (image, psf string) {
	t.Helper()
	dir := t.TempDir()
	image, psf = filepath.Join(dir, "field.fits"), filepath.Join(dir, "psf.fits")
	noise := rand.New(rand.NewPCG(3, 4))
	pixels := make([]float64, 64*48)
	for k := range pixels {
		dy, dx := float64(k/48-30), float64(k%48-20)
		pixels[k] = skyLevel + 200*math.Exp(-(dy*dy+dx*dx)/20) + skyNoise*noise.NormFloat64()
	}
	pixels[5*48+7] = math.NaN()
	f, err := os.Create(image)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := fits.Write(f, planes(pixels)...); err != nil {
		t.Fatal(err)
	}
	k := devicetest.Gaussian(t, 9, 1)
	if err := files.SaveFITS(psf, &galaxy.Images{N: 1, Height: 9, Width: 9, Channels: 1,
		Pixels: k.Pixels}, nil); err != nil {
		t.Fatal(err)
	}
	return image, psf
}

// What a file says of its noise is taken, and without that what its sky shows; the sky goes, and
// pixels without data have none.
func TestOpen(t *testing.T) {
	alone := func(image []float64) []fits.NewImage { return []fits.NewImage{newPlane("SCI", image)} }
	with := func(name string, value float64) func(image []float64) []fits.NewImage {
		return func(image []float64) []fits.NewImage {
			plane := make([]float64, len(image))
			for k := range plane {
				plane[k] = value
			}
			return append(alone(image), newPlane(name, plane))
		}
	}
	for name, test := range map[string]struct {
		planes func(image []float64) []fits.NewImage
		noise  float64
		note   string
	}{
		"no plane":          {alone, skyNoise, "sky's everywhere"},
		"errors":            {with("ERR", 2.1), 2.1, "ERR"},
		"variances":         {with("VAR", 4), 2, "variances"},
		"inverse variances": {with("IVAR", 0.25), 2, "inverse variances"},
		"weights":           {with("WHT", 77), skyNoise, "weights"},
		"wrong errors":      {with("ERR", 4), 4, "another unit"},
	} {
		t.Run(name, func(t *testing.T) {
			f, err := galdecon.Open(writeField(t, test.planes))
			if err != nil {
				t.Fatal(err)
			}
			if math.Abs(f.Sky.Level-skyLevel) > 0.3 || math.Abs(f.Sky.Noise/skyNoise-1) > 0.06 {
				t.Errorf("the sky is %+v", f.Sky)
			}
			if got := 1 / math.Sqrt(f.InvVar[0]); math.Abs(got/test.noise-1) > 0.06 {
				t.Errorf("the noise is %.3f, want %.3f", got, test.noise)
			}
			if f.InvVar[5*48+7] != 0 || !f.Image.BadAt(0)[5*48+7] {
				t.Error("a pixel without data has some")
			}
			if f.Noise != nil {
				t.Errorf("white noise is taken for correlated: %v", f.Noise)
			}
			if all := strings.Join(f.Notes, "\n"); !strings.Contains(all, test.note) {
				t.Errorf("no note has %q:\n%s", test.note, all)
			}
			o, err := f.At(20, 30, 24)
			if err != nil {
				t.Fatal(err)
			}
			e := o.Exposures[0]
			if p, ok := e.Image.At(0)[12*24+12], 200.0; math.Abs(float64(p)-ok) > 10 {
				t.Errorf("the galaxy's peak is %.1f in the stamp", p)
			}
			if _, err := f.At(48, 3, 24); err == nil {
				t.Error("a place outside of the image is no error")
			}
		})
	}
}

func newPlane(name string, values []float64) fits.NewImage {
	h := &fits.Header{}
	if err := h.Set("EXTNAME", name, ""); err != nil {
		panic(err)
	}
	return fits.NewImage{Header: h, Shape: []int{64, 48}, Bitpix: -32,
		Pixel: func(i int) float64 { return values[i] }}
}

func TestOpenErrors(t *testing.T) {
	image, psf := writeField(t, func(image []float64) []fits.NewImage {
		return []fits.NewImage{newPlane("SCI", image), newPlane("ERR", image[:])}
	})
	if _, err := galdecon.Open(image+".none", psf); err == nil {
		t.Error("a file that isn't there is no error")
	}
	if _, err := galdecon.Open(image, psf+".none"); err == nil {
		t.Error("a PSF that isn't there is no error")
	}
}

// The PSF is brought to the pixels of the image where both files say how wide theirs are, and its
// light to its center.
func TestOpenBringsPSF(t *testing.T) {
	image, kernel := writeField(t, func(image []float64) []fits.NewImage {
		plane := newPlane("SCI", image)
		plane.Header.Append("CTYPE1  = 'RA---TAN'", "CTYPE2  = 'DEC--TAN'")
		for key, v := range map[string]float64{"CD1_1": -0.2 / 3600, "CD2_2": 0.2 / 3600} {
			if err := plane.Header.Set(key, v, ""); err != nil {
				t.Fatal(err)
			}
		}
		return []fits.NewImage{plane}
	})
	const side, sigma = 33, 3.0
	pixels := make([]float32, side*side)
	for k := range pixels {
		dy, dx := float64(k/side-16)-1.25, float64(k%side-16)+0.5
		pixels[k] = float32(math.Exp(-(dy*dy + dx*dx) / (2 * sigma * sigma)))
	}
	for scale, want := range map[string]struct {
		sigma float64
		note  string
	}{
		"PIXELSCL=                  0.1": {sigma / 2, "from pixels of 0.1 arcsec"},
		"PIXELSCL=                  0.2": {sigma, "moved there"},
		"COMMENT none":                   {sigma, "doesn't say"},
	} {
		if err := files.SaveFITS(kernel, &galaxy.Images{N: 1, Height: side, Width: side, Channels: 1,
			Pixels: pixels}, fits.NewHeader(fits.Card(scale))); err != nil {
			t.Fatal(err)
		}
		f, err := galdecon.Open(image, kernel)
		if err != nil {
			t.Fatal(err)
		}
		m, err := f.PSF.Moments()
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(m.Sigma-want.sigma) > 0.01*want.sigma || math.Hypot(m.Row, m.Col) > 0.02 {
			t.Errorf("%s: the PSF is %+v, want σ = %g in the middle", scale, m, want.sigma)
		}
		all := strings.Join(f.Notes, "\n")
		if !strings.Contains(all, want.note) || !strings.Contains(all, "+1.25 rows and -0.50 columns") {
			t.Errorf("%s: no note has %q:\n%s", scale, want.note, all)
		}
		if math.Abs(f.PixelScale-0.2) > 1e-9 {
			t.Errorf("pixels of %g arcsec, want 0.2", f.PixelScale)
		}
		// The header of a stamp moves along: its reference pixel is where it was on the sky.
		h := f.Window(20, 30, 24)
		x, _ := h.Number("CRPIX1")
		if y, _ := h.Number("CRPIX2"); x != -8 || y != -18 {
			t.Errorf("the stamp's reference pixel is %g, %g, want 12 and 18 less than 0 and more",
				x, y)
		}
	}
}

// The scale of pixels is the root of their area by any of the forms that world coordinates have.
func TestPixelScale(t *testing.T) {
	sky := []fits.Card{"CTYPE1  = 'RA---TAN'", "CTYPE2  = 'DEC--TAN'"}
	for name, test := range map[string]struct {
		cards []fits.Card
		want  float64
	}{
		"CD, turned": {append(sky, "CD1_1   = -3E-5", "CD1_2   = 4E-5", "CD2_1   = 4E-5",
			"CD2_2   = 3E-5"), 3600 * 5e-5},
		"CDELT": {append(sky, "CDELT1  = -1E-4", "CDELT2  = 4E-4"), 3600 * 2e-4},
		"CDELT and PC": {append(sky, "CDELT1  = 1E-4", "CDELT2  = 1E-4", "PC1_1   = 0.6",
			"PC1_2   = -0.8", "PC2_1   = 0.8", "PC2_2   = 0.6"), 0.36},
		"PC alone": {append(sky, "PC1_1   = -6E-5", "PC1_2   = 8E-5", "PC2_1   = 8E-5",
			"PC2_2   = 6E-5"), 0.36},
		"arcseconds":    {append(sky, "CUNIT1  = 'arcsec'", "CDELT1  = 0.3", "CDELT2  = 0.3"), 0.3},
		"another unit":  {append(sky, "CUNIT1  = 'm'", "CDELT1  = 0.3", "CDELT2  = 0.3"), 0},
		"not the sky":   {[]fits.Card{"CDELT1  = 1.", "CDELT2  = 1."}, 0},
		"a card":        {[]fits.Card{"PIXSCALE= 0.03"}, 0.03},
		"sky over card": {append(sky, "CDELT1  = 1E-4", "CDELT2  = 1E-4", "SECPIX  = 5."), 0.36},
		"nothing":       {nil, 0},
	} {
		got := galdecon.PixelScale(fits.NewHeader(test.cards...))
		if math.Abs(got-test.want) > 1e-9 {
			t.Errorf("%s: %g arcsec, want %g", name, got, test.want)
		}
	}
	if got := galdecon.PixelScale(nil); got != 0 {
		t.Errorf("without a header: %g", got)
	}
}

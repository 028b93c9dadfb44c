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

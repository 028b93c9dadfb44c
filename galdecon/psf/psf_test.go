package psf_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"galdecon/galdecon/internal/devicetest"
	"galdecon/galdecon/psf"
)

func TestGaussians(t *testing.T) {
	for _, size := range []int{9, 10} {
		out, err := graph.CallOnce(devicetest.Device(t),
			func(s *graph.Node) *graph.Node { return psf.Gaussians(s, size) }, []float32{0.5, 2})
		if err != nil {
			t.Fatal(err)
		}
		got := tensors.MustCopyFlatData[float32](out)
		for i, sigma := range []float64{0.5, 2} {
			k, err := psf.Gaussian{Sigma: sigma}.Render(size)
			if err != nil {
				t.Fatal(err)
			}
			want := make([]float64, len(k.Pixels))
			sum := 0.0
			for j, v := range k.Pixels {
				want[j] = float64(v)
				sum += want[j]
			}
			if math.Abs(sum-1) > 1e-5 {
				t.Errorf("σ=%g sums to %g", sigma, sum)
			}
			compare(t, "Gaussian", got[i*size*size:(i+1)*size*size], want, 1e-6)
		}
	}
}

func TestResizeKeepsTheCenter(t *testing.T) {
	k, err := psf.Gaussian{Sigma: 0.8}.Render(9)
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{8, 10, 15} {
		r, err := k.Resize(size)
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(float64(r.Pixels[(size/2)*size+size/2]-k.Pixels[4*9+4])) > 1e-3 {
			t.Errorf("size %d: the center holds %g, was %g", size, r.Pixels[(size/2)*size+size/2],
				k.Pixels[40])
		}
	}
	if _, err := k.Resize(3); err == nil || !strings.Contains(err.Error(), "only") {
		t.Errorf("cutting a PSF to 3×3: %v", err)
	}
}

func TestBadPSFs(t *testing.T) {
	nan := float32(math.NaN())
	for name, err := range map[string]error{
		"zero":     second(psf.New(2, make([]float32, 4))),
		"NaN":      second(psf.New(1, []float32{nan})),
		"shape":    second(psf.New(3, make([]float32, 4))),
		"negative": second(psf.New(1, []float32{-1})),
		"noise":    second(psf.New(2, []float32{1, -1, 1e-3, 0})),
		"sigma":    second(psf.Gaussian{Sigma: 0}.Render(9)),
		"NaN σ":    second(psf.Gaussian{Sigma: math.NaN()}.Render(9)),
		"size":     second(psf.Gaussian{Sigma: 1}.Render(0)),
		"mixed": second(psf.Stack(psf.PSF{Size: 1, Pixels: []float32{1}},
			psf.PSF{Size: 2, Pixels: make([]float32, 4)})),
	} {
		if err == nil || !strings.HasPrefix(err.Error(), "psf: ") {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

// A measured star is a PSF though it has noise, or part of it was taken for sky. One of which
// little is left isn't.
func TestMeasuredWeights(t *testing.T) {
	const size = 64
	star := must(psf.Moffat{FWHM: 3, Beta: 3}.Render(size))(t).Pixels
	measured := func(noise, sky float64) error { // in units of the peak, and of all light
		rng := rand.New(rand.NewPCG(1, 2))
		weights := make([]float32, len(star))
		for i, w := range star {
			weights[i] = w +
				float32(noise*rng.NormFloat64())*slices.Max(star) - float32(sky/(size*size))
		}
		return second(psf.New(size, weights))
	}
	for _, c := range []struct{ noise, sky float64 }{{0, 0}, {0.01, 0}, {0.003, 0.3}} {
		if err := measured(c.noise, c.sky); err != nil {
			t.Errorf("noise %g, sky %g: %v", c.noise, c.sky, err)
		}
	}
	for _, c := range []struct{ noise, sky float64 }{{0.1, 0}, {0, 0.9}} {
		if err := measured(c.noise, c.sky); err == nil ||
			!strings.Contains(err.Error(), "mostly noise; was too much sky subtracted?") {
			t.Errorf("noise %g, sky %g: error %v", c.noise, c.sky, err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

package psf_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"galdecon/galdecon/moments"
	"galdecon/galdecon/psf"
)

func total(k psf.PSF) (sum float64) {
	for _, w := range k.Pixels {
		sum += float64(w)
	}
	return sum
}

// offset samples a Gaussian whose light is beside the center.
func offset(t *testing.T, size int, sigma, row, col float64) psf.PSF {
	t.Helper()
	weights := make([]float32, size*size)
	for i := range weights {
		r, c := float64(i/size-size/2)-row, float64(i%size-size/2)-col
		weights[i] = float32(math.Exp(-(r*r + c*c) / (2 * sigma * sigma)))
	}
	return must(psf.New(size, weights))(t)
}

func TestRecenter(t *testing.T) {
	for _, size := range []int{24, 25} {
		for _, at := range [][2]float64{{0, 0}, {-0.5, -0.5}, {0.3, -0.2}, {1.7, 2}} {
			k := offset(t, size, 1.5, at[0], at[1])
			m := must(k.Moments())(t)
			near(t, "the row", m.Row, at[0], 1e-3)
			near(t, "the column", m.Col, at[1], 1e-3)
			got, want := must(k.Recenter())(t), must(psf.Gaussian{Sigma: 1.5}.Render(size))(t)
			near(t, "the sum", total(got), 1, 1e-6)
			for i, w := range want.Pixels {
				if d := math.Abs(float64(got.Pixels[i] - w)); d > 3e-3*float64(want.Pixels[size/2*size+size/2]) {
					t.Fatalf("size %d, offset %v: pixel %d differs by %g", size, at, i, d)
				}
			}
		}
	}
}

// A Gaussian on the new grid is the Gaussian of the new width.
func TestRescaleOfGaussians(t *testing.T) {
	for _, size := range []int{40, 41} {
		for _, pixels := range []float64{0.4, 0.5, 0.75, 1, 1.5, 2, 3} {
			for _, test := range []struct{ sigma, precision float64 }{{0.8, 0.03}, {1, 0.005},
				{1.5, 0.0025}} {
				sigma := test.sigma * max(pixels, 1)
				got := must(must(psf.Gaussian{Sigma: sigma}.Render(size))(t).Rescale(pixels))(t)
				want := must(psf.Gaussian{Sigma: sigma / pixels}.Render(got.Size))(t)
				near(t, "the sum", total(got), 1, 1e-6)
				peak := float64(want.Pixels[got.Size/2*got.Size+got.Size/2])
				for i, w := range want.Pixels {
					if d := math.Abs(float64(got.Pixels[i]-w)) / peak; d > test.precision {
						t.Fatalf("size %d, pixels %g, σ %g: pixel %d differs by %g of the peak",
							size, pixels, sigma, i, d)
					}
				}
			}
		}
	}
}

// Averaging 2×2 the image seen through a PSF is seeing the averaged image through the rescaled PSF.
// An integrated one is too wide.
func TestRescaleCommutesWithAveraging(t *testing.T) {
	const n = 64
	k := must(psf.Gaussian{Sigma: 2.2, Shear: moments.Ellipse(0.8, 0.4)}.Render(25))(t)
	y := make([]float32, n*n)
	for i := range y {
		r, c := float64(i/n)-31.3, float64(i%n)-30.2
		y[i] = float32(math.Exp(-(r*r + 2*c*c) / 50))
	}
	average := func(values []float64) []float32 {
		out := make([]float32, n*n/4)
		for i, v := range values {
			out[i/n/2*(n/2)+i%n/2] += float32(v / 4)
		}
		return out
	}
	wide := make([]float64, len(y))
	for i, v := range y {
		wide[i] = float64(v)
	}
	small, want := average(wide), average(directSum(y, n, n, 1, k))
	distance := func(k psf.PSF) float64 {
		sum := 0.0
		for i, v := range directSum(small, n/2, n/2, 1, k) {
			d := v - float64(want[i])
			sum += d * d
		}
		return math.Sqrt(sum)
	}
	rescaled, rebinned := distance(must(k.Rescale(2))(t)), distance(must(k.Rebin(2))(t))
	if rescaled > 0.01 || rebinned < 5*rescaled {
		t.Errorf("the rescaled PSF is wrong by %g, the integrated one by %g", rescaled, rebinned)
	}
}

// Integrals of a Gaussian over pixels are differences of error functions.
func TestRebinIntegrates(t *testing.T) {
	for _, n := range []int{4, 5} {
		for _, size := range []int{80, 81} {
			const sigma = 1.2 // in new pixels
			got := must(must(psf.Gaussian{Sigma: sigma * float64(n)}.Render(size))(t).Rebin(n))(t)
			near(t, "the sum", total(got), 1, 1e-6)
			integral := func(i int) float64 {
				x := float64(i - got.Size/2)
				return (math.Erf((x+
					0.5)/(sigma*math.Sqrt2)) - math.Erf((x-0.5)/(sigma*math.Sqrt2))) / 2
			}
			for i, w := range got.Pixels {
				near(t, fmt.Sprintf("n=%d, size %d→%d, pixel %d", n, size, got.Size, i), float64(w),
					integral(i/got.Size)*integral(i%got.Size), 1.5e-3)
			}
			rr, cc, _ := secondMoments(got)
			// Of n samples instead of the integral: 1/12 − 1/12n², and by the trapezoidal rule, for
			// an even n, 1/12 + 1/6n².
			want := sigma*sigma + 1.0/12 - 1/float64(12*n*n)
			if n%2 == 0 {
				want = sigma*sigma + 1.0/12 + 1/float64(6*n*n)
			}
			near(t, "row²", rr, want, 1e-4)
			near(t, "column²", cc, want, 1e-4)
		}
	}
	rng := rand.New(rand.NewPCG(3, 3))
	for n := 1; n < 6; n++ {
		for size := 1; size < 12; size++ {
			k := randomPSF(t, rng, size)
			got := must(k.Rebin(n))(t)
			first := func(k psf.PSF) (sum float64) {
				for i, w := range k.Pixels {
					sum += float64(w) * float64(i%k.Size-k.Size/2)
				}
				return sum
			}
			// Each sample moves to the center of its pixel, by half a pixel at most.
			near(t, fmt.Sprintf("n=%d, size %d: the centroid", n, size), first(got),
				first(k)/float64(n), 0.5)
			if n == 1 &&
				!slices.EqualFunc(got.Pixels, k.Pixels,
					func(a, b float32) bool { return math.Abs(float64(a-b)) < 1e-7 }) {
				t.Errorf("size %d changes when rebinned by 1", size)
			}
		}
	}
}

// One after the other or composed: the same image, wherever the centers are.
func TestCompose(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	const n = 30
	y := make([]float32, n*n)
	for i := range 100 { // dark edges
		y[(10+i/10)*n+10+i%10] = rng.Float32()
	}
	for _, sizes := range [][2]int{{5, 7}, {4, 7}, {7, 4}, {4, 6}, {1, 1}, {2, 2}} {
		a, b := randomPSF(t, rng, sizes[0]), randomPSF(t, rng, sizes[1])
		ab := must(psf.Compose(a, b))(t)
		once := directSum(y, n, n, 1, a)
		between := make([]float32, len(once))
		for i, v := range once {
			between[i] = float32(v)
		}
		twice := directSum(between, n, n, 1, b)
		together := make([]float32, len(once))
		for i, v := range directSum(y, n, n, 1, ab) {
			together[i] = float32(v)
		}
		compare(t, fmt.Sprintf("sizes %v", sizes), together, twice, 1e-5)
	}
	// Variances add up.
	k := must(psf.Compose(must(psf.Gaussian{Sigma: 1.5}.Render(25))(t),
		must(psf.Gaussian{Sigma: 2}.Render(25))(t)))(t)
	near(t, "σ", must(k.Moments())(t).Sigma, 2.5, 0.01)
}

func TestResamplingRefuses(t *testing.T) {
	k := must(psf.Gaussian{Sigma: 1}.Render(9))(t)
	for name, test := range map[string]struct {
		err  error
		want string
	}{
		"no samples": {second(k.Rebin(0)), "at least 1 sample"},
		"no pixel":   {second(k.Rescale(0)), "got 0"},
		"NaN pixel":  {second(k.Rescale(math.NaN())), "got NaN"},
		"tiny pixel": {second(k.Rescale(1e-9)), "0.05"},
		"huge": {second(must(psf.Gaussian{Sigma: 9}.Render(1000))(t).Rescale(0.05)),
			"1 to 16384 pixels"},
		"no size":       {second(k.Resize(0)), "got 0"},
		"negative size": {second(k.Resize(-9)), "got -9"},
		"huge size":     {second(k.Resize(1 << 40)), "1 to 16384 pixels"},
		"huge Gaussian": {second(psf.Gaussian{Sigma: 1}.Render(1 << 40)), "1 to 16384 pixels"},
		"no end":        {second(psf.GaussianSeries(9, 1, 2, 1e-300)), "larger step"},
		"nothing":       {second(psf.Stack()), "no PSF"},
	} {
		if test.err == nil || !strings.HasPrefix(test.err.Error(), "psf: ") ||
			!strings.Contains(test.err.Error(), test.want) {
			t.Errorf("%s: error %v, want one with %q", name, test.err, test.want)
		}
	}
}

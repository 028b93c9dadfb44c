package psf_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"galdecon/galdecon/internal/devicetest"
	"galdecon/galdecon/moments"
	"galdecon/galdecon/psf"
)

func must[T any](v T, err error) func(t *testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// second moments of the pixels about the center, without weights: rows, columns, and their product.
func secondMoments(k psf.PSF) (rr, cc, rc float64) {
	for i, w := range k.Pixels {
		r, c := float64(i/k.Size-k.Size/2), float64(i%k.Size-k.Size/2)
		rr, cc, rc = rr+float64(w)*r*r, cc+float64(w)*c*c, rc+float64(w)*r*c
	}
	return rr, cc, rc
}

// encircled is the light within a radius of the center. A pixel on the edge counts by the share of
// 8×8 points in it.
func encircled(k psf.PSF, radius float64) float64 {
	sum := 0.0
	for i, w := range k.Pixels {
		switch r := math.Hypot(float64(i/k.Size-k.Size/2), float64(i%k.Size-k.Size/2)); {
		case r < radius-1:
			sum += float64(w)
			continue
		case r > radius+1:
			continue
		}
		inside := 0
		for p := range 64 {
			r := float64(i/k.Size-k.Size/2) + (float64(p/8)-3.5)/8
			c := float64(i%k.Size-k.Size/2) + (float64(p%8)-3.5)/8
			if math.Hypot(r, c) <= radius {
				inside++
			}
		}
		sum += float64(w) * float64(inside) / 64
	}
	return sum
}

func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance) {
		t.Errorf("%s is %.6g, want %.6g ± %.2g", what, got, want, tolerance)
	}
}

// The covariance of an ellipse with the axes a ≥ b at an angle from the columns' direction towards
// growing rows.
func TestEllipticalMoments(t *testing.T) {
	for _, size := range []int{40, 41} {
		for _, angle := range []float64{0, 0.5, math.Pi / 2, -1} {
			const sigma, q = 2.0, 0.6
			k := must(psf.Gaussian{Sigma: sigma, Shear: moments.Ellipse(q, angle)}.Render(size))(t)
			a2, b2 := sigma*sigma/q, sigma*sigma*q
			cos, sin := math.Cos(angle), math.Sin(angle)
			rr, cc, rc := secondMoments(k)
			what := fmt.Sprintf("size %d, angle %g: ", size, angle)
			near(t, what+"row²", rr, a2*sin*sin+b2*cos*cos, 1e-4)
			near(t, what+"column²", cc, a2*cos*cos+b2*sin*sin, 1e-4)
			near(t, what+"row·column", rc, (a2-b2)*sin*cos, 1e-4)
		}
	}
}

func TestShear(t *testing.T) {
	s := moments.Ellipse(0.5, 0.7)
	near(t, "|g|", s.Norm(), 1.0/3, 1e-12)
	near(t, "the axis ratio", s.AxisRatio(), 0.5, 1e-12)
	near(t, "the angle", s.Angle(), 0.7, 1e-12)
	if long := moments.Ellipse(0.5, 0); !(long.G1 > 0) || long.G2 != 0 {
		t.Errorf("along a row of the image g is %+v", long)
	}
	if got, want := must(psf.Gaussian{Sigma: 1}.Render(9))(t),
		must(psf.Gaussian{Sigma: 1}.Render(9))(t); !slices.EqualFunc(got.Pixels, want.Pixels,
		func(a, b float32) bool { return math.Abs(float64(a-b)) < 1e-7 }) {
		t.Error("without ellipticity it is not the round Gaussian")
	}
}

func TestMoffatProfile(t *testing.T) {
	const size, fwhm = 401, 16.0
	for _, beta := range []float64{2.5, 3.5, 5} {
		k := must(psf.Moffat{FWHM: fwhm, Beta: beta}.Render(size))(t)
		alpha2 := fwhm * fwhm / 4 / (math.Pow(2, 1/beta) - 1)
		center := size/2*size + size/2
		what := fmt.Sprintf("β=%g: ", beta)
		near(t, what+"half a width out, the peak's share",
			float64(k.Pixels[center+8]/k.Pixels[center]), 0.5, 1e-5)
		for _, radius := range []float64{8, 16, 40} {
			near(t, what+"the light within a radius", encircled(k, radius),
				1-math.Pow(1+radius*radius/alpha2, 1-beta), 2e-3)
		}
		if beta > 3 { // ⟨x²⟩ = α²/2(β−2); below, too much of it is far out
			rr, cc, _ := secondMoments(k)
			want := alpha2 / 2 / (beta - 2)
			near(t, what+"row²", rr/want, 1, 0.02)
			near(t, what+"column²", cc/want, 1, 0.02)
		}
	}
	limit, gaussian := must(psf.Moffat{FWHM: fwhm, Beta: 1e7,
		Shear: moments.Ellipse(0.7, 1)}.Render(25))(t),
		must(psf.Gaussian{Sigma: fwhm / 2.3548200450309493,
			Shear: moments.Ellipse(0.7, 1)}.Render(25))(t)
	for i, w := range gaussian.Pixels {
		near(t, "β → ∞", float64(limit.Pixels[i]), float64(w), 1e-7)
	}
}

// An elliptical profile at (x, y) is the round one at the radius of the ellipse through it.
func TestEllipticalMoffat(t *testing.T) {
	const size, q = 41, 0.5
	round, elliptical := must(psf.Moffat{FWHM: 6, Beta: 3}.Render(size))(t),
		must(psf.Moffat{FWHM: 6, Beta: 3, Shear: moments.Ellipse(q, math.Pi/2)}.Render(size))(t)
	at := func(k psf.PSF, row, col int) float64 {
		return float64(k.Pixels[(size/2+row)*size+size/2+col] / k.Pixels[size/2*size+size/2])
	}
	// Twice as long as wide, of the same area: an axis is √2 times that of the circle, so 2 along
	// it is as bright as 1 across it.
	near(t, "along and across", at(elliptical, 8, 0), at(elliptical, 0, 4), 1e-6)
	alpha2 := 9 / (math.Pow(2, 1.0/3) - 1)
	near(t, "along", at(elliptical, 8, 0), math.Pow(1+64*q/alpha2, -3), 1e-6)
	near(t, "the round one", at(round, 0, 4), math.Pow(1+16/alpha2, -3), 1e-6)
}

// Moffats made within a graph are those made here.
func TestMoffatsInGraph(t *testing.T) {
	for _, size := range []int{12, 13} {
		sigmas, g1, g2, wings := []float32{0.8, 1.5, 2, 1.2}, []float32{0, 0.2, -0.1, 0},
			[]float32{0, 0.1, 0.3, 0}, []float32{0, 0.2, 0.4, 0.5}
		out, err := graph.CallOnce(devicetest.Device(t),
			func(s, a, b, w *graph.Node) *graph.Node { return psf.Moffats(s, a, b, w, size) },
			sigmas, g1, g2, wings)
		if err != nil {
			t.Fatal(err)
		}
		got := tensors.MustCopyFlatData[float32](out)
		for i, sigma := range sigmas {
			k := must(psf.Moffat{FWHM: 2.3548200450309493 * float64(sigma),
				Beta:  1 / float64(wings[i]),
				Shear: moments.Shear{G1: float64(g1[i]), G2: float64(g2[i])}}.Render(size))(t)
			want := make([]float64, len(k.Pixels))
			for j, w := range k.Pixels {
				want[j] = float64(w)
			}
			// A Gaussian is one of 1/β = 1e-3 there.
			compare(t, fmt.Sprintf("size %d, PSF %d", size, i), got[i*size*size:(i+1)*size*size],
				want, 3e-4)
		}
	}
}

// The transfer function of a telescope is the autocorrelation of its aperture: nothing passes above
// D/λ.
func TestAiryTransferFunction(t *testing.T) {
	const size, lambdaOverD = 801, 5.0
	k := must(psf.Airy{LambdaOverD: lambdaOverD}.Render(size))(t)
	for _, nu := range []float64{0.1, 0.3, 0.5, 0.8, 1.2, 2} { // in units of D/λ
		sum := 0.0
		for i, w := range k.Pixels {
			sum += float64(w) * math.Cos(2*math.Pi*nu/lambdaOverD*float64(i%size-size/2))
		}
		want := 0.0
		if nu < 1 {
			want = 2 / math.Pi * (math.Acos(nu) - nu*math.Sqrt(1-nu*nu))
		}
		// 0.6 % of the light is off the grid
		near(t, fmt.Sprintf("the transfer at %g D/λ", nu), sum, want, 0.01)
	}
}

func TestAiryProfile(t *testing.T) {
	const size, lambdaOverD = 801, 5.0
	clear := must(psf.Airy{LambdaOverD: lambdaOverD}.Render(size))(t)
	center := size/2*size + size/2
	// Of the light, 1 − J₀² − J₁² is within a radius (Rayleigh 1881): 83.8 % within the first dark
	// ring.
	for _, radius := range []float64{0.5, 1.2197, 3} {
		v := math.Pi * radius
		j0, j1 := math.J0(v), math.J1(v)
		near(t, fmt.Sprintf("the light within %g λ/D", radius),
			encircled(clear, radius*lambdaOverD), 1-j0*j0-j1*j1, 0.01)
	}
	if dark := clear.Pixels[center+6] / clear.Pixels[center]; dark > 2e-3 { // 6 pixels are 1.2 λ/D
		t.Errorf("in the first dark ring is %g of the peak", dark)
	}
	near(t, "the full width at half maximum", must(clear.FWHM())(t), 1.029*lambdaOverD,
		0.01*lambdaOverD)
	// An aperture of the area A has the peak A/λ² for light of sum 1.
	for _, obscuration := range []float64{0, 0.33} {
		k := must(psf.Airy{LambdaOverD: lambdaOverD, Obscuration: obscuration}.Render(size))(t)
		near(t, fmt.Sprintf("the peak for the obscuration %g", obscuration),
			float64(k.Pixels[center])*lambdaOverD*lambdaOverD,
			math.Pi/4*(1-obscuration*obscuration), 0.02)
	}
}

func TestGridOfThePaper(t *testing.T) {
	grid := must(psf.GaussianSeries(10, 2, 4, 0.5))(t)
	if len(grid) != 5 {
		t.Fatalf("%d PSFs, want 5", len(grid))
	}
	for i, sigma := range []float64{2, 2.5, 3, 3.5, 4} {
		if want := must(psf.Gaussian{Sigma: sigma}.Render(10))(t); !slices.Equal(grid[i].Pixels,
			want.Pixels) || grid[i].Size != 10 {
			t.Errorf("PSF %d isn't that of σ = %g", i, sigma)
		}
	}
	if many := must(psf.GaussianSeries(5, 0.1, 1, 0.1))(t); len(many) != 10 {
		t.Errorf("0.1 to 1 by 0.1 are %d PSFs, want 10", len(many))
	}
}

func TestProfilesRefuse(t *testing.T) {
	nan := math.NaN()
	for name, test := range map[string]struct {
		err  error
		want string
	}{
		"no width": {second(psf.Moffat{FWHM: 0, Beta: 3}.Render(9)),
			"positive number of pixels, got 0"},
		"NaN width": {second(psf.Moffat{FWHM: nan, Beta: 3}.Render(9)), "got NaN"},
		"infinite light": {second(psf.Moffat{FWHM: 3, Beta: 1}.Render(9)),
			"β of a Moffat PSF must be above 1"},
		"NaN β": {second(psf.Moffat{FWHM: 3, Beta: nan}.Render(9)), "got NaN"},
		"a line": {second(psf.Moffat{FWHM: 3, Beta: 3,
			Shear: moments.Ellipse(0, 1)}.Render(9)), "|g| < 1"},
		"NaN axis ratio": {second(psf.Gaussian{Sigma: 3,
			Shear: moments.Ellipse(nan, 1)}.Render(9)), "|g| < 1"},
		"negative σ": {second(psf.Gaussian{Sigma: -3}.Render(9)), "positive"},
		"no grid": {second(psf.Moffat{FWHM: 3, Beta: 3}.Render(0)),
			"1 to 16384 pixels, got 0"},
		"no λ/D": {second(psf.Airy{LambdaOverD: 0}.Render(9)), "λ/D"},
		"all obscured": {second(psf.Airy{LambdaOverD: 2, Obscuration: 1}.Render(9)),
			"[0, 1), got 1"},
		"no grid of Airy": {second(psf.Airy{LambdaOverD: 2}.Render(-1)), "got -1"},
		"no step":         {second(psf.GaussianSeries(10, 2, 4, 0)), "positive step"},
		"reversed":        {second(psf.GaussianSeries(10, 4, 2, 0.5)), "low ≤ high"},
		"endless":         {second(psf.GaussianSeries(10, 4, math.Inf(1), 0.5)), "low ≤ high"},
	} {
		if test.err == nil || !strings.HasPrefix(test.err.Error(), "psf: ") ||
			!strings.Contains(test.err.Error(), test.want) {
			t.Errorf("%s: error %v, want one with %q", name, test.err, test.want)
		}
	}
}

package score_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mathext"
	"gonum.org/v1/gonum/stat"

	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/galaxy/synthetic"
	"galdecon/galdecon/score"
)

// draw is a galaxy whose surface brightness at elliptical radius r is profile(r), of unit flux for
// a round one: sheared by g without change of area, centered at column x and row y. Each pixel is
// the mean over fine×fine points.
func draw(
	size int, x, y, g1, g2 float64, fine int, profile func(r float64) float64,
) *galaxy.Images {
	im := galaxy.NewImages(1, size, size, 1)
	norm := 1 / math.Sqrt(1-g1*g1-g2*g2)
	for row := range size {
		for col := range size {
			sum := 0.0
			for i := range fine {
				for j := range fine {
					dy := float64(row) + (float64(i)+0.5)/float64(fine) - 0.5 - y
					dx := float64(col) + (float64(j)+0.5)/float64(fine) - 0.5 - x
					u, v := norm*((1-g1)*dx-g2*dy), norm*((1+g1)*dy-g2*dx)
					sum += profile(math.Hypot(u, v))
				}
			}
			im.Pixels[row*size+col] = float32(sum / float64(fine*fine))
		}
	}
	return im
}

func gaussian(sigma float64) func(r float64) float64 {
	return func(r float64) float64 {
		return math.Exp(-r*r/(2*sigma*sigma)) / (2 * math.Pi * sigma * sigma)
	}
}

// sersic is the profile with the half-light radius re and index n, and enclosed the share of its
// flux within a radius.
func sersic(re, n float64) (profile, enclosed func(r float64) float64) {
	b := mathext.GammaIncRegInv(2*n, 0.5)
	flux := 2 * math.Pi * n * re * re * math.Gamma(2*n) * math.Pow(b, -2*n)
	profile = func(r float64) float64 { return math.Exp(-b*math.Pow(r/re, 1/n)) / flux }
	enclosed = func(r float64) float64 { return mathext.GammaIncReg(2*n, b*math.Pow(r/re, 1/n)) }
	return profile, enclosed
}

func measure(t *testing.T, image *galaxy.Images, aperture float64) score.Photometry {
	t.Helper()
	p, err := score.Measure(image, aperture)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func within(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance) {
		t.Errorf("%s is %v, want %v within %g", what, got, want, tolerance)
	}
}

// Of several images those are measured that hold a galaxy, each as alone, and why the first of the
// others isn't is told.
func TestMeasureEach(t *testing.T) {
	images := galaxy.NewImages(4, 32, 32, 1)
	images.IDs = []string{"a", "empty", "b", "dark"}
	copy(images.At(0), draw(32, 15, 16, 0.1, 0, 1, gaussian(2)).Pixels)
	copy(images.At(2), draw(32, 16, 15, 0, 0.2, 1, gaussian(3)).Pixels)
	all := score.MeasureEach(images, 10)
	want := []score.Photometry{measure(t, images.Select(0), 10), measure(t, images.Select(2), 10)}
	if !slices.Equal(all.Measured, want) || !slices.Equal(all.Index, []int{0, 2}) {
		t.Errorf("%+v, want %+v of 0 and 2", all, want)
	}
	if all.Failure == nil || !strings.Contains(all.Failure.Error(), "empty") {
		t.Errorf("the first failure is %v", all.Failure)
	}
	if rest := score.MeasureEach(images.Select(0), 10); rest.Failure != nil {
		t.Error(rest.Failure)
	}
}

// A sampled Gaussian has the flux, center and shear that it was drawn with, to the accuracy of
// float32; a round one the share 1 − exp(−r²/2σ²) of its light within r.
func TestMeasureGaussian(t *testing.T) {
	const sigma = 2.2
	for _, g := range [][2]float64{{0, 0}, {0.2, -0.1}, {-0.3, 0.3}, {0, 0.5}} {
		p := measure(t, draw(48, 23.3, 24.1, g[0], g[1], 1, gaussian(sigma)), 20)
		within(t, "flux", p.Flux, 1, 1e-4)
		within(t, "g1", p.G1, g[0], 1e-5)
		within(t, "g2", p.G2, g[1], 1e-5)
		within(t, "x", p.X, 23.3, 1e-4)
		within(t, "y", p.Y, 24.1, 1e-4)
	}
	for _, aperture := range []float64{3, 5.5, 20} {
		p := measure(t, draw(48, 23.3, 24.1, 0, 0, 1, gaussian(sigma)), aperture)
		enclosed := 1 - math.Exp(-aperture*aperture/(2*sigma*sigma))
		// Pixels of even light are wider than the Gaussian: σ² + 1/12.
		wide := math.Sqrt(sigma*sigma + 1./12)
		light := 1 - math.Exp(-aperture*aperture/(2*wide*wide))
		within(t, "aperture flux", p.Aperture, enclosed, 0.01)
		within(t, "aperture flux", p.Aperture, light, 0.002)
		within(t, "half-light radius", p.HalfLight, wide*math.Sqrt(-2*math.Log(1-light/2)), 0.01)
	}
}

// The half-light radius of exponential discs and de Vaucouleurs' law is that of their curve of
// growth. Adaptive moments follow a shear exactly, so all isophotes of an axis ratio q have |g| =
// (1−q)/(1+q), whatever the profile; but round pixels make cusps rounder.
func TestMeasureSersic(t *testing.T) {
	const size, aperture = 64, 28.0
	for _, test := range []struct{ re, n, q, angle, tolerance float64 }{
		{5, 1, 1, 0, 1e-4}, {5, 1, 0.5, 0.4, 0.003}, {8, 1, 0.3, 2, 0.003},
		{8, 0.5, 0.7, -1, 0.001}, {8, 2, 0.5, -1, 0.008},
	} {
		profile, enclosed := sersic(test.re, test.n)
		g := (1 - test.q) / (1 + test.q)
		p := measure(t, draw(size, 31.4, 31.7, g*math.Cos(2*test.angle), g*math.Sin(2*test.angle),
			7, profile), aperture)
		within(t, "g1", p.G1, g*math.Cos(2*test.angle), test.tolerance)
		within(t, "g2", p.G2, g*math.Sin(2*test.angle), test.tolerance)
		if test.q < 1 {
			continue // circles cut ellipses elsewhere
		}
		low, high := 0.0, aperture
		for high-low > 1e-6 {
			if r := (low + high) / 2; enclosed(r) < enclosed(aperture)/2 {
				low = r
			} else {
				high = r
			}
		}
		within(t, "aperture flux", p.Aperture, enclosed(aperture), 0.005)
		within(t, "half-light radius", p.HalfLight, low, 0.02*test.re)
	}
	for _, n := range []float64{2, 4} {
		profile, enclosed := sersic(5, n)
		p := measure(t, draw(size, 31.4, 31.7, 0, 0, 15, profile), aperture)
		within(t, "light within half of the light's radius, compared with the aperture's",
			enclosed(p.HalfLight)/enclosed(aperture), 0.5, 0.01)
	}
}

// Rows and columns exchanged: g1 changes sign, g2 stays. Mirrored: g2 changes sign. Twice the size
// and k times the flux: only lengths and fluxes follow.
func TestMeasureInvariance(t *testing.T) {
	const size = 40
	profile, _ := sersic(4, 1)
	image := draw(size, 19.2, 20.4, 0.25, 0.1, 5, profile)
	p := measure(t, image, 15)
	transposed, mirrored, brighter := galaxy.NewImages(1, size, size, 1),
		galaxy.NewImages(1, size, size, 1), galaxy.NewImages(1, size, size, 3)
	for row := range size {
		for col := range size {
			v := image.Pixels[row*size+col]
			transposed.Pixels[col*size+row] = v
			mirrored.Pixels[row*size+size-1-col] = v
			for c, share := range []float32{2, 8, 5} { // the mean of the channels is 5
				brighter.Pixels[(row*size+col)*3+c] = share * v
			}
		}
	}
	got := measure(t, transposed, 15)
	within(t, "transposed g1", got.G1, -p.G1, 1e-6)
	within(t, "transposed g2", got.G2, p.G2, 1e-6)
	within(t, "transposed x", got.X, p.Y, 1e-5)
	within(t, "transposed half-light radius", got.HalfLight, p.HalfLight, 1e-3)
	got = measure(t, mirrored, 15)
	within(t, "mirrored g1", got.G1, p.G1, 1e-6)
	within(t, "mirrored g2", got.G2, -p.G2, 1e-6)
	got = measure(t, brighter, 15)
	within(t, "flux of the mean of channels", got.Flux, 5*p.Flux, 1e-5)
	within(t, "aperture flux of the mean of channels", got.Aperture, 5*p.Aperture, 1e-5)
	within(t, "its half-light radius", got.HalfLight, p.HalfLight, 1e-5)

	e := got.Deviation(p)
	within(t, "error of the flux", e.Flux, 4, 1e-4)
	within(t, "error of the aperture flux", e.Aperture, 4, 1e-4)
	within(t, "error of the half-light radius", e.HalfLight, 0, 1e-5)

	large, _ := sersic(8, 1)
	double := measure(t, draw(2*size, 2*19.2+0.5, 2*20.4+0.5, 0.25, 0.1, 5, large), 30)
	e = double.Deviation(p)
	within(t, "g at twice the size", e.Ellipticity, 0, 4e-3)
	within(t, "half-light radius at twice the size", e.HalfLight, 1, 0.02)
	within(t, "flux at twice the size", e.Aperture, 0, 2e-3)
	within(t, "centroid at twice the size", e.Centroid, math.Hypot(19.2+0.5, 20.4+0.5), 1e-2)
}

// White noise leaves fluxes unbiased, with an error of σ√(area), and gives g1 and g2 errors of 1/ν
// each, with ν = √(Σ image²)/σ for a Gaussian galaxy: the Fisher information of a Gaussian's shape.
func TestMeasureNoise(t *testing.T) {
	const size, aperture, width, trials = 32, 10.0, 2.5, 300
	clean := draw(size, 15.5, 15.5, 0.1, 0, 1, gaussian(width))
	norm := 0.0
	for _, v := range clean.Pixels {
		norm += float64(v) * float64(v)
	}
	const snr = 40.0
	noise := math.Sqrt(norm) / snr
	truth := measure(t, clean, aperture)
	rng := rand.New(rand.NewPCG(1, 2))
	var flux, light, g1, g2 []float64
	for range trials {
		image := clean.Select(0)
		for i := range image.Pixels {
			image.Pixels[i] += float32(noise * rng.NormFloat64())
		}
		p := measure(t, image, aperture)
		flux, light, g1, g2 = append(flux, p.Flux), append(light, p.Aperture), append(g1, p.G1),
			append(g2, p.G2)
	}
	// A standard deviation is known to 1/√(2·300) = 4 %, a mean to σ/√300.
	check := func(what string, values []float64, mean, deviation float64) {
		m, s := stat.MeanStdDev(values, nil)
		within(t, "mean "+what, m, mean, 4*deviation/math.Sqrt(trials))
		within(t, "scatter of "+what, s, deviation, 0.17*deviation)
	}
	check("flux", flux, truth.Flux, noise*size)
	check("aperture flux", light, truth.Aperture, noise*math.Sqrt(math.Pi)*aperture)
	check("g1", g1, truth.G1, 1/snr)
	check("g2", g2, truth.G2, 1/snr)
}

// A point in the middle of a disc draws the weights in, but the disc is what has a shape: it is
// measured, along the disc's axes and rounder than it, alike for both diagonals and axes. Without
// the disc there is none.
func TestMeasureNucleus(t *testing.T) {
	const size = 32
	for _, g := range [][2]float64{{0.3, 0}, {-0.3, 0}, {0, 0.3}, {0.2, -0.2}} {
		image := draw(size, 16, 16, g[0], g[1], 5, gaussian(3))
		peak := image.Pixels[16*size+16]
		image.Pixels[16*size+16] += 6 * peak
		p := measure(t, image, 8)
		along := (p.G1*g[0] + p.G2*g[1]) / math.Hypot(g[0], g[1])
		across := (p.G2*g[0] - p.G1*g[1]) / math.Hypot(g[0], g[1])
		within(t, "the ellipticity across", across, 0, 0.01)
		if along < 0.01 || along > 0.3 {
			t.Errorf("the ellipticity is %v along the disc's of 0.3", along)
		}
		within(t, "x", p.X, 16, 1e-5)
		within(t, "y", p.Y, 16, 1e-5)
	}
	// The galaxies that models are trained on and scored with: nearly all can be measured.
	galaxies, err := synthetic.Galaxies(synthetic.Config{N: 100, Size: size, Channels: 1, Seed: 2})
	if err != nil {
		t.Fatal(err)
	}
	failed := 0
	for i := range galaxies.N {
		if _, err := score.Measure(galaxies.Select(i), size/4); err != nil {
			failed++
		}
	}
	if failed > 3 {
		t.Errorf("%d of %d synthetic galaxies can't be measured", failed, galaxies.N)
	}
}

func TestMeasureErrors(t *testing.T) {
	const size = 32
	blank := galaxy.NewImages(1, size, size, 1)
	point, dark, flat, aside, nan := blank.Select(0), blank.Select(0), blank.Select(0),
		draw(size, 28, 28, 0, 0, 1, gaussian(2)), blank.Select(0)
	point.Pixels[16*size+16] = 1
	nan.Pixels[0] = float32(math.NaN())
	for i := range flat.Pixels {
		dark.Pixels[i], flat.Pixels[i] = -1, 1
	}
	good := draw(size, 16, 16, 0, 0, 1, gaussian(2))
	for name, test := range map[string]struct {
		image    *galaxy.Images
		aperture float64
		want     string
	}{
		"nothing":                 {nil, 8, "there are none"},
		"no images":               {&galaxy.Images{}, 8, "[0, 0, 0, 0]"},
		"NaN":                     {nan, 8, "NaN"},
		"two":                     {galaxy.NewImages(2, size, size, 1), 8, "one image"},
		"no aperture":             {good, 0, "aperture must be"},
		"NaN aperture":            {good, math.NaN(), "aperture must be"},
		"aperture over the stamp": {good, 16.5, "16 pixels; got 16.5"},
		"blank":                   {blank, 8, "no light under"},
		"negative":                {dark, 8, "no light under"},
		"a point":                 {point, 8, "narrower than"},
		"flat":                    {flat, 8, "aperture of radius 8: its light spreads too far"},
		"a galaxy in the corner":  {aside, 8, "there is no galaxy"},
	} {
		if _, err := score.Measure(test.image, test.aperture); err == nil ||
			!strings.HasPrefix(err.Error(), "score: ") ||
			!strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v, want one with %q", name, err, test.want)
		}
	}
}

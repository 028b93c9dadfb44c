package synthetic

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"

	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/galaxy/files"
	"galdecon/galdecon/galaxy/hst"
	"galdecon/galdecon/galaxy/internal/raster"
	"galdecon/galdecon/internal/galtest"
)

func TestSyntheticIsReproducible(t *testing.T) {
	config := Config{N: 20, Size: 32, Channels: 3, Seed: 7, Pictures: 0.5}
	want := synthetic(t, config)
	for _, procs := range []int{1, 2} {
		old := runtime.GOMAXPROCS(procs)
		got := synthetic(t, config)
		runtime.GOMAXPROCS(old)
		if !slices.Equal(got.Pixels, want.Pixels) {
			t.Errorf("other pixels with GOMAXPROCS %d", procs)
		}
	}
	later := config
	later.N, later.First = 5, 10
	if got := synthetic(t, later); !slices.Equal(got.Pixels,
		want.Select(10, 11, 12, 13, 14).Pixels) || got.ID(0) != want.ID(10) {
		t.Error("galaxies 10 to 14 differ when made alone")
	}
	config.Seed++
	if got := synthetic(t, config); slices.Equal(got.At(0), want.At(0)) {
		t.Error("another seed made the same galaxy")
	}
}

func TestSyntheticConvention(t *testing.T) {
	for _, config := range []Config{
		{N: 300, Size: 32, Seed: 1},
		{N: 300, Size: 32, Seed: 1, Pictures: 1},
		{N: 50, Size: 33, Channels: 3, Seed: 2, Pictures: 0.3},
		{N: 50, Size: 8, Seed: 3, Noiseless: true},
		{N: 10, Size: 128, Seed: 4},
	} {
		images := synthetic(t, config)
		for i := range images.N {
			peak := raster.CentralMax(images.At(i), config.Size, config.Size, images.Channels)
			if math.Abs(peak-1) > 1e-6 || slices.Max(images.At(i)) > 1.000001 {
				t.Errorf("%+v: %s has the peak %v in its center and %v anywhere, want 1", config,
					images.ID(i), peak, slices.Max(images.At(i)))
			}
			if low := slices.Min(images.At(i)); low < -0.5 ||
				(config.Pictures == 1 || config.Noiseless) && low < 0 {
				t.Errorf("%+v: %s has the value %v", config, images.ID(i), low)
			}
		}
	}
}

// TestSyntheticAtAnySize compares one set of galaxies at two resolutions.
func TestSyntheticAtAnySize(t *testing.T) {
	fine := synthetic(t, Config{N: 60, Size: 128, Seed: 5, Noiseless: true})
	coarse := synthetic(t, Config{N: 60, Size: 32, Seed: 5, Noiseless: true})
	averaged, err := fine.Prepare(32)
	if err != nil {
		t.Fatal(err)
	}
	for i := range coarse.N {
		// In the central half: outside it, bright stars are clipped before one and after the other
		// average.
		var sum float64
		for k, v := range coarse.At(i) {
			if row, col := k/32, k%32; min(row, col) >= 8 && max(row, col) < 24 {
				sum += math.Pow(float64(v-averaged.At(i)[k]), 2)
			}
		}
		if rms := math.Sqrt(sum / 256); rms > 0.01 {
			t.Errorf("%s at 32 pixels and averaged from 128 differ by %.4f", coarse.ID(i), rms)
		}
	}
}

func TestSyntheticRefuses(t *testing.T) {
	good := Config{N: 1, Size: 32}
	for want, spoil := range map[string]func(*Config){
		"N must":        func(c *Config) { c.N = 0 },
		"Size must":     func(c *Config) { c.Size = 7 },
		"Channels must": func(c *Config) { c.Channels = 2 },
		"First must":    func(c *Config) { c.First = -1 },
		"Pictures must": func(c *Config) { c.Pictures = math.NaN() },
		"Scatter must":  func(c *Config) { c.Scatter = 2 },
		"Radii must":    func(c *Config) { c.Radii = Range{0.1, 0.05} },
		"PSFs must":     func(c *Config) { c.PSFs = Range{Max: 0.1} },
	} {
		c := good
		spoil(&c)
		if _, err := Galaxies(c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Synthetic(%+v): error %v, want one with %q", c, err, want)
		}
	}
}

func TestModelDistributions(t *testing.T) {
	const n = 20000
	kinds := map[morphology]int{}
	var logRe, cosI []float64
	for i := range n {
		g := drawModel(random{rand.New(rand.NewPCG(11, uint64(i)))}, observation{psf: 0.01}, Config{})
		kinds[g.kind]++
		logRe = append(logRe, math.Log(g.disc.profile.re))
		cosI = append(cosI, g.cosI)
		disc, bulge := g.disc.frame.q, g.bulge.frame.q
		thickness := map[morphology][2]float64{early: {0.15, 0.35}, spiral: {0.15, 0.35},
			irregular: {0.2, 0.6}}[g.kind]
		if disc < axisRatio(g.cosI, thickness[0]) || disc > axisRatio(g.cosI, thickness[1]) ||
			bulge > 1 {
			t.Fatalf("galaxy %d: disc with axis ratio %v at cos i %v", i, disc, g.cosI)
		}
		if g.kind != irregular && bulge < disc {
			t.Fatalf("galaxy %d: bulge flatter than its disc, %v against %v", i, bulge, disc)
		}
		if g.kind == early && (g.disc.contrast > 0 || g.disc.bar > 0 || g.disc.lopsided > 0) {
			t.Fatalf("galaxy %d: an early type with arms, a bar or a lopsided disc", i)
		}
	}
	for kind, want := range map[morphology]float64{early: 0.25, spiral: 0.6, irregular: 0.15} {
		if got := float64(kinds[kind]) / n; math.Abs(got-want) > 0.015 {
			t.Errorf("%.3f of the galaxies are of type %d, want %v", got, kind, want)
		}
	}
	uniform(t, "log of the radius", logRe, math.Log(0.03), math.Log(0.42))
	uniform(t, "cos i", cosI, 0, 1)
}

// uniform tests with the Kolmogorov-Smirnov distance, at a level of 0.1 %.
func uniform(t *testing.T, name string, x []float64, lo, hi float64) {
	t.Helper()
	slices.Sort(x)
	n := float64(len(x))
	for i, v := range x {
		if d := math.Abs((v-lo)/(hi-lo) - float64(i)/n); d > 1.95/math.Sqrt(n) {
			t.Errorf("%s: the distribution at %v is %.4f off a uniform one", name, v, d)
			return
		}
	}
}

// TestArmsConserveFlux averages the modulation of the disc over the angle.
func TestArmsConserveFlux(t *testing.T) {
	for _, arms := range []float64{2, 5} {
		d := disc{arms: arms, tanPitch: 0.3, contrast: 1, sharpness: 3, mean: besselI0(3)}
		const steps = 3600
		for _, r := range []float64{0.2, 1, 2.5} {
			sum := 0.0
			for k := range steps {
				theta := 2 * math.Pi * float64(k) / steps
				m := d.modulation(r*math.Cos(theta), r*math.Sin(theta), r*r)
				if m < 0 {
					t.Fatalf("the arms take away more light than there is: factor %v", m)
				}
				sum += m / steps
			}
			if math.Abs(sum-1) > 1e-6 {
				t.Errorf("%v arms at %v Re: mean factor %v, want 1", arms, r, sum)
			}
		}
	}
}

// TestPitchAngle follows the crest of an arm, which meets circles at the pitch angle: d ln R / dθ =
// tan(pitch).
func TestPitchAngle(t *testing.T) {
	d := disc{arms: 2, tanPitch: math.Tan(20 * math.Pi / 180), contrast: 1, sharpness: 3,
		mean: besselI0(3)}
	crest := func(r float64) float64 {
		best, at := 0.0, 0.0
		for theta := -math.Pi / 2; theta < math.Pi/2; theta += 1e-4 {
			if m := d.modulation(r*math.Cos(theta), r*math.Sin(theta), r*r); m > best {
				best, at = m, theta
			}
		}
		return at
	}
	if pitch := math.Atan(math.Log(1.2) / (crest(1.2) -
		crest(1))); math.Abs(pitch-20*math.Pi/180) > 1e-3 {
		t.Errorf("the arms have a pitch angle of %v°, want 20°", pitch*180/math.Pi)
	}
}

// TestNoiseLevel compares the scatter of the corners with the distribution that is documented, at
// two sizes.
func TestNoiseLevel(t *testing.T) {
	for _, size := range []int{32, 64} {
		images := synthetic(t, Config{N: 400, Size: size, Seed: 9})
		if size > 32 {
			var err error
			if images, err = images.Prepare(32); err != nil {
				t.Fatal(err)
			}
		}
		var levels []float64
		for i := range images.N {
			levels = append(levels, cornerNoise(images.At(i), 32))
		}
		slices.Sort(levels)
		if levels[10] > 0.001 {
			t.Errorf("size %d: some galaxies should be free of noise, but the level of the 10th "+
				"of 400 is %v", size, levels[10])
		}
		if median := levels[200]; median < 0.006 || median > 0.013 {
			t.Errorf("size %d: median noise %v, want about 0.009", size, median)
		}
		if high := levels[380]; high < 0.02 || high > 0.045 {
			t.Errorf("size %d: noise of the noisiest twentieth %v, want about 0.03", size, high)
		}
	}
}

// cornerNoise is the median absolute deviation of the four corners, scaled to a standard deviation.
func cornerNoise(pixels []float32, size int) float64 {
	var corners []float64
	for k, v := range pixels {
		if row, col := k/size, k%size; (row < size/8 || row >= size-size/8) &&
			(col < size/8 || col >= size-size/8) {
			corners = append(corners, float64(v))
		}
	}
	slices.Sort(corners)
	median := corners[len(corners)/2]
	for k := range corners {
		corners[k] = math.Abs(corners[k] - median)
	}
	slices.Sort(corners)
	return 1.4826 * corners[len(corners)/2]
}

// TestRealGalaxiesAreNoSurprise checks that real galaxies lie within the synthetic distribution: of
// each statistic about 90 % should be between the 5th and 95th percentile.
func TestRealGalaxiesAreNoSurprise(t *testing.T) {
	hst, err := hst.Galaxies(32)
	if err != nil {
		t.Fatal(err)
	}
	t.Run("HST", func(t *testing.T) { noSurprise(t, hst, 0) })
	for name, path := range map[string]string{"Illustris": "galaxies/illustris32.npy.gz",
		"GOODS": "goods/goods_full32.npy.gz"} {
		t.Run(name, func(t *testing.T) {
			real, err := files.Load(galtest.Shared(t, "data", path))
			if err != nil {
				t.Fatal(err)
			}
			noSurprise(t, real, 1)
		})
	}
}

func noSurprise(t *testing.T, real *galaxy.Images, pictures float64) {
	made := synthetic(t, Config{N: 1000, Size: 32, Seed: 21, Pictures: pictures})
	for name, statistic := range map[string]func(pixels []float32) float64{
		"mean":            mean,
		"fraction > 0.5":  func(p []float32) float64 { return fractionAbove(p, 0.5) },
		"fraction > 0.1":  func(p []float32) float64 { return fractionAbove(p, 0.1) },
		"noise":           func(p []float32) float64 { return cornerNoise(p, 32) },
		"high frequency":  func(p []float32) float64 { return roughness(p, 32, 1) },
		"lower frequency": func(p []float32) float64 { return roughness(p, 32, 3) },
	} {
		var distribution []float64
		for i := range made.N {
			distribution = append(distribution, statistic(made.At(i)))
		}
		slices.Sort(distribution)
		low, high := distribution[50], distribution[950]
		inside := 0
		for i := range real.N {
			if v := statistic(real.At(i)); v >= low && v <= high {
				inside++
			}
		}
		if share := float64(inside) / float64(real.N); share < 0.8 {
			t.Errorf("%s: only %.0f %% of the real galaxies are within %.4g and %.4g", name,
				100*share, low, high)
		}
	}
}

func fractionAbove(pixels []float32, threshold float32) float64 {
	n := 0
	for _, v := range pixels {
		if v > threshold {
			n++
		}
	}
	return float64(n) / float64(len(pixels))
}

// roughness is the mean square difference of pixels that are step apart, relative to the variance.
func roughness(pixels []float32, size, step int) float64 {
	m := mean(pixels)
	var differences, variance float64
	for k, v := range pixels {
		variance += math.Pow(float64(v)-m, 2)
		if k%size >= step {
			differences += math.Pow(float64(v-pixels[k-step]), 2)
		}
	}
	return differences / variance
}

func TestSyntheticColors(t *testing.T) {
	colors := synthetic(t, Config{N: 30, Size: 32, Channels: 3, Seed: 4, Noiseless: true})
	// Bulges, the brightest parts, are red; clumps are blue, but hold little light.
	var red, blue float64
	for k := 0; k < len(colors.Pixels); k += 3 {
		red += float64(colors.Pixels[k])
		blue += float64(colors.Pixels[k+2])
	}
	if red <= blue {
		t.Errorf("red %v is not above blue %v", red, blue)
	}
}

func synthetic(t testing.TB, config Config) *galaxy.Images {
	t.Helper()
	images, err := Galaxies(config)
	if err != nil {
		t.Fatal(err)
	}
	if err := images.Validate(); err != nil {
		t.Fatal(err)
	}
	return images
}

func BenchmarkSynthetic(b *testing.B) {
	for _, size := range []int{32, 64, 128} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			const n = 100
			for i := range b.N {
				synthetic(b, Config{N: n, Size: size, Seed: int64(i)})
			}
			b.ReportMetric(n*float64(b.N)/b.Elapsed().Seconds(), "galaxies/s")
		})
	}
}

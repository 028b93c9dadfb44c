package posterior_test

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/posterior"
)

// candidates are elliptical Gaussian galaxies of σ = 3 pixels whose flux scatters around 100 by 10,
// and whose g1 by 0.05 around 0.1, as normal[i] says; the last dark ones hold nothing.
func candidates(normal [][2]float64, dark int) posterior.Posterior {
	im := galaxy.NewImages(len(normal)+dark, 32, 32, 1)
	for i, z := range normal {
		flux, g := 100+10*z[0], 0.1+0.05*z[1]
		for k := range im.At(i) {
			x, y := float64(k%32)-15.5, float64(k/32)-15.5
			x, y = x*(1-g), y*(1+g)
			im.At(i)[k] = float32(flux / (2 * math.Pi * 9) * math.Exp(-(x*x+y*y)/(18*(1-g*g))))
		}
	}
	return posterior.Posterior{Observation: &galaxy.Images{Scale: []float64{50}}, Samples: im}
}

func TestMeasure(t *testing.T) {
	const n = 400
	r := rand.New(rand.NewPCG(1, 2))
	normal := make([][2]float64, n)
	for i := range normal {
		normal[i] = [2]float64{r.NormFloat64(), r.NormFloat64()}
	}
	m, err := candidates(normal, 3).Measure(16)
	if err != nil {
		t.Fatal(err)
	}
	if m.Measured != n || m.Failed != 3 {
		t.Errorf("%d measured, %d failed", m.Measured, m.Failed)
	}
	// The standard errors of the median and of these quantiles are 1.25 and 1.5 of σ/√n.
	for name, c := range map[string]struct {
		got                  posterior.Interval
		middle, sigma, scale float64
	}{
		"flux": {m.Flux, 100, 10, 50},
		"g1":   {m.G1, 0.1, 0.05, 1},
	} {
		tolerance := 5 * c.sigma / math.Sqrt(n) * c.scale
		for q, pair := range map[string][2]float64{
			"median": {c.got.Median, 0}, "low": {c.got.Low, -0.9945}, "high": {c.got.High, 0.9945},
		} {
			if want := (c.middle + pair[1]*c.sigma) * c.scale; math.Abs(pair[0]-want) > tolerance {
				t.Errorf("%s: the %s is %g, want %g ± %g", name, q, pair[0], want, tolerance)
			}
		}
	}
	if math.Abs(m.G2.Median) > 1e-3 || m.G2.High-m.G2.Low > 1e-3 {
		t.Errorf("g2 is %+v, want 0", m.G2)
	}
	// Half of a round Gaussian's light is within 1.177 σ; averaged along both axes, ellipticity
	// changes that little.
	if want := 1.1774 * 3; math.Abs(m.HalfLight.Median/want-1) > 0.03 {
		t.Errorf("the half-light radius is %g, want %g", m.HalfLight.Median, want)
	}
}

// An interval holds a further draw of the same distribution as often as it says, for few candidates
// as for many.
func TestIntervalsAreCalibrated(t *testing.T) {
	const trials = 400
	for n, want := range map[int]float64{2: 1. / 3, 4: 0.6, 7: 0.68} {
		r := rand.New(rand.NewPCG(5, 6))
		held := 0
		for range trials {
			normal := make([][2]float64, n+1)
			for i := range normal {
				normal[i] = [2]float64{r.NormFloat64(), 0}
			}
			m, err := candidates(normal[1:], 0).Measure(16)
			if err != nil {
				t.Fatal(err)
			}
			if flux := (100 + 10*normal[0][0]) * 50; m.Flux.Low <= flux && flux <= m.Flux.High {
				held++
			}
		}
		// The binomial's standard deviation is at most 2.5 %.
		if share := float64(held) / trials; math.Abs(share-want) > 0.1 {
			t.Errorf("intervals of %d candidates hold %.3g %%, want %.3g %%", n, 100*share,
				100*want)
		}
	}
}

// One candidate says nothing about an error, least of all that there is none.
func TestIntervalOfOne(t *testing.T) {
	m, err := candidates([][2]float64{{1, 0}}, 0).Measure(16)
	if err != nil {
		t.Fatal(err)
	}
	// The aperture of 16 pixels leaves all of the flux in, 110 in units of 1/50.
	if i := m.Flux; math.Abs(i.Median-5500) > 5 || !math.IsNaN(i.Low) || !math.IsNaN(i.High) ||
		!strings.HasSuffix(i.String(), " +NaN −NaN") {
		t.Errorf("the flux of one candidate is %v", i)
	}
}

func TestMeasureRefuses(t *testing.T) {
	normal := make([][2]float64, 2)
	if _, err := candidates(normal, 3).Measure(16); err == nil ||
		!strings.Contains(err.Error(), "2 of 5 candidates") {
		t.Errorf("error %v", err)
	}
	if _, err := (posterior.Posterior{}).Measure(16); err == nil ||
		!strings.HasPrefix(err.Error(), "posterior: ") {
		t.Errorf("error %v", err)
	}
	if _, err := candidates(normal, 0).Measure(17); err == nil ||
		!strings.Contains(err.Error(), "aperture") {
		t.Errorf("error %v", err)
	}
}

func TestRestored(t *testing.T) {
	p := candidates(make([][2]float64, 2), 1)
	out := p.Restored()
	if out.N != 3 || out.Pixels[500] != p.Samples.Pixels[500]*50 {
		t.Errorf("pixel %g, want 50 times %g", out.Pixels[500], p.Samples.Pixels[500])
	}
	p.Observation = nil
	if out := p.Restored(); out.Pixels[500] != p.Samples.Pixels[500] {
		t.Error("without a scale candidates aren't as they are")
	}
}

func TestMoments(t *testing.T) {
	mean, deviation, err := candidates([][2]float64{{-1, 0}, {0, 0}, {1, 0}}, 0).Moments()
	if err != nil {
		t.Fatal(err)
	}
	middle := candidates(make([][2]float64, 1), 0).Restored()
	for k, v := range middle.Pixels {
		// The flux scatters by 10 % about 100.
		if math.Abs(float64(mean.Pixels[k]-v)) > 1e-5*float64(v)+1e-9 ||
			math.Abs(float64(deviation.Pixels[k]-v/10)) > 1e-4*float64(v)+1e-9 {
			t.Fatalf("pixel %d: %g ± %g, want %g ± %g", k, mean.Pixels[k], deviation.Pixels[k], v,
				v/10)
		}
	}
	if _, _, err := candidates(make([][2]float64, 1), 0).Moments(); err == nil ||
		!strings.HasPrefix(err.Error(), "posterior: ") {
		t.Errorf("error %v of one candidate", err)
	}
}

func TestIntervalsAsText(t *testing.T) {
	for want, i := range map[string]posterior.Interval{
		"0.123 +0.031 −0.028":       {Median: 0.1234, Low: 0.0954, High: 0.1544},
		"25310 +240 −1260":          {Median: 25310, Low: 24048, High: 25550},
		"2.0 +1.5 −1.0":             {Median: 2, Low: 1, High: 3.5},
		"7 +0 −0":                   {Median: 7, Low: 7, High: 7},
		"(3.870 +0.008 −0.009)e-19": {Median: 3.87e-19, Low: 3.861e-19, High: 3.878e-19},
	} {
		if got := i.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	flux := posterior.Interval{Median: 2, Low: 1, High: 3.5}
	if got := flux.Scaled(2); got != (posterior.Interval{Median: 4, Low: 2, High: 7}) {
		t.Errorf("scaled to %+v", got)
	}
	got := flux.WithUnit("mJy")
	if got != "2.0 +1.5 −1.0 mJy" || flux.WithUnit("") != flux.String() {
		t.Errorf("with its unit the flux is %q", got)
	}
}

// A flux in other units has the same digits, whatever the power of ten: of the same candidates on
// the scale of a survey's W/m²/Hz, of erg/s, or of counts.
func TestIntervalsInAnyUnit(t *testing.T) {
	m, err := candidates([][2]float64{{-1, 0}, {0, 0}, {0.5, 0}, {1, 0}}, 0).Measure(16)
	if err != nil {
		t.Fatal(err)
	}
	digits := func(i posterior.Interval) string {
		inner, _, _ := strings.Cut(strings.TrimPrefix(i.String(), "("), ")")
		return inner
	}
	want := digits(m.Flux.Scaled(1e-10))
	if !strings.HasPrefix(want, "5.1") || strings.Count(want, ".") != 3 {
		t.Errorf("the flux is %q", want)
	}
	for _, power := range []int{-44, -36, -20, -12, 12, 20, 36} {
		if got := digits(m.Flux.Scaled(math.Pow(10, float64(power)))); got != want {
			t.Errorf("in units of 1e%d the flux is %q, want %q", power, got, want)
		}
	}
}

// Measurements of several galaxies are a table, with the digits that the error bars justify.
func TestMeasurementsAsTable(t *testing.T) {
	all := posterior.Measurements{
		{ID: "left", Flux: posterior.Interval{Median: 22030, Low: 21860, High: 22220},
			HalfLight: posterior.Interval{Median: 2.617, Low: 2.58, High: 2.66},
			G1:        posterior.Interval{Median: 0.022, Low: -0.002, High: 0.045},
			G2:        posterior.Interval{Median: -0.09, Low: -0.12, High: -0.06},
			Measured:  63, Failed: 1},
		{ID: "right", Flux: posterior.Interval{Median: 12010, Low: 11850, High: 12220},
			HalfLight: posterior.Interval{Median: 2.2, Low: 2.16, High: 2.24},
			G1:        posterior.Interval{Median: 0.061, Low: 0.036, High: 0.077},
			G2:        posterior.Interval{Median: -0.257, Low: -0.289, High: -0.227},
			Measured:  64},
	}
	want := `Measured of the candidates
                                      ────────────── ellipticity ──────────────
                          half-light
                              radius                                             candidates
galaxy             flux       pixels                   g1                    g2  measured
───────────────────────────────────────────────────────────────────────────────────────────
left    22030 +190 −170  2.62 ± 0.04  0.022 +0.023 −0.024  −0.090 +0.030 −0.030  63 of 64
right   12010 +210 −160  2.20 ± 0.04  0.061 +0.016 −0.025  −0.257 +0.030 −0.032  64 of 64
Medians of the candidates. The truth lies within the error bars with a probability of 68 %, as far
as the model is right.
`
	if got := all.String(); got != want {
		t.Errorf("the table is\n%s\nwant\n%s", got, want)
	}
	m, err := candidates([][2]float64{{0, 0}, {1, 0}}, 0).Measure(16)
	if err != nil {
		t.Fatal(err)
	}
	if tables := m.Tables(); len(tables) != 1 || len(tables[0].Rows) != 1 {
		t.Errorf("the tables of one measurement are %+v", tables)
	}
}

func TestPull(t *testing.T) {
	i := posterior.Interval{Median: 10, Low: 8, High: 13}
	for truth, want := range map[float64]float64{10: 0, 13: -1, 8: 1, 16: -2, 4: 3} {
		if got := i.Pull(truth); math.Abs(got-want) > 1e-12 {
			t.Errorf("the pull of %g is %g, want %g", truth, got, want)
		}
	}
	if got := (posterior.Interval{Median: 1, Low: 1, High: 1}).Pull(0); !math.IsInf(got, 1) {
		t.Errorf("without error bars the pull is %g", got)
	}
}

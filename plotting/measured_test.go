package plotting

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"

	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/posterior"
)

func TestProfileFigure(t *testing.T) {
	p, truth := measuredScene(t)
	profile := Profile{Candidates: p.Samples, Observation: p.Observation, Truth: truth}
	texts := written(t, mustDraw(t, profile))
	for _, want := range []string{"radius, pixels", "light within, %", "candidates",
		"observation x", "truth y", "mean pixel value in a ring"} {
		if !slices.Contains(texts, want) {
			t.Errorf("the figure lacks %q; it has %q", want, texts)
		}
	}
	few := Profile{Candidates: p.Samples.Select(0, 1, 2), PixelScale: 0.05, Title: "few"}
	texts = written(t, mustDraw(t, few))
	all := strings.Join(texts, "|")
	if !slices.Contains(texts, "radius, arcsec") || strings.Contains(all, "95 %") ||
		strings.Contains(all, "truth") {
		t.Errorf("of 3 candidates alone the figure has %q", texts)
	}

	_, err := Profile{}.Figure()
	wantError(t, err, "Profile.Candidates")
	_, err = Profile{Candidates: p.Samples.Select(0)}.Figure()
	wantError(t, err, "at least 2 candidates")
	_, err = Profile{Candidates: p.Samples, Truth: disc(1, 8, 1)}.Figure()
	wantError(t, err, "Profile.Truth")
	_, err = Profile{Candidates: galaxy.NewImages(2, 16, 16, 1)}.Figure()
	wantError(t, err, "no center")
	_, err = Profile{Candidates: p.Samples, PixelScale: -1}.Figure()
	wantError(t, err, "-1")
}

// A further candidate of the same distribution lies within the bands as often as they say.
func TestBandsHoldWhatTheySay(t *testing.T) {
	const n, trials = 60, 4000
	rng := rand.New(rand.NewPCG(1, 2))
	levels := []float64{0.95, 0.68}
	inside := make([]int, len(levels))
	for range trials {
		values := make([]float64, n)
		for i := range values {
			values[i] = rng.NormFloat64()
		}
		slices.Sort(values)
		further := rng.NormFloat64()
		for k, level := range levels {
			if further > quantile((1-level)/2, values) && further < quantile((1+level)/2, values) {
				inside[k]++
			}
		}
	}
	for k, level := range levels {
		share, sigma := float64(inside[k])/trials, math.Sqrt(level*(1-level)/trials)
		if math.Abs(share-level) > 4*sigma {
			t.Errorf("the band of %g holds %g ± %.2g", level, share, sigma)
		}
	}
}

func TestCornerFigure(t *testing.T) {
	p, truth := measuredScene(t)
	c, err := CornerOf(p, 16, truth)
	if err != nil {
		t.Fatal(err)
	}
	texts := written(t, mustDraw(t, c))
	all := strings.Join(texts, "|")
	for _, want := range []string{"NGC 2903", "half-light radius, pixels", "g1", "g2",
		"64 candidates", "red: the truth", c.Quantities[0].written()} {
		if !strings.Contains(all, want) {
			t.Errorf("the figure lacks %q; it has %q", want, texts)
		}
	}
	if c, err = CornerOf(p, 16, nil); err != nil {
		t.Fatal(err)
	}
	if all = strings.Join(written(t, mustDraw(t, c)), "|"); strings.Contains(all, "truth") {
		t.Errorf("nobody knows the truth, but %q", all)
	}

	good := func() Corner {
		return Corner{Quantities: []Quantity{
			{Name: "a", Values: pulls(20, 0, 1e-19), Truth: math.NaN()},
			{Name: "b", Values: pulls(20, 1, 2), Truth: 3},
		}}
	}
	if text := good().Quantities[0].written(); !strings.Contains(text, ")×10^{-") &&
		!strings.Contains(text, ")×10^{−") {
		t.Errorf("a small quantity is written %q", text)
	}
	mustDraw(t, good())
	for want, change := range map[string]func(c *Corner){
		"2 to 8 quantities":        func(c *Corner) { c.Quantities = c.Quantities[:1] },
		`"b" has 19 values`:        func(c *Corner) { c.Quantities[1].Values = pulls(19, 0, 1) },
		`"b" has the value NaN`:    func(c *Corner) { c.Quantities[1].Values[3] = math.NaN() },
		`the truth of "b" is +Inf`: func(c *Corner) { c.Quantities[1].Truth = math.Inf(1) },
		`"b" is 5 of all candidates`: func(c *Corner) {
			c.Quantities[1].Values = slices.Repeat([]float64{5}, 20)
		},
	} {
		c := good()
		change(&c)
		_, err := c.Figure()
		wantError(t, err, want)
	}
	// Quantities that say the same have no area between them, and no contours.
	same := good()
	same.Quantities[1] = same.Quantities[0]
	mustDraw(t, same)
}

// Contours hold the part of the pairs that they say, and the density of one Gaussian, much wider
// than its kernels, is that of a Gaussian.
func TestDensity(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	const n = 3000
	x, y := Quantity{Truth: math.NaN()}, Quantity{Truth: math.NaN()}
	for range n {
		a, b := rng.NormFloat64(), rng.NormFloat64()
		x.Values, y.Values = append(x.Values, 10+a), append(y.Values, 3*(0.6*a+0.8*b))
	}
	d, ok := densityOf(x, y)
	if !ok {
		t.Fatal("there is no density")
	}
	levels := d.levels(x.Values, y.Values, 0.95, 0.68)
	for k, want := range []float64{0.95, 0.68} {
		inside := 0
		for i := range n {
			if d.at(x.Values[i], y.Values[i]) >= levels[k] {
				inside++
			}
		}
		if got := float64(inside) / n; math.Abs(got-want) > 0.01 {
			t.Errorf("the contour of %g holds %g", want, got)
		}
	}
	// Above the level of 68 % lies what is within χ² = −2 ln 0.32 of two degrees of freedom.
	peak := d.at(10, 0)
	if got := levels[1] / peak; math.Abs(got-0.32) > 0.05 {
		t.Errorf("the level of 68 %% is %g of the peak, want 0.32", got)
	}
	if d.at(10+1.2, 3*0.6*1.2) < 2*d.at(10+1.2, -3*0.6*1.2) {
		t.Error("the density doesn't follow the correlation")
	}
}

func TestPullsFigure(t *testing.T) {
	p := Pulls{Histograms: []PullHistogram{{"flux", pulls(50, 0, 1)}, {"size", pulls(50, 2, 3)}}}
	texts := strings.Join(written(t, mustDraw(t, p)), "|")
	for _, want := range []string{"flux", "size", "density", "of 50 within ±1", "unit Gaussian"} {
		if !strings.Contains(texts, want) {
			t.Errorf("the figure lacks %q; it has %q", want, texts)
		}
	}
	one := Pulls{Histograms: []PullHistogram{{"one", []float64{-1, 0, 0.5, 2.5}}}}
	texts = strings.Join(written(t, mustDraw(t, one)), "|")
	// (−1, 0, ½, 2½) has the mean ½ and the variance (9 + 1 + 0 + 16)/4/3.
	for _, want := range []string{"mean 0.50 ± 0.74, σ 1.47 ± 0.60", "75 % of 4 within ±1"} {
		if !strings.Contains(texts, want) {
			t.Errorf("the figure lacks %q; it has %q", want, texts)
		}
	}

	_, err := Pulls{}.Figure()
	wantError(t, err, "1 to 12", "got 0")
	_, err = Pulls{Histograms: []PullHistogram{{"few", pulls(2, 0, 1)}}}.Figure()
	wantError(t, err, `"few" has 2 pulls`)
	_, err = Pulls{Histograms: []PullHistogram{{"odd", []float64{1, 2, math.NaN()}}}}.Figure()
	wantError(t, err, `"odd" holds NaN`)
}

// The interval of counts holds 95 % of all cases or, as they are integers, more, but no longer if
// it were narrower on either side.
func TestBinomialInterval(t *testing.T) {
	for _, n := range []int{3, 20, 400} {
		for _, p := range []float64{0.001, 0.1, 0.5, 0.9} {
			few, many := binomialInterval(n, p, 0.95)
			b := distuv.Binomial{N: float64(n), P: p}
			below, above := b.CDF(few-1), 1-b.CDF(many)
			if few == 0 {
				below = 0
			}
			if below > 0.025+1e-9 || above > 0.025+1e-9 {
				t.Errorf("of %d at %g, %g lie below %g and %g above %g", n, p, below, few, above,
					many)
			}
			if b.CDF(few) < 0.025-1e-9 || many > few && 1-b.CDF(many-1) < 0.025-1e-9 {
				t.Errorf("of %d at %g, %g to %g is wider than it must be", n, p, few, many)
			}
		}
	}
}

// Of candidates that scatter as their truths do the pulls are those of their medians.
func TestPullsOf(t *testing.T) {
	p, truth := measuredScene(t)
	p.Index = 1
	two, err := galaxy.Join(p.Samples.Select(5), truth)
	if err != nil {
		t.Fatal(err)
	}
	got, err := PullsOf([]posterior.Posterior{p}, two, 16)
	if err != nil {
		t.Fatal(err)
	}
	m, err := p.Measure(16)
	if err != nil {
		t.Fatal(err)
	}
	corner, err := CornerOf(p, 16, truth)
	if err != nil {
		t.Fatal(err)
	}
	for k, of := range []posterior.Interval{m.Flux, m.HalfLight, m.G1, m.G2} {
		want := of.Pull(corner.Quantities[k].Truth)
		if h := got.Histograms[k]; len(h.Pulls) != 1 || h.Pulls[0] != want || math.Abs(want) > 3 {
			t.Errorf("the pulls of %s are %v, want %g", h.Name, h.Pulls, want)
		}
	}
	dark := []posterior.Posterior{{Index: 0, Observation: p.Observation,
		Samples: galaxy.NewImages(3, 48, 48, 1)}}
	if got, err = PullsOf(dark, two, 16); err != nil || len(got.Histograms[0].Pulls) != 0 {
		t.Errorf("of darkness the pulls are %+v, %v", got, err)
	}
	_, err = PullsOf([]posterior.Posterior{p}, truth, 16)
	wantError(t, err, "observation 1", "one of 1 true")
	_, err = PullsOf(nil, nil, 16)
	wantError(t, err, "truth")
	_, err = CornerOf(dark[0], 16, nil)
	wantError(t, err, "only 0 candidates")
	_, err = CornerOf(p, 16, galaxy.NewImages(1, 48, 48, 1))
	wantError(t, err, "the truth can't be measured")
}

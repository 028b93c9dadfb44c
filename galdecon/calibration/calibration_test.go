package calibration

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"gonum.org/v1/gonum/integrate/quad"
	"gonum.org/v1/gonum/stat/distuv"

	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/internal/galtest"
)

// draw makes trials of d quantities with a posterior N(center, 1) each, which correlate by rho, and
// samples of N(center + bias, width²), which correlate by sampled. The prior of centers is N(0,
// 3²).
func draw(t *testing.T, m, n, d int, width, bias, rho, sampled float64, seed int64) *Ensemble {
	t.Helper()
	rng := rand.New(rand.NewPCG(uint64(seed), 0))
	truth, samples := make([][]float64, m), make([][][]float64, m)
	for i := range m {
		center := make([]float64, d)
		for k := range center {
			center[k] = 3 * rng.NormFloat64()
		}
		correlated := func(width, bias, rho float64) []float64 {
			common, v := math.Sqrt(rho)*rng.NormFloat64(), make([]float64, d)
			for k := range v {
				v[k] = center[k] + bias + width*(common+math.Sqrt(1-rho)*rng.NormFloat64())
			}
			return v
		}
		truth[i] = correlated(1, 0, rho)
		for range n {
			samples[i] = append(samples[i], correlated(width, bias, sampled))
		}
	}
	trials, err := Vectors(truth, samples)
	if err != nil {
		t.Fatal(err)
	}
	return trials
}

func central(t *testing.T, r *Ranks) Coverage { t.Helper(); return must(t)(r.Central(1)) }

func cumulative(t *testing.T, r *Ranks) Coverage { t.Helper(); return must(t)(r.Cumulative(1)) }

func must(t *testing.T) func(Coverage, error) Coverage {
	t.Helper()
	return func(c Coverage, err error) Coverage {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
}

func wantNear(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance) {
		t.Errorf("%s is %v, want %v ± %v", what, got, want, tolerance)
	}
}

// Gaussian samples of the right mean and width pass; of a wrong width or mean they fail, and by as
// much as they must: with samples N(bias, width²) and truth N(0, 1), the rank is binomial with the
// probability Φ((truth − bias)/width), averaged over the truth.
func TestCalibrationOfGaussians(t *testing.T) {
	const m, n = 1000, 31
	for _, test := range []struct {
		name        string
		width, bias float64
	}{{"exact", 1, 0}, {"over-confident", 0.7, 0}, {"under-confident", 1.4, 0},
		{"biased", 1, 0.5}} {
		t.Run(test.name, func(t *testing.T) {
			trials := draw(t, m, n, 1, test.width, test.bias, 0, 0, 1)
			ranks := trials.Ranks(1)
			expected := make([]int, n+1)
			for r := range expected {
				p := quad.Fixed(func(x float64) float64 {
					p := distuv.UnitNormal.CDF((x - test.bias) / test.width)
					// gonum has no probabilities for 0 and 1
					b := distuv.Binomial{N: n, P: min(max(p, 1e-15), 1-1e-15)}
					return b.Prob(float64(r)) * distuv.UnitNormal.Prob(x)
				}, -7, 7, 300, nil, 0)
				expected[r] = int(math.Round(p * 1e12))
			}
			exact := &Ranks{Samples: n, Counts: [][]int{expected, expected}}
			tarp, err := trials.TARP(10, 1)
			if err != nil {
				t.Fatal(err)
			}
			histogram, err := ranks.Histogram(8, 1)
			if err != nil {
				t.Fatal(err)
			}
			inCenter, below := central(t, ranks), cumulative(t, ranks)
			// within half more than the band of 95 %, so that chance alone won't fail it
			for k, level := range inCenter.Nominal {
				wantNear(t, fmt.Sprintf("central coverage at %g", level), inCenter.Empirical[k],
					central(t, exact).Empirical[k], 1.5*inCenter.HalfWidth)
				wantNear(t, fmt.Sprintf("cumulative coverage at %g", level), below.Empirical[k],
					cumulative(t, exact).Empirical[k], 1.5*below.HalfWidth)
			}
			calibrated := test.name == "exact"
			for what, p := range map[string]float64{"central": inCenter.P, "cumulative": below.P,
				"histogram": histogram.P, "TARP": cumulative(t, tarp).P} {
				if calibrated != (p > 0.01) {
					t.Errorf("%s: by chance with probability %v", what, p)
				}
			}
			if calibrated != (inCenter.Distance < inCenter.HalfWidth) {
				t.Errorf("distance %v, error %v", inCenter.Distance, inCenter.HalfWidth)
			}
			// The mean of n samples is off by 1 + width²/n + bias² in the square; they promise
			// width² (1 + 1/n).
			ratio, err := trials.SpreadRatio(1)
			if err != nil {
				t.Fatal(err)
			}
			want := math.Sqrt((1 + test.width*test.width/n +
				test.bias*test.bias) / (test.width * test.width * (1 + 1./n)))
			if !(ratio.Low < want && want < ratio.High) || ratio.High-ratio.Low > 0.15 {
				t.Errorf("error over spread is %+v, want %v", ratio, want)
			}
			// Its interval is, by the delta method on squares of Gaussians, √(2/m)/2 of it to
			// either side, 1.96 times, but for the bias.
			if half := (ratio.High - ratio.Low) / 2; test.bias == 0 {
				wantNear(t, "half of the interval", half, 1.96*want*math.Sqrt(0.5/m), 0.1*half)
			}
		})
	}
}

// The bands hold what they promise: of exact samples, of 30 quantities that correlate, 5 % stray.
func TestBandsHold(t *testing.T) {
	const repeats = 200
	var strayed [2]int
	for seed := range int64(repeats) {
		r := draw(t, 30, 15, 30, 1, 0, 0.5, 0.5, seed).Ranks(1)
		for k, c := range []Coverage{central(t, r), cumulative(t, r)} {
			if c.Distance > c.HalfWidth {
				strayed[k]++
			}
			if (c.P < 0.05) != (c.Distance > c.HalfWidth) && math.Abs(c.P-0.05) > 0.001 {
				t.Errorf("P is %v, but distance %v and error %v", c.P, c.Distance, c.HalfWidth)
			}
		}
	}
	for k, n := range strayed {
		// 5 % ± 3 standard errors of 1.5 %
		if share := float64(n) / repeats; share < 0.02 || share > 0.1 {
			t.Errorf("%s: %v of exact cases are outside of the band of 95 %%",
				[]string{"central", "cumulative"}[k], share)
		}
	}
}

// What repeats itself within an observation is no evidence: 50 equal pixels have the errors of one.
func TestEqualPixelsAreOne(t *testing.T) {
	one := draw(t, 50, 9, 1, 0.7, 0, 0, 0, 3)
	many := *one
	many.d = 50
	many.truth = func(i int) []float64 { return slices.Repeat(one.truth(i), many.d) }
	many.samples = func(i int) [][]float64 {
		rows := slices.Clone(one.samples(i))
		for k := range rows {
			rows[k] = slices.Repeat(rows[k], many.d)
		}
		return rows
	}
	a, b := central(t, one.Ranks(1)), central(t, many.Ranks(1))
	if a.HalfWidth != b.HalfWidth || a.Distance != b.Distance || a.P != b.P {
		t.Errorf("one pixel: %+v; 50 equal ones: %+v", a, b)
	}
	first, err := one.SpreadRatio(1)
	if err != nil {
		t.Fatal(err)
	}
	second, err := many.SpreadRatio(1)
	if err != nil {
		t.Fatal(err)
	}
	wantNear(t, "ratio", second.Value, first.Value, 1e-12)
	wantNear(t, "its lower end", second.Low, first.Low, 1e-12)
}

// Samples with the right marginals but without the correlation of the posterior pass one by one;
// TARP sees them.
func TestTARPSeesCorrelation(t *testing.T) {
	const rho = 0.98
	for _, test := range []struct {
		sampled    float64
		calibrated bool
	}{{rho, true}, {0, false}} {
		trials := draw(t, 500, 31, 2, 1, 0, rho, test.sampled, 5)
		if p := central(t, trials.Ranks(1)).P; p < 0.01 {
			t.Errorf("correlation %v: the marginals fail with P = %v", test.sampled, p)
		}
		ranks, err := trials.TARP(20, 1)
		if err != nil {
			t.Fatal(err)
		}
		if c := cumulative(t, ranks); (c.P > 0.01) != test.calibrated {
			t.Errorf("correlation %v, want %v: TARP gives %+v", test.sampled, rho, c)
		}
	}
}

// TestTARPGolden compares with the Python program of the paper's authors; testdata/golden_tarp.py
// made the file.
func TestTARPGolden(t *testing.T) {
	data, err := os.ReadFile("testdata/golden_tarp.json")
	if err != nil {
		t.Fatal(err)
	}
	var golden struct {
		Truth, References [][]float64
		Samples           [][][]float64
		ECP               []float64
	}
	if err := json.Unmarshal(data, &golden); err != nil {
		t.Fatal(err)
	}
	trials, err := Vectors(golden.Truth, golden.Samples)
	if err != nil {
		t.Fatal(err)
	}
	next := 0
	ranks, err := trials.tarp(func(int, *rand.Rand) [][]float64 {
		next++
		return golden.References[next-1 : next]
	}, 1)
	if err != nil {
		t.Fatal(err)
	}
	sum := 0
	for r := range ranks.Samples + 1 {
		for _, counts := range ranks.Counts {
			sum += counts[r]
		}
		wantNear(t, fmt.Sprintf("expected coverage up to rank %d", r),
			float64(sum)/float64(trials.m), golden.ECP[r+1], 1e-12)
	}
}

func TestRanksByHand(t *testing.T) {
	// Two pixels, three samples: 1.5 is above 1 and below 2 and 3; 9 is above all.
	truth := &galaxy.Images{N: 1, Height: 1, Width: 2, Channels: 1, Pixels: []float32{1.5, 9}}
	samples := &galaxy.Images{N: 3, Height: 1, Width: 2, Channels: 1,
		Pixels: []float32{2, 0, 1, -1, 3, 8}}
	trials, err := Images(truth, []*galaxy.Images{samples})
	if err != nil {
		t.Fatal(err)
	}
	if got := trials.Ranks(1); got.Samples != 3 || !slices.Equal(got.Counts[0], []int{0, 1, 0, 1}) {
		t.Errorf("ranks %+v", got)
	}
	// Equal to two of three, with one below: ranks 1, 2 and 3 are equally probable.
	var counts [4]int
	rng := rand.New(rand.NewPCG(1, 1))
	for range 3000 {
		counts[rank(0, []float64{0, -1, 0}, rng)]++
	}
	if counts[0] != 0 || min(counts[1], counts[2], counts[3]) < 900 {
		t.Errorf("ranks among equals: %v", counts)
	}
}

func TestCoverageByHand(t *testing.T) {
	// Equally many of each rank give the diagonal, whatever the number of samples.
	for _, n := range []int{2, 7, 10} {
		even := make([]int, n+1)
		for k := range even {
			even[k] = 4
		}
		r := &Ranks{Samples: n, Counts: [][]int{even, even}}
		for _, c := range []Coverage{central(t, r), cumulative(t, r)} {
			wantNear(t, "distance of even ranks", c.Distance, 0, 1e-12)
			if len(c.Nominal) != 19 || c.Nominal[0] != 0.05 || c.Nominal[18] != 0.95 || c.P != 1 {
				t.Errorf("%+v", c)
			}
		}
	}
	// Of three samples the lowest and the highest hold 1/2. All truths between them: half of that
	// level holds half of them.
	c := central(t, &Ranks{Samples: 3, Counts: [][]int{{0, 1, 1, 0}, {0, 2, 0, 0}}})
	for k, level := range c.Nominal {
		wantNear(t, "coverage", c.Empirical[k], min(2*level, 1), 1e-12)
	}
	wantNear(t, "distance", c.Distance, 0.5, 1e-12)
	// All truths below all samples: nothing up to level 1/2, all of it at 1.
	c = central(t, &Ranks{Samples: 3, Counts: [][]int{{1, 0, 0, 0}, {3, 0, 0, 0}}})
	for k, level := range c.Nominal {
		wantNear(t, "coverage", c.Empirical[k], max(2*level-1, 0), 1e-12)
	}
	// Observations weigh the same, however many quantities they have. Five ranks in two bins: the
	// middle one counts for both.
	h, err := (&Ranks{Samples: 4, Counts: [][]int{{1, 0, 0, 0, 0}, {0, 0, 4, 0, 4}}}).Histogram(2,
		1)
	if err != nil {
		t.Fatal(err)
	}
	wantNear(t, "density", h.Density[0], 2*(1+0.25)/2, 1e-12)
	wantNear(t, "density", h.Density[1], 2*(0+0.75)/2, 1e-12)
}

func TestCalibrationRefuses(t *testing.T) {
	image := func(pixels ...float32) *galaxy.Images {
		return &galaxy.Images{N: len(pixels), Height: 1, Width: 1, Channels: 1, Pixels: pixels}
	}
	nan := math.NaN()
	second := func(_ any, err error) error { return err }
	images := func(truth *galaxy.Images, samples ...*galaxy.Images) error {
		return second(Images(truth, samples))
	}
	scalars := func(truth []float64, samples ...[]float64) error {
		return second(Scalars(truth, samples))
	}
	one, err := Scalars([]float64{1}, [][]float64{{1, 2}})
	if err != nil {
		t.Fatal(err)
	}
	same, err := Scalars([]float64{1, 1}, [][]float64{{2, 2}, {3, 3}})
	if err != nil {
		t.Fatal(err)
	}
	for want, err := range map[string]error{
		"1 truths, but samples of 2": images(image(1), image(1, 2), image(1, 2)),
		"got nil":                    images(image(1), nil),
		"at least 2 samples of each": images(image(1), image(1)),
		"observation 1 has 3 samples, the first has 2": images(image(1, 2), image(1, 2),
			image(1, 2, 3)),
		"calibration: truth: galaxy: ": images(image(float32(nan)), image(1, 2)),
		"samples of observation 1": images(image(1, 2), image(1, 2),
			image(float32(nan), 1)),
		"can't be compared with one truth": images(image(1),
			&galaxy.Images{N: 2, Height: 1, Width: 2, Channels: 1, Pixels: make([]float32, 4)}),
		"sample 1 of observation 0 has the value NaN": scalars([]float64{1}, []float64{1, nan}),
		"the truth of observation 0 has the value": scalars([]float64{math.Inf(1)},
			[]float64{1, 2}),
		"at least one observation": scalars(nil),
		"has 2 quantities, the first truth has " +
			"1": second(Vectors([][]float64{{1}, {1, 2}},
			[][][]float64{{{1}, {2}}, {{1}, {2}}})),
		"of which it needs at least 2, got 1": second(one.Ranks(1).Central(1)),
		"needs at least 2, got 1":             second(one.SpreadRatio(1)),
		"at least 2, got 1":                   second(one.TARP(1, 1)),
		"all the same":                        second(same.SpreadRatio(1)),
		"TARP has no scale":                   second(same.TARP(1, 1)),
		"at least one reference point":        second(same.TARP(0, 1)),
		"for 2 to 3 bins, got 4":              second(same.Ranks(1).Histogram(4, 1)),
		"2 to 3 bins, got 1":                  second(same.Ranks(1).Histogram(1, 1)),
		"2 samples make 3 ranks": second((&Ranks{Samples: 2,
			Counts: [][]int{{1, 1, 1}, {1, 1}}}).Central(1)),
		"0 quantities in 3 ranks": second((&Ranks{Samples: 2,
			Counts: [][]int{{1, 1, 1}, {0, 0, 0}}}).Cumulative(1)),
		"-1 quantities of rank 0": second((&Ranks{Samples: 1,
			Counts: [][]int{{-1, 1}, {0, 2}}}).Central(1)),
	} {
		galtest.Wants(t, "bad trials", err, want)
	}
}

package score

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"
)

func trace(t *testing.T, vectors ...[]float64) float64 {
	t.Helper()
	var v Variance
	for _, f := range vectors {
		if err := v.Add(f); err != nil {
			t.Fatal(err)
		}
	}
	if v.N() != len(vectors) {
		t.Errorf("N is %d after %d vectors", v.N(), len(vectors))
	}
	got, err := v.Trace()
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// TestVarianceByHand: the first feature 1, 2, 6 has the mean 3 and squares 4 + 1 + 9 = 14, the
// second 0, 4, 2 has 4 + 4 + 0 = 8.
func TestVarianceByHand(t *testing.T) {
	if got := trace(t, []float64{1, 0}, []float64{2, 4},
		[]float64{6, 2}); math.Abs(got-11) > 1e-14 {
		t.Errorf("the trace is %v, want (14 + 8)/2 = 11", got)
	}
}

// TestVarianceGonum compares with the trace of gonum's covariance matrix, at offsets that would
// cost a naive sum all its digits.
func TestVarianceGonum(t *testing.T) {
	const n, length = 40, 16
	rng := rand.New(rand.NewPCG(1, 0))
	noise := mat.NewDense(n, length, nil)
	noise.Apply(func(_, j int, _ float64) float64 { return float64(j) * rng.NormFloat64() }, noise)
	var covariance mat.SymDense
	stat.CovarianceMatrix(&covariance, noise, nil)
	want := mat.Trace(&covariance)
	// at 1e8 the inputs are rounded to 1.5e-8
	for offset, tolerance := range map[float64]float64{0: 1e-14, 1e8: 1e-8} {
		var vectors [][]float64
		for i := range n {
			f := slices.Clone(noise.RawRowView(i))
			for j := range f {
				f[j] += offset
			}
			vectors = append(vectors, f)
		}
		if got := trace(t, vectors...); math.Abs(got-want) > tolerance*want {
			t.Errorf("offset %g: the trace is %v, want %v within %g relative", offset, got, want,
				tolerance)
		}
	}
}

// TestVarianceConstant: equal vectors vary by exactly nothing, however large.
func TestVarianceConstant(t *testing.T) {
	f := []float64{1e8 + 0.1, -1e-3}
	if got := trace(t, f, f, f); got != 0 {
		t.Errorf("the trace of equal vectors is %v", got)
	}
}

func TestVarianceErrors(t *testing.T) {
	var v Variance
	wantError(t, "at least 2 candidates, got 0", second(v.Trace()))
	wantError(t, "no features", v.Add(nil))
	if err := v.Add([]float64{1, 2}); err != nil {
		t.Fatal(err)
	}
	wantError(t, "at least 2 candidates, got 1", second(v.Trace()))
	wantError(t, "3 features, those before have 2", v.Add([]float64{1, 2, 3}))
	wantError(t, "NaN as feature 1", v.Add([]float64{1, math.NaN()}))
	wantError(t, "+Inf as feature 0", v.Add([]float64{math.Inf(1), 1}))
	if v.N() != 1 {
		t.Errorf("refused vectors count: N is %d", v.N())
	}
	wantError(t, "1 survivors of 0 candidates", second(v.Diversity(0)))
}

func TestSurvivors(t *testing.T) {
	got, err := Survivors([]float64{2e-5, Epsilon, 3, math.Inf(1), 0}, Epsilon)
	if err != nil || !slices.Equal(got, []int{0, 4}) {
		t.Errorf("survivors are %v, error %v; want 0 and 4, those strictly below ε", got, err)
	}
	for _, epsilon := range []float64{0, -1, math.NaN(), math.Inf(1)} {
		wantError(t, "ε must be positive", second(Survivors([]float64{1}, epsilon)))
	}
	wantError(t, "candidate 1 has the reconvolution error NaN",
		second(Survivors([]float64{1, math.NaN()}, 1)))
}

func TestMeanVariance(t *testing.T) {
	var one Variance
	if err := one.Add([]float64{5}); err != nil {
		t.Fatal(err)
	}
	lone, err := one.Diversity(4)
	if err != nil || lone != (Diversity{Candidates: 4, Retained: 1}) {
		t.Errorf("one survivor of 4 is %+v, error %v", lone, err)
	}
	if err := one.Add([]float64{7}); err != nil {
		t.Fatal(err)
	}
	two, err := one.Diversity(4)
	if err != nil || two != (Diversity{Candidates: 4, Retained: 2, Variance: 2}) {
		t.Errorf("two survivors of 4, at 5 and 7, are %+v, error %v", two, err)
	}

	observations := []Diversity{two, lone, {Candidates: 4},
		{Candidates: 4, Retained: 4, Variance: 6}}
	e, err := MeanVariance(observations, 1)
	if err != nil || e.Value != 4 || e.Low != 2 || e.High != 6 || e.Used != 2 || e.Dropped != 2 {
		t.Errorf("the mean is %+v, error %v; want 4 within 2 and 6, 2 used and 2 dropped", e, err)
	}
	wantError(t, "none of 1 observations", second(MeanVariance([]Diversity{lone}, 1)))
	wantError(t, "none of 0 observations", second(MeanVariance(nil, 1)))
	wantError(t, "retains 5 of 4",
		second(MeanVariance([]Diversity{{Candidates: 4, Retained: 5}}, 1)))
	wantError(t, "observation 0 retains 4 of 4 candidates with the variance NaN",
		second(MeanVariance([]Diversity{{4, 4, math.NaN()}}, 1)))
}

// TestReleased: the released program keeps errors above 2 as well, in the order of the candidates.
func TestReleased(t *testing.T) {
	got, err := AuthorsCriterion([]float64{5, 2e-5, Epsilon, 2, 0, 2.1})
	if err != nil || !slices.Equal(got, []int{0, 1, 4, 5}) {
		t.Errorf("the released program keeps %v, error %v; want 0, 1, 4 and 5", got, err)
	}
	wantError(t, "reconvolution error NaN", second(AuthorsCriterion([]float64{math.NaN()})))
}

func TestMeanRetained(t *testing.T) {
	e, err := MeanRetained([]Diversity{{4, 4, 1}, {4, 0, 0}, {10, 5, 1}}, 1)
	if err != nil || e.Value != 0.5 || e.Used != 3 || e.Dropped != 0 || e.Low != 0 || e.High != 1 {
		t.Errorf("the mean is %+v, error %v; want 0.5 within 0 and 1, of all 3", e, err)
	}
	wantError(t, "observation 1 retains 0 of 0",
		second(MeanRetained([]Diversity{{4, 4, 1}, {}}, 1)))
	wantError(t, "retains -1 of 4", second(MeanRetained([]Diversity{{4, -1, 1}}, 1)))
	wantError(t, "at least one observation", second(MeanRetained(nil, 1)))
}

// TestDifference: pairs find a difference far smaller than the scatter of the observations.
func TestDifference(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 0))
	var a, b []Diversity
	for range 50 {
		common := 100 * rng.Float64()
		a = append(a, Diversity{8, 8, common + 1 + 0.1*rng.Float64()})
		b = append(b, Diversity{8, 4, common})
	}
	a[0].Retained, b[1].Retained, b[2].Retained = 1, 0, 1
	retained, variance, err := Difference(a, b, 1)
	if err != nil {
		t.Fatal(err)
	}
	if want := 0.5 + (-7.0/8+4.0/8+3.0/8)/50; math.Abs(retained.Value-want) > 1e-12 ||
		retained.Used != 50 || retained.Dropped != 0 {
		t.Errorf("difference of the retained %+v, want %v", retained, want)
	}
	if variance.Low < 1.03 || variance.High > 1.07 || variance.Used != 47 || variance.Dropped != 3 {
		t.Errorf("difference of the variance %+v, want 1.05 within 0.02, and 3 dropped", variance)
	}
	third := func(_, _ Estimate, err error) error { return err }
	wantError(t, "50 and 49 observations", third(Difference(a, b[1:], 1)))
	if retained, variance, err := Difference(a[:1], b[:1], 1); err != nil || retained.Used != 1 ||
		variance != (Estimate{Dropped: 1}) {
		t.Errorf("of one observation without 2 survivors the difference is %+v, %+v, %v", retained,
			variance, err)
	}
	wantError(t, "at least one observation", third(Difference(nil, nil, 1)))
	wantError(t, "observation 0 retains 2 of 1",
		third(Difference([]Diversity{{1, 2, 0}}, []Diversity{{1, 1, 0}}, 1)))
}

// TestMean: of many values the interval is the normal one, mean ± 1.96 standard errors, and it
// repeats with its seed.
func TestMean(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 0))
	values := make([]float64, 400)
	for i := range values {
		values[i] = rng.ExpFloat64()
	}
	e, err := Mean(values, 7)
	if err != nil {
		t.Fatal(err)
	}
	mean, deviation := stat.MeanStdDev(values, nil)
	se := deviation / 20
	if math.Abs(e.Value-mean) > 1e-12 || math.Abs(e.Low-(mean-1.96*se)) > 0.2*se ||
		math.Abs(e.High-(mean+1.96*se)) > 0.2*se || e.Used != 400 {
		t.Errorf("%+v, want %v ± 1.96·%v", e, mean, se)
	}
	if again, _ := Mean(values, 7); again != e {
		t.Errorf("the same seed gives %+v and %+v", e, again)
	}
	if other, _ := Mean(values, 8); other.Low == e.Low {
		t.Error("another seed gives the same interval")
	}
	wantError(t, "at least one", second(Mean(nil, 1)))
	wantError(t, "observation 1 has the value +Inf", second(Mean([]float64{1, math.Inf(1)}, 1)))
}

func second[T any](_ T, err error) error { return err }

func wantError(t *testing.T, want string, err error) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got error %v, want one with %q", err, want)
	}
}

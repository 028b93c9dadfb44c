package observe_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/observe"
)

func TestInverseVariances(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	bad := []float32{0, -1, nan, inf, -inf}
	for name, c := range map[string]struct {
		got  []float64
		want float64
	}{
		"ERR":  {observe.FromError(append([]float32{2}, bad...)), 0.25},
		"VAR":  {observe.FromVariance(append([]float32{2}, bad...)), 0.5},
		"IVAR": {observe.FromInvVar(append([]float32{2}, bad...)), 2},
	} {
		if c.got[0] != c.want {
			t.Errorf("%s of 2 is an inverse variance of %g, want %g", name, c.got[0], c.want)
		}
		for i, w := range c.got[1:] {
			if w != 0 {
				t.Errorf("%s of %g is data", name, bad[i])
			}
		}
	}
	kinds := map[string]float64{"std": 0.0625, "var": 0.25, "ivar": 4, "InverseVariance": 4}
	for kind, want := range kinds {
		if w, err := observe.FromUncertainty(kind, []float32{4}); err != nil || w[0] != want {
			t.Errorf("%s of 4 is an inverse variance of %v, want %g (%v)", kind, w, want, err)
		}
	}
	if _, err := observe.FromUncertainty("unknown", nil); err == nil {
		t.Error("an uncertainty of no known type was taken")
	}
}

// Weights in any unit become the inverse variances of the noise that the image has, also where a
// part has no data.
func TestFromWeight(t *testing.T) {
	const size, sigma = 64, 0.3
	rng := rand.New(rand.NewPCG(41, 1))
	weights, x := make([]float32, size*size), make([]float32, size*size)
	for i := range weights {
		if i%size < 40 {
			weights[i] = 700 * float32(1+i/size) // deeper downwards
		}
		row, col := float64(i/size-30), float64(i%size-20)
		x[i] = float32(
			sigma*rng.NormFloat64()/math.Sqrt(
				float64(1+i/size),
			) + 20*math.Exp(
				-(row*row+col*col)/18,
			),
		)
	}
	got, err := observe.FromWeight(weights, x, size, size)
	if err != nil {
		t.Fatal(err)
	}
	for i, w := range got {
		want := float64(1+i/size) / (sigma * sigma)
		if i%size >= 40 {
			want = 0
		}
		if math.Abs(w-want) > 0.12*want {
			t.Fatalf("inverse variance of pixel %d is %g, want %g", i, w, want)
		}
	}
	if _, err := observe.FromWeight(make([]float32, 64), make([]float32, 64), 8, 8); !errors.As(
		err,
		new(*observe.NoDataError),
	) {
		t.Errorf("weights of 0: %v", err)
	}
}

// The noise of a whole image is estimated as package galaxy does.
func TestNoiseLevel(t *testing.T) {
	const size = 40
	rng := rand.New(rand.NewPCG(42, 1))
	im := image(size, size, 1, normal(rng, size*size, 0.7))
	want, err := im.NoiseLevels()
	if err != nil {
		t.Fatal(err)
	}
	got, err := observe.NoiseLevel(im.Pixels, nil, size, size)
	if err != nil || math.Abs(got-want[0]) > 1e-12 {
		t.Errorf("noise is %g, by galaxy %g (%v)", got, want[0], err)
	}
	invVar := ones(size * size)
	for i := range invVar {
		if i%size < 10 {
			im.Pixels[i], invVar[i] = 1e6*float32(rng.Float64()), 0
		}
	}
	if got, err = observe.NoiseLevel(im.Pixels, invVar, size, size); err != nil ||
		math.Abs(got-0.7) > 0.08 {
		t.Errorf("noise beside a gap is %g, want 0.7 (%v)", got, err)
	}
}

// Counts of electrons have the variance of Poisson's law: with it added, the residuals have unit
// variance.
func TestAddPhotons(t *testing.T) {
	const size, gain, readout = 64, 2.5, 3.0
	rng := rand.New(rand.NewPCG(43, 1))
	truth, x := make([]float64, size*size), galaxy.NewImages(1, size, size, 1)
	invVar := make([]float64, size*size)
	for i := range truth {
		row, col := float64(i/size-32), float64(i%size-32)
		truth[i] = 4000 * math.Exp(-(row*row+col*col)/200)
		x.Pixels[i] = float32(truth[i] + math.Sqrt(readout*readout+truth[i]/gain)*rng.NormFloat64())
		invVar[i] = 1 / (readout * readout)
	}
	invVar[5] = 0
	got, err := observe.AddPhotons(invVar, x.Pixels, size, size, gain)
	if err != nil {
		t.Fatal(err)
	}
	chi2 := 0.0
	for i, w := range got {
		d := float64(x.Pixels[i]) - truth[i]
		chi2 += w * d * d / float64(size*size)
	}
	if math.Abs(chi2-1) > 4*math.Sqrt(2.0/(size*size)) || got[5] != 0 {
		t.Errorf("χ² is %g, want 1; a pixel without data has %g", chi2, got[5])
	}
	for _, electrons := range []float64{0, -1, math.NaN(), math.Inf(1)} {
		if _, err := observe.AddPhotons(invVar, x.Pixels, size, size, electrons); err == nil {
			t.Errorf("%g electrons were taken", electrons)
		}
	}
}

// The correlation of filtered noise is what the filtered noise has.
func TestCorrelationOf(t *testing.T) {
	c, err := observe.CorrelationOf(2, []float64{0.25, 0.25, 0.25, 0.25})
	if err != nil {
		t.Fatal(err)
	}
	want := []float64{0.25, 0.5, 0.25, 0.5, 1, 0.5, 0.25, 0.5, 0.25}
	for i, v := range c.Values {
		if math.Abs(v-want[i]) > 1e-12 {
			t.Fatalf("the correlation of a mean of four is %v", c.Values)
		}
	}
	if err := c.Validate(); err != nil {
		t.Error(err)
	}
	// One that isn't symmetrical about its rows: Σ h(p) h(p+d) by hand.
	c, err = observe.CorrelationOf(2, []float64{1, 2, 0, 3})
	if err != nil {
		t.Fatal(err)
	}
	want = []float64{3, 6, 0, 2, 14, 2, 0, 6, 3}
	for i, v := range c.Values {
		if math.Abs(v-want[i]/14) > 1e-12 {
			t.Fatalf("the correlation is %v, want %v / 14", c.Values, want)
		}
	}
}

func TestCorrelationPositive(t *testing.T) {
	// Bilinear interpolation by a tenth of a pixel leaves power everywhere.
	fine, err := observe.CorrelationOf(2, []float64{0.81, 0.09, 0.09, 0.01})
	if err != nil {
		t.Fatal(err)
	}
	if same, err := fine.Positive(); err != nil || !slices.Equal(same.Values, fine.Values) {
		t.Fatalf("it becomes %v: %v", same, err)
	}
	// Drizzled images of Hubble's camera have these at lags 1 and 2, known to a few hundredths.
	const size = 5
	row := [size]float64{0.06, 0.5, 1, 0.5, 0.06}
	cut := observe.Correlation{Size: size, Values: make([]float64, size*size)}
	for k := range cut.Values {
		cut.Values[k] = row[k/size] * row[k%size]
	}
	cut.Values[0], cut.Values[size*size-1] = -0.1, -0.1 // an error
	if err := cut.Validate(); err == nil {
		t.Fatal("a correlation with negative power passes")
	}
	got, err := cut.Positive()
	if err != nil {
		t.Fatal(err)
	}
	middle := got.Size / 2
	at := func(y, x int) float64 { return got.Values[(middle+y)*got.Size+middle+x] }
	if err := got.Validate(); err != nil {
		t.Error(err)
	}
	for _, lag := range [][2]int{{0, 1}, {1, 0}, {1, 1}} {
		want := cut.Values[(2+lag[0])*size+2+lag[1]]
		if v := at(lag[0], lag[1]); math.Abs(v-want) > 0.04 {
			t.Errorf("lag %v: %.3f, not %.3f", lag, v, want)
		}
	}
	// A box of 21 pixels has no power at many frequencies, at lags of up to 20.
	box, err := observe.CorrelationOf(21, slices.Repeat([]float64{1}, 21*21))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := box.Positive(); err != nil || got.Size != box.Size {
		t.Errorf("of %d lags %d are left: %v", box.Size, got.Size, err)
	}
	wrong := observe.Correlation{Size: 2, Values: make([]float64, 4)}
	if _, err := wrong.Positive(); err == nil {
		t.Error("an even size passes")
	}
}

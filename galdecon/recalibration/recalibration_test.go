package recalibration_test

import (
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"galdecon/galdecon/calibration"
	"galdecon/galdecon/recalibration"
	"galdecon/galdecon/score"
)

// wrong is by how much candidates are off: their mean is low by bias, and their spread too small by
// the factor narrow, both in units of the truth's own.
type wrong struct{ bias, narrow float64 }

// trials are galaxies whose flux is known to σ of 0.3 % to 30 %, and all else as well. The truth
// has a distribution that is known, Gaussian in the logarithm, and candidates are off from it by
// what of says of the galaxy's σ.
func trials(seed uint64, galaxies, candidates int, of func(sigma float64) wrong,
) []recalibration.Trial {
	rng := rand.New(rand.NewPCG(seed, 0))
	var all []recalibration.Trial
	for range galaxies {
		sigma := math.Exp(math.Log(0.003) + rng.Float64()*math.Log(100))
		w := of(sigma)
		var middle [6]float64
		for k := range middle {
			middle[k] = rng.NormFloat64()
		}
		of := func(bias, width float64) score.Photometry {
			at := func(k int) float64 {
				shift := -bias
				if k > 1 {
					shift = 0 // ellipticity and position have no direction
				}
				return middle[k] + sigma*(shift+width*rng.NormFloat64())
			}
			return score.Photometry{Aperture: math.Exp(at(0)), HalfLight: math.Exp(at(1)),
				G1: at(2), G2: at(3), X: at(4), Y: at(5)}
		}
		t := recalibration.Trial{Truth: of(0, 1)}
		for range candidates {
			t.Candidates = append(t.Candidates, of(w.bias, 1/w.narrow))
		}
		all = append(all, t)
	}
	return all
}

// coverage returns by how much the coverage of intervals of fluxes and of ellipticities is off, as
// candidates are and moved.
func coverage(t *testing.T, r *recalibration.Recalibration, all []recalibration.Trial,
	of func(p score.Photometry) float64) calibration.Coverage {
	t.Helper()
	var truths []float64
	var samples [][]float64
	for _, trial := range all {
		truths = append(truths, of(trial.Truth))
		var values []float64
		for _, p := range r.Apply(trial.Candidates) {
			values = append(values, of(p))
		}
		samples = append(samples, values)
	}
	ensemble, err := calibration.Scalars(truths, samples)
	if err != nil {
		t.Fatal(err)
	}
	c, err := ensemble.Ranks(1).Central(1)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func learn(t *testing.T, all []recalibration.Trial) *recalibration.Recalibration {
	t.Helper()
	r, err := recalibration.Learn(all)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

var (
	flux = func(p score.Photometry) float64 { return p.Aperture }
	g1   = func(p score.Photometry) float64 { return p.G1 }
)

// A posterior whose spread is too small by a known factor, and whose mean is off by a known bias,
// is moved to the right one: intervals of others, with another number of candidates, hold the truth
// as often as they say.
func TestKnownErrorIsCorrected(t *testing.T) {
	of := func(float64) wrong { return wrong{bias: 0.7, narrow: 1.5} }
	r := learn(t, trials(1, 2000, 12, of))
	fresh := trials(2, 2000, 20, of)
	for name, value := range map[string]func(p score.Photometry) float64{"flux": flux, "g1": g1} {
		before, after := coverage(t, nil, fresh, value), coverage(t, r, fresh, value)
		// Of 2000 galaxies learned and tested each strays by up to 3 points.
		if before.Distance < 0.1 || after.Distance > 0.04 {
			t.Errorf("%s: off by %.3f before, %.3f after", name, before.Distance, after.Distance)
		}
	}
	for _, q := range r.Quantities {
		if math.Abs(q.Width-1.5) > 0.1 || !(q.Score < 0.98) {
			t.Errorf("%s: width %.3f, want 1.5; score %.3f", q.Name, q.Width, q.Score)
		}
	}
	// The mean is moved by bias·σ, of which candidates spread by σ/1.5.
	flux := r.Quantities[0]
	for k, truths := range flux.Truths {
		if shift := truths[2] - flux.Draws[2]; math.Abs(shift-0.7*1.5) > 0.2 {
			t.Errorf("stratum %d: moved by %.2f spreads, want %.2f", k, shift, 0.7*1.5)
		}
	}
	if e := r.Quantities[2]; e.Draws[2] != 0 || e.Truths[0][2] != 0 ||
		e.Draws[0] != -e.Draws[4] {
		t.Errorf("ellipticities have a direction: %v", e)
	}
}

// What is calibrated hardly changes, whatever the distribution.
func TestCalibratedStays(t *testing.T) {
	of := func(float64) wrong { return wrong{narrow: 1} }
	r := learn(t, trials(3, 2000, 8, of))
	fresh := trials(4, 2000, 16, of)
	if c := coverage(t, r, fresh, flux); c.Distance > 0.04 {
		t.Errorf("fluxes are off by %.3f", c.Distance)
	}
	for _, q := range r.Quantities {
		if math.Abs(q.Width-1) > 0.07 || math.Abs(q.Score-1) > 0.02 {
			t.Errorf("%s: width %.3f, score %.3f", q.Name, q.Width, q.Score)
		}
	}
}

// A bias of the galaxies whose flux is known best is found where they are many; few of them are
// drawn towards the others.
func TestStrataShrink(t *testing.T) {
	of := func(sigma float64) wrong {
		if sigma < 0.003*math.Pow(100, 0.25) {
			return wrong{bias: 2, narrow: 1}
		}
		return wrong{narrow: 1}
	}
	shift := func(galaxies int) (first, last float64) {
		q := learn(t, trials(5, galaxies, 16, of)).Quantities[0]
		return q.Truths[0][2], q.Truths[3][2]
	}
	first, last := shift(4000)
	if math.Abs(first-2) > 0.25 || math.Abs(last) > 0.15 {
		t.Errorf("many galaxies: biases %.2f and %.2f, want 2 and 0", first, last)
	}
	// 10 galaxies in a stratum, and 30 that count for all others: a quarter is their own.
	first, last = shift(40)
	if first > 1.5 || first < last {
		t.Errorf("few galaxies: biases %.2f and %.2f, want them near each other", first, last)
	}
}

func TestApply(t *testing.T) {
	all := trials(6, 100, 8, func(float64) wrong { return wrong{bias: 1, narrow: 2} })
	r := learn(t, all)
	given := all[0].Candidates
	moved := r.Apply(given)
	if reflect.DeepEqual(moved, given) {
		t.Error("nothing is moved")
	}
	// Ranks are kept.
	for i := range given {
		for k := range given {
			if (given[i].Aperture < given[k].Aperture) != (moved[i].Aperture < moved[k].Aperture) {
				t.Fatalf("candidates %d and %d have changed their order", i, k)
			}
		}
	}
	// Units don't matter.
	scaled := append([]score.Photometry{}, given...)
	for i := range scaled {
		scaled[i].Aperture *= 1e-20
	}
	for i, p := range r.Apply(scaled) {
		if math.Abs(p.Aperture/1e-20/moved[i].Aperture-1) > 1e-9 ||
			math.Abs(p.G1-moved[i].G1) > 1e-9 {
			t.Fatalf("in another unit candidate %d is %+v, want %+v", i, p, moved[i])
		}
	}
	same := []score.Photometry{given[0], given[0], given[0]}
	for name, of := range map[string][]score.Photometry{"one": given[:1], "none": {},
		"same": same} {
		if got := r.Apply(of); len(got) != len(of) || len(of) > 0 && !reflect.DeepEqual(got, of) {
			t.Errorf("%s: moved to %+v", name, got)
		}
	}
}

func TestEncode(t *testing.T) {
	r := learn(t, trials(7, 100, 8, func(float64) wrong { return wrong{bias: 1, narrow: 2} }))
	r.Model, r.Seed = "abc", 3
	text, err := r.Encode()
	if err != nil {
		t.Fatal(err)
	}
	back, err := recalibration.Decode(text)
	if err != nil || !reflect.DeepEqual(back, r) {
		t.Errorf("%v: %+v, want %+v", err, back, r)
	}
	if s := r.String(); !strings.Contains(s, "half-light radius") ||
		!strings.Contains(s, "100 simulated galaxies") {
		t.Errorf("as text:\n%s", s)
	}
	for _, broken := range []string{"", "{}", strings.Replace(string(text), "flux", "color", 1),
		strings.Replace(string(text), `"spread": [`, `"spread": [9,`, 1)} {
		if _, err := recalibration.Decode([]byte(broken)); err == nil ||
			!strings.Contains(err.Error(), "learn it again") {
			t.Errorf("%.30q: error %v", broken, err)
		}
	}
}

func TestLearnRefuses(t *testing.T) {
	of := func(float64) wrong { return wrong{narrow: 1} }
	if _, err := recalibration.Learn(trials(8, recalibration.Fewest-1, 8, of)); err == nil ||
		!strings.Contains(err.Error(), "at least 40") {
		t.Errorf("few galaxies: %v", err)
	}
	if _, err := recalibration.Learn(trials(8, 50, 2, of)); err == nil ||
		!strings.Contains(err.Error(), "at least 3") {
		t.Errorf("few candidates: %v", err)
	}
}

// The score of two candidates in closed form: the mean distance 1, less half of theirs from each
// other.
func TestCRPS(t *testing.T) {
	if got := recalibration.CRPS(0, []float64{1, -1}); math.Abs(got-0) > 1e-12 {
		t.Errorf("CRPS is %g, want 0", got)
	}
	// Of the unit Gaussian, and a truth of it, 1/√π.
	rng := rand.New(rand.NewPCG(1, 1))
	sum, n := 0.0, 20000
	for range n {
		var c []float64
		for range 5 {
			c = append(c, rng.NormFloat64())
		}
		sum += recalibration.CRPS(rng.NormFloat64(), c) / float64(n)
	}
	if want := 1 / math.Sqrt(math.Pi); math.Abs(sum-want) > 0.02 {
		t.Errorf("CRPS of a Gaussian is %.4f, want %.4f", sum, want)
	}
}

package em

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/internal/galtest"
	"galdecon/galdecon/score"
)

const side = 16

// fields are Gaussian fields that were seen on a ring, each through a Gaussian PSF of its own and
// with white noise, and a prior of them: y has the power power[ring].
type fields struct {
	t     transform
	seen  [][]complex128 // transforms of x
	blur  [][]float64    // the transfer of each mode
	noise float64
	power []float64
	seed  uint64
}

// newFields draws n fields of a power.
func newFields(n int, noise float64, truth []float64, seed uint64) *fields {
	f := &fields{t: newTransform(side), noise: noise, seed: seed, power: truth}
	r := rand.New(rand.NewPCG(seed, 0))
	for i := range n {
		sigma := 0.8 + 0.8*float64(i)/float64(n)
		var blur []float64
		for at := range f.t.rings {
			row, column := at/(side/2+1), at%(side/2+1)
			k := 2 * math.Pi / side * math.Hypot(float64(min(row, side-row)), float64(column))
			blur = append(blur, math.Exp(-sigma*sigma*k*k/2))
		}
		x, white := f.draw(r), f.t.forward(whiteNoise(r, noise))
		for at := range x {
			x[at] = x[at]*complex(blur[at], 0) + white[at]
		}
		f.seen, f.blur = append(f.seen, x), append(f.blur, blur)
	}
	return f
}

func whiteNoise(r *rand.Rand, deviation float64) []float32 {
	out := make([]float32, side*side)
	for i := range out {
		out[i] = float32(deviation * r.NormFloat64())
	}
	return out
}

// draw draws a field of the prior.
func (f *fields) draw(r *rand.Rand) []complex128 {
	y := f.t.forward(whiteNoise(r, 1))
	for at := range y {
		y[at] *= complex(math.Sqrt(f.power[f.t.rings[at]]), 0)
	}
	return y
}

// Sample draws from the exact posterior: a field of the prior, moved by Wiener's filter of what an
// observation of it, with noise of its own, lacks of the true one.
func (f *fields) Sample(_ context.Context, round int, members []int, n int) (Candidates, error) {
	out := Candidates{Members: members, Images: galaxy.NewImages(len(members)*n, side, side, 1)}
	for i, m := range members {
		r := rand.New(rand.NewPCG(f.seed+1, uint64(round)<<32+uint64(m)))
		for k := range n {
			y, white := f.draw(r), f.t.forward(whiteNoise(r, f.noise))
			for at := range y {
				p, b := f.power[f.t.rings[at]], f.blur[m][at]
				rest := f.seen[m][at] - y[at]*complex(b, 0) - white[at]
				y[at] += rest * complex(p*b/(p*b*b+f.noise*f.noise), 0)
			}
			f.t.backward(out.Images.At(i*n+k), y)
		}
	}
	return out, nil
}

// Fit takes the power of the galaxies for the prior's.
func (f *fields) Fit(_ context.Context, _ int, y *galaxy.Images) (Prior, error) {
	s, err := score.PowerSpectrum(y)
	if err != nil {
		return nil, err
	}
	g := *f
	g.power = s.Power
	return &g, nil
}

// likeliest returns the power of maximum likelihood in each ring, and its standard error.
func (f *fields) likeliest() (power, deviation []float64) {
	power, deviation = make([]float64, len(f.power)), make([]float64, len(f.power))
	for ring := range power {
		p := f.power[ring]
		for range 200 { // Fisher's scoring
			var score, information float64
			for i, x := range f.seen {
				for at, r := range f.t.rings {
					if r != ring {
						continue
					}
					modes := 2.0
					if j := at % (side/2 + 1); j == 0 || 2*j == side {
						modes = 1
					}
					b := f.blur[i][at]
					v := p*b*b + f.noise*f.noise // of x
					have := (real(x[at])*real(x[at]) + imag(x[at])*imag(x[at])) / (side * side)
					score += modes * b * b * (have - v) / (v * v)
					information += modes * b * b * b * b / (v * v)
				}
			}
			p = max(p+score/information, 1e-9)
			deviation[ring] = math.Sqrt(2 / information)
		}
		power[ring] = p
	}
	return power, deviation
}

// known returns the mean square of the share of a power that an observation takes away.
func (f *fields) known(ring int, power float64) (sum float64) {
	count := 0.0
	for i := range f.seen {
		for at, r := range f.t.rings {
			if r == ring {
				v := power * f.blur[i][at] * f.blur[i][at]
				share := v / (v + f.noise*f.noise)
				sum, count = sum+share*share, count+1
			}
		}
	}
	return sum / count
}

// spectra returns a power that falls with the frequency, and a wrong one to start with: a third of
// it at low frequencies, three times as much at high ones.
func spectra() (truth, start []float64) {
	for ring := range side {
		p := 1 / (1 + math.Pow(float64(ring)/3, 3))
		truth = append(truth, p)
		start = append(start, p*math.Pow(3, math.Tanh(float64(ring-4)/2)))
	}
	return truth, start
}

// TestGaussian checks that EM finds the power spectrum of maximum likelihood where observations
// know it, and stays at the start's where they say nothing.
func TestGaussian(t *testing.T) {
	for _, noise := range []float64{0.03, 0.1, 0.3} {
		truth, start := spectra()
		f := newFields(60, noise, truth, 1)
		want, deviation := f.likeliest()
		begun := *f
		begun.power = start
		weights := slices.Repeat([]float64{1}, len(f.seen))
		const rounds, last = 24, 8
		mean := make([]float64, len(truth))
		c := Config{Rounds: rounds, Candidates: 4, Gain: 20, Seed: 1}
		_, all, err := Run(t.Context(), &begun, weights, c, func(r Round, p Prior) error {
			if r.Number > rounds-last { // candidates are drawn: rounds differ by their chance
				for ring, v := range p.(*fields).power {
					mean[ring] += v / last
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		known, silent := 0, 0
		for ring := range side/2 + 3 {
			share := f.known(ring, start[ring])
			exact := f.known(ring, all[1].Prior[ring])
			pull := (mean[ring] - want[ring]) / deviation[ring]
			t.Logf("noise %g ring %d: start %.4f, found %.4f, likeliest %.4f ± %.4f, "+
				"known %.4f (%.4f)", noise, ring, start[ring], mean[ring], want[ring],
				deviation[ring], all[1].Known[ring], exact)
			if math.Abs(all[1].Known[ring]-exact) > 0.02+0.1*exact {
				t.Errorf("noise %g: ring %d is known by %.3f, not %.3f", noise, ring,
					all[1].Known[ring], exact)
			}
			switch {
			case deviation[ring] < 0.25*want[ring]:
				known++
				if limit := tolerance(exact); math.Abs(pull) > limit {
					t.Errorf("noise %g: ring %d has the power %.4g, likeliest is %.4g ± %.2g", noise,
						ring, mean[ring], want[ring], deviation[ring])
				}
			case share < 1e-3:
				silent++
				if ratio := mean[ring] / start[ring]; ratio < 0.8 || ratio > 1.25 {
					t.Errorf("noise %g: ring %d, of which nothing is known, moved from %.4g to %.4g",
						noise, ring, start[ring], mean[ring])
				}
			}
		}
		if known < 4 || noise > 0.2 && silent < 1 {
			t.Errorf("noise %g: %d rings are known, %d silent: the test tests little", noise, known,
				silent)
		}
	}
}

// tolerance returns how far the power may be from the likeliest in standard errors: less where EM
// has long converged.
func tolerance(known float64) float64 {
	if known > 0.1 {
		return 0.4
	}
	return 1
}

// TestGain checks that the measured gain makes EM converge where the plain one hardly moves.
func TestGain(t *testing.T) {
	truth, start := spectra()
	f := newFields(60, 0.1, truth, 2)
	want, _ := f.likeliest()
	distance := func(gain float64) (sum float64) {
		begun := *f
		begun.power = start
		c := Config{Rounds: 6, Candidates: 4, Gain: gain, Seed: 1}
		p, _, err := Run(t.Context(), &begun, slices.Repeat([]float64{1}, 60), c, nil)
		if err != nil {
			t.Fatal(err)
		}
		for ring := 3; ring < 6; ring++ { // where 0.8 to 0.05 is known
			sum += math.Abs(math.Log(p.(*fields).power[ring]/want[ring])) / 3
		}
		return sum
	}
	plain, faster := distance(1), distance(20)
	t.Logf("mean |log P/P_likeliest| after 6 rounds: plain %.3f, with gain %.3f", plain, faster)
	if faster > plain/2 {
		t.Errorf("with gain EM is %.3f from the likeliest power, without it %.3f", faster, plain)
	}
}

// stuck is a prior whose candidates are always the same.
type stuck struct{ *fields }

func (s stuck) Sample(ctx context.Context, round int, members []int, n int) (Candidates, error) {
	c, err := s.fields.Sample(ctx, 1, members, n)
	for i := range c.Images.N {
		if round > 1 {
			copy(c.Images.At(i), c.Images.At(i/n*n))
		}
	}
	return c, err
}

func (s stuck) Fit(context.Context, int, *galaxy.Images) (Prior, error) { return s, nil }

func TestCollapse(t *testing.T) {
	truth, _ := spectra()
	f := newFields(8, 0.1, truth, 3)
	c := Config{Rounds: 3, Candidates: 3, Gain: 1}
	_, rounds, err := Run(t.Context(), stuck{f}, slices.Repeat([]float64{1}, 8), c, nil)
	var collapse *CollapseError
	if !errors.As(err, &collapse) || collapse.Round != 2 || len(rounds) != 1 {
		t.Errorf("candidates without spread: %d rounds, error %v", len(rounds), err)
	}
}

func TestChoose(t *testing.T) {
	images := galtest.Ramp(6, 2, 2, 1) // 2 candidates of 3 observations
	c := Config{Seed: 1}
	count := func(weights ...float64) (n [3]int) {
		chosen := c.choose(images, weights, 1)
		for i := range chosen.N {
			for k := range images.N {
				if slices.Equal(chosen.At(i), images.At(k)) {
					n[k/2]++
				}
			}
		}
		return n
	}
	if n := count(1, 1, 1); n != [3]int{2, 2, 2} {
		t.Errorf("equal weights choose %v", n)
	}
	if n := count(4, 1, 1); n != [3]int{4, 1, 1} {
		t.Errorf("weights of 4, 1 and 1 choose %v", n)
	}
}

func TestTurn(t *testing.T) {
	c := Config{Members: 3, Seed: 1}
	seen := map[int]int{}
	for round := 1; round <= 7; round++ {
		for _, m := range c.turn(7, round) {
			seen[m]++
		}
	}
	for m := range 7 {
		if seen[m] < 2 || seen[m] > 4 {
			t.Errorf("observation %d has had %d turns in 7 rounds of 3 of 7", m, seen[m])
		}
	}
}

func TestValidate(t *testing.T) {
	good := Config{Rounds: 1, Candidates: 2, Gain: 1}
	for _, bad := range []Config{
		{Rounds: 0, Candidates: 2, Gain: 1}, {Rounds: 1, Candidates: 1, Gain: 1},
		{Rounds: 1, Candidates: 2, Gain: 0.5}, {Rounds: 1, Candidates: 2, Gain: math.NaN()},
	} {
		if bad.Validate() == nil {
			t.Errorf("%+v is valid", bad)
		}
	}
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
}

package em

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"galdecon/galdecon/galaxy"
)

// grainy are fields whose sampler errs: it adds white noise to candidates.
type grainy struct {
	*fields
	grain float64
	again bool // the sampler is tried on candidates that are seen anew
}

func (g grainy) Sample(ctx context.Context, round int, members []int, n int) (Candidates, error) {
	out, err := g.draw(ctx, g.fields, round, members, n)
	if err != nil || !g.again {
		return out, err
	}
	anew := *g.fields
	anew.seed += 100
	anew.seen = slices.Clone(g.seen)
	for i, m := range members {
		r := rand.New(rand.NewPCG(anew.seed, uint64(round)<<32+uint64(m)))
		x, white := g.t.forward(out.Images.At(i*n)), g.t.forward(whiteNoise(r, g.noise))
		for at := range x {
			x[at] = x[at]*complex(g.blur[m][at], 0) + white[at]
		}
		anew.seen[m] = x
	}
	second, err := g.draw(ctx, &anew, round, members, n)
	out.Again = second.Images
	return out, err
}

// draw draws candidates of fields, with grain.
func (g grainy) draw(ctx context.Context, f *fields, round int, members []int, n int) (
	Candidates, error,
) {
	out, err := f.Sample(ctx, round, members, n)
	r := rand.New(rand.NewPCG(f.seed+2, uint64(round)))
	for k := range out.Images.Pixels {
		out.Images.Pixels[k] += float32(g.grain * r.NormFloat64())
	}
	return out, err
}

func (g grainy) Fit(ctx context.Context, round int, y *galaxy.Images) (Prior, error) {
	p, err := g.fields.Fit(ctx, round, y)
	if err != nil {
		return nil, err
	}
	g.fields = p.(*fields)
	return g, nil
}

// TestAgain checks that a sampler's grain isn't learned where it is tried on galaxies that are
// known: candidates then have the likeliest power. Else it adds up.
func TestAgain(t *testing.T) {
	const noise, grain, rounds, last, ring = 0.03, 0.15, 16, 6, 5
	truth, start := spectra()
	f := newFields(60, noise, truth, 1)
	want, deviation := f.likeliest()
	off := map[bool]float64{}
	for _, again := range []bool{false, true} {
		begun := *f
		begun.power = start
		power := 0.0
		c := Config{Rounds: rounds, Candidates: 4, Gain: 8, Seed: 1}
		weights := slices.Repeat([]float64{1}, len(f.seen))
		_, _, err := Run(t.Context(), grainy{&begun, grain, again}, weights, c,
			func(r Round, _ Prior) error {
				if r.Number > rounds-last {
					power += r.Power[ring] / last
				}
				return nil
			})
		if err != nil {
			t.Fatal(err)
		}
		off[again] = (power - want[ring]) / deviation[ring]
	}
	t.Logf("standard errors off: %.1f, and %.1f without", off[true], off[false])
	if math.Abs(off[true]) > 2.5 || off[false] < 5 {
		t.Errorf("the power of candidates is %.1f standard errors off where the sampler is tried, "+
			"and %.1f where it isn't", off[true], off[false])
	}
}

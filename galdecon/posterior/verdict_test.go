package posterior_test

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/observe"
	"galdecon/galdecon/posterior"
)

// judged returns a posterior whose candidates are right: a galaxy of 32×32 pixels, seen with unit
// noise, spoiled afterwards.
func judged(r *rand.Rand, spoil func(p *posterior.Posterior)) posterior.Posterior {
	const side, n = 32, 8
	p := posterior.Posterior{Noise: 1, Observation: galaxy.NewImages(1, side, side, 1),
		Reblurred: galaxy.NewImages(n, side, side, 1)}
	for k := range p.Observation.Pixels {
		dy, dx := float64(k/side-16), float64(k%side-16)
		light := float32(50 * math.Exp(-(dy*dy+dx*dx)/20))
		for i := range n {
			p.Reblurred.At(i)[k] = light
		}
		p.Observation.Pixels[k] = light + float32(r.NormFloat64())
	}
	p.Samples = p.Reblurred
	if spoil != nil {
		spoil(&p)
	}
	return p
}

// Answers that are right are hardly ever flagged, and each fault is caught by its flag.
func TestVerdict(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	flagged := 0
	for range 1000 {
		v, err := judged(r, nil).Verdict()
		if err != nil {
			t.Fatal(err)
		}
		if v.Flags != 0 {
			flagged++
		}
	}
	if flagged > 10 {
		t.Errorf("%d of 1000 answers that are right are flagged", flagged)
	}
	for name, test := range map[string]struct {
		flag  posterior.Flag
		spoil func(p *posterior.Posterior)
	}{
		"noise that is larger": {posterior.Misfit, func(p *posterior.Posterior) { p.Noise = 0.8 }},
		"noise that is less":   {posterior.Quiet, func(p *posterior.Posterior) { p.Noise = 1.2 }},
		"a cosmic ray": {posterior.Spike,
			func(p *posterior.Posterior) { p.Observation.Pixels[100] += 12 }},
		"sky": {posterior.Slope, func(p *posterior.Posterior) {
			for k := range p.Observation.Pixels {
				p.Observation.Pixels[k] += 0.5
			}
		}},
		"another PSF": {posterior.Pattern, func(p *posterior.Posterior) {
			for k := range p.Observation.Pixels {
				dy, dx := float64(k/32-16), float64(k%32-16)
				p.Observation.Pixels[k] += float32(6 * math.Exp(-(dy*dy+dx*dx)/8))
			}
		}},
		"shared noise": {posterior.Pattern, func(p *posterior.Posterior) {
			for k := len(p.Observation.Pixels) - 1; k > 0; k-- {
				x := p.Observation.Pixels
				x[k] += 0.4 * (x[k-1] - p.Reblurred.Pixels[k-1])
			}
		}},
		"a galaxy up to the border": {posterior.Cut, func(p *posterior.Posterior) {
			for k := range p.Reblurred.Pixels {
				p.Reblurred.Pixels[k] += 4
			}
			for k := range p.Observation.Pixels {
				p.Observation.Pixels[k] += 4
			}
		}},
		"a mask over the galaxy": {posterior.Hidden, func(p *posterior.Posterior) {
			p.InvVar = make([]float64, len(p.Observation.Pixels))
			for k := range p.InvVar {
				if k%32 < 15 {
					p.InvVar[k] = 1
				}
			}
		}},
	} {
		caught := 0
		for range 20 {
			v, err := judged(r, test.spoil).Verdict()
			if err != nil {
				t.Fatal(err)
			}
			if v.Flags&test.flag != 0 {
				caught++
			}
		}
		if caught < 19 {
			t.Errorf("%s is caught in %d of 20", name, caught)
		}
	}
}

// Noise that neighbors share is no fault where it is said.
func TestVerdictOfSharedNoise(t *testing.T) {
	filter := []float64{0, 0.4, 0, 0.4, 1, 0.4, 0, 0.4, 0}
	c, err := observe.CorrelationOf(3, filter)
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(5, 6))
	flagged := map[bool]int{}
	for range 200 {
		p := judged(r, func(p *posterior.Posterior) {
			const wide = 34
			white := make([]float64, wide*wide)
			for k := range white {
				white[k] = r.NormFloat64()
			}
			for k := range p.Observation.Pixels {
				at := (k/32+1)*wide + k%32 + 1
				noise := white[at] + 0.4*(white[at-1]+white[at+1]+white[at-wide]+white[at+wide])
				p.Observation.Pixels[k] = p.Reblurred.Pixels[k] +
					float32(noise/math.Sqrt(1+4*0.16))
			}
		})
		for _, said := range []bool{true, false} {
			p.Correlation = nil
			if said {
				p.Correlation = &c
			}
			v, err := p.Verdict()
			if err != nil {
				t.Fatal(err)
			}
			if v.Flags != 0 {
				flagged[said]++
			}
		}
	}
	if flagged[true] > 4 || flagged[false] < 195 {
		t.Errorf("of 200, %d are flagged where the correlation is said, %d where it isn't",
			flagged[true], flagged[false])
	}
}

func TestFlagString(t *testing.T) {
	if s := (posterior.Misfit | posterior.Spike).String(); strings.Count(s, ";") != 1 {
		t.Errorf("two flags say %q", s)
	}
	if s := posterior.Flag(0).String(); s != "" {
		t.Errorf("no flag says %q", s)
	}
	if _, err := (posterior.Posterior{}).Verdict(); err == nil {
		t.Error("a verdict of nothing is no error")
	}
}

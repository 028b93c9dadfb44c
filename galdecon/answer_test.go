package galdecon_test

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"galdecon/galdecon"
	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/galaxy/files/fits"
	"galdecon/galdecon/posterior"
)

// answerOf returns the field and the posterior of a Gaussian galaxy of flux 1000 and σ 3 pixels,
// whose candidates have fluxes that scatter by 1 %, and noise of 1 in the observation.
func answerOf(change func(p *galdecon.Posterior)) (*galdecon.Field, galdecon.Posterior,
	*galaxy.Images) {
	const side, n = 48, 64
	rng := rand.New(rand.NewPCG(5, 6))
	disc := func(sigma float64) (out []float32) {
		for k := range side * side {
			dy, dx := float64(k/side)-23.5, float64(k%side)-23.5
			out = append(out, float32(1000/(2*math.Pi*sigma*sigma)*
				math.Exp(-(dy*dy+dx*dx)/(2*sigma*sigma))))
		}
		return out
	}
	sharp, blurred := disc(3), disc(3.5)
	p := galdecon.Posterior{Observation: galaxy.NewImages(1, side, side, 1), Noise: 1,
		InvVar: make([]float64, side*side), Samples: galaxy.NewImages(n, side, side, 1),
		Reblurred: galaxy.NewImages(n, side, side, 1)}
	p.Observation.IDs = []string{"the galaxy"}
	for k := range p.InvVar {
		p.InvVar[k] = 1
		p.Observation.Pixels[k] = blurred[k] + float32(rng.NormFloat64())
	}
	for i := range n {
		by := float32(1 + 0.01*rng.NormFloat64())
		for k := range sharp {
			p.Samples.At(i)[k], p.Reblurred.At(i)[k] = by*sharp[k], by*blurred[k]
		}
	}
	if change != nil {
		change(&p)
	}
	f := &galdecon.Field{PixelScale: 0.1, Header: fits.NewHeader("BUNIT   = 'nJy     '"),
		Sky: galaxy.Sky{Level: 5, StdErr: 0.02, Noise: 1}}
	truth := &galaxy.Images{N: 1, Height: side, Width: side, Channels: 1, Pixels: sharp}
	return f, p, truth
}

// An answer has the medians with their error bars, in the units of the image, and pulls.
func TestMeasureField(t *testing.T) {
	f, p, truth := answerOf(nil)
	a, err := f.Measure(p, 12)
	if err != nil {
		t.Fatal(err)
	}
	if a.Pulls() != nil {
		t.Error("there are pulls without a truth")
	}
	if err := a.Against(truth); err != nil {
		t.Fatal(err)
	}
	// A Gaussian has 1 − exp(−r²/2σ²) of its light within r.
	want := 1000 * (1 - math.Exp(-8))
	if got := a.Candidates.Flux; math.Abs(got.Median-want) > 5 || got.High-got.Low < 12 ||
		got.High-got.Low > 28 {
		t.Errorf("the flux is %v, want %.1f ± 10", got, want)
	}
	if got := a.SkyError; math.Abs(got-0.02*math.Pi*144) > 1e-9 {
		t.Errorf("the sky adds %g", got)
	}
	if len(a.Warnings) != 0 {
		t.Errorf("there are warnings: %q", a.Warnings)
	}
	if got := a.Pulls(); len(got) != 4 || math.Abs(got[0]) > 0.6 {
		t.Errorf("the pulls are %g", got)
	}
	text := a.String()
	for _, want := range []string{"the galaxy: 64 of 64 candidates", "nJy", "arcsec", "\ncandidates ",
		"\nobserved ", "\ntruth ", "\npull ", "χ² ", "by chance", "all fluxes alike"} {
		if !strings.Contains(text, want) {
			t.Errorf("the text has no %q:\n%s", want, text)
		}
	}
	for line := range strings.Lines(text) {
		if n := len([]rune(line)); n > 101 {
			t.Errorf("a line is %d columns wide: %s", n, line)
		}
	}
}

// What speaks against believing an answer is said in words.
func TestMeasureFieldWarns(t *testing.T) {
	const side = 48
	for want, change := range map[string]func(p *galdecon.Posterior){
		"No candidate explains": func(p *galdecon.Posterior) {
			for k := range p.InvVar {
				p.InvVar[k] = 4
			}
		},
		"less noise than is said": func(p *galdecon.Posterior) {
			for k := range p.InvVar {
				p.InvVar[k] = 0.25
			}
		},
		"of the aperture has no data": func(p *galdecon.Posterior) {
			p.Observation.Bad = make([]bool, side*side)
			for row := range side {
				for column := 26; column < 29; column++ {
					k := row*side + column
					p.InvVar[k], p.Observation.Bad[k] = 0, true
					p.Observation.Pixels[k] = float32(math.NaN())
				}
			}
		},
		"Another peak": func(p *galdecon.Posterior) {
			for k := range p.InvVar {
				dy, dx := float64(k/side)-23.5, float64(k%side)-34
				light := float32(30 * math.Exp(-(dy*dy+dx*dx)/6))
				p.Observation.Pixels[k] += light
				for i := range p.Reblurred.N {
					p.Reblurred.At(i)[k] += light
				}
			}
		},
		"63 of 64 candidates measured": func(p *galdecon.Posterior) {
			clear(p.Samples.At(3))
		},
	} {
		f, p, _ := answerOf(change)
		a, err := f.Measure(p, 12)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(a.String(), want) {
			t.Errorf("no warning %q:\n%s", want, a)
		}
		if want != "No candidate explains" && len(a.Warnings) != 1 {
			t.Errorf("%s: the warnings are %q", want, a.Warnings)
		}
	}
	f, p, _ := answerOf(func(p *galdecon.Posterior) { clear(p.Samples.Pixels) })
	if _, err := f.Measure(p, 12); err == nil {
		t.Error("candidates without a galaxy are no error")
	}
}

func TestPull(t *testing.T) {
	i := posterior.Interval{Median: 10, Low: 8, High: 14}
	for truth, want := range map[float64]float64{4: 3, 10: 0, 14: -1, 22: -3} {
		if got := i.Pull(truth); got != want {
			t.Errorf("the pull of %v from %g is %g, want %g", i, truth, got, want)
		}
	}
}

package galdecon

import (
	"math"
	"math/rand/v2"
	"testing"

	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/observe"
)

// TestFission checks that the two copies of an observation have independent noise, of the variances
// that are said.
func TestFission(t *testing.T) {
	const side, noise = 64, 0.5
	r := rand.New(rand.NewPCG(1, 2))
	image := galaxy.NewImages(1, side, side, 1)
	e := observe.Exposure{Image: image}
	for k := range image.Pixels {
		image.Pixels[k] = float32(10 + noise*r.NormFloat64())
		e.InvVar = append(e.InvVar, 1/(noise*noise))
	}
	e.InvVar[7] = 0
	shared, err := observe.CorrelationOf(3, []float64{0, 0.3, 0, 0.3, 1, 0.3, 0, 0.3, 0})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]*observe.Correlation{"white": nil, "correlated": &shared} {
		e.Noise = c
		e.PSFs = e.PSFs[:0]
		p, err := observe.Survey{Seed: 1, PSFSize: 9, PSFs: 1, SigmaMin: 1, SigmaMax: 1,
			NoiseMin: 0.1, NoiseMax: 0.1}.Draw()
		if err != nil {
			t.Fatal(err)
		}
		psfs := make([]float32, 81)
		psfs[40] = 1
		e.PSFs = p.Exposures(1, 1, []float32{0}, []float32{1}, psfs, make([]float32, 169))[0].PSFs
		first, other, err := fission(observe.Observation{Exposures: []observe.Exposure{e}}, r)
		if err != nil {
			t.Fatal(err)
		}
		a := first.Exposures[0]
		if a.InvVar[7] != 0 || math.Abs(a.InvVar[8]*noise*noise-keptShare) > 1e-9 {
			t.Errorf("%s: the first copy has the weights %g, %g", name, a.InvVar[7], a.InvVar[8])
		}
		var aa, bb, ab float64
		for k := range other {
			if k == 7 {
				continue
			}
			x, y := float64(a.Image.Pixels[k])-10, other[k]-10
			aa, bb, ab = aa+x*x, bb+y*y, ab+x*y
		}
		n := float64(len(other)-1) * noise * noise
		if math.Abs(aa/n*keptShare-1) > 0.1 || math.Abs(bb/n*(1-keptShare)-1) > 0.1 ||
			math.Abs(ab/n) > 0.15 {
			t.Errorf("%s: variances %.3f and %.3f, covariance %.3f of the noise's", name, aa/n,
				bb/n, ab/n)
		}
	}
}

// answered returns the posterior of an observation whose candidates, blurred, are Gaussian with the
// given deviations around the truth, and whose noise is as said times a ratio.
func answered(r *rand.Rand, spread, ratio float64) Posterior {
	const side, n = 32, 8
	post := Posterior{Observation: galaxy.NewImages(1, side, side, 1),
		Reblurred: galaxy.NewImages(n, side, side, 1)}
	for k := range side * side {
		truth := math.Exp(-(math.Pow(float64(k/side-16), 2) + math.Pow(float64(k%side-16), 2)) / 20)
		center := truth + spread*r.NormFloat64()
		for c := range n {
			post.Reblurred.At(c)[k] = float32(center + spread*r.NormFloat64())
		}
		post.Observation.Pixels[k] = float32(truth + 0.05*ratio*r.NormFloat64())
		post.InvVar = append(post.InvVar, 400)
	}
	return post
}

// TestNoiseRatio checks that noise that is stated wrong by a fifth is found, and only then.
func TestNoiseRatio(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, ratio := range []float64{0.8, 1, 1.2} {
		var ratios []float64
		for range 20 {
			ratios = append(ratios, noiseRatio(answered(r, 0, ratio)))
		}
		got := medianRatio(append(ratios, 0))
		if math.Abs(got/ratio-1) > 0.05 {
			t.Errorf("noise of %g times what is stated is found to be %.3f", ratio, got)
		}
		if err := checkNoise(got); (err != nil) != (ratio != 1) {
			t.Errorf("noise of %g times what is stated: error %v", ratio, err)
		}
	}
	if medianRatio([]float64{0}) != 1 {
		t.Error("noise that nobody can measure isn't as stated")
	}
}

// TestPredict checks that right error bars have a χ² of 1 and the best score, that ones too narrow
// or wide don't, and that the power of the truth is that of candidates that show it.
func TestPredict(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	scores := map[float64]float64{}
	var power, truth [3]float64
	for _, width := range []float64{0.2, 1, 3} {
		var sum, chi float64
		const trials = 30
		for range trials {
			post := answered(r, 0.1, 1)
			for k := range post.InvVar { // around their mean
				mean := 0.0
				for c := range post.Reblurred.N {
					mean += float64(post.Reblurred.At(c)[k]) / float64(post.Reblurred.N)
				}
				for c := range post.Reblurred.N {
					v := &post.Reblurred.At(c)[k]
					*v = float32(mean + width*(float64(*v)-mean))
				}
			}
			other := make([]float64, len(post.InvVar))
			noise := math.Sqrt(keptShare / ((1 - keptShare) * 400))
			for k := range other {
				row, col := float64(k/32-16), float64(k%32-16)
				other[k] = math.Exp(-(row*row+col*col)/20) + noise*r.NormFloat64()
			}
			loss, c := predict(post, other)
			sum, chi = sum+loss/trials, chi+c/trials
			if width == 0.2 {
				if err := compare(post, other, &power, &truth); err != nil {
					t.Fatal(err)
				}
			}
		}
		scores[width] = sum
		// A variance of 8 candidates is too small as often as too large, which makes it 1.08.
		if width == 1 && math.Abs(chi-1) > 0.12 {
			t.Errorf("right error bars have a χ² of %.3f", chi)
		}
	}
	if scores[1] >= scores[0.2] || scores[1] >= scores[3] {
		t.Errorf("the right width isn't the best: %v", scores)
	}
	if ratio := power[0] / truth[0]; math.Abs(ratio-1) > 0.15 {
		t.Errorf("candidates like the truth have %.2f times its power", ratio)
	}
}

package psf_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"galdecon/galdecon/moments"
	"galdecon/galdecon/psf"
)

func TestMomentsOfGaussians(t *testing.T) {
	for _, size := range []int{30, 31} {
		for _, test := range []struct{ sigma, q, precision float64 }{{0.6, 1, 0.015},
			{0.8, 0.8, 0.015}, {1.5, 0.6, 0.002}, {3, 0.8, 0.002}} {
			k := must(psf.Gaussian{Sigma: test.sigma,
				Shear: moments.Ellipse(test.q, 0.6)}.Render(size))(t)
			m := must(k.Moments())(t)
			what := fmt.Sprintf("size %d, %+v: ", size, test)
			near(t, what+"σ", m.Sigma/test.sigma, 1, test.precision)
			near(t, what+"the axis ratio", m.Shear.AxisRatio(), test.q, test.precision)
			if test.q < 1 {
				near(t, what+"the angle", m.Shear.Angle(), 0.6, 5*test.precision)
			}
			near(t, what+"the row", m.Row, 0, 1e-3)
			near(t, what+"the column", m.Col, 0, 1e-3)
		}
	}
}

// The fixed point for a round profile f, M = 2∫r²/2·f·e^{−r²/2M} / ∫f·e^{−r²/2M} with r dr, by
// bisection on sums.
func TestMomentsOfMoffat(t *testing.T) {
	const width = 4.0
	for _, beta := range []float64{2.5, 5} {
		alpha2 := width * width / 4 / (math.Pow(2, 1/beta) - 1)
		grows := func(m float64) bool {
			sum, second := 0.0, 0.0
			for i := range 40000 {
				r := (float64(i) + 0.5) / 1000
				w := r * math.Pow(1+r*r/alpha2, -beta) * math.Exp(-r*r/(2*m))
				sum, second = sum+w, second+w*r*r
			}
			return second/sum > m
		}
		low, high := 0.1, 20.0
		for range 40 {
			if middle := (low + high) / 2; grows(middle) {
				low = middle
			} else {
				high = middle
			}
		}
		m := must(must(psf.Moffat{FWHM: width, Beta: beta}.Render(41))(t).Moments())(t)
		near(t, fmt.Sprintf("β=%g: σ", beta), m.Sigma, math.Sqrt(low), 3e-3*m.Sigma)
	}
}

// Neither wings nor noise may count much: that is what the weight is for.
func TestMomentsAreRobust(t *testing.T) {
	k := must(psf.Gaussian{Sigma: 1.5}.Render(33))(t)
	rng := rand.New(rand.NewPCG(1, 1))
	noisy := make([]float32, len(k.Pixels))
	for i, w := range k.Pixels {
		noisy[i] = w + float32(rng.NormFloat64()*0.01)*k.Pixels[16*33+16]
	}
	n := must(psf.New(33, noisy))(t)
	near(t, "σ under noise of 1 % of the peak", must(n.Moments())(t).Sigma, 1.5, 0.03)
	if rr, _, _ := secondMoments(n); math.Abs(rr-2.25) < 0.5 {
		t.Errorf("the plain second moment is %g: the noise says nothing", rr)
	}
	if _, err := must(psf.Airy{LambdaOverD: 3,
		Obscuration: 0.3}.Render(33))(t).Moments(); err != nil {
		t.Error(err)
	}
}

func TestFWHM(t *testing.T) {
	const perSigma = 2.3548200450309493
	for _, size := range []int{30, 31} {
		for _, sigma := range []float64{0.8, 1.5, 4} {
			near(t, "a Gaussian's",
				must(must(psf.Gaussian{Sigma: sigma,
					Shear: moments.Ellipse(0.7, 0.3)}.Render(size))(t).FWHM())(t)/(perSigma*sigma),
				1, 0.015)
		}
		near(t, "a Moffat's", must(must(psf.Moffat{FWHM: 5, Beta: 2.5}.Render(size))(t).FWHM())(t),
			5, 0.05)
	}
}

// A fit finds the parameters that a PSF was made with, however its grid cuts it off.
func TestFit(t *testing.T) {
	for _, size := range []int{10, 33} {
		for _, test := range []psf.Fit{
			{Sigma: 4}, {Sigma: 2, Wings: 0.4},
			{Sigma: 0.7, Shear: moments.Shear{G1: 0.1, G2: -0.05}, Wings: 0.2},
			{Sigma: 1.5, Shear: moments.Shear{G2: 0.3}},
		} {
			k := must(psf.Moffat{FWHM: 2.3548200450309493 * test.Sigma, Beta: 1 / test.Wings,
				Shear: test.Shear}.Render(size))(t)
			f := must(k.Fit())(t)
			what := fmt.Sprintf("size %d, %+v: ", size, test)
			near(t, what+"σ", f.Sigma, test.Sigma, 1e-3*test.Sigma)
			near(t, what+"g1", f.Shear.G1, test.Shear.G1, 1e-3)
			near(t, what+"g2", f.Shear.G2, test.Shear.G2, 1e-3)
			near(t, what+"1/β", f.Wings, test.Wings, 3e-3)
			near(t, what+"the misfit", f.Misfit, 0, 1e-3)
		}
	}
	// Two sources are no Moffat profile.
	two := make([]float32, 21*21)
	k := must(psf.Gaussian{Sigma: 1}.Render(11))(t)
	for i, w := range k.Pixels {
		two[(i/11+5)*21+i%11] += w
		two[(i/11+5)*21+i%11+10] += w
	}
	if f := must(must(psf.New(21, two))(t).Fit())(t); f.Misfit < 0.3 {
		t.Errorf("two sources have the misfit %g", f.Misfit)
	}
}

func TestMomentsRefuse(t *testing.T) {
	flat, noise := make([]float32, 100), make([]float32, 400)
	for i := range flat {
		flat[i] = 1
	}
	rng := rand.New(rand.NewPCG(2, 2))
	for i := range noise {
		noise[i] = rng.Float32() - 0.4
	}
	for name, k := range map[string]psf.PSF{
		"empty": {}, "sum": {Size: 1, Pixels: []float32{2}},
	} {
		for what, err := range map[string]error{
			"Moments": second(k.Moments()), "FWHM": second(k.FWHM()), "Fit": second(k.Fit()),
			"Recenter": second(k.Recenter()),
			"Rescale":  second(k.Rescale(2)), "Rebin": second(k.Rebin(2)),
			"Compose": second(psf.Compose(k, k)),
		} {
			if err == nil || !strings.HasPrefix(err.Error(), "psf: ") {
				t.Errorf("%s, %s: error %v", name, what, err)
			}
		}
	}
	// Neither may hang or give NaN, whatever they say of what is hardly a PSF.
	for name, weights := range map[string][]float32{"flat": flat, "noise": noise, "a point": {1}} {
		size := int(math.Sqrt(float64(len(weights))))
		k := must(psf.New(size, weights))(t)
		if m, err := k.Moments(); err == nil && !(m.Sigma > 0 && m.Shear.Norm() < 1) {
			t.Errorf("%s has the moments %+v", name, m)
		}
		if f, err := k.Fit(); err == nil && !(f.Sigma > 0 && f.Shear.Norm() <= 1 && f.Misfit >= 0) {
			t.Errorf("%s has the fit %+v", name, f)
		}
	}
}

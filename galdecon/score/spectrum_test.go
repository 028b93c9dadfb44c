package score_test

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/score"
)

func spectrum(t *testing.T, images *galaxy.Images) score.Spectrum {
	t.Helper()
	s, err := score.PowerSpectrum(images)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// noiseImages are images of unit white noise.
func noiseImages(n, h, w, c int) *galaxy.Images {
	rng := rand.New(rand.NewPCG(1, 2))
	im := galaxy.NewImages(n, h, w, c)
	for i := range im.Pixels {
		im.Pixels[i] = float32(rng.NormFloat64())
	}
	return im
}

// Parseval: the mean power over all modes is the mean square of the pixels, for sides that are odd,
// even, unequal or 1.
func TestPowerSpectrumParseval(t *testing.T) {
	for _, shape := range [][2]int{{16, 16}, {15, 15}, {16, 9}, {7, 32}, {1, 8}, {5, 1}, {1, 1}} {
		im := noiseImages(2, shape[0], shape[1], 3)
		s := spectrum(t, im)
		power, modes := 0.0, 0
		for ring, p := range s.Power {
			power += p * float64(s.Modes[ring])
			modes += s.Modes[ring]
			if s.Modes[ring] == 0 {
				t.Errorf("%v: no modes in ring %d", shape, ring)
			}
		}
		square := score.MSE(im.Pixels, make([]float32, len(im.Pixels)))
		if modes != shape[0]*shape[1] || math.Abs(power/float64(modes)-square) > 1e-12*square {
			t.Errorf("%v: %d modes with mean power %v, want that of the squared pixels, %v", shape,
				modes, power/float64(modes), square)
		}
	}
}

// White noise of σ = 1 has the power 1 everywhere, within 5 standard errors: the power of a mode
// has a standard deviation of 1, and it and its conjugate are one.
func TestPowerSpectrumOfNoise(t *testing.T) {
	im := noiseImages(200, 32, 32, 1)
	s := spectrum(t, im)
	for ring, p := range s.Power {
		if bound := 5 * math.Sqrt(2/float64(s.Modes[ring]*im.N)); math.Abs(p-1) > bound {
			t.Errorf("power %v at %v cycles per pixel, want 1 within %v", p, s.Frequency[ring],
				bound)
		}
	}
	// Every mode but that of the mean has the same share of the variance.
	high := 0
	for ring, f := range s.Frequency {
		if f >= 0.25 {
			high += s.Modes[ring]
		}
	}
	if want := float64(high) / (32*32 - 1); math.Abs(s.HighFrequency(0.25)-want) > 0.01 {
		t.Errorf("share of high frequencies %v, want that of the modes, %v", s.HighFrequency(0.25),
			want)
	}
}

// A sinusoid of amplitude A lies in its ring alone: two modes of |F|² = (A·N²/2)² each, so A²·N²/4
// in each of two of the ring's modes.
func TestPowerSpectrumOfSinusoid(t *testing.T) {
	const n, amplitude = 32, 0.5
	im := galaxy.NewImages(1, n, n, 1)
	for p := range n * n {
		// |k| = 5/32
		im.Pixels[p] = 2 + amplitude*float32(math.Cos(2*math.Pi*float64(3*(p/n)+4*(p%n))/n))
	}
	s := spectrum(t, im)
	for ring, p := range s.Power {
		want := 0.0
		switch ring {
		case 0:
			want = 4 * n * n
		case 5:
			want = 2 * amplitude * amplitude * n * n / 4 / float64(s.Modes[5])
		}
		if math.Abs(p-want) > 1e-5*max(want, 1e-4) {
			t.Errorf("power %v at %v cycles per pixel, want %v", p, s.Frequency[ring], want)
		}
	}
	if s.Frequency[5] != 5./n {
		t.Errorf("ring 5 lies at %v cycles per pixel", s.Frequency[5])
	}
	if low, high := s.HighFrequency(6./n), s.HighFrequency(5./n); low > 1e-6 ||
		math.Abs(high-1) > 1e-6 {
		t.Errorf("the share of frequencies ≥ 6/32 is %v, want 0; that of ≥ 5/32 is %v, want 1", low,
			high)
	}
	if share := spectrum(t, galaxy.NewImages(1, 4, 4, 1)).HighFrequency(0.1); share != 0 {
		t.Errorf("an image of zeros has a share of high frequencies of %v", share)
	}
}

func TestPowerSpectrumErrors(t *testing.T) {
	nan := galaxy.NewImages(1, 2, 2, 1)
	nan.Pixels[3] = float32(math.NaN())
	for name, im := range map[string]*galaxy.Images{"nothing": nil, "no images": {}, "NaN": nan} {
		if _, err := score.PowerSpectrum(im); err == nil ||
			!strings.HasPrefix(err.Error(), "score: ") {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

package synthetic

import (
	"fmt"
	"math"
	"testing"

	"galdecon/galdecon/galaxy/internal/raster"
)

// TestHalfOfTheFluxWithinRe paints isolated components and compares with the definition of the
// half-light radius.
func TestHalfOfTheFluxWithinRe(t *testing.T) {
	for _, size := range []int{64, 128} {
		for _, n := range []float64{0.5, 1, 2.5, 4} {
			for _, q := range []float64{1, 0.3} {
				for _, re := range []float64{0.05, 0.15} {
					if re*q*float64(size) < 3 {
						// the ellipse is a few pixels wide, and light within those is not flat
						continue
					}
					t.Run(fmt.Sprintf("%dpx n=%v q=%v Re=%v", size, n, q, re), func(t *testing.T) {
						f := newFrame(0.003, -0.004, 0.7, q)
						stamp := canvas{make([]float32, size*size), size, 1}
						k := newComponent(3, re, n, f, color{})
						k.paint(stamp, faintest)
						inside := 0.0
						const sub = 16 // pixels on the ellipse count by the share that lies within
						for i := range size * sub {
							for j := range size * sub {
								x, y := (float64(j)+0.5)/float64(size*sub)-0.5,
									(float64(i)+0.5)/float64(size*sub)-0.5
								if u, v := f.in(x, y); u*u+v*v < re*re {
									inside += float64(stamp.pixels[i/sub*size+j/sub])
								}
							}
						}
						inside /= math.Pow(float64(size*sub), 2)
						if math.Abs(inside/1.5-1) > 0.02 {
							t.Errorf("flux within Re is %.4f, want 1.5", inside)
						}
					})
				}
			}
		}
	}
}

func TestFluxOfExponentialDisc(t *testing.T) {
	for _, size := range []int{64, 128} {
		for _, q := range []float64{1, 0.15} {
			stamp := canvas{make([]float32, size*size), size, 1}
			k := newComponent(1, 0.05, 1, newFrame(0.01, 0.002, 1, q), color{})
			k.paint(stamp, faintest)
			if flux := mean(stamp.pixels); math.Abs(flux-1) > 0.03 {
				t.Errorf("size %d, axis ratio %v: flux %.4f, want 1", size, q, flux)
			}
		}
	}
}

// TestSersicOfIndexHalfIsGaussian compares adaptive integration over pixels with the error
// function.
func TestSersicOfIndexHalfIsGaussian(t *testing.T) {
	const size, sigma = 32, 0.03
	adaptive := canvas{make([]float32, size*size), size, 1}
	exact := canvas{make([]float32, size*size), size, 1}
	k := newComponent(1, sigma*math.Sqrt(2*math.Ln2), 0.5, newFrame(0.01, 0.02, 0, 1), color{})
	k.paint(adaptive, faintest)
	exact.spot(0.01, 0.02, sigma, 1, color{})
	peak := raster.CentralMax(exact.pixels, size, size, 1)
	for k, want := range exact.pixels {
		if got := adaptive.pixels[k]; math.Abs(float64(got-want)) > 0.015*peak {
			t.Fatalf("row %d, column %d: %v, want %v", k/size, k%size, got, want)
		}
	}
}

func TestSersicNumbers(t *testing.T) {
	// b_n of Graham & Driver 2005, Section 2.1: 1.678 for n = 1 and 7.669 for n = 4.
	for n, want := range map[float64]float64{0.5: math.Ln2, 1: 1.678, 4: 7.669} {
		if s := newSersic(1, 1, n, 1); math.Abs(s.b-want) > 1e-3 {
			t.Errorf("b of n = %v is %v, want %v", n, s.b, want)
		}
	}
	s := newSersic(1, 0.1, 2, 1)
	if r := s.radiusOf(s.at(0.07 * 0.07)); math.Abs(r-0.07) > 1e-9 {
		t.Errorf("radiusOf(at(0.07²)) = %v", r)
	}
	if q := axisRatio(0, 0.2); math.Abs(q-0.2) > 1e-12 {
		t.Errorf("edge-on axis ratio %v, want the thickness 0.2", q)
	}
	if q := axisRatio(1, 0.2); q != 1 {
		t.Errorf("face-on axis ratio %v, want 1", q)
	}
}

func TestBlur(t *testing.T) {
	for _, sigma := range []float64{0, 0.2, 0.6, 2} {
		const size = 41
		stamp := canvas{make([]float32, size*size), size, 1}
		stamp.pixels[20*size+20] = 1
		stamp.blur(sigma)
		var sum, variance float64
		for k, v := range stamp.pixels {
			sum += float64(v)
			variance += float64(v) * math.Pow(float64(k%size-20), 2)
		}
		if math.Abs(sum-1) > 1e-5 || math.Abs(variance-sigma*sigma) > 1e-4 {
			t.Errorf("σ %v: sum %v, variance %v", sigma, sum, variance)
		}
	}
}

// TestTabulatedProfile compares interpolated with exact values.
func TestTabulatedProfile(t *testing.T) {
	for _, n := range []float64{0.4, 1, 2.5, 4.5} {
		exact := newSersic(1, 0.05, n, 1)
		table := exact
		bright := 0.5 / (math.Pi * 0.05 * 0.05)
		reach := min(1, exact.radiusOf(bright*faintestNoiseless))
		table.tabulate(reach)
		for r := 0.0; r < reach; r += reach / 9999 {
			if want, got := exact.at(r*r), table.at(r*r); math.Abs(got-want) > 0.005*want {
				t.Fatalf("n %v at %v Re: %v, want %v", n, r/0.05, got, want)
			}
		}
	}
}

func TestFrameInverts(t *testing.T) {
	f := newFrame(0.1, -0.2, 0.8, 0.4)
	x, y := f.out(f.in(0.3, 0.25))
	if math.Abs(x-0.3) > 1e-12 || math.Abs(y-0.25) > 1e-12 {
		t.Errorf("out(in(0.3, 0.25)) = %v, %v", x, y)
	}
}

func mean(pixels []float32) float64 {
	var sum float64
	for _, v := range pixels {
		sum += float64(v)
	}
	return sum / float64(len(pixels))
}

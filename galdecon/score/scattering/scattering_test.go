package scattering_test

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/score/scattering"
)

func images(n, height, width, channels int, pixel func(i, row, column, c int) float64) *galaxy.Images {
	all := galaxy.NewImages(n, height, width, channels)
	p := 0
	for i := range n {
		for row := range height {
			for column := range width {
				for c := range channels {
					all.Pixels[p] = float32(pixel(i, row, column, c))
					p++
				}
			}
		}
	}
	return all
}

func features(t *testing.T, all *galaxy.Images) (vectors [][]float64) {
	t.Helper()
	var transform scattering.Transform
	for f, err := range transform.Features(t.Context(), all) {
		if err != nil {
			t.Fatal(err)
		}
		vectors = append(vectors, f)
	}
	return vectors
}

// near returns the largest difference of two vectors.
func near(a, b []float64) (most float64) {
	if len(a) != len(b) {
		return math.Inf(1)
	}
	for i := range a {
		most = max(most, math.Abs(a[i]-b[i]))
	}
	return most
}

func noise(seed uint64) func(i, row, column, c int) float64 {
	rng := rand.New(rand.NewPCG(seed, 0))
	return func(_, _, _, _ int) float64 { return rng.Float64() }
}

// Features agree with those of kymatio's wavelets.
func TestKymatio(t *testing.T) {
	text, err := os.ReadFile("testdata/reference.json")
	if err != nil {
		t.Fatal(err)
	}
	var want []float64
	if err := json.Unmarshal(text, &want); err != nil {
		t.Fatal(err)
	}
	got := features(t, images(1, 32, 32, 1, func(_, r, c, _ int) float64 {
		return float64((r*7+c*c*3+r*c)%11)/16 +
			math.Exp(-(float64((r-13)*(r-13))+float64((c-18)*(c-18))/4)/9)
	}))[0]
	if len(got) != scattering.Size(32, 32) || near(got, want) > 1e-5 {
		t.Errorf("%d features differ by up to %g", len(got), near(got, want))
	}
}

// A constant image has its mean, and nothing at any scale.
func TestConstant(t *testing.T) {
	got := features(t, images(1, 24, 40, 1, func(_, _, _, _ int) float64 { return 0.5 }))[0]
	want := make([]float64, scattering.Size(24, 40))
	want[0] = 0.5
	if d := near(got, want); d > 1e-9 {
		t.Errorf("features differ by %g", d)
	}
}

// A wave passes the wavelet of its scale and direction: the modulus is half of its amplitude there,
// everywhere, so that next to nothing varies at coarser scales.
func TestWave(t *testing.T) {
	const size, orientations = 64, scattering.Orientations
	for j := range scattering.Scales(size, size) {
		cycles := float64(int(24) >> j) // 3π/4 over 2^j radians a pixel
		got := features(t, images(1, size, size, 1, func(_, _, column, _ int) float64 {
			return 0.5 + 0.4*math.Cos(2*math.Pi*cycles*float64(column)/size)
		}))[0]
		scales := scattering.Scales(size, size)
		first, second := got[1:1+scales*orientations], got[1+scales*orientations:]
		at := slices.Index(first, slices.Max(first))
		if at != j*orientations || math.Abs(first[at]-0.2) > 6e-3 {
			t.Errorf("scale %d: the largest, %g, is that of scale %d and orientation %d", j,
				first[at], at/orientations, at%orientations)
		}
		// The finest wavelet also sees the wave that runs the other way, which pixels can't tell.
		if most := slices.Max(second); j > 0 && most > 0.05*first[at] {
			t.Errorf("scale %d: the modulus varies by %g", j, most)
		}
	}
}

// A shift around the torus changes nothing; a quarter turn moves orientations by half of them.
func TestMoved(t *testing.T) {
	const size, orientations = 32, scattering.Orientations
	all := images(1, size, size, 1, noise(1))
	at := func(row, column int) float64 {
		return float64(all.Pixels[(row+size)%size*size+(column+size)%size])
	}
	still := features(t, all)[0]
	shifted := features(t, images(1, size, size, 1, func(_, r, c, _ int) float64 {
		return at(r+5, c-9)
	}))[0]
	if d := near(still, shifted); d > 1e-9 {
		t.Errorf("shifted: features differ by %g", d)
	}
	turned := features(t, images(1, size, size, 1, func(_, r, c, _ int) float64 { return at(c, -r) }))
	want := slices.Clone(turned[0])
	half := orientations / 2
	scales := scattering.Scales(size, size)
	p := 1
	for range scales {
		for l := range orientations {
			want[p+l] = turned[0][p+(l+half)%orientations]
		}
		p += orientations
	}
	for j := range scales {
		block := (scales - 1 - j) * orientations
		for l := range orientations {
			for k := range block {
				from := p + (l+half)%orientations*block + k/orientations*orientations +
					(k+half)%orientations
				want[p+l*block+k] = turned[0][from]
			}
		}
		p += orientations * block
	}
	if d := near(still, want); d > 1e-9 {
		t.Errorf("turned: features differ by %g", d)
	}
}

// Channels have features of their own, one after the other, and images theirs, whoever else is
// there and whatever runs beside.
func TestApart(t *testing.T) {
	both := images(3, 16, 20, 2, noise(2))
	got := features(t, both)
	var group sync.WaitGroup
	var transform scattering.Transform
	for i := range both.N {
		group.Go(func() {
			var alone []float64
			for c := range 2 {
				one := images(1, 16, 20, 1, func(_, row, column, _ int) float64 {
					return float64(both.At(i)[(row*20+column)*2+c])
				})
				for f, err := range transform.Features(context.Background(), one) {
					if err != nil {
						t.Error(err)
					}
					alone = append(alone, f...)
				}
			}
			if !slices.Equal(alone, got[i]) {
				t.Errorf("image %d has other features alone", i)
			}
		})
	}
	group.Wait()
}

func TestRefuses(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	wrong := images(1, 16, 16, 1, noise(3))
	wrong.Pixels[5] = float32(math.NaN())
	for _, bad := range []struct {
		ctx    context.Context
		images *galaxy.Images
		want   string
	}{
		{t.Context(), images(1, 15, 64, 1, noise(3)), "at least 16 pixels, the images have 15 × 64"},
		{t.Context(), wrong, "NaN"},
		{ended, images(1, 16, 16, 1, noise(3)), "stopped after 0 of 1"},
	} {
		var transform scattering.Transform
		var failed error
		for _, err := range transform.Features(bad.ctx, bad.images) {
			failed = err
		}
		if failed == nil || !strings.Contains(failed.Error(), bad.want) {
			t.Errorf("%v, want an error with %q", failed, bad.want)
		}
		if bad.ctx.Err() != nil && !errors.Is(failed, context.Canceled) {
			t.Errorf("%v isn't the context's", failed)
		}
	}
}

package galdecon_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"galdecon/galdecon"
	"galdecon/galdecon/internal/devicetest"
	"galdecon/galdecon/internal/galtest"
	"galdecon/galdecon/internal/micro"
	"galdecon/galdecon/posterior"
	"galdecon/galdecon/psf"
)

// What is streamed are the candidates of Sample, bit for bit, in order and in small parts, and
// whoever has enough leaves.
func TestStream(t *testing.T) {
	dir, _ := train(t)
	d, err := galdecon.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	x, err := galdecon.Observe(micro.Galaxies(2, 16), []psf.PSF{devicetest.Gaussian(t, 7, 1)},
		0.003, 1)
	if err != nil {
		t.Fatal(err)
	}
	const n = 13
	want, err := d.Sample(t.Context(), x, n, 5)
	if err != nil {
		t.Fatal(err)
	}
	done, drawn := 0.0, 0
	for part, err := range d.Stream(t.Context(), x, n, 5) {
		if err != nil {
			t.Fatal(err)
		}
		if part.Done() <= done || part.Index*n+part.First != drawn || part.Samples.N > 64 {
			t.Errorf("after %d candidates, and %g of the work, comes %v with %d, done %g", drawn,
				done, part, part.Samples.N, part.Done())
		}
		p := want[part.Index]
		for k := range part.Samples.N {
			if !slices.Equal(part.Samples.At(k), p.Samples.At(part.First+k)) ||
				!slices.Equal(part.Reblurred.At(k), p.Reblurred.At(part.First+k)) {
				t.Errorf("candidate %d of observation %d isn't that of Sample", part.First+k,
					part.Index)
			}
		}
		if part.PSF.Size != p.PSF.Size || part.Noise != p.Noise || part.Seed != 5 ||
			!slices.Equal(part.Observation.Pixels, p.Observation.Pixels) {
			t.Errorf("%v has another observation than Sample's", part)
		}
		done, drawn = part.Done(), drawn+part.Samples.N
	}
	if done != 1 || drawn != 2*n {
		t.Errorf("%d candidates were drawn, and %g of the work, want all %d", drawn, done, 2*n)
	}
	parts := 0
	for range d.Stream(t.Context(), x, 1e9, 5) { // more than anyone has time for
		if parts++; parts == 2 {
			break
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	_, err = posterior.Collect(d.Stream(ctx, x, n, 5), func(float64, string) { cancel() })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("canceled meanwhile: error %v", err)
	}
	_, err = d.Sample(t.Context(), x, 0, 5)
	galtest.Wants(t, "no candidates", err, "at least one candidate", "got 0")
	// Those of one observation are told apart by 32 bits of their streams of random numbers.
	_, err = d.Sample(t.Context(), x, 1<<32, 5)
	galtest.Wants(t, "more candidates than there are streams", err, "at most 4294967295",
		"got 4294967296")
}

// An observation draws by its key what it draws with others, up to rounding, wherever it stands
// there.
func TestKeys(t *testing.T) {
	dir, _ := train(t)
	d, err := galdecon.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	x, err := galdecon.Observe(micro.Galaxies(3, 16), []psf.PSF{devicetest.Gaussian(t, 7, 1)},
		0.003, 1)
	if err != nil {
		t.Fatal(err)
	}
	keys := []uint64{1 << 63, 77, 1 << 40}
	sample := func(order ...int) []posterior.Posterior {
		t.Helper()
		some, err := x.Select(order...)
		if err != nil {
			t.Fatal(err)
		}
		var of []uint64
		for _, i := range order {
			of = append(of, keys[i])
		}
		if some, err = some.WithKeys(of); err != nil {
			t.Fatal(err)
		}
		drawn, err := d.Sample(t.Context(), some, 3, 5)
		if err != nil {
			t.Fatal(err)
		}
		return drawn
	}
	all, turned := sample(0, 1, 2), sample(2, 1, 0)
	for i := range 3 {
		alone := sample(i)[0]
		for k, v := range alone.Samples.Pixels {
			for _, other := range []posterior.Posterior{all[i], turned[2-i]} {
				if diff := v - other.Samples.Pixels[k]; diff > 1e-4 || diff < -1e-4 {
					t.Fatalf("observation %d, value %d: %g alone, %g with others", i, k, v,
						other.Samples.Pixels[k])
				}
			}
		}
	}
	if slices.Equal(all[0].Samples.Pixels, all[1].Samples.Pixels) {
		t.Error("all observations have the same candidates")
	}
	_, err = x.WithKeys(keys[:2])
	galtest.Wants(t, "too few keys", err, "3 images need as many keys", "got 2")
}

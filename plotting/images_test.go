package plotting

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/recorder"

	"galdecon/galdecon/galaxy"
)

// disc is a batch of n galaxies of size x size pixels, exponential discs of peak 1 that shrink from
// one to the next.
func disc(n, size, channels int) *galaxy.Images {
	im := galaxy.NewImages(n, size, size, channels)
	for i := range n {
		for k := range im.At(i) {
			p := k / channels
			r := math.Hypot(float64(p/size-size/2), float64(p%size-size/2))
			im.At(i)[k] = float32(math.Exp(-r * float64(i+2) / float64(size)))
		}
	}
	return im
}

// sky is one image of Gaussian noise.
func sky(size int, sigma float64) *galaxy.Images {
	rng := rand.New(rand.NewPCG(1, 2))
	im := galaxy.NewImages(1, size, size, 1)
	for k := range im.Pixels {
		im.Pixels[k] = float32(sigma * rng.NormFloat64())
	}
	return im
}

// observation is one galaxy with three candidates.
func observation(channels int) Candidates {
	y := disc(4, 8, channels)
	return Candidates{
		Observation: y.Select(0), Samples: y.Select(1, 2, 3), Reblurred: y.Select(1, 0, 2),
	}
}

// written lists the texts that a figure draws, those of one call in one string.
func written(t *testing.T, f *Figure) []string {
	t.Helper()
	var c recorder.Canvas
	w, h := vg.Length(f.Width)*css, vg.Length(f.Height)*css
	f.draw(draw.NewCanvas(&c, w, h))
	var out []string
	var fresh bool
	for _, a := range c.Actions {
		switch a := a.(type) {
		case *recorder.FillString:
			if fresh {
				out = append(out, "")
				fresh = false
			}
			out[len(out)-1] += a.String
		case *recorder.Push:
			fresh = true
		}
	}
	return out
}

func mustDraw(t *testing.T, d Drawable) *Figure {
	t.Helper()
	f, err := d.Figure()
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func wantError(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want one with %q", parts)
	}
	for _, part := range append(parts, "plotting: ") {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("the error %q doesn't say %q", err, part)
		}
	}
}

package plotting

import (
	"bytes"
	"errors"
	"image/png"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"galdecon/galdecon/galaxy"
)

// Over all pairs of candidates, the images at any place between two have exactly their mean and
// their covariance.
func TestPathKeepsMeanAndCovariance(t *testing.T) {
	const n, pixels = 5, 4
	rng := rand.New(rand.NewPCG(3, 9))
	im := galaxy.NewImages(n, 2, 2, 1)
	for k := range im.Pixels {
		im.Pixels[k] = float32(rng.NormFloat64() * float64(1+k%pixels))
	}
	im.Pixels[0] += 7 // no Gaussian
	moments := func(images [][]float32) (mean [pixels]float64, cov [pixels][pixels]float64) {
		for _, y := range images {
			for k, v := range y {
				mean[k] += float64(v) / float64(len(images))
			}
		}
		for _, y := range images {
			for a := range pixels {
				for b := range pixels {
					cov[a][b] += (float64(y[a]) - mean[a]) * (float64(y[b]) - mean[b]) /
						float64(len(images))
				}
			}
		}
		return mean, cov
	}
	var candidates [][]float32
	for i := range n {
		candidates = append(candidates, im.At(i))
	}
	mean, cov := moments(candidates)
	p := newPath(im)
	for _, at := range []float64{0, 0.1, 0.5, 0.8, 1} {
		var between [][]float32
		for i := range n {
			for j := range n {
				if i != j {
					between = append(between, p.at(i, j, at))
				}
			}
		}
		m, c := moments(between)
		for a := range pixels {
			if math.Abs(m[a]-mean[a]) > 1e-5 {
				t.Errorf("at %g the mean of pixel %d is %g, want %g", at, a, m[a], mean[a])
			}
			for b := range pixels {
				if math.Abs(c[a][b]-cov[a][b]) > 1e-5*math.Abs(cov[a][a]) {
					t.Errorf("at %g the covariance of %d and %d is %g, want %g", at, a, b,
						c[a][b], cov[a][b])
				}
			}
		}
	}
	for i := range n {
		j := (i + 1) % n
		for k, v := range p.at(i, j, 0) {
			if math.Abs(float64(v-im.At(i)[k])) > 1e-5 {
				t.Errorf("the path begins at %g in pixel %d, candidate %d has %g", v, k, i,
					im.At(i)[k])
			}
		}
		for k, v := range p.at(i, j, 1) {
			if math.Abs(float64(v-im.At(j)[k])) > 1e-5 {
				t.Errorf("the path ends at %g in pixel %d, candidate %d has %g", v, k, j,
					im.At(j)[k])
			}
		}
	}
}

// moving has an animation of candidates that are n pixels wide, with detail in each.
func moving(t *testing.T, size, channels int) Animation {
	t.Helper()
	y := spirals(1, size, channels)
	k := gaussian(t, 11, 1.6)
	samples := make([]*galaxy.Images, 6)
	for s := range samples {
		samples[s] = noisy(y, 0.02, uint64(s+1))
	}
	all, err := galaxy.Join(samples...)
	if err != nil {
		t.Fatal(err)
	}
	all.IDs = nil
	return Animation{Candidates: Candidates{
		Title: "NGC 1300", Observation: noisy(blurred(y, k), 0.004, 1), Truth: y,
		Samples: all, Reblurred: blurred(all, k), PixelScale: 0.05,
	}}
}

// What comes out keeps to its limit, is a PNG, and the same each time.
func TestAnimationKeepsItsLimit(t *testing.T) {
	a := moving(t, 32, 1)
	for _, limit := range []int{0, 250_000} {
		a.Limit = limit
		data, err := a.APNG()
		if err != nil {
			t.Fatal(err)
		}
		if limit == 0 {
			limit = DefaultLimit
		}
		if len(data) > limit {
			t.Errorf("%d bytes, the limit is %d", len(data), limit)
		}
		img, err := png.Decode(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		again, err := a.APNG()
		if err != nil || !bytes.Equal(data, again) {
			t.Errorf("drawn again it is another (%v)", err)
		}
		t.Logf("limit %d: %d bytes, %v", limit, len(data), img.Bounds().Size())
	}
	a.Limit = 10_000
	_, err := a.APNG()
	var size *SizeError
	if !errors.As(err, &size) || size.Limit != 10_000 {
		t.Errorf("10 kB for an animation gives %v", err)
	}
	wantError(t, err, "10000 bytes", "Shown")
}

func TestAnimationErrors(t *testing.T) {
	a := moving(t, 8, 1)
	two := a
	two.Candidates.Samples = a.Candidates.Samples.Select(0, 1)
	two.Candidates.Reblurred = a.Candidates.Reblurred.Select(0, 1)
	_, err := two.Figure()
	wantError(t, err, "at least 3", "draw more")
	one := a
	one.Candidates.Shown = 1
	_, err = one.APNG()
	wantError(t, err, "2 that are shown")
	below := a
	below.Limit = -1
	_, err = below.APNG()
	wantError(t, err, "Animation.Limit")
	_, err = Animation{}.APNG()
	wantError(t, err, "Candidates.Observation")
	err = a.Save("posterior.gif")
	wantError(t, err, ".apng")
}

func TestAnimationIsSaved(t *testing.T) {
	path := filepath.Join(t.TempDir(), "posterior.png")
	a := moving(t, 8, 3) // in color
	a.Candidates.Shown = 2
	if err := a.Save(path); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil || !strings.Contains(string(data[:100]), "acTL") {
		t.Errorf("it is no animated PNG: %v", err)
	}
	message, err := displayed(a, nil)
	if err != nil || !bytes.Equal(message.Data["image/png"].([]byte), data) {
		t.Errorf("what is shown isn't what is saved: %v", err)
	}
}

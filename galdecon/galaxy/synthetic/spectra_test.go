package synthetic

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// The light of a galaxy in a band is the sum of its parts' light there: bulge, disc and arms.
func TestPartsHaveSpectraOfTheirOwn(t *testing.T) {
	const size = 48
	r := random{rand.New(rand.NewPCG(3, 4))}
	f := newFrame(0.01, -0.02, 0.4, 0.8)
	g := &model{kind: spiral, re: 0.15,
		bulge: newComponent(0.3, 0.04, 2, f, color{2, 1}),
		disc:  drawDisc(r, spiral, 0.7, 0.15, f, 0.8),
	}
	g.disc.contrast = 0.9
	draw := func(bulge, disc, arms color) []float32 {
		g.bulge.tint, g.discTint, g.armTint = bulge, disc, arms
		c := canvas{make([]float32, size*size*2), size, 2}
		g.paintProfiles(c, 1e-5)
		return c.pixels
	}
	all := draw(color{2, 1}, color{1, 3}, color{0.5, 4})
	bulge, disc, arms := draw(color{1, 1}, color{}, color{}), draw(color{}, color{1, 1}, color{}),
		draw(color{}, color{}, color{1, 1})
	total := 0.0
	for _, v := range all {
		total += float64(v)
	}
	inArms := 0.0
	for k, v := range all {
		weights := [][3]float64{{2, 1, 0.5}, {1, 3, 4}}[k%2]
		want := weights[0]*float64(bulge[k]) + weights[1]*float64(disc[k]) +
			weights[2]*float64(arms[k])
		// Pixels are integrated to 1 %.
		if d := math.Abs(float64(v) - want); d > 0.02*want+1e-4*total {
			t.Fatalf("pixel %d has %g, its parts %g", k/2, v, want)
		}
		if arms[k] < 0 || float64(disc[k]) < -1e-6*total {
			t.Fatalf("pixel %d: arms %g, the disc without them %g", k/2, arms[k], disc[k])
		}
		inArms += float64(arms[k])
	}
	if inArms == 0 {
		t.Error("the arms have no light")
	}
}

// Bands differ as parts of galaxies do: by a ratio that changes over a galaxy, more for clumps and
// companions than within a bulge; shapes are those of galaxies without spectra.
func TestSpectra(t *testing.T) {
	config := Config{N: 40, Size: 32, Channels: 6, Spectra: true, Seed: 4, Noiseless: true}
	images := synthetic(t, config)
	if again := synthetic(t, config); !slices.Equal(again.Pixels, images.Pixels) {
		t.Error("the same seed gives other galaxies")
	}
	varied, total := 0, 0
	for i := range images.N {
		im := images.At(i)
		low, high := math.Inf(1), math.Inf(-1)
		for p := range 32 * 32 {
			a, b := float64(im[p*6]), float64(im[p*6+1])
			if a > 0.1 && b > 0.01 {
				low, high = min(low, b/a), max(high, b/a)
			}
		}
		if high > 0 {
			total++
			if high > 1.03*low {
				varied++
			}
		}
	}
	if total < 20 || 2*varied < total {
		t.Errorf("only %d of %d galaxies vary in color", varied, total)
	}
	gray := synthetic(t, Config{N: 40, Size: 32, Seed: 4, Noiseless: true})
	for i := range images.N {
		mean := make([]float64, 32*32)
		for k, v := range images.At(i) {
			mean[k/6] += float64(v)
		}
		if c := correlation(mean, gray.At(i)); c < 0.8 {
			t.Errorf("galaxy %d has another shape in bands: a correlation of %.2f", i, c)
		}
	}
	for _, bad := range []int{-1, 7} {
		config.Channels = bad
		if _, err := Galaxies(config); err == nil {
			t.Errorf("galaxies are made in %d bands", bad)
		}
	}
}

func correlation(a []float64, b []float32) float64 {
	var ab, aa, bb float64
	for k, v := range a {
		ab, aa, bb = ab+v*float64(b[k]), aa+v*v, bb+float64(b[k])*float64(b[k])
	}
	return ab / math.Sqrt(aa*bb)
}

package plotting_test

import (
	"math"
	"testing"

	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/posterior"
	"galdecon/plotting"
)

// Candidates in three bands are pictures whose pixels have the colors of their fluxes.
func TestLuptonOfBands(t *testing.T) {
	fluxes := []float64{1, 2, 4} // in g, r, i
	b := posterior.Bands{Names: []string{"g", "r", "i"}}
	for _, flux := range fluxes {
		s := galaxy.NewImages(2, 16, 16, 1)
		for k := range s.Pixels {
			dy, dx := float64(k/16%16)-8, float64(k%16)-8
			s.Pixels[k] = float32(flux * math.Exp(-(dy*dy+dx*dx)/8))
		}
		b.Posteriors = append(b.Posteriors, posterior.Posterior{Samples: s})
	}
	images, err := b.Images("i", "r", "g")
	if err != nil {
		t.Fatal(err)
	}
	pictures, err := plotting.Lupton{}.Pictures(images)
	if err != nil {
		t.Fatal(err)
	}
	at := 3 * (8*16 + 11) // of the first candidate, off the center
	red, green, blue := pictures.Pixels[at], pictures.Pixels[at+1], pictures.Pixels[at+2]
	if !(red > 0 && red <= 1) || math.Abs(float64(red/blue)-4) > 1e-3 ||
		math.Abs(float64(red/green)-2) > 1e-3 {
		t.Errorf("a pixel of fluxes 4, 2, 1 is %g, %g, %g", red, green, blue)
	}
}

package scorecard

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"galdecon/galdecon"
	"galdecon/galdecon/fit"
	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/internal/micro"
)

// The error of a mean of few candidates is that of the posterior's mean: their scatter is taken off.
func TestMeanErrorWithoutScatter(t *testing.T) {
	const n, off, scatter = 4, 0.3, 0.4
	r := rand.New(rand.NewPCG(1, 2))
	truth, candidates := galaxy.NewImages(1, 100, 100, 1), galaxy.NewImages(n, 100, 100, 1)
	for p := range truth.Pixels {
		y := r.NormFloat64()
		mean := y + off*r.NormFloat64()
		truth.Pixels[p] = float32(y)
		for i := range n {
			candidates.At(i)[p] = float32(mean + scatter*r.NormFloat64())
		}
	}
	if got := meanError(truth, candidates); math.Abs(got-off) > 0.01 {
		t.Errorf("the error is %.3f, want %.3f", got, off)
	}
}

func TestBandCard(t *testing.T) {
	c := micro.Survey()
	dir := c.Folder(t.TempDir())
	if err := galdecon.Train(t.Context(), c, micro.Galaxies(4, c.Size), dir, nil); err != nil {
		t.Fatal(err)
	}
	bands := galdecon.BandsConfig{Size: 16, Galaxies: 4, Fit: fit.Config{Steps: 1, Batch: 2,
		LearningRate: 1e-3, EMA: 0.5, Seed: 1}}
	if err := galdecon.TrainBands(t.Context(), bands, dir, t.TempDir(), nil); err != nil {
		t.Fatal(err)
	}
	m, err := galdecon.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	config := BandConfig{Galaxies: 24, Size: 16, Bands: 2, Candidates: 3, Seed: 1}
	card, err := config.Run(t.Context(), "micro", m, nil)
	if err != nil {
		t.Fatal(err)
	}
	// An exchange that has hardly been trained makes next to no difference.
	if card.Drawn < 10 || math.Abs(card.Error.Value-1) > 0.2 || math.Abs(card.Width.Value-1) > 0.4 {
		t.Errorf("the card is\n%v", card)
	}
	if !(card.Error.Low < card.Error.Value && card.Error.Value < card.Error.High) {
		t.Errorf("the error's interval is %+v", card.Error)
	}
	if text := card.String(); !strings.Contains(text, "colors together") {
		t.Errorf("the card reads\n%s", text)
	}
	config.Bands = 1
	if _, err := config.Run(t.Context(), "micro", m, nil); err == nil {
		t.Error("one band is measured as several")
	}
}

package scorecard_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"iter"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"galdecon/galdecon"
	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/observe"
	"galdecon/galdecon/posterior"
	"galdecon/galdecon/recalibration"
	"galdecon/galdecon/score"
	"galdecon/galdecon/scorecard"
)

// scatterOf is that of the k-th galaxy's flux, 1 to 20 %.
func scatterOf(k int) float64 {
	_, part := math.Modf(float64(k) * math.Phi)
	return 0.01 * math.Pow(20, part)
}

// faintGalaxies are round Gaussians whose flux scatters around what all have.
func faintGalaxies(first, n int) (*galaxy.Images, error) {
	images := galaxy.NewImages(n, 16, 16, 1)
	for i := range n {
		rng := rand.New(rand.NewPCG(9, uint64(first+i)))
		round(images.At(i), math.Exp(scatterOf(first+i)*rng.NormFloat64()))
		images.IDs = append(images.IDs, strconv.Itoa(first+i))
	}
	return images, nil
}

// round draws a Gaussian of a flux.
func round(pixels []float32, flux float64) {
	for k := range pixels {
		dy, dx := float64(k/16)-7.5, float64(k%16)-7.5
		pixels[k] = float32(flux / (2 * math.Pi * 4) * math.Exp(-(dy*dy+dx*dx)/8))
	}
}

// narrow draws candidates whose fluxes scatter around what all galaxies have half as much as the
// truth does.
func narrow(_ context.Context, observations []observe.Observation, n int, seed int64,
) iter.Seq2[galdecon.Part, error] {
	return func(yield func(galdecon.Part, error) bool) {
		for i, o := range observations {
			number, err := strconv.Atoi(o.Exposures[0].Image.ID(0))
			if err != nil {
				yield(galdecon.Part{}, err)
				return
			}
			part := galdecon.Part{N: n, M: len(observations), Posterior: posterior.Posterior{
				Index: i, Samples: galaxy.NewImages(n, 16, 16, 1),
				Reblurred: galaxy.NewImages(n, 16, 16, 1)}}
			rng := rand.New(rand.NewPCG(uint64(seed), uint64(i)))
			for k := range n {
				round(part.Samples.At(k), math.Exp(scatterOf(number)/2*rng.NormFloat64()))
			}
			if !yield(part, nil) {
				return
			}
		}
	}
}

// Candidates that scatter half as much as they should are widened to twice as much, by what was
// learned of others, and then hold the truth as often as they say.
func TestRecalibrated(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var trials []recalibration.Trial
	for k := range 1000 {
		of := func(sigma float64) score.Photometry {
			return score.Photometry{Aperture: math.Exp(sigma * rng.NormFloat64()), HalfLight: 2,
				G1: 0.1, G2: 0.1, X: 7.5, Y: 7.5}
		}
		trial := recalibration.Trial{Truth: of(scatterOf(k))}
		for range 8 {
			trial.Candidates = append(trial.Candidates, of(scatterOf(k)/2))
		}
		trials = append(trials, trial)
	}
	learned, err := recalibration.Learn(trials)
	if err != nil {
		t.Fatal(err)
	}
	c, err := galdecon.Preset("galaxy")
	if err != nil {
		t.Fatal(err)
	}
	survey := *c.Survey
	survey.PSFSize, survey.PSFs, survey.SigmaMax, survey.Coarse = 9, 8, 1.2, 0
	s := scorecard.Strata{Name: "narrow", Identity: "narrow", Survey: survey,
		Galaxies: faintGalaxies, Sample: narrow, Prior: 0.1, N: 300, Candidates: 8, Seed: 1,
		Recalibration: learned}
	card, err := s.Run(t.Context(), t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	all := card.Strata[0]
	before, after := all.Calibration[2], all.Recalibrated[0]
	if before.Quantity != "flux" || after.Quantity != "flux" || before.Coverage.Distance < 0.2 ||
		after.Coverage.Distance > after.Coverage.HalfWidth+0.02 {
		t.Errorf("fluxes are off by %+v before, %+v after", before.Coverage, after.Coverage)
	}
	if math.Abs(after.Width.Value-2) > 0.2 || !(after.Score.Value < 0.95) {
		t.Errorf("width %+v, score %+v", after.Width, after.Score)
	}
	text := card.String()
	if !strings.Contains(text, "Recalibrated by 1000 other galaxies") {
		t.Errorf("the text is\n%s", text)
	}
	_, added, _ := strings.Cut(text, "\nRecalibrated")
	for line := range strings.Lines(added) {
		if n := len([]rune(line)); n > 101 {
			t.Errorf("%d columns: %s", n, line)
		}
	}
	var table bytes.Buffer
	if err := card.WriteCSV(&table); err != nil {
		t.Fatal(err)
	}
	lines, err := csv.NewReader(&table).ReadAll()
	if err != nil || !strings.Contains(strings.Join(lines[0], " "), "recalibrated_flux_width ") {
		t.Errorf("as CSV, %v: %v", err, lines[0])
	}
}

package score_test

import (
	"math"
	"strings"
	"testing"

	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/score"
)

// images of 1×2 pixels, one channel.
func images(pixels ...float32) *galaxy.Images {
	return &galaxy.Images{N: len(pixels) / 2, Height: 1, Width: 2, Channels: 1, Pixels: pixels}
}

func near(t *testing.T, what string, got, want float64) {
	t.Helper()
	if !(math.Abs(got-want) <= 1e-12) {
		t.Errorf("%s is %g, want %g", what, got, want)
	}
}

func TestMSE(t *testing.T) {
	near(t, "MSE of equal images", score.MSE([]float32{1, -2}, []float32{1, -2}), 0)
	near(t, "MSE", score.MSE([]float32{1, 2, 3, 4}, []float32{1, 4, 3, -2}), (4.+36)/4)
	if got := score.MSE(nil, nil); !math.IsNaN(got) {
		t.Errorf("MSE of nothing is %g, want NaN", got)
	}
	defer func() {
		if r := recover(); r == nil {
			t.Error("images of different lengths have an MSE")
		}
	}()
	score.MSE([]float32{1}, []float32{1, 2})
}

func TestReconvolution(t *testing.T) {
	got, err := score.DataMSE(images(1, 2, 3, 2, 0, 0), images(1, 2))
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []float64{0, 2, 2.5} {
		near(t, "error", got[i], want)
	}
	if len(got) != 3 {
		t.Errorf("3 candidates have %d errors", len(got))
	}
}

func TestRetained(t *testing.T) {
	for _, test := range []struct {
		errors []float64
		want   float64
	}{
		// the released program keeps what is above 2; the paper doesn't
		{[]float64{0, 0.9e-4, 2e-4, 3}, 0.5},
		{[]float64{1e-4}, 0}, // the bound itself is out
	} {
		near(t, "share retained", score.Retained(test.errors, score.Epsilon), test.want)
	}
	// What has no fraction doesn't pass for 0.
	for _, test := range []struct {
		errors  []float64
		epsilon float64
	}{{nil, score.Epsilon}, {[]float64{math.NaN(), 0}, score.Epsilon}, {[]float64{0}, 0},
		{[]float64{0}, -1}, {[]float64{0}, math.NaN()}, {[]float64{0}, math.Inf(1)}} {
		if got := score.Retained(test.errors, test.epsilon); !math.IsNaN(got) {
			t.Errorf("of the errors %v %g are retained for ε = %g, want NaN", test.errors, got,
				test.epsilon)
		}
	}
}

func TestAccuracy(t *testing.T) {
	// Candidates 1 and 3, 2 and 6: means 2 and 4, variances 2 and 8.
	got, err := score.Trial{Truth: images(1, 2), Observation: images(0, 4),
		Samples: images(1, 2, 3, 6)}.Accuracy()
	if err != nil {
		t.Fatal(err)
	}
	near(t, "MSE of the observation", got.Observation, (1.+4)/2)
	near(t, "mean MSE of the candidates", got.Samples, (0+(4.+16)/2)/2)
	near(t, "MSE of the mean", got.Mean, (1.+4)/2)
	near(t, "variance", got.Variance, (2.+8)/2)
	// For n candidates: mean MSE = MSE of the mean + Variance·(n−1)/n.
	near(t, "decomposition", got.Samples, got.Mean+got.Variance/2)
}

func TestChiSquared(t *testing.T) {
	got, err := score.ChiSquared(images(1, 2, 3, 2), images(1, 2), 0.5)
	if err != nil || len(got) != 2 {
		t.Fatalf("χ² %v of 2 candidates, error %v", got, err)
	}
	near(t, "χ²", got[0], 0)
	near(t, "χ²", got[1], 8)
	// The truth's is 1.
	noise := noiseImages(1, 64, 64, 1)
	got, err = score.ChiSquared(galaxy.NewImages(1, 64, 64, 1), noise, 1)
	if err != nil || math.Abs(got[0]-1) > 4*math.Sqrt(2./(64*64)) {
		t.Errorf("χ² of the truth %v, error %v", got, err)
	}
	for _, sigma := range []float64{0, -1, math.NaN(), math.Inf(1)} {
		if _, err := score.ChiSquared(images(1, 2), images(1, 2), sigma); err == nil ||
			!strings.HasPrefix(err.Error(), "score: χ²") {
			t.Errorf("noise of %v: error %v", sigma, err)
		}
	}
	if _, err := score.ChiSquared(images(1, 2), images(1, 2, 3, 4), 1); err == nil {
		t.Error("two observations have one χ²")
	}
}

func TestMeanImage(t *testing.T) {
	mean, err := score.MeanImage(images(1, 2, 3, 6, 5, 1))
	if err != nil || mean.N != 1 || mean.Pixels[0] != 3 || mean.Pixels[1] != 3 {
		t.Errorf("mean %+v, error %v; want 3 and 3", mean, err)
	}
	if _, err := score.MeanImage(images()); err == nil {
		t.Error("no images have a mean")
	}
}

func TestVarianceRatio(t *testing.T) {
	// Variances 2 and 8 of the candidates, 8 and 32 of the galaxies.
	ratio := func(candidates, galaxies *galaxy.Images) (float64, error) {
		prior, err := score.NewPrior(galaxies)
		if err != nil {
			return 0, err
		}
		return prior.VarianceRatio(candidates)
	}
	got, err := ratio(images(1, 2, 3, 6), images(0, 0, 4, 8))
	if err != nil {
		t.Fatal(err)
	}
	near(t, "ratio", got, 0.25)
	for want, pair := range map[string][2]*galaxy.Images{
		"2 candidates, got 1": {images(1, 2), images(1, 2, 3, 4)},
		"2 galaxies, got 1":   {images(1, 2, 3, 4), images(1, 2)},
		"galaxies:":           {images(1, 2, 3, 4), images()},
		"candidates:":         {images(), images(1, 2, 3, 4)},
		"are equal":           {images(1, 2, 3, 4), images(1, 2, 1, 2)},
		"can't be compar":     {galaxy.NewImages(2, 2, 1, 1), images(1, 2, 3, 4)},
	} {
		if _, err := ratio(pair[0], pair[1]); err == nil ||
			!strings.HasPrefix(err.Error(), "score: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}

func TestWhatCannotBeCompared(t *testing.T) {
	wide := &galaxy.Images{N: 1, Height: 2, Width: 1, Channels: 1, Pixels: make([]float32, 2)}
	nan := images(1, float32(math.NaN()))
	against := func(truth, observation, samples *galaxy.Images) error {
		_, err := score.Trial{Truth: truth, Observation: observation, Samples: samples}.Accuracy()
		return err
	}
	reconvolution := func(reblurred, observation *galaxy.Images) error {
		_, err := score.DataMSE(reblurred, observation)
		return err
	}
	for name, test := range map[string]struct {
		err  error
		want string
	}{
		"two observations": {reconvolution(images(1, 2), images(1, 2, 3, 4)), "[2, 1, 2, 1]"},
		"another shape":    {reconvolution(images(1, 2), wide), "[1, 2, 1, 1]"},
		"NaN candidate":    {reconvolution(nan, images(1, 2)), "candidates"},
		"NaN observation":  {reconvolution(images(1, 2), nan), "observation"},
		"no candidates":    {reconvolution(images(), images(1, 2)), "candidates"},
		"nil candidates":   {reconvolution(nil, images(1, 2)), "candidates"},
		"no observation":   {reconvolution(images(1, 2), nil), "observation"},
		"one candidate": {against(images(1, 2), images(1, 2), images(1, 2)),
			"at least 2 candidates, got 1"},
		"truth of two": {against(images(1, 2, 3, 4), images(1, 2), images(1, 2, 3, 4)),
			"truth"},
		"truth of other shape": {against(wide, images(1, 2), images(1, 2, 3, 4)), "truth"},
		"truth for candidates": {against(images(1, 2, 3, 4), images(1, 2), images(1, 2)), "truth"},
		"candidates of other":  {against(images(1, 2), images(1, 2), wide), "candidates"},
		"NaN truth":            {against(nan, images(1, 2), images(1, 2, 3, 4)), "truth"},
		"pixels that lack": {against(images(1, 2), images(1, 2),
			&galaxy.Images{N: 2, Height: 1, Width: 2, Channels: 1, Pixels: make([]float32, 3)}),
			"candidates"},
	} {
		if test.err == nil || !strings.HasPrefix(test.err.Error(), "score: ") ||
			!strings.Contains(test.err.Error(), test.want) {
			t.Errorf("%s: error %v, want one with %q", name, test.err, test.want)
		}
	}
}

package scorecard_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"strings"
	"testing"

	"galdecon/galdecon"
	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/internal/galtest"
	"galdecon/galdecon/psf"
	"galdecon/galdecon/scorecard"
)

// Candidates that are the truth with white noise of a known level have known figures.
func TestFiguresOfKnownCandidates(t *testing.T) {
	const spread = 0.02
	c := config(shaky("known", blobs(6, 16), spread, nil))
	c.Candidates, c.Epsilon = 40, 1
	card := run(t, c, t.TempDir())
	r := card.Row("known", c.Settings[0])
	near(t, "the retained fraction", r.Retained.Value, 1, 0)
	near(t, "the variance of pixels", r.PixelVariance.Value/(spread*spread), 1, 0.05)
	near(t, "the MSE of the mean", r.MSE.Value/(spread*spread/40), 1, 0.15)
	near(t, "the PSNR", r.PSNR.Value, 10*math.Log10(40/(spread*spread)), 1)
	// The features are pixels cut off at 0, which on the dark sky halves the spread to √(1/2 −
	// 1/2π) of it: nearly all pixels are dark.
	if v := r.FeatureVariance.Value / (256 * spread * spread); v < 0.34 || v > 0.8 {
		t.Errorf("the variance of the pixels as features is %v of that before they are cut off", v)
	}
	// White noise has the same power at all frequencies, and the blobs have little at high ones.
	if r.HighFrequency.Value < 2 {
		t.Errorf("the candidates' power at high frequencies is %v of the truth's",
			r.HighFrequency.Value)
	}
	for k := len(r.Power) - 5; k < len(r.Power); k++ {
		near(t, fmt.Sprintf("the power in ring %d", k), (r.Power[k]-r.TruePower[k])/(spread*spread),
			1, 0.3)
	}
	// Π takes Σ Π² of white noise away, and the rest adds to the noise of x.
	kernel, err := psf.Gaussian{Sigma: 1}.Render(7)
	if err != nil {
		t.Fatal(err)
	}
	squares := 0.0
	for _, w := range kernel.Pixels {
		squares += float64(w * w)
	}
	// the edge of the stamp is dark, and has less
	near(t, "χ²", r.ChiSquared.Value, 1+squares*spread*spread/1e-6, 2)
	// The truth is no further from the mean than candidates' noise averages out: far less than one
	// of them.
	var of scorecard.Calibration
	for _, each := range r.Calibration {
		if each.Quantity == "pixels" {
			of = each
		}
	}
	near(t, "error over spread", of.ErrorOverSpread.Value, math.Sqrt(1./41), 0.02)
	if of.Coverage.Distance < 0.4 {
		t.Errorf("candidates around the truth cover as if calibrated: distance %v",
			of.Coverage.Distance)
	}
	if len(r.Calibration) != 5 || r.Calibration[4].ErrorOverSpread != nil ||
		r.Calibration[1].Failed != 0 {
		t.Errorf("calibration %+v", r.Calibration)
	}

	nothing := card.Row("nothing", c.Settings[0])
	if nothing.Candidates != 1 || nothing.PixelVariance != nil || nothing.FeatureVariance != nil ||
		nothing.Calibration != nil {
		t.Errorf("doing nothing has a variance: %+v", nothing)
	}
	if wiener := card.Row("Wiener", c.Settings[0]); !(wiener.MSE.Value < nothing.MSE.Value/2) ||
		!(wiener.HalfLight.Value < nothing.HalfLight.Value) {
		t.Errorf("Wiener's filter %v is no better than nothing %v", wiener.MSE, nothing.MSE)
	}
	if rl := card.Row("Richardson-Lucy", c.Settings[0]); !(rl.MSE.Value < nothing.MSE.Value/2) {
		t.Errorf("Richardson-Lucy %v is no better than nothing %v", rl.MSE, nothing.MSE)
	}

	// A second method with twice the spread varies four times as much.
	wider := shaky("wider", blobs(6, 16), 2*spread, nil)
	c.Methods = append(c.Methods, wider)
	card = run(t, c, t.TempDir())
	retained, variance, err := card.Difference("wider", "known", c.Settings[0])
	if err != nil {
		t.Fatal(err)
	}
	a, b := card.Row("wider", c.Settings[0]), card.Row("known", c.Settings[0])
	near(t, "the difference of retained fractions", retained.Value, 0, 0)
	near(t, "the difference of variances", variance.Value,
		a.FeatureVariance.Value-b.FeatureVariance.Value, 1e-9)
	near(t, "the ratio of variances", a.FeatureVariance.Value/b.FeatureVariance.Value, 4, 0.3)
	if _, _, err := card.Difference("wider", "none", c.Settings[0]); err == nil {
		t.Error("a method that isn't there has a difference")
	}
}

// A wrong PSF is given to methods and used for χ², but the observations are those of the true one.
func TestWrongPSF(t *testing.T) {
	c := config()
	right := c.Settings[0]
	wrong := scorecard.Setting{Sigma: 1, Noise: 0.001, WidthError: 0.3}
	noisy := scorecard.Setting{Sigma: 1, Noise: 0.01}
	c.Settings = append(c.Settings, wrong, noisy)
	card := run(t, c, t.TempDir())
	if a, b := card.Row("nothing", right), card.Row("nothing", wrong); a.MSE.Value != b.MSE.Value {
		t.Errorf("doing nothing depends on the PSF that is assumed: %v, %v", a.MSE, b.MSE)
	}
	if a, b := card.Row("Wiener", right), card.Row("Wiener",
		wrong); !(b.MSE.Value > 2*a.MSE.Value) {
		t.Errorf("Wiener's filter doesn't care for its PSF: %v, %v", a.MSE, b.MSE)
	}
	// Noise of variance ε hides even the truth.
	if r := card.Row("Wiener", noisy); r.Retained != nil || r.ChiSquared == nil {
		t.Errorf("with noise of variance ε: %+v", r)
	}
	if _, _, err := card.Difference("Wiener", "nothing", noisy); err == nil {
		t.Error("retained fractions that don't exist are compared")
	}
	if text := strings.Join(strings.Fields(card.String()), " "); // lines are broken anywhere
	!strings.Contains(text, "not even the truth is") ||
		!strings.Contains(text, "+30 %") {
		t.Errorf("the text doesn't say what noise does:\n%s", text)
	}
}

func TestRefuses(t *testing.T) {
	broken := func(deconvolve func(o *galdecon.Observations, n int) ([]*galaxy.Images,
		error)) func(c *scorecard.Config) {
		return func(c *scorecard.Config) {
			c.Methods = []scorecard.Method{{Name: "broken",
				Deconvolve: func(_ context.Context, o *galdecon.Observations, n int,
					_ int64) iter.Seq2[galdecon.Part, error] {
					return parts(deconvolve(o, n))
				}}}
		}
	}
	candidates := func(n, size int, value float32) func(o *galdecon.Observations,
		_ int) ([]*galaxy.Images, error) {
		return func(o *galdecon.Observations, _ int) ([]*galaxy.Images, error) {
			out := make([]*galaxy.Images, o.Images().N)
			for i := range out {
				out[i] = galaxy.NewImages(n, size, size, 1)
				out[i].Pixels[0] = value
			}
			return out, nil
		}
	}
	for _, test := range []struct {
		what   string
		change func(c *scorecard.Config)
		parts  []string
	}{
		{"no galaxies", func(c *scorecard.Config) { c.Galaxies = nil }, []string{"no galaxies"}},
		{"one galaxy", func(c *scorecard.Config) { c.Galaxies = blobs(1, 16) },
			[]string{"at least 2 galaxies"}},
		{"other prior", func(c *scorecard.Config) { c.Prior = blobs(4, 20) },
			[]string{"16×16", "20×20"}},
		{"small galaxies", func(c *scorecard.Config) {
			c.Galaxies, c.Prior = blobs(4, 10),
				blobs(4, 10)
		}, []string{"11×11"}},
		{"NaN", func(c *scorecard.Config) { c.Galaxies.Pixels[3] = float32(math.NaN()) },
			[]string{"blob 0", "NaN"}},
		{"no PSF", func(c *scorecard.Config) { c.Settings[0].Sigma = 0 },
			[]string{"needs its PSF"}},
		{"no PSF grid", func(c *scorecard.Config) { c.PSFSize = 0 }, []string{"needs its PSF"}},
		{"negative noise", func(c *scorecard.Config) { c.Settings[0].Noise = -1 },
			[]string{"noise"}},
		{"impossible σ", func(c *scorecard.Config) { c.Settings[0].WidthError = -1 },
			[]string{"-100 %"}},
		{"no settings", func(c *scorecard.Config) { c.Settings = nil },
			[]string{"at least one setting"}},
		{"a setting twice", func(c *scorecard.Config) {
			c.Settings = append(c.Settings,
				c.Settings[0])
		}, []string{"twice"}},
		{"a name twice", func(c *scorecard.Config) { c.Methods = append(c.Methods, c.Methods[0]) },
			[]string{"two methods"}},
		{"one candidate", func(c *scorecard.Config) { c.Candidates = 1 },
			[]string{"at least 2 candidates"}},
		{"ε = 0", func(c *scorecard.Config) { c.Epsilon = 0 }, []string{"ε must be positive"}},
		{"ε NaN", func(c *scorecard.Config) { c.Epsilon = math.NaN() },
			[]string{"ε must be positive"}},
		{"other shape", broken(candidates(4, 15, 1)), []string{"broken", "blob 0", "15"}},
		{"other number", broken(candidates(3, 16, 1)), []string{"3 candidates instead of 4"}},
		{"NaN candidates", broken(candidates(4, 16, float32(math.NaN()))),
			[]string{"broken", "NaN"}},
		{"none", broken(func(o *galdecon.Observations, n int) ([]*galaxy.Images,
			error) {
			return nil, nil
		}), []string{"0 of 6"}},
		{"failure", broken(func(*galdecon.Observations, int) ([]*galaxy.Images, error) {
			return nil,
				errors.New("no luck")
		}), []string{"broken", "no luck"}},
	} {
		c := config()
		test.change(&c)
		_, err := scorecard.Run(t.Context(), c, t.TempDir(), nil)
		galtest.Wants(t, test.what, err, test.parts...)
		if err != nil && !strings.HasPrefix(err.Error(), "scorecard: ") {
			t.Errorf("%s: %v doesn't say where it comes from", test.what, err)
		}
	}
}

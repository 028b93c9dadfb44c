package scorecard_test

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"

	"galdecon/galdecon"
	"galdecon/galdecon/internal/galtest"
	"galdecon/galdecon/psf"
	"galdecon/galdecon/scorecard"
)

// Measured PSFs do as Gaussians do, in turn, and stay apart from others of the same name.
func TestMeasuredPSFs(t *testing.T) {
	gaussian := func(size int, sigma float64) psf.PSF {
		k, err := psf.Gaussian{Sigma: sigma}.Render(size)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	var assumed []psf.PSF
	calls := 0
	known := shaky("known", blobs(6, 16), 0.02, &calls)
	draw := known.Deconvolve
	known.Deconvolve = func(ctx context.Context, o *galdecon.Observations, n int,
		seed int64) iter.Seq2[galdecon.Part, error] {
		assumed = o.PSFs()
		return draw(ctx, o, n, seed)
	}
	c := config(known)
	c.PSFSize = 9
	through := func(kernels []psf.PSF, wrong float64) scorecard.Setting {
		return scorecard.Setting{PSFs: scorecard.NewPSFSet("stars.fits", kernels), Noise: 0.001,
			WidthError: wrong}
	}
	c.PSFs = []psf.PSF{gaussian(15, 1), gaussian(15, 1.2)}
	one := c.PSFs[:1]
	c.PSFs = one
	c.Settings = []scorecard.Setting{{Sigma: 1, Noise: 0.001}, through(one, 0),
		{Sigma: 1, Noise: 0.001, WidthError: 0.1}, through(one, 0.1), through(one, -0.1)}
	dir := t.TempDir()
	card := run(t, c, dir)
	for _, k := range []int{0, 2} {
		for _, m := range c.Methods {
			a, b := card.Row(m.Name, c.Settings[k]), card.Row(m.Name, c.Settings[k+1])
			near(t, fmt.Sprintf("%s, %s: MSE over that of the Gaussian", m.Name, b.Setting),
				b.MSE.Value/a.MSE.Value, 1, 0.02)
			near(t, fmt.Sprintf("%s, %s: χ² over that of the Gaussian", m.Name, b.Setting),
				b.ChiSquared.Value/a.ChiSquared.Value, 1, 0.02)
		}
	}
	if text := card.String(); !strings.Contains(text,
		"measured PSFs of stars.fits, noise 0.001, methods assume a width wrong by -10 %") {
		t.Errorf("the text doesn't say what is measured:\n%s", text)
	}
	lines := asCSV(t, card)
	for i, want := range map[int][]string{1: {"known", "1", ""}, 5: {"known", "", "stars.fits"}} {
		if got := lines[i][:3]; !slices.Equal(got, want) || lines[0][2] != "psfs" {
			t.Errorf("line %d as CSV begins with %q, want %q", i, got, want)
		}
	}

	// Two of them are those of every other galaxy. In the same folder they aren't taken for the
	// one.
	two := []psf.PSF{gaussian(15, 1), gaussian(15, 1.2)}
	c.PSFs, c.Settings = two, []scorecard.Setting{through(two, 0)}
	calls = 0
	other := run(t, c, dir)
	if calls != 1 {
		t.Errorf("%d calls for other PSFs of the same name, want 1", calls)
	}
	if len(assumed) != 6 {
		t.Fatalf("%d galaxies have %d PSFs", 6, len(assumed))
	}
	for i, k := range assumed {
		want, err := two[i%2].Resize(9)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(k.Pixels, want.Pixels) {
			t.Errorf("galaxy %d has another PSF", i)
		}
	}
	if a, b := card.Rows[4+3], other.Rows[3]; a.Method != "nothing" || b.Method != "nothing" ||
		!(b.MSE.Value > 1.1*a.MSE.Value) {
		t.Errorf("doing nothing, through a wider PSF for half of the galaxies: %v, %v", b.MSE,
			a.MSE)
	}
	run(t, c, dir)
	if calls != 1 {
		t.Errorf("a finished run through measured PSFs was computed again")
	}

	for _, test := range []struct {
		what, part string
		change     func(c *scorecard.Config)
	}{
		{"no PSFs", "has other PSFs", func(c *scorecard.Config) { c.PSFs = nil }},
		{"other PSFs", "has other PSFs", func(c *scorecard.Config) { c.PSFs = one }},
		{"a Gaussian as well", "one of both",
			func(c *scorecard.Config) { c.Settings[0].Sigma = 1 }},
		{"a small grid", "PSF 0 of stars.fits, counted from 0: psf: a 5×5 grid holds only",
			func(c *scorecard.Config) { c.PSFSize = 5 }},
		{"much too wide", "can't be made wider by +150 %",
			func(c *scorecard.Config) { c.Settings[0].WidthError = 1.5 }},
	} {
		changed := c
		changed.Settings = slices.Clone(c.Settings)
		test.change(&changed)
		galtest.Wants(t, test.what, changed.Validate(), test.part, "scorecard: ")
	}
}

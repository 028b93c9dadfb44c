package scorecard_test

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/galaxy/files"
	"galdecon/galdecon/galaxy/files/fits"
	"galdecon/galdecon/galaxy/synthetic"
	"galdecon/galdecon/internal/galtest"
	micromodel "galdecon/galdecon/internal/micro"
	"galdecon/galdecon/psf"
	"galdecon/galdecon/scorecard"
)

// A model with a survey is compared in the middle of it, at three levels of its noise, on galaxies
// as it was trained on; PSFs beyond the survey are refused.
func TestSurveyOptions(t *testing.T) {
	o := scorecard.Defaults()
	o.N, o.WidthErrors = 3, nil
	model := micromodel.Survey()
	c, err := o.Config(model)
	if err != nil {
		t.Fatal(err)
	}
	var noise []float64
	for _, s := range c.Settings {
		noise = append(noise, s.Noise)
		near(t, "σ", s.Sigma, math.Sqrt(0.5*1.5), 1e-12)
	}
	if !slices.Equal(noise, []float64{0.001, 0.01, 0.1}) || c.PSFSize != 9 {
		t.Errorf("noise %v, PSFs of %d pixels", noise, c.PSFSize)
	}
	want, err := synthetic.Galaxies(model.SyntheticGalaxies(3, 2))
	if err != nil || !slices.Equal(c.Galaxies.Pixels, want.Pixels) {
		t.Errorf("other galaxies than those of the configuration, %v", err)
	}
	for sigma, known := range map[float64]bool{0.9: true, 6: false} {
		p, err := psf.Gaussian{Sigma: sigma}.Render(9)
		if err != nil {
			t.Fatal(err)
		}
		o.PSF = filepath.Join(t.TempDir(), "star.npy")
		star := galaxy.NewImages(1, 9, 9, 1)
		copy(star.Pixels, p.Pixels)
		if err := files.SaveNPY(o.PSF, star); err != nil {
			t.Fatal(err)
		}
		if _, err = o.Config(model); known {
			if err != nil {
				t.Error(err)
			}
			continue
		}
		galtest.Wants(t, "a PSF beyond the survey", err, "doesn't know PSF 0", "star.npy", "width")
	}
}

func TestOptions(t *testing.T) {
	t.Setenv(scorecard.OptionsEnv, `{"n": 3, "noise": [0.002]}`)
	o, err := scorecard.DefaultsFromEnv()
	if err != nil || o.N != 3 || o.Noise[0] != 0.002 || o.Candidates != 10 {
		t.Errorf("%+v, %v", o, err)
	}
	t.Setenv(scorecard.OptionsEnv, `{"galaxy": 3}`)
	_, err = scorecard.DefaultsFromEnv()
	galtest.Wants(t, "unknown field", err, scorecard.OptionsEnv, "galaxy")

	// A file of galaxies, larger and in color.
	dir := t.TempDir()
	large := galaxy.NewImages(3, 32, 32, 3)
	for i, v := range blobs(3, 32).Pixels {
		for c := range 3 {
			large.Pixels[3*i+c] = 5 * v
		}
	}
	if err := files.SaveNPY(filepath.Join(dir, "mine.npy"), large); err != nil {
		t.Fatal(err)
	}
	o.Galaxies = filepath.Join(dir, "mine.npy")
	c, err := o.Config(micro)
	if err != nil {
		t.Fatal(err)
	}
	if g := c.Galaxies; g.N != 3 || g.Height != 16 || g.Channels != 1 || g.Pixels[7*16+7] < 0.9 ||
		g.Pixels[7*16+7] > 1 {
		t.Errorf("galaxies of shape %d×%d×%d×%d with a peak of %v", g.N, g.Height, g.Width,
			g.Channels, g.Pixels[7*16+7])
	}
	// Hubble's galaxies are gray; a model of colored ones, as the preset paper has, sees them
	// without color.
	colored := micro
	colored.Size, colored.Channels = 32, 3
	o.Galaxies = "hst"
	hubble, err := o.Config(colored)
	if err != nil {
		t.Fatal(err)
	}
	if g := hubble.Galaxies; g.N != 3 || g.Height != 32 || g.Channels != 3 {
		t.Errorf("Hubble's galaxies for a model of colored ones have the shape %d×%d×%d×%d", g.N,
			g.Height, g.Width, g.Channels)
	}
	for p := range slices.Chunk(hubble.Galaxies.Pixels, 3) {
		if p[0] != p[1] || p[0] != p[2] {
			t.Fatalf("a pixel has the color %v", p)
		}
	}
	// Images of other colors than the model's aren't guessed.
	o.Galaxies = filepath.Join(dir, "mine.npy")
	four := micro
	four.Channels = 4
	_, err = o.Config(four)
	galtest.Wants(t, "colors", err, "4 channel", "mine.npy", "3 channels")
	// A folder of files, of several sizes.
	loose := t.TempDir()
	for i, im := range []*galaxy.Images{blobs(2, 16), large.Select(1)} {
		if err := files.SaveNPY(filepath.Join(loose, fmt.Sprintf("%d.npy", i)), im); err != nil {
			t.Fatal(err)
		}
	}
	o.Galaxies = loose
	mixed, err := o.Config(micro)
	if err != nil {
		t.Fatal(err)
	}
	if g := mixed.Galaxies; g.N != 3 || g.ID(0) != "0.npy[0]" || g.ID(2) != "1.npy" ||
		!slices.Equal(g.At(2), c.Galaxies.At(1)) {
		t.Errorf("a folder has %d galaxies, %v", g.N, g.IDs)
	}
	o.N = 1
	if mixed, err = o.Config(micro); err != nil || mixed.Galaxies.N != 1 {
		t.Errorf("one galaxy of a folder: %v", err)
	}
	o.N = 3
	if err := os.WriteFile(filepath.Join(loose, "0.npy"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	_, err = o.Config(micro)
	galtest.Wants(t, "an empty file", err, "0.npy", "empty")

	// Which plane of a file was read is said.
	path := filepath.Join(dir, "planes.fits")
	if err := files.SaveFITS(path, large.Select(0, 1),
		fits.NewHeader("EXTNAME = 'SCI     '")); err != nil {
		t.Fatal(err)
	}
	o.Galaxies = path
	if c, err := o.Config(micro); err != nil || len(c.Notes) != 1 ||
		!strings.Contains(c.Notes[0], "planes.fits: [0] SCI (image") {
		t.Errorf("%v, %v", c.Notes, err)
	}
	// A picture on a bright sky.
	for i := range large.Pixels {
		large.Pixels[i] += 0.5
	}
	if err := files.SaveNPY(filepath.Join(dir, "picture.npy"), large); err != nil {
		t.Fatal(err)
	}
	o.Galaxies = filepath.Join(dir, "picture.npy")
	bright, err := o.Config(micro)
	if err != nil {
		t.Fatal(err)
	}
	o.SubtractSky = true
	dark, err := o.Config(micro)
	if err != nil {
		t.Fatal(err)
	}
	if dark.Source != "picture.npy, without sky" || bright.Source != "picture.npy" {
		t.Errorf("the sources are %q, %q", bright.Source, dark.Source)
	}
	for k, v := range dark.Galaxies.Pixels {
		near(t, fmt.Sprintf("pixel %d without sky", k), float64(v), float64(c.Galaxies.Pixels[k]),
			1e-3)
	}
	for _, of := range []struct {
		scorecard.Config
		warned bool
	}{{bright, true}, {dark, false}} {
		of.Methods, of.Settings, of.Candidates = scorecard.Classical()[2:], of.Settings[:1], 2
		card := run(t, of.Config, t.TempDir())
		if text := card.String(); strings.Contains(text,
			"if that is sky, subtract it") != of.warned ||
			!strings.Contains(text, "3 galaxies ("+of.Source+")") {
			t.Errorf("edges of %g:\n%s", card.Edge, text)
		}
	}
	o.Galaxies = "synthetic"
	_, err = o.Config(micro)
	galtest.Wants(t, "synthetic sky", err, "no sky")
	o.SubtractSky = false
	o.Galaxies = filepath.Join(dir, "none.npy")
	_, err = o.Config(micro)
	galtest.Wants(t, "no file", err, "none.npy", "synthetic")
	o.Galaxies, o.N = "synthetic", 0
	_, err = o.Config(micro)
	galtest.Wants(t, "no galaxies", err, "at least 1")

	o.N, o.Noise = 2, []float64{2e-7, 0.01 / 3}
	if c, err = o.Config(micro); err != nil {
		t.Fatal(err)
	}
	if a, b := c.Settings[0].Noise, c.Settings[len(c.Settings)-1].Noise; a != 2e-7 ||
		b != 0.003333 {
		t.Errorf("noise of %v became %g and %g", o.Noise, a, b)
	}
	if strings.HasPrefix(c.Galaxies.ID(0), "synthetic 1/") ||
		!strings.HasPrefix(c.Prior.ID(0), "synthetic 1/") {
		t.Errorf("held-out galaxies are %s, the prior's %s", c.Galaxies.ID(0), c.Prior.ID(0))
	}
}

package galdecon_test

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"galdecon/galdecon"
	"galdecon/galdecon/cvae"
	"galdecon/galdecon/ddpm"
	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/internal/devicetest"
	"galdecon/galdecon/internal/galtest"
	"galdecon/galdecon/internal/micro"
	"galdecon/galdecon/posterior"
	"galdecon/galdecon/psf"
	"galdecon/galdecon/score"
)

func seen(t *testing.T, images *galaxy.Images, psfs []psf.PSF,
	noise []float64) *galdecon.Observations {
	t.Helper()
	o, err := posterior.NewObservations(images, psfs, noise)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// train returns a folder with a trained model; the training is done once, and copied.
func train(t *testing.T) (dir string, c galdecon.Config) {
	t.Helper()
	trained.once.Do(func() {
		made := filepath.Join(t.TempDir(), "model")
		if err := galdecon.Train(t.Context(), micro.Config(), micro.Galaxies(8, 16), made,
			nil); err != nil {
			t.Fatal(err)
		}
		trained.files = map[string][]byte{}
		entries, err := os.ReadDir(made)
		if err != nil {
			t.Fatal(err)
		}
		for _, entry := range entries {
			if trained.files[entry.Name()], err = os.ReadFile(filepath.Join(made,
				entry.Name())); err != nil {
				t.Fatal(err)
			}
		}
	})
	dir = t.TempDir()
	for name, text := range trained.files {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir, micro.Config()
}

var trained struct {
	once  sync.Once
	files map[string][]byte
}

func TestTrainLoadSampleEvaluate(t *testing.T) {
	dir, c := train(t)
	d, err := galdecon.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(d.Config, c) {
		t.Errorf("the configuration is %+v, want %+v", d.Config, c)
	}
	// 3 observations of 30 candidates are two chunks of 64, and the border lies within an
	// observation.
	const m, n = 3, 30
	y := micro.Galaxies(m, 16)
	kernels := []psf.PSF{devicetest.Gaussian(t, 7, 0.7), devicetest.Gaussian(t, 5, 0.8),
		devicetest.Gaussian(t, 9, 0.9)}
	same := make([]psf.PSF, m)
	for i, k := range kernels {
		if same[i], err = k.Resize(7); err != nil {
			t.Fatal(err)
		}
	}
	observed, err := galdecon.Observe(y, same, c.Instrument.NoiseMax, 5)
	if err != nil {
		t.Fatal(err)
	}
	if observed, err = observed.WithPSFs(kernels); err != nil {
		t.Fatal(err)
	}
	x := observed.Images()
	posteriors, err := d.Sample(t.Context(), observed, n, 9)
	if err != nil {
		t.Fatal(err)
	}
	if len(posteriors) != m {
		t.Fatalf("%d posteriors, want %d", len(posteriors), m)
	}
	for i, p := range posteriors {
		if p.Samples.N != n || p.Samples.Height != 16 || p.Samples.Width != 16 ||
			p.Samples.Channels != 1 || p.Reblurred.N != n || p.Seed != 9 {
			t.Errorf("posterior %d has %d samples of %d×%d×%d, %d reblurred, seed %d", i,
				p.Samples.N, p.Samples.Height, p.Samples.Width, p.Samples.Channels, p.Reblurred.N,
				p.Seed)
		}
		if p.Observation.ID(0) != y.ID(i) || !slices.Equal(p.Observation.Pixels, x.At(i)) ||
			p.PSF.Size != 7 {
			t.Errorf("posterior %d is of %s, PSF of size %d", i, p.Observation.ID(0), p.PSF.Size)
		}
		reblurred, err := galdecon.Observe(p.Samples, []psf.PSF{p.PSF}, 0, 0)
		if err != nil {
			t.Fatal(err)
		}
		for k := range n {
			if mse := score.MSE(p.Reblurred.At(k), x.At(i)); !(mse < 1e-4) {
				t.Errorf("sample %d of observation %d doesn't explain it: MSE %g", k, i, mse)
			}
			if mse := score.MSE(p.Reblurred.At(k), reblurred.Images().At(k)); !(mse < 1e-10) {
				t.Errorf("sample %d of observation %d: Reblurred is not Π*y of it, MSE %g", k, i,
					mse)
			}
			for _, j := range []int{k + 1, k + 4} {
				if j < n && slices.Equal(p.Samples.At(k), p.Samples.At(j)) {
					t.Errorf("samples %d and %d of observation %d are the same", k, j, i)
				}
			}
			for j := range i {
				if slices.Equal(p.Samples.At(k), posteriors[j].Samples.At(k)) {
					t.Errorf("sample %d of observations %d and %d are the same", k, i, j)
				}
			}
		}
	}
	// Another process would do this: load again, draw again.
	if d, err = galdecon.Load(dir); err != nil {
		t.Fatal(err)
	}
	again, err := d.Sample(t.Context(), observed, n, 9)
	if err != nil {
		t.Fatal(err)
	}
	other, err := d.Sample(t.Context(), observed, n, 10)
	if err != nil {
		t.Fatal(err)
	}
	for i := range m {
		if !slices.Equal(again[i].Samples.Pixels, posteriors[i].Samples.Pixels) {
			t.Errorf("observation %d: the same seed gives other samples", i)
		}
		if slices.Equal(other[i].Samples.Pixels, posteriors[i].Samples.Pixels) {
			t.Errorf("observation %d: another seed gives the same samples", i)
		}
	}

	// Every chunk has random numbers of its own: the 65th candidate isn't the first again.
	long, err := d.Sample(t.Context(), seen(t, x.Select(0), kernels[:1], observed.Noise()), 66,
		9)
	if err != nil {
		t.Fatal(err)
	}
	if score.MSE(long[0].Samples.At(0), long[0].Samples.At(64)) < 1e-10 {
		t.Error("the second chunk repeats the first")
	}

	path, err := d.Path(seen(t, x.Select(0), kernels[:1], observed.Noise()), 9)
	if err != nil {
		t.Fatal(err)
	}
	if path.N != c.Sampler.Steps || score.MSE(path.At(0), path.At(path.N-1)) == 0 {
		t.Errorf("a path of %d steps, want %d", path.N, c.Sampler.Steps)
	}
	_, err = d.Path(observed, 9)
	galtest.Wants(t, "a path of three", err, "got 3")

	report, err := galdecon.Evaluate(y, posteriors)
	if err != nil {
		t.Fatal(err)
	}
	mean := report.Mean()
	if len(report.Rows) != m || mean.Retained != 1 ||
		!(mean.Reconvolution > 0 && mean.Reconvolution < 1e-4) {
		t.Errorf("the report is %+v", report)
	}
	for i, row := range report.Rows {
		if want := score.MSE(x.At(i), y.At(i)); row.ID != y.ID(i) || row.Observation != want {
			t.Errorf("row %d is of %s, observation %g; want %s, %g", i, row.ID, row.Observation,
				y.ID(i), want)
		}
	}
	for _, want := range []string{"blob 0", "blob 2", "mean", "100"} {
		if !strings.Contains(report.String(), want) {
			t.Errorf("the report lacks %q:\n%s", want, report)
		}
	}
	_, err = galdecon.Evaluate(micro.Galaxies(2, 16), posteriors)
	galtest.Wants(t, "truth of another number", err, "observation 2, which is not one of 2")
	_, err = galdecon.Evaluate(micro.Galaxies(3, 8), posteriors)
	galtest.Wants(t, "truth of another size", err, "[1, 8, 8, 1]")
	_, err = galdecon.Evaluate(micro.Galaxies(2, 16), nil)
	galtest.Wants(t, "nothing", err, "no posteriors")
	_, err = galdecon.Evaluate(nil, posteriors)
	galtest.Wants(t, "no truth", err, "no images")
	_, err = galdecon.Evaluate(&galaxy.Images{N: 3, Height: 16, Width: 16, Channels: 1}, posteriors)
	galtest.Wants(t, "truth without pixels", err, "Pixels has 0")

	counts, dark, nan := micro.Galaxies(1, 16), galaxy.NewImages(1, 16, 16, 1),
		micro.Galaxies(1, 16)
	for i := range counts.Pixels {
		counts.Pixels[i] *= 30000
	}
	nan.Pixels[17] = float32(math.NaN())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for name, test := range map[string]struct {
		ctx     context.Context
		x       *galaxy.Images
		kernels []psf.PSF
		n       int
		want    string
	}{
		"too few PSFs": {t.Context(), x, kernels[:2], 2,
			"3 images need as many PSFs, or one for all; got 2"},
		"no PSFs": {t.Context(), x, nil, 2, "got 0"},
		"PSF too large": {t.Context(), x, []psf.PSF{devicetest.Gaussian(t, 21, 5)}, 2,
			"blob 0 is refused: its PSF"},
		"PSF too wide": {t.Context(), x, []psf.PSF{devicetest.Gaussian(t, 7, 2)}, 2,
			"σ = 2.00 pixels, the instrument's have 0.7 to 1.2"},
		"broken PSF": {t.Context(), x, []psf.PSF{{Size: 7}}, 2, "needs 49 weights, got 0"},
		"raw counts": {t.Context(), counts, kernels[:1], 2, "peak without blur is 1"},
		"dark": {t.Context(), dark, kernels[:1], 2,
			"image 0 is refused: its largest pixel is 0"},
		"NaN":          {t.Context(), nan, kernels[:1], 2, "row 1, column 1"},
		"another size": {t.Context(), micro.Galaxies(1, 32), kernels[:1], 2, "these are 32×32"},
		"no samples":   {t.Context(), x, kernels, 0, "got 0"},
		"interrupt":    {ctx, x, kernels, 2, context.Canceled.Error()},
	} {
		o, err := posterior.NewObservations(test.x, test.kernels, observed.Noise()[:1])
		if err == nil {
			_, err = d.Sample(test.ctx, o, test.n, 1)
		}
		galtest.Wants(t, name, err, test.want)
	}
	_, err = new(galdecon.Model).Sample(t.Context(), observed, 2, 1)
	galtest.Wants(t, "a model that wasn't loaded", err, "0×0")
}

// The baseline goes the same way as the diffusion model, from a configuration to candidates.
func TestCVAE(t *testing.T) {
	c := micro.Config()
	c.Diffusion, c.Sampler = ddpm.Config{}, ddpm.Sampler{}
	c.CVAE = &cvae.Config{Latent: 2, Features: []int{4, 4}, Alpha: 1, Beta: 1, SigmaY: 0.1,
		SigmaX: 0.1}
	dir := filepath.Join(t.TempDir(), "model")
	y := micro.Galaxies(8, 16)
	if err := galdecon.Train(t.Context(), c, y, dir, nil); err != nil {
		t.Fatal(err)
	}
	d, err := galdecon.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(d.Config, c) {
		t.Errorf("the configuration is %+v, want %+v", d.Config, c)
	}
	kernels := []psf.PSF{devicetest.Gaussian(t, 7, 1)}
	x, err := galdecon.Observe(y, kernels, c.Instrument.NoiseMax, 5)
	if err != nil {
		t.Fatal(err)
	}
	first, err := d.Sample(t.Context(), x, 3, 9)
	if err != nil {
		t.Fatal(err)
	}
	again, err := d.Sample(t.Context(), x, 3, 9)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(first, again) {
		t.Error("the same seed gave other candidates")
	}
	if report, err := galdecon.Evaluate(y, first); err != nil || report.Mean().Variance <= 0 {
		t.Errorf("report %+v, error %v: want candidates that differ", report, err)
	}
}

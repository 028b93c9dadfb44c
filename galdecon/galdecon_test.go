package galdecon_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"galdecon/galdecon"
	"galdecon/galdecon/backend"
	"galdecon/galdecon/classical"
	"galdecon/galdecon/cvae"
	"galdecon/galdecon/ddpm"
	"galdecon/galdecon/fit"
	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/internal/devicetest"
	"galdecon/galdecon/internal/galtest"
	"galdecon/galdecon/internal/micro"
	"galdecon/galdecon/internal/npy"
	"galdecon/galdecon/internal/random"
	"galdecon/galdecon/posterior"
	"galdecon/galdecon/psf"
	"galdecon/galdecon/score"
	"galdecon/galdecon/unet"
)

func observe(t *testing.T, images *galaxy.Images, psfs []psf.PSF, noise []float64) *galdecon.Observations {
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
		if err := galdecon.Train(t.Context(), micro.Config(), micro.Galaxies(8, 16), made, nil); err != nil {
			t.Fatal(err)
		}
		trained.files = map[string][]byte{}
		entries, err := os.ReadDir(made)
		if err != nil {
			t.Fatal(err)
		}
		for _, entry := range entries {
			if trained.files[entry.Name()], err = os.ReadFile(filepath.Join(made, entry.Name())); err != nil {
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

func TestPresets(t *testing.T) {
	t.Setenv(galdecon.ConfigEnv, "")
	for _, name := range []string{"tiny", "tiny-cvae", "small", "small-cvae", "paper", "paper-cvae"} {
		c, err := galdecon.Preset(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Validate(); err != nil {
			t.Errorf("the preset %s is invalid: %v", name, err)
		}
		text, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		var back galdecon.Config
		if err := json.Unmarshal(text, &back); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(c, back) {
			t.Errorf("%s: through JSON %+v becomes %+v", name, c, back)
		}
	}
	// The paper's numbers (Section 3): its network has 20,656,483 weights.
	paper, err := galdecon.Preset("paper")
	if err != nil {
		t.Fatal(err)
	}
	if n := paper.Diffusion.Paper.Weights(); n != 20656483 || paper.Diffusion.T != 950 || paper.Sampler.Steps != 950 || paper.Fit.Steps != 40489 {
		t.Errorf("the paper's model has %d weights, T = %d, %d steps of sampling and %d of training", n, paper.Diffusion.T, paper.Sampler.Steps, paper.Fit.Steps)
	}
	c, err := galdecon.Preset("tiny")
	if err != nil {
		t.Fatal(err)
	}
	c.Diffusion.Network.Features[0] = 1
	if again, _ := galdecon.Preset("tiny"); again.Diffusion.Network.Features[0] == 1 {
		t.Error("a change of one configuration changes the preset")
	}
	_, err = galdecon.Preset("huge")
	galtest.Wants(t, "unknown preset", err, `"huge"`, "choose one of", "tiny")
}

func TestPresetFromEnvironment(t *testing.T) {
	t.Setenv(galdecon.ConfigEnv, "")
	plain, err := galdecon.Preset("tiny")
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(galdecon.ConfigEnv, `{"fit": {"steps": 7}, "diffusion": {"network": {"features": [8]}}}`)
	c, err := galdecon.PresetFromEnv("tiny")
	if err != nil {
		t.Fatal(err)
	}
	if again, err := galdecon.Preset("tiny"); err != nil || !reflect.DeepEqual(again, plain) {
		t.Errorf("the environment changes a preset that doesn't ask for it: %+v, error %v", again, err)
	}
	want := plain
	want.Fit.Steps, want.Diffusion.Network.Features = 7, []int{8}
	if !reflect.DeepEqual(c, want) {
		t.Errorf("the changed preset is %+v, want %+v", c, want)
	}
	if c.Folder("here") == plain.Folder("here") || c.Folder("here") != want.Folder("here") {
		t.Errorf("folders %s and %s", c.Folder("here"), plain.Folder("here"))
	}
	sampling := plain
	sampling.Sampler.Steps = 99
	if sampling.Folder("here") != plain.Folder("here") {
		t.Error("another sampler asks for another training")
	}
	for _, bad := range []string{"steps=7", `{"stepps": 7}`, `{"fit": 7}`, `{"fit": {"steps": 7}} x`} {
		t.Setenv(galdecon.ConfigEnv, bad)
		_, err := galdecon.PresetFromEnv("tiny")
		galtest.Wants(t, bad, err, galdecon.ConfigEnv)
	}
}

func TestValidate(t *testing.T) {
	if err := micro.Config().Validate(); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		change func(*galdecon.Config)
		want   string
	}{
		"no size":             {func(c *galdecon.Config) { c.Size = 0 }, "positive size"},
		"no channels":         {func(c *galdecon.Config) { c.Channels = 0 }, "positive size"},
		"PSF larger":          {func(c *galdecon.Config) { c.Instrument.Size = 17 }, "PSF grid (17 pixels) is larger than the images (16 pixels)"},
		"no PSF":              {func(c *galdecon.Config) { c.Instrument.Size = 0 }, "psf: "},
		"no noise levels":     {func(c *galdecon.Config) { c.Diffusion.T = 0 }, "T ≥ 2"},
		"paper's channels":    {func(c *galdecon.Config) { c.Diffusion.Paper = &unet.Paper{Channels: 3, Features: 8, PSFSize: 7} }, "3 channel(s)"},
		"paper's PSFs":        {func(c *galdecon.Config) { c.Diffusion.Paper = &unet.Paper{Channels: 1, Features: 8, PSFSize: 5} }, "PSFs of 5 pixels"},
		"network":             {func(c *galdecon.Config) { c.Diffusion.Network.Embedding = 3 }, "unet: "},
		"size doesn't halve":  {func(c *galdecon.Config) { c.Size = 15 }, "multiple of 2"},
		"too many steps":      {func(c *galdecon.Config) { c.Sampler.Steps = 51 }, "T = 50, got 51"},
		"no training":         {func(c *galdecon.Config) { c.Fit.Steps = 0 }, "fit: "},
		"infinite everything": {func(c *galdecon.Config) { c.Fit.LearningRate = math.Inf(1) }, "learning rate"},
	} {
		c := micro.Config()
		test.change(&c)
		galtest.Wants(t, name, c.Validate(), test.want)
	}
}

func TestObserve(t *testing.T) {
	const n, size = 6, 24
	y := micro.Galaxies(n, size)
	y.Scale = []float64{1, 2, 3, 4, 5, 6}
	kernels := make([]psf.PSF, n)
	for i := range kernels {
		kernels[i] = devicetest.Gaussian(t, 9, 0.6+0.2*float64(i))
	}
	clean, err := galdecon.Observe(y, kernels, 0, 1)
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		for p := range size * size {
			want := 0.0
			for u := range 9 * 9 {
				r, c := p/size-(u/9-4), p%size-(u%9-4)
				if r >= 0 && r < size && c >= 0 && c < size {
					want += float64(kernels[i].Pixels[u]) * float64(y.At(i)[r*size+c])
				}
			}
			if got := float64(clean.Images().At(i)[p]); math.Abs(got-want) > 1e-5 {
				t.Fatalf("image %d, pixel %d is %g, want %g", i, p, got, want)
			}
		}
	}
	if !slices.Equal(clean.Images().IDs, y.IDs) || !slices.Equal(clean.Images().Scale, y.Scale) {
		t.Errorf("IDs %v and scales %v became %v and %v", y.IDs, y.Scale, clean.Images().IDs, clean.Images().Scale)
	}
	const noise = 0.05
	noisy, err := galdecon.Observe(y, kernels, noise, 1)
	if err != nil {
		t.Fatal(err)
	}
	if got := math.Sqrt(score.MSE(noisy.Images().Pixels, clean.Images().Pixels)); math.Abs(got/noise-1) > 0.05 { // ± 1.2 % by chance
		t.Errorf("the noise is %g, want %g", got, noise)
	}
	again, err := galdecon.Observe(y, kernels, noise, 1)
	if err != nil {
		t.Fatal(err)
	}
	other, err := galdecon.Observe(y, kernels, noise, 2)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(again.Images().Pixels, noisy.Images().Pixels) || slices.Equal(other.Images().Pixels, noisy.Images().Pixels) {
		t.Error("the noise doesn't follow from the seed")
	}
	one, err := galdecon.Observe(y, kernels[:1], 0, 1)
	if err != nil {
		t.Fatal(err)
	}
	if score.MSE(one.Images().At(0), clean.Images().At(0)) > 1e-12 || score.MSE(one.Images().At(5), clean.Images().At(5)) < 1e-6 {
		t.Error("one PSF isn't taken for all galaxies")
	}

	nan := micro.Galaxies(1, size)
	nan.Pixels[3] = float32(math.NaN())
	for name, test := range map[string]struct {
		y       *galaxy.Images
		kernels []psf.PSF
		noise   float64
		want    string
	}{
		"NaN pixel":        {nan, kernels[:1], 0, "blob 0"},
		"no PSF":           {y, nil, 0, "6 images need as many PSFs, or one for all; got 0"},
		"too few PSFs":     {y, kernels[:2], 0, "got 2"},
		"empty PSF":        {y, []psf.PSF{{}}, 0, "0×0"},
		"broken PSF":       {y, []psf.PSF{{Size: 3, Pixels: []float32{1}}}, 0, "needs 9 weights, got 1"},
		"unequal PSFs":     {micro.Galaxies(2, size), []psf.PSF{devicetest.Gaussian(t, 3, 1), devicetest.Gaussian(t, 5, 1)}, 0, "Resize"},
		"negative noise":   {y, kernels, -1, "noise"},
		"NaN noise":        {y, kernels, math.NaN(), "noise"},
		"galaxies lacking": {&galaxy.Images{N: 2, Height: 4, Width: 4, Channels: 1, Pixels: make([]float32, 5)}, kernels[:1], 0, "need 32 values"},
	} {
		_, err := galdecon.Observe(test.y, test.kernels, test.noise, 1)
		galtest.Wants(t, name, err, test.want)
	}
}

func TestTrainKeepsAnotherConfiguration(t *testing.T) {
	dir, c := train(t)
	path := filepath.Join(dir, "config.json")
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := galdecon.Train(t.Context(), c, micro.Galaxies(8, 16), dir, func(p fit.Progress) { t.Errorf("a finished training makes step %d", p.Step) }); err != nil {
		t.Errorf("training with the same configuration again: %v", err)
	}
	other := micro.Galaxies(8, 16)
	other.Pixels[7] += 0.5
	galtest.Wants(t, "other galaxies", galdecon.Train(t.Context(), c, other, dir, nil), dir, "other galaxies")
	c.Fit.Steps++
	galtest.Wants(t, "another configuration", galdecon.Train(t.Context(), c, micro.Galaxies(8, 16), dir, nil), path, `"steps": 3 there`, `"steps": 4 here`)
	if after, err := os.ReadFile(path); err != nil || !bytes.Equal(after, before) {
		t.Errorf("the configuration was changed: %v", err)
	}
}

// What can't be trained leaves no folder, which would stand in the way of the next attempt.
func TestTrainBadInput(t *testing.T) {
	nan := micro.Galaxies(8, 16)
	nan.Pixels[0] = float32(math.NaN())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for name, test := range map[string]struct {
		change func(*galdecon.Config)
		y      *galaxy.Images
		want   string
	}{
		"invalid configuration":  {func(c *galdecon.Config) { c.Fit.Batch = 0 }, micro.Galaxies(8, 16), "batch"},
		"too few galaxies":       {func(*galdecon.Config) {}, micro.Galaxies(3, 16), "a batch of 4 needs at least as many galaxies, got 3"},
		"another size":           {func(*galdecon.Config) {}, micro.Galaxies(8, 32), "16×16 pixels, these are 32×32"},
		"another channels":       {func(*galdecon.Config) {}, galaxy.NewImages(8, 16, 16, 3), "1 channel(s), these have 3\nHint: deconvolve each channel"},
		"NaN":                    {func(*galdecon.Config) {}, nan, "blob 0"},
		"no model to begin with": {func(c *galdecon.Config) { c.Fit.InitialModel = "nowhere" }, micro.Galaxies(8, 16), "cannot begin"},
		"another to begin with":  {func(c *galdecon.Config) { c.Fit.InitialModel = filepath.Join("pretrained", "tiny") }, micro.Galaxies(8, 16), "of another kind"},
	} {
		dir := filepath.Join(t.TempDir(), "model")
		c := micro.Config()
		test.change(&c)
		galtest.Wants(t, name, galdecon.Train(t.Context(), c, test.y, dir, nil), test.want)
		if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: a folder was left", name)
		}
	}
	if err := galdecon.Train(ctx, micro.Config(), micro.Galaxies(8, 16), t.TempDir(), nil); !errors.Is(err, context.Canceled) {
		t.Errorf("training after an interrupt: %v", err)
	}
}

func TestLoadErrors(t *testing.T) {
	none := filepath.Join(t.TempDir(), "none")
	_, err := galdecon.Load(none)
	galtest.Wants(t, "no folder", err, "no model in "+none)
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no folder: %v is no fs.ErrNotExist", err)
	}
	dir, _ := train(t)
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		file   string // its end
		damage func([]byte) []byte
		want   string
	}{
		{"config.json", func(text []byte) []byte { return text[:len(text)/2] }, "damaged or of another version"},
		{"config.json", func([]byte) []byte { return []byte("{}") }, "config.json"},
		{"config.json", func(text []byte) []byte { return bytes.Replace(text, []byte(`"size"`), []byte(`"sighs"`), 1) }, "sighs"},
		{".bin", func(text []byte) []byte { return text[:len(text)/2] }, "damaged"},
		{"0003.json", func([]byte) []byte { return []byte("garbage") }, "damaged"},
		{"0003.json", nil, "no checkpoint"},
	} {
		broken := t.TempDir()
		hit := false
		for _, file := range files {
			text, err := os.ReadFile(filepath.Join(dir, file.Name()))
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasSuffix(file.Name(), test.file) {
				hit = true
				if test.damage == nil {
					continue
				}
				text = test.damage(text)
			}
			if err := os.WriteFile(filepath.Join(broken, file.Name()), text, 0o666); err != nil {
				t.Fatal(err)
			}
		}
		if !hit {
			t.Fatalf("no file %s among %v", test.file, files)
		}
		_, err := galdecon.Load(broken)
		galtest.Wants(t, "damaged "+test.file, err, broken, test.want)
	}
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
	// 3 observations of 30 candidates are two chunks of 64, and the border lies within an observation.
	const m, n = 3, 30
	y := micro.Galaxies(m, 16)
	kernels := []psf.PSF{devicetest.Gaussian(t, 7, 0.7), devicetest.Gaussian(t, 5, 0.8), devicetest.Gaussian(t, 9, 0.9)}
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
		if p.Samples.N != n || p.Samples.Height != 16 || p.Samples.Width != 16 || p.Samples.Channels != 1 || p.Reblurred.N != n || p.Seed != 9 {
			t.Errorf("posterior %d has %d samples of %d×%d×%d, %d reblurred, seed %d", i, p.Samples.N, p.Samples.Height, p.Samples.Width, p.Samples.Channels, p.Reblurred.N, p.Seed)
		}
		if p.Observation.ID(0) != y.ID(i) || !slices.Equal(p.Observation.Pixels, x.At(i)) || p.PSF.Size != 7 {
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
				t.Errorf("sample %d of observation %d: Reblurred is not Π*y of it, MSE %g", k, i, mse)
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
	long, err := d.Sample(t.Context(), observe(t, x.Select(0), kernels[:1], observed.Noise()), 66, 9)
	if err != nil {
		t.Fatal(err)
	}
	if score.MSE(long[0].Samples.At(0), long[0].Samples.At(64)) < 1e-10 {
		t.Error("the second chunk repeats the first")
	}

	path, err := d.Path(observe(t, x.Select(0), kernels[:1], observed.Noise()), 9)
	if err != nil {
		t.Fatal(err)
	}
	if path.N != c.Sampler.Steps || score.MSE(path.At(0), path.At(path.N-1)) == 0 {
		t.Errorf("a path of %d steps, want %d", path.N, c.Sampler.Steps)
	}
	_, err = d.Path(observed, 9)
	galtest.Wants(t, "a path of three", err, "got 3")

	report, err := galdecon.Evaluate(posteriors, y)
	if err != nil {
		t.Fatal(err)
	}
	mean := report.Mean()
	if len(report.Rows) != m || mean.Retained != 1 || !(mean.Reconvolution > 0 && mean.Reconvolution < 1e-4) {
		t.Errorf("the report is %+v", report)
	}
	for i, row := range report.Rows {
		if want := score.MSE(x.At(i), y.At(i)); row.ID != y.ID(i) || row.Observation != want {
			t.Errorf("row %d is of %s, observation %g; want %s, %g", i, row.ID, row.Observation, y.ID(i), want)
		}
	}
	for _, want := range []string{"blob 0", "blob 2", "mean", "100 %"} {
		if !strings.Contains(report.String(), want) {
			t.Errorf("the report lacks %q:\n%s", want, report)
		}
	}
	_, err = galdecon.Evaluate(posteriors, micro.Galaxies(2, 16))
	galtest.Wants(t, "truth of another number", err, "observation 2, which is not one of 2")
	_, err = galdecon.Evaluate(posteriors, micro.Galaxies(3, 8))
	galtest.Wants(t, "truth of another size", err, "[1, 8, 8, 1]")
	_, err = galdecon.Evaluate(nil, micro.Galaxies(2, 16))
	galtest.Wants(t, "nothing", err, "no posteriors")
	_, err = galdecon.Evaluate(posteriors, nil)
	galtest.Wants(t, "no truth", err, "no images")
	_, err = galdecon.Evaluate(posteriors, &galaxy.Images{N: 3, Height: 16, Width: 16, Channels: 1})
	galtest.Wants(t, "truth without pixels", err, "Pixels has 0")

	counts, dark, nan := micro.Galaxies(1, 16), galaxy.NewImages(1, 16, 16, 1), micro.Galaxies(1, 16)
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
		"too few PSFs":  {t.Context(), x, kernels[:2], 2, "3 images need as many PSFs, or one for all; got 2"},
		"no PSFs":       {t.Context(), x, nil, 2, "got 0"},
		"PSF too large": {t.Context(), x, []psf.PSF{devicetest.Gaussian(t, 21, 5)}, 2, "blob 0 is refused: its PSF"},
		"PSF too wide":  {t.Context(), x, []psf.PSF{devicetest.Gaussian(t, 7, 2)}, 2, "σ = 2.00 pixels, the instrument's have 0.7 to 1.2"},
		"broken PSF":    {t.Context(), x, []psf.PSF{{Size: 7}}, 2, "needs 49 weights, got 0"},
		"raw counts":    {t.Context(), counts, kernels[:1], 2, "peak without blur is 1"},
		"dark":          {t.Context(), dark, kernels[:1], 2, "image 0 is refused: its largest pixel is 0"},
		"NaN":           {t.Context(), nan, kernels[:1], 2, "row 1, column 1"},
		"another size":  {t.Context(), micro.Galaxies(1, 32), kernels[:1], 2, "these are 32×32"},
		"no samples":    {t.Context(), x, kernels, 0, "got 0"},
		"interrupt":     {ctx, x, kernels, 2, context.Canceled.Error()},
	} {
		o, err := posterior.NewObservations(test.x, test.kernels, observed.Noise()[:1])
		if err == nil {
			_, err = d.Sample(test.ctx, o, test.n, 1)
		}
		galtest.Wants(t, name, err, test.want)
	}
	_, err = new(galdecon.Model).Sample(t.Context(), observed, 2, 1)
	galtest.Wants(t, "a deconvolver that wasn't loaded", err, "0×0")
}

// The baseline goes the same way as the diffusion model, from a configuration to candidates.
func TestCVAE(t *testing.T) {
	c := micro.Config()
	c.Diffusion, c.Sampler = ddpm.Config{}, ddpm.Sampler{}
	c.CVAE = &cvae.Config{Latent: 2, Features: []int{4, 4}, Alpha: 1, Beta: 1, SigmaY: 0.1, SigmaX: 0.1}
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
	if report, err := galdecon.Evaluate(first, y); err != nil || report.Mean().Variance <= 0 {
		t.Errorf("report %+v, error %v: want candidates that differ", report, err)
	}
}

// A model follows its training: reloaded, it draws with the weights of the latest checkpoint as one that is loaded afresh, to the bit, with its
// own sampler and with another. (That nothing is compiled for that is tested in the packages ddpm and cvae.)
func TestReload(t *testing.T) {
	variational := micro.Config()
	variational.Diffusion, variational.Sampler = ddpm.Config{}, ddpm.Sampler{}
	variational.CVAE = &cvae.Config{Latent: 2, Features: []int{4, 4}, Alpha: 1, Beta: 1, SigmaY: 0.1, SigmaX: 0.1}
	for name, c := range map[string]galdecon.Config{"diffusion": micro.Config(), "CVAE": variational} {
		t.Run(name, func(t *testing.T) {
			dir, y := filepath.Join(t.TempDir(), "model"), micro.Galaxies(8, 16)
			ctx, interrupt := context.WithCancel(t.Context())
			if err := galdecon.Train(ctx, c, y, dir, func(fit.Progress) { interrupt() }); !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
			load := func() *galdecon.Model {
				t.Helper()
				d, err := galdecon.Load(dir)
				if err != nil {
					t.Fatal(err)
				}
				return d
			}
			x, err := galdecon.Observe(y, []psf.PSF{devicetest.Gaussian(t, 7, 1)}, c.Instrument.NoiseMax, 5)
			if err != nil {
				t.Fatal(err)
			}
			draw := func(d *galdecon.Model) []galdecon.Posterior {
				t.Helper()
				all, err := d.Sample(t.Context(), x, 3, 9)
				if err != nil {
					t.Fatal(err)
				}
				return all
			}
			early := load()
			before := draw(early)
			if err := galdecon.Train(t.Context(), c, y, dir, nil); err != nil {
				t.Fatal(err)
			}
			late, err := early.Reload(dir)
			if err != nil {
				t.Fatal(err)
			}
			if after := draw(late); reflect.DeepEqual(after, before) || !reflect.DeepEqual(after, draw(load())) {
				t.Error("the candidates aren't those of the latest checkpoint")
			}
			if !reflect.DeepEqual(draw(early), before) {
				t.Error("the model that was loaded before has other candidates now")
			}
			if c.CVAE == nil {
				quick := ddpm.Sampler{Steps: 2}
				first, errFirst := early.WithSampler(quick)
				second, errSecond := late.WithSampler(quick)
				fresh, errFresh := load().WithSampler(quick)
				if err := errors.Join(errFirst, errSecond, errFresh); err != nil {
					t.Fatal(err)
				}
				if after := draw(second); reflect.DeepEqual(after, draw(first)) || !reflect.DeepEqual(after, draw(fresh)) {
					t.Error("with another sampler the candidates aren't those of the latest checkpoint")
				}
			}
			other, config := train(t)
			difference := `"diffusion"`
			if c.CVAE == nil {
				difference = `"seed": 2 there, "seed": 1 here`
				config.Fit.Seed++ // what is trained so isn't the same model
				other = t.TempDir()
				text, err := json.Marshal(config)
				if err = errors.Join(err, os.WriteFile(filepath.Join(other, galdecon.ConfigFile), text, 0o666)); err != nil {
					t.Fatal(err)
				}
			}
			_, err = early.Reload(other)
			galtest.Wants(t, "another configuration", err, other, "another configuration", difference)

			weight := early.Weight(t)
			early = nil
			for range 10 {
				runtime.GC()
			}
			if weight.Value() != nil {
				t.Error("the weights of the earlier checkpoint stay in memory")
			}
			draw(late)
		})
	}
}

// The sampler isn't part of what is trained: with another one the model stays, and is sampled by the new one.
func TestAnotherSampler(t *testing.T) {
	dir, c := train(t)
	c.Sampler.Steps = 2
	if err := galdecon.Train(t.Context(), c, micro.Galaxies(8, 16), dir, func(p fit.Progress) { t.Errorf("step %d", p.Step) }); err != nil {
		t.Fatal(err)
	}
	d, err := galdecon.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if d.Config.Sampler != c.Sampler {
		t.Errorf("the sampler is %+v, want %+v", d.Config.Sampler, c.Sampler)
	}
}

// An observation in raw counts, standardized, has about the scale of the clean galaxy, whose peak is 1, and can be brought back.
func TestStandardize(t *testing.T) {
	y := micro.Galaxies(4, 16)
	kernels := []psf.PSF{devicetest.Gaussian(t, 7, 1)}
	x, err := galdecon.Observe(y, kernels, 1e-3, 3)
	if err != nil {
		t.Fatal(err)
	}
	counts := x.Images().Select(0, 1, 2, 3)
	for i := range counts.Pixels {
		counts.Pixels[i] *= 5000
	}
	standard, err := galdecon.Standardize(observe(t, counts, kernels, []float64{5}))
	if err != nil {
		t.Fatal(err)
	}
	out := standard.Images()
	for i := range out.N {
		for k, v := range out.At(i) {
			if want := float64(counts.At(i)[k]); math.Abs(float64(v)*out.Scale[i]-want) > 1e-3*5000 {
				t.Fatalf("image %d, pixel %d: %g times the scale %g isn't %g", i, k, v, out.Scale[i], want)
			}
		}
		// The filter gives a part of the peak back that the blur took, to within the noise.
		own := float64(slices.Max(x.Images().At(i)))
		if ratio := out.Scale[i] / 5000; ratio < 1-(1-own)*0.85-5e-3 || ratio > 1.2 {
			t.Errorf("image %d is scaled by %g, want about 5000; its own peak is %g", i, out.Scale[i], 5000*own)
		}
		if got := standard.Noise()[i] * out.Scale[i]; math.Abs(got-5) > 1e-9 {
			t.Errorf("image %d has noise of %g counts, want 5", i, got)
		}
	}
	if counts.Scale != nil {
		t.Error("the input was changed")
	}
	_, err = galdecon.Standardize(observe(t, galaxy.NewImages(1, 16, 16, 1), kernels, []float64{1}))
	galtest.Wants(t, "an empty image", err, "no positive value")
	_, err = galdecon.Standardize(nil)
	galtest.Wants(t, "nothing", err, "no observations")
}

// Wiener's filter undoes some of the blur.
func TestWiener(t *testing.T) {
	y := micro.Galaxies(3, 16)
	kernels := []psf.PSF{devicetest.Gaussian(t, 7, 1)}
	x, err := galdecon.Observe(y, kernels, 1e-3, 3)
	if err != nil {
		t.Fatal(err)
	}
	w, err := classical.Wiener(x, 0.05)
	if err != nil {
		t.Fatal(err)
	}
	if before, after := score.MSE(x.Images().Pixels, y.Pixels), score.MSE(w.Pixels, y.Pixels); after > before/2 {
		t.Errorf("MSE %g after the filter, %g before", after, before)
	}
	_, err = classical.Wiener(x, 0)
	galtest.Wants(t, "no prior", err, "positive")
	_, err = posterior.NewObservations(x.Images(), append(kernels, kernels...), nil)
	galtest.Wants(t, "PSFs", err, "as many PSFs")
	for name, empty := range map[string]*galdecon.Observations{"nil": nil, "zero": {}} {
		_, err = classical.Wiener(empty, 0.05)
		galtest.Wants(t, name, err, "no observations")
	}
}

// A model must not take noise that it wasn't trained for as structure.
func TestSampleRefusesNoise(t *testing.T) {
	dir, c := train(t)
	d, err := galdecon.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	kernels := []psf.PSF{devicetest.Gaussian(t, 7, 1)}
	x, err := galdecon.Observe(micro.Galaxies(2, 16), kernels, 10*c.Instrument.NoiseMax, 3)
	if err != nil {
		t.Fatal(err)
	}
	_, err = d.Sample(t.Context(), x, 2, 1)
	galtest.Wants(t, "noise", err, "noise of 0.03", "at most 0.003")
	x = observe(t, x.Images(), kernels, []float64{c.Instrument.NoiseMax})
	_, err = d.Sample(t.Context(), x, 2, 1)
	galtest.Wants(t, "noise that is more than it says", err, "twice what is said (0.003)")
	x = observe(t, x.Images(), kernels, nil) // estimated
	_, err = d.Sample(t.Context(), x, 2, 1)
	galtest.Wants(t, "noise that is estimated", err, "at most 0.003")
}

// What a standardized model draws doesn't depend on the units of the observation, also where their squares are beyond float32.
func TestUnits(t *testing.T) {
	c, y := micro.Config(), micro.Galaxies(4, 16)
	c.Standardized, c.Diffusion.DataConsistency = true, true
	dir := c.Folder(t.TempDir())
	if err := galdecon.Train(t.Context(), c, y, dir, nil); err != nil {
		t.Fatal(err)
	}
	d, err := galdecon.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	x, err := galdecon.Observe(y, []psf.PSF{devicetest.Gaussian(t, 7, 1)}, 0.002, 5)
	if err != nil {
		t.Fatal(err)
	}
	want, err := d.Sample(t.Context(), x, 2, 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, unit := range []float64{1e-21, 3e4} {
		counts := observe(t, x.Images().Select(0, 1, 2, 3), x.PSFs(), []float64{0.002 * unit})
		for i, v := range counts.Images().Pixels {
			counts.Images().Pixels[i] = float32(unit * float64(v))
		}
		got, err := d.Sample(t.Context(), counts, 2, 1)
		if err != nil {
			t.Fatal(err)
		}
		path, err := d.Path(observe(t, counts.Images().Select(0), x.PSFs(), counts.Noise()), 1)
		if err != nil {
			t.Fatal(err)
		}
		last := path.At(path.N - 1)
		for i, p := range got {
			if p.Noise != 0.002*unit || !slices.Equal(p.Observation.Pixels, counts.Images().At(i)) {
				t.Errorf("unit %g, image %d: the posterior is of another observation", unit, i)
			}
			for k, v := range p.Samples.Pixels {
				if off := float64(v)/unit - float64(want[i].Samples.Pixels[k]); math.Abs(off) > 1e-3 {
					t.Fatalf("unit %g, image %d: value %d is off by %g of the unit", unit, i, k, off)
				}
				if k < len(last) && i == 0 && math.Abs(float64(last[k]-v)) > 1e-3*unit {
					t.Fatalf("unit %g: the path ends with %g at pixel %d, not with %g", unit, last[k], k, v)
				}
			}
		}
	}
}

// released is a configuration of the paper's network for the weights that the tests of package unet have.
func released() galdecon.Config {
	return galdecon.Config{
		Preset: "released", Size: 16, Channels: 1,
		Instrument: psf.Instrument{Size: 5, SigmaMin: 0.7, SigmaMax: 1.2},
		Diffusion:  ddpm.Config{T: 1000, Prediction: ddpm.Epsilon, Std: 1, Dropout: 0.1, Paper: &unet.Paper{Channels: 1, Features: 8, PSFSize: 5}},
		Sampler:    ddpm.Sampler{Steps: 4, Eta: 1, LargeVariance: true},
		Fit:        fit.Config{Steps: 2, Batch: 4, LearningRate: 1e-3, Seed: 1},
	}
}

const releasedWeights = "unet/testdata/paper_1.npz"

// withSchedule is the weights' file with the noise schedule of the released program for T and the largest β: β_t = 1e-4 + (most − 1e-4)·t/T
// from t = 0 on.
func withSchedule(t *testing.T, T int, most float64) string {
	t.Helper()
	archive, err := zip.OpenReader(releasedWeights)
	if err != nil {
		t.Fatal(err)
	}
	defer archive.Close()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, f := range archive.File {
		if err := z.Copy(f); err != nil {
			t.Fatal(err)
		}
	}
	array, bar := npy.Header(T+1), 1.0
	for k := range T + 1 {
		bar *= 1 - (1e-4 + (most-1e-4)*float64(k)/float64(T))
		array = binary.LittleEndian.AppendUint32(array, math.Float32bits(float32(bar)))
	}
	w, err := z.Create("alphabar_t.npy")
	if err == nil {
		_, err = w.Write(array)
	}
	path := filepath.Join(t.TempDir(), "released.npz")
	if err := errors.Join(err, z.Close(), os.WriteFile(path, b.Bytes(), 0o666)); err != nil {
		t.Fatal(err)
	}
	return path
}

// Weights of the released program make a model folder: what it draws is, bit for bit, what the weights in the file draw. It counts as trained,
// and another training can begin with it.
func TestImport(t *testing.T) {
	c, dir := released(), filepath.Join(t.TempDir(), "model")
	if err := galdecon.Import(c, withSchedule(t, 1000, 0.02), dir); err != nil {
		t.Fatal(err)
	}
	d, err := galdecon.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(d.Config, c) {
		t.Errorf("the configuration is %+v, want %+v", d.Config, c)
	}
	x, err := galdecon.Observe(micro.Galaxies(1, 16), []psf.PSF{devicetest.Gaussian(t, 5, 1)}, 0, 5)
	if err != nil {
		t.Fatal(err)
	}
	drawn, err := d.Sample(t.Context(), x, 1, 1)
	if err != nil {
		t.Fatal(err)
	}

	device, err := backend.Default()
	if err != nil {
		t.Fatal(err)
	}
	scope := model.NewStore().Scope("/weights")
	if _, err := c.Diffusion.Paper.LoadStateDict(scope.In("unet"), releasedWeights); err != nil {
		t.Fatal(err)
	}
	p, err := ddpm.NewGenerator(device, c.Diffusion, c.Sampler, scope)
	if err != nil {
		t.Fatal(err)
	}
	samples, _, err := p.Draw(random.States(1, 0), x.Images().Tensor(), tensors.FromFlatDataAndDimensions(x.PSFs()[0].Pixels, 1, 5, 5), tensors.FromFlatDataAndDimensions([]float32{0}, 1))
	if err != nil {
		t.Fatal(err)
	}
	if want := tensors.MustCopyFlatData[float32](samples); !slices.Equal(drawn[0].Samples.Pixels, want) {
		t.Error("the model's candidates aren't those of the file's weights")
	}

	steps := 0
	if err := galdecon.Train(t.Context(), c, micro.Galaxies(8, 16), dir, func(fit.Progress) { steps++ }); err != nil || steps > 0 {
		t.Errorf("training what is imported: %d steps, %v", steps, err)
	}
	c.Fit.InitialModel = dir
	if err := galdecon.Train(t.Context(), c, micro.Galaxies(8, 16), c.Folder(t.TempDir()), nil); err != nil {
		t.Errorf("a training that begins with imported weights: %v", err)
	}
	c.Fit.InitialModel = ""
	galtest.Wants(t, "importing twice", galdecon.Import(c, releasedWeights, dir), dir, "choose another folder")
}

// What can't be imported leaves no checkpoint.
func TestImportErrors(t *testing.T) {
	c, dir := released(), t.TempDir()
	shorter, wider := c, c
	shorter.Diffusion.T = 950
	wider.Diffusion.Paper = &unet.Paper{Channels: 1, Features: 16, PSFSize: 5}
	cosine := c
	cosine.Diffusion.Cosine = true
	for what, test := range map[string]struct {
		config galdecon.Config
		path   string
		wants  []string
	}{
		"another network":  {micro.Config(), releasedWeights, []string{"preset paper"}},
		"another width":    {wider, releasedWeights, []string{"paper_1.npz", "[8 2 3 3]"}},
		"no file":          {c, "nowhere.npz", []string{"nowhere.npz"}},
		"another T":        {shorter, withSchedule(t, 1000, 0.02), []string{"released.npz", "T = 1000", "T = 950", "Diffusion.T"}},
		"another schedule": {c, withSchedule(t, 1000, 0.03), []string{"released.npz", "another noise schedule", "of 1000"}},
		"a cosine":         {cosine, withSchedule(t, 1000, 0.02), []string{"another noise schedule"}},
	} {
		galtest.Wants(t, what, galdecon.Import(test.config, test.path, dir), test.wants...)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
		t.Errorf("after errors the folder holds %v, %v", entries, err)
	}
	there := filepath.Join(dir, "there")
	if err := galdecon.Import(c, releasedWeights, there); err != nil {
		t.Fatal(err)
	}
	other := c
	other.Sampler.Steps = 7
	galtest.Wants(t, "a folder with a model", galdecon.Import(other, releasedWeights, there), "there is a model in "+there, "another folder")
	if d, err := galdecon.Load(there); err != nil || d.Config.Sampler != c.Sampler {
		t.Errorf("the model that was there: %v, want its sampler kept", err)
	}
}

// A training that is refused, since another goes on in the folder, changes nothing there.
func TestBusyFolder(t *testing.T) {
	c, dir := micro.Config(), t.TempDir()
	other := c
	other.Sampler.Steps++
	var refused error
	err := galdecon.Train(t.Context(), c, micro.Galaxies(8, 16), dir, func(p fit.Progress) {
		if p.Step == 1 {
			refused = galdecon.Train(t.Context(), other, micro.Galaxies(8, 16), dir, func(fit.Progress) { t.Error("a second training makes a step") })
		}
	})
	if err != nil || !errors.Is(refused, fit.ErrBusy) {
		t.Errorf("training: %v; a second one: %v", err, refused)
	}
	d, err := galdecon.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if d.Config.Sampler != c.Sampler {
		t.Errorf("the sampler is %+v, want that of the first, %+v", d.Config.Sampler, c.Sampler)
	}
}

// A checkpoint of another architecture than the configuration beside it is an error when it is loaded, which says where they differ.
func TestLoadOfOtherWeights(t *testing.T) {
	for what, test := range map[string]struct {
		change func(*galdecon.Config)
		wants  []string
	}{
		"wider":             {func(c *galdecon.Config) { c.Diffusion.Network.Features = []int{8} }, []string{"in the model, but (Float32)[", "in the network"}},
		"deeper":            {func(c *galdecon.Config) { c.Diffusion.Network.Features = []int{4, 4} }, []string{"the network has a weight /unet/down_1", "the model lacks"}},
		"another embedding": {func(c *galdecon.Config) { c.Diffusion.Network.Embedding = 8 }, []string{"/embed/", "in the network"}},
		"larger PSFs":       {func(c *galdecon.Config) { c.Instrument.Size = 9 }, []string{"/embed/psf", "[392, 4]", "[648, 4]"}},
		"a CVAE": {func(c *galdecon.Config) {
			c.CVAE = &cvae.Config{Latent: 2, Features: []int{4}, Alpha: 1, Beta: 1, SigmaY: 1, SigmaX: 1}
		}, []string{"cvae: ", "the network has a weight /decoder/"}},
	} {
		dir, c := train(t)
		c.Diffusion.Network.Features = slices.Clone(c.Diffusion.Network.Features)
		test.change(&c)
		text, err := json.Marshal(c)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, galdecon.ConfigFile), text, 0o666)
		}
		if err != nil {
			t.Fatal(err)
		}
		_, err = galdecon.Load(dir)
		galtest.Wants(t, what, err, append(test.wants, dir)...)
	}
}

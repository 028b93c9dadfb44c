package galdecon_test

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"galdecon/galdecon"
	"galdecon/galdecon/backend"
	"galdecon/galdecon/ddpm"
	"galdecon/galdecon/fit"
	"galdecon/galdecon/internal/devicetest"
	"galdecon/galdecon/internal/galtest"
	"galdecon/galdecon/internal/micro"
	"galdecon/galdecon/internal/npy"
	"galdecon/galdecon/internal/random"
	"galdecon/galdecon/psf"
	"galdecon/galdecon/unet"
)

// released is a configuration of the paper's network for the weights that the tests of package unet
// have.
func released() galdecon.Config {
	return galdecon.Config{
		Preset: "released", Size: 16, Channels: 1,
		Instrument: psf.Instrument{Size: 5, SigmaMin: 0.7, SigmaMax: 1.2},
		Diffusion: ddpm.Config{T: 1000, Prediction: ddpm.Epsilon, Std: 1, Dropout: 0.1,
			Paper: &unet.Paper{Channels: 1, Features: 8, PSFSize: 5}},
		Sampler: ddpm.Sampler{Steps: 4, Eta: 1, LargeVariance: true},
		Fit:     fit.Config{Steps: 2, Batch: 4, LearningRate: 1e-3, Seed: 1},
	}
}

const releasedWeights = "unet/testdata/paper_1.npz"

// withSchedule is the weights' file with the noise schedule of the released program for T and the
// largest β: β_t = 1e-4 + (most − 1e-4)·t/T from t = 0 on.
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

// Weights of the released program make a model folder: what it draws is, bit for bit, what the
// weights in the file draw. It counts as trained, and another training can begin with it.
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
	samples, _, err := p.Draw(random.States(1, 0), x.Images().Tensor(),
		tensors.FromFlatDataAndDimensions(x.PSFs()[0].Pixels, 1, 5, 5),
		tensors.FromFlatDataAndDimensions([]float32{0}, 1))
	if err != nil {
		t.Fatal(err)
	}
	if want := tensors.MustCopyFlatData[float32](samples); !slices.Equal(drawn[0].Samples.Pixels,
		want) {
		t.Error("the model's candidates aren't those of the file's weights")
	}

	steps := 0
	if err := galdecon.Train(t.Context(), c, micro.Galaxies(8, 16), dir,
		func(fit.Progress) { steps++ }); err != nil || steps > 0 {
		t.Errorf("training what is imported: %d steps, %v", steps, err)
	}
	c.Fit.InitialModel = dir
	if err := galdecon.Train(t.Context(), c, micro.Galaxies(8, 16), c.Folder(t.TempDir()),
		nil); err != nil {
		t.Errorf("a training that begins with imported weights: %v", err)
	}
	c.Fit.InitialModel = ""
	galtest.Wants(t, "importing twice", galdecon.Import(c, releasedWeights, dir), dir,
		"choose another folder")
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
		"another network": {micro.Config(), releasedWeights, []string{"preset paper"}},
		"another width":   {wider, releasedWeights, []string{"paper_1.npz", "[8 2 3 3]"}},
		"no file":         {c, "nowhere.npz", []string{"nowhere.npz"}},
		"another T": {shorter, withSchedule(t, 1000, 0.02),
			[]string{"released.npz", "T = 1000", "T = 950", "Diffusion.T"}},
		"another schedule": {c, withSchedule(t, 1000, 0.03),
			[]string{"released.npz", "another noise schedule", "of 1000"}},
		"a cosine": {cosine, withSchedule(t, 1000, 0.02),
			[]string{"another noise schedule"}},
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
	galtest.Wants(t, "a folder with a model", galdecon.Import(other, releasedWeights, there),
		"there is a model in "+there, "another folder")
	if d, err := galdecon.Load(there); err != nil || d.Config.Sampler != c.Sampler {
		t.Errorf("the model that was there: %v, want its sampler kept", err)
	}
}

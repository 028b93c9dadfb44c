package galdecon_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"

	"galdecon/galdecon"
	"galdecon/galdecon/cvae"
	"galdecon/galdecon/ddpm"
	"galdecon/galdecon/fit"
	"galdecon/galdecon/internal/devicetest"
	"galdecon/galdecon/internal/galtest"
	"galdecon/galdecon/internal/micro"
	"galdecon/galdecon/psf"
)

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
		{"config.json", func(text []byte) []byte { return text[:len(text)/2] },
			"damaged or of another version"},
		{"config.json", func([]byte) []byte { return []byte("{}") }, "config.json"},
		{"config.json",
			func(text []byte) []byte {
				return bytes.Replace(text,
					[]byte(`"size"`), []byte(`"sighs"`), 1)
			}, "sighs"},
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

// A model follows its training: reloaded, it draws with the weights of the latest checkpoint as one
// that is loaded afresh, to the bit, with its own sampler and with another. (That nothing is
// compiled for that is tested in the packages ddpm and cvae.)
func TestReload(t *testing.T) {
	variational := micro.Config()
	variational.Diffusion, variational.Sampler = ddpm.Config{}, ddpm.Sampler{}
	variational.CVAE = &cvae.Config{Latent: 2, Features: []int{4, 4}, Alpha: 1, Beta: 1,
		SigmaY: 0.1, SigmaX: 0.1}
	for name, c := range map[string]galdecon.Config{"diffusion": micro.Config(),
		"CVAE": variational} {
		t.Run(name, func(t *testing.T) {
			dir, y := filepath.Join(t.TempDir(), "model"), micro.Galaxies(8, 16)
			ctx, interrupt := context.WithCancel(t.Context())
			if err := galdecon.Train(ctx, c, y, dir,
				func(fit.Progress) { interrupt() }); !errors.Is(err, context.Canceled) {
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
			x, err := galdecon.Observe(y, []psf.PSF{devicetest.Gaussian(t, 7, 1)},
				c.Instrument.NoiseMax, 5)
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
			if after := draw(late); reflect.DeepEqual(after, before) ||
				!reflect.DeepEqual(after, draw(load())) {
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
				if after := draw(second); reflect.DeepEqual(after, draw(first)) ||
					!reflect.DeepEqual(after, draw(fresh)) {
					t.Error("with another sampler the candidates aren't those of the latest " +
						"checkpoint")
				}
			}
			other, config := train(t)
			difference := `"diffusion"`
			if c.CVAE == nil {
				difference = `"seed": 2 there, "seed": 1 here`
				config.Fit.Seed++ // what is trained so isn't the same model
				other = t.TempDir()
				text, err := json.Marshal(config)
				if err = errors.Join(err,
					os.WriteFile(filepath.Join(other, galdecon.ConfigFile), text,
						0o666)); err != nil {
					t.Fatal(err)
				}
			}
			_, err = early.Reload(other)
			galtest.Wants(t, "another configuration", err, other, "another configuration",
				difference)

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

// The sampler isn't part of what is trained: with another one the model stays, and is sampled by
// the new one.
func TestAnotherSampler(t *testing.T) {
	dir, c := train(t)
	c.Sampler.Steps = 2
	if err := galdecon.Train(t.Context(), c, micro.Galaxies(8, 16), dir,
		func(p fit.Progress) { t.Errorf("step %d", p.Step) }); err != nil {
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

// A checkpoint of another architecture than the configuration beside it is an error when it is
// loaded, which says where they differ.
func TestLoadOfOtherWeights(t *testing.T) {
	for what, test := range map[string]struct {
		change func(*galdecon.Config)
		wants  []string
	}{
		"wider": {func(c *galdecon.Config) { c.Diffusion.Network.Features = []int{8} },
			[]string{"in the model, but (Float32)[", "in the network"}},
		"deeper": {func(c *galdecon.Config) {
			c.Diffusion.Network.Features = []int{4,
				4}
		}, []string{"the network has a weight /unet/down_1", "the model lacks"}},
		"another embedding": {func(c *galdecon.Config) { c.Diffusion.Network.Embedding = 8 },
			[]string{"/embed/", "in the network"}},
		"larger PSFs": {func(c *galdecon.Config) { c.Instrument.Size = 9 },
			[]string{"/embed/psf", "[392, 4]", "[648, 4]"}},
		"a CVAE": {func(c *galdecon.Config) {
			c.CVAE = &cvae.Config{Latent: 2, Features: []int{4}, Alpha: 1, Beta: 1, SigmaY: 1,
				SigmaX: 1}
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

package galdecon_test

import (
	"encoding/json"
	"math"
	"reflect"
	"testing"

	"galdecon/galdecon"
	"galdecon/galdecon/internal/galtest"
	"galdecon/galdecon/internal/micro"
	"galdecon/galdecon/psf"
	"galdecon/galdecon/unet"
)

func TestPresets(t *testing.T) {
	t.Setenv(galdecon.ConfigEnv, "")
	for _, name := range []string{"tiny", "tiny-cvae", "small", "small-cvae", "paper",
		"paper-cvae"} {
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
	if n := paper.Diffusion.Paper.Weights(); n != 20656483 || paper.Diffusion.T != 950 ||
		paper.Sampler.Steps != 950 || paper.Fit.Steps != 40489 {
		t.Errorf("the paper's model has %d weights, T = %d, %d steps of sampling and %d of "+
			"training", n, paper.Diffusion.T, paper.Sampler.Steps, paper.Fit.Steps)
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
	t.Setenv(galdecon.ConfigEnv,
		`{"fit": {"steps": 7}, "diffusion": {"network": {"features": [8]}}}`)
	c, err := galdecon.PresetFromEnv("tiny")
	if err != nil {
		t.Fatal(err)
	}
	if again, err := galdecon.Preset("tiny"); err != nil || !reflect.DeepEqual(again, plain) {
		t.Errorf("the environment changes a preset that doesn't ask for it: %+v, error %v", again,
			err)
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
	for _, bad := range []string{"steps=7",
		`{"stepps": 7}`, `{"fit": 7}`, `{"fit": {"steps": 7}} x`} {
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
		"no size":     {func(c *galdecon.Config) { c.Size = 0 }, "positive size"},
		"no channels": {func(c *galdecon.Config) { c.Channels = 0 }, "positive size"},
		"PSF larger": {func(c *galdecon.Config) { c.Instrument.Size = 17 },
			"PSF grid (17 pixels) is larger than the images (16 pixels)"},
		"no PSF":          {func(c *galdecon.Config) { c.Instrument.Size = 0 }, "psf: "},
		"no noise levels": {func(c *galdecon.Config) { c.Diffusion.T = 0 }, "T ≥ 2"},
		"paper's channels": {func(c *galdecon.Config) {
			c.Diffusion.Paper = &unet.Paper{Channels: 3,
				Features: 8, PSFSize: 7}
		}, "3 channel(s)"},
		"paper's PSFs": {func(c *galdecon.Config) {
			c.Diffusion.Paper = &unet.Paper{Channels: 1,
				Features: 8, PSFSize: 5}
		}, "PSFs of 5 pixels"},
		"network": {func(c *galdecon.Config) { c.Diffusion.Network.Embedding = 3 },
			"unet: "},
		"size doesn't halve": {func(c *galdecon.Config) { c.Size = 15 }, "multiple of 2"},
		"too many steps": {func(c *galdecon.Config) { c.Sampler.Steps = 51 },
			"T = 50, got 51"},
		"no training": {func(c *galdecon.Config) { c.Fit.Steps = 0 }, "fit: "},
		"infinite everything": {func(c *galdecon.Config) { c.Fit.LearningRate = math.Inf(1) },
			"learning rate"},
	} {
		c := micro.Config()
		test.change(&c)
		galtest.Wants(t, name, c.Validate(), test.want)
	}
}

// What a model looks through is an instrument, and what it knows of PSFs is told for all: a
// survey's in the same way.
func TestSeenThrough(t *testing.T) {
	for name, size := range map[string]int{"tiny": 15, "galaxy": 41} {
		c, err := galdecon.Preset(name)
		if err != nil {
			t.Fatal(err)
		}
		in := c.SeenThrough()
		if err := in.Validate(); err != nil || in.Size != size {
			t.Errorf("%s: %+v, %v", name, in, err)
		}
		if c.Survey == nil && in != c.Instrument || c.Survey != nil &&
			(in.SigmaMax != c.Survey.SigmaMax || in.NoiseMax != c.Survey.NoiseMax) {
			t.Errorf("%s looks through %+v", name, in)
		}
		for factor, known := range map[float64]bool{1: true, 2: false} {
			p, err := psf.Gaussian{Sigma: factor * in.SigmaMax}.Render(size)
			if err != nil {
				t.Fatal(err)
			}
			if err := c.CheckPSF(p); (err == nil) != known {
				t.Errorf("%s, %g times its largest PSF: %v", name, factor, err)
			}
		}
	}
}

package galdecon_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"testing"

	"galdecon/galdecon"
	"galdecon/galdecon/fit"
	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/internal/galtest"
	"galdecon/galdecon/internal/micro"
)

func TestTrainKeepsAnotherConfiguration(t *testing.T) {
	dir, c := train(t)
	path := filepath.Join(dir, "config.json")
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := galdecon.Train(t.Context(), c, micro.Galaxies(8, 16), dir,
		func(p fit.Progress) {
			t.Errorf("a finished training makes step %d",
				p.Step)
		}); err != nil {
		t.Errorf("training with the same configuration again: %v", err)
	}
	other := micro.Galaxies(8, 16)
	other.Pixels[7] += 0.5
	galtest.Wants(t, "other galaxies", galdecon.Train(t.Context(), c, other, dir, nil), dir,
		"other galaxies")
	c.Fit.Steps++
	galtest.Wants(t, "another configuration",
		galdecon.Train(t.Context(), c, micro.Galaxies(8, 16), dir, nil), path,
		`"steps": 3 there`, `"steps": 4 here`)
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
		"invalid configuration": {func(c *galdecon.Config) { c.Fit.Batch = 0 },
			micro.Galaxies(8, 16), "batch"},
		"too few galaxies": {func(*galdecon.Config) {}, micro.Galaxies(3, 16),
			"a batch of 4 needs at least as many galaxies, got 3"},
		"another size": {func(*galdecon.Config) {}, micro.Galaxies(8, 32),
			"16×16 pixels, these are 32×32"},
		"another channels": {func(*galdecon.Config) {}, galaxy.NewImages(8, 16, 16, 3),
			"1 channel(s), these have 3\nHint: deconvolve each channel"},
		"NaN": {func(*galdecon.Config) {}, nan, "blob 0"},
		"no model to begin with": {func(c *galdecon.Config) { c.Fit.InitialModel = "nowhere" },
			micro.Galaxies(8, 16), "cannot begin"},
		"another to begin with": {func(c *galdecon.Config) { c.Fit.InitialModel = filepath.Join("pretrained", "tiny") }, micro.Galaxies(8, 16), "of another kind"},
	} {
		dir := filepath.Join(t.TempDir(), "model")
		c := micro.Config()
		test.change(&c)
		galtest.Wants(t, name, galdecon.Train(t.Context(), c, test.y, dir, nil), test.want)
		if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: a folder was left", name)
		}
	}
	if err := galdecon.Train(ctx, micro.Config(), micro.Galaxies(8, 16), t.TempDir(),
		nil); !errors.Is(err, context.Canceled) {
		t.Errorf("training after an interrupt: %v", err)
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
			refused = galdecon.Train(t.Context(), other, micro.Galaxies(8, 16), dir,
				func(fit.Progress) { t.Error("a second training makes a step") })
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

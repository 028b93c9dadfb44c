package main

import (
	"context"
	"errors"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"galdecon/galdecon"
	"galdecon/galdecon/ddpm"
	"galdecon/galdecon/fit"
	"galdecon/galdecon/psf"
	"galdecon/kernels/internal/sessiontest"
	"galdecon/kernels/session/internal/wire"
)

// A model is read again when its files have changed, with its stored sampler when that has, and
// then the version before is refused; one drawing goes on at a time, of whichever model, but for
// what is sent meanwhile, and a call that waits for it can be left.
func TestModels(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "model")
	galaxies, config := sessiontest.Galaxies(), sessiontest.Micro(3)
	ctx, interrupt := context.WithCancel(t.Context())
	if err := galdecon.Train(ctx, config, galaxies, dir,
		func(fit.Progress) { interrupt() }); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	m := newModels()
	load := func() *loadedModel {
		t.Helper()
		model, err := m.load(dir)
		if err != nil {
			t.Fatal(err)
		}
		return model
	}
	first := load()
	if first.step != 1 || load() != first {
		t.Errorf("the model of step %d is read again, though nothing has changed", first.step)
	}
	kernel, err := psf.Gaussian{Sigma: 1}.Render(7)
	if err != nil {
		t.Fatal(err)
	}
	x, err := galdecon.Observe(galaxies.Select(0, 1), []psf.PSF{kernel}, 0.003, 1)
	if err != nil {
		t.Fatal(err)
	}
	var sent []galdecon.Posterior // of one candidate each
	send := func(a wire.SampleAnswer) error { sent = append(sent, a.Part.Posterior); return nil }
	quick := ddpm.Sampler{Steps: 2}
	candidates := func() []galdecon.Posterior {
		t.Helper()
		sent = nil
		if err := m.sample(t.Context(),
			wire.SampleRequest{Choice: wire.Choice{Dir: dir, Sampler: &quick}, Observations: x,
				N: 1, Seed: 1}, send); err != nil {
			t.Fatal(err)
		}
		return sent
	}
	before := candidates()
	choice := wire.Choice{Dir: dir, Version: first.version}
	if chosen, err := m.get(choice); chosen != first || err != nil {
		t.Errorf("the version that is loaded isn't found: error %v", err)
	}
	if err := galdecon.Train(t.Context(), config, galaxies, dir, nil); err != nil {
		t.Fatal(err)
	}
	// A later checkpoint is that for each of the samplers.
	if last := load(); last.step != 3 {
		t.Errorf("the model is of step %d, want 3", last.step)
	}
	if _, err := m.get(choice); !errors.Is(err, wire.ErrReplaced) ||
		!strings.Contains(err.Error(), "step 3 in "+dir) {
		t.Errorf("the version of step 1: error %v", err)
	}
	if _, err := newModels().get(choice); !errors.Is(err, wire.ErrReplaced) {
		t.Errorf("the version of step 1 in another session: error %v", err)
	}
	fresh, err := galdecon.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if fresh, err = fresh.WithSampler(quick); err != nil {
		t.Fatal(err)
	}
	want, err := fresh.Sample(t.Context(), x, 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	if after := candidates(); reflect.DeepEqual(after, before) || !reflect.DeepEqual(after, want) {
		t.Error("the candidates aren't those of the later checkpoint")
	}
	config.Sampler.Steps = 5
	if err := galdecon.Train(t.Context(), config, galaxies, dir, nil); err != nil {
		t.Fatal(err)
	}
	if last := load(); last.step != 3 || last.Config.Sampler != config.Sampler {
		t.Errorf("the model is of step %d with the sampler %+v, want step 3 with the stored "+
			"sampler %+v", last.step, last.Config.Sampler, config.Sampler)
	}

	request := wire.SampleRequest{Choice: wire.Choice{Dir: dir}, Observations: x, N: 1, Seed: 1}
	sent = nil
	m.drawing <- struct{}{} // another drawing goes on
	if err := m.sample(ctx, request, send); !errors.Is(err, context.Canceled) {
		t.Errorf("a call that is left while it waits: error %v", err)
	}
	<-m.drawing
	err = m.sample(t.Context(), request, func(a wire.SampleAnswer) error {
		if len(m.drawing) != 0 {
			t.Error("while candidates are sent nothing else can be drawn")
		}
		return send(a)
	})
	if err != nil || len(sent) != 2 {
		t.Errorf("%d posteriors of 2, error %v", len(sent), err)
	}
	request.N = 1 << 62
	if err := m.sample(t.Context(), request, send); err == nil ||
		!strings.Contains(err.Error(), "at most 4294967295") {
		t.Errorf("more candidates than can be counted: error %v", err)
	}
	if len(m.drawing) != 0 {
		t.Error("the session is taken for drawing still")
	}
}

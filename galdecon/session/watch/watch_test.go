package watch

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"galdecon/galdecon"
	"galdecon/galdecon/ddpm"
	"galdecon/galdecon/fit"
	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/psf"
	"galdecon/galdecon/session"
	"galdecon/galdecon/unet"
	"galdecon/plotting"
)

// A training is watched to its end; what ctx's end interrupts is the watching alone. A preview is of the last checkpoint, and drawn once.
func TestTraining(t *testing.T) {
	s, err := session.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	const steps = 2000
	config := galdecon.Config{
		Preset: "micro", Size: 16, Channels: 1,
		Instrument: psf.Instrument{Size: 7, SigmaMin: 0.7, SigmaMax: 1.2, NoiseMin: 0.003, NoiseMax: 0.003},
		Diffusion:  ddpm.Config{T: 50, Prediction: ddpm.Epsilon, Mean: 0.05, Std: 0.15, Network: unet.Config{Features: []int{4}, Blocks: 1, Embedding: 4}},
		Sampler:    ddpm.Sampler{Steps: 4, SecondOrder: true},
		Fit:        fit.Config{Steps: steps, Batch: 4, LearningRate: 1e-3, EMA: 0.9, Seed: 1},
	}
	galaxies, err := galaxy.Synthetic(galaxy.SyntheticConfig{N: 8, Size: 16, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	kernel, err := psf.Gaussian(7, 1)
	if err != nil {
		t.Fatal(err)
	}
	x, err := s.Observe(galaxies.Select(0, 3, 5), []psf.Kernel{kernel}, 0.003, 1)
	if err != nil {
		t.Fatal(err)
	}
	training, err := s.Train(config, galaxies, filepath.Join(t.TempDir(), "model"))
	if err != nil {
		t.Fatal(err)
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if err := Training(ended, training, x, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("watching with a context that has ended: error %v", err)
	}
	if err := Training(t.Context(), training, x, 1); err != nil {
		t.Fatal(err)
	}
	if state, last, err := training.State(); state != session.Finished || last.Step != steps || err != nil {
		t.Errorf("the training is %s at step %d, error %v", state, last.Step, err)
	}
	figure, step, err := preview(t.Context(), training, x, 1, 0)
	if err != nil {
		t.Fatal(err)
	}
	mosaic, ok := figure.(plotting.Mosaic)
	if !ok || step != steps || mosaic.Images.N != 3 || mosaic.Images.ID(1) != galaxies.ID(3) {
		t.Errorf("after step %d the preview is %+v", step, figure)
	}
	if figure, _, err := preview(t.Context(), training, x, 1, steps); figure != nil || err != nil {
		t.Errorf("the same checkpoint again: %v, error %v", figure, err)
	}
	// A session that dies meanwhile is one error.
	config.Fit.Steps = 1e6
	if training, err = s.Train(config, galaxies, filepath.Join(t.TempDir(), "long")); err != nil {
		t.Fatal(err)
	}
	overview, err := s.Overview()
	if err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(time.Second, func() { _ = syscall.Kill(overview.Process, syscall.SIGKILL) })
	if err := Training(t.Context(), training, x, 1); !errors.Is(err, session.ErrEnded) || strings.Contains(err.Error(), "\n") {
		t.Errorf("watching in a session that dies: error %v, want one line that says so", err)
	}
	// So is one that is gone.
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := Training(t.Context(), training, nil, 1); err == nil {
		t.Error("watching without a session gave no error")
	}
}

package watch

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/posterior"
	"galdecon/galdecon/psf"
	"galdecon/kernels/internal/sessiontest"
	"galdecon/kernels/session"
	"galdecon/kernels/session/host"
	"galdecon/plotting"
)

// longest is how long a test waits for what takes seconds where the machine isn't busy.
const longest = 5 * time.Minute

// shown records what is shown of a training.
type shown struct {
	update  func() // at each step
	more    atomic.Int64
	show    func() error // before each figure
	figures []string     // their titles
	closed  int
}

func (s *shown) Update(int, float64) {
	s.more.Add(1)
	if s.update != nil {
		s.update()
	}
}

func (s *shown) Close() error { s.closed++; return nil }

func (s *shown) Show(d plotting.Drawable) error {
	if s.show != nil {
		if err := s.show(); err != nil {
			return err
		}
	}
	f, err := d.Figure()
	if err != nil {
		return err
	}
	s.figures = append(s.figures, f.Title)
	return nil
}

// What ctx's end, an interrupt, or observations that the model doesn't take end is the watching
// alone. A training is watched to its end, with candidates of the last checkpoint; while they are
// drawn the loss goes on.
func TestTraining(t *testing.T) {
	t.Setenv(host.SocketEnv, "") // of a kernel that the test may run in
	// Of a test's folders the first call says when they are removed: after the session that may
	// train in them.
	t.TempDir()
	s, err := session.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	galaxies := sessiontest.Galaxies()
	kernel, err := psf.Gaussian{Sigma: 1}.Render(7)
	if err != nil {
		t.Fatal(err)
	}
	x, err := s.Observe(galaxies.Select(0, 3, 5), []psf.PSF{kernel}, 0.003, 1)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "model")
	train := func() *session.Training {
		t.Helper()
		training, err := s.Train(sessiontest.Micro(1e6), galaxies, dir)
		if err != nil {
			t.Fatal(err)
		}
		return training
	}
	training := train()
	watch := func(ctx context.Context, x *session.Observations, s *shown) error {
		return show(ctx, s, &candidates{training: training, observations: x, seed: 1, place: s})
	}
	running := func(when string) {
		t.Helper()
		if state, last, err := training.State(); state != session.Running || err != nil {
			t.Errorf("%s the training is %s at step %d, error %v", when, state, last.Step, err)
		}
	}
	ctx, end := context.WithCancel(t.Context())
	if err := watch(ctx, x, &shown{update: end}); !errors.Is(err, context.Canceled) {
		t.Errorf("watching until a context ends: error %v", err)
	}
	running("after a context's end")
	if err := watch(t.Context(), x,
		&shown{update: func() { _ = syscall.Kill(os.Getpid(), syscall.SIGINT) }}); err != nil {
		t.Errorf("watching until an interrupt: error %v", err)
	}
	running("after an interrupt")

	for end := time.Now().Add(longest); ; time.Sleep(20 * time.Millisecond) {
		if _, err := training.Model(); err == nil {
			break
		} else if !errors.Is(err, fs.ErrNotExist) || time.Now().After(end) {
			t.Fatalf("no checkpoint after %v: %v", longest, err)
		}
	}
	// What is paused is shown, and stays paused.
	if err := training.Pause(); err != nil {
		t.Fatal(err)
	}
	paused := &shown{}
	ctx, end = context.WithTimeout(t.Context(), longest)
	paused.show = func() error { end(); return nil }
	if err := watch(ctx, x, paused); !errors.Is(err, context.Canceled) || paused.more.Load() != 1 {
		t.Errorf("watching what is paused shows %d losses, error %v; want one, and candidates",
			paused.more.Load(), err)
	}
	if state, _, err := training.State(); state != session.Paused || err != nil {
		t.Errorf("after it was watched a paused training is %s, error %v", state, err)
	}
	if err := training.Resume(); err != nil {
		t.Fatal(err)
	}
	large, err := posterior.NewObservations(galaxy.NewImages(1, 32, 32, 1), x.PSFs(), []float64{1})
	if err != nil {
		t.Fatal(err)
	}
	if err := watch(t.Context(), large, &shown{}); err == nil ||
		!strings.Contains(err.Error(), "32×32") || strings.Count(err.Error(), "\n") != 1 {
		t.Errorf("observations that the model doesn't take: error %v", err)
	}
	running("after observations that the model doesn't take")

	// The first drawing ends when the loss has gone on, and then the training is stopped.
	seen := &shown{}
	seen.show = func() error {
		if len(seen.figures) > 0 {
			return nil
		}
		for now, end := seen.more.Load(),
			time.Now().Add(longest); seen.more.Load() < now+50; time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				return errors.New("while candidates are drawn the loss doesn't go on")
			}
		}
		return training.Stop()
	}
	if err := watch(t.Context(), x, seen); err != nil {
		t.Fatal(err)
	}
	state, last, err := training.State()
	if state != session.Stopped || err != nil {
		t.Errorf("the training is %s at step %d, error %v", state, last.Step, err)
	}
	final := fmt.Sprintf("A candidate of each, after %d steps", last.Step)
	if len(seen.figures) != 2 || seen.figures[0] == final || seen.figures[1] != final ||
		seen.closed != 1 {
		t.Errorf("candidates %q were shown, and %d ends of the loss; want an earlier one, %q, "+
			"and one end", seen.figures, seen.closed, final)
	}
	again := &candidates{training: training, observations: x, seed: 1}
	figure, step, err := again.preview(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if mosaic, ok := figure.(plotting.Mosaic); !ok || step != last.Step || mosaic.Images.N != 3 ||
		mosaic.Images.ID(1) != galaxies.ID(3) {
		t.Errorf("after step %d the candidates are %+v", step, figure)
	}
	again.step = step
	if figure, _, err := again.preview(t.Context()); figure != nil || err != nil {
		t.Errorf("the same checkpoint again: %v, error %v", figure, err)
	}
	if err := Training(t.Context(), training, x, 1); err != nil {
		t.Errorf("watching what has ended: error %v", err)
	}

	// A session that dies meanwhile is one error.
	training = train()
	overview, err := s.Overview()
	if err != nil {
		t.Fatal(err)
	}
	if err := watch(t.Context(), x,
		&shown{update: func() {
			_ = syscall.Kill(overview.Process,
				syscall.SIGKILL)
		}}); !errors.Is(err, session.ErrEnded) || strings.Contains(err.Error(), "\n") {
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

package session_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"galdecon/galdecon"
	"galdecon/galdecon/classical"
	"galdecon/galdecon/ddpm"
	"galdecon/galdecon/fit"
	"galdecon/galdecon/posterior"
	"galdecon/galdecon/psf"
	"galdecon/kernels/internal/sessiontest"
	"galdecon/kernels/session"
	"galdecon/kernels/session/host"
)

// programEnv makes the test binary a program of its own that trains in this folder and is killed,
// and slowEnv makes its training slow.
const (
	programEnv = "GALDECON_TEST_PROGRAM"
	slowEnv    = "GALDECON_TEST_SLOW"
)

// TestLikeInTheProcess checks that a session gives what galdecon gives in the program itself, bit
// for bit, and its errors.
func TestLikeInTheProcess(t *testing.T) {
	kernel(t, "")
	s := open(t)
	dir := filepath.Join(t.TempDir(), "model")
	training, err := s.Train(sessiontest.Micro(5), sessiontest.Galaxies(), dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := training.Watch(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if now, step := state(t, training); now != session.Finished || step != 5 {
		t.Errorf("the training is %s at step %d, want it finished at 5", now, step)
	}
	points, err := training.History()
	stored, errStored := fit.History(dir)
	if err := errors.Join(err, errStored); err != nil || !reflect.DeepEqual(points, stored) {
		t.Errorf("the history is %v, stored is %v; %v", points, stored, err)
	}
	alone := filepath.Join(t.TempDir(), "alone")
	if err := galdecon.Train(t.Context(), sessiontest.Micro(5), sessiontest.Galaxies(), alone,
		nil); err != nil {
		t.Fatal(err)
	}
	kernels := []psf.PSF{must(psf.Gaussian{Sigma: 1}.Render(7))(t)}
	there := must(s.Observe(sessiontest.Galaxies().Select(0, 1, 2), kernels, 0.003, 5))(t)
	here := must(galdecon.Observe(sessiontest.Galaxies().Select(0, 1, 2), kernels, 0.003, 5))(t)
	same(t, "observations", there, here)
	same(t, "standardized observations", must(s.Standardize(there))(t),
		must(galdecon.Standardize(here))(t))
	same(t, "Wiener's filter", must(s.Wiener(there, 0.03))(t),
		must(classical.Wiener(here, 0.03))(t))

	model, local := must(s.Load(dir))(t), must(galdecon.Load(alone))(t)
	if model.Step != 5 || model.Size != 16 || model.Channels != 1 {
		t.Errorf("the model is %+v", model)
	}
	samples := func(m *session.Model, d *galdecon.Model) {
		t.Helper()
		want := must(d.Sample(t.Context(), here, 2, 9))(t)
		same(t, "candidates", must(m.Sample(t.Context(), there, 2, 9))(t), want)
	}
	samples(model, local)
	ddim := ddpm.Sampler{Steps: 3}
	samples(must(model.WithSampler(ddim))(t), must(local.WithSampler(ddim))(t))

	posteriors := must(model.Sample(t.Context(), there, 2, 9))(t)
	truth := sessiontest.Galaxies().Select(0, 1, 2)
	truth.IDs = []string{"a", "b", "c"}
	same(t, "reports", must(s.Evaluate(truth, posteriors))(t),
		must(galdecon.Evaluate(truth, posteriors))(t))
	for what, compared := range map[string][]posterior.Posterior{"one twice": append(posteriors[:2:2], posteriors[0]), "no posteriors": nil, "no candidates": make([]posterior.Posterior, 3)} {
		_, err = s.Evaluate(truth, compared)
		_, want := galdecon.Evaluate(truth, compared)
		wants(t, what, err, nil, want.Error())
	}
	_, err = s.Evaluate(nil, posteriors)
	wants(t, "no truth", err, nil, "galaxy: there are no images")

	_, err = s.Load(alone + "2")
	wants(t, "no model", err, fs.ErrNotExist, "galdecon: there is no model in", alone+"2")
	_, err = model.Sample(t.Context(), nil, 1, 1)
	wants(t, "no observations", err, nil, "posterior: there are no observations")
	_, err = model.WithSampler(ddpm.Sampler{Steps: 1000})
	wants(t, "bad sampler", err, nil, "ddpm: ")
	_, err = s.Training(alone)
	wants(t, "no training", err, fs.ErrNotExist, alone)
	bad := sessiontest.Micro(0)
	_, err = s.Train(bad, sessiontest.Galaxies(), dir)
	wants(t, "bad configuration", err, nil, "fit: ")
	_, err = s.Train(sessiontest.Micro(6), sessiontest.Galaxies(), dir)
	wants(t, "another configuration in the folder", err, nil, "holds another configuration",
		`"steps": 5`)
	// The session draws for others also in a loop over a billion candidates, and when who has
	// enough of them has left.
	for part, err := range model.Stream(t.Context(), there, 1e9, 9) {
		if err != nil || part.N != 1e9 {
			t.Fatalf("the first of many candidates: %v, error %v", part, err)
		}
		soon, cancel := context.WithTimeout(t.Context(), longest)
		must(model.Sample(soon, there, 1, 9))(t)
		cancel()
		break
	}
	must(model.Sample(t.Context(), there, 1, 9))(t)
	_, err = model.Sample(t.Context(), there, 1e9, 9)
	wants(t, "more than memory", err, nil, "GB of memory")
	_, err = model.Sample(t.Context(), there, 1<<62, 9)
	wants(t, "more than can be counted", err, nil, "at most 4294967295")
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = model.Sample(canceled, there, 1, 1)
	wants(t, "canceled", err, context.Canceled)
	if err := must(s.Train(sessiontest.Micro(5), sessiontest.Galaxies(), dir))(t).Watch(t.Context(),
		nil); err != nil {
		t.Errorf("training what is finished: %v", err)
	}
	overview := must(s.Overview())(t)
	if !slices.Equal(overview.Models, []string{dir}) || len(overview.Trainings) != 1 ||
		!strings.Contains(overview.String(), "finished, step 5 of 5") {
		t.Errorf("the session holds %v", overview)
	}
}

// TestTrainingInTheBackground follows a training from one attachment to another: watched, left,
// found, paused, sampled from, resumed, stopped and continued.
func TestTrainingInTheBackground(t *testing.T) {
	kernel(t, "")
	dir := filepath.Join(t.TempDir(), "model")
	first := must(open(t).Train(sessiontest.Micro(1e6), sessiontest.Galaxies(), dir))(t)
	watching, leave := context.WithCancel(t.Context())
	seen := 0
	err := first.Watch(watching, func(p fit.Progress) {
		if seen > 0 && p.Step != seen+1 {
			t.Errorf("step %d follows step %d", p.Step, seen)
		}
		if seen = p.Step; seen >= 3 {
			leave()
		}
	})
	wants(t, "a watcher that leaves", err, context.Canceled)

	s := open(t)
	training := must(s.Training(dir))(t)
	await(t, "it goes on", func() bool { _, step := state(t, training); return step > seen+3 })
	again := must(s.Train(sessiontest.Micro(1e6), sessiontest.Galaxies(), dir))(t)
	if again.Dir != training.Dir || again.Steps != 1e6 {
		t.Errorf("the same training is found as %+v", again)
	}
	_, err = s.Train(sessiontest.Micro(7), sessiontest.Galaxies(), dir)
	wants(t, "another training in the folder", err, fit.ErrBusy, "stop that training")

	if err := training.Pause(); err != nil {
		t.Fatal(err)
	}
	_, at := state(t, training)
	model := must(s.Load(dir))(t)
	if model.Step < 1 || model.Step > at {
		t.Errorf("a model in training is of step %d, the training at %d", model.Step, at)
	}
	observations := must(s.Observe(sessiontest.Galaxies(),
		[]psf.PSF{must(psf.Gaussian{Sigma: 1}.Render(7))(t)}, 0.003, 5))(t)
	if posteriors := must(model.Sample(t.Context(), observations, 2, 1))(t); len(posteriors) != 8 {
		t.Errorf("%d posteriors for 8 observations", len(posteriors))
	}
	if now, step := state(t, training); now != session.Paused || step != at {
		t.Errorf("the training that was paused at step %d is %s at step %d", at, now, step)
	}
	if err := training.Resume(); err != nil {
		t.Fatal(err)
	}
	await(t, "it resumes", func() bool { _, step := state(t, training); return step > at })
	later := 0
	await(t, "a later checkpoint is loaded",
		func() bool { later = must(s.Load(dir))(t).Step; return later > model.Step })
	_, err = model.Sample(t.Context(), observations, 2, 1)
	wants(t, "the model of the checkpoint before", err, session.ErrReplaced,
		fmt.Sprintf("step %d in %s", later, dir), "Load it again")
	_, err = model.WithSampler(ddpm.Sampler{Steps: 3})
	wants(t, "another sampler for the checkpoint before", err, session.ErrReplaced)

	if err := training.Stop(); err != nil {
		t.Fatal(err)
	}
	now, stopped := state(t, training)
	if now != session.Stopped {
		t.Errorf("the stopped training is %s", now)
	}
	if loaded := must(s.Load(dir))(t); loaded.Step != stopped {
		t.Errorf("the checkpoint is of step %d, the training stopped at %d", loaded.Step, stopped)
	}
	if err := training.Watch(t.Context(), nil); err != nil {
		t.Errorf("watching what has stopped: %v", err)
	}
	wants(t, "pausing what has stopped", training.Pause(), nil, dir, "Train goes on")
	wants(t, "resuming what has stopped", training.Resume(), nil, dir, "Train goes on")
	more := must(s.Train(sessiontest.Micro(1e6), sessiontest.Galaxies(), dir))(t)
	await(t, "it goes on from there",
		func() bool { _, step := state(t, more); return step > stopped })
	points := must(more.History())(t)
	if !slices.IsSortedFunc(points, func(a, b fit.Point) int { return a.Step - b.Step }) ||
		points[0].Step > stopped || points[len(points)-1].Step <= stopped {
		t.Errorf("the history from before and after step %d is %v", stopped, points)
	}
}

// TestBeginsInTheCellsFolder checks that a relative folder to begin with is the program's, as
// without a session, and stored as it is given; and that what can't begin leaves no folder.
func TestBeginsInTheCellsFolder(t *testing.T) {
	kernel(t, "")
	s := open(t) // which has another working directory
	t.Chdir(t.TempDir())
	galaxies := sessiontest.Galaxies()
	if err := galdecon.Train(t.Context(), sessiontest.Micro(2), galaxies, "first",
		nil); err != nil {
		t.Fatal(err)
	}
	config := sessiontest.Micro(3)
	config.Fit.InitialModel = "second"
	_, err := s.Train(config, galaxies, "model")
	wants(t, "nothing to begin with", err, fs.ErrNotExist, "second")
	if _, err := os.Stat("model"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what can't begin leaves a folder: %v", err)
	}
	config.Fit.InitialModel = "first"
	if err := must(s.Train(config, galaxies, "model"))(t).Watch(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if err := galdecon.Train(t.Context(), config, galaxies, "alone", nil); err != nil {
		t.Fatal(err)
	}
	same(t, "losses", must(fit.History("model"))(t), must(fit.History("alone"))(t))
	same(t, "configurations", must(os.ReadFile("model/config.json"))(t),
		must(os.ReadFile("alone/config.json"))(t))
}

// TestTwoKernels checks that kernels don't share a session, and that one can't train where another
// does.
func TestTwoKernels(t *testing.T) {
	dir := t.TempDir()
	first := kernel(t, "the kernel of first.ipynb")
	one := must(open(t).Train(sessiontest.Micro(1e6), sessiontest.Galaxies(), dir))(t)
	await(t, "it trains", func() bool { _, step := state(t, one); return step > 0 })
	// it keeps the folder, and leaves the cores to the rest of the test
	if err := one.Pause(); err != nil {
		t.Fatal(err)
	}

	kernel(t, "the kernel of second.ipynb")
	s := open(t)
	if _, err := s.Training(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the other kernel's training: %v", err)
	}
	_, err := s.Train(sessiontest.Micro(1e6), sessiontest.Galaxies(), dir)
	wants(t, "the other kernel's folder", err, fit.ErrBusy, dir, "the kernel of first.ipynb",
		"since 20")
	wants(t, "a program in a kernel's folder",
		galdecon.Train(t.Context(), sessiontest.Micro(1e6), sessiontest.Galaxies(), dir, nil),
		fit.ErrBusy, dir, "the kernel of first.ipynb", "since 20")
	_, last := state(t, one)
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	two := must(s.Train(sessiontest.Micro(1e6), sessiontest.Galaxies(), dir))(t)
	if points := must(two.History())(t); points[len(points)-1].Step < last {
		t.Errorf("the kernel that ended at step %d or later saved step %d", last,
			points[len(points)-1].Step)
	}
}

// TestStrangers checks that the socket is the user's alone, and that it takes the token.
func TestStrangers(t *testing.T) {
	k := kernel(t, "")
	s := open(t)
	socket := k.Address().Socket
	for path, want := range map[string]fs.FileMode{filepath.Dir(socket): 0o700, socket: 0o600,
		filepath.Join(filepath.Dir(socket), host.SessionSocket): 0o600} {
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v; want mode %o", path, info.Mode(), err, want)
		}
	}
	if _, err := s.Overview(); err != nil {
		t.Error(err)
	}
	t.Setenv(host.TokenEnv, "guess")
	_, err := session.Open()
	wants(t, "a wrong token", err, nil, "token")
	t.Setenv(host.SocketEnv, filepath.Join(t.TempDir(), "none"))
	_, err = session.Open()
	wants(t, "no kernel", err, nil, "can't be reached")
	if err := k.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Dir(socket)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the folder of the socket is left: %v", err)
	}
}

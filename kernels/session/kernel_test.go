package session_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"galdecon/galdecon/fit"
	"galdecon/galdecon/galaxy/synthetic"
	"galdecon/internal/home"
	"galdecon/kernels/internal/sessiontest"
	"galdecon/kernels/session"
	"galdecon/kernels/session/host"
)

func TestMain(m *testing.M) {
	os.Unsetenv(host.SocketEnv) // of a kernel that the tests may run in
	if dir := os.Getenv(programEnv); dir != "" {
		if err := program(dir, os.Getenv(slowEnv) != ""); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

// program starts a training in a session of its own, says who that is, and waits to be killed:
// after the first step, or, if the training is slow, in the midst of it.
func program(dir string, slow bool) error {
	s, err := session.Open()
	if err != nil {
		return err
	}
	config, galaxies := sessiontest.Micro(1e6), sessiontest.Galaxies()
	if slow {
		// On two cores the first step takes half a minute, a gigabyte and a half of memory, and
		// can't be interrupted.
		config.Size, config.Diffusion.Network.Features, config.Fit.Batch = 64, []int{256}, 32
		if galaxies, err = synthetic.Galaxies(synthetic.Config{N: config.Fit.Batch,
			Size: config.Size, Seed: 1}); err != nil {
			return err
		}
	}
	t, err := s.Train(config, galaxies, dir)
	if err != nil {
		return err
	}
	overview, err := s.Overview()
	if err != nil {
		return err
	}
	told := false
	tell := func(fit.Progress) {
		if !told {
			fmt.Println(overview.Process)
			told = true
		}
	}
	if slow {
		tell(fit.Progress{})
	}
	return t.Watch(context.Background(), tell)
}

// kernel makes a host as a kernel's launcher does, and its environment this process's.
func kernel(t *testing.T, owner string) *host.Host {
	t.Helper()
	// Of a test's folders the first call says when they are removed: after the session that may
	// train in them.
	t.TempDir()
	repo, err := home.FindRepo()
	if err != nil {
		t.Fatal(err)
	}
	h, err := home.Open()
	if err != nil {
		t.Fatal(err)
	}
	k, err := host.New(h, repo, owner)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := k.Close(); err != nil {
			t.Error(err)
		}
	})
	enter(t, k)
	return k
}

// enter makes the environment that of a kernel's cells.
func enter(t *testing.T, k *host.Host) {
	t.Helper()
	for _, variable := range k.Env() {
		name, value, _ := strings.Cut(variable, "=")
		t.Setenv(name, value)
	}
}

func open(t *testing.T) *session.Session {
	t.Helper()
	s, err := session.Open()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func wants(t *testing.T, what string, err, kind error, parts ...string) {
	t.Helper()
	if err == nil || kind != nil && !errors.Is(err, kind) {
		t.Errorf("%s: error %v, want %v", what, err, kind)
		return
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%s: error %q lacks %q", what, err, part)
		}
	}
}

// longest is how long a test waits for what takes seconds where the machine isn't busy.
const longest = 5 * time.Minute

// await waits until a condition holds.
func await(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(longest); !holds(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited %v until %s, in vain", longest, what)
		}
	}
}

// state is what a training does, and its last step.
func state(t *testing.T, training *session.Training) (session.State, int) {
	t.Helper()
	now, last, err := training.State()
	if err != nil {
		t.Fatal(err)
	}
	return now, last.Step
}

func must[T any](value T, err error) func(t *testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

func same(t *testing.T, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s differ:\n%v\n%v", what, got, want)
	}
}

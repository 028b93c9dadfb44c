package session_test

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"galdecon/galdecon/fit"
	"galdecon/kernels/internal/sessiontest"
	"galdecon/kernels/session"
	"galdecon/kernels/session/host"
)

// kill sends a signal to the session's process, which it returns.
func kill(t *testing.T, s *session.Session, signal syscall.Signal) int {
	t.Helper()
	pid := must(s.Overview())(t).Process
	if err := syscall.Kill(pid, signal); err != nil {
		t.Fatal(err)
	}
	return pid
}

// TestCrash checks what users are told of a session that dies, that they are told once, and what is
// left.
func TestCrash(t *testing.T) {
	kernel(t, "")
	dir := filepath.Join(t.TempDir(), "model")
	s := open(t)
	training := must(s.Train(sessiontest.Micro(1e6), sessiontest.Galaxies(), dir))(t)
	await(t, "there is a checkpoint", func() bool { return len(must(fit.History(dir))(t)) > 0 })
	killed := false
	err := training.Watch(t.Context(), func(fit.Progress) {
		if !killed {
			kill(t, s, syscall.SIGKILL)
			killed = true
		}
	})
	wants(t, "killed while watched", err, session.ErrEnded, "killed", "memory", dir,
		"last checkpoint", "new session")
	t.Log(err)
	_, again := training.History() // as another goroutine may call
	wants(t, "another call of the same program", again, session.ErrEnded, err.Error())

	s = open(t)
	_, err = s.Training(dir)
	wants(t, "its training", err, fs.ErrNotExist, dir)
	kept := must(s.Load(dir))(t).Step
	training = must(s.Train(sessiontest.Micro(1e6), sessiontest.Galaxies(), dir))(t)
	await(t, "it goes on from the checkpoint",
		func() bool { _, step := state(t, training); return step > kept })

	kill(t, s, syscall.SIGQUIT) // as a panic ends it: with words
	await(t, "its end is told", func() bool { _, err = session.Open(); return err != nil })
	wants(t, "ended while nobody looked", err, session.ErrEnded, "SIGQUIT", dir)
	t.Log(err)
	if _, err := open(t).Load(dir); err != nil {
		t.Errorf("in a new session: %v", err)
	}
}

// TestTerminated checks that a session which is asked to end saves its training, and that the
// kernel starts another.
func TestTerminated(t *testing.T) {
	kernel(t, "")
	dir := filepath.Join(t.TempDir(), "model")
	training := must(open(t).Train(sessiontest.Micro(1e6), sessiontest.Galaxies(), dir))(t)
	await(t, "it trains", func() bool { _, step := state(t, training); return step > 0 })
	if err := training.Pause(); err != nil {
		t.Fatal(err)
	}
	_, at := state(t, training)
	pid := kill(t, open(t), syscall.SIGTERM)
	await(t, "there is another session", func() bool {
		overview, err := open(t).Overview()
		return err == nil && overview.Process != pid
	})
	if saved := must(open(t).Load(dir))(t).Step; saved != at {
		t.Errorf("the checkpoint is of step %d, the training was at %d", saved, at)
	}
}

// killed starts a program that trains in dir, in a session of its own whose files are below temp,
// kills it, and returns the session's process.
func killed(t *testing.T, dir, temp string, env ...string) int {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(append(os.Environ(), programEnv+"="+dir, "TMPDIR="+temp), env...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var pid int
	if _, err := fmt.Fscan(out, &pid); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	return pid
}

// gone tells whether a process has ended. Where nobody waits for orphans, as in a container without
// an init, they stay as zombies.
func gone(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return true
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, state, _ := strings.Cut(string(stat), ") ")
	return err == nil && strings.HasPrefix(state, "Z")
}

// TestProgramKilled checks that the session of a program that is killed saves its training and
// ends, and leaves nothing.
func TestProgramKilled(t *testing.T) {
	dir, temp := filepath.Join(t.TempDir(), "model"), t.TempDir()
	pid := killed(t, dir, temp)
	await(t, "the session has ended", func() bool { return gone(pid) })
	if points := must(fit.History(dir))(t); len(points) == 0 {
		t.Error("there is no checkpoint")
	}
	if left := must(os.ReadDir(temp))(t); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestProgramKilledInAStep checks that the session of a program that is killed doesn't outlive it
// by the rest of a long step.
func TestProgramKilledInAStep(t *testing.T) {
	dir, temp := filepath.Join(t.TempDir(), "model"), t.TempDir()
	pid := killed(t, dir, temp, slowEnv+"=1")
	start := time.Now()
	await(t, "the session has ended", func() bool { return gone(pid) })
	// On a busy machine the end takes longer, and the step, too.
	if took := time.Since(start); took > host.SaveTime+10*time.Second {
		if points, err := fit.History(dir); err == nil && len(points) > 0 {
			t.Errorf("it ended after %v, with step %d", took, points[len(points)-1].Step)
		}
	}
	if left := must(os.ReadDir(temp))(t); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

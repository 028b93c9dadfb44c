package main

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"galdecon/internal/home"
	"galdecon/internal/home/hometest"
)

// TestSetupKilled kills a set-up from nothing in the midst of pip's work, and checks that the next
// one finishes the job.
func TestSetupKilled(t *testing.T) {
	installed, repo := hometest.Installed(t)
	elsewhere := t.TempDir()
	environment := pipElsewhere(t, elsewhere)
	h, jupyter := home.Home{Dir: filepath.Join(t.TempDir(), "new", "home")}, t.TempDir()
	setup := func() *exec.Cmd {
		cmd := exec.Command(installed.Bin("galdecon"), "setup")
		cmd.Env = append(append(h.Env(repo), "JUPYTER_DATA_DIR="+jupyter), environment...)
		return cmd
	}
	first := setup()
	if err := first.Start(); err != nil {
		t.Fatal(err)
	}
	await(t, 10*time.Minute, "pip works", func() bool {
		_, err := os.Stat(filepath.Join(h.Dir, "python", "bin", "pip"))
		return err == nil
	})
	_ = first.Process.Kill()
	_ = first.Wait()
	if n := len(h.Pending(repo)); n != 5 {
		t.Errorf("%d parts pending after the kill, want all 5", n)
	}
	out, err := setup().CombinedOutput()
	if err != nil {
		t.Fatalf("the second set-up: %v\n%s", err, out)
	}
	t.Logf("%s", out)
	if pending := h.Pending(repo); len(pending) > 0 {
		t.Errorf("still pending: %v", pending)
	}
	if there, err := os.ReadDir(elsewhere); err != nil || len(there) > 0 {
		t.Errorf("pip installed elsewhere: %v, %v", there, err)
	}
	doctor := exec.Command(h.Bin("galdecon"), "doctor")
	doctor.Env = append(h.Env(repo), "JUPYTER_DATA_DIR="+jupyter)
	spec := filepath.Join(jupyter, "kernels", "galdecon", "kernel.json")
	if said, err := doctor.CombinedOutput(); err != nil ||
		!bytes.Contains(said, []byte("finds the kernel ("+spec)) {
		t.Errorf("doctor: %v\n%s", err, said)
	}

	own, err := os.ReadFile(h.Kernelspec())
	if err != nil {
		t.Fatal(err)
	}
	if registered, err := os.ReadFile(spec); err != nil || !bytes.Equal(own, registered) {
		t.Errorf("the kernelspec for the user's other Jupyters is %s, %v; want %s", registered, err,
			own)
	}

	if out, err := setup().CombinedOutput(); err != nil || bytes.Count(out, []byte("\n")) != 2 {
		t.Errorf("a set-up with nothing to do: %v\n%s", err, out)
	}
	if err := os.Remove(h.Bin("gonb")); err != nil {
		t.Fatal(err)
	}
	if pending := h.Pending(repo); len(pending) != 1 || !strings.Contains(pending[0], "gonb") {
		t.Errorf("without gonb pending: %v", pending)
	}
	if entries, _ := filepath.Glob(filepath.Join(h.Dir, "build-*")); len(entries) > 0 {
		t.Errorf("left behind: %v", entries)
	}
}

// TestNothingOutlivesTheCommand kills, in the midst of a cell, the command or one of the processes
// that it consists of, and looks for survivors among all processes of the machine.
func TestNothingOutlivesTheCommand(t *testing.T) {
	if _, err := os.Stat("/proc/self/environ"); err != nil {
		t.Skip("finding all processes takes /proc")
	}
	h, repo := hometest.Installed(t)
	galdecon := []string{h.Bin("galdecon")}
	for _, c := range []struct {
		name     string
		command  []string
		notebook string
		// part of the command line of the process to kill; empty: the command itself
		victim string
		signal syscall.Signal
	}{
		{"command killed", galdecon, "sleeps.ipynb", "", syscall.SIGKILL},
		{"command interrupted", galdecon, "sleeps.ipynb", "", syscall.SIGINT},
		{"go run killed", []string{"go", "run", "."}, "sleeps.ipynb", "", syscall.SIGKILL},
		{"nbclient killed", galdecon, "sleeps.ipynb", "NotebookClient", syscall.SIGKILL},
		{"cell that ignores signals", galdecon, "stubborn.ipynb", "", syscall.SIGKILL},
		{"training in the background", galdecon, "trains.ipynb", "", syscall.SIGKILL},
		{"nbclient killed in a training", galdecon, "trains.ipynb", "NotebookClient",
			syscall.SIGKILL},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			mark := "GALDECON_TEST_MARK=" + strings.ReplaceAll(t.Name(), " ", "_") + "/" +
				strconv.Itoa(os.Getpid())
			cmd := exec.Command(c.command[0],
				append(c.command[1:], "run", "--out", t.TempDir(),
					filepath.Join("testdata", c.notebook))...)
			cmd.Env = append(h.Env(repo), mark, "GALDECON_TEST_FOLDER="+t.TempDir())
			cmd.Stdout, cmd.Stderr = io.Discard, io.Discard
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				for pid := range marked(mark) {
					_ = syscall.Kill(pid, syscall.SIGKILL)
				}
			})

			// The cell's program is the one in gonb's temporary directory.
			isCell := func(line string) bool {
				return strings.HasPrefix(line,
					filepath.Join(os.TempDir(), "gonb_"))
			}
			await(t, 10*time.Minute, "the cell runs",
				func() bool { return len(find(marked(mark), isCell)) > 0 })
			switch c.notebook {
			case "stubborn.ipynb":
				time.Sleep(time.Second) // until it ignores them
			case "trains.ipynb":
				isSession := func(line string) bool {
					return strings.HasPrefix(line,
						h.Bin("galdecon-session"))
				}
				await(t, 10*time.Minute, "the session runs",
					func() bool { return len(find(marked(mark), isSession)) > 0 })
			}
			victims := []int{cmd.Process.Pid}
			if c.victim != "" {
				victims = find(marked(mark),
					func(line string) bool { return strings.Contains(line, c.victim) })
			}
			for _, pid := range victims {
				if err := syscall.Kill(pid, c.signal); err != nil {
					t.Fatal(err)
				}
			}
			_ = cmd.Wait()
			start := time.Now()
			await(t, 2*time.Minute, "nothing is left", func() bool { return len(marked(mark)) == 0 })
			t.Logf("all gone %.1f s after the end of the command", time.Since(start).Seconds())
		})
	}
}

// await waits until a condition holds.
func await(t *testing.T, atMost time.Duration, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(atMost); !holds(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited %v until %s, in vain", atMost, what)
		}
	}
}

// marked returns the command lines of the living processes that have a variable in their
// environment.
func marked(variable string) map[int]string {
	all := map[int]string{}
	environs, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, path := range environs {
		environ, err := os.ReadFile(path)
		if err != nil || !bytes.Contains(environ, []byte(variable+"\x00")) {
			continue // a dead process, or another's
		}
		line, err := os.ReadFile(filepath.Join(filepath.Dir(path), "cmdline"))
		if err != nil {
			continue
		}
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		all[pid] = strings.ReplaceAll(string(line), "\x00", " ")
	}
	return all
}

// find returns those of the processes whose command line fits.
func find(processes map[int]string, fits func(line string) bool) []int {
	var pids []int
	for pid, line := range processes {
		if fits(line) {
			pids = append(pids, pid)
		}
	}
	return pids
}

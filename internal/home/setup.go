package home

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"galdecon/internal/console"
)

// step makes one part of the home.
type step struct {
	name string // names the stamp
	does string // says what it does, for the user
	// products are the files that prove that nobody deleted the part since its stamp was written.
	products []string
	// inputs is everything that the part is made from. It is also asked for before the part exists,
	// and may fail then.
	inputs func() (string, error)
	make   func(ctx context.Context, run runner) error
}

// runner runs a program and shows its last line of output as the status. Its error holds the
// output.
type runner func(cmd *exec.Cmd) error

// Setup makes what is missing or was made from other inputs (versions, sources, paths) than now,
// and says so on c. Each step removes its stamp first and writes it last, under a lock: what was
// interrupted, by whatever, has no stamp and is made again. It takes milliseconds where there is
// nothing to do.
func (h Home) Setup(ctx context.Context, repo string, c *console.Console) error {
	return h.ensure(ctx, c, h.steps(repo))
}

// Pending names the parts that [Home.Setup] would make. It changes nothing.
func (h Home) Pending(repo string) []string {
	var names []string
	for _, s := range h.steps(repo) {
		if !h.done(s) {
			names = append(names, s.does)
		}
	}
	return names
}

// steps returns the steps of Setup.
func (h Home) steps(repo string) []step {
	return []step{h.pythonStep(), h.toolsStep(repo), h.librariesStep(repo), h.commandStep(repo),
		h.kernelspecStep(repo)}
}

// SetupPython makes the Python environment alone, as [Home.Setup] does.
func (h Home) SetupPython(ctx context.Context, c *console.Console) error {
	return h.ensure(ctx, c, []step{h.pythonStep()})
}

// ensure makes those of the steps that aren't done.
func (h Home) ensure(ctx context.Context, c *console.Console, steps []step) error {
	done := true
	for _, s := range steps {
		done = done && h.done(s)
	}
	if done {
		return nil
	}
	if err := os.MkdirAll(filepath.Join(h.Dir, "stamps"), 0o755); err != nil {
		return fmt.Errorf("cannot make galdecon's directory %s: %w; set %s to a directory that "+
			"you can write to", h.Dir, err, DirEnv)
	}
	if err := Executes(h.Dir); err != nil {
		return fmt.Errorf("%w; set %s to a directory where they can", err, DirEnv)
	}
	lock, err := h.lock(ctx, c)
	if err != nil {
		return err
	}
	defer func() {
		// An explicit unlock, since programs that were started may still hold the file open.
		_ = syscall.Flock(int(lock.Fd()), syscall.LOCK_UN)
		_ = lock.Close()
	}()
	for _, s := range steps {
		if h.done(s) {
			continue
		}
		if err := h.do(ctx, c, s, lock); err != nil {
			return err
		}
	}
	return nil
}

// lock waits for the lock file of the home. The lock is flock's and not a library's because the
// programs that a step starts must inherit it: should this process be killed, a pip that it left
// behind keeps the next Setup waiting instead of writing into its work.
func (h Home) lock(ctx context.Context, c *console.Console) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(h.Dir, "lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil,
			fmt.Errorf("cannot write galdecon's directory %s: %w; set %s to a directory that you "+
				"can write to", h.Dir, err, DirEnv)
	}
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return f, nil
		}
		if err != syscall.EWOULDBLOCK && err != syscall.EINTR {
			_ = f.Close()
			return nil, fmt.Errorf("cannot lock %s: %w; set %s to a directory on a local disk",
				f.Name(), err, DirEnv)
		}
		c.Status("waiting for another galdecon setup to finish")
		select {
		case <-ctx.Done():
			_ = f.Close()
			return nil, ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// stamp returns the file that says that a step is done, and from what.
func (h Home) stamp(name string) string { return filepath.Join(h.Dir, "stamps", name) }

// done tells whether a step was done from the inputs of now, and its products are still there.
func (h Home) done(s step) bool {
	want, err := s.hash()
	if err != nil {
		return false
	}
	got, err := os.ReadFile(h.stamp(s.name))
	if err != nil || string(got) != want {
		return false
	}
	for _, p := range s.products {
		if _, err := os.Stat(p); err != nil {
			return false
		}
	}
	return true
}

func (s step) hash() (string, error) {
	in, err := s.inputs()
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte(in))
	return hex.EncodeToString(sum[:]) + "\n", nil
}

// do does a step.
func (h Home) do(ctx context.Context, c *console.Console, s step, lock *os.File) error {
	start := time.Now()
	c.Status(s.does)
	if err := os.Remove(h.stamp(s.name)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%s: %w", s.does, err)
	}
	run := func(cmd *exec.Cmd) error {
		cmd.ExtraFiles = append(cmd.ExtraFiles, lock)
		return runShowing(cmd, func(line string) { c.Status(s.does + ": " + line) })
	}
	err := s.make(ctx, run)
	for _, p := range s.products {
		if _, errStat := os.Stat(p); err == nil && errStat != nil {
			err = fmt.Errorf("it ended without an error, but %w", errStat)
		}
	}
	if ctx.Err() != nil {
		return fmt.Errorf("%s: interrupted; run it again to finish", s.does)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", s.does, err)
	}
	hash, err := s.hash()
	if err == nil {
		err = writeFile(h.stamp(s.name), []byte(hash))
	}
	if err != nil {
		return fmt.Errorf("%s: %w", s.does, err)
	}
	c.Printf("%s: done in %.1f s", s.does, time.Since(start).Seconds())
	return nil
}

// runShowing runs cmd and calls show with each line of its output as it comes.
func runShowing(cmd *exec.Cmd, show func(line string)) error {
	out := &lineWriter{show: show}
	cmd.Stdout, cmd.Stderr = out, out
	// A gentle stop, so that compilers and pip remove their temporary files.
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 5 * time.Second
	if err := cmd.Run(); err != nil {
		return &outputError{err: err, output: out.all.String()}
	}
	return nil
}

// outputError is the failure of a program with what it said.
type outputError struct {
	err    error
	output string
}

// Error returns the program's last line, which says most with the programs used here.
func (e *outputError) Error() string {
	lines := strings.Split(strings.TrimSpace(e.output), "\n")
	if last := strings.TrimSpace(lines[len(lines)-1]); last != "" {
		return last
	}
	return e.err.Error()
}

func (e *outputError) Unwrap() error { return e.err }

// lineWriter keeps all that is written and shows it line by line.
type lineWriter struct {
	all, line bytes.Buffer
	show      func(string)
}

func (w *lineWriter) Write(p []byte) (int, error) {
	w.all.Write(p)
	for _, b := range p {
		if b != '\n' && b != '\r' {
			w.line.WriteByte(b)
			continue
		}
		if text := strings.TrimSpace(w.line.String()); text != "" {
			w.show(text)
		}
		w.line.Reset()
	}
	return len(p), nil
}

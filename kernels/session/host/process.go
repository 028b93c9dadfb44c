package host

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/gofrs/flock"

	"galdecon/galdecon/fit"
	"galdecon/kernels/session/internal/wire"
)

// program is the folder of the session's process, in the repository.
const program = "kernels/session/server"

// process is a running session.
type process struct {
	cmd      *exec.Cmd
	lifeline io.Closer // its standard input
	done     chan struct{}
}

// launch builds the session's program, unless it is there already, and waits until it listens.
func (h *Host) launch() (*process, error) {
	cmd, unlock, err := h.build()
	if err != nil {
		return nil, err
	}
	// A session that was killed leaves its socket.
	if err := os.Remove(filepath.Join(h.dir, SessionSocket)); err != nil &&
		!errors.Is(err, fs.ErrNotExist) {
		return nil, errors.Join(fmt.Errorf("session: cannot clear what the last one left: %w", err),
			unlock())
	}
	log, err := os.Create(filepath.Join(h.dir, logFile))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("session: no file for its log: %w", err), unlock())
	}
	defer log.Close()
	cmd.Stderr = log
	cmd.Env = append(os.Environ(), TokenEnv+"="+h.address.Token, fit.OwnerEnv+"="+h.owner)
	lifeline, err := cmd.StdinPipe()
	if err != nil {
		return nil, errors.Join(err, unlock())
	}
	said, err := cmd.StdoutPipe()
	if err != nil {
		return nil, errors.Join(err, unlock())
	}
	err = cmd.Start()
	if err = errors.Join(err, unlock()); err != nil {
		return nil, fmt.Errorf("session: it can't be started: %w", err)
	}
	stop := context.AfterFunc(h.ctx, func() { _ = lifeline.Close() })
	reader := bufio.NewReader(said)
	line, err := reader.ReadString('\n')
	stop()
	if err != nil || strings.TrimSpace(line) != Ready {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		why := cmp.Or(logTail(log.Name()), cmd.ProcessState.String())
		return nil, fmt.Errorf("session: it can't be started: %s",
			strings.TrimPrefix(why, "session: "))
	}
	go func() { _, _ = io.Copy(io.Discard, reader) }() // a library may print
	return &process{cmd: cmd, lifeline: lifeline, done: make(chan struct{})}, nil
}

// build returns the command that starts the program as the repository has it now. Until unlock is
// called, nobody else builds it.
func (h *Host) build() (cmd *exec.Cmd, unlock func() error, err error) {
	const name = "galdecon-session"
	path := h.home.Bin(name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, nil, fmt.Errorf("session: no place for its program: %w", err)
	}
	lock := flock.New(path + ".lock")
	if _, err := lock.TryLockContext(h.ctx, 50*time.Millisecond); err != nil {
		return nil, nil, fmt.Errorf("session: its program can't be locked: %w", err)
	}
	if path, err = h.home.Program(h.ctx, h.repo, program, name); err != nil {
		return nil, nil, errors.Join(fmt.Errorf("session: its program can't be built: %w", err),
			lock.Close())
	}
	return exec.Command(path, h.dir), lock.Close, nil
}

// wait waits for its end, and returns nil if it ended by itself in order, as it does when its host
// ends it.
func (p *process) wait() error { return p.cmd.Wait() }

// end ends the session, which ends by itself in [SaveTime], or is killed.
func (p *process) end() {
	_ = p.lifeline.Close()
	select {
	case <-p.done:
	case <-time.After(SaveTime + time.Second):
		_ = p.cmd.Process.Kill()
		<-p.done
	}
}

// exitError returns how a session ended that nobody ended, with what to do.
func (h *Host) exitError(err error) error {
	how := err.Error()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signal() == syscall.SIGKILL {
			how = "it was killed, as the system does when memory runs out"
		} else if line := logTail(filepath.Join(h.dir, logFile)); line != "" {
			how += ": " + line
		}
	}
	text := how + ". "
	list, _ := os.ReadFile(filepath.Join(h.dir, TrainingsFile))
	if dirs := strings.Split(strings.TrimSpace(string(list)), "\n"); dirs[0] != "" {
		text += fmt.Sprintf("It was training in %s, where the last checkpoint is kept: "+
			"Train goes on from there. ", strings.Join(dirs, ", "))
	}
	return fmt.Errorf("%w: %sRun the cell again to start a new session", wire.ErrEnded, text)
}

// logTail returns the line of a log that says most: that of the panic, or else the last one.
func logTail(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	last := ""
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		for _, start := range []string{"panic: ", "fatal error: ", "SIG"} {
			if strings.HasPrefix(line, start) {
				return line
			}
		}
		if line != "" {
			last = line
		}
	}
	return last
}

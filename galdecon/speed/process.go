package speed

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"

	"galdecon/galdecon/backend"
	"galdecon/internal/home"
)

// finished is what a process that has ended measured, and what was measured of it.
type finished struct {
	result
	begun  time.Time
	memory float64 // its largest, in MB
}

// process has a process do a job, in a per-user directory of its own unless that is "".
func (o Options) process(ctx context.Context, j job, dir string) (done finished, err error) {
	asked, err := json.Marshal(j)
	if err != nil {
		return done, fmt.Errorf("speed: %w", err)
	}
	cmd := exec.CommandContext(ctx, o.Program[0], o.Program[1:]...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	cmd.Env = os.Environ()
	if dir != "" {
		// The plugin may be in the user's directory.
		plugin, err := backend.Plugin(os.Getenv(home.BackendEnv))
		if err != nil {
			return done, err
		}
		cmd.Env = append(cmd.Env, home.DirEnv+"="+dir, home.BackendEnv+"="+plugin)
	}
	var answer, said bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(asked), &answer, &said
	done.begun = time.Now()
	if err := cmd.Run(); err != nil {
		return done, fmt.Errorf("speed: the process that measures failed: %w%s", err,
			lastLine(said.String()))
	}
	if err := json.Unmarshal(answer.Bytes(), &done.result); err != nil {
		return done, fmt.Errorf("speed: the process that measures says what isn't known: %w", err)
	}
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		done.memory = float64(usage.Maxrss) * maxrssUnit() / 1e6
	}
	return done, nil
}

// maxrssUnit returns the unit of the system's largest memory, in bytes.
func maxrssUnit() float64 {
	if runtime.GOOS == "darwin" {
		return 1
	}
	return 1024
}

// lastLine returns the last line that a process said, behind a colon: what it failed for.
func lastLine(said string) string {
	lines := strings.Split(strings.TrimSpace(said), "\n")
	if last := lines[len(lines)-1]; last != "" {
		return ": " + last
	}
	return ""
}

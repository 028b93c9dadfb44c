package home

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
)

// CCompiler looks for what cgo needs, by which XLA's plugins are called, and returns its version
// and path.
func CCompiler(ctx context.Context) (string, error) {
	advice := "on Debian and Ubuntu: apt install gcc; on macOS: xcode-select --install"
	cc, err := FirstLine(ctx, "go", "env", "CC")
	fields := strings.Fields(cc)
	if err != nil || len(fields) == 0 {
		return "", errors.New("go names no C compiler: " + advice)
	}
	path, err := exec.LookPath(fields[0])
	if err != nil {
		return "", fmt.Errorf("no %s on the PATH: %s", fields[0], advice)
	}
	version, err := FirstLine(ctx, path, "--version")
	if err != nil {
		return "", fmt.Errorf("%s --version: %s (%w): %s", path, version, err, advice)
	}
	if enabled, _ := FirstLine(ctx, "go", "env", "CGO_ENABLED"); enabled != "1" {
		return "", errors.New("cgo is off: unset CGO_ENABLED, or set it to 1")
	}
	return fmt.Sprintf("%s (%s)", version, path), nil
}

// FirstLine runs a program and returns the first line that it prints.
func FirstLine(ctx context.Context, name string, args ...string) (string, error) {
	out, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
	line, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	return line, err
}

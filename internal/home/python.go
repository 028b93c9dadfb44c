package home

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// The oldest Python that the requirements are resolved for.
const minMajor, minMinor = 3, 10

// pythonStep makes the virtual environment from kernels/requirements.txt.
func (h Home) pythonStep(repo string) step {
	requirements := filepath.Join(repo, "kernels", "requirements.txt")
	dir := filepath.Join(h.Dir, "python")
	return step{
		name:     "python",
		does:     "Python environment with Jupyter and the XLA plugin",
		products: []string{h.Python(), filepath.Join(dir, "bin", "jupyter")},
		inputs: func() (string, error) {
			list, err := os.ReadFile(requirements)
			if err != nil {
				return "", err
			}
			// The interpreter behind the environment: one that was upgraded or removed makes the environment useless.
			base, err := filepath.EvalSymlinks(h.Python())
			if err != nil {
				return "", err
			}
			return strings.Join([]string{string(list), dir, base}, "\x00"), nil
		},
		make: func(ctx context.Context, run runner) error {
			python, _, err := FindPython(ctx)
			if err != nil {
				return err
			}
			if err := os.RemoveAll(dir); err != nil {
				return err
			}
			if err := run(exec.CommandContext(ctx, python, "-I", "-m", "venv", dir)); err != nil {
				return fmt.Errorf("%s -m venv failed (%w); install Python's venv module (on Debian and Ubuntu: apt install python3-venv) and run it again",
					python, err)
			}
			// --no-deps since the requirements hold all dependencies, --no-compile since Python compiles what it uses by itself.
			pip := exec.CommandContext(ctx, h.Python(), "-I", "-m", "pip", "install", "--no-deps", "--require-hashes", "--no-compile",
				"--no-input", "--progress-bar=off", "--disable-pip-version-check", "-r", requirements)
			pip.Env = append(os.Environ(), "PIP_USER=0", "PIP_REQUIRE_VIRTUALENV=0")
			if err := run(pip); err != nil {
				return fmt.Errorf("pip could not install %s into %s: %w", requirements, dir, pipError(err))
			}
			return nil
		},
	}
}

// FindPython returns the interpreter that the environment is made with, the python3 on the PATH, and its version.
func FindPython(ctx context.Context) (path, version string, err error) {
	path, err = exec.LookPath("python3")
	if err != nil {
		return "", "", fmt.Errorf("no python3 on the PATH; install Python %d.%d or newer with its venv module", minMajor, minMinor)
	}
	out, err := exec.CommandContext(ctx, path, "-I", "-c", "import sys; print('%d.%d.%d' % sys.version_info[:3])").Output()
	version = strings.TrimSpace(string(out))
	var major, minor int
	if err == nil {
		_, err = fmt.Sscanf(version, "%d.%d", &major, &minor)
	}
	if err != nil {
		return "", "", fmt.Errorf("%s doesn't run as Python (%w); put Python %d.%d or newer first on the PATH", path, err, minMajor, minMinor)
	}
	if major < minMajor || major == minMajor && minor < minMinor {
		return "", "", fmt.Errorf("%s is Python %s, which is too old; put Python %d.%d or newer first on the PATH", path, version, minMajor, minMinor)
	}
	return path, version, nil
}

// pipError is pip's last error line, with the likely cause where pip hides it in its warnings.
func pipError(err error) error {
	var out *outputError
	if !errors.As(err, &out) {
		return err
	}
	message := out.Error()
	for line := range strings.Lines(out.output) {
		if strings.HasPrefix(line, "ERROR: ") {
			message = strings.TrimSpace(strings.TrimPrefix(line, "ERROR: "))
		}
	}
	if strings.Contains(out.output, "Retrying (Retry(") || strings.Contains(out.output, "NewConnectionError") {
		message += "; pip could not reach its package index: check the network or pip's settings (pip config list)"
	}
	return errors.New(message + "; run it again to finish")
}

package home

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// The oldest Python that the requirements are resolved for.
const minMajor, minMinor = 3, 10

// requirements are the Python packages and their versions.
//
//go:embed requirements.txt
var requirements string

// installed is the script that looks whether they are there.
//
//go:embed installed.py
var installed string

// pythonStep makes the virtual environment from the requirements.
func (h Home) pythonStep() step {
	dir := filepath.Join(h.Dir, "python")
	return step{
		name:     "python",
		does:     "Python environment with Jupyter and the XLA plugin",
		products: []string{h.Python(), filepath.Join(dir, "bin", "jupyter")},
		inputs: func() (string, error) {
			// The interpreter behind the environment: one that was upgraded or removed makes the
			// environment useless.
			base, err := filepath.EvalSymlinks(h.Python())
			if err != nil {
				return "", err
			}
			return strings.Join([]string{requirements, dir, base}, "\x00"), nil
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
				return fmt.Errorf("%s -m venv failed (%w); install Python's venv module (on "+
					"Debian and Ubuntu: apt install python3-venv) and run it again",
					python, err)
			}
			return h.pip(ctx, run)
		},
	}
}

// diversions are the settings of pip that would have it install elsewhere, otherwise or not at all.
var diversions = []string{
	"PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_USER", "PIP_PYTHON", "PIP_DRY_RUN",
	"PIP_REQUIRE_VIRTUALENV", "PIP_CONSTRAINT", "PIP_REQUIREMENT", "PIP_PLATFORM",
}

// pip installs the requirements into the environment. The user's settings that say where packages
// come from are heeded, those that say where packages go aren't.
func (h Home) pip(ctx context.Context, run runner) error {
	list, dir := filepath.Join(h.Dir, "requirements.txt"), filepath.Join(h.Dir, "python")
	if err := writeFile(list, []byte(requirements)); err != nil {
		return err
	}
	// --no-deps since the requirements hold all dependencies, --no-compile since Python compiles
	// what it uses by itself. --target to --no-user take the place of what a pip.conf may say.
	pip := exec.CommandContext(ctx, h.Python(), "-I", "-m", "pip", "install",
		"--no-deps", "--require-hashes", "--no-compile",
		"--target=", "--root=/", "--prefix="+dir, "--no-user",
		"--no-input", "--progress-bar=off", "--disable-pip-version-check", "-r", list)
	pip.Env = append(slices.DeleteFunc(os.Environ(), func(variable string) bool {
		name, _, _ := strings.Cut(variable, "=")
		return slices.Contains(diversions, name)
	}), "PIP_USER=0", "PIP_REQUIRE_VIRTUALENV=0")
	if err := run(pip); err != nil {
		return fmt.Errorf("pip could not install %s into %s: %w", list, dir, pipError(err))
	}
	if err := run(exec.CommandContext(ctx, h.Python(), "-I", "-c", installed, list)); err != nil {
		return fmt.Errorf("pip installed something else, or elsewhere: %w; see what its settings "+
			"are (pip config list, and variables that begin with PIP_), change them and run it "+
			"again", err)
	}
	return nil
}

// FindPython returns the interpreter that the environment is made with, the python3 on the PATH,
// and its version.
func FindPython(ctx context.Context) (path, version string, err error) {
	path, err = exec.LookPath("python3")
	if err != nil {
		return "", "",
			fmt.Errorf("no python3 on the PATH; install Python %d.%d or newer with its venv module",
				minMajor, minMinor)
	}
	out, err := exec.CommandContext(ctx, path, "-I", "-c",
		"import sys; print('%d.%d.%d' % sys.version_info[:3])").Output()
	version = strings.TrimSpace(string(out))
	var major, minor int
	if err == nil {
		_, err = fmt.Sscanf(version, "%d.%d", &major, &minor)
	}
	if err != nil {
		return "", "",
			fmt.Errorf("%s doesn't run as Python (%w); put Python %d.%d or newer first on the PATH",
				path, err, minMajor, minMinor)
	}
	if major < minMajor || major == minMajor && minor < minMinor {
		return "", "",
			fmt.Errorf("%s is Python %s, which is too old; put Python %d.%d or newer first on "+
				"the PATH", path, version, minMajor, minMinor)
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
	if strings.Contains(out.output, "Retrying (Retry(") ||
		strings.Contains(out.output, "NewConnectionError") {
		message += "; pip could not reach its package index: check the network or pip's settings " +
			"(pip config list)"
	}
	return errors.New(message + "; run it again to finish")
}

// Package home keeps galdecon's per-user directory: the Python environment with Jupyter and the XLA
// plugin, the programs of the kernel, and the Jupyter kernelspec that starts it. Everything in it
// is made by [Home.Setup] from pinned versions or by use, and can be deleted at any time: the next
// Setup, or the next use, makes it again.
//
//	python/    the virtual environment; share/jupyter/kernels/galdecon in it is the kernelspec
//	requirements.txt  what the virtual environment was made from
//	bin/       galdecon (the command in kernels/), gonb, goimports, gopls
//	shim/      go and gopls as the kernel sees them: links to bin/galdecon
//	runtime/   Jupyter's connection files
//	tmp/       temporary files of kernels, where the system's can't be executed
//	compiled/  compiled XLA programs, see [galdecon/galdecon/backend/compiled]
//	stamps/    one file per finished step, see [Home.Setup]
//	lock       held while a Setup changes anything
package home

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"galdecon/internal/atomicfile"
)

// The environment variables that say where things are. Setup and the commands pass them on to the
// kernel and its cells.
const (
	// DirEnv overrides the per-user directory.
	DirEnv = "GALDECON_HOME"
	// RepoEnv overrides the repository that notebooks build against.
	RepoEnv = "GALDECON_REPO"
	// BackendEnv chooses what notebooks compute on, see [galdecon/galdecon/backend].
	BackendEnv = "GALDECON_BACKEND"
	// NotebookEnv is the notebook that a kernel was started for, as Jupyter's servers and "kernels
	// run" tell it.
	NotebookEnv = "JPY_SESSION_NAME"
	// HeadlessEnv is "1" where nobody watches a notebook run: what would wait for a person must go
	// on.
	HeadlessEnv = "GALDECON_HEADLESS"
)

// KernelName is the kernelspec's name, the one that notebooks store.
const KernelName = "galdecon"

// Home is the per-user directory, which may not exist yet.
type Home struct{ Dir string }

// Open returns the per-user directory: $GALDECON_HOME, or else $XDG_DATA_HOME/galdecon,
// ~/.local/share/galdecon or, on macOS, ~/Library/Application Support/galdecon. It makes nothing.
func Open() (Home, error) {
	dir := os.Getenv(DirEnv)
	if dir == "" {
		data, err := dataDir()
		if err != nil {
			return Home{}, fmt.Errorf("no place for galdecon's files: %w; set %s to a directory",
				err, DirEnv)
		}
		dir = filepath.Join(data, "galdecon")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return Home{}, fmt.Errorf("galdecon's directory %s: %w", dir, err)
	}
	return Home{Dir: dir}, nil
}

// dataDir returns where programs keep a user's data.
func dataDir() (string, error) {
	if dir := os.Getenv("XDG_DATA_HOME"); filepath.IsAbs(dir) {
		return dir, nil
	}
	user, err := os.UserHomeDir()
	if err != nil {
		return "", err
	}
	if runtime.GOOS == "darwin" {
		return filepath.Join(user, "Library", "Application Support"), nil
	}
	return filepath.Join(user, ".local", "share"), nil
}

// Python returns the environment's interpreter.
func (h Home) Python() string { return filepath.Join(h.Dir, "python", "bin", "python") }

// Bin returns the path of a program that Setup builds.
func (h Home) Bin(name string) string { return filepath.Join(h.Dir, "bin", name) }

// Shim returns the directory that comes first in the kernel's PATH.
func (h Home) Shim() string { return filepath.Join(h.Dir, "shim") }

// Kernelspec returns the file that tells Jupyter how to start the kernel.
func (h Home) Kernelspec() string {
	return filepath.Join(h.Dir, "python", "share", "jupyter", "kernels", KernelName, "kernel.json")
}

// Compiled returns the directory of compiled XLA programs.
func (h Home) Compiled() string { return filepath.Join(h.Dir, "compiled") }

// SitePackages returns the directory of the environment's Python packages; false where the
// environment isn't finished.
func (h Home) SitePackages() (string, bool) {
	if _, err := os.Stat(h.stamp("python")); err != nil {
		return "", false
	}
	dirs, _ := filepath.Glob(filepath.Join(h.Dir, "python", "lib", "python3.*", "site-packages"))
	if len(dirs) != 1 {
		return "", false
	}
	return dirs[0], true
}

// Env returns the environment of the programs that this package starts with this home and
// repository.
func (h Home) Env(repo string) []string {
	return append(os.Environ(), DirEnv+"="+h.Dir, RepoEnv+"="+repo,
		"JUPYTER_RUNTIME_DIR="+filepath.Join(h.Dir, "runtime"),
		// its own kernelspec, before one that another home registered for the user
		"JUPYTER_PREFER_ENV_PATH=1")
}

// writeFile writes a file under a temporary name and renames it, so that it is there whole or not
// at all.
func writeFile(path string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return atomicfile.WriteFile(path, data)
}

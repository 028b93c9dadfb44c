// Package backend opens the GoMLX backend that everything in galdecon computes on: XLA, through a
// PJRT plugin.
//
// The environment variable GALDECON_BACKEND chooses the plugin: "cpu" (the default), "cuda", or the
// absolute path of one. A plugin is looked for, in this order,
//
//   - in the directories of PJRT_PLUGIN_LIBRARY_PATH, where go-xla looks too,
//   - in ~/.local/lib/go-xla and /usr/local/lib/go-xla, where go-xla's installer puts it,
//   - in galdecon's own Python environment ([galdecon/internal/home]),
//
// and where there is none for "cpu", the one that galdecon pins is installed into that environment.
// There is no fall-back to GoMLX's pure-Go backend, which is a hundred times slower on convolutions
// and has no FFT: better an error that says what to do.
package backend

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/gomlx/compute"
	"github.com/gomlx/go-xla/installer"
	"github.com/gomlx/gomlx/core/graph"

	"galdecon/galdecon/backend/compiled"
	"galdecon/galdecon/backend/internal/plugin"
	"galdecon/galdecon/internal/executor"
	"galdecon/internal/console"
	"galdecon/internal/home"
)

// Default returns the backend that GALDECON_BACKEND asks for. It is opened once per process, by the
// first call.
var Default = sync.OnceValues(
	func() (compute.Backend, error) { return Open(os.Getenv(home.BackendEnv)) })

// NewExec makes an executor of a graph function on the default backend, see [executor.New].
func NewExec(f func([]*graph.Node) *graph.Node) (*graph.Exec, error) {
	device, err := Default()
	if err != nil {
		return nil, err
	}
	return executor.New(device, f)
}

// Open opens a new backend: "cpu" or "", "cuda", or the absolute path of a PJRT plugin. For "cpu"
// it installs a plugin where there is none.
//
// What the backend compiles is kept in galdecon's per-user directory, and loaded by other processes
// that would compile the same on the same machine; what they compute is the same to the bit. Where
// the directory can't be written, one line on stderr says so.
func Open(name string) (compute.Backend, error) { return open(name, store()) }

// OpenUncached opens a backend as [Open] does, which compiles each program itself and keeps none.
func OpenUncached(name string) (compute.Backend, error) { return open(name, nil) }

// store returns where compiled programs are kept; nil where there is no per-user directory.
func store() *plugin.Store {
	h, err := home.Open()
	if err != nil {
		return nil
	}
	return &plugin.Store{
		Cache: compiled.Cache{Dir: h.Compiled(), Limit: compiled.Limit},
		Warn: func(err error) {
			warnOnce.Do(func() {
				console.New(os.Stderr).Printf("galdecon: compiled programs can't be kept, so "+
					"each process compiles them again: %v; make it writable or set %s to another "+
					"directory", err, home.DirEnv)
			})
		},
	}
}

var warnOnce sync.Once

func open(name string, store *plugin.Store) (compute.Backend, error) {
	path, err := Plugin(name)
	if errors.Is(err, ErrNoPlugin) && kind(name) == "cpu" {
		path, err = install()
	}
	if err != nil {
		return nil, err
	}
	b, err := plugin.Open(path, store)
	if err != nil {
		return nil,
			fmt.Errorf("backend: opening the PJRT plugin %s: %w; set %s to the path of another "+
				"plugin", path, err, home.BackendEnv)
	}
	return b, nil
}

// ErrNoPlugin is the error of [Plugin] where there is none of the kind.
var ErrNoPlugin = errors.New("backend: no PJRT plugin")

// Plugin returns the path of the plugin that [Open] would open, without installing one.
func Plugin(name string) (string, error) {
	switch k := kind(name); {
	case k == "cpu" || k == "cuda":
		for _, pattern := range patterns(k) {
			if found, _ := filepath.Glob(pattern); len(found) > 0 {
				return slices.Max(found), nil // the newest where they carry versions
			}
		}
		if k == "cuda" {
			return "", fmt.Errorf("%w for cuda: %s", ErrNoPlugin, cudaAdvice())
		}
		return "", fmt.Errorf("%w for cpu: run `go run %s setup`, or set "+
			"PJRT_PLUGIN_LIBRARY_PATH to the directory of one",
			ErrNoPlugin, home.Package("kernels"))
	case filepath.IsAbs(name):
		if info, err := os.Stat(name); err != nil || info.IsDir() {
			return "", fmt.Errorf("backend: %s is %s, which is no file; give the path of a PJRT "+
				"plugin (pjrt_c_api_*_plugin.so), cpu or cuda", home.BackendEnv, name)
		}
		return name, nil
	default:
		return "", fmt.Errorf("backend: %s is %q, which is no backend; choose cpu, cuda or the "+
			"absolute path of a PJRT plugin", home.BackendEnv, name)
	}
}

// kind returns the name with the default filled in.
func kind(name string) string {
	if name == "" {
		return "cpu"
	}
	return name
}

// patterns returns the file names under which a plugin of a kind may lie, best first.
func patterns(kind string) []string {
	var dirs []string
	dirs = append(dirs, filepath.SplitList(os.Getenv("PJRT_PLUGIN_LIBRARY_PATH"))...)
	if lib, err := installer.DefaultHomeLibPath(); err == nil {
		dirs = append(dirs, filepath.Join(lib, "go-xla"), filepath.Join(lib, "go-xla", "nvidia"))
	}
	dirs = append(dirs, "/usr/local/lib/go-xla", "/usr/local/lib/go-xla/nvidia")
	ext := ".so"
	if runtime.GOOS == "darwin" {
		ext = ".dylib"
	}
	var all []string
	for _, dir := range dirs {
		if dir != "" {
			all = append(all,
				filepath.Join(dir, "pjrt_c_api_"+kind+"_plugin"+ext),
				filepath.Join(dir, "pjrt_c_api_"+kind+"_v*_plugin"+ext))
		}
	}
	h, err := home.Open()
	if err != nil {
		return all
	}
	packages, ok := h.SitePackages()
	switch {
	case !ok:
		return all
	case kind == "cpu":
		return append(all,
			filepath.Join(packages, "lammps_jax_pjrt_cpu", "pjrt_c_api_cpu_plugin"+ext))
	default:
		return append(all,
			filepath.Join(packages, "jax_plugins", "xla_cuda1[23]", "xla_cuda_plugin.so"))
	}
}

// cudaAdvice says how to get a CUDA plugin.
func cudaAdvice() string {
	python := "python"
	if h, err := home.Open(); err == nil {
		python = h.Python()
	}
	return fmt.Sprintf(`install the PyPI package jax-cuda13-plugin[with-cuda] (or jax-cuda12-plugin[with-cuda] for an older driver): `+
		`%s -m pip install "jax-cuda13-plugin[with-cuda]"`, python)
}

// install brings a CPU plugin: the pinned one, or else the one of go-xla's own installer.
func install() (string, error) {
	c := console.New(os.Stderr)
	c.Printf("galdecon: no XLA plugin for the CPU yet; installing it")
	errPinned := installPinned(c)
	path, err := Plugin("cpu")
	if err == nil {
		return path, nil
	}
	if errPinned == nil {
		errPinned = fmt.Errorf("galdecon pins none for %s/%s", runtime.GOOS, runtime.GOARCH)
	}
	lib, err := installer.DefaultHomeLibPath()
	if err == nil {
		c.Status("go-xla's installer")
		err = installer.CPUAutoInstall(filepath.Join(lib, "go-xla"), true, installer.Quiet)
	}
	if err == nil {
		path, err = Plugin("cpu")
	}
	if err != nil {
		return "", fmt.Errorf("%w for cpu, and none could be installed. The pinned one: %v. "+
			"go-xla's installer: %s. Set PJRT_PLUGIN_LIBRARY_PATH to the directory of a "+
			"pjrt_c_api_cpu_plugin.so, or try again with a network connection",
			ErrNoPlugin, errPinned, firstLine(err))
	}
	return path, nil
}

// installPinned makes galdecon's Python environment, which holds the plugin.
func installPinned(c *console.Console) error {
	h, err := home.Open()
	if err != nil {
		return err
	}
	return h.SetupPython(context.Background(), c)
}

func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

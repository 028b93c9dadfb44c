package home

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
)

// spec is the part of a kernelspec that says how the kernel starts.
type spec struct {
	Argv          []string `json:"argv"`
	Name          string   `json:"display_name"`
	Language      string   `json:"language"`
	InterruptMode string   `json:"interrupt_mode"`
}

// kernelspec returns the file that tells Jupyter how to start the kernel.
func (h Home) kernelspec(repo string) ([]byte, error) {
	argv := []string{h.Bin("galdecon"), "kernel", "--home", h.Dir, "--repo", repo}
	// Editors that are started from a desktop, such as VS Code, have another PATH than the shell in
	// which this is set up.
	if goTool, err := exec.LookPath("go"); err == nil {
		argv = append(argv, "--go", filepath.Dir(goTool))
	}
	data, err := json.MarshalIndent(spec{
		Argv:     append(argv, "{connection_file}"),
		Name:     "galdecon (Go)",
		Language: "go",
		// By message, as gonb wants it: a signal to the process group would reach the cell twice,
		// from Jupyter and from gonb.
		InterruptMode: "message",
	}, "", "  ")
	return append(data, '\n'), err
}

// labSettings are what the environment's JupyterLab has otherwise than others, as long as the user
// doesn't say otherwise in its settings: it waits 5 s for the kernel's completions, and not 1 s,
// which gopls may take on a busy machine.
const labSettings = `{
  "@jupyterlab/completer-extension:manager": {
    "providerTimeout": 5000
  }
}
`

// labSettingsFile is where JupyterLab looks for them.
func (h Home) labSettingsFile() string {
	return filepath.Join(h.Dir, "python", "share", "jupyter", "lab", "settings", "overrides.json")
}

// kernelspecStep tells the environment's Jupyter about the kernel.
func (h Home) kernelspecStep(repo string) step {
	data, err := h.kernelspec(repo)
	return step{
		name:     "kernelspec",
		does:     "Jupyter kernelspec " + KernelName,
		products: []string{h.Kernelspec(), h.labSettingsFile()},
		inputs:   func() (string, error) { return string(data) + labSettings, err },
		make: func(context.Context, runner) error {
			if err := writeFile(h.labSettingsFile(), []byte(labSettings)); err != nil {
				return err
			}
			return writeFile(h.Kernelspec(), data)
		},
	}
}

// userKernelspec returns where the Jupyters of a user look for the kernelspec, as Jupyter's own
// jupyter_core.paths says.
func userKernelspec() (string, error) {
	dir := os.Getenv("JUPYTER_DATA_DIR")
	if dir == "" {
		user, err := os.UserHomeDir()
		if err != nil {
			return "", fmt.Errorf("no place for a user's kernelspecs: %w; set JUPYTER_DATA_DIR",
				err)
		}
		if runtime.GOOS == "darwin" {
			dir = filepath.Join(user, "Library", "Jupyter")
		} else {
			data, err := dataDir()
			if err != nil {
				return "", err
			}
			dir = filepath.Join(data, "jupyter")
		}
	}
	return filepath.Join(dir, "kernels", KernelName, "kernel.json"), nil
}

// Register tells the user's other Jupyters, of which VS Code's is one, about the kernel, by a
// kernelspec in Jupyter's directory for the user, and returns its path. It leaves alone a
// kernelspec that starts the kernel of another home, as long as that is there. [Home.Setup] doesn't
// call it, since it writes outside the home, and what galdecon runs itself doesn't need it.
func (h Home) Register(repo string) (path string, err error) {
	path, registered, err := h.Registered(repo)
	if err != nil || registered {
		return path, err
	}
	data, err := h.kernelspec(repo)
	if err != nil {
		return path, err
	}
	return path, writeFile(path, data)
}

// Registered reports whether [Home.Register] has nothing to do, and returns the path of the
// kernelspec. One that Register would leave alone is an error. It changes nothing.
func (h Home) Registered(repo string) (path string, registered bool, err error) {
	path, err = userKernelspec()
	if err != nil {
		return "", false, err
	}
	there, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return path, false, nil
	}
	if err != nil {
		return path, false, err
	}
	want, err := h.kernelspec(repo)
	if err != nil {
		return path, false, err
	}
	if bytes.Equal(there, want) {
		return path, true, nil
	}
	var s spec
	if err := json.Unmarshal(there, &s); err != nil || len(s.Argv) == 0 {
		return path, false,
			fmt.Errorf("%s is no kernelspec: delete it and run `go run ./kernels setup`", path)
	}
	if program := s.Argv[0]; program != h.Bin("galdecon") {
		if _, err := exec.LookPath(program); err == nil {
			return path, false, fmt.Errorf("%s starts %s, which isn't this galdecon's: to "+
				"replace it, delete it and run `go run ./kernels setup`", path, program)
		}
	}
	return path, false, nil
}

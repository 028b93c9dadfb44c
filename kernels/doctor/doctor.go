// Package doctor says what of galdecon, and of what it needs, is there, in which version, and what
// to do about the rest. It changes nothing.
package doctor

import (
	"context"
	"debug/buildinfo"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"galdecon/galdecon/backend/compiled"
	"galdecon/internal/home"
)

// needsSpace is what a complete set-up with its build cache takes, in bytes.
const needsSpace = 2 << 30

// check looks at one part. It returns what it found, or an error that says what is missing and what
// to do.
type check struct {
	part string
	look func(ctx context.Context) (found string, err error)
}

// Examine checks all parts and prints the findings to w. It returns an error where something that
// is needed is missing.
func Examine(ctx context.Context, h home.Home, w io.Writer) error {
	repo, repoErr := home.FindRepo()
	checks := []check{
		{"repository", func(context.Context) (string, error) { return repo, repoErr }},
		{"go", goTool},
		{"C compiler", home.CCompiler},
		{"python3", python},
		{"TMPDIR", func(context.Context) (string, error) { return temp(h) }},
		{"disk space",
			func(context.Context) (string,
				error) {
				return diskSpace(h.Dir, len(h.Pending(repo)) > 0)
			}},
		{"Jupyter", func(ctx context.Context) (string, error) {
			return packages(ctx, h, "jupyterlab", "nbclient", "nbconvert")
		}},
		{"gonb", program(h, "gonb")},
		{"goimports", program(h, "goimports")},
		{"gopls", program(h, "gopls")},
		{"galdecon", program(h, "galdecon")},
		{"kernelspec", func(context.Context) (string, error) { return kernelspec(h) }},
		{"up to date", func(context.Context) (string, error) { return upToDate(h, repo) }},
		{"backend", func(ctx context.Context) (string, error) {
			if repoErr != nil {
				return "", errors.New("the plugin can't be tried without the repository")
			}
			return compute(ctx, repo)
		}},
	}
	missing := 0
	for _, c := range checks {
		found, err := c.look(ctx)
		if err != nil {
			missing++
			fmt.Fprintf(w, "MISSING  %-11s %v\n", c.part, err)
			continue
		}
		fmt.Fprintf(w, "ok       %-11s %s\n", c.part, found)
	}
	fmt.Fprintf(w, "         %-11s %s\n", "VS Code", registered(h, repo))
	fmt.Fprintf(w, "         %-11s %s\n", "GPU", gpu(ctx))
	fmt.Fprintf(w, "         %-11s %s\n", "compiled", compiledPrograms(h))
	if missing > 0 {
		return fmt.Errorf("%d of %d parts are missing; what to do is said above", missing,
			len(checks))
	}
	return nil
}

// errSetup is for what Setup makes.
var errSetup = errors.New("not set up: run `go run ./kernels setup`")

func goTool(ctx context.Context) (string, error) {
	path, err := exec.LookPath("go")
	if err != nil {
		return "", errors.New("no go on the PATH: install it from https://go.dev/dl")
	}
	version, err := home.FirstLine(ctx, path, "version")
	if err != nil {
		return "", fmt.Errorf("%s version: %s (%w)", path, version, err)
	}
	return fmt.Sprintf("%s (%s)", strings.TrimPrefix(version, "go version "), path), nil
}

func python(ctx context.Context) (string, error) {
	path, version, err := home.FindPython(ctx)
	if err != nil {
		return "", err
	}
	if line, err := home.FirstLine(ctx, path, "-I", "-c", "import venv, ensurepip"); err != nil {
		return "",
			fmt.Errorf("%s has no venv module (%s): on Debian and Ubuntu: apt install python3-venv",
				path, line)
	}
	return fmt.Sprintf("%s with venv (%s)", version, path), nil
}

// temp looks whether programs that are built in the directory for temporary files can be executed.
func temp(h home.Home) (string, error) {
	dir := os.TempDir()
	if err := home.Executes(dir); err == nil {
		return dir, nil
	} else if !errors.Is(err, os.ErrPermission) {
		return "", fmt.Errorf("%w: set TMPDIR to a directory that you can write to", err)
	}
	found := fmt.Sprintf("%s can't be executed in, so the kernel uses %s", dir,
		filepath.Join(h.Dir, "tmp"))
	if of := os.Getenv("GOTMPDIR"); of == "" || home.Executes(of) != nil {
		return "", errors.New(found + "; for `go run` and `go test`, set GOTMPDIR to a directory " +
			"on a disk that isn't mounted noexec")
	}
	return found + ", and go GOTMPDIR", nil
}

// diskSpace looks at the disk that the home is on, or will be.
func diskSpace(dir string, pending bool) (string, error) {
	at := dir
	for {
		if _, err := os.Stat(at); err == nil || at == filepath.Dir(at) {
			break
		}
		at = filepath.Dir(at)
	}
	var fs syscall.Statfs_t
	if err := syscall.Statfs(at, &fs); err != nil {
		return "", fmt.Errorf("%s: %w", at, err)
	}
	free := uint64(fs.Bavail) * uint64(fs.Bsize)
	found := fmt.Sprintf("%.1f GB free for %s", float64(free)/(1<<30), dir)
	if pending && free < needsSpace {
		return "",
			fmt.Errorf("%s, and setting up takes %d GB: make room or set %s to a directory on "+
				"another disk", found, needsSpace>>30, home.DirEnv)
	}
	return found, nil
}

// packages looks for Python packages in the environment.
func packages(ctx context.Context, h home.Home, names ...string) (string, error) {
	if _, ok := h.SitePackages(); !ok {
		return "", errSetup
	}
	script := "import importlib.metadata as m, sys; print(', '.join(n + ' ' + m.version(n) for n " +
		"in sys.argv[1:]))"
	found, err := home.FirstLine(ctx, h.Python(), append([]string{"-I", "-c", script}, names...)...)
	if err != nil {
		return "", fmt.Errorf("%s is damaged (%w): delete it and run `go run ./kernels setup`",
			filepath.Dir(filepath.Dir(h.Python())), err)
	}
	return found, nil
}

// program returns a check for a program that Setup builds.
func program(h home.Home, name string) func(context.Context) (string, error) {
	return func(context.Context) (string, error) {
		info, err := buildinfo.ReadFile(h.Bin(name))
		if errors.Is(err, os.ErrNotExist) {
			return "", errSetup
		}
		if err != nil {
			return "", fmt.Errorf("%w: delete it and run `go run ./kernels setup`", err)
		}
		return fmt.Sprintf("%s, built with %s (%s)", info.Main.Version, info.GoVersion,
			h.Bin(name)), nil
	}
}

func kernelspec(h home.Home) (string, error) {
	data, err := os.ReadFile(h.Kernelspec())
	if err != nil {
		return "", errSetup
	}
	var spec struct {
		Name string   `json:"display_name"`
		Argv []string `json:"argv"`
	}
	if err := json.Unmarshal(data, &spec); err != nil || len(spec.Argv) == 0 {
		return "", fmt.Errorf("%s is damaged: delete it and run `go run ./kernels setup`",
			h.Kernelspec())
	}
	return fmt.Sprintf("%s (%s)", spec.Name, h.Kernelspec()), nil
}

// registered says whether VS Code, and Jupyters of the user's own, find the kernel. JupyterLab as
// galdecon starts it does in any case.
func registered(h home.Home, repo string) string {
	path, ok, err := h.Registered(repo)
	if err != nil {
		return fmt.Sprintf("doesn't find the kernel; not needed: %v", err)
	}
	if !ok {
		return fmt.Sprintf("doesn't find the kernel; not needed: `go run ./kernels setup` makes %s",
			path)
	}
	return fmt.Sprintf("finds the kernel (%s)", path)
}

func upToDate(h home.Home, repo string) (string, error) {
	if pending := h.Pending(repo); len(pending) > 0 {
		return "", fmt.Errorf("%s: run `go run ./kernels setup`", strings.Join(pending, "; "))
	}
	return "all is made from this repository and its pinned versions", nil
}

// compute has the backend compute something.
func compute(ctx context.Context, repo string) (string, error) {
	if _, err := home.CCompiler(ctx); err != nil {
		return "", errors.New("the plugin can't be tried without a C compiler")
	}
	cmd := exec.CommandContext(ctx, "go", "run", "-mod=readonly", home.Package("kernels/probe"))
	cmd.Dir = repo
	cmd.Env = append(os.Environ(), "GOWORK=off")
	out, err := cmd.Output()
	said := strings.TrimSpace(string(out))
	if err != nil && said == "" {
		why := err.Error()
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			why = firstSaid(string(exit.Stderr))
		}
		return "", fmt.Errorf("the plugin can't be tried: %s", why)
	}
	if err != nil {
		return "", errors.New(said)
	}
	return said, nil
}

// firstSaid is the first line of what the go command says that isn't the name of a package, or a
// download.
func firstSaid(text string) string {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "# ") &&
			!strings.HasPrefix(line, "go: downloading") {
			return line
		}
	}
	return "it says nothing"
}

// gpu says which GPUs there are. None is needed.
func gpu(ctx context.Context) string {
	if _, err := exec.LookPath("nvidia-smi"); err != nil {
		return "none found; not needed"
	}
	out, err := exec.CommandContext(ctx, "nvidia-smi", "--query-gpu=name,driver_version",
		"--format=csv,noheader").CombinedOutput()
	if err != nil {
		return fmt.Sprintf("nvidia-smi finds none (%v); not needed", err)
	}
	found := strings.Join(strings.Split(strings.TrimSpace(string(out)), "\n"), "; ")
	if os.Getenv(home.BackendEnv) != "cuda" {
		found += fmt.Sprintf("; to use it, set %s=cuda", home.BackendEnv)
	}
	return found
}

// compiledPrograms says how many compiled programs are kept.
func compiledPrograms(h home.Home) string {
	programs, bytes, err := compiled.Cache{Dir: h.Compiled()}.Usage()
	if err != nil {
		return fmt.Sprintf("can't be read; not needed: %v", err)
	}
	return fmt.Sprintf("XLA programs: %d, %.1f MB (%s); `go run ./kernels doctor "+
		"--clear-compiled` deletes them",
		programs, float64(bytes)/(1<<20), h.Compiled())
}

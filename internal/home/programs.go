package home

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// The files of the repository that pin the versions of the tools. (go takes a -modfile in no
// workspace; see goCommand.)
const toolsMod, toolsSum = "tools.mod", "tools.sum"

// tools are the programs that the kernel consists of, by the versions that tools.mod pins.
var tools = map[string]string{
	"gonb":      "github.com/janpfeifer/gonb",
	"goimports": "golang.org/x/tools/cmd/goimports",
	"gopls":     "golang.org/x/tools/gopls",
}

// toolsStep builds the kernel and the programs that it uses.
func (h Home) toolsStep(repo string) step {
	var products, packages []string
	for name, pkg := range tools {
		products, packages = append(products, h.Bin(name)), append(packages, pkg)
	}
	return step{
		name:     "tools",
		does:     "Go kernel (gonb, goimports, gopls)",
		products: products,
		inputs: func() (string, error) {
			pinned, err := sources(repo, toolsMod, toolsSum)
			additions, errAdditions := gonbAdditions()
			return fmt.Sprint(pinned, gonbChanges, additions), errors.Join(err, errAdditions)
		},
		make: func(ctx context.Context, run runner) error {
			// What is built from here on needs cgo, and go's own message names no compiler.
			if _, err := CCompiler(ctx); err != nil {
				return fmt.Errorf("galdecon needs a C compiler: %w", err)
			}
			dir, err := os.MkdirTemp(h.Dir, "gonb-*")
			if err != nil {
				return err
			}
			defer os.RemoveAll(dir)
			modfile, err := gonbModfile(ctx, repo, dir)
			if err != nil {
				return err
			}
			return h.whole(func(dir string) error {
				flags := []string{"-modfile=" + modfile, "-ldflags=-s", "-o",
					dir + string(filepath.Separator)}
				return goBuild(ctx, run, repo, append(flags, packages...)...)
			})
		},
	}
}

// libraries are what the notebooks' cells use beside the repository's own packages.
var libraries = []string{
	"github.com/gomlx/go-xla/compute/xla",
	"github.com/gomlx/gomlx/ml/train",
	"github.com/gomlx/gomlx/ml/model/checkpoint",
	"github.com/janpfeifer/gonb/gonbui",
	"gonum.org/v1/plot/plotter",
	"gonum.org/v1/plot/vg/vgimg",
}

// session is the folder of the process behind a kernel, which links them all.
const session = "kernels/session/server"

// librariesStep compiles the libraries into Go's build cache, which would otherwise be done,
// without a word, by the first cell.
func (h Home) librariesStep(repo string) step {
	return step{
		name:   "libraries",
		does:   "libraries for notebooks (GoMLX, XLA, plots)",
		inputs: func() (string, error) { return sources(repo, "go.mod", "go.sum") },
		make: func(ctx context.Context, run runner) error {
			return goBuild(ctx, run, repo, append([]string{Package(session)}, libraries...)...)
		},
	}
}

// commandStep builds the galdecon command, which is also the kernel's launcher and shims.
func (h Home) commandStep(repo string) step {
	return step{
		name: "command",
		does: "galdecon command",
		products: []string{h.Bin("galdecon"), filepath.Join(h.Shim(), "go"),
			filepath.Join(h.Shim(), "gopls")},
		inputs: func() (string,
			error) {
			return sources(repo, "go.mod", "go.sum", "internal", "galdecon", "kernels")
		},
		make: func(ctx context.Context, run runner) error {
			if err := h.program(ctx, run, repo, "kernels", "galdecon"); err != nil {
				return err
			}
			if err := os.MkdirAll(h.Shim(), 0o755); err != nil {
				return err
			}
			for _, name := range []string{"go", "gopls"} {
				link := filepath.Join(h.Shim(), name)
				if err := os.RemoveAll(link); err != nil {
					return err
				}
				if err := os.Symlink(h.Bin("galdecon"), link); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

// goCommand returns the go command in the repository.
func goCommand(ctx context.Context, repo string, args ...string) (*exec.Cmd, error) {
	goTool, err := exec.LookPath("go")
	if err != nil {
		return nil, fmt.Errorf("no go on the PATH; install Go %s or newer",
			strings.TrimPrefix(runtime.Version(), "go"))
	}
	cmd := exec.CommandContext(ctx, goTool, args...)
	cmd.Dir = repo
	// the versions are those of go.mod, also within someone's workspace
	cmd.Env = append(os.Environ(), "GOWORK=off")
	return cmd, nil
}

// goBuild runs go build in the repository, whatever the user's GOFLAGS say of its go.mod.
func goBuild(ctx context.Context, run runner, repo string, args ...string) error {
	cmd, err := goCommand(ctx, repo, append([]string{"build", "-mod=readonly"}, args...)...)
	if err != nil {
		return err
	}
	if err := run(cmd); err != nil {
		return fmt.Errorf("go build failed: %w", err)
	}
	return nil
}

// Program builds the program in a folder of the repository as it is now, into bin/ under a name,
// and returns its path. What the compiler says is in the error.
func (h Home) Program(ctx context.Context, repo, folder, name string) (path string, err error) {
	run := func(cmd *exec.Cmd) error {
		said, err := cmd.CombinedOutput()
		if err != nil {
			return fmt.Errorf("%w\n%s", err, bytes.TrimSpace(said))
		}
		return nil
	}
	return h.Bin(name), h.program(ctx, run, repo, folder, name)
}

func (h Home) program(ctx context.Context, run runner, repo, folder, name string) error {
	return h.whole(func(dir string) error {
		built := filepath.Join(dir, name)
		// go doesn't link anew what is up to date, and removes what isn't before it writes.
		_ = os.Link(h.Bin(name), built)
		return goBuild(ctx, run, repo, "-ldflags=-s", "-o", built, Package(folder))
	})
}

// whole puts the programs that build makes in a folder beside bin/ there by renaming, so that a
// program in bin/ is always whole, also while a running kernel uses it.
func (h Home) whole(build func(dir string) error) error {
	dir, err := os.MkdirTemp(h.Dir, "build-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := build(dir); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(h.Dir, "bin"), 0o755); err != nil {
		return err
	}
	built, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, f := range built {
		if err := os.Rename(filepath.Join(dir, f.Name()), h.Bin(f.Name())); err != nil {
			return err
		}
	}
	return nil
}

// sources returns the contents of files of the repository, and of the Go sources and what they
// embed below its directories, with their names and Go's version.
func sources(repo string, names ...string) (string, error) {
	var all strings.Builder
	fmt.Fprintln(&all, runtime.Version())
	for _, name := range names {
		root := filepath.Join(repo, name)
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.IsDir() && d.Name() == "testdata" {
				return filepath.SkipDir
			}
			isSource := slices.Contains([]string{".go", ".py", ".txt"}, filepath.Ext(path)) &&
				!strings.HasSuffix(path, "_test.go")
			if err != nil || d.IsDir() || path != root && !isSource {
				return err
			}
			data, err := os.ReadFile(path)
			fmt.Fprintf(&all, "%s %d\n%s", strings.TrimPrefix(path, repo), len(data), data)
			return err
		})
		if err != nil {
			return "", err
		}
	}
	return all.String(), nil
}

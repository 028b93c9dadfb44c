// Package launch starts gonb as galdecon's kernel, and stands in for two programs that it calls.
//
// gonb builds each cell in a module of its own. Three things turn it into a kernel whose notebooks
// build against exactly the go.mod of this repository, without a line of magic in them: a go.work
// with the repository in it, a "go" that doesn't fetch the latest versions of everything before
// each build, and a PATH on which gonb finds the pinned goimports and gopls. That "go" also has the
// cells explain their failures.
//
// The launcher also owns what the cells share, a session ([galdecon/kernels/session]): its process
// starts when a cell first asks for it, and ends with the kernel.
package launch

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"galdecon/internal/home"
	"galdecon/kernels/lifeline"
	"galdecon/kernels/session/host"
)

// Kernel runs the kernel for Jupyter's connection file until it is shut down or its parent ends,
// and returns its exit status. The notebooks build against repo.
func Kernel(h home.Home, repo, connectionFile string) (status int, err error) {
	if !home.IsRepo(repo) {
		return 1, fmt.Errorf("the kernel was set up for the repository %s, which is gone; run "+
			"`go run ./kernels setup` in another clone", repo)
	}
	if strings.Contains(repo, ",") {
		return 1,
			fmt.Errorf("the kernel can't build against %s because of the comma in the path: move "+
				"the repository", repo)
	}
	cmd := exec.Command(h.Bin("gonb"), "-kernel", connectionFile, "-go_work="+repo,
		"-raw_error=true")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	path := strings.Join([]string{h.Shim(), filepath.Join(h.Dir, "bin"), os.Getenv("PATH")},
		string(os.PathListSeparator))
	temp, err := h.Temp() // gonb makes the programs of cells there
	if err != nil {
		return 1, err
	}
	session, err := host.New(h, repo, owner())
	if err != nil {
		return 1, err
	}
	cmd.Env = append(append(h.Env(repo), session.Env()...), "PATH="+path, "TMPDIR="+temp,
		// a user's GOWORK=off, or another workspace, would take the place of gonb's go.work
		"GOWORK=",
		"GOFLAGS="+goFlags())
	return lifeline.Supervise(cmd, func() { _ = session.Close() }) // nobody is left to be told
}

// goFlags are the user's GOFLAGS, but for -mod=mod, which go refuses in a workspace.
func goFlags() string {
	// where there is no go, the cells say so
	flags, _ := exec.Command("go", "env", "GOFLAGS").Output()
	return strings.TrimSpace(strings.TrimSpace(string(flags)) + " -mod=readonly")
}

// owner says to the users of other kernels which this is.
func owner() string {
	notebook := os.Getenv(home.NotebookEnv)
	if notebook == "" {
		dir, err := os.Getwd()
		if err != nil {
			return fmt.Sprintf("a kernel (process %d)", os.Getpid())
		}
		notebook = dir
	}
	return fmt.Sprintf("the kernel of %s (process %d)", notebook, os.Getpid())
}

// Go is the "go" that the kernel sees: the real one, but in the module in which gonb builds cells
//   - "go get", which gonb runs before each build and which would ask for the latest version of
//     everything, does nothing, and
//   - "go build" has the program explain its failures, and says in fewer words what the compiler
//     finds.
//
// It returns only where go can't be run.
func Go(args []string) error {
	command := ""
	if len(args) > 0 && ofCells() {
		command = args[0]
	}
	if command == "get" {
		fmt.Printf("go get does nothing here: notebooks build against %s, which is where to add "+
			"a module\n",
			filepath.Join(os.Getenv(home.RepoEnv), "go.mod"))
		os.Exit(0)
	}
	path, err := behind("go")
	if err != nil {
		return err
	}
	if command == "build" {
		status, err := build(path, args[1:])
		if err == nil {
			os.Exit(status)
		}
		return err
	}
	return syscall.Exec(path, append([]string{path}, args...), os.Environ())
}

// ofCells says whether the current directory is the module in which gonb builds cells. A cell can
// run go elsewhere, too, as by !go build.
func ofCells() bool {
	text, err := os.ReadFile("go.mod")
	return err == nil && bytes.HasPrefix(text, []byte("module gonb_"))
}

// Gopls is the "gopls" that the kernel sees: the real one, but in the process group of gonb, which
// would have it in one of its own where it outlives a kernel that is killed. Headless there is
// none, since nobody asks for completions, and it would load the whole module while the first cell
// is built. It returns only where there is none.
func Gopls(args []string) error {
	if os.Getenv(home.HeadlessEnv) == "1" {
		return errors.New("no gopls in a headless run")
	}
	path, err := behind("gopls")
	if err != nil {
		return err
	}
	group, err := syscall.Getpgid(os.Getppid())
	if err == nil {
		err = syscall.Setpgid(0, group)
	}
	if err != nil {
		return fmt.Errorf("joining the kernel's process group: %w", err)
	}
	// pkg.go.dev, to which contextual help refers for what isn't private, has no pages of galdecon.
	private := strings.Trim(os.Getenv("GOPRIVATE")+","+home.Package(""), ",")
	return syscall.Exec(path, append([]string{path}, args...),
		append(os.Environ(), "GOPRIVATE="+private))
}

// behind finds the program of that name on the PATH that isn't this one.
func behind(name string) (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	own, err := os.Stat(self)
	if err != nil {
		return "", err
	}
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		path, err := exec.LookPath(filepath.Join(dir, name))
		if err != nil {
			continue
		}
		if found, err := os.Stat(path); err == nil && !os.SameFile(own, found) {
			return path, nil
		}
	}
	return "", fmt.Errorf("no %s on the PATH behind galdecon's own: %s", name, os.Getenv("PATH"))
}

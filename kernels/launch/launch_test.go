package launch_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"galdecon/internal/home"
	"galdecon/internal/home/hometest"
	"galdecon/kernels/launch"
)

// TestShims checks the "go" and the "gopls" that the kernel sees.
func TestShims(t *testing.T) {
	h, repo := hometest.Installed(t)
	dir := t.TempDir()
	call := func(name string, args ...string) (string, error) {
		cmd := exec.Command(filepath.Join(h.Shim(), name), args...)
		// A proxy that can't be reached: nothing may be looked up.
		cmd.Env = append(h.Env(repo), "GOPROXY=http://127.0.0.1:1", "GOFLAGS=-mod=mod",
			home.HeadlessEnv+"=1")
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}

	if out, err := call("go", "build", "."); err == nil || !strings.Contains(out, "go.mod") {
		t.Errorf("go build without a module: %v; want the real go's error:\n%s", err, out)
	}
	// A module of the user's own, as for !go build in a cell.
	write("go.mod", "module example.com/mine\n")
	write("main.go", "package main\n\nfunc main() {}\n")
	if out, err := call("go", "build", "-o", "mine", "."); err != nil {
		t.Errorf("go build of another module: %v\n%s", err, out)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 3 {
		t.Errorf("beside the module and its program there is %v, %v", entries, err)
	}
	if out, err := call("go", "get", "example.com/no/such/module@latest"); err == nil {
		t.Errorf("go get in another module does nothing:\n%s", out)
	}
	write("go.mod", "module gonb_1\n")
	if out, err := call("go", "get", "example.com/no/such/module@latest"); err != nil ||
		!strings.Contains(out, filepath.Join(repo, "go.mod")) {
		t.Errorf("go get: %v; want success and the place of go.mod:\n%s", err, out)
	}
	want, err := exec.Command("go", "version").CombinedOutput()
	if err != nil {
		t.Fatal(err)
	}
	if out, err := call("go", "version"); err != nil || out != string(want) {
		t.Errorf("go version: %v, %q; want %q", err, out, want)
	}
	if out, err := call("go", "tool", "no-such-tool"); err == nil {
		t.Errorf("go tool no-such-tool succeeds:\n%s", out)
	}
	if out, err := call("gopls", "version"); err == nil {
		t.Errorf("there is a gopls in a headless run:\n%s", out)
	}
}

// TestKernelWithoutRepository checks the error where the clone that the kernel was set up for has
// been deleted.
func TestKernelWithoutRepository(t *testing.T) {
	gone := t.TempDir()
	_, err := launch.Kernel(home.Home{Dir: t.TempDir()}, gone, "connection.json")
	if err == nil || !strings.Contains(err.Error(), gone) ||
		!strings.Contains(err.Error(), "setup") {
		t.Errorf("error %v, want one with %s and what to do", err, gone)
	}
}

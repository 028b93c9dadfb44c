package launch_test

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"galdecon/kernels/console"
	"galdecon/kernels/home"
	"galdecon/kernels/launch"
)

// TestShims checks the "go" and the "gopls" that the kernel sees.
func TestShims(t *testing.T) {
	repo, err := home.FindRepo()
	if err != nil {
		t.Fatal(err)
	}
	h, err := home.Open()
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Setup(t.Context(), repo, console.NewLog(t.Output())); err != nil {
		t.Fatal(err)
	}
	call := func(name string, args ...string) (string, error) {
		cmd := exec.Command(filepath.Join(h.Shim(), name), args...)
		// A proxy that can't be reached: nothing may be looked up.
		cmd.Env = append(h.Env(repo), "GOPROXY=http://127.0.0.1:1", "GOFLAGS=-mod=mod", home.HeadlessEnv+"=1")
		cmd.Dir = t.TempDir()
		out, err := cmd.CombinedOutput()
		return string(out), err
	}

	if out, err := call("go", "get", "example.com/no/such/module@latest"); err != nil || !strings.Contains(out, filepath.Join(repo, "go.mod")) {
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
	if out, err := call("go", "build", "."); err == nil || !strings.Contains(out, "go.mod") {
		t.Errorf("go build without a module: %v; want the real go's error:\n%s", err, out)
	}
	if out, err := call("gopls", "version"); err == nil {
		t.Errorf("there is a gopls in a headless run:\n%s", out)
	}
}

// TestKernelWithoutRepository checks the error where the clone that the kernel was set up for has been deleted.
func TestKernelWithoutRepository(t *testing.T) {
	gone := t.TempDir()
	_, err := launch.Kernel(home.Home{Dir: t.TempDir()}, gone, "connection.json")
	if err == nil || !strings.Contains(err.Error(), gone) || !strings.Contains(err.Error(), "setup") {
		t.Errorf("error %v, want one with %s and what to do", err, gone)
	}
}

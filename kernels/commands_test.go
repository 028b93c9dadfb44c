package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"galdecon/galdecon/backend/compiled"
	"galdecon/internal/console"
	"galdecon/internal/home"
	"galdecon/internal/home/hometest"
)

// TestCommandFails checks that the command goes on after a notebook that fails, says which did, and
// exits with an error.
func TestCommandFails(t *testing.T) {
	h, repo := hometest.Installed(t)
	testdata := filepath.Join("notebook", "testdata")
	out := t.TempDir()
	cmd := exec.Command(h.Bin("galdecon"), "run", "--out", out,
		filepath.Join(testdata, "panics.ipynb"), "none.ipynb",
		filepath.Join(testdata, "good.ipynb"))
	cmd.Env = h.Env(repo)
	said, err := cmd.CombinedOutput()
	if err == nil {
		t.Error("exit status 0")
	}
	for _, want := range []string{
		"cell 1 (// This cell fails while it runs.) failed",
		"panic: out of galaxies",
		"none.ipynb: there is no such notebook",
		"2 of 3 notebooks failed",
		filepath.Join(out, "good.html"),
	} {
		if !bytes.Contains(said, []byte(want)) {
			t.Errorf("output lacks %q:\n%s", want, said)
		}
	}
	summary := regexp.MustCompile(`\nnotebook +cells +time +result
panics.ipynb +1 of 1 +\d+\.\d s +cell 1 failed
none.ipynb +- +- +not executed
good.ipynb +4 of 4 +\d+\.\d s +ok
`)
	if !summary.Match(said) {
		t.Errorf("no summary in the output:\n%s", said)
	}

	for _, args := range [][]string{{"run"}, {"run", "none.ipynb"}, {"dance"},
		{"run", "a/x.ipynb", "b/x.ipynb"},
		{"run", "-all", "a.ipynb"}, {"export"}, {"export", "none.ipynb"},
		{"export", "a/x.ipynb", "b/x.ipynb"}} {
		cmd := exec.Command(h.Bin("galdecon"), args...)
		cmd.Env = h.Env(repo)
		if said, err := cmd.CombinedOutput(); err == nil || bytes.Count(said, []byte("\n")) != 1 {
			t.Errorf("galdecon %s: %v, want an error of one line:\n%s", strings.Join(args, " "),
				err, said)
		}
	}
}

// TestLab starts JupyterLab, as whoever runs the tests, and looks whether it has its own settings.
func TestLab(t *testing.T) {
	h, repo := hometest.Installed(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().(*net.TCPAddr)
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(h.Bin("galdecon"), "lab", "--", "--no-browser", "--ServerApp.ip=127.0.0.1",
		fmt.Sprintf("--ServerApp.port=%d", address.Port), "--IdentityProvider.token=test")
	cmd.Env = append(h.Env(repo), "JUPYTER_CONFIG_DIR="+t.TempDir())
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	defer func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		<-ended
		if t.Failed() {
			t.Logf("JupyterLab says:\n%s", &said)
		}
	}()
	const setting = "/lab/api/settings/@jupyterlab/completer-extension:manager?token=test"
	for {
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("JupyterLab ends: %v", err)
		case <-time.After(100 * time.Millisecond):
		}
		response, err := http.Get("http://" + address.String() + setting)
		if errors.Is(err, syscall.ECONNREFUSED) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		var completer struct {
			Schema struct {
				Properties struct{ ProviderTimeout struct{ Default int } }
			}
		}
		if err := json.Unmarshal(text, &completer); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		if limit := completer.Schema.Properties.ProviderTimeout.Default; limit != 5000 {
			t.Errorf("completions may take %d ms", limit)
		}
		return
	}
}

// TestDoctorOfNothing checks that the doctor says what is missing, with what to do, and makes
// nothing.
func TestDoctorOfNothing(t *testing.T) {
	installed, repo := hometest.Installed(t)
	h := home.Home{Dir: filepath.Join(t.TempDir(), "none")}
	cmd := exec.Command(installed.Bin("galdecon"), "doctor")
	cmd.Env = append(h.Env(repo), "GALDECON_BACKEND=abacus")
	said, err := cmd.CombinedOutput()
	if err == nil {
		t.Error("exit status 0")
	}
	for _, want := range []string{"ok       go ", "ok       python3", "MISSING  gonb",
		"MISSING  kernelspec", "go run ./kernels setup", "MISSING  backend",
		`"abacus"`, "GPU", "XLA programs: 0"} {
		if !bytes.Contains(said, []byte(want)) {
			t.Errorf("the doctor doesn't say %q:\n%s", want, said)
		}
	}
	if _, err := os.Stat(h.Dir); err == nil {
		t.Errorf("the doctor made %s", h.Dir)
	}
}

// TestHelpOfNothing checks that every command says what it does where nothing is there: no home, no
// Go, no Python.
func TestHelpOfNothing(t *testing.T) {
	installed, _ := hometest.Installed(t)
	dir := filepath.Join(t.TempDir(), "none")
	for _, c := range command().Commands() {
		for _, flag := range []string{"--help", "-h"} {
			cmd := exec.Command(installed.Bin("galdecon"), c.Name(), flag)
			cmd.Dir = t.TempDir()
			cmd.Env = []string{"PATH=", home.DirEnv + "=" + dir}
			said, err := cmd.CombinedOutput()
			if err != nil || !bytes.Contains(said, []byte("Usage:\n  galdecon "+c.Name())) {
				t.Errorf("galdecon %s %s: %v\n%s", c.Name(), flag, err, said)
			}
		}
	}
	if _, err := os.Stat(dir); err == nil {
		t.Errorf("asking for help made %s", dir)
	}
}

// TestWithoutCgo checks that the command is built without cgo, and says then what is missing.
func TestWithoutCgo(t *testing.T) {
	t.Setenv("CGO_ENABLED", "0")
	program, dir := filepath.Join(t.TempDir(), "galdecon"), filepath.Join(t.TempDir(), "none")
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, name := range []string{"doctor", "score", "bench"} {
		cmd := exec.Command(program, name)
		cmd.Env = append(os.Environ(), home.DirEnv+"="+dir)
		said, err := cmd.CombinedOutput()
		if err == nil || !bytes.Contains(said, []byte("cgo is off: unset CGO_ENABLED")) {
			t.Errorf("%s: %v\n%s", name, err, said)
		}
		if _, err := os.Stat(dir); err == nil {
			t.Errorf("%s made %s", name, dir)
		}
	}
}

// TestTemporaryFilesWithoutExecution executes a notebook where programs in the directory for
// temporary files can't be executed.
func TestTemporaryFilesWithoutExecution(t *testing.T) {
	h, repo := hometest.Installed(t)
	dir := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "noexec", "tmpfs",
		dir).CombinedOutput(); err != nil {
		t.Skipf("it takes the right to mount: %v: %s", err, bytes.TrimSpace(out))
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", dir).CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, out)
		}
	})
	if err := home.Executes(dir); !errors.Is(err, os.ErrPermission) ||
		!strings.Contains(err.Error(), dir) {
		t.Errorf("Executes = %v, want os.ErrPermission and the directory", err)
	}
	if err := home.Executes(h.Dir); err != nil {
		t.Error(err)
	}
	none := home.Home{Dir: filepath.Join(dir, "home")}
	err := none.Setup(t.Context(), repo, console.NewLog(t.Output()))
	if !errors.Is(err, os.ErrPermission) || !strings.Contains(err.Error(), "set "+home.DirEnv) {
		t.Errorf("a home there: %v, want os.ErrPermission and what to do", err)
	}
	cmd := exec.Command(h.Bin("galdecon"), "run", "--out", t.TempDir(),
		filepath.Join("notebook", "testdata", "good.ipynb"))
	cmd.Env = append(h.Env(repo), "TMPDIR="+dir)
	if said, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, said)
	}
	for of, want := range map[string]string{"": "set GOTMPDIR to a directory",
		t.TempDir(): "ok       TMPDIR"} {
		cmd = exec.Command(h.Bin("galdecon"), "doctor")
		cmd.Env = append(h.Env(repo), "TMPDIR="+dir, "GOTMPDIR="+of)
		if said, _ := cmd.CombinedOutput(); !bytes.Contains(said, []byte(want)) ||
			!bytes.Contains(said, []byte(filepath.Join(h.Dir, "tmp"))) {
			t.Errorf("doctor with GOTMPDIR=%s doesn't say %q:\n%s", of, want, said)
		}
	}
}

// pipElsewhere is the environment of a user whose pip is set, in all ways that there are, to
// install to a directory.
func pipElsewhere(t *testing.T, dir string) []string {
	t.Helper()
	// What the machine's configuration says of indexes stays.
	machine, err := os.ReadFile("/etc/pip.conf")
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	config := filepath.Join(t.TempDir(), "pip.conf")
	machine = append(machine,
		"\n[install]\nprefix = "+dir+"\ntarget = "+dir+"\nroot = "+dir+"\nuser = true\n"...)
	if err := os.WriteFile(config, machine, 0o644); err != nil {
		t.Fatal(err)
	}
	return []string{"PIP_CONFIG_FILE=" + config, "PIP_TARGET=" + dir, "PIP_PREFIX=" + dir,
		"PIP_ROOT=" + dir, "PIP_USER=1",
		"PIP_DRY_RUN=1", "PYTHONUSERBASE=" + dir}
}

// TestSetupKilled kills a set-up from nothing in the midst of pip's work, and checks that the next
// one finishes the job, in the home alone: the user's pip is set to install elsewhere.
// TestClearCompiled checks that the doctor counts compiled programs, and deletes them when asked
// to.
func TestClearCompiled(t *testing.T) {
	installed, repo := hometest.Installed(t)
	h := home.Home{Dir: t.TempDir()}
	cache := compiled.Cache{Dir: h.Compiled(), Limit: compiled.Limit}
	if err := cache.Store(compiled.NewKey(), make([]byte, 3<<20)); err != nil {
		t.Fatal(err)
	}
	doctor := func(args ...string) (string, error) {
		cmd := exec.Command(installed.Bin("galdecon"), append([]string{"doctor"}, args...)...)
		cmd.Env = append(h.Env(repo), "GALDECON_BACKEND=abacus")
		said, err := cmd.CombinedOutput()
		return string(said), err
	}
	if said, _ := doctor(); !strings.Contains(said, "XLA programs: 1, 3.0 MB ("+h.Compiled()) {
		t.Errorf("the doctor doesn't count a program of 3 MB:\n%s", said)
	}
	if said, err := doctor("--clear-compiled"); err != nil {
		t.Errorf("%v\n%s", err, said)
	}
	if n, _, err := cache.Usage(); n != 0 || err != nil {
		t.Errorf("%d programs are left, %v", n, err)
	}
}

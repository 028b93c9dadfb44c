package browsertest

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"galdecon/internal/home"
	"galdecon/internal/home/hometest"
)

// Lab starts JupyterLab on a folder with a copy of a notebook of testdata, and returns the copy's
// path and its page's address below a root such as http://%s/, whose host it fills in.
func Lab(t *testing.T, notebook, root string, options ...string) (path, page string) {
	t.Helper()
	h, repo := hometest.Installed(t)
	folder := t.TempDir()
	text, err := os.ReadFile(filepath.Join("testdata", notebook))
	if err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(folder, notebook)
	if err := os.WriteFile(path, text, 0o644); err != nil {
		t.Fatal(err)
	}
	port := FreePorts(t, 1)[0]
	address := fmt.Sprintf("127.0.0.1:%d", port)
	const token = "test"
	cmd := exec.Command(h.Python(), "-I", "-m", "jupyterlab", "--no-browser", "--allow-root",
		"--LabApp.expose_app_in_browser=True", "--ServerApp.ip=127.0.0.1",
		fmt.Sprintf("--ServerApp.port=%d", port), "--IdentityProvider.token="+token,
		"--ServerApp.root_dir="+folder)
	cmd.Args = append(cmd.Args, options...)
	cmd.Env = append(h.Env(repo), "JUPYTER_CONFIG_DIR="+t.TempDir(), home.HeadlessEnv+"=")
	Serve(t, cmd, "JupyterLab", address)
	return path, fmt.Sprintf(root+"lab/tree/%s?token=%s", address, notebook, token)
}

// Serve starts a server, waits until somebody listens at its address, and stops it when the test
// ends. What it says, by its name, is shown of a test that failed.
func Serve(t *testing.T, cmd *exec.Cmd, name, address string) {
	t.Helper()
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("%s says:\n%s", name, &log)
		}
	})
	for end := time.Now().Add(5 * time.Minute); ; time.Sleep(100 * time.Millisecond) {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			_ = conn.Close()
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%s doesn't start", name)
		}
	}
}

// FreePorts returns ports that nobody listens on.
func FreePorts(t *testing.T, n int) (ports []int) {
	t.Helper()
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports
}

// RunAll runs all cells of the notebook in the page of JupyterLab, once its kernel is ready.
func (p Page) RunAll() {
	p.Helper()
	p.Until(`window.jupyterapp?.shell.currentWidget?.sessionContext?.isReady`)
	p.Evaluate(`window.jupyterapp.commands.execute("notebook:run-all-cells")`)
}

// Save saves the notebook.
func (p Page) Save() {
	p.Helper()
	p.Evaluate(`window.jupyterapp.commands.execute("docmanager:save").then(() => window.saved = true)`)
	p.Until("window.saved")
}

package controls_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"galdecon/internal/browsertest"
	"galdecon/internal/home"
	"galdecon/internal/home/hometest"
)

// hubEnv names a folder of programs with a JupyterHub to test in, which isn't set up otherwise:
//
//	python3 -m venv hub && hub/bin/pip install jupyterhub jupyterlab
//	cd hub/bin && npm install --prefix .. configurable-http-proxy
//	ln -s ../node_modules/.bin/configurable-http-proxy .
//	GALDECON_TEST_HUB=$PWD go test ./kernels/controls -run TestHub
const hubEnv = "GALDECON_TEST_HUB"

// hubConfig is that of a hub with https and a base URL, whose users need one password.
const hubConfig = `
import json
settings = json.load(open(%q))
c.JupyterHub.bind_url = "https://" + settings["address"] + "/hubs/one/"
c.JupyterHub.ssl_cert, c.JupyterHub.ssl_key = settings["cert"], settings["key"]
c.JupyterHub.hub_port = settings["ports"][0]
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:%%d" %% settings["ports"][1]
c.ConfigurableHTTPProxy.command = [settings["bin"] + "/configurable-http-proxy"]
c.JupyterHub.db_url = "sqlite://"
c.JupyterHub.authenticator_class = "dummy"
c.DummyAuthenticator.password = "test"
c.Authenticator.allow_all = True
c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = settings["folder"]
c.Spawner.cmd = [settings["bin"] + "/jupyterhub-singleuser"]
c.Spawner.args = ["--allow-root", "--LabApp.expose_app_in_browser=True",
    "--ServerApp.root_dir=" + settings["folder"]]
c.Spawner.environment = settings["environment"]
c.Spawner.start_timeout = c.Spawner.http_timeout = 300
`

// startHub starts a hub of another Jupyter than galdecon's, with notebooks in its user's folder, and
// returns the address of the hub.
func startHub(t *testing.T, bin string, notebooks ...string) (hub string) {
	t.Helper()
	h, repo := hometest.Installed(t)
	folder, dir := t.TempDir(), t.TempDir()
	for _, path := range notebooks {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, filepath.Base(path)), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	environment := map[string]string{}
	for _, set := range h.Env(repo) {
		name, value, _ := strings.Cut(set, "=")
		environment[name] = value
	}
	// Its user has another home, but not another kernel, nor another cache of Go's.
	for _, name := range []string{"GOCACHE", "GOMODCACHE"} {
		out, err := exec.Command("go", "env", name).Output()
		if err != nil {
			t.Fatal(err)
		}
		environment[name] = strings.TrimSpace(string(out))
	}
	environment["JUPYTER_PATH"] = filepath.Join(h.Dir, "python", "share", "jupyter")
	environment["JUPYTER_CONFIG_DIR"] = filepath.Join(dir, "jupyter")
	environment[home.HeadlessEnv] = ""
	delete(environment, "HOME")
	cert, key := certificate(t)
	ports := browsertest.FreePorts(t, 3)
	address := fmt.Sprintf("127.0.0.1:%d", ports[2])
	settings, err := json.Marshal(map[string]any{"address": address, "cert": cert, "key": key,
		"ports": ports, "bin": bin, "folder": folder, "environment": environment})
	if err != nil {
		t.Fatal(err)
	}
	settingsFile, config := filepath.Join(dir, "settings.json"), filepath.Join(dir, "config.py")
	for path, text := range map[string][]byte{settingsFile: settings,
		config: fmt.Appendf(nil, hubConfig, settingsFile)} {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(filepath.Join(bin, "jupyterhub"), "-f", config)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "PATH="+bin+string(filepath.ListSeparator)+os.Getenv("PATH"))
	browsertest.Serve(t, cmd, "JupyterHub", address)
	return "https://" + address + "/hubs/one"
}

// TestHub uses sliders and the session in a JupyterLab that a real JupyterHub has started: behind
// its proxy, its log-in, https and a base URL.
func TestHub(t *testing.T) {
	bin := os.Getenv(hubEnv)
	if bin == "" {
		t.Skipf("%s names no folder with a JupyterHub", hubEnv)
	}
	hub := startHub(t, bin, filepath.Join("testdata", panel), filepath.Join("testdata", resample))
	// Without a reset JupyterLab opens the notebooks of before as well, and may show one of them.
	lab := func(notebook string) string { return hub + "/user/me/lab/tree/" + notebook + "?reset" }

	p := page{browsertest.Open(t, hub+"/hub/login")}
	// The proxy answers before the hub is there, with an error.
	p.Arrive(`document.querySelector("#username_input") ||
		(document.readyState === "complete" && location.reload())`)
	p.Evaluate(`document.querySelector("#username_input").value = "me"`)
	p.Evaluate(`document.querySelector("#password_input").value = "test"`)
	p.Evaluate(`setTimeout(() => document.querySelector("form").submit(), 0)`)
	p.Arrive(`!document.querySelector("#username_input") && document.readyState === "complete"`)

	run := func(notebook, until string) {
		p.Go(lab(notebook))
		p.Arrive(fmt.Sprintf(`(() => {
			const shown = window.jupyterapp?.shell.currentWidget;
			return shown?.context?.path === %q && shown.sessionContext.isReady;
		})()`, filepath.Base(notebook)))
		p.RunAll()
		p.Until(until)
	}
	const sliders = figure + ` && document.querySelector(".jp-OutputArea-output input[type=range]")`
	run(panel, sliders)
	p.move(0, "0.8")
	p.finish("drawn true <nil>")
	run(resample, sliders)
	p.move(0, "1.2")
	// A slow machine's slider is moved more than once, and may be drawn as often.
	p.Evaluate(`document.querySelector(".jp-OutputArea-output button").click()`)
	p.Until(`/drawn \d+ <nil>/.test(document.querySelector(".jp-Notebook").textContent)`)
}

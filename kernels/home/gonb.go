package home

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// gonb's script in the notebook's page connects to the kernel without encryption, at the root of the host. Behind https, or on a hub that
// has each user's Jupyter below a path of his own, no control would reach the kernel. So gonb is built with another address in the script:
// that of the page's Jupyter, as JupyterLab, or the classic notebook, says it in the page.
const (
	gonbScript = "internal/websocket/websocket.js"
	rootOnly   = `"ws://" + document.location.host + "/`
	asThePage  = `new URL(JSON.parse(document.getElementById("jupyter-config-data")?.textContent || "{}").baseUrl || document.body.dataset.baseUrl || "/",` +
		` document.location).href.replace(/^http/, "ws") + "`
)

// gonbModfile writes a gonb with the other script to dir, and a go.mod like the repository's that takes it, whose path it returns.
// (go build's overlays don't reach into the cache of modules.)
func gonbModfile(ctx context.Context, repo, dir string) (string, error) {
	module, err := downloaded(ctx, repo, tools["gonb"])
	if err != nil {
		return "", err
	}
	changed := filepath.Join(dir, "gonb")
	if err := os.CopyFS(changed, os.DirFS(module)); err != nil {
		return "", err
	}
	script := filepath.Join(changed, filepath.FromSlash(gonbScript))
	text, err := os.ReadFile(script)
	if err != nil {
		return "", err
	}
	if bytes.Count(text, []byte(rootOnly)) != 1 {
		return "", fmt.Errorf("%s in %s isn't that of the gonb that galdecon is made for; run `go mod verify`", gonbScript, module)
	}
	// The copy may be read-only, as the cache is.
	if err := os.Chmod(script, 0o644); err != nil {
		return "", err
	}
	if err := os.WriteFile(script, bytes.Replace(text, []byte(rootOnly), []byte(asThePage), 1), 0o644); err != nil {
		return "", err
	}
	for _, name := range []string{"go.mod", "go.sum"} {
		text, err := os.ReadFile(filepath.Join(repo, name))
		if err != nil {
			return "", err
		}
		if name == "go.mod" {
			text = fmt.Appendf(text, "\nreplace %s => %q\n", tools["gonb"], changed)
		}
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			return "", err
		}
	}
	return filepath.Join(dir, "go.mod"), nil
}

// downloaded is the folder of a module in the version that go.mod pins, which is downloaded where it isn't there.
func downloaded(ctx context.Context, repo, path string) (string, error) {
	cmd, err := goCommand(ctx, repo, "mod", "download", "-json", path)
	if err != nil {
		return "", err
	}
	said, err := cmd.Output()
	var module struct{ Dir, Error string }
	if errJSON := json.Unmarshal(said, &module); errJSON == nil && module.Error != "" {
		return "", fmt.Errorf("cannot download %s: %s", path, module.Error)
	}
	if exit, ok := err.(*exec.ExitError); ok {
		return "", fmt.Errorf("cannot download %s: %s", path, bytes.TrimSpace(exit.Stderr))
	}
	return module.Dir, err
}

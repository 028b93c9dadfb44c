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

// gonbChanges are what galdecon's gonb has otherwise than the module, for sliders that always reach
// the kernel:
//   - gonb's script in the notebook's page connects to the kernel without encryption, at the root of the host. Behind https, or on a hub that
//     has each user's Jupyter below a path of his own, that fails. Ours takes the address of the page's Jupyter, as JupyterLab, or the classic
//     notebook, says it in the page.
//   - Jupyter's server subscribes to a busy kernel's messages without waiting for the subscription, so the kernel's answer to the page's
//     comm_open may be lost; the page would wait for it 0.5 s, and give up for good. Ours asks again until there is an answer, and the kernel
//     takes what it is asked again as the same.
var gonbChanges = []struct{ file, old, new string }{
	{
		"internal/websocket/websocket.js",
		`"ws://" + document.location.host + "/`,
		`new URL(JSON.parse(document.getElementById("jupyter-config-data")?.textContent || "{}").baseUrl || document.body.dataset.baseUrl || "/",` +
			` document.location).href.replace(/^http/, "ws") + "`,
	},
	{
		"internal/websocket/websocket.js",
		`await this._wait_open_ack();`,
		`const again = setInterval(() => this._send(msg), 250);
            try {
                await this._wait_open_ack();
            } finally {
                clearInterval(again);
            }`,
	},
	{"internal/websocket/websocket.js", `500, // milliseconds`, `30000, // milliseconds`},
	{"internal/comms/comms.go", "if s.Opened {\n\t\t// Close the previous", "if s.Opened && s.CommId != commId {\n\t\t// Close the previous"},
}

// gonbModfile writes a gonb with [gonbChanges] to dir, and a go.mod like the repository's tools.mod
// that takes it, whose path it returns. (go build's overlays don't reach into the cache of
// modules.)
func gonbModfile(ctx context.Context, repo, dir string) (string, error) {
	module, err := downloaded(ctx, repo, tools["gonb"])
	if err != nil {
		return "", err
	}
	changed := filepath.Join(dir, "gonb")
	if err := os.CopyFS(changed, os.DirFS(module)); err != nil {
		return "", err
	}
	for _, change := range gonbChanges {
		file := filepath.Join(changed, filepath.FromSlash(change.file))
		text, err := os.ReadFile(file)
		if err != nil {
			return "", err
		}
		if bytes.Count(text, []byte(change.old)) != 1 {
			return "", fmt.Errorf("%s in %s isn't that of the gonb that galdecon is made for; run `go mod verify`", change.file, module)
		}
		// The copy may be read-only, as the cache is.
		if err := os.Chmod(file, 0o644); err != nil {
			return "", err
		}
		if err := os.WriteFile(file, bytes.Replace(text, []byte(change.old), []byte(change.new), 1), 0o644); err != nil {
			return "", err
		}
	}
	versions, err := os.ReadFile(filepath.Join(repo, toolsMod))
	if err != nil {
		return "", err
	}
	sums, err := os.ReadFile(filepath.Join(repo, toolsSum))
	if err != nil {
		return "", err
	}
	versions = fmt.Appendf(versions, "\nreplace %s => %q\n", tools["gonb"], changed)
	if err := os.WriteFile(filepath.Join(dir, "go.sum"), sums, 0o644); err != nil {
		return "", err
	}
	path := filepath.Join(dir, "go.mod")
	return path, os.WriteFile(path, versions, 0o644)
}

// downloaded returns the folder of a module in the version that tools.mod pins, which is downloaded
// where it isn't there.
func downloaded(ctx context.Context, repo, path string) (string, error) {
	cmd, err := goCommand(ctx, repo, "mod", "download", "-modfile="+toolsMod, "-json", path)
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

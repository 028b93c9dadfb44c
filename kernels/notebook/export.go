package notebook

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Export writes a self-contained HTML page of a notebook as it was last executed to o.Out, and
// returns its path. It executes nothing; of the home it takes the Python environment alone. A
// notebook that was never executed is an error.
func Export(ctx context.Context, path string, o Options) (page string, err error) {
	if err := Check(path); err != nil {
		return "", err
	}
	if ok, err := executed(path); err != nil {
		return "", err
	} else if !ok {
		return "", fmt.Errorf("%s has not been executed, there is nothing to show: `go run "+
			"./kernels run %[1]s` executes it and makes the page", path)
	}
	out, err := outDir(o.Out)
	if err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, o.Home.Python(), "-I", "-c", script, "--export", "--out", out,
		path)
	cmd.Env = o.Home.Env(o.Repo)
	var log bytes.Buffer
	cmd.Stderr = &log
	o.Console.Status(path)
	said, err := cmd.Output()
	if ctx.Err() != nil {
		return "", fmt.Errorf("%s: interrupted; nothing was written", path)
	}
	var e event
	if jsonErr := json.Unmarshal(said, &e); jsonErr != nil {
		return "", fmt.Errorf("%s: no page could be made of it: %w\n%s", path,
			errors.Join(err, jsonErr), strings.TrimSpace(log.String()))
	}
	if e.Event != "written" {
		return "", fmt.Errorf("%s: no page could be made of it: %s", path, e.Message)
	}
	return e.HTML, nil
}

// executed tells whether some cell of a notebook was executed.
func executed(path string) (bool, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return false, err
	}
	var nb struct {
		Cells []struct {
			Count *int `json:"execution_count"`
		} `json:"cells"`
	}
	if err := json.Unmarshal(data, &nb); err != nil {
		return false, err
	}
	for _, c := range nb.Cells {
		if c.Count != nil {
			return true, nil
		}
	}
	return false, nil
}

// outDir makes the directory for the results.
func outDir(dir string) (string, error) {
	out, err := filepath.Abs(dir)
	if err == nil {
		err = os.MkdirAll(out, 0o755)
	}
	if err != nil {
		return "", fmt.Errorf("the directory for the executed notebooks: %w", err)
	}
	return out, nil
}

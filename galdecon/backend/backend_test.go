package backend_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/core/graph"

	"galdecon/galdecon/backend"
)

// TestDefault computes with the backend that everything else uses, and brings its plugin on a fresh
// machine.
func TestDefault(t *testing.T) {
	b, err := backend.Default()
	if err != nil {
		t.Fatal(err)
	}
	sum, err := graph.CallOnce(b, func(x, y *graph.Node) *graph.Node { return graph.Add(x, y) },
		float32(40), float32(2))
	if err != nil {
		t.Fatal(err)
	}
	if got := sum.Value().(float32); got != 42 {
		t.Errorf("40 + 2 = %g on %s", got, b.Description())
	}
	again, err := backend.Default()
	if err != nil || again != b {
		t.Errorf("the second Default() = %v, %v; want the first backend again", again, err)
	}
}

// TestBadChoices checks that what can't be opened gives an error that names the problem and the way
// out, and no slow substitute.
func TestBadChoices(t *testing.T) {
	// A place without any plugin: an empty home of the user and of galdecon.
	t.Setenv("HOME", t.TempDir())
	t.Setenv("GALDECON_HOME", t.TempDir())
	t.Setenv("PJRT_PLUGIN_LIBRARY_PATH", "")
	notPlugin := filepath.Join(t.TempDir(), "plugin.so")
	if err := os.WriteFile(notPlugin, []byte("no library"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		choice string
		want   []string
	}{
		{"gpu", []string{`"gpu"`, "cpu, cuda or the absolute path"}},
		{"go", []string{`"go"`, "cpu, cuda or the absolute path"}},
		{"plugins/a.so", []string{"absolute path"}},
		{"/nowhere/plugin.so", []string{"/nowhere/plugin.so", "no file"}},
		{notPlugin, []string{notPlugin, "GALDECON_BACKEND"}},
		{"cuda", []string{"no PJRT plugin for cuda", "pip install", os.Getenv("GALDECON_HOME")}},
	} {
		b, err := backend.Open(c.choice)
		if err == nil {
			t.Errorf("Open(%q) = %s, want an error", c.choice, b.Description())
			continue
		}
		if !strings.HasPrefix(err.Error(), "backend: ") {
			t.Errorf("Open(%q): error %q doesn't name its package", c.choice, err)
		}
		for _, want := range c.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("Open(%q): error %q lacks %q", c.choice, err, want)
			}
		}
	}
}

// TestNothingToInstall checks the error where there is no plugin and none can be had.
func TestNothingToInstall(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	t.Setenv("PJRT_PLUGIN_LIBRARY_PATH", "")
	t.Setenv("GALDECON_HOME", "/dev/null/galdecon")
	t.Setenv("HTTPS_PROXY", "http://127.0.0.1:1")
	_, err := backend.Open("cpu")
	if err == nil {
		t.Fatal("opened a backend without a plugin")
	}
	for _, want := range []string{"backend: no PJRT plugin for cpu", "/dev/null/galdecon",
		"go-xla's installer", "PJRT_PLUGIN_LIBRARY_PATH"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error %q lacks %q", err, want)
		}
	}
}

package main

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"galdecon/galdecon/backend"
	"galdecon/galdecon/pretrained"
	"galdecon/internal/home"
	"galdecon/kernels/internal/helptest"
)

func execute(t testing.TB, args ...string) (string, error) {
	t.Helper()
	return helptest.Execute(t.Context(), command(), args...)
}

// TestHelp checks that the help that the galdecon command has of this program is its own. -update
// writes it.
func TestHelp(t *testing.T) {
	helptest.Check(t, command(), "./kernels/models")
}

// TestModels packs a shipped model, adds it from a server, finds it everywhere, and removes it.
func TestModels(t *testing.T) {
	if _, err := backend.Default(); err != nil { // of the developer's own home
		t.Fatal(err)
	}
	t.Setenv(home.DirEnv, t.TempDir())
	folder := t.TempDir()
	run := func(args ...string) string {
		t.Helper()
		out, err := execute(t, args...)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	file := filepath.Join(folder, "a.safetensors")
	hash, _, _ := strings.Cut(run("pack", "tiny-cvae", file), " ")
	server := httptest.NewServer(http.FileServer(http.Dir(folder)))
	defer server.Close()
	url := server.URL + "/a.safetensors"
	if _, err := execute(t, "add", "theirs", url); err == nil ||
		!strings.Contains(err.Error(), "SHA-256") {
		t.Errorf("a URL without a hash: error %v", err)
	}
	_, err := execute(t, "add", "theirs", url, "--sha256", strings.Repeat("0", 64))
	var wrong *pretrained.HashError
	if !errors.As(err, &wrong) || wrong.Got != hash {
		t.Errorf("another hash: error %v", err)
	}
	if _, err := execute(t, "add", "theirs", server.URL+"/none", "--sha256", hash); err == nil ||
		!strings.Contains(err.Error(), "404") {
		t.Errorf("a file that isn't there: error %v", err)
	}
	if out := run(); strings.Contains(out, "theirs") {
		t.Errorf("what failed has left\n%s", out)
	}
	card, err := pretrained.Card("tiny-cvae")
	if err != nil {
		t.Fatal(err)
	}
	out := run("add", "theirs", url, "--sha256", hash)
	for _, want := range []string{"theirs", url, "PSFs of σ 0.8 to 2.2", "SHA-256", card} {
		if !strings.Contains(out, want) {
			t.Errorf("the card lacks %q:\n%s", want, out)
		}
	}
	if _, err := execute(t, "add", "theirs", file); err == nil ||
		!strings.Contains(err.Error(), "already") {
		t.Errorf("a name that is taken: error %v", err)
	}
	if _, err := execute(t, "add", "galaxy", file); err == nil {
		t.Error("a shipped model's name is taken for another model")
	}
	if _, err := pretrained.Load("theirs"); err != nil {
		t.Error(err)
	}
	dir, err := pretrained.Folder("theirs")
	if err != nil {
		t.Fatal(err)
	}
	run("add", "copy", dir)
	out = run()
	for _, want := range append(pretrained.Names(), "theirs", "copy", "shipped") {
		if !strings.Contains(out, want) {
			t.Errorf("the list lacks %q:\n%s", want, out)
		}
	}
	run("remove", "theirs")
	if _, err := execute(t, "theirs"); err == nil {
		t.Error("a model that was removed is there")
	}
	if _, err := execute(t, "remove", "galaxy"); err == nil {
		t.Error("a shipped model can be removed")
	}
}

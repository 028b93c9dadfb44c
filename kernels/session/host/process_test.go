package host

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"galdecon/internal/home"
)

// write writes files below dir.
func write(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755),
			os.WriteFile(path, []byte(text), 0o755)); err != nil {
			t.Fatal(err)
		}
	}
}

// What can't be started says why, also a program that says nothing; a build that ends amidst leaves
// the program as it was, and the next one is whole.
func TestLaunch(t *testing.T) {
	repo, bin := t.TempDir(), t.TempDir()
	source := filepath.Join(program, "main.go")
	write(t, repo,
		map[string]string{"go.mod": "module " + home.Package("") + "\n",
			source: "package main\n\nimport \"os\"\n\nfunc main() { os.Exit(3) }\n"})
	h, err := New(home.Home{Dir: t.TempDir()}, repo, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
	fails := func(what, want string) {
		t.Helper()
		if _, err := h.start(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q in it", what, err, want)
		}
	}
	fails("a program that says nothing", "can't be started: exit status 3")

	program := h.home.Bin("galdecon-session")
	whole, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	path := os.Getenv("PATH")
	t.Setenv("PATH", bin+string(os.PathListSeparator)+path)
	write(t, bin, map[string]string{"go": `#!/bin/sh
while [ "$1" != -o ]; do shift; done
rm -f "$2"
echo half > "$2"
echo killed
exit 1
`})
	fails("a build that is killed", "can't be built: go build failed: exit status 1\nkilled")
	if now, err := os.ReadFile(program); err != nil || string(now) != string(whole) {
		t.Errorf("a build that is killed leaves %d bytes of %d, error %v", len(now), len(whole),
			err)
	}
	t.Setenv("PATH", path)
	write(t, repo,
		map[string]string{source: "package main\n\nfunc main() { panic(\"session: words\") }\n"})
	fails("another program", "can't be started: panic: session: words")
	if left, _ := filepath.Glob(filepath.Join(h.home.Dir, "build-*")); len(left) > 0 {
		t.Errorf("what is built is left: %v", left)
	}
}

package home_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"galdecon/internal/console"
	"galdecon/internal/home"
)

// TestPipElsewhere sets up an environment for a user whose pip is set to install elsewhere, and looks where packages are.
func TestPipElsewhere(t *testing.T) {
	elsewhere := t.TempDir()
	config := filepath.Join(t.TempDir(), "pip.conf")
	// What an earlier configuration says of the index stays.
	there, err := os.ReadFile("/etc/pip.conf")
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	text := string(there) + "\n[install]\ntarget = " + elsewhere + "\nuser = true\n"
	if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PIP_CONFIG_FILE", config)
	for _, name := range []string{"PIP_TARGET", "PIP_PREFIX", "PIP_ROOT"} {
		t.Setenv(name, elsewhere)
	}
	t.Setenv("PIP_USER", "1")
	t.Setenv("PIP_DRY_RUN", "1")
	t.Setenv("PYTHONUSERBASE", elsewhere)
	h := home.Home{Dir: t.TempDir()}
	if err := h.SetupPython(t.Context(), console.NewLog(t.Output())); err != nil {
		t.Fatal(err)
	}
	packages, ok := h.SitePackages()
	if !ok {
		t.Fatal("the environment isn't finished")
	}
	if _, err := os.Stat(filepath.Join(packages, "jupyterlab")); err != nil {
		t.Error(err)
	}
	if there, _ := os.ReadDir(elsewhere); len(there) > 0 {
		t.Errorf("pip installed elsewhere: %v", there)
	}
	list, err := os.ReadFile(filepath.Join(h.Dir, "requirements.txt"))
	if err != nil || !slices.ContainsFunc(strings.Split(string(list), "\n"), func(l string) bool { return strings.HasPrefix(l, "jupyterlab==") }) {
		t.Errorf("requirements.txt: %v, %.100s", err, list)
	}
}

// TestPipThatDoesNothing checks that a pip that ends without an error, but hasn't installed what it should, isn't believed.
func TestPipThatDoesNothing(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Fatal(err)
	}
	// A python3 that makes environments whose pip is set to another cache of nothing.
	pythonScript(t, `case "$*" in *venv*)
	`+python+` "$@" || exit
	for dir; do :; done
	mv "$dir/bin/python" "$dir/bin/python.real"
	cat > "$dir/bin/python" <<'END'
#!/bin/sh
case "$*" in *"pip install"*) exit 0;; esac
exec "${0}.real" "$@"
END
	chmod +x "$dir/bin/python"; touch "$dir/bin/jupyter"; exit;;
esac
exec `+python+` "$@"`)
	h := home.Home{Dir: t.TempDir()}
	err = h.SetupPython(t.Context(), console.NewLog(t.Output()))
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"lacks anyio", "and", "more", "pip config list"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error %q lacks %q", err, want)
		}
	}
	if _, ok := h.SitePackages(); ok {
		t.Error("an environment without packages passes for ready")
	}
}

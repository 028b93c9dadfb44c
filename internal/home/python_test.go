package home_test

import (
	"os/exec"
	"strings"
	"testing"

	"galdecon/internal/console"
	"galdecon/internal/home"
)

// TestPipThatDoesNothing checks that a pip that ends without an error, but hasn't installed what it
// should, isn't believed.
func TestPipThatDoesNothing(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Fatal(err)
	}
	// A python3 that makes environments in which pip does nothing, and one script of Jupyter's is
	// there.
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

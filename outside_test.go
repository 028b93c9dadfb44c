package galdecon_test

import (
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestOutside builds a program in a module of somebody else's, beside which the repository lies in
// a workspace, and runs it elsewhere: it draws candidates by itself and in a session, whose process
// it has built.
func TestOutside(t *testing.T) {
	repo, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile(filepath.Join("testdata", "outside", "main.go"))
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("GALDECON_REPO", "")
	t.Setenv("GOWORK", "")
	module, elsewhere := t.TempDir(), t.TempDir()
	in := func(dir, name string, args ...string) string {
		t.Helper()
		cmd := exec.Command(name, args...)
		cmd.Dir, cmd.Stderr = dir, t.Output()
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%s %v: %v", filepath.Base(name), args, err)
		}
		return string(out)
	}
	for name, text := range map[string]string{
		"main.go": string(source), "go.mod": "module example.org/mine\n\ngo 1.26\n",
	} {
		if err := os.WriteFile(filepath.Join(module, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	in(module, "go", "work", "init", ".", repo)
	in(module, "go", "build", "-o", elsewhere, ".")
	var truth, drawn float64
	var alike bool
	said := in(elsewhere, filepath.Join(elsewhere, "mine"))
	if _, err := fmt.Sscanf(said, "alike: %g %g %t\n", &truth, &drawn, &alike); err != nil {
		t.Fatalf("it says %q", said)
	}
	if !alike || !(math.Abs(drawn/truth-1) < 0.05) {
		t.Errorf("the truth has a flux of %g, candidates %g; in the session the same: %t",
			truth, drawn, alike)
	}
}

package plugin_test

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestLayout compiles assertions that pjrt.h has the layout of the header that go-xla is built
// from.
func TestLayout(t *testing.T) {
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}",
		"github.com/gomlx/go-xla").Output()
	if err != nil {
		t.Fatal(err)
	}
	header := filepath.Join(strings.TrimSpace(string(dir)), "pjrt")
	cc := exec.Command("cc", "-fsyntax-only", "-I", header, filepath.Join("testdata", "layout.c"))
	if out, err := cc.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

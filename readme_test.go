package galdecon_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestREADME checks that the README is short, and that what it shows of Go compiles.
func TestREADME(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	const most = 1000
	// Comments say where figures come from (kernels/figures), and aren't shown.
	shown := regexp.MustCompile("(?s)<!--.*?-->").ReplaceAllString(string(text), "")
	if words := len(strings.Fields(shown)); words > most {
		t.Errorf("the README has %d words, at most %d are read", words, most)
	}
	all, module := packages(t)
	blocks := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(string(text), -1)
	if len(blocks) == 0 {
		t.Fatal("the README shows no Go")
	}
	for i, block := range blocks {
		// What the text around it speaks of is there.
		given := "var ctx = context.Background()\nvar galaxies *galaxy.Images\nvar _, _ = ctx, " +
			"galaxies\n"
		body := strings.ReplaceAll(block[1], "\n", "\n\t")
		used := regexp.MustCompile(`(^|[^\w.")\]])([a-z]\w*)\.[A-Z]`)
		names := map[string]bool{"context": true, "galaxy": true}
		for _, m := range used.FindAllStringSubmatch(body, -1) {
			names[m[2]] = true
		}
		paths := map[string]string{"fmt": "fmt", "context": "context", "strings": "strings",
			"must": "github.com/janpfeifer/must"}
		for folder := range all {
			top, _, _ := strings.Cut(folder, "/")
			if !slices.Contains([]string{"internal", "kernels", "notebooks"}, top) &&
				!strings.Contains(folder, "/internal") {
				paths[filepath.Base(folder)] = module + "/" + folder
			}
		}
		var imports []string
		for name := range names {
			if path := paths[name]; path != "" {
				imports = append(imports, fmt.Sprintf("import %q\n", path))
			}
		}
		slices.Sort(imports)
		compile(t, fmt.Sprintf("block %d of the README", i+1),
			"package readme\n\n"+strings.Join(imports, "")+given+"\nfunc Show() {\n\t"+body+"\n}\n")
	}
}

// compile compiles a package as if it were one of the module.
func compile(t *testing.T, what, program string) {
	t.Helper()
	dir := t.TempDir()
	source, overlay := filepath.Join(dir, "main.go"), filepath.Join(dir, "overlay.json")
	wd, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	replace, err := json.Marshal(map[string]map[string]string{
		"Replace": {filepath.Join(wd, "readme", "main.go"): source}})
	if err != nil {
		t.Fatal(err)
	}
	for path, content := range map[string][]byte{source: []byte(program), overlay: replace} {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := exec.Command("go", "build", "-overlay", overlay,
		"./readme").CombinedOutput(); err != nil {
		t.Errorf("%s doesn't compile: %v\n%s\n%s", what, err, out, program)
	}
}

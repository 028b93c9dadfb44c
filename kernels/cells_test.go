package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"galdecon/internal/home/hometest"
)

// reply is what testdata/cells.py prints of a reply of the kernel; which fields are set depends on
// the request.
type reply struct {
	Status, Said, Error string
	Matches             []string
	From, To            int              // characters, between which Matches fit
	Shown               []map[string]any // what was displayed, by its types
	Seconds             float64
}

// ask has testdata/cells.py ask a kernel of its own.
func ask(t *testing.T, requests [][]any) []reply {
	t.Helper()
	h, repo := hometest.Installed(t)
	in, err := json.Marshal(requests)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(h.Python(), "-I", filepath.Join("testdata", "cells.py"))
	cmd.Env = append(h.Env(repo), "TMPDIR="+t.TempDir(), "GOTRACEBACK=")
	cmd.Stdin = bytes.NewReader(in)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s\n%s", err, out, stderr.Bytes())
	}
	var replies []reply
	for decoder := json.NewDecoder(bytes.NewReader(out)); decoder.More(); {
		var r reply
		if err := decoder.Decode(&r); err != nil {
			t.Fatal(err)
		}
		replies = append(replies, r)
	}
	if len(replies) != len(requests) {
		t.Fatalf("%d replies to %d requests:\n%s", len(replies), len(requests), out)
	}
	return replies
}

// TestErrorsInANotebook checks that what a cell says about its failure is short, and names the cell
// and the line of each mistake.
func TestErrorsInANotebook(t *testing.T) {
	cases := []struct {
		name, source string
		want         []string // in this order
		lines        int      // at most
		error        bool     // it is the error, and not the text, which says it
	}{
		{"compile error", "var answer int = \"forty-two\"\n\n%%\nfmt.Println(answer)\nlostGalaxy()",
			[]string{
				"Cell[1]: Line 1\n\tanswer int = \"forty-two\"\n\t             ^\n",
				`cannot use "forty-two"`,
				"Cell[1]: Line 5\nlostGalaxy()\n^\n", "undefined: lostGalaxy"}, 8, true},
		{"syntax error", "%%\nfmt.Println(\"a\"\nx := 3",
			[]string{"Cell[2]: Line 2\nfmt.Println(\"a\"\n               ^\n", "missing ','"}, 4,
			true},
		{"error of galdecon",
			"import (\n\t\"galdecon/galdecon\"\n\t\"github.com/janpfeifer/must\"\n)\n\n%%\nfmt.Println(must.M1(galdecon.Load(\"/none\")))", []string{
				"galdecon: there is no model in /none; train one there first", "Cell [3] Line 7 ]]",
				`must.M1(galdecon.Load("/none"))`}, 3, false},
		{"error in a graph", `import (
	"galdecon/galdecon/backend"
	"github.com/gomlx/gomlx/core/graph"
)

func loss(x, y *graph.Node) *graph.Node {
	return graph.ReduceAllSum(graph.Mul(x, y))
}

%%
b := must.M1(backend.Default())
fmt.Println(must.M1(graph.CallOnce(b, loss, []float32{1, 2, 3}, []float32{1, 2})))`, []string{
			"got shapes (Float32)[3] and (Float32)[2]\n", "Cell [4] Line 7 ]]", "graph.Mul(x, y)",
			"Cell [4] Line 12 ]]", "CallOnce(b, loss"}, 4, false},
		{"panic in GoMLX", "%%\nvar node *graph.Node\nfmt.Println(graph.Neg(node))",
			[]string{"Node is nil", "Cell [5] Line 3 ]]"}, 3, false},
		{"panic in a library", "%%\nfmt.Println(strings.Repeat(\"a\", -1))", []string{
			"panic: strings: negative Repeat count", "in strings.Repeat (strings.go:",
			"Cell [6] Line 2 ]]"}, 4, false},
		{"bug of the cell",
			"func third(a []int) int { return a[2] }\n\n%%\nfmt.Println(third(nil))", []string{
				"panic: runtime error: index out of range [2] with length 0\n",
				"Cell [7] Line 1 ]]",
				"return a[2]", "Cell [7] Line 4 ]]", "third(nil)"}, 4, false},
		{"own main function", "func main() { panic(\"out of galaxies\") }",
			[]string{"panic: out of galaxies\n", "Cell [8] Line 1 ]]"}, 3, false},
		{"recovered", "%%\ndefer func() { fmt.Println(\"recovered:\", recover()); os.Exit(7) " +
			"}()\nmust.M(errors.New(\"no galaxy\"))", []string{
			"recovered: no galaxy\n", "exit status 7"}, 2, false},
		{"Go's own stack", "%env GOTRACEBACK=single\n%%\nmust.M(errors.New(\"no galaxy\"))",
			[]string{"panic: no galaxy", "goroutine 1 [running]", "must.go"}, 20, false},
		{"in a variable",
			"%env GOTRACEBACK=\nvar lost = " +
				"must.M1(galdecon.Load(\"/none\"))\n\n%%\nfmt.Println(lost)",
			[]string{"galdecon: there is no model in /none; train one there first",
				"Cell [11] Line 2 ]]"}, 4, false},
		{"mistake in another cell",
			"type galaxy struct{ size int }\n\n%%\n\tfmt.Println(galaxy{}, lostGalaxy)", []string{
				"Cell[13]: Line 4\n\tfmt.Println(galaxy{}, lostGalaxy)\n\t                      " +
					"^\n",
				"undefined: lostGalaxy",
				"Cell[12]: Line 3\nfunc radius(g galaxy) int { return g.radius }\n",
				"g.radius undefined"}, 8, true},
	}
	var requests [][]any
	for _, c := range cases {
		requests = append(requests, []any{"execute", c.source})
	}
	// A cell of its own before the last, without the variable that fails, and which is no case.
	other := len(requests) - 1
	requests = slices.Insert(requests, other, []any{"execute",
		"%rm lost\ntype galaxy struct{ radius int }\nfunc radius(g galaxy) int { return g.radius " +
			"}"})
	replies := ask(t, requests)
	for i, r := range slices.Delete(replies, other, other+1) {
		c := cases[i]
		t.Run(c.name, func(t *testing.T) {
			if r.Status != "error" {
				t.Errorf("the cell ends with %s", r.Status)
			}
			said := r.Said
			if c.error {
				said = r.Error
			}
			rest := said
			for _, want := range c.want {
				_, after, ok := strings.Cut(rest, want)
				if !ok {
					t.Fatalf("it lacks %q, or has it in the wrong place:\n%s", want, said)
				}
				rest = after
			}
			if n := strings.Count(strings.TrimSpace(said), "\n") + 1; n > c.lines {
				t.Errorf("%d lines, want at most %d:\n%s", n, c.lines, said)
			}
			t.Logf("\n%s", said)
		})
	}
}

// TestLastDisplays checks that what a cell displays before its end, also by a failure, is shown,
// though its program doesn't wait for it.
func TestLastDisplays(t *testing.T) {
	const source = "import \"github.com/janpfeifer/gonb/gonbui\"\n\n%%\n" +
		"for i := range 100 { gonbui.DisplayHTML(fmt.Sprint(i)) }\n"
	var requests [][]any
	for i := range 12 {
		requests = append(requests, []any{"execute",
			source + fmt.Sprintf("if %d%%2 == 1 { os.Exit(3) }", i)})
	}
	for i, r := range ask(t, append(requests, []any{"execute", "%%\nfmt.Println(1)"})) {
		var shown, want []any
		for _, data := range r.Shown {
			shown = append(shown, data["text/html"])
		}
		if i < len(requests) {
			for k := range 100 {
				want = append(want, fmt.Sprint(k))
			}
		}
		if status := []string{"ok", "error"}[i%2]; !slices.Equal(shown, want) || r.Status != status {
			t.Errorf("cell %d ends with %s, want %s, and %d displays, want %d: %v", i, r.Status,
				status, len(shown), len(want), shown)
		}
	}
}

// TestInterruptedCell checks that an interrupt also ends a cell that is still being built.
func TestInterruptedCell(t *testing.T) {
	const source = "%%\ntime.Sleep(time.Minute)\nfmt.Println(\"slept\")"
	requests := [][]any{
		{"interrupt", source, 0}, {"interrupt", source, 3}, {"execute", "%%\nfmt.Println(1)"},
	}
	for _, r := range ask(t, requests) {
		slept := strings.Contains(r.Said, "slept")
		if slept || (r.Status == "ok") != (r.Said == "1\n") {
			t.Errorf("after %.1f s the cell ends with %s, and says %s", r.Seconds, r.Status, r.Said)
		}
		t.Logf("%.1f s: %s, %s%s", r.Seconds, r.Status, r.Said, r.Error)
	}
}

// TestCompletion checks that the kernel completes names of galdecon's packages and tells what they
// are.
func TestCompletion(t *testing.T) {
	const cursor = "│"
	at := func(kind, marked string) []any {
		before, after, ok := strings.Cut(marked, cursor)
		if !ok {
			t.Fatalf("no cursor in %q", marked)
		}
		return []any{kind, before + after, utf8.RuneCountInString(before)}
	}
	requests := [][]any{
		{"execute", "import \"galdecon/galdecon\"\n\n// model is the model of a folder.\nfunc " +
			"model(folder string) (*galdecon.Model, error) { return galdecon.Load(folder) }"},
		// Where the machine is busy gopls may still read all packages.
		at("complete when ready",
			"import \"galdecon/galdecon/psf\"\n\n%%\n// σ in pixels\nkernel, err := psf.Gauss│"),
		at("complete", "%%\ngaldecon.Lo│"),
		at("complete", "%%\nm, err := model(\"here\")\nm.Sa│"),
		at("complete", "%%\nm, err := galdecon.Load(\"here\")\nm.│"),
		at("complete",
			"%%\nm, err := galdecon.Load(\"here\")\nif err == nil {\n\tfmt.Println(m.│)\n}"),
		at("inspect", "import \"galdecon/galdecon/psf\"\n\n%%\nkernel, err := "+
			"psf.Loa│d(\"psf.fits\")\n_, _ = kernel, err"),
		at("inspect", "%%\nm, err := mod│el(\"here\")\n_, _ = m, err"),
		// Nothing is known of these.
		at("inspect", "%%\nm, err := mod│"),
		at("inspect", "%%\nm, err := galdecon.Loa│\n_, _ = m, err"),
		at("inspect", "%%\nm := galdecon.│"),
		at("inspect", "%%\n│"),
		at("inspect", "│"),
	}
	replies := ask(t, requests)
	for i, want := range []string{1: "Gaussian", 2: "Load", 3: "Sample", 4: "Sample", 5: "Sample"} {
		if want == "" {
			continue
		}
		r, typed := replies[i], []rune(requests[i][1].(string))
		if !slices.Contains(r.Matches, want) || r.From < 0 || r.To > len(typed) ||
			!strings.HasPrefix(want, string(typed[r.From:r.To])) {
			t.Errorf("completions of %q: %v in the place of %d to %d (%s), want %s among them",
				string(typed), r.Matches, r.From, r.To, r.Status, want)
		}
	}
	for i, want := range []string{6: "func psf.Load(path string) ([]psf.PSF, error)",
		7: "func model(folder string) (*galdecon.Model, error)"} {
		if want != "" && !strings.Contains(replies[i].Said, want) {
			t.Errorf("contextual help: %q (%s), want %s", replies[i].Said, replies[i].Status, want)
		}
	}
	if said := replies[6].Said; !strings.Contains(said, "the PSFs of a file") ||
		strings.Contains(said, "pkg.go.dev") {
		t.Errorf("contextual help lacks the documentation, or refers to a page that doesn't "+
			"exist: %q", said)
	}
	for i := 8; i < len(replies); i++ {
		if r := replies[i]; r.Status != "ok" || r.Said != "" {
			t.Errorf("contextual help on %q: %q (%s), want none", requests[i][1], r.Said, r.Status)
		}
	}
}

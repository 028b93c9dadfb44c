package notebook_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"galdecon/internal/console"
	"galdecon/internal/home/hometest"
	"galdecon/kernels/notebook"
)

// options sets up the developer's own home, and returns options that write to a temporary directory
// and show progress on the writer returned.
func options(t *testing.T) (notebook.Options, *bytes.Buffer) {
	t.Helper()
	h, repo := hometest.Installed(t)
	var shown bytes.Buffer
	return notebook.Options{Home: h, Repo: repo, Out: t.TempDir(),
		Console: console.NewLog(&shown)}, &shown
}

// output is an output of a cell, as notebooks store it.
type output struct {
	Type   string `json:"output_type"`
	Name   string
	Text   []string
	Data   map[string]json.RawMessage
	Evalue string
}

// outputs reads the outputs of a notebook's code cells.
func outputs(t *testing.T, path string) [][]output {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var nb struct {
		Cells []struct {
			Type    string `json:"cell_type"`
			Outputs []output
		}
	}
	if err := json.Unmarshal(data, &nb); err != nil {
		t.Fatal(err)
	}
	var all [][]output
	for _, c := range nb.Cells {
		if c.Type == "code" {
			all = append(all, c.Outputs)
		}
	}
	return all
}

// TestRun executes a notebook through real Jupyter and looks at what it leaves.
func TestRun(t *testing.T) {
	o, shown := options(t)
	res, err := notebook.Run(t.Context(), "testdata/good.ipynb", o)
	if err != nil {
		t.Fatal(err)
	}
	if res.Failed != nil {
		t.Fatal(res.Failed)
	}
	cells := outputs(t, res.Notebook)
	if len(cells) != 4 {
		t.Fatalf("%d code cells, want 4", len(cells))
	}
	for i, c := range cells {
		if len(c) != 1 {
			t.Fatalf("cell %d has %d outputs, want 1: %v", i+1, len(c), c)
		}
	}
	if got := strings.Join(cells[0][0].Text, ""); cells[0][0].Name != "stdout" || got != "hello\n" {
		t.Errorf("cell 1 printed %q to %s", got, cells[0][0].Name)
	}

	var encoded string
	if err := json.Unmarshal(cells[1][0].Data["image/png"], &encoded); err != nil {
		t.Fatalf("cell 2 shows no PNG: %v", err)
	}
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(encoded))
	if err != nil {
		t.Fatal(err)
	}
	if img, err := png.Decode(bytes.NewReader(raw)); err != nil || img.Bounds().Dx() < 200 {
		t.Errorf("cell 2's figure: %v, %v", img, err)
	}

	if got := string(cells[2][0].Data["text/html"]); !strings.Contains(got, "step 20 of 20") ||
		strings.Contains(got, "step 19") {
		t.Errorf("cell 3 stores %s, want the last state of its display alone", got)
	}
	if got := strings.Join(cells[3][0].Text, ""); got != "40 + 2 = 42 headless: 1\n" {
		t.Errorf("cell 4 printed %q", got)
	}

	page, err := os.ReadFile(res.HTML)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(page, []byte("data:image/png;base64,")) {
		t.Error("the figure is not in the page")
	}
	for _, load := range []string{"<script src=", "<link href=\"http", "import(", "@import"} {
		if bytes.Contains(page, []byte(load)) {
			t.Errorf("the page loads something by %s", load)
		}
	}
	for _, want := range []string{"[1/4] A notebook for the tests", "[2/4] A figure",
		"[4/4] The backend"} {
		if !strings.Contains(shown.String(), want) {
			t.Errorf("the progress lacks %q:\n%s", want, shown)
		}
	}

	// A second execution stores the same bytes: nothing in a notebook tells when it ran.
	first, err := os.ReadFile(res.Notebook)
	if err != nil {
		t.Fatal(err)
	}
	o.Out = t.TempDir()
	res, err = notebook.Run(t.Context(), res.Notebook, o)
	if err != nil {
		t.Fatal(err)
	}
	second, err := os.ReadFile(res.Notebook)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first, second) {
		t.Error("executing the executed notebook again changes it")
	}
}

// TestRunWithoutGoOnThePath checks that the kernel finds go where Jupyter was started without it on
// the PATH, as by a desktop, and that cells are built where GOFLAGS has what go refuses in a
// workspace.
func TestRunWithoutGoOnThePath(t *testing.T) {
	o, _ := options(t)
	var without []string
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		if _, err := os.Stat(filepath.Join(dir, "go")); err != nil {
			without = append(without, dir)
		}
	}
	t.Setenv("PATH", strings.Join(without, string(os.PathListSeparator)))
	t.Setenv("GOFLAGS", "-mod=mod -tags=a,b")
	res, err := notebook.Run(t.Context(), "testdata/panics.ipynb", o)
	if err != nil {
		t.Fatal(err)
	}
	if res.Failed == nil || !strings.Contains(res.Failed.Message, "panic: out of galaxies") {
		t.Errorf("the cell isn't built and run: %v", res.Failed)
	}
}

// TestCellFails checks that a failing cell is named with what the compiler or the program said, and
// that the rest is still written.
func TestCellFails(t *testing.T) {
	for _, c := range []struct {
		notebook, source string
		number, cells    int
		message          []string
	}{
		{"compile_error.ipynb",
			`var answer int = "forty-two"`, 2, 3, []string{"cannot use", `"forty-two"`}},
		{"panics.ipynb", "// This cell fails while it runs.", 1, 1,
			[]string{"panic: out of galaxies", "exit status 2"}},
	} {
		t.Run(c.notebook, func(t *testing.T) {
			o, _ := options(t)
			res, err := notebook.Run(t.Context(), filepath.Join("testdata", c.notebook), o)
			if err != nil {
				t.Fatal(err)
			}
			if res.Failed == nil {
				t.Fatal("no cell failed")
			}
			if res.Failed.Number != c.number || res.Failed.Source != c.source {
				t.Errorf("cell %d (%s) failed, want cell %d (%s)", res.Failed.Number,
					res.Failed.Source, c.number, c.source)
			}
			for _, want := range c.message {
				if !strings.Contains(res.Failed.Message, want) {
					t.Errorf("the message lacks %q:\n%s", want, res.Failed.Message)
				}
			}
			cells := outputs(t, res.Notebook)
			if len(cells) != c.cells {
				t.Fatalf("the notebook written has %d code cells, want %d", len(cells), c.cells)
			}
			if first := cells[0][0]; strings.Join(first.Text, "") != "before\n" {
				t.Errorf("what the first cell printed is lost: %v", cells[0])
			}
			if n := len(cells[c.number-1]); n == 0 || cells[c.number-1][n-1].Type != "error" {
				t.Errorf("the failed cell stores no error: %v", cells[c.number-1])
			}
			if _, err := os.Stat(res.HTML); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestInterrupt checks that a run that is given up lets the cell write its checkpoint, starts no
// other cell and writes nothing.
func TestInterrupt(t *testing.T) {
	file := filepath.Join(t.TempDir(), "checkpoint")
	t.Setenv("GALDECON_TEST_FILE", file)
	o, _ := options(t)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		for {
			if _, err := os.Stat(file); err == nil {
				break
			}
			time.Sleep(50 * time.Millisecond)
		}
		cancel()
	}()
	res, err := notebook.Run(ctx, "testdata/checkpoints.ipynb", o)
	if err == nil || !strings.Contains(err.Error(), "interrupted") {
		t.Errorf("Run = %v, %v; want an interruption", res, err)
	}
	if got, err := os.ReadFile(file); err != nil || string(got) != "saved" {
		t.Errorf("the checkpoint is %q, %v", got, err)
	}
	if left, _ := os.ReadDir(o.Out); len(left) > 0 {
		t.Errorf("written: %v", left)
	}
}

// TestBadNotebooks checks the error for each kind of file that is no notebook for this kernel.
func TestBadNotebooks(t *testing.T) {
	dir := t.TempDir()
	for name, c := range map[string]struct{ content, want string }{
		"cut.ipynb":    {`{"cells": [{"cell_ty`, "stops being JSON"},
		"empty.ipynb":  {``, "stops being JSON"},
		"list.ipynb":   {`[1, 2]`, "is no notebook"},
		"other.ipynb":  {`{"name": "galaxy"}`, "no cells or no nbformat"},
		"old.ipynb":    {`{"nbformat": 3, "worksheets": []}`, "format 3"},
		"python.ipynb": {`{"nbformat": 4, "cells": [], "metadata": {"kernelspec": {"name": "python3", "language": "python"}}}`, "in python"},
		"julia.ipynb":  {`{"nbformat": 4, "cells": [], "metadata": {"language_info": {"name": "julia"}}}`, "in julia"},
	} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(c.content), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := notebook.Check(path); err == nil || !strings.Contains(err.Error(), c.want) ||
			!strings.Contains(err.Error(), path) {
			t.Errorf("%s: error %v, want one with the path and %q", name, err, c.want)
		}
	}
	if err := notebook.Check(filepath.Join(dir, "none.ipynb")); err == nil ||
		!strings.Contains(err.Error(), "no such notebook") {
		t.Errorf("a missing notebook: %v", err)
	}

	// What only nbformat sees.
	odd := filepath.Join(dir, "odd.ipynb")
	if err := os.WriteFile(odd,
		[]byte(`{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [{"cell_type": "galaxy"}]}`), 0o644); err != nil {
		t.Fatal(err)
	}
	o, _ := options(t)
	if _, err := notebook.Run(t.Context(), odd, o); err == nil ||
		!strings.Contains(err.Error(), odd) {
		t.Errorf("an unknown kind of cell: %v", err)
	}
}

// TestExport makes a page of an executed notebook, and checks that it is the one that its execution
// made.
func TestExport(t *testing.T) {
	o, _ := options(t)
	res, err := notebook.Run(t.Context(), "testdata/good.ipynb", o)
	if err != nil {
		t.Fatal(err)
	}
	if res.Cells != 4 || res.Total != 4 {
		t.Errorf("%d of %d cells were run, want 4 of 4", res.Cells, res.Total)
	}
	want, err := os.ReadFile(res.HTML)
	if err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(res.Notebook)
	if err != nil {
		t.Fatal(err)
	}
	o.Out = filepath.Join(t.TempDir(), "new")
	page, err := notebook.Export(t.Context(), res.Notebook, o)
	if err != nil {
		t.Fatal(err)
	}
	if page != filepath.Join(o.Out, "good.html") {
		t.Errorf("the page is %s", page)
	}
	if got, err := os.ReadFile(page); err != nil || !bytes.Equal(got, want) {
		t.Errorf("the page (%d bytes, %v) differs from the one that the execution made (%d bytes)",
			len(got), err, len(want))
	}
	if after, err := os.ReadFile(res.Notebook); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the notebook was changed: %v", err)
	}
	if left, _ := os.ReadDir(o.Out); len(left) != 1 {
		t.Errorf("beside the page there is %v", left)
	}

	odd := filepath.Join(t.TempDir(), "odd.ipynb")
	if err := os.WriteFile(odd,
		[]byte(`{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [{"cell_type": "galaxy", "execution_count": 1}]}`), 0o644); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"testdata/good.ipynb": "has not been executed",
		odd:                   "no page",
		"none.ipynb":          "no such notebook",
	} {
		if _, err := notebook.Export(t.Context(), path, o); err == nil ||
			!strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v; want an error with %q", path, err, want)
		}
	}
}

// TestNumbered checks which notebooks of a directory are executed as all, and in which order.
func TestNumbered(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "[odd]")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if got, err := notebook.Numbered(dir); err == nil || !strings.Contains(err.Error(), dir) {
		t.Errorf("an empty directory: %v, %v; want an error with its name", got, err)
	}
	for _, name := range []string{"02_b.ipynb", "10_c.ipynb", "01_a.ipynb", "Untitled.ipynb",
		"01_a.html", "3_x.ipynb"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := notebook.Numbered(dir)
	want := []string{filepath.Join(dir, "01_a.ipynb"), filepath.Join(dir, "02_b.ipynb"),
		filepath.Join(dir, "10_c.ipynb")}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%v, %v; want %v", got, err, want)
	}
}

package notebooks_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

const (
	// widest is how many columns a line of output may have: what is wider wraps in a page or is cut.
	widest = 100
	// heaviest is how many bytes all notebooks may have together.
	heaviest = 8 << 20
)

// No output of a committed notebook is wider than a page, and together they are light.
func TestOutputs(t *testing.T) {
	names, err := filepath.Glob("[0-9]*.ipynb")
	if err != nil || len(names) == 0 {
		t.Fatalf("there are no notebooks: %v", err)
	}
	bytes := 0
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		bytes += len(data)
		if wide := wideLines(t, data); len(wide) > 0 {
			t.Errorf("%s has %d lines of output above %d columns, such as %q", name, len(wide),
				widest, wide[0])
		}
	}
	if bytes > heaviest {
		t.Errorf("the notebooks have %.1f MB, at most %.0f are allowed", float64(bytes)/(1<<20),
			float64(heaviest)/(1<<20))
	}
}

// wideLines returns the lines of plain text in a notebook's outputs that are too wide.
func wideLines(t *testing.T, notebook []byte) (wide []string) {
	t.Helper()
	var d document
	if err := json.Unmarshal(notebook, &d); err != nil {
		t.Fatal(err)
	}
	for _, cell := range d.Cells {
		for _, output := range cell.Outputs {
			text := strings.Join(output.Text, "")
			if data, ok := output.Data["text/plain"]; ok {
				text += plain(t, data)
			}
			for line := range strings.Lines(text) {
				line = strings.TrimRight(line, "\n")
				if utf8.RuneCountInString(line) > widest {
					wide = append(wide, line)
				}
			}
		}
	}
	return wide
}

// A line of 101 columns is found, one of 100 isn't, and letters count, not bytes.
func TestWideLines(t *testing.T) {
	notebook := func(line string) []byte {
		return []byte(`{"cells": [{"outputs": [{"output_type": "stream", "text": ["short\n", "` +
			line + `\n"]}, {"data": {"text/plain": ["` + line + `"]}}]}]}`)
	}
	for line, want := range map[string]int{strings.Repeat("σ", 100): 0,
		strings.Repeat("σ", 101): 2} {
		if got := wideLines(t, notebook(line)); len(got) != want {
			t.Errorf("of %d columns %d lines are too wide, want %d", utf8.RuneCountInString(line),
				len(got), want)
		}
	}
}

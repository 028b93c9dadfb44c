package notebook_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"galdecon/kernels/notebook"
)

// TestPDF prints a page of several sheets, with what its script writes.
func TestPDF(t *testing.T) {
	dir := t.TempDir()
	page := filepath.Join(dir, "my page #1.html")
	var rows strings.Builder
	for i := range 200 {
		fmt.Fprintf(&rows, "<p>row %d</p>\n", i)
	}
	text := "<!DOCTYPE html><title>before</title><body>" + rows.String() +
		"<script>setTimeout(() => { document.title = 'galaxies of a test'; }, 500)</script>"
	if err := os.WriteFile(page, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	pdf, err := notebook.PDF(t.Context(), page)
	if errors.Is(err, notebook.ErrNoBrowser) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	if want := filepath.Join(dir, "my page #1.pdf"); pdf != want {
		t.Errorf("the PDF is %s, want %s", pdf, want)
	}
	data, err := os.ReadFile(pdf)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.HasPrefix(data, []byte("%PDF-")) || !bytes.Contains(data, []byte("galaxies of a test")) {
		t.Errorf("%d bytes are no PDF with the title that the page's script sets", len(data))
	}
	if sheets := regexp.MustCompile(`/Type\s*/Page\b[^s]`).FindAll(data, -1); len(sheets) < 3 {
		t.Errorf("200 paragraphs are on %d sheets", len(sheets))
	}
	if left, _ := os.ReadDir(dir); len(left) != 2 {
		t.Errorf("beside the page there is %v", left)
	}
}

// TestPDFOfNothing checks the errors without a page and without a browser.
func TestPDFOfNothing(t *testing.T) {
	none := filepath.Join(t.TempDir(), "none.html")
	if _, err := notebook.PDF(t.Context(), none); !errors.Is(err, os.ErrNotExist) ||
		!strings.Contains(err.Error(), none) {
		t.Errorf("a page that isn't there: %v", err)
	}
	if err := os.WriteFile(none, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", t.TempDir())
	if _, err := notebook.PDF(t.Context(), none); !errors.Is(err, notebook.ErrNoBrowser) {
		t.Errorf("without a browser: %v", err)
	}
}

package main

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"

	"galdecon/internal/browsertest"
	"galdecon/internal/console"
	"galdecon/internal/home/hometest"
	"galdecon/kernels/notebook"
)

// shadow is what a viewer has put into its block, undefined where its script hasn't run.
const shadow = `document.querySelector(".galdecon-viewer")?.shadowRoot`

// looked uses the viewer of a page by keys.
func looked(p browsertest.Page) {
	p.Helper()
	p.Until(shadow + ` && [...document.images].every((i) => i.complete)`)
	p.Evaluate(shadow + `.querySelector(".panels").focus()`)
	p.Press("]")
	p.Press(kb.ArrowRight)
	p.Press(kb.ArrowDown)
	p.Until(shadow + `.querySelector(".chosen").textContent === "candidate 2 of 3"`)
	p.Until(shadow + `.querySelector(".place").textContent.startsWith(
		"column 9, row 9 · 10h00m23.9976s +02°12′00.036″")`)
}

// TestViewer looks at a viewer and an animation in JupyterLab, in the notebook that is saved, and
// in its exported page.
func TestViewer(t *testing.T) {
	path, address := browsertest.Lab(t, "viewer.ipynb", "http://%s/")
	p := browsertest.Open(t, address)
	p.RunAll()
	p.Until(`[...document.querySelectorAll(".jp-OutputArea-output")].some(
		(output) => output.textContent.trim() === "shown")`)
	p.Until(`window.jupyterapp.shell.currentWidget.content.widgets[0].model.executionCount`)
	looked(p)
	// These are shortcuts of JupyterLab, too: of the kernel's restart, of a new cell.
	for _, key := range []string{"0", "0", "a", "-", kb.ArrowDown} {
		p.Press(key)
	}
	p.Screenshot("viewer_in_lab.png")
	if n := p.Number(`document.querySelectorAll(".jp-Dialog").length +
		10 * document.querySelectorAll(".jp-Cell").length +
		100 * window.jupyterapp.shell.currentWidget.content.activeCellIndex`); n != 20 && n != 120 {
		t.Errorf("JupyterLab has taken the keys for itself: %g dialogs, cells and active one", n)
	}
	before := p.Number(`window.jupyterapp.shell.currentWidget.content.activeCellIndex`)
	p.Press(kb.ArrowDown)
	if now := p.Number(`window.jupyterapp.shell.currentWidget.content.activeCellIndex`); now != before {
		t.Errorf("an arrow key leads from cell %g to cell %g", before, now)
	}
	p.Save()

	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var nb struct {
		Cells []struct {
			Outputs []struct {
				Data map[string]json.RawMessage
			}
		}
	}
	if err := json.Unmarshal(text, &nb); err != nil {
		t.Fatal(err)
	}
	viewers, moving := 0, 0
	for _, output := range nb.Cells[0].Outputs {
		html, png := string(output.Data["text/html"]), output.Data["image/png"]
		switch {
		case strings.Contains(html, "galdecon-viewer") && len(png) > 0:
			viewers++
		case html == "" && len(png) > 0:
			moving++
		}
	}
	if viewers != 1 || moving != 1 {
		t.Errorf("saved are %d viewers and %d animations", viewers, moving)
	}

	h, repo := hometest.Installed(t)
	page, err := notebook.Export(t.Context(), path, notebook.Options{Home: h, Repo: repo,
		Out: t.TempDir(), Console: console.NewLog(t.Output())})
	if err != nil {
		t.Fatal(err)
	}
	exported := browsertest.Open(t, "file://"+page)
	looked(exported)
	exported.Screenshot("viewer_exported.png")
	html, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(html, []byte("galdecon-viewer")) {
		t.Error("the page has no viewer")
	}
}

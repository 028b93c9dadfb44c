package controls_test

import (
	"testing"
	"time"

	"github.com/chromedp/chromedp/kb"

	"galdecon/internal/browsertest"
)

// slow has the page get each message of the kernel 1.5 s late.
const slow = `
	globalThis.WebSocket = class extends WebSocket {
		set onmessage(handler) {
			super.onmessage = (event) => setTimeout(() => handler?.call(this, event), 1500);
		}
	};`

// TestTab presses Tab after a dot in a cell, where the kernel's reply takes more than JupyterLab's
// own second.
func TestTab(t *testing.T) {
	_, address := browsertest.Lab(t, panel, "http://%s/")
	p := open(t, address, slow)
	p.finish("drawn false <nil>")
	p.Evaluate(`(() => {
		const notebook = window.jupyterapp.shell.currentWidget.content;
		notebook.activeCellIndex = 0;
		notebook.activeCell.model.sharedModel.setSource(
			"%%\nimage := galaxy.NewImages(1, 8, 8, 1)\nimage.");
		notebook.mode = "edit";
		notebook.activeCell.editor.setCursorPosition({line: 2, column: 6});
		notebook.activeCell.editor.focus();
	})()`)
	const names = `Number([...document.querySelectorAll(".jp-Completer-item")]
		.some((item) => item.textContent.includes("Pixels")))`
	// At first the page may not be ready, and the kernel's gopls reads all packages.
	p.Press(kb.Tab)
	again := time.NewTicker(8 * time.Second)
	defer again.Stop()
	end := time.After(5 * time.Minute)
	for ; p.Number(names) == 0; time.Sleep(50 * time.Millisecond) {
		select {
		case <-again.C:
			p.Press(kb.Tab)
		case <-end:
			t.Fatal("Tab shows no names")
		default:
		}
	}
}

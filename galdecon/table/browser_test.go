package table_test

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"

	"galdecon/galdecon/table"
	"galdecon/internal/browsertest"
)

// open shows tables in Chromium, and returns the page, and what evaluates an expression in it.
func open(t *testing.T, tables ...table.Table) (p browsertest.Page, text func(string) string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "page.html")
	page := "<!DOCTYPE html><meta charset=utf-8><title>tables</title>" + table.HTML(tables...)
	if err := os.WriteFile(file, []byte(page), 0o600); err != nil {
		t.Fatal(err)
	}
	address := url.URL{Scheme: "file", Path: file}
	p = browsertest.Open(t, address.String())
	return p, func(expression string) string {
		t.Helper()
		return browsertest.Value[string](p, "String("+expression+")")
	}
}

// A click on a head sorts the rows of each section, largest first, then smallest first, then as
// they were; what isn't there comes last. Keys do the same.
func TestSorting(t *testing.T) {
	of := table.Table{Columns: []table.Column{{Name: "name"}, {Name: "value"}}}
	row := func(section, name string, c table.Cell) {
		of.Rows = append(of.Rows, table.Row{Section: section,
			Cells: []table.Cell{table.Text(name), c}})
	}
	row("one", "b9", table.Number(9))
	row("one", "b10", table.Cell{})
	row("one", "a", table.Number(1e-7))
	row("one", "c", table.Number(-200))
	row("one", "d", table.Number(1000))
	row("two", "e", table.Number(1))
	row("two", "f", table.Number(2))
	of.Rows = append(of.Rows, table.Row{Summary: true,
		Cells: []table.Cell{table.Text("mean"), table.Number(400)}})
	p, text := open(t, of)
	const names = `Array.from(document.querySelectorAll("th[scope=row]"),
		(cell) => cell.textContent).join()`
	head := func(k string) string { return `document.querySelector("th[data-column='` + k + `']")` }
	check := func(after, want, order string) {
		t.Helper()
		if got := text(names); got != want {
			t.Errorf("%s the rows are %s, want %s", after, got, want)
		}
		if got := text(head("1") + `.getAttribute("aria-sort")`); got != order {
			t.Errorf("%s the head says %q, want %q", after, got, order)
		}
	}
	check("at first", "b9,b10,a,c,d,e,f,mean", "none")
	text(head("1") + ".click()")
	check("after a click", "d,b9,a,c,b10,f,e,mean", "descending")
	text(head("1") + ".focus()")
	p.Press(kb.Enter)
	check("after Enter", "c,a,b9,d,b10,e,f,mean", "ascending")
	p.Press(" ")
	check("after a blank", "b9,b10,a,c,d,e,f,mean", "none")
	text(head("0") + ".click()")
	text(head("0") + ".click()")
	check("by name", "a,b9,b10,c,d,e,f,mean", "none")
}

// The head of a long table stays in sight, and numbers stand beneath each other by their points.
func TestLooks(t *testing.T) {
	of := table.Table{Columns: []table.Column{{Name: "name"}, {Name: "value"}}}
	for i := range 100 {
		of.Add(table.Text(strings.Repeat("x", i%7+1)), table.Number(float64(i*i)/7))
	}
	_, text := open(t, of)
	const top = `(() => {
		const sheet = document.querySelector(".scrolling");
		sheet.scrollTop = 500;
		const head = document.querySelector("thead th").getBoundingClientRect();
		const from = sheet.getBoundingClientRect().top;
		return Math.round(head.top - from) + " " + (sheet.scrollTop > 400);
	})()`
	if got := text(top); got != "0 true" {
		t.Errorf("scrolled, the head is %s pixels from the top", got)
	}
	const points = `(() => {
		const places = new Set();
		for (const cell of document.querySelectorAll("tbody td")) {
			const at = cell.textContent.indexOf(".");
			if (at < 0) continue;
			const range = document.createRange();
			range.setStart(cell.firstChild, at);
			range.setEnd(cell.firstChild, at + 1);
			places.add(Math.round(range.getBoundingClientRect().left));
		}
		return Math.max(...places) - Math.min(...places);
	})()`
	if got := text(points); got != "0" && got != "1" {
		t.Errorf("the points of numbers are up to %s pixels apart", got)
	}
}

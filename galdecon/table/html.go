package table

import (
	_ "embed"
	"fmt"
	"html"
	"regexp"
	"strings"
)

var (
	//go:embed table.css
	css string
	//go:embed table.js
	script string
)

// scrolling is from how many rows on a table scrolls beneath its head, which stays in sight.
const scrolling = 24

var bounds = regexp.MustCompile(`\[.*\]`)

// HTML returns tables as a piece of a page. Where styles and scripts are stripped they are plain
// tables with their numbers aligned; with them, a click on the head of a column, or Enter or Space
// while it has the focus, sorts the rows of each section, and a further one turns them round.
// Nothing is loaded from anywhere, and all texts are escaped.
func HTML(tables ...Table) string {
	var page strings.Builder
	page.WriteString("<div class=\"galdecon-table\">\n<style>\n" + css + "</style>\n")
	for _, t := range tables {
		t.writeHTML(&page)
	}
	page.WriteString("<script>\n" + script + "</script>\n</div>\n")
	return page.String()
}

func (t Table) writeHTML(page *strings.Builder) {
	class := "sheet"
	if len(t.Rows) >= scrolling {
		class = "sheet scrolling"
	}
	fmt.Fprintf(page, "<div class=\"%s\">\n<table cellpadding=\"4\">\n", class)
	if t.Title != "" {
		fmt.Fprintf(page, "<caption align=\"left\">%s</caption>\n", escaped(t.Title))
	}
	t.headHTML(page)
	t.bodyHTML(page)
	page.WriteString("</table>\n</div>\n")
	for _, note := range t.Notes {
		fmt.Fprintf(page, "<p><small>%s</small></p>\n", escaped(note))
	}
}

// headHTML writes the heads of columns, in two rows if there are groups: a column without one
// reaches over both.
func (t Table) headHTML(page *strings.Builder) {
	page.WriteString("<thead>\n<tr>")
	column := func(i int, rows string) {
		c := t.Columns[i]
		unit := ""
		if c.Unit != "" {
			unit = "<br><small>" + escaped(c.Unit) + "</small>"
		}
		fmt.Fprintf(page, "<th scope=\"col\"%s data-column=\"%d\" align=\"%s\" valign=\"bottom\">"+
			"%s%s</th>", rows, i, t.side(i), escaped(c.Name), unit)
	}
	if !t.hasGroups() {
		for i := range t.Columns {
			column(i, "")
		}
		page.WriteString("</tr>\n</thead>\n")
		return
	}
	for _, run := range t.groups(0) {
		if run.group == "" {
			column(run.first, ` rowspan="2"`)
			continue
		}
		fmt.Fprintf(page, "<th scope=\"colgroup\" colspan=\"%d\" align=\"center\">%s</th>",
			run.end-run.first, escaped(run.group))
	}
	page.WriteString("</tr>\n<tr>")
	for i, c := range t.Columns {
		if c.Group != "" {
			column(i, "")
		}
	}
	page.WriteString("</tr>\n</thead>\n")
}

// bodyHTML writes the rows: a body for each section, with its name in a row of its own, and for
// each run of summaries.
func (t Table) bodyHTML(page *strings.Builder) {
	texts := make([][]string, len(t.Columns))
	for i := range t.Columns {
		texts[i] = t.written(i)
	}
	for _, s := range t.sections() {
		class := "rows"
		if s.summary {
			class = "summary"
		}
		fmt.Fprintf(page, "<tbody class=\"%s\">\n", class)
		if s.heading != "" {
			fmt.Fprintf(page, "<tr class=\"section\"><th scope=\"rowgroup\" colspan=\"%d\" "+
				"align=\"left\">%s</th></tr>\n", len(t.Columns), escaped(s.heading))
		}
		for _, row := range s.rows {
			page.WriteString("<tr>")
			for k := range t.Columns {
				t.cellHTML(page, row, k, texts[k][row])
			}
			page.WriteString("</tr>\n")
		}
		page.WriteString("</tbody>\n")
	}
}

// cellHTML writes a cell, the name of a row as a head.
func (t Table) cellHTML(page *strings.Builder, row, column int, text string) {
	c := t.cell(row, column)
	tag, attributes := "td", ""
	if column < t.keys() {
		tag, attributes = "th", ` scope="row"`
	}
	attributes += fmt.Sprintf(` align="%s"`, t.side(column))
	if c.kind != nothing {
		attributes += fmt.Sprintf(` data-sort="%s"`, escaped(c.key()))
	}
	var classes []string
	if c.kind == words && runes(text) > wordWidth {
		classes = append(classes, "long")
	}
	if c.mark != Plain {
		classes = append(classes, c.mark.String())
		attributes += fmt.Sprintf(` title="%s"`, c.mark)
	}
	if len(classes) > 0 {
		attributes += fmt.Sprintf(` class="%s"`, strings.Join(classes, " "))
	}
	text = escaped(text)
	if c.isNumber() {
		// No line breaks within a number, where styles are stripped too; bounds are smaller.
		text = bounds.ReplaceAllString(strings.ReplaceAll(text, " ", "\u00a0"), "<small>$0</small>")
	}
	fmt.Fprintf(page, "<%s%s>%s</%s>", tag, attributes, text, tag)
}

// side names the alignment of a column.
func (t Table) side(column int) string {
	return map[Align]string{Left: "left", Center: "center", Right: "right"}[t.align(column)]
}

// escaped writes a text for a page, in which line breaks are those of the text.
func escaped(s string) string {
	return strings.ReplaceAll(html.EscapeString(s), "\n", "<br>")
}

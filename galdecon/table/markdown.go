package table

import (
	"fmt"
	"strings"
)

// Markdown returns tables in the Markdown of GitHub. It has one row of heads: a column is called by
// its group, name and unit.
func Markdown(tables ...Table) string {
	texts := make([]string, len(tables))
	for i, t := range tables {
		texts[i] = t.markdown()
	}
	return strings.Join(texts, "\n")
}

func (t Table) markdown() string {
	var text strings.Builder
	if t.Title != "" {
		fmt.Fprintf(&text, "**%s**\n\n", marked(t.Title))
	}
	text.WriteString("|")
	for _, c := range t.Columns {
		head := marked(c.Name)
		if c.Group != "" {
			head = marked(c.Group) + ": " + head
		}
		if c.Unit != "" {
			head += ", " + marked(c.Unit)
		}
		text.WriteString(" " + head + " |")
	}
	text.WriteString("\n|")
	for i := range t.Columns {
		text.WriteString(rules[t.align(i)])
	}
	text.WriteString("\n")
	texts := make([][]string, len(t.Columns))
	for i := range t.Columns {
		texts[i] = t.written(i)
	}
	for _, s := range t.sections() {
		if s.heading != "" {
			text.WriteString("| *" + marked(s.heading) + "* |" +
				strings.Repeat(" |", len(t.Columns)-1) + "\n")
		}
		for _, row := range s.rows {
			text.WriteString("|")
			for i := range t.Columns {
				text.WriteString(" " + marked(strings.TrimLeft(texts[i][row], figureSpace)) + " |")
			}
			text.WriteString("\n")
		}
	}
	for _, note := range t.Notes {
		text.WriteString("\n" + marked(note) + "\n")
	}
	return text.String()
}

// marked writes a text so that Markdown takes none of it for its own.
func marked(s string) string {
	return markup.Replace(s)
}

// rules are what stands beneath heads.
var rules = map[Align]string{Left: " :-- |", Center: " :-: |", Right: " --: |"}

var markup = strings.NewReplacer(`\`, `\\`, "|", `\|`, "*", `\*`, "_", `\_`, "`", "\\`",
	"<", "&lt;", "&", "&amp;", "[", `\[`, "~", `\~`, "\n", " ")

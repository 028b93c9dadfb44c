package table

import (
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	// Width is that of the widest line of a table as text.
	Width = 100
	// gap is what stands between columns.
	gap = 2
	// wordWidth is that of the columns that name a row, all together, at most. Other columns of
	// words are broken into lines of no less than half of it, unless there is no other way.
	wordWidth = 40
)

// String returns the table as text, at most 100 columns wide. Columns that don't fit stand in
// further parts beneath, groups of them together if that is possible, each part with the columns
// that name a row.
func (t Table) String() string {
	var text strings.Builder
	for _, line := range wrap(t.Title, Width) {
		text.WriteString(line + "\n")
	}
	if len(t.Columns) > 0 {
		for i, part := range t.parts() {
			if i > 0 {
				text.WriteByte('\n')
			}
			t.write(&text, part)
		}
	}
	for _, note := range t.Notes {
		for _, line := range wrap(note, Width) {
			text.WriteString(line + "\n")
		}
	}
	return text.String()
}

// String returns tables as text, one beneath the other.
func String(tables ...Table) string {
	texts := make([]string, len(tables))
	for i, t := range tables {
		texts[i] = t.String()
	}
	return strings.Join(texts, "\n")
}

// set is a column as it is typeset: lines for its head and for each of its cells.
type set struct {
	index int
	width int
	align Align
	head  []string
	cells [][]string
}

// typeset breaks the words of a column, and numbers if there is no other way, so that it is no
// wider than most.
func (t Table) typeset(column, most int) set {
	s := set{index: column, align: t.align(column)}
	for i, text := range t.written(column) {
		lines := []string{strings.NewReplacer(figureSpace, " ", pointSpace, " ").Replace(text)}
		if !t.cell(i, column).isNumber() || runes(text) > most {
			lines = wrap(text, most)
		}
		s.cells = append(s.cells, lines)
		s.width = max(s.width, widest(lines))
	}
	c := t.Columns[column]
	for _, name := range []string{c.Name, c.Unit} {
		for word := range strings.FieldsSeq(name) {
			s.width = max(s.width, min(runes(word), most))
		}
	}
	s.head = wrap(c.Name, s.width)
	if c.Unit != "" {
		s.head = append(s.head, wrap(c.Unit, s.width)...)
	}
	s.width = max(s.width, widest(s.head))
	return s
}

// columns typesets all columns: those that name a row, and the others in the room that these leave.
// If all fit into one part where long words are broken, they share what is left.
func (t Table) columns() (all []set, room int) {
	room = Width
	for i := range t.keys() {
		all = append(all, t.typeset(i, wordWidth/t.keys()))
		room -= all[i].width + gap
	}
	left := room + gap
	var long []int
	for i := t.keys(); i < len(t.Columns); i++ {
		all = append(all, t.typeset(i, room))
		if all[i].align == Left && all[i].width > wordWidth/2 {
			long, left = append(long, i), left-gap
		} else {
			left -= all[i].width + gap
		}
	}
	slices.SortStableFunc(long, func(a, b int) int { return all[a].width - all[b].width })
	for k, i := range long {
		share := left / (len(long) - k)
		if share < min(all[i].width, wordWidth/2) {
			break
		}
		if all[i].width > share {
			all[i] = t.typeset(i, share)
		}
		left -= all[i].width
	}
	return all, room
}

// parts returns the columns of each part of the table.
func (t Table) parts() (parts [][]set) {
	all, room := t.columns()
	keys := slices.Clip(all[:t.keys()])
	part, left := keys, room
	flush := func() {
		if len(part) > len(keys) {
			parts = append(parts, part)
		}
		part, left = keys, room
	}
	for _, run := range t.groups(t.keys()) {
		width := -gap
		for _, c := range all[run.first:run.end] {
			width += c.width + gap
		}
		if width = max(width, min(runes(run.group), room)); width > left && width <= room {
			flush()
		}
		for _, c := range all[run.first:run.end] {
			if c.width > left {
				flush()
			}
			part, left = append(part, c), left-c.width-gap
		}
	}
	flush()
	if len(parts) == 0 { // nothing but keys
		parts = [][]set{keys}
	}
	return parts
}

// write writes a part of the table.
func (t Table) write(text *strings.Builder, part []set) {
	t.writeGroups(text, part)
	head := 0
	for _, c := range part {
		head = max(head, len(c.head))
	}
	for line := range head {
		writeLine(text, part, func(c set) string {
			// Heads stand on the rule beneath them.
			if k := line - (head - len(c.head)); k >= 0 {
				return c.head[k]
			}
			return ""
		})
	}
	total := -gap
	for _, c := range part {
		total += c.width + gap
	}
	rule := strings.Repeat("─", total) + "\n"
	text.WriteString(rule)
	for i, s := range t.sections() {
		rows := slices.DeleteFunc(s.rows, func(row int) bool { return t.blank(row, part) })
		if len(rows) == 0 {
			continue
		}
		if i > 0 && s.summary {
			text.WriteString(rule)
		}
		for _, line := range wrap(s.heading, Width) {
			text.WriteString(line + "\n")
		}
		for _, row := range rows {
			lines := 1
			for _, c := range part {
				lines = max(lines, len(c.cells[row]))
			}
			for line := range lines {
				writeLine(text, part, func(c set) string {
					if line < len(c.cells[row]) {
						return c.cells[row][line]
					}
					return ""
				})
			}
		}
	}
}

// blank tells whether a row has nothing in a part of the table but its name.
func (t Table) blank(row int, part []set) bool {
	if len(part) == t.keys() {
		return false
	}
	for _, c := range part[t.keys():] {
		if len(c.cells[row]) > 0 {
			return false
		}
	}
	return true
}

// writeGroups writes the names of groups above their columns, if there are any.
func (t Table) writeGroups(text *strings.Builder, part []set) {
	var line strings.Builder
	named := false
	for i := 0; i < len(part); {
		group, width := t.Columns[part[i].index].Group, -gap
		end := i
		for ; end < len(part) && (end == i || group != "") &&
			t.Columns[part[end].index].Group == group; end++ {
			width += part[end].width + gap
		}
		if end == len(part) { // A long name may reach beyond the last column.
			width = max(width, min(runes(group), Width-runes(line.String())))
		}
		name := fitted(group, width)
		fill := " "
		if name != "" {
			named = true
			if runes(name)+4 <= width {
				name, fill = " "+name+" ", "─"
			}
		}
		rest := width - runes(name)
		line.WriteString(strings.Repeat(fill, rest/2) + name + strings.Repeat(fill, rest-rest/2))
		line.WriteString(strings.Repeat(" ", gap))
		i = end
	}
	if named {
		text.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
}

// writeLine writes what each column has in a line.
func writeLine(text *strings.Builder, part []set, of func(c set) string) {
	var line strings.Builder
	for _, c := range part {
		s := of(c)
		rest := c.width - runes(s)
		before := 0
		switch c.align {
		case Right:
			before = rest
		case Center:
			before = rest / 2
		}
		line.WriteString(strings.Repeat(" ", before) + s + strings.Repeat(" ", rest-before+gap))
	}
	text.WriteString(strings.TrimRight(line.String(), " ") + "\n")
}

// Fold returns a sentence in lines of at most [Width] columns, the first after one prefix and the
// others after another. A word that is longer is never broken.
func Fold(sentence, first, others string) string {
	var lines []string
	line := first
	for word := range strings.FieldsSeq(sentence) {
		begun := line != first && line != others
		if begun && runes(line)+1+runes(word) > Width {
			lines, line, begun = append(lines, line), others, false
		}
		if begun {
			line += " "
		}
		line += word
	}
	return strings.Join(append(lines, line), "\n")
}

// wrap breaks a text into lines of at most width characters, between words if it can.
func wrap(s string, width int) (lines []string) {
	line := ""
	for word := range strings.FieldsSeq(s) {
		for {
			switch {
			case line == "" && runes(word) <= width:
				line = word
			case line != "" && runes(line)+1+runes(word) <= width:
				line += " " + word
			case line != "":
				lines, line = append(lines, line), ""
				continue
			default: // a word that no line has room for
				r := []rune(word)
				lines, word = append(lines, string(r[:width])), string(r[width:])
				continue
			}
			break
		}
	}
	if line != "" {
		lines = append(lines, line)
	}
	return lines
}

// fitted cuts the end of a text that is wider than width.
func fitted(s string, width int) string {
	if runes(s) <= width {
		return s
	}
	return string([]rune(s)[:max(width-1, 0)]) + "…"
}

func widest(lines []string) (width int) {
	for _, line := range lines {
		width = max(width, runes(line))
	}
	return width
}

func runes(s string) int { return utf8.RuneCountInString(s) }

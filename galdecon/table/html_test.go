package table_test

import (
	"encoding/xml"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
	"testing"

	"galdecon/galdecon/table"
)

// node is an element of a page.
type node struct {
	name       string
	attributes map[string]string
	children   []*node
	text       string // of it and all beneath
}

// parse reads a piece of a page, all of whose elements must be closed.
func parse(t *testing.T, page string) *node {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(page))
	d.Strict, d.AutoClose, d.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	root := &node{}
	open := []*node{root}
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			n := &node{name: token.Name.Local, attributes: map[string]string{}}
			for _, a := range token.Attr {
				n.attributes[a.Name.Local] = a.Value
			}
			last := open[len(open)-1]
			last.children = append(last.children, n)
			open = append(open, n)
		case xml.EndElement:
			if last := open[len(open)-1]; last.name != token.Name.Local {
				t.Fatalf("</%s> ends <%s>", token.Name.Local, last.name)
			}
			open = open[:len(open)-1]
		case xml.CharData:
			for _, n := range open {
				n.text += string(token)
			}
		}
	}
	return root
}

// all returns the elements of a name, in their order.
func (n *node) all(name string) (found []*node) {
	for _, child := range n.children {
		if child.name == name {
			found = append(found, child)
		}
		found = append(found, child.all(name)...)
	}
	return found
}

func TestHTML(t *testing.T) {
	of := survey()
	page := parse(t, table.HTML(of))
	if n := len(page.all("table")); n != 1 {
		t.Fatalf("%d tables", n)
	}
	// What others have written doesn't become part of the page.
	if n := len(page.all("script")); n != 1 {
		t.Errorf("%d scripts", n)
	}
	if n := len(page.all("survey")) + len(page.all("confidence")); n != 0 {
		t.Errorf("%d elements of unescaped text", n)
	}
	caption := page.all("caption")
	if len(caption) != 1 || caption[0].text != of.Title {
		t.Errorf("the caption is %+v", caption)
	}
	if notes := page.all("small"); notes[len(notes)-1].text != of.Notes[0] {
		t.Errorf("the notes are %+v", notes)
	}

	// Of two rows of heads the first has the group, and the columns without one reach over both.
	rows := page.all("thead")[0].all("tr")
	if len(rows) != 2 {
		t.Fatalf("%d rows of heads", len(rows))
	}
	width := 0
	for _, head := range rows[0].all("th") {
		span, _ := strconv.Atoi(head.attributes["colspan"])
		width += max(span, 1)
		grouped := head.attributes["scope"] == "colgroup"
		if grouped != (head.text == "photometry") ||
			grouped == (head.attributes["rowspan"] == "2") {
			t.Errorf("a head of the first row is %+v", head)
		}
	}
	if width != len(of.Columns) {
		t.Errorf("the heads are %d columns wide, want %d", width, len(of.Columns))
	}
	var numbers []string
	for _, head := range page.all("thead")[0].all("th") {
		if number, ok := head.attributes["data-column"]; ok {
			numbers = append(numbers, number)
			k, _ := strconv.Atoi(number)
			if c := of.Columns[k]; head.attributes["scope"] != "col" || head.text != c.Name+c.Unit {
				t.Errorf("the head of column %d is %+v", k, head)
			}
		}
	}
	if slices.Sort(numbers); strings.Join(numbers, "") != "01234" {
		t.Errorf("there are heads of the columns %v", numbers)
	}

	// The rows of each section are a body, as are the summaries.
	bodies := page.all("tbody")
	if len(bodies) != 3 {
		t.Fatalf("%d bodies", len(bodies))
	}
	for i, want := range []struct {
		class, section string
		rows           int
	}{{"rows", "bright", 2}, {"rows", "faint", 1}, {"summary", "", 1}} {
		rows := bodies[i].all("tr")
		if want.section != "" {
			if head := rows[0].all("th"); len(head) != 1 || head[0].text != want.section ||
				head[0].attributes["scope"] != "rowgroup" || head[0].attributes["colspan"] != "5" {
				t.Errorf("the heading of body %d is %+v", i, head)
			}
			rows = rows[1:]
		}
		if bodies[i].attributes["class"] != want.class || len(rows) != want.rows {
			t.Errorf("body %d has the class %q and %d rows", i, bodies[i].attributes["class"],
				len(rows))
		}
		for _, row := range rows {
			if n := len(row.children); n != len(of.Columns) {
				t.Errorf("a row of %d cells", n)
			}
			if name := row.children[0]; name.name != "th" || name.attributes["scope"] != "row" {
				t.Errorf("a row begins with %+v", name)
			}
		}
	}
	first := bodies[0].all("tr")[1].children
	for k, want := range []map[string]string{
		{"align": "left", "data-sort": "M 51"}, {"align": "right", "data-sort": "22030"},
		{"align": "right", "data-sort": "12.5"},
		{"align": "right", "data-sort": "0.98", "class": "good", "title": "good"},
		{"align": "left", "data-sort": ""},
	} {
		for name, value := range want {
			if got, ok := first[k].attributes[name]; !ok || got != value {
				t.Errorf("the cell of column %d has %s %q, want %q", k, name, got, value)
			}
		}
	}
	if !strings.HasSuffix(first[3].text, "✓") {
		t.Errorf("a good cell is %q, without a sign", first[3].text)
	}
	// What doesn't exist isn't sorted.
	if c := bodies[1].all("td")[1]; c.text != "—" || c.attributes["data-sort"] != "" {
		t.Errorf("a cell of nothing is %+v", c)
	}
}

// A page needs nothing from elsewhere, and long tables scroll beneath their heads.
func TestHTMLAlone(t *testing.T) {
	long := table.Table{Columns: []table.Column{{Name: "n"}}}
	for i := range 30 {
		long.Add(table.Count(i))
	}
	page := table.HTML(survey(), long)
	for _, part := range []string{"http", "src=", "href", "import", "url("} {
		if strings.Contains(page, part) {
			t.Errorf("the page has %q", part)
		}
	}
	if n := strings.Count(page, `class="sheet scrolling"`); n != 1 {
		t.Errorf("%d tables scroll, want the long one", n)
	}
	if strings.Count(page, "<style>") != 1 || strings.Count(page, "<script>") != 1 {
		t.Error("two tables have more than one style sheet or script")
	}
}

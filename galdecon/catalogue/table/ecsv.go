package table

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Meta returns the columns' units, types and descriptions as YAML, as a header of ECSV has it, and
// as astropy stores it with a Parquet file.
func (t *Table) Meta() (string, error) { return t.meta("") }

// meta is that with the separator of cells.
func (t *Table) meta(comma string) (string, error) {
	h := ecsvHeader{Delimiter: comma, Schema: "astropy-2.0"}
	for _, c := range t.Columns {
		e := ecsvColumn{Name: c.Name, Unit: c.Unit, Type: string(c.Type),
			Description: c.Description}
		if len(c.Shape) > 0 || c.IsVariable() {
			e.Type = string(Text)
			shape := "null"
			if !c.IsVariable() {
				shape = strings.ReplaceAll(strings.Trim(fmt.Sprint(c.Shape), "[]"), " ", ",")
			}
			e.Subtype = fmt.Sprintf("%s[%s]", c.Type, shape)
		}
		h.Columns = append(h.Columns, e)
	}
	text, err := yaml.Marshal(h)
	return string(text), err
}

// ecsvHeader is the header of ECSV, version 1.0.
type ecsvHeader struct {
	Delimiter string       `yaml:"delimiter,omitempty"`
	Columns   []ecsvColumn `yaml:"datatype"`
	Schema    string       `yaml:"schema,omitempty"`
}

type ecsvColumn struct {
	Name        string `yaml:"name"`
	Unit        string `yaml:"unit,omitempty"`
	Type        string `yaml:"datatype"`
	Subtype     string `yaml:"subtype,omitempty"`
	Description string `yaml:"description,omitempty"`
}

// parseMeta returns columns without values of a header of ECSV. Astropy's classes of columns, such
// as quantities, are taken as what they are stored as.
func parseMeta(text string) (columns []*Column, comma rune, err error) {
	var h ecsvHeader
	if err := yaml.Unmarshal([]byte(text), &h); err != nil {
		return nil, 0, fmt.Errorf("the header of ECSV isn't YAML: %w", err)
	}
	comma = ' '
	if h.Delimiter != "" {
		comma = []rune(h.Delimiter)[0]
	}
	for _, e := range h.Columns {
		c := &Column{Name: e.Name, Unit: e.Unit, Description: e.Description, Type: Type(e.Type)}
		if inner, shape, ok := strings.Cut(strings.TrimSuffix(e.Subtype, "]"), "["); ok {
			c.Type = Type(inner)
			for axis := range strings.SplitSeq(shape, ",") {
				n, err := strconv.Atoi(strings.TrimSpace(axis))
				if err != nil || n < 1 {
					c.Shape, c.Ends = nil, []int{}
					break
				}
				c.Shape = append(c.Shape, n)
			}
		}
		switch c.Type {
		case "float16":
			c.Type = Float32
		case "float128":
			c.Type = Float64
		}
		if !slices.Contains(types, c.Type) { // complex numbers, objects
			c.Type, c.Shape, c.Ends = Text, nil, nil
		}
		columns = append(columns, c)
	}
	if len(columns) == 0 {
		return nil, 0, errors.New("the header of ECSV has no columns")
	}
	return columns, comma, nil
}

// ApplyMeta gives the columns of a table the units and descriptions of a header of ECSV, and the
// shapes of arrays that it states. Columns that it doesn't know stay as they are.
func (t *Table) ApplyMeta(text string) error {
	columns, _, err := parseMeta(text)
	if err != nil {
		return err
	}
	for _, from := range columns {
		c := t.Column(from.Name)
		if c == nil {
			continue
		}
		c.Unit, c.Description = from.Unit, from.Description
		if c.Len() == c.Rows()*from.Each() && len(from.Shape) > 0 {
			c.Shape, c.Ends = from.Shape, nil
		}
	}
	return nil
}

// readECSV reads what follows the comments of ECSV.
func readECSV(r *bufio.Reader, comments []string) (*Table, error) {
	var header strings.Builder
	for _, line := range comments {
		if strings.TrimSpace(line) != "---" {
			header.WriteString(strings.TrimPrefix(line, " ") + "\n")
		}
	}
	columns, comma, err := parseMeta(header.String())
	if err != nil {
		return nil, err
	}
	in := newCSV(r, comma)
	names, err := in.Read()
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if len(names) != len(columns) {
		return nil, fmt.Errorf("the line of names has %d, the header of ECSV %d", len(names),
			len(columns))
	}
	return readCells(in, columns)
}

// SaveCSV writes the table as CSV, with the header of ECSV before it: units, types and
// descriptions, as comments. The file appears when it is complete.
func (t *Table) SaveCSV(path string) error {
	return t.save(path, func(w io.Writer) error { return t.writeCSV(w) })
}

func (t *Table) writeCSV(w io.Writer) error {
	meta, err := t.meta(",")
	if err != nil {
		return err
	}
	var header bytes.Buffer
	header.WriteString("# %ECSV 1.0\n# ---\n")
	for line := range strings.Lines(meta) {
		header.WriteString("# " + line)
	}
	if _, err := w.Write(header.Bytes()); err != nil {
		return err
	}
	out := csv.NewWriter(w)
	if err := out.Write(t.Names()); err != nil {
		return err
	}
	cells := make([]string, len(t.Columns))
	for row := range t.Rows() {
		for i, c := range t.Columns {
			if cells[i], err = c.cell(row); err != nil {
				return err
			}
		}
		// A line of one empty cell would pass for none.
		if len(cells) == 1 && cells[0] == "" {
			out.Flush()
			if _, err := io.WriteString(w, "\"\"\n"); err != nil {
				return err
			}
			continue
		}
		if err := out.Write(cells); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// cell returns the values of a row as text: an array as JSON, with NaN as Python writes it.
func (c *Column) cell(row int) (string, error) {
	from, end := c.Row(row)
	if len(c.Shape) == 0 && !c.IsVariable() {
		return cellText(c, from), nil
	}
	shape := c.Shape
	if c.IsVariable() {
		shape = []int{end - from}
	}
	var b strings.Builder
	if err := c.array(&b, shape, from); err != nil {
		return "", err
	}
	return b.String(), nil
}

// cellText is Text with NaN and infinities as numpy writes them.
func cellText(c *Column, i int) string {
	switch text := c.Text(i); text {
	case "NaN":
		return "nan"
	case "+Inf":
		return "inf"
	case "-Inf":
		return "-inf"
	default:
		return text
	}
}

func (c *Column) array(b *strings.Builder, shape []int, at int) error {
	if len(shape) == 0 {
		text := c.Text(at)
		switch {
		case c.IsMissing(at):
			text = "null"
		case c.Type == Text:
			quoted, err := json.Marshal(text)
			if err != nil {
				return err
			}
			text = string(quoted)
		case c.Type == Bool:
			text = strings.ToLower(text)
		case c.Type.IsFloat():
			text = strings.NewReplacer("+Inf", "Infinity", "-Inf", "-Infinity").Replace(text)
		}
		b.WriteString(text)
		return nil
	}
	each := 1
	for _, n := range shape[1:] {
		each *= n
	}
	b.WriteByte('[')
	for i := range shape[0] {
		if i > 0 {
			b.WriteByte(',')
		}
		if err := c.array(b, shape[1:], at+i*each); err != nil {
			return err
		}
	}
	b.WriteByte(']')
	return nil
}

// parseArray appends the values of an array in JSON, also with NaN and Infinity.
func (c *Column) parseArray(text string) error {
	if c.Type.IsFloat() {
		text = strings.NewReplacer("-Infinity", `"-inf"`, "Infinity", `"inf"`, "NaN", `"nan"`).
			Replace(text)
	}
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	before := c.Len()
	for text != "" {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return fmt.Errorf("%q is no array: %w", text, err)
		}
		cell := ""
		switch v := token.(type) {
		case json.Delim:
			continue
		case nil:
		case string:
			cell = v
		default:
			cell = fmt.Sprint(v)
		}
		if err := c.parseValue(cell); err != nil {
			return fmt.Errorf("%q is no %s", cell, c.Type)
		}
	}
	n := c.Len() - before
	if c.IsVariable() {
		c.Ends = append(c.Ends, c.Len())
		return nil
	}
	if text == "" { // a row that is missing
		for n = 0; n < c.Each(); n++ {
			if err := c.parseValue(""); err != nil {
				return err
			}
		}
	}
	if n != c.Each() {
		return fmt.Errorf("it has %d values, not the %d of shape %v", n, c.Each(), c.Shape)
	}
	return nil
}

package table

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// heading is a line of SExtractor's ASCII_HEAD, such as
// "#   5 FLUX_RADIUS    Fraction-of-light radii    [pixel]".
type heading struct {
	first                   int // of its columns, counted from 1
	name, unit, description string
}

// sextractorNames understands the comments before a catalogue, or returns nil if they are others.
func sextractorNames(comments []string) []heading {
	var all []heading
	for _, line := range comments {
		words := strings.Fields(line)
		if len(words) < 2 {
			return nil
		}
		n, err := strconv.Atoi(words[0])
		if err != nil || len(all) == 0 && n != 1 || len(all) > 0 && n <= all[len(all)-1].first {
			return nil
		}
		h := heading{first: n, name: words[1]}
		_, rest, _ := strings.Cut(line, words[1])
		rest = strings.TrimSpace(rest)
		if at := strings.LastIndexByte(rest, '['); at >= 0 && strings.HasSuffix(rest, "]") {
			h.unit = rest[at+1 : len(rest)-1]
			rest = strings.TrimSpace(rest[:at])
		}
		h.description = rest
		all = append(all, h)
	}
	return all
}

// readSExtractor reads the values below the headings. One whose successor's number isn't the next,
// or the last of all, may have several values in each row: an array.
func readSExtractor(r *bufio.Reader, headings []heading) (*Table, error) {
	in := newWords(r)
	first, err := in.Read()
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	last := headings[len(headings)-1].first
	if err == nil && len(first) < last {
		return nil, fmt.Errorf("its header names %d columns, the first row has %d values", last,
			len(first))
	}
	var columns []*Column
	widths := make([]int, len(headings))
	for i, h := range headings {
		end := max(len(first), last) + 1
		if i+1 < len(headings) {
			end = headings[i+1].first
		}
		widths[i] = end - h.first
		for range widths[i] {
			columns = append(columns, &Column{Name: fmt.Sprint(len(columns))})
		}
	}
	t, err := readCells(&pushed{first, in}, columns)
	if err != nil {
		return nil, err
	}
	flat := t.Columns
	t.Columns = nil
	for i, h := range headings {
		c := flat[0]
		if widths[i] > 1 {
			c = &Column{Type: Float64, Shape: []int{widths[i]}}
			for row := range flat[0].Rows() {
				for _, part := range flat[:widths[i]] {
					c.Floats = append(c.Floats, part.Float(row))
				}
			}
		}
		flat = flat[widths[i]:]
		c.Name, c.Unit, c.Description = h.name, h.unit, h.description
		t.Columns = append(t.Columns, c)
	}
	return t, t.Validate()
}

// pushed are lines before which one is put back.
type pushed struct {
	first []string
	lines
}

func (p *pushed) Read() ([]string, error) {
	if first := p.first; first != nil {
		p.first = nil
		return first, nil
	}
	return p.lines.Read()
}

package table

import (
	"fmt"
	"slices"
	"strings"

	"galdecon/galdecon/galaxy/files/fits"
)

// sextractorHeader is the table that SExtractor's FITS_LDAC writes before that of the objects.
const sextractorHeader = "LDAC_IMHEAD"

// ofFITS returns the binary table that a selector names, or else the only one of the file that has
// objects.
func ofFITS(file *fits.File, selector fits.Selector, chosen bool) (*Table, error) {
	var hdu *fits.HDU
	if chosen {
		h, err := file.Select(selector)
		if err != nil {
			return nil, err
		}
		hdu = h
	} else {
		var found []string
		ascii := false
		for _, h := range file.HDUs {
			extension, _ := h.Header.Text("XTENSION")
			ascii = ascii || extension == "TABLE"
			if h.Kind == fits.Table && !strings.EqualFold(h.Name(), sextractorHeader) {
				hdu = h
				found = append(found, h.String())
			}
		}
		switch {
		case hdu == nil && ascii:
			return nil, fmt.Errorf("its table is an ASCII table, which isn't read; write it as a " +
				"binary table, as astropy.table.Table.write does")
		case hdu == nil:
			return nil, fmt.Errorf("it has no binary table")
		case len(found) > 1:
			return nil, fmt.Errorf("it has %d tables, %s; choose one, as in catalogue.fits[%s]",
				len(found), strings.Join(found, ", "), hdu.Name())
		}
	}
	columns, err := hdu.Columns()
	if err != nil {
		return nil, err
	}
	t := &Table{}
	for i, from := range columns {
		c, err := ofColumn(from)
		if err != nil {
			return nil, err
		}
		if c.Name == "" {
			c.Name = fmt.Sprintf("col%d", i+1)
		}
		c.Description = description(hdu.Header, i+1)
		if t.has(c.Name) {
			t.Notes = append(t.Notes, fmt.Sprintf("column %d is left out: another is named %s, too",
				i+1, c.Name))
			continue
		}
		if c.Each() == 0 && !c.IsVariable() {
			t.Notes = append(t.Notes, fmt.Sprintf("column %s is left out: it has no values",
				c.Name))
			continue
		}
		t.Columns = append(t.Columns, c)
	}
	if meta := serialized(hdu.Header); meta != "" {
		if err := t.describe(meta); err != nil {
			t.Notes = append(t.Notes, fmt.Sprintf("astropy's descriptions are left out: %v", err))
		}
	}
	return t, t.Validate()
}

// Astropy stores what FITS has no keywords for as YAML, in comments between these.
const (
	beginSerialized = "--BEGIN-ASTROPY-SERIALIZED-COLUMNS--"
	endSerialized   = "--END-ASTROPY-SERIALIZED-COLUMNS--"
	// serializedWidth is how much of a line is in a comment; a backslash after it continues it.
	serializedWidth = 70
)

// serialized returns what astropy has stored so, or nothing.
func serialized(h *fits.Header) string {
	var b strings.Builder
	inside := false
	for _, line := range h.Lines("COMMENT") {
		switch {
		case line == beginSerialized:
			inside = true
		case line == endSerialized:
			return b.String()
		case inside && len(line) == serializedWidth+1:
			b.WriteString(line[:serializedWidth])
		case inside:
			b.WriteString(line + "\n")
		}
	}
	return ""
}

// describe gives columns the descriptions of a header of ECSV.
func (t *Table) describe(meta string) error {
	columns, _, err := parseMeta(meta)
	if err != nil {
		return err
	}
	for _, from := range columns {
		if c := t.Column(from.Name); c != nil && from.Description != "" {
			c.Description = from.Description
		}
	}
	return nil
}

func (t *Table) has(name string) bool {
	return slices.ContainsFunc(t.Columns, func(c *Column) bool { return c.Name == name })
}

// description returns TCOMM, or else the comment of TTYPE, where SExtractor has it.
func description(h *fits.Header, n int) string {
	if text, ok := h.Text(fmt.Sprintf("TCOMM%d", n)); ok {
		return text
	}
	card, _ := h.Get(fmt.Sprintf("TTYPE%d", n))
	// What cfitsio and astropy write there says nothing.
	if text := card.Comment(); !strings.HasPrefix(text, "label for field") &&
		!strings.HasPrefix(text, "Name of field") {
		return text
	}
	return ""
}

// integersOf are the types of stored integers by their letter and TZERO.
var integersOf = map[byte]map[float64]Type{
	'B': {0: Uint8, -128: Int8},
	'I': {0: Int16, 1 << 15: Uint16},
	'J': {0: Int32, 1 << 31: Uint32},
	'K': {0: Int64, 1 << 63: Uint64},
}

// ofColumn reads the values of a column.
func ofColumn(from *fits.Column) (*Column, error) {
	c := &Column{Name: from.Name, Unit: from.Unit, Shape: slices.Clone(from.Shape)}
	scale, zero := from.Scaling()
	var err error
	switch kind := from.Kind(); kind {
	case 'A':
		c.Type = Text
		var rows [][]string
		if rows, err = from.Texts(); err == nil {
			c.Texts = flat(c, from, rows)
		}
	case 'L', 'X':
		c.Type = Bool
		err = c.readStored(from, func(v int64) (int64, bool) {
			switch {
			case kind == 'X' || v != 'T' && v != 'F':
				return v, kind == 'L'
			}
			return boolean(v == 'T'), false
		})
	case 'B', 'I', 'J', 'K':
		c.Type = integersOf[kind][zero]
		if scale != 1 || c.Type == "" {
			err = c.readFloats(from, Float64)
			break
		}
		null, hasNull := from.Null()
		err = c.readStored(from, func(v int64) (int64, bool) {
			if c.Type == Uint64 {
				return v ^ -1<<63, hasNull && v == null
			}
			return v + int64(zero), hasNull && v == null
		})
	case 'E', 'C':
		of := Float32
		if scale != 1 || zero != 0 {
			of = Float64
		}
		err = c.readFloats(from, of)
	default:
		err = c.readFloats(from, Float64)
	}
	if err != nil {
		return nil, err
	}
	return c, nil
}

func boolean(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// readStored reads integers, each with what it stands for and whether it is missing.
func (c *Column) readStored(from *fits.Column, value func(int64) (v int64, missing bool)) error {
	rows, err := from.Stored()
	if err != nil {
		return err
	}
	c.Integers = flat(c, from, rows)
	for i, v := range c.Integers {
		missing := false
		if c.Integers[i], missing = value(v); missing {
			c.SetMissing(i)
			c.Integers[i] = 0
		}
	}
	return nil
}

// readFloats reads floating-point numbers. Complex ones are pairs, an axis of 2 more.
func (c *Column) readFloats(from *fits.Column, of Type) error {
	c.Type = of
	rows, err := from.Numbers()
	if err != nil {
		return err
	}
	if kind := from.Kind(); (kind == 'C' || kind == 'M') && !from.Variable() {
		c.Shape = append(c.Shape, 2)
	}
	c.Floats = flat(c, from, rows)
	return nil
}

// flat joins the values of rows, and notes where each ends if they differ in length.
func flat[T any](c *Column, from *fits.Column, rows [][]T) []T {
	n := 0
	for _, row := range rows {
		n += len(row)
	}
	all := make([]T, 0, n)
	if from.Variable() {
		c.Ends = make([]int, 0, len(rows))
	}
	each := c.Each()
	for _, row := range rows {
		if c.IsVariable() {
			all = append(all, row...)
			c.Ends = append(c.Ends, len(all))
			continue
		}
		all = append(all, row[:min(each, len(row))]...) // TDIM may name fewer than there are
	}
	return all
}

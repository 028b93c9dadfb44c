package plotting

import (
	"fmt"

	"galdecon/galdecon/catalogue"
	"galdecon/galdecon/catalogue/table"
	"galdecon/galdecon/posterior"
	display "galdecon/galdecon/table"
)

// CatalogueTable returns some rows of a table of measured objects, as galdecon.Catalogue returns
// it, for [Show]: the id, by its column's name, what became of the object, the medians of its
// candidates with the interval that holds 68 % of them, and χ². It panics where a row isn't there.
func CatalogueTable(t *table.Table, id string, rows ...int) display.Table {
	out := display.Table{Columns: []display.Column{{Name: id}, {Name: "fate"}}}
	measured := []struct{ column, name string }{{"flux", "flux"}, {"half_light_radius", "r½"},
		{"g1", "g1"}, {"g2", "g2"}}
	for _, q := range measured {
		c := display.Column{Name: q.name}
		if of := t.Column(q.column); of != nil {
			c.Unit = of.Unit
		}
		out.Columns = append(out.Columns, c)
	}
	out.Columns = append(out.Columns, display.Column{Name: "χ²", Format: display.Decimals(2)})
	value := func(column string, row int) float64 { return t.Column(column).Float(row) }
	for _, row := range rows {
		cells := []display.Cell{display.Text(t.Column(id).Text(row)),
			display.Text(t.Column("fate").Text(row))}
		if t.Column("fate").Text(row) == string(catalogue.Measured) {
			for _, q := range measured {
				cells = append(cells, display.Measured(value(q.column, row),
					value(q.column+"_p16", row), value(q.column+"_p84", row)))
			}
			cells = append(cells, display.Number(value("chi2", row)))
		}
		out.Add(cells...)
	}
	return out
}

// CatalogueFates returns how many objects of such a table have which fate, and which flag, for
// [Show].
func CatalogueFates(t *table.Table) display.Table {
	out := display.Table{Columns: []display.Column{{Name: "objects"}, {Name: "what"}}}
	counts := map[string]int{}
	var fates []string // in the order of the table
	for _, fate := range t.Column("fate").Texts {
		if counts[fate]++; counts[fate] == 1 {
			fates = append(fates, fate)
		}
	}
	add := func(section, what string, n int) {
		out.Rows = append(out.Rows, display.Row{Section: section,
			Cells: []display.Cell{display.Count(n), display.Text(what)}})
	}
	for _, fate := range fates {
		add("fate", fate, counts[fate])
	}
	for bit := posterior.Flag(1); bit <= catalogue.FlagUnmeasured; bit <<= 1 {
		n := 0
		for _, flags := range t.Column("deconvolution_flags").Integers {
			if posterior.Flag(flags)&bit != 0 {
				n++
			}
		}
		if n > 0 {
			add("deconvolution_flags", fmt.Sprintf("%d: %s", bit, catalogue.Describe(bit)), n)
		}
	}
	return out
}

package table_test

import (
	"fmt"

	"galdecon/galdecon/table"
)

// Numbers have the digits that their errors justify, or those that the column asks for.
func Example() {
	t := table.Table{Title: "Two galaxies", Columns: []table.Column{
		{Name: "galaxy"},
		{Name: "flux", Unit: "count"},
		{Name: "half-light radius", Unit: "arcsec"},
		{Name: "χ²", Format: table.Decimals(2)},
	}}
	t.Add(table.Text("left"), table.Measured(22030, 21860, 22220), table.Uncertain(0.314, 0.0045),
		table.Number(0.98).Marked(table.Good))
	t.Add(table.Text("right"), table.Measured(12010, 11850, 12220), table.Uncertain(0.267, 0.0052),
		table.Number(1.72).Marked(table.Bad))
	fmt.Print(t)
	// Output:
	// Two galaxies
	//                             half-light
	//                    flux         radius
	// galaxy            count         arcsec      χ²
	// ──────────────────────────────────────────────
	// left    22030 +190 −170  0.314 ± 0.005  0.98 ✓
	// right   12010 +210 −160  0.267 ± 0.005  1.72 ✗
}

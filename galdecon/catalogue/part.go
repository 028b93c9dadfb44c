package catalogue

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"

	"galdecon/galdecon/catalogue/table"
	"galdecon/galdecon/galaxy/files/fits"
	"galdecon/galdecon/posterior"
)

// rowColumn has the number of a row in the catalogue, in parts; it isn't in the whole.
const rowColumn = "row"

// resultTable returns results as a table, in their order.
func (r *run) resultTable(results []*result) *table.Table {
	integers := func(name, unit, long string, of func(*result) int64) *table.Column {
		c := table.NewIntegers(name, unit, long, nil)
		for _, one := range results {
			c.Integers = append(c.Integers, of(one))
		}
		return c
	}
	floats := func(name, unit, long string, of func(*result) float64) *table.Column {
		c := table.NewFloats(name, unit, long, nil)
		for _, one := range results {
			c.Floats = append(c.Floats, of(one))
		}
		return c
	}
	texts := func(name, long string, of func(*result) string) *table.Column {
		c := table.NewTexts(name, long, nil)
		for _, one := range results {
			c.Texts = append(c.Texts, of(one))
		}
		return c
	}
	t := &table.Table{Columns: []*table.Column{
		integers(rowColumn, "", "row of the catalogue, from 0",
			func(o *result) int64 { return int64(o.row) }),
		texts("fate", "what became of the object", func(o *result) string { return string(o.fate) }),
		texts("fate_detail", "why", func(o *result) string { return o.detail }),
		texts("image", "file of the image", func(o *result) string {
			if o.image < 0 {
				return ""
			}
			return r.Images[o.image].name()
		}),
	}}
	add := func(c *table.Column) { t.Columns = append(t.Columns, c) }
	of := func(k int, part func(posterior.Interval, float64) float64) func(*result) float64 {
		return func(o *result) float64 {
			if o.fate != Measured {
				return math.NaN()
			}
			return part(o.middle[k], o.deviation[k])
		}
	}
	for k, q := range r.quantities() {
		add(floats(q.name, q.unit, q.long+": median of the candidates",
			of(k, func(i posterior.Interval, _ float64) float64 { return i.Median })))
		add(floats(q.name+"_p16", q.unit, "16 % quantile of "+q.name,
			of(k, func(i posterior.Interval, _ float64) float64 { return i.Low })))
		add(floats(q.name+"_p84", q.unit, "84 % quantile of "+q.name,
			of(k, func(i posterior.Interval, _ float64) float64 { return i.High })))
		add(floats(q.name+"_std", q.unit, "standard deviation of "+q.name,
			of(k, func(_ posterior.Interval, d float64) float64 { return d })))
	}
	covariance := table.NewFloats("covariance", "", "covariance of flux, half_light_radius, g1, g2",
		nil, correlated, correlated)
	for _, o := range results {
		values := o.covariance
		if o.fate != Measured {
			values = slices.Repeat([]float64{math.NaN()}, correlated*correlated)
		}
		covariance.Floats = append(covariance.Floats, values...)
	}
	add(covariance)
	there := func(get func(*result) float64) func(*result) float64 {
		return func(o *result) float64 {
			if o.draws == nil {
				return math.NaN()
			}
			return get(o)
		}
	}
	add(floats("chi2", "", "reduced chi2 over the pixels with data, mean over the candidates "+
		"blurred again", there(func(o *result) float64 { return o.chi2 })))
	add(floats("chi2_probability", "", "probability of a larger chi2",
		there(func(o *result) float64 { return o.probability })))
	add(floats("masked_share", "", "share of the stamp's pixels without data",
		func(o *result) float64 { return o.masked }))
	add(floats("noise", r.unit, "standard deviation of the noise of a pixel",
		there(func(o *result) float64 { return o.noise })))
	add(integers("deconvolution_flags", "", flagsText,
		func(o *result) int64 { return int64(o.flags) }))
	add(integers("measured_candidates", "", "candidates that were measured",
		func(o *result) int64 { return o.measured }))
	add(integers("seed", "", "seed of the random numbers",
		func(*result) int64 { return r.Seed }))
	add(texts("model", "model that drew the candidates",
		func(*result) string { return r.model.Name }))
	add(texts("model_hash", "SHA-256 of the model", func(*result) string { return r.model.Hash }))
	add(texts("recalibration", "SHA-256 of what corrects the error bars, empty for nothing",
		func(*result) string { return r.model.Recalibration }))
	if r.Cubes {
		add(texts("candidates_file", "file of all candidates", func(o *result) string {
			if o.draws == nil {
				return ""
			}
			return cubeName(o.row)
		}))
	}
	if r.Draws {
		for k, q := range r.quantities() {
			c := table.NewFloats(q.name+"_draws", q.unit, "each candidate's "+q.name, nil,
				r.Candidates)
			for _, o := range results {
				values := slices.Repeat([]float64{math.NaN()}, r.Candidates)
				if o.draws != nil {
					values = o.draws[k]
				}
				c.Floats = append(c.Floats, values...)
			}
			add(c)
		}
	}
	return t
}

// span is rows from first on up to but not including end.
type span struct{ first, end int }

// partName is the name of the file with the results of rows, which says which.
func partName(s span) string { return fmt.Sprintf("rows-%010d-%010d.fits", s.first, s.end) }

// partsDir is the folder of the parts within that of the results.
const partsDir = "parts"

// savePart writes the results of a batch.
func (r *run) savePart(s span, results []*result) error {
	header := fits.NewHeader()
	if err := header.Set("EXTNAME", "PART", ""); err != nil {
		return err
	}
	return r.resultTable(results).SaveFITS(filepath.Join(r.Dir, partsDir, partName(s)), header)
}

// partSpans returns the rows that parts have, sorted, and no two with the same ones: of two files
// that overlap, as other sizes of batches leave them, the rows of the second that are new.
func partSpans(dir string) (files []span, err error) {
	entries, err := os.ReadDir(filepath.Join(dir, partsDir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, fmt.Errorf("catalogue: %w", err)
	}
	for _, e := range entries {
		var s span
		if n, _ := fmt.Sscanf(e.Name(), "rows-%d-%d.fits", &s.first, &s.end); n == 2 &&
			e.Name() == partName(s) {
			files = append(files, s)
		}
	}
	slices.SortFunc(files, func(a, b span) int {
		return cmp.Or(cmp.Compare(a.first, b.first), cmp.Compare(a.end, b.end))
	})
	return files, nil
}

// missing returns the rows of a range that are in none of the spans, which are sorted.
func missing(all span, done []span) (left []span) {
	at := all.first
	for _, s := range done {
		if s.first > at && at < all.end {
			left = append(left, span{at, min(s.first, all.end)})
		}
		at = max(at, s.end)
	}
	if at < all.end {
		left = append(left, span{at, all.end})
	}
	return left
}

// MissingError says that rows have no results yet.
type MissingError struct {
	// First and End are ranges of rows, counted from 0, and without End.
	First, End []int
	Rows, All  int
}

func (e *MissingError) Error() string {
	return fmt.Sprintf("catalogue: %d of %d rows have no results yet, the first of them row %d; "+
		"run the shards that have them again", e.Rows, e.All, e.First[0])
}

// Merge returns the catalogue with the results that the runs in a folder have left: the columns of
// the input, those of them whose names results have being renamed with "input_" before it, and
// behind them the results, in the order of the input. It is a [*MissingError] where rows have none
// yet, and an error if t isn't the catalogue that they are of.
func Merge(dir string, t *table.Table) (*table.Table, error) {
	s, err := loadSettings(dir)
	if err != nil {
		return nil, err
	}
	if hash := hashTable(t); hash != s.Catalogue {
		return nil, changed(dir, "the catalogue", s.Catalogue[:8], hash[:8])
	}
	files, err := partSpans(dir)
	if err != nil {
		return nil, err
	}
	if left := missing(span{0, t.Rows()}, files); len(left) > 0 {
		e := &MissingError{All: t.Rows()}
		for _, s := range left {
			e.First, e.End = append(e.First, s.first), append(e.End, s.end)
			e.Rows += s.end - s.first
		}
		return nil, e
	}
	var parts []*table.Table
	at := 0
	for _, s := range files {
		if s.end <= at {
			continue
		}
		part, err := table.Load(filepath.Join(dir, partsDir, partName(s)))
		if err != nil {
			return nil, err
		}
		if part.Rows() != s.end-s.first || part.Column(rowColumn) == nil ||
			part.Column(rowColumn).Integers[0] != int64(s.first) {
			return nil, fmt.Errorf("catalogue: %s hasn't the rows that its name says; remove it, "+
				"and run again", filepath.Join(dir, partsDir, partName(s)))
		}
		if s.first < at {
			var rows []int
			for i := at - s.first; i < part.Rows(); i++ {
				rows = append(rows, i)
			}
			part = part.Select(rows...)
		}
		parts = append(parts, part)
		at = s.end
	}
	if len(parts) == 0 {
		return t, nil
	}
	results, err := table.Join(parts...)
	if err != nil {
		return nil, err
	}
	out := &table.Table{Notes: t.Notes}
	for _, c := range t.Columns {
		copied := *c
		if results.Column(c.Name) != nil {
			copied.Name = "input_" + c.Name
		}
		out.Columns = append(out.Columns, &copied)
	}
	for _, c := range results.Columns {
		if c.Name != rowColumn {
			out.Columns = append(out.Columns, c)
		}
	}
	return out, out.Validate()
}

// Done returns how many of the rows of a catalogue have results in a folder.
func Done(dir string, rows int) (int, error) {
	files, err := partSpans(dir)
	if err != nil {
		return 0, err
	}
	done := rows
	for _, s := range missing(span{0, rows}, files) {
		done -= s.end - s.first
	}
	return done, nil
}

// Unfinished returns the shards, of so many, that have rows without results in a folder.
func Unfinished(dir string, rows, shards int) ([]int, error) {
	files, err := partSpans(dir)
	if err != nil {
		return nil, err
	}
	var left []int
	for i := range shards {
		if len(missing(shard(rows, i, shards), files)) > 0 {
			left = append(left, i)
		}
	}
	return left, nil
}

// shard returns the rows of one of the shards.
func shard(rows, i, shards int) span { return span{rows * i / shards, rows * (i + 1) / shards} }

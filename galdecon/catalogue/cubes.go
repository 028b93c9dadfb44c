package catalogue

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"galdecon/galdecon/galaxy/files"
	"galdecon/galdecon/posterior"
)

// cubesDir is the folder of all candidates within that of the results.
const cubesDir = "candidates"

// cubeName is the name of the file with the candidates of a row, within the folder of the results.
// A thousand are in a folder.
func cubeName(row int) string {
	return filepath.Join(cubesDir, fmt.Sprintf("%07d", row/1000), fmt.Sprintf("%010d.fits", row))
}

// saveCube writes the candidates of an object.
func (r *run) saveCube(o *result, p posterior.Posterior) error {
	path := filepath.Join(r.Dir, cubeName(o.row))
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return fmt.Errorf("catalogue: cannot make a folder for candidates: %w", err)
	}
	header := r.fields[o.image].image.hdu.Header.Window(o.stamp.left, o.stamp.top, 1)
	if err := header.Set("OBJECT", r.ids[o.row], "id in the catalogue"); err != nil {
		return fmt.Errorf("catalogue: the id of row %d: %w", o.row, err)
	}
	header.AddHistory(fmt.Sprintf("galdecon: candidates of the model %s, SHA-256 %s, seed %d",
		r.model.Name, r.model.Hash, r.Seed))
	return files.SaveFITS(path, p.Restored(), header)
}

// Draw draws the first n candidates of the objects in some rows of the table, counted from 0, which
// are those that [Job.Run] measures, up to rounding where it measures more: to look at objects
// whose candidates weren't kept. The posteriors have the rows as their Index. Nothing is written.
// It is an error if a row isn't there or its object can't be drawn, which its fate says, and a
// [*ChangedError] if the results in Dir are of another job.
func (j Job) Draw(ctx context.Context, m Model, n int, rows ...int) ([]posterior.Posterior, error) {
	r, err := j.open(m)
	if err != nil {
		return nil, err
	}
	defer r.close()
	if err := r.settings.check(j.Dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var all []posterior.Posterior
	for _, row := range rows {
		if row < 0 || row >= j.Table.Rows() {
			return nil, fmt.Errorf("catalogue: there is no row %d of %d, counted from 0", row,
				j.Table.Rows())
		}
		o := &result{row: row, image: -1}
		if err := r.prepare(o); err != nil {
			return nil, err
		}
		var drawn *posterior.Posterior
		if o.fate == "" {
			if drawn, err = r.draw(ctx, o, n); err != nil {
				return nil, err
			}
		}
		if drawn == nil {
			return nil, fmt.Errorf("catalogue: object %s, row %d, has no candidates: %s; %s",
				r.ids[row], row, o.fate, o.detail)
		}
		drawn.Index = row
		all = append(all, *drawn)
	}
	return all, nil
}

package main

import (
	"context"
	"fmt"
	"path/filepath"

	"galdecon/galdecon/catalogue"
	"galdecon/galdecon/catalogue/table"
	"galdecon/internal/console"
	"galdecon/plotting"
)

const (
	// worstShown are the objects in worst.png, and worstCandidates what is drawn of each again for
	// it.
	worstShown, worstCandidates = 12, 8
)

// saveFigures writes how the objects scatter, and those that are to be trusted least, beside the
// table, and returns the files' names. What can't be shown is said.
func saveFigures(ctx context.Context, t *table.Table, job catalogue.Job, model catalogue.Model,
	c *console.Console) (written []string, err error) {
	corner, err := plotting.CatalogueCorner(t).Figure()
	if err != nil { // too few, or all alike
		c.Printf("no corner.png, which takes 8 objects that differ: %v", err)
	} else {
		path := filepath.Join(job.Dir, "corner.png")
		if err := corner.Save(path); err != nil {
			return nil, err
		}
		written = append(written, path)
	}
	rows := catalogue.Worst(t, worstShown)
	switch {
	case len(rows) == 0:
		return written, nil
	case model.Sampler == nil:
		c.Printf("no worst.png: merge draws it where the images and --psf are given as well")
		return written, nil
	}
	c.Status("drawing the objects that candidates explain worst")
	drawn, err := job.Draw(ctx, model, min(job.Candidates, worstCandidates), rows...)
	if err != nil {
		return nil, err
	}
	worst := plotting.Residuals{Posteriors: drawn, Title: "What candidates explain worst"}
	for i, row := range rows {
		worst.Captions = append(worst.Captions, fmt.Sprintf("%s: χ² %.3g",
			drawn[i].Observation.ID(0), t.Column("chi2").Float(row)))
	}
	figure, err := worst.Figure()
	if err != nil {
		return nil, err
	}
	path := filepath.Join(job.Dir, "worst.png")
	return append(written, path), figure.Save(path)
}

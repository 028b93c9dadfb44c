package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"galdecon/galdecon/pretrained"
	"galdecon/galdecon/scorecard"
	"galdecon/internal/console"
)

// surveyModel is measured over its survey where none is named.
const surveyModel = "galaxy"

// survey measures one model over its survey, and writes nothing but the table to out.
func survey(ctx context.Context, f scoreFlags, out io.Writer, c *console.Console) error {
	if err := f.checkFormat(); err != nil {
		return err
	}
	if len(f.models) != 1 || len(f.samplers) > 1 {
		return errors.New("--survey measures one model with one sampler; compare runs of several, " +
			"with a folder for each")
	}
	c.Status("loading the model")
	dir, err := pretrained.Folder(f.models[0])
	if err != nil {
		return err
	}
	sampler := ""
	if len(f.samplers) == 1 {
		sampler = f.samplers[0]
	}
	strata, err := scorecard.LoadStrata(filepath.Base(f.models[0]), dir, sampler)
	if err != nil {
		return err
	}
	strata.N, strata.Candidates, strata.Seed = f.N, f.Candidates, f.Seed
	start := time.Now()
	card, err := strata.Run(ctx, f.out, status(c))
	if err != nil {
		return err
	}
	c.Printf("%d galaxies in %v; results in %s", card.Galaxies,
		time.Since(start).Round(time.Second), f.out)
	if f.html != "" {
		p, err := surveyPage(card)
		if err != nil {
			return err
		}
		if err := p.write(f.html); err != nil {
			return err
		}
	}
	switch f.format {
	case "csv":
		return card.WriteCSV(out)
	case "json":
		return writeJSON(out, card)
	}
	_, err = fmt.Fprint(out, card)
	return err
}

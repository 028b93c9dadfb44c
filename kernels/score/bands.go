package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"galdecon/galdecon/pretrained"
	"galdecon/galdecon/scorecard"
	"galdecon/internal/console"
)

// bands measures one model on galaxies in several bands, and writes nothing but the figures to out.
func bands(ctx context.Context, f scoreFlags, out io.Writer, c *console.Console) error {
	if f.format != "text" && f.format != "json" {
		return fmt.Errorf("there is no format %q of figures in bands; choose text or json", f.format)
	}
	if len(f.models) != 1 {
		return errors.New("--bands measures one model; run it for each of several")
	}
	c.Status("loading the model")
	m, err := pretrained.Load(f.models[0])
	if err != nil {
		return err
	}
	if m.Config.Survey == nil {
		return fmt.Errorf("the model %s isn't trained on a survey, which would show what bands "+
			"see; take one that is, such as galaxy", f.models[0])
	}
	config := scorecard.BandConfig{Galaxies: f.N, Size: m.Config.Size, Bands: f.bands,
		Candidates: f.Candidates, Seed: f.Seed}
	card, err := config.Run(ctx, filepath.Base(f.models[0]), m,
		func(_ float64, line string) { c.Status(line) })
	if err != nil {
		return err
	}
	if f.format == "json" {
		return writeJSON(out, card)
	}
	_, err = fmt.Fprint(out, card)
	return err
}

// Command realdata measures a model on real galaxies and on pictures of simulated ones, of any
// size, PSF, weights, gaps and noise:
//
//	go run ./testdata/realdata -data ../shared/data -model galaxy -candidates 16 -out DIR
//
// or adapts it to a survey of such stamps and measures it before and after, on others:
//
//	go run ./testdata/realdata -data ../shared/data -adapt illustris -out DIR
//
// What was measured is kept in DIR/records.jsonl, a line for each object and setting, and isn't
// measured again for the same weights and number of candidates. The tables of all parts that were
// asked for are printed, and written to DIR/tables.txt and DIR/tables.json.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"

	"galdecon/galdecon"
	"galdecon/galdecon/pretrained"
	"galdecon/internal/atomicfile"
)

// part is one kind of data.
type part struct {
	name, title string
	run         func(*lab) error
	tables      func(title string, records []record) []table
}

var parts = []part{
	{"cosmos", "COSMOS galaxies on their own pixels, blurred by a Gaussian", cosmos, knownTables},
	{"lsst", "COSMOS galaxies at a seeing of 0.7″, pixels of 0.21″", lsst, knownTables},
	{"own", "COSMOS galaxies as they come, with their own PSFs", own, ownTables},
	{"illustris", "Illustris, pictures, σ 1.5 pixels",
		pictures("illustris", "galaxies", "illustris"), knownTables},
	{"goods", "GOODS, pictures, σ 1.5 pixels", pictures("goods", "goods", "goods_full"),
		knownTables},
	{"case13", "Noise that neighbors share, as after drizzling", case13, fluxTables},
	{"nircam", "Galaxies added to a drizzled NIRCam image", nircam, fluxTables},
	{"gal", "gal1 and gal2, with σ map and mask", galFiles, asIsTables},
	{"hsc", "hsc_cosmos_35, five bands", hsc, asIsTables},
	{"vary", "vary_images, a PSF each", vary, asIsTables},
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "realdata:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	var names []string
	for _, p := range parts {
		names = append(names, p.name)
	}
	l := &lab{ctx: ctx}
	model := flag.String("model", "galaxy", "a shipped model's name, or the folder of a model")
	only := flag.String("only", strings.Join(names, ","), "the parts to measure")
	out := flag.String("out", "realdata-results", "the folder for results")
	flag.StringVar(&l.data, "data", "../shared/data", "the folder with the data")
	flag.IntVar(&l.candidates, "candidates", 16, "candidates of each observation")
	flag.IntVar(&l.n, "n", 0, "objects of each part, 0 for all")
	flag.Int64Var(&l.seed, "seed", 1, "seed of noise and candidates")
	flag.IntVar(&l.size, "size", 32, "side of the pictures in pixels: 32, 64 or 128")
	flag.BoolVar(&l.whiteOnly, "white", false,
		"tell the model of the noise that was added, not of that in the truth's picture")
	survey := flag.String("adapt", "", "adapt the model to a survey: illustris, goods or cosmos")
	var a galdecon.Adaptation
	flag.IntVar(&a.Rounds, "rounds", 0, "rounds of an adaptation, 0 for the default")
	flag.IntVar(&a.Steps, "steps", 0, "steps of each, 0 for the default")
	flag.Float64Var(&a.Gain, "gain", 0, "of each, 0 for the default")
	flag.Float64Var(&a.LearningRate, "rate", 0, "learning rate of each, 0 for the default")
	flag.Parse()
	if l.candidates < 2 {
		return fmt.Errorf("at least 2 candidates are needed, got %d", l.candidates)
	}

	dir, err := pretrained.Folder(*model)
	if err != nil {
		return err
	}
	if l.name, err = hash(dir); err != nil {
		return err
	}
	if l.model, err = pretrained.Load(*model); err != nil {
		return err
	}
	if l.model.Config.Survey == nil {
		return fmt.Errorf("%s takes only stamps of %d pixels; give a model with a Survey", *model,
			l.model.Config.Size)
	}
	if err := l.open(*out); err != nil {
		return err
	}
	if *survey != "" {
		a.Seed = l.seed
		tables, err := l.adapt(*survey, dir, *out, a)
		if err != nil {
			return err
		}
		return write(*out, tables)
	}
	var all []table
	for _, name := range strings.Split(*only, ",") {
		i := slices.IndexFunc(parts, func(p part) bool { return p.name == name })
		if i < 0 {
			return fmt.Errorf("there is no part %q; choose of %s", name, strings.Join(names, ","))
		}
		err := parts[i].run(l)
		all = append(all, parts[i].tables(parts[i].title, l.part(name))...)
		if err != nil {
			return err
		}
	}
	return write(*out, all)
}

// write prints tables, and writes them as text and JSON.
func write(dir string, all []table) error {
	var text strings.Builder
	for _, t := range all {
		text.WriteString(t.String())
	}
	fmt.Print(text.String())
	data, err := json.MarshalIndent(all, "", "\t")
	if err != nil {
		return err
	}
	if err := atomicfile.WriteFile(filepath.Join(dir, "tables.json"), data); err != nil {
		return err
	}
	return atomicfile.WriteFile(filepath.Join(dir, "tables.txt"), []byte(text.String()))
}

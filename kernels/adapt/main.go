// Command adapt fits the prior of a model to stamps of a survey. It is a program of its own for the
// galdecon command, which starts it: that one must start fast, and is built without XLA.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"galdecon/galdecon"
	"galdecon/galdecon/observe"
	"galdecon/galdecon/pretrained"
	"galdecon/internal/console"
	"galdecon/kernels/internal/program"
)

func main() { program.Main(command()) }

// flags are what the command line says.
type flags struct {
	psfs             []string
	model, out, name string
	adaptation       galdecon.Adaptation
}

func command() *cobra.Command {
	var f flags
	cmd := &cobra.Command{
		Use:   "galdecon adapt STAMP…",
		Short: "Fit the prior of a model to a survey's own stamps",
		Long: `Learn what galaxies look like from blurred, noisy stamps of a survey, one galaxy each, without a
clean image: in each round candidates of all stamps are drawn and the model is trained on them, seen
anew through the survey's own PSFs, gaps and noise. Some stamps are left out and predicted after
each round; the model that predicts them best is kept. Sky, noise and gaps of a stamp are found in
its file as in "galdecon deconvolve". An interrupted run goes on in the folder that --out names when
it is started again, to the same result.`,
		Example: `  galdecon adapt stamps/*.fits --psf psf.fits
  galdecon adapt a.fits b.fits c.fits --psf a_psf.fits --psf b_psf.fits --psf c_psf.fits
  galdecon adapt stamps/*.fits --psf psf.fits --name mine    and galdecon deconvolve --model mine`,
		Args:          cobra.MinimumNArgs(1),
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.run(cmd.Context(), args, cmd.OutOrStdout(), console.New(os.Stderr))
		},
	}
	set := cmd.Flags()
	set.StringArrayVar(&f.psfs, "psf", nil, "`path` of the PSF; repeat for one of each stamp")
	set.StringVar(&f.model, "model", "galaxy", "`name` of a model (galdecon models), or its folder")
	set.StringVar(&f.out, "out", "adapted", "folder that keeps rounds and models")
	set.StringVar(&f.name, "name", "", "`name` under which the model is added to the library")
	set.IntVar(&f.adaptation.Rounds, "rounds", 0, "rounds (default 4)")
	set.IntVar(&f.adaptation.Candidates, "candidates", 0, "candidates of each stamp in a round "+
		"(default 2 to 8, so that all make 256)")
	set.IntVar(&f.adaptation.Members, "stamps", 0, "stamps that take their turn in a round "+
		"(default all, up to 1024)")
	set.IntVar(&f.adaptation.Steps, "steps", 0, "steps of each round's training (default 300)")
	set.IntVar(&f.adaptation.Size, "size", 0, "side in pixels of the stamps that are trained on "+
		"(default the model's, or what fits into the smallest)")
	set.Float64Var(&f.adaptation.HoldOut, "hold-out", 0, "share of the stamps that are left out "+
		"(default 0.2)")
	set.Int64Var(&f.adaptation.Seed, "seed", 1, "seed of all that is drawn")
	return cmd
}

func (f *flags) run(ctx context.Context, stamps []string, out io.Writer, c *console.Console) error {
	if len(f.psfs) != 1 && len(f.psfs) != len(stamps) {
		return fmt.Errorf("there are %d PSFs for %d stamps; give one --psf for all, or one of each "+
			"in the same order", len(f.psfs), len(stamps))
	}
	dir, err := pretrained.Folder(f.model)
	if err != nil {
		return err
	}
	var observations []observe.Observation
	for i, path := range stamps {
		if err := ctx.Err(); err != nil {
			return err
		}
		c.Status(fmt.Sprintf("reading stamp %d of %d", i+1, len(stamps)))
		field, err := galdecon.Open(path, f.psfs[min(i, len(f.psfs)-1)])
		if err != nil { // the others may do
			c.Printf("left out: %v", err)
			continue
		}
		field.Image.IDs = []string{path}
		observations = append(observations, field.Whole()...)
	}
	start := time.Now()
	result, err := galdecon.Adapt(ctx, dir, observations, f.adaptation, f.out,
		func(p galdecon.AdaptProgress) {
			if p.Check != nil {
				c.Printf("%v", *p.Check)
				return
			}
			c.Status(fmt.Sprintf("round %d of %d: %s, %.0f %%", p.Round, p.Rounds, p.Stage,
				100*p.Done))
		})
	if err != nil {
		return err
	}
	for _, r := range result.Refused {
		c.Printf("%v", r)
	}
	c.Printf("done in %v", time.Since(start).Round(time.Second))
	if _, err := fmt.Fprint(out, strings.TrimRight(result.String(), "\n"), "\n"); err != nil {
		return err
	}
	if f.name == "" || result.Best == 0 {
		return nil
	}
	m, err := pretrained.Add(ctx, f.name, result.Folder, "")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "it is the model %s now, SHA-256 %s\n", m.Name, m.SHA256)
	return err
}

// Command score makes the table that compares models with each other and with classical methods. It
// is a program of its own for the galdecon command, which starts it: that one must start fast, and
// is built without XLA.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"galdecon/galdecon"
	"galdecon/galdecon/pretrained"
	"galdecon/galdecon/scorecard"
	"galdecon/internal/console"
	"galdecon/kernels/internal/program"
)

// scoreFlags are what the scores are asked for on the command line.
type scoreFlags struct {
	scorecard.Options
	models, samplers []string
	wrong            []float64 // in per cent
	features         string
	survey           bool
	bands            int
	out, format      string
	html             string // file, "" for none
}

func main() { program.Main(command()) }

func command() *cobra.Command {
	var f scoreFlags
	defaults, broken := scorecard.DefaultsFromEnv()
	f.Options = defaults
	for _, w := range defaults.WidthErrors {
		f.wrong = append(f.wrong, 100*w)
	}
	cmd := &cobra.Command{
		Use: "galdecon score",
		Short: "Compare models with each other and with classical methods: Table 1, errors, " +
			"calibration",
		Long: `Compare models with Richardson-Lucy, Wiener's filter and doing nothing, on galaxies whose truth is
known: the figures of the paper's Table 1, errors of the best estimate, and calibration. Every
observation's result is kept in the folder that --out names; an interrupted run goes on there when
it is started again. Where a diffusion model and a CVAE are compared, the text ends with the paper's
Table 1 beside these figures; as CSV and JSON their differences are there as well.

With --survey one model that is trained on a survey is measured by itself: over exposures of all its
PSFs, weights, gaps and noise, in strata of these. More galaxies can be added to what is there.

With --bands such a model is measured on galaxies in several bands, which it draws together and each
apart.`,
		Example: `  galdecon score                                   the smallest shipped models
  galdecon score --galaxies hst --n 10             on Hubble's galaxies
  galdecon score --model checkpoints/mine --features none --n 200 --noise 0.01 --wrong 0
  galdecon score --model tiny --samplers own,ddim,ancestral-beta --released --format csv
  galdecon score --galaxies goods.npy.gz --subtract-sky  on pictures, from a file of stamps
  galdecon score --galaxies 'mosaic.fits[SCI,2]'   in the second image named SCI of a file
  galdecon score --psf stars.fits --wrong 3        through PSFs that are assumed 3 % too wide
  galdecon score --survey --model galaxy --n 1000 --candidates 16 --out survey --html survey.html
                                                   over all that the model's survey may see
  galdecon score --bands 3 --model galaxy --n 100 --candidates 16
                                                   colors, and what bands do for each other`,
		Args:          cobra.NoArgs,
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if broken != nil {
				return broken
			}
			if f.survey || f.bands > 0 {
				if !cmd.Flags().Changed("model") {
					f.models = []string{surveyModel}
				}
				if f.bands > 0 {
					return bands(cmd.Context(), f, cmd.OutOrStdout(), console.New(os.Stderr))
				}
				return survey(cmd.Context(), f, cmd.OutOrStdout(), console.New(os.Stderr))
			}
			return score(cmd.Context(), f, cmd.OutOrStdout(), console.New(os.Stderr))
		},
	}
	flags := cmd.Flags()
	flags.StringArrayVar(&f.models, "model", []string{"tiny", "tiny-cvae"},
		"`name` of a shipped model ("+strings.Join(pretrained.Names(), ", ")+
			") or the folder of a trained one; repeat for more")
	flags.StringSliceVar(&f.samplers, "samplers", nil,
		"how diffusion models sample, each as a method of its own, of "+
			strings.Join(scorecard.SamplerNames(), ", ")+
			"; with a number of steps as in ddim:50 (default own)")
	flags.StringVar(&f.Galaxies, "galaxies", f.Galaxies,
		"the truth: synthetic, hst, or the `path` of a file, a folder of files or a prepared set")
	flags.BoolVar(&f.SubtractSky, "subtract-sky", f.SubtractSky,
		"take its sky off each galaxy first: that of pictures isn't dark, as models are used to")
	flags.IntVar(&f.N, "n", f.N, "number of galaxies")
	flags.IntVar(&f.Candidates, "candidates", f.Candidates, "candidates of each observation")
	flags.Float64SliceVar(&f.Noise, "noise", f.Noise, "noise levels in units of the peak "+
		"(default the least, a third of the most and the most that the first model knows)")
	flags.Float64Var(&f.Sigma, "sigma", f.Sigma,
		"σ of the PSF in pixels (default the middle of what the first model knows)")
	flags.StringVar(&f.PSF, "psf", f.PSF, "`path` of measured PSFs in place of a Gaussian: an "+
		"image or a stack, centered and on the pixels of the models' images; galaxies have one "+
		"each, in turn")
	flags.Float64SliceVar(&f.wrong, "wrong", f.wrong, "by how many per cent the width of the PSF "+
		"that methods assume is wrong, at the first noise level; 0 for none")
	flags.Float64Var(&f.Epsilon, "epsilon", f.Epsilon, "slack ε of Eq. 3")
	flags.BoolVar(&f.Released, "released", f.Released,
		"show Table 1 as the paper's released program computes it as well, with its quirks")
	flags.Int64Var(&f.Seed, "seed", f.Seed, "seed of noise and candidates")
	flags.StringVar(&f.features, "features", "scattering", "`features` that Table 1's variance is "+
		"of: scattering (fixed), those of Inception with weights that are random, official "+
		"(downloaded once) or in a file by its path, or none")
	flags.StringVar(&f.out, "out", "scores", "folder that keeps the results")
	flags.StringVar(&f.format, "format", "text", "format of the table: text, csv or json")
	flags.StringVar(&f.html, "html", "",
		"write a report with figures as one HTML `file`, too")
	flags.BoolVar(&f.survey, "survey", false, "measure one model over all that its survey may see")
	flags.IntVar(&f.bands, "bands", 0, "measure one model on galaxies in so many `bands`, drawn "+
		"together and apart")
	for _, name := range []string{"out", "html", "samplers"} {
		cmd.MarkFlagsMutuallyExclusive("bands", name)
	}
	cmd.MarkFlagsMutuallyExclusive("bands", "survey")
	for _, name := range []string{"galaxies", "subtract-sky", "noise", "sigma", "psf", "wrong",
		"epsilon", "released", "features"} {
		cmd.MarkFlagsMutuallyExclusive("bands", name)
		cmd.MarkFlagsMutuallyExclusive("survey", name)
	}
	return cmd
}

// checkFormat returns an error if there is no such format of a table.
func (f scoreFlags) checkFormat() error {
	if formats := []string{"text", "csv", "json"}; !slices.Contains(formats, f.format) {
		return fmt.Errorf("there is no format %q; choose one of %s", f.format,
			strings.Join(formats, ", "))
	}
	return nil
}

// score compares, and writes nothing but the table to out.
func score(ctx context.Context, f scoreFlags, out io.Writer, c *console.Console) error {
	if err := f.checkFormat(); err != nil {
		return err
	}
	f.WidthErrors = nil
	for _, w := range f.wrong {
		f.WidthErrors = append(f.WidthErrors, w/100)
	}
	c.Status("loading the models")
	methods, model, err := f.load()
	if err != nil {
		return err
	}
	config, err := f.Config(model)
	if err != nil {
		return err
	}
	for _, note := range config.Notes {
		c.Printf("%s", note)
	}
	config.Methods = append(methods, scorecard.Classical()...)
	// What is wrong with them should show before a download.
	if err := config.Validate(); err != nil {
		return err
	}
	config.Features, err = scorecard.ChooseFeatures(ctx, f.features, func(done, total int64) {
		c.Status(fmt.Sprintf("downloading Inception's weights: %d of %d MB", done/1e6, total/1e6))
	})
	if err != nil {
		return err
	}
	start := time.Now()
	card, err := scorecard.Run(ctx, config, f.out, status(c))
	if err != nil {
		return err
	}
	c.Printf("%d observations by methods in %v; results in %s", len(card.Rows)*card.Galaxies,
		time.Since(start).Round(time.Second), f.out)
	if f.html != "" {
		p, err := comparisonPage(card)
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
	return write(out, card)
}

// status returns what shows how far a run is, and how long it will take.
func status(c *console.Console) func(scorecard.Progress) {
	var first time.Time // of the first report, and the share that is done by then
	var there float64
	return func(p scorecard.Progress) {
		if first.IsZero() {
			first, there = time.Now(), p.Share()
		}
		left := ""
		if done := p.Share() - there; done > 0 {
			rest := time.Duration(float64(time.Since(first)) * (1 - p.Share()) / done)
			left = fmt.Sprintf(", about %v left", rest.Round(time.Second))
		}
		c.Status(p.String() + left)
	}
}

func writeJSON(out io.Writer, card any) error {
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(card)
}

// write writes the card as text, with Table 1 for each diffusion model and CVAE in the first
// setting in which they're compared.
func write(out io.Writer, card scorecard.Card) error {
	if _, err := fmt.Fprint(out, card); err != nil {
		return err
	}
	for _, d := range card.Differences {
		if d.Setting != card.Differences[0].Setting {
			break
		}
		table, err := card.TableOne(d.Diffusion, d.CVAE, d.Setting)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(out, "\n%s", table); err != nil {
			return err
		}
	}
	return nil
}

// load loads the models, and returns the configuration of the first.
func (f scoreFlags) load() (methods []scorecard.Method, first galdecon.Config, err error) {
	for i, name := range f.models {
		dir, err := pretrained.Folder(name)
		if err != nil {
			return nil, first, err
		}
		loaded, config, err := scorecard.Load(filepath.Base(name), dir, f.samplers...)
		if err != nil {
			return nil, first, err
		}
		if i == 0 {
			first = config
		}
		if config.Size != first.Size || config.Channels != first.Channels {
			return nil, first, fmt.Errorf("%s takes images of %d×%[2]d pixels with %[3]d "+
				"channel(s), %s of %d×%[5]d with %[6]d; compare each with others of its kind",
				name, config.Size, config.Channels, f.models[0], first.Size, first.Channels)
		}
		methods = append(methods, loaded...)
	}
	return methods, first, nil
}

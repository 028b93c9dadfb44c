// Command deconvolve goes from a catalogue and images to a catalogue with error bars. It is a
// program of its own for the galdecon command, which starts it: that one must start fast, and is
// built without XLA.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"galdecon/galdecon/catalogue"
	"galdecon/galdecon/pretrained"
	"galdecon/internal/console"
	"galdecon/kernels/internal/program"
)

func main() { program.Main(command()) }

// jobFlags are what the command line says of a job.
type jobFlags struct {
	images                      []string
	catalogue                   string
	psfs, weights, masks        []string
	model, out                  string
	candidates, batch           int
	seed                        int64
	aperture                    float64
	shards, shard               int
	draws, cubes                bool
	id, x, y, origin            string
	ra, dec, radius             string
	slurm                       bool
	partition, account, limit   string
	cpus, gpus, memory, restart int
}

func command() *cobra.Command {
	var f jobFlags
	cmd := &cobra.Command{
		Use:   "galdecon deconvolve IMAGE…",
		Short: "Deconvolve the objects of a catalogue: a table with error bars, and draws",
		Long: `Cut a stamp of each object of a catalogue from images, draw candidates of the galaxy
without blur, and write the catalogue with what they say: fluxes, sizes, shapes and centers with
error bars, as FITS and Parquet; beside it how they scatter (corner.png), and the observations that
candidates explain worst (worst.png). Results are kept in the folder that --out names as they come;
an interrupted run goes on there when it is started again. They are the same to the bit whatever
else is in the catalogue, and in how many shards it is done.`,
		Example: `  galdecon deconvolve field.fits --catalogue field.cat --psf psf.fits
  galdecon deconvolve stamp.fits --psf psf.fits       the whole stamp as one object
  galdecon deconvolve 'a.fits[SCI]' b.fits --catalogue all.parquet --ra RA --dec DEC --psf psf.fits
  galdecon deconvolve field.fits --catalogue field.cat --psf psf.fits --shards 8 --shard 3
  galdecon deconvolve merge --catalogue field.cat     the table of what shards have done
  galdecon deconvolve field.fits --catalogue field.cat --psf psf.fits --shards 8 --slurm`,
		Args:          cobra.MinimumNArgs(1),
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE: func(cmd *cobra.Command, args []string) error {
			f.images = args
			c := console.New(os.Stderr)
			if args[0] == mergeVerb {
				f.images = args[1:]
				return f.merge(cmd.Context(), cmd.OutOrStdout(), c)
			}
			if f.slurm {
				return f.submit(cmd.Context(), cmd.OutOrStdout(), c)
			}
			return f.run(cmd.Context(), cmd.Flags().Changed("shard"), cmd.OutOrStdout(), c)
		},
	}
	f.define(cmd)
	return cmd
}

// mergeVerb is written in front of the images to make the table of what shards have done.
const mergeVerb = "merge"

func (f *jobFlags) define(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.catalogue, "catalogue", "", "`path` of the table of objects: FITS, CSV, "+
		"ECSV, SExtractor's or Parquet; without it each image is one object, in its middle")
	flags.StringArrayVar(&f.psfs, "psf", nil, "`path` of the PSF, or of a grid of them with their "+
		"places; repeat for one of each image")
	flags.StringArrayVar(&f.weights, "weight", nil, "`path` of a map of inverse variances; repeat "+
		"for one of each image")
	flags.StringArrayVar(&f.masks, "mask", nil, "`path` of a map of pixels without data, any "+
		"value but 0; repeat for one of each image")
	flags.StringVar(&f.model, "model", "galaxy", "`name` of a shipped model ("+
		strings.Join(pretrained.Names(), ", ")+") or the folder of a trained one")
	flags.StringVar(&f.out, "out", "deconvolved", "folder that keeps the results")
	flags.IntVar(&f.candidates, "candidates", 32, "candidates of each object")
	flags.Int64Var(&f.seed, "seed", 1, "seed of the candidates")
	flags.Float64Var(&f.aperture, "aperture", 0, "radius in pixels in which candidates are "+
		"measured (default a quarter of the stamp)")
	flags.IntVar(&f.batch, "batch", 32, "objects that are stored together, and lost if it is "+
		"stopped")
	flags.BoolVar(&f.draws, "draws", false, "keep what is measured of each candidate, also as "+
		"draws.zarr for ArviZ")
	flags.BoolVar(&f.cubes, "cubes", false, "keep all candidates, a FITS cube of each object, with "+
		"world coordinates")
	flags.IntVar(&f.shards, "shards", 1, "number of shards that the rows are parted into")
	flags.IntVar(&f.shard, "shard", 0, "do this shard alone, counted from 0")
	flags.StringVar(&f.id, "id", "", "`column` of the ids, unless it is recognized")
	flags.StringVar(&f.x, "x", "", "`column` of the columns of positions in pixels")
	flags.StringVar(&f.y, "y", "", "`column` of the rows")
	flags.StringVar(&f.origin, "origin", "", "what the first pixel is in these columns: 0 or 1")
	flags.StringVar(&f.ra, "ra", "", "`column` of the right ascension")
	flags.StringVar(&f.dec, "dec", "", "`column` of the declination")
	flags.StringVar(&f.radius, "radius", "", "`column` of the sizes in pixels")
	flags.BoolVar(&f.slurm, "slurm", false, "submit the shards to SLURM, follow them, and merge")
	flags.StringVar(&f.partition, "partition", "", "SLURM's partition")
	flags.StringVar(&f.account, "account", "", "SLURM's account")
	flags.StringVar(&f.limit, "time", "", "SLURM's limit for a shard, such as 2:00:00")
	flags.IntVar(&f.cpus, "cpus", 0, "processors for a shard, of SLURM")
	flags.IntVar(&f.gpus, "gpus", 0, "GPUs for a shard, of SLURM")
	flags.IntVar(&f.memory, "memory", 0, "memory for a shard in MB, of SLURM")
	flags.IntVar(&f.restart, "tries", 2, "how often a shard is submitted before it is given up")
}

// run does a shard, or all and merges them.
func (f *jobFlags) run(ctx context.Context, one bool, out io.Writer, c *console.Console) error {
	c.Status("loading the model")
	model, err := f.loadModel(c)
	if err != nil {
		return err
	}
	job, err := f.job()
	if err != nil {
		return err
	}
	for _, note := range job.Table.Notes {
		c.Printf("%s", note)
	}
	recognized, err := catalogue.Recognize(job.Table, job.Columns)
	if err != nil {
		return err
	}
	c.Printf("%d objects; %s", job.Table.Rows(), recognized)
	start := time.Now()
	job.Report = func(p catalogue.Progress) { c.Status(p.String()) }
	first, end := 0, f.shards
	if one {
		first, end = f.shard, f.shard+1
	}
	for shard := first; shard < end; shard++ {
		part := job
		part.Shard = shard
		if err := part.Run(ctx, model); err != nil {
			return err
		}
	}
	c.Printf("done in %v", time.Since(start).Round(time.Second/10))
	if one {
		_, err := fmt.Fprintf(out, "shard %d of %d is in %s\n", f.shard, f.shards, f.out)
		return err
	}
	return f.write(ctx, job, model, out, c)
}

// merge writes the table of what shards have done.
func (f *jobFlags) merge(ctx context.Context, out io.Writer, c *console.Console) error {
	job, model := catalogue.Job{Dir: f.out}, catalogue.Model{}
	var err error
	if len(f.images) == 0 { // enough for the table
		err = f.loadTable(&job)
	} else if job, err = f.job(); err == nil {
		model, err = f.loadModel(c)
	}
	if err != nil {
		return err
	}
	return f.write(ctx, job, model, out, c)
}

// write writes the results in all formats and figures of them, and says what became of the objects.
// Without images or a model there is no figure of objects.
func (f *jobFlags) write(ctx context.Context, job catalogue.Job, model catalogue.Model,
	out io.Writer, c *console.Console) error {
	t, err := catalogue.Merge(f.out, job.Table)
	if err != nil {
		return err
	}
	written, err := save(f.out, t, job, c)
	if err != nil {
		return err
	}
	figures, err := saveFigures(ctx, t, job, model, c)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%s\n%s\n", summary(t), strings.Join(append(written, figures...), "\n"))
	return err
}

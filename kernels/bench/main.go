// Command bench measures how fast galdecon is on this machine. It is a program of its own for the
// galdecon command, which starts it: that one must start fast, and is built without XLA.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/spf13/cobra"

	"galdecon/galdecon/speed"
	"galdecon/internal/console"
	"galdecon/kernels/internal/program"
)

// serve is what the program is called with to measure in a process of its own.
const serve = "measure"

func main() { program.Main(command(speed.Models)) }

// benchFlags are what is asked for on the command line.
type benchFlags struct {
	json, against string
	quick, growth bool
	rounds        int
	devices       int
	atLeast       time.Duration // for each row in a round
}

// extent returns how much is measured.
func (f benchFlags) extent() speed.Extent {
	switch {
	case f.quick:
		return speed.Quick
	case f.growth:
		return speed.Growing
	}
	return speed.All
}

// command is the command line. It measures the models that a function names.
func command(models func(cpu bool, e speed.Extent) ([]speed.Model, error)) *cobra.Command {
	f := benchFlags{atLeast: time.Second}
	cmd := &cobra.Command{
		Use:   "galdecon bench",
		Short: "Measure how fast galdecon is on this machine",
		Long: `Measure how fast galdecon is on this machine: evaluations of the network, training
steps, candidates a second, the time to a first candidate, and memory, for 32, 64
and 128 pixels, beside the rate of a matrix product. docs/speed.md says what the
rows mean. All is measured once in each round, in processes of its own. Where a
number takes three values or more, by what power of it the time grows is fitted.`,
		Example: `  galdecon bench
  galdecon bench --quick --json before.json
  galdecon bench --quick --against before.json
  galdecon bench --growth
  GALDECON_BACKEND=cuda galdecon bench                  on a GPU`,
		Args:              cobra.NoArgs,
		SilenceErrors:     true,
		SilenceUsage:      true,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
		RunE: func(cmd *cobra.Command, _ []string) error {
			return bench(cmd.Context(), f, models, cmd.OutOrStdout(), console.New(os.Stderr))
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.json, "json", "", "`file` to store the run in; rounds are added to those "+
		"of the same build on the same machine that are there")
	flags.StringVar(&f.against, "against", "", "`file` of a stored run to compare with")
	flags.IntVar(&f.rounds, "rounds", 3, "how often each row is measured")
	flags.BoolVar(&f.quick, "quick", false, "leave out the paper's network")
	flags.BoolVar(&f.growth, "growth", false, "measure how the cost of a candidate of galaxy grows")
	cmd.MarkFlagsMutuallyExclusive("quick", "growth")
	flags.IntVar(&f.devices, "devices", 1, "number of devices to spread a training step over")
	cmd.AddCommand(&cobra.Command{
		Use:    serve,
		Short:  "Measure what another process asks for",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return speed.Serve(cmd.Context(), cmd.InOrStdin(), cmd.OutOrStdout())
		},
	})
	return cmd
}

// bench measures, and writes nothing but the table to out.
func bench(
	ctx context.Context, f benchFlags,
	named func(cpu bool, e speed.Extent) ([]speed.Model, error), out io.Writer, c *console.Console,
) error {
	// What is wrong with files should show before minutes of work.
	var against *speed.Run
	if f.against != "" {
		stored, err := speed.Load(f.against)
		if err != nil {
			return err
		}
		against = &stored
	}
	var run speed.Run
	if f.json != "" {
		var err error
		if run, err = speed.Load(f.json); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	program, err := os.Executable()
	if err != nil {
		return err
	}
	options := speed.Options{Program: []string{program, serve}, Rounds: f.rounds,
		AtLeast: f.atLeast, Devices: f.devices}
	c.Status("looking at the machine")
	setup, err := speed.Describe(ctx, options)
	if err != nil {
		return err
	}
	if len(run.Rows) > 0 && !run.Setup.Same(setup) {
		return fmt.Errorf("rounds can't be added to %s; give --json another file: %w", f.json,
			run.Add(speed.Run{Setup: setup}))
	}
	models, err := named(setup.CPU, f.extent())
	if err != nil {
		return err
	}
	start := time.Now()
	measured, err := speed.Measure(ctx, setup, models, options, c.Status)
	if err != nil {
		return err
	}
	c.Printf("measured in %v", time.Since(start).Round(time.Second))
	if len(run.Rows) == 0 {
		run = measured
	} else if err := run.Add(measured); err != nil {
		return errors.Join(measured.Write(out, against),
			fmt.Errorf("rounds can't be added to %s; give --json another file: %w", f.json, err))
	}
	if f.json != "" {
		if err := run.Save(f.json); err != nil {
			return err
		}
	}
	return run.Write(out, against)
}

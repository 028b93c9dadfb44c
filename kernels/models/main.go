// Command models lists the models that are here and adds others. It is a program of its own for the
// galdecon command, which starts it: that one must start fast, and is built without XLA.
package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"galdecon/galdecon"
	"galdecon/galdecon/pretrained"
	"galdecon/galdecon/table"
	"galdecon/internal/console"
	"galdecon/kernels/internal/program"
)

func main() { program.Main(command()) }

func command() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "galdecon models [NAME]",
		Short: "List the models that are here, and add others",
		Long: `List the models that are here: those that come with galdecon, and those that were added to the
library in its per-user directory. With a name, or the folder of a model, show its card: what it
knows, how accurate it is, its size and hash.`,
		Example: `  galdecon models
  galdecon models galaxy
  galdecon models add mine checkpoints/mine           the folder of a model
  galdecon models add theirs https://example.org/theirs.safetensors --sha256 HASH
  galdecon models pack mine mine.safetensors          one file, for others and for Python
  galdecon models recalibrate mine                    correct its error bars by simulated galaxies
  galdecon models remove mine`,
		Args:          cobra.MaximumNArgs(1),
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				return show(cmd.OutOrStdout(), args[0])
			}
			return list(cmd.OutOrStdout())
		},
	}
	cmd.CompletionOptions.DisableDefaultCmd = true
	cmd.SetHelpCommand(&cobra.Command{Hidden: true})
	cmd.AddCommand(add(), pack(), recalibrate(), remove())
	return cmd
}

func add() *cobra.Command {
	var hash string
	cmd := &cobra.Command{
		Use:   "add NAME FOLDER|FILE|URL",
		Short: "Put a model into the library, from its folder or a packed file",
		Args:  cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if _, err := pretrained.Add(cmd.Context(), args[0], args[1], hash); err != nil {
				return err
			}
			return show(cmd.OutOrStdout(), args[0])
		},
	}
	cmd.Flags().StringVar(&hash, "sha256", "", "`hash` of the file; a URL needs one")
	return cmd
}

func pack() *cobra.Command {
	return &cobra.Command{
		Use:   "pack NAME FILE",
		Short: "Write a model as one safetensors file, and print its SHA-256",
		Args:  cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			dir, err := pretrained.Folder(args[0])
			if err != nil {
				return err
			}
			hash, err := galdecon.Pack(dir, args[1])
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s  %s\n", hash, args[1])
			return err
		},
	}
}

func recalibrate() *cobra.Command {
	c := galdecon.DefaultRecalibration()
	cmd := &cobra.Command{
		Use:   "recalibrate NAME|FOLDER",
		Short: "Learn how a model's error bars have to be corrected, and keep it beside the model",
		Long: `Learn how the error bars of a model have to be corrected, of simulated galaxies that
are neither trained on nor scored, and keep it beside the model, whose posteriors and catalogues use
it from then on. "galdecon score --survey" compares error bars with it and without.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			dir, err := pretrained.Folder(args[0])
			if err != nil {
				return err
			}
			m, err := galdecon.Load(dir)
			if err != nil {
				return err
			}
			status := console.New(os.Stderr)
			r, err := m.Recalibrate(cmd.Context(), c, func(_ float64, line string) {
				status.Status(line)
			})
			if err != nil {
				return err
			}
			if err := galdecon.SaveRecalibration(dir, r); err != nil {
				return err
			}
			status.Printf("%s", filepath.Join(dir, galdecon.RecalibrationFile))
			_, err = fmt.Fprint(cmd.OutOrStdout(), r)
			return err
		},
	}
	flags := cmd.Flags()
	flags.IntVar(&c.Galaxies, "n", c.Galaxies, "number of galaxies")
	flags.IntVar(&c.Candidates, "candidates", c.Candidates, "candidates of each")
	flags.Int64Var(&c.Seed, "seed", c.Seed, "seed of exposures and candidates")
	return cmd
}

func remove() *cobra.Command {
	return &cobra.Command{
		Use:   "remove NAME",
		Short: "Take a model out of the library",
		Args:  cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			return pretrained.Remove(args[0])
		},
	}
}

// list prints all models.
func list(out io.Writer) error {
	all, err := pretrained.List()
	if err != nil {
		return err
	}
	t := table.Table{Columns: []table.Column{{Name: "model"}, {Name: "from"},
		{Name: "knows"}, {Name: "MB"}, {Name: "SHA-256"}}}
	for _, m := range all {
		t.Add(table.Text(m.Name), table.Text(m.Origin), table.Text(m.Knows()), megabytes(m),
			table.Text(m.SHA256[:12]))
	}
	_, err = fmt.Fprintf(out, "%s\n\"galdecon models NAME\" shows how accurate one is.\n", t)
	return err
}

func megabytes(m pretrained.Model) table.Cell {
	return table.Number(float64(m.Bytes) / 1e6).As(table.Decimals(1))
}

// show prints the card of a model.
func show(out io.Writer, name string) error {
	m, err := pretrained.Find(name)
	if err != nil {
		return err
	}
	card := m.Card
	if card == "" {
		card = fmt.Sprintf("Nobody wrote a card: \"galdecon score --model %s\" measures how "+
			"accurate it is.\n", name)
	}
	_, err = fmt.Fprintf(out, "name     %s\nfrom     %s\nfolder   %s\nknows    %s\n"+
		"size     %.1f MB\nSHA-256  %s\n\n%s", m.Name, m.Origin, m.Folder, m.Knows(),
		float64(m.Bytes)/1e6, m.SHA256, card)
	return err
}

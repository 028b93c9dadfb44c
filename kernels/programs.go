package main

import (
	_ "embed"
	"fmt"
	"os"
	"slices"
	"syscall"

	"github.com/spf13/cobra"

	"galdecon/internal/home"
)

// What programs of their own say to --help, for whom they can't be built yet.
var (
	//go:embed score/help.txt
	scoreHelp string
	//go:embed bench/help.txt
	benchHelp string
	//go:embed deconvolve/help.txt
	deconvolveHelp string
	//go:embed adapt/help.txt
	adaptHelp string
	//go:embed models/help.txt
	modelsHelp string
)

func scores() *cobra.Command {
	return computes("score", scoreHelp,
		"Compare models with each other and with classical methods: Table 1, errors, calibration")
}

func benches() *cobra.Command {
	return computes("bench", benchHelp, "Measure how fast galdecon is on this machine")
}

func deconvolves() *cobra.Command {
	return computes("deconvolve", deconvolveHelp,
		"Deconvolve the objects of a catalogue: a table with error bars, and draws")
}

func adapts() *cobra.Command {
	return computes("adapt", adaptHelp, "Fit the prior of a model to a survey's own stamps")
}

func models() *cobra.Command {
	return computes("models", modelsHelp, "List the models that are here, and add others")
}

// computes is a command that hands everything on to a program of its own, in the folder of kernels
// of the same name.
func computes(name, help, short string) *cobra.Command {
	return &cobra.Command{
		Use:                name + " [FLAGS]",
		Short:              short,
		DisableFlagParsing: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			if slices.Contains(args, "--help") || slices.Contains(args, "-h") {
				_, err := fmt.Fprint(cmd.OutOrStdout(), help)
				return err
			}
			repo, err := home.FindRepo()
			if err != nil {
				return err
			}
			h, err := home.Open()
			if err != nil {
				return err
			}
			// Go's own message about cgo names no compiler.
			if _, err := home.CCompiler(cmd.Context()); err != nil {
				return fmt.Errorf("galdecon needs a C compiler: %w", err)
			}
			program, err := h.Program(cmd.Context(), repo, "kernels/"+name, "galdecon-"+name)
			if err != nil {
				return fmt.Errorf("the program of galdecon %s: %w", name, err)
			}
			// This process becomes the program, so that Ctrl-C and every other signal reach it.
			err = syscall.Exec(program, append([]string{program}, args...), os.Environ())
			return fmt.Errorf("starting %s: %w", program, err)
		},
	}
}

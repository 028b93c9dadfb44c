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

// scoreHelp is what the program that scores says to --help, for whom that program can't be built yet.
//
//go:embed score/help.txt
var scoreHelp string

// scores hands everything on to a program of its own, which computes.
func scores() *cobra.Command {
	return &cobra.Command{
		Use:                "score [FLAGS]",
		Short:              "Compare models with each other and with classical methods: Table 1, errors, calibration",
		DisableFlagParsing: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			if slices.Contains(args, "--help") || slices.Contains(args, "-h") {
				_, err := fmt.Fprint(cmd.OutOrStdout(), scoreHelp)
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
			program, err := h.Program(cmd.Context(), repo, "kernels/score", "galdecon-score")
			if err != nil {
				return fmt.Errorf("the program that scores: %w", err)
			}
			// This process becomes the program, so that Ctrl-C and every other signal reach it.
			return fmt.Errorf("starting %s: %w", program, syscall.Exec(program, append([]string{program}, args...), os.Environ()))
		},
	}
}

package main

import (
	"fmt"
	"os"
	"syscall"

	"github.com/spf13/cobra"

	"galdecon/internal/home"
)

// scores hands everything on to a program of its own, which computes.
func scores() *cobra.Command {
	return &cobra.Command{
		Use:                "score [FLAGS]",
		Short:              "Compare models with each other and with classical methods: Table 1, errors, calibration",
		DisableFlagParsing: true,
		RunE: func(cmd *cobra.Command, args []string) error {
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

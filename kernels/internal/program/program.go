// Package program is what the programs that the galdecon command starts have in common.
package program

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

// Main executes a command with the arguments of the process, until it is interrupted or terminated.
// An error is printed, and ends the process with the status 1.
func Main(cmd *cobra.Command) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := cmd.ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "galdecon:", err)
		os.Exit(1)
	}
}

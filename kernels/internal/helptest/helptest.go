// Package helptest executes a program that the galdecon command starts, and checks its help, which
// the command shows from a file.
package helptest

import (
	"bytes"
	"context"
	"flag"
	"os"
	"testing"

	"github.com/spf13/cobra"
)

var update = flag.Bool("update", false, "write the golden files anew")

// Execute executes a program's command with arguments, and returns what it prints.
func Execute(ctx context.Context, cmd *cobra.Command, args ...string) (string, error) {
	var out bytes.Buffer
	cmd.SetArgs(args)
	cmd.SetOut(&out)
	err := cmd.ExecuteContext(ctx)
	return out.String(), err
}

// Check checks that help.txt, in the folder of the program's tests, is the command's own help; with
// -update it writes it. The program's package is named for a message.
func Check(t *testing.T, cmd *cobra.Command, program string) {
	t.Helper()
	got, err := Execute(t.Context(), cmd, "--help")
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile("help.txt", []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want, err := os.ReadFile("help.txt"); err != nil || got != string(want) {
		t.Errorf("help.txt is of another version (%v); go test -run TestHelp -update "+
			"%s writes it anew:\n%s", err, program, got)
	}
}

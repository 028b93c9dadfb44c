// Package helptest checks the help of a program that the galdecon command starts, which the command
// shows from a file.
package helptest

import (
	"os"
	"testing"
)

// Check checks that help.txt, in the folder of the program's tests, is the program's own help got;
// with update it writes it. The program's package is named for a message.
func Check(t *testing.T, got, program string, update bool) {
	t.Helper()
	if update {
		if err := os.WriteFile("help.txt", []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want, err := os.ReadFile("help.txt"); err != nil || got != string(want) {
		t.Errorf("help.txt is of another version (%v); go test -run TestHelp -update "+
			"%s writes it anew:\n%s", err, program, got)
	}
}

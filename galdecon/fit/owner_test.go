package fit_test

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"galdecon/galdecon/fit"
)

// ownedEnv makes the test below the training that holds the folder.
const ownedEnv = "GALDECON_TEST_OWNED"

// A training in a folder where another program trains is refused, and told whose that is.
func TestBusyFolderNamesItsOwner(t *testing.T) {
	c := fit.Config{Steps: 1e8, Batch: 3, LearningRate: 0.01, EMA: 0.9, Seed: 7}
	images := random(10, 8)
	if dir := os.Getenv(ownedEnv); dir != "" {
		told := false
		err := fit.Run(t.Context(), problem(t, images, linear), c, dir, func(fit.Progress) {
			if !told {
				fmt.Println("training")
				told = true
			}
		})
		t.Fatal(err)
	}
	dir := t.TempDir()
	command := exec.Command(os.Args[0], "-test.run=^TestBusyFolderNamesItsOwner$")
	command.Env = append(os.Environ(), ownedEnv+"="+dir, fit.OwnerEnv+"=the kernel of first.ipynb")
	command.Stderr = os.Stderr
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = command.Process.Kill()
		_ = command.Wait()
	}()
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "training\n" {
		t.Fatalf("the other training says %q; %v", line, err)
	}
	err = fit.Run(t.Context(), problem(t, images, linear), c, dir, nil)
	if !errors.Is(err, fit.ErrBusy) {
		t.Fatalf("error %v, want %v", err, fit.ErrBusy)
	}
	for _, part := range []string{dir, "the kernel of first.ipynb",
		fmt.Sprintf("process %d", command.Process.Pid), "since 20"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %q lacks %q", err, part)
		}
	}
}

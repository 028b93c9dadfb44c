package fit_test

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"galdecon/galdecon/fit"
)

// folderEnv makes the test below the training that is killed: it holds the checkpoint folder.
const folderEnv = "GALDECON_TEST_TRAINING"

// A training that is killed with SIGKILL again and again, wherever it is, ends with the weights of
// one that ran through.
func TestKilledTrainingEndsTheSame(t *testing.T) {
	c := fit.Config{Steps: 3000, Batch: 3, LearningRate: 0.01, WarmUp: 5, EMA: 0.9, Seed: 7}
	images := random(10, 8)
	if dir := os.Getenv(folderEnv); dir != "" {
		if err := fit.Run(t.Context(), problem(t, images, linear), c, dir,
			func(p fit.Progress) { fmt.Println("step", p.Step) }); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Parallel()
	whole, killed := t.TempDir(), t.TempDir()
	if err := fit.Run(t.Context(), problem(t, images, linear), c, whole, nil); err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	const kills = 20
	resumed, done := 0, 0
	for run := 0; done < c.Steps; run++ {
		if run > 3*kills {
			t.Fatalf("after %d runs the training is at step %d", run, done)
		}
		command := exec.Command(os.Args[0], "-test.run=^TestKilledTrainingEndsTheSame$")
		command.Env = append(os.Environ(), folderEnv+"="+killed)
		command.Stderr = os.Stderr
		out, err := command.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := command.Start(); err != nil {
			t.Fatal(err)
		}
		begun := 0
		deadly := 1 + rng.IntN(c.Steps/(2*kills)) // steps in this run
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			var step int
			if n, _ := fmt.Sscanf(lines.Text(), "step %d", &step); n != 1 {
				if strings.HasPrefix(lines.Text(), "---") {
					t.Fatalf("run %d: %s", run, lines.Text())
				}
				continue
			}
			if begun == 0 {
				begun = step
			}
			done = step
			if run < kills && step == begun+deadly {
				// anywhere in a step, or in a save
				time.Sleep(time.Duration(rng.IntN(3000)) * time.Microsecond)
				if err := command.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
		err = command.Wait()
		if run >= kills && err != nil {
			t.Fatalf("run %d, which isn't killed: %v", run, err)
		}
		if begun > 1 {
			resumed++
		}
	}
	if resumed < kills-1 {
		t.Errorf("only %d runs went on from a checkpoint", resumed)
	}
	sameTraining(t, killed, whole)
}

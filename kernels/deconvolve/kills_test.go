package main

import (
	"flag"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

var kills = flag.Int("kills", 3, "how often TestKills kills the command")

// Killed at any moment again and again, and started again, the command ends with the table of one
// that wasn't, to the bit, and each time it has stored more.
func TestKills(t *testing.T) {
	dir := t.TempDir()
	// Enough that none has done all before it is killed, also where the machine is busy.
	image, psfs, catalogue := field(t, dir, int(math.Ceil(math.Sqrt(1.2*float64(*kills)+20))))
	args := []string{image, "--catalogue", catalogue, "--psf", psfs, "--candidates", "1", "--batch",
		"1", "--model", "tiny", "--cubes"}
	one, killed := filepath.Join(dir, "one"), filepath.Join(dir, "killed")
	if _, err := execute(t.Context(), append(args, "--out", one)...); err != nil {
		t.Fatal(err)
	}
	stored := func() int {
		parts, _ := filepath.Glob(filepath.Join(killed, "parts", "rows-*"))
		return len(parts)
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range *kills {
		cmd := exec.Command(os.Args[0], append(args, "--out", killed)...)
		cmd.Env = append(os.Environ(), commandEnv+"=1")
		cmd.Stderr = t.Output()
		before := stored()
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		for deadline := time.Now().Add(10 * time.Minute); stored() == before; {
			if time.Now().After(deadline) {
				t.Fatal("nothing is stored")
			}
			time.Sleep(time.Millisecond)
		}
		time.Sleep(time.Duration(random.IntN(60)) * time.Millisecond)
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		if cmd.Wait() == nil {
			t.Fatal("it ended before it was killed")
		}
	}
	t.Logf("%d objects were stored by runs that were killed", stored())
	if _, err := execute(t.Context(), append(args, "--out", killed)...); err != nil {
		t.Fatal(err)
	}
	alike(t, one, killed)
	figures(t, killed, "corner.png", "worst.png")
}

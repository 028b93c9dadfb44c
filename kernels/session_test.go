package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"galdecon/galdecon/fit"
	"galdecon/internal/home/hometest"
)

// TestSessionInANotebook has testdata/detach.py play a user of the session, and checks what the
// cells say.
func TestSessionInANotebook(t *testing.T) {
	h, repo := hometest.Installed(t)
	folder, temp := filepath.Join(t.TempDir(), "model"), t.TempDir()
	cmd := exec.Command(h.Python(), "-I", filepath.Join("testdata", "detach.py"), folder)
	mark := fmt.Sprintf("GALDECON_TEST_MARK=session/%d", os.Getpid())
	cmd.Env = append(h.Env(repo), mark, "TMPDIR="+temp)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s\n%s", err, out, stderr.Bytes())
	}
	type cell struct {
		Cell, Status, Said string
		Displays           int
		Seconds            float64
	}
	cells := map[string]cell{}
	decoder := json.NewDecoder(bytes.NewReader(out))
	for decoder.More() {
		var c cell
		if err := decoder.Decode(&c); err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %s in %.1f s, %d displays: %s", c.Cell, c.Status, c.Seconds, c.Displays, c.Said)
		if c.Status != "ok" {
			t.Errorf("%s ends with %s:\n%s", c.Cell, c.Status, c.Said)
		}
		cells[c.Cell] = c
	}
	if said := cells["train"].Said; !strings.HasSuffix(said, "detached\n") {
		t.Errorf("the interrupted cell doesn't detach: %q", said)
	}
	state := func(name string) (state string, step, pid int) {
		if _, err := fmt.Sscan(cells[name].Said, &state, &step, &pid); err != nil {
			t.Errorf("%s says %q: %v", name, cells[name].Said, err)
		}
		return state, step, pid
	}
	state1, step1, pid := state("state")
	state2, step2, pid2 := state("state later")
	if state1 != "running" || step1 < 300 || state2 != "running" || step2 <= step1 || pid2 != pid {
		t.Errorf("after the interrupt the training is %s at step %d, later %s at %d", state1, step1,
			state2, step2)
	}
	if watch := cells["watch"]; watch.Said != "detached\n" || watch.Displays != 2 {
		t.Errorf("the interrupted cell that shows the loss and candidates has %d displays and "+
			"says %q", watch.Displays, watch.Said)
	}
	if cells["sample"].Displays != 1 {
		t.Error("no picture of a sample in the midst of the training")
	}
	if said := cells["state after restart"].Said; !strings.Contains(said,
		"this session has no training in") {
		t.Errorf("after a restart: %q", said)
	}
	// What has ended, but nobody waits for, has no environment any more.
	if environ, _ := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid)); syscall.Kill(pid,
		0) == nil && len(environ) > 0 {
		t.Error("the session outlives its kernel")
	}
	if points, err := fit.History(folder); err != nil || len(points) == 0 ||
		points[len(points)-1].Step < step2 {
		t.Errorf("the session that ended with its kernel left the history %v, %v; want it to "+
			"step %d or later", points, err, step2)
	}
	if said := cells["open after kill"].Said; !strings.Contains(said,
		"ended unexpectedly: it was killed") || strings.Count(said, "\n") != 1 {
		t.Errorf("after a kill: %q, want one line that says so", said)
	}
	if said := cells["open again"].Said; said != "<nil>\n" {
		t.Errorf("at the second attempt: %q", said)
	}
	if left := marked(mark); len(left) > 0 {
		t.Errorf("processes left: %v", left)
	}
	if left, _ := filepath.Glob(filepath.Join(temp, "galdecon-*")); len(left) > 0 {
		t.Errorf("files left: %v", left)
	}
}

package main

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// startSLURM starts a SLURM of two nodes, or skips the test and says why.
func startSLURM(t *testing.T) {
	t.Helper()
	scripts, err := filepath.Abs("../../../shared/slurm")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(scripts, "start")); err != nil {
		t.Skip("there is no script to start a SLURM beside the repository")
	}
	for _, program := range []string{"sbatch", "slurmctld", "slurmd", "munge"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("there is no %s; install slurm-wlm and munge", program)
		}
	}
	if os.Geteuid() != 0 {
		t.Skip("only root starts the nodes of a SLURM")
	}
	// Its log stays where the test's own folder would be removed under it.
	dir, err := os.MkdirTemp("", "slurm-*")
	if err != nil {
		t.Fatal(err)
	}
	if said, err := exec.Command(filepath.Join(scripts, "start"), dir).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	t.Setenv("SLURM_CONF", filepath.Join(dir, "slurm.conf"))
	t.Cleanup(func() {
		if said, err := exec.Command(filepath.Join(scripts, "stop"), dir).CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, said)
		}
		os.RemoveAll(dir)
	})
}

// submission is the command with --slurm, on its way.
type submission struct {
	*exec.Cmd
	out, log bytes.Buffer
}

// submit starts the command in a process of its own.
func submit(t *testing.T, args ...string) *submission {
	t.Helper()
	s := &submission{Cmd: exec.Command(os.Args[0], append(args, "--slurm")...)}
	s.Env = append(os.Environ(), commandEnv+"=1")
	s.Stdout, s.Stderr = &s.out, &s.log
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	return s
}

// SLURM's shards make what one process makes, to the bit, though one of them is killed, and is
// submitted again alone. One that is killed each time is named, with its log, and what the others
// have done stays.
func TestSLURM(t *testing.T) {
	startSLURM(t)
	dir := t.TempDir()
	image, psfs, catalogue := field(t, dir, 2)
	args := []string{image, "--catalogue", catalogue, "--psf", psfs, "--candidates", "1",
		"--batch", "1", "--model", "tiny"}
	one, many := filepath.Join(dir, "one"), filepath.Join(dir, "many")
	if _, err := execute(t.Context(), append(args, "--out", one)...); err != nil {
		t.Fatal(err)
	}
	args = append(args, "--out", many, "--shards", "4")
	s := submit(t, args...)
	killed := make(chan int)
	stop := make(chan struct{})
	go func() { killed <- killShard(many, "2", stop) }()
	err := s.Wait()
	close(stop)
	if err == nil || !strings.Contains(s.log.String(), "shard 2 failed 2 times: ") ||
		!strings.Contains(s.log.String(), "shard-2.log") {
		t.Errorf("of the shard that is killed each time it says %v: %s", err, &s.log)
	}
	if n := <-killed; n != 2 || !strings.Contains(s.log.String(), "has 1 shards") {
		t.Errorf("the shard was killed %d times, and submitted as: %s", n, &s.log)
	}
	s = submit(t, args...)
	if err := s.Wait(); err != nil {
		t.Fatalf("%v: %s", err, &s.log)
	}
	if !strings.Contains(s.out.String(), "4 objects: 4 measured\n") ||
		!strings.Contains(s.log.String(), "has 1 shards") {
		t.Errorf("it says %q, %s", &s.out, &s.log)
	}
	alike(t, one, many)
	// What is finished isn't taken for the answer to another question.
	s = submit(t, append(args, "--seed", "99")...)
	if err := s.Wait(); err == nil ||
		!strings.Contains(s.log.String(), "are of another run: its Seed is") {
		t.Errorf("with another seed it says %v: %q, %s", err, &s.out, &s.log)
	}
}

// alike checks that two folders have the same tables.
func alike(t *testing.T, one, other string) {
	t.Helper()
	for _, name := range []string{"catalogue.fits", "catalogue.parquet"} {
		want, err := os.ReadFile(filepath.Join(one, name))
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join(other, name))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is another: %v", name, err)
		}
	}
}

// processes returns the processes whose command lines match.
func processes(match func(line []byte) bool) (pids []int) {
	commands, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, path := range commands {
		line, err := os.ReadFile(path)
		if err != nil || !match(line) {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path))); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

// killShard kills each process of a shard until it is stopped, and returns how many.
func killShard(out, shard string, stop <-chan struct{}) (n int) {
	for killed := map[int]bool{}; ; time.Sleep(50 * time.Millisecond) {
		for _, pid := range processes(func(line []byte) bool {
			return bytes.Contains(line, []byte("--out="+out+"\x00")) &&
				bytes.HasSuffix(line, []byte("\x00--shard\x00"+shard+"\x00"))
		}) {
			if !killed[pid] && syscall.Kill(pid, syscall.SIGKILL) == nil {
				killed[pid] = true
			}
		}
		select {
		case <-stop:
			return len(killed)
		default:
		}
	}
}

// node makes TestSLURMNode run, which waits for SLURM to notice, and to submit again what the node
// did.
var node = flag.Bool("node", false, "kill a node of SLURM as well, which takes minutes")

// A node that is killed with all that it does loses at most the batches that it was at: SLURM does
// its shards on the other one, to the same table.
func TestSLURMNode(t *testing.T) {
	if !*node {
		t.Skip("it takes minutes; go test -run SLURMNode -node ./kernels/deconvolve")
	}
	startSLURM(t)
	conf, err := os.OpenFile(os.Getenv("SLURM_CONF"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = conf.WriteString("SlurmdTimeout=10\n")
	if err := errors.Join(err, conf.Close()); err != nil {
		t.Fatal(err)
	}
	if said, err := exec.Command("scontrol", "reconfigure").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	dir := t.TempDir()
	image, psfs, catalogue := field(t, dir, 4)
	args := []string{image, "--catalogue", catalogue, "--psf", psfs, "--candidates", "8",
		"--batch", "1", "--model", "tiny"}
	one, many := filepath.Join(dir, "one"), filepath.Join(dir, "many")
	if _, err := execute(t.Context(), append(args, "--out", one)...); err != nil {
		t.Fatal(err)
	}
	s := submit(t, append(args, "--out", many, "--shards", "4")...)
	lost := killNode(t, "n2", many)
	start := time.Now()
	if err := s.Wait(); err != nil {
		t.Fatalf("%v: %s", err, &s.log)
	}
	t.Logf("node n2 was killed with %d processes; done %v later: %s", lost, time.Since(start),
		&s.log)
	alike(t, one, many)
}

// killNode kills the daemon of a node, as soon as it has stored results of its task, with all
// processes of its tasks, as when the power fails, and returns how many.
func killNode(t *testing.T, name, out string) (n int) {
	t.Helper()
	for range 6000 {
		time.Sleep(100 * time.Millisecond)
		tasks := processes(func(line []byte) bool {
			return bytes.Contains(line, []byte("--out="+out+"\x00")) &&
				bytes.Contains(line, []byte("\x00--shard\x00"))
		})
		var here []int
		for _, pid := range tasks {
			environment, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "environ"))
			if err == nil && bytes.Contains(environment, []byte("\x00SLURMD_NODENAME="+name+"\x00")) {
				here = append(here, pid)
			}
		}
		if parts, _ := filepath.Glob(filepath.Join(out, "parts", "rows-*")); len(here) == 0 ||
			len(parts) < 4 {
			continue
		}
		daemons := processes(func(line []byte) bool {
			return bytes.Equal(line, []byte("slurmd\x00-N\x00"+name+"\x00"))
		})
		for _, pid := range here { // and slurmstepd, which would tell the controller
			stat, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
			if err != nil {
				t.Fatal(err)
			}
			fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
			parent, err := strconv.Atoi(fields[1])
			if err != nil {
				t.Fatal(err)
			}
			daemons = append(daemons, parent)
		}
		if len(daemons) < 2 {
			t.Fatalf("no daemon of node %s was found", name)
		}
		for _, pid := range append(daemons, here...) {
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
				t.Error(err)
			}
			n++
		}
		return n
	}
	t.Fatal("the node has done nothing")
	return 0
}

// A shard that has failed too often is named with the end of its log.
func TestFailedShards(t *testing.T) {
	dir := t.TempDir()
	s := cluster{jobFlags: &jobFlags{restart: 2}, dir: dir}
	if err := os.WriteFile(filepath.Join(dir, "shard-3.log"),
		[]byte("reading\ngaldecon: the disk is full\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	err := s.failed([]int{3, 5})
	for _, want := range []string{"shard 3 failed 2 times: galdecon: the disk is full",
		"shard 5 failed 2 times"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v doesn't say %q", err, want)
		}
	}
}

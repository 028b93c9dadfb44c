package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
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

// SLURM's shards make what one process makes, to the bit, though one of them is killed, and is
// submitted again alone.
func TestSLURM(t *testing.T) {
	startSLURM(t)
	dir := t.TempDir()
	image, psfs, catalogue := field(t, dir, 2)
	args := []string{image, "--catalogue", catalogue, "--psf", psfs, "--candidates", "1",
		"--batch", "1"}
	one, many := filepath.Join(dir, "one"), filepath.Join(dir, "many")
	if _, err := execute(t.Context(), append(args, "--out", one)...); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0], append(args, "--out", many, "--shards", "4", "--slurm")...)
	cmd.Env = append(os.Environ(), commandEnv+"=1")
	var out, log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	killed := make(chan bool)
	go func() { killed <- killShard(many, "2") }()
	err := cmd.Wait()
	if err != nil {
		t.Fatalf("%v: %s", err, &log)
	}
	if !<-killed {
		t.Error("no process of shard 2 was found to be killed")
	}
	if !strings.Contains(log.String(), "try 2: job") || !strings.Contains(log.String(),
		"has 1 shards") {
		t.Errorf("the shard wasn't submitted again: %s", &log)
	}
	if !strings.HasPrefix(out.String(), "4 objects: ") {
		t.Errorf("it says %q", &out)
	}
	for _, name := range []string{"catalogue.fits", "catalogue.parquet"} {
		want, err := os.ReadFile(filepath.Join(one, name))
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join(many, name))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is another: %v", name, err)
		}
	}
}

// killShard kills the first process of a shard, as soon as there is one.
func killShard(out, shard string) bool {
	for range 6000 {
		commands, _ := filepath.Glob("/proc/[0-9]*/cmdline")
		for _, path := range commands {
			line, err := os.ReadFile(path)
			if err != nil || !bytes.Contains(line, []byte("--out="+out+"\x00")) ||
				!bytes.HasSuffix(line, []byte("\x00--shard\x00"+shard+"\x00")) {
				continue
			}
			var pid int
			for _, c := range filepath.Base(filepath.Dir(path)) {
				pid = 10*pid + int(c-'0')
			}
			return syscall.Kill(pid, syscall.SIGKILL) == nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	return false
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

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"galdecon/galdecon/catalogue"
	"galdecon/internal/atomicfile"
	"galdecon/internal/console"
)

// slurmDir is the folder of SLURM's scripts and logs within that of the results.
const slurmDir = "slurm"

// mergeLog is what the merge says, in that folder.
const mergeLog = "merge.log"

// pollEvery is how long the queue is left alone.
const pollEvery = 2 * time.Second

// cluster is a job in SLURM.
type cluster struct {
	*jobFlags
	dir     string // of scripts and logs
	program string
	job     catalogue.Job
	console *console.Console
}

// submit submits the shards that have rows without results, and the merge that depends on them,
// follows them, and submits again what failed.
func (f *jobFlags) submit(ctx context.Context, out io.Writer, c *console.Console) error {
	if _, err := exec.LookPath("sbatch"); err != nil {
		return fmt.Errorf("there is no SLURM here: %w; do the shards by --shard, and merge", err)
	}
	if err := f.absolute(); err != nil {
		return err
	}
	job, err := f.job()
	if err != nil {
		return err
	}
	// What is wrong with the job should show before anything waits in a queue.
	model, err := f.loadModel(c)
	if err != nil {
		return err
	}
	if err := job.Check(model); err != nil {
		return err
	}
	s := cluster{jobFlags: f, dir: filepath.Join(f.out, slurmDir), job: job, console: c}
	if s.program, err = os.Executable(); err != nil {
		return err
	}
	if err := os.MkdirAll(s.dir, 0o777); err != nil {
		return err
	}
	return s.follow(ctx, out)
}

// absolute makes the paths such that they hold on every node.
func (f *jobFlags) absolute() error {
	paths := []*string{&f.catalogue, &f.out}
	for _, list := range [][]string{f.images, f.psfs, f.weights, f.masks} {
		for i := range list {
			paths = append(paths, &list[i])
		}
	}
	if _, err := os.Stat(f.model); err == nil {
		paths = append(paths, &f.model)
	}
	for _, p := range paths {
		if *p == "" {
			continue
		}
		whole, err := filepath.Abs(*p)
		if err != nil {
			return err
		}
		*p = whole
	}
	return nil
}

// follow submits what is missing until nothing is, or a shard has failed too often.
func (s *cluster) follow(ctx context.Context, out io.Writer) error {
	array, merge, running := s.there(ctx)
	for try := 1; ; {
		left, err := catalogue.Unfinished(s.out, s.job.Table.Rows(), s.shards)
		if err != nil {
			return err
		}
		switch {
		case running:
			s.console.Printf("job %s is in the queue", array)
		case len(left) == 0:
			if err := s.wait(ctx, merge); err != nil {
				return err
			}
			return s.merged(ctx, out)
		case try > s.restart:
			return s.failed(left)
		default:
			if array, merge, err = s.start(ctx, left); err != nil {
				return err
			}
			s.console.Printf("try %d: job %s has %d shards, job %s merges them", try, array,
				len(left), merge)
			try++
		}
		running = false
		if err := s.wait(ctx, array); err != nil {
			return err
		}
	}
}

// merged says what the job that merges has said, or merges if none has.
func (s *cluster) merged(ctx context.Context, out io.Writer) error {
	text, err := os.ReadFile(filepath.Join(s.dir, mergeLog))
	if _, noTable := os.Stat(filepath.Join(s.out, tableName)); err != nil || noTable != nil {
		return s.merge(ctx, out, s.console)
	}
	_, err = out.Write(text)
	return err
}

// idFile has the jobs that were submitted last.
func (s *cluster) idFile() string { return filepath.Join(s.dir, "jobs") }

// there returns the jobs that were submitted before, and whether the first is in the queue still.
func (s *cluster) there(ctx context.Context) (array, merge string, running bool) {
	text, err := os.ReadFile(s.idFile())
	if err != nil {
		return "", "", false
	}
	if n, _ := fmt.Sscan(string(text), &array, &merge); n != 2 {
		return "", "", false
	}
	states, err := s.queue(ctx, array)
	return array, merge, err == nil && len(states) > 0
}

// start submits an array job of shards, and what merges when all have succeeded.
func (s *cluster) start(ctx context.Context, shards []int) (array, merge string, err error) {
	var list []string
	for _, shard := range shards {
		list = append(list, strconv.Itoa(shard))
	}
	var options []string
	for _, o := range []struct {
		name, value string
		given       bool
	}{
		{"partition", s.partition, s.partition != ""}, {"account", s.account, s.account != ""},
		{"time", s.limit, s.limit != ""}, {"cpus-per-task", strconv.Itoa(s.cpus), s.cpus > 0},
		{"gpus-per-task", strconv.Itoa(s.gpus), s.gpus > 0},
		{"mem", strconv.Itoa(s.memory), s.memory > 0},
	} {
		if o.given {
			options = append(options, "--"+o.name+"="+o.value)
		}
	}
	// A shard that was lost with its node goes on where it was.
	array, err = s.sbatch(ctx, "shard", append(options, "--requeue", "--array="+
		strings.Join(list, ","), "--output="+filepath.Join(s.dir, "shard-%a.log")),
		append(s.arguments(s.images...), "--shard"))
	if err != nil {
		return "", "", err
	}
	merge, err = s.sbatch(ctx, "merge", append(options, "--dependency=afterok:"+array,
		"--kill-on-invalid-dep=yes", "--output="+filepath.Join(s.dir, mergeLog)),
		s.arguments(append([]string{mergeVerb}, s.images...)...))
	if err != nil {
		return "", "", err
	}
	return array, merge, atomicfile.WriteFile(s.idFile(), []byte(array+" "+merge+"\n"))
}

// arguments are those of the program with the flags of the job.
func (s *cluster) arguments(first ...string) []string {
	args := slices.Clone(first)
	add := func(name string, values ...string) {
		for _, v := range values {
			if v != "" {
				args = append(args, "--"+name+"="+v)
			}
		}
	}
	add("catalogue", s.catalogue)
	add("psf", s.psfs...)
	add("weight", s.weights...)
	add("mask", s.masks...)
	add("model", s.model)
	add("out", s.out)
	add("candidates", strconv.Itoa(s.candidates))
	add("seed", strconv.FormatInt(s.seed, 10))
	add("aperture", strconv.FormatFloat(s.aperture, 'g', -1, 64))
	add("batch", strconv.Itoa(s.batch))
	add("draws", strconv.FormatBool(s.draws))
	add("cubes", strconv.FormatBool(s.cubes))
	add("id", s.id)
	add("x", s.x)
	add("y", s.y)
	add("origin", s.origin)
	add("ra", s.ra)
	add("dec", s.dec)
	add("radius", s.radius)
	add("shards", strconv.Itoa(s.shards))
	return args
}

// sbatch submits a script that runs the program. Behind a last argument --shard comes the number of
// the array's task.
func (s *cluster) sbatch(ctx context.Context, name string, options, args []string) (id string,
	err error) {
	line := []string{"exec", quoted(s.program)}
	for _, a := range args {
		line = append(line, quoted(a))
	}
	if len(args) > 0 && args[len(args)-1] == "--shard" {
		line = append(line, `"$SLURM_ARRAY_TASK_ID"`)
	}
	script := filepath.Join(s.dir, name+".sh")
	if err := atomicfile.WriteFile(script, []byte("#!/bin/sh\n"+strings.Join(line, " ")+
		"\n")); err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, "sbatch", append(append([]string{"--parsable",
		"--job-name=galdecon-" + name, "--open-mode=append", "--chdir=" + s.dir}, options...),
		script)...)
	text, err := output(cmd)
	if err != nil {
		return "", fmt.Errorf("sbatch doesn't take the job: %w", err)
	}
	id, _, _ = strings.Cut(strings.TrimSpace(text), ";") // with the name of a cluster behind it
	return id, nil
}

// quoted quotes a word for the shell.
func quoted(word string) string { return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'" }

// output runs a command, and returns what it writes, or what it complains of.
func output(cmd *exec.Cmd) (string, error) {
	text, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return "", fmt.Errorf("%w: %s", err, strings.TrimSpace(string(exit.Stderr)))
	}
	return string(text), err
}

// queue returns how many tasks of a job are in each state, none when it has left the queue.
func (s *cluster) queue(ctx context.Context, job string) (map[string]int, error) {
	text, err := output(exec.CommandContext(ctx, "squeue", "-h", "-r", "-j", job, "-o", "%T"))
	if err != nil && strings.Contains(err.Error(), "Invalid job id") {
		return nil, nil // SLURM has forgotten it
	} else if err != nil {
		return nil, err
	}
	states := map[string]int{}
	for _, state := range strings.Fields(text) {
		states[strings.ToLower(state)]++
	}
	return states, nil
}

// wait shows how far a job is until it has left the queue.
func (s *cluster) wait(ctx context.Context, job string) error {
	if job == "" {
		return nil
	}
	const patience = 30 // failures of the queue in a row
	failures := 0
	for {
		states, err := s.queue(ctx, job)
		switch {
		case ctx.Err() != nil:
			return fmt.Errorf("job %s goes on in the queue; the same command follows it again: %w",
				job, ctx.Err())
		case err != nil:
			if failures++; failures == patience {
				return fmt.Errorf("squeue doesn't tell about job %s: %w", job, err)
			}
		case len(states) == 0:
			return nil
		default:
			failures = 0
			s.show(job, states)
		}
		select {
		case <-ctx.Done():
		case <-time.After(pollEvery):
		}
	}
}

// show shows the queue, and how many objects are done.
func (s *cluster) show(job string, states map[string]int) {
	var parts []string
	for state, n := range states {
		parts = append(parts, fmt.Sprintf("%d %s", n, state))
	}
	slices.Sort(parts)
	done, err := catalogue.Done(s.out, s.job.Table.Rows())
	if err != nil {
		return // the next time
	}
	s.console.Status(fmt.Sprintf("job %s: %s; %d of %d objects done", job,
		strings.Join(parts, ", "), done, s.job.Table.Rows()))
}

// failed names the shards that have failed too often, with the end of their logs.
func (s *cluster) failed(shards []int) error {
	var lines []string
	for _, shard := range shards {
		line := fmt.Sprintf("shard %d failed %d times", shard, s.restart)
		path := filepath.Join(s.dir, fmt.Sprintf("shard-%d.log", shard))
		text, err := os.ReadFile(path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		all := strings.Split(strings.TrimSpace(string(text)), "\n")
		lines = append(lines, fmt.Sprintf("%s: %s (%s)", line, all[len(all)-1], path))
	}
	return errors.New(strings.Join(lines, "\n"))
}

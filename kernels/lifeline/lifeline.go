// Package lifeline ties processes to the one that started them, so that a kernel and its cells
// never outlive the command or the Jupyter server that they belong to, also when that one is killed
// and can't clean up.
package lifeline

import (
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	// poll is how often a process looks whether its parent still lives.
	poll = 300 * time.Millisecond
	// grace is how long a group of processes may take to end by itself. A cell that catches the
	// interrupt gets 5 s from gonb.
	grace = 6 * time.Second
)

// ParentGone returns a channel that is closed when the process that started this one has ended.
func ParentGone() <-chan struct{} {
	gone := make(chan struct{})
	parent := os.Getppid()
	go func() {
		for os.Getppid() == parent {
			time.Sleep(poll)
		}
		close(gone)
	}()
	return gone
}

// GoRun tells whether this process was started by "go run", which is then no more than a part of
// the command: when it is killed, so is the command.
func GoRun() bool {
	parent := strconv.Itoa(os.Getppid())
	name, err := os.ReadFile(filepath.Join("/proc", parent, "comm"))
	if err != nil { // no Linux
		name, err = exec.Command("ps", "-o", "comm=", "-p", parent).Output()
	}
	return err == nil && filepath.Base(strings.TrimSpace(string(name))) == "go"
}

// Supervise runs cmd, in a process group with this process as leader, until it and all processes
// that it started have ended, and returns cmd's exit status. When this process's parent ends, or
// this process is told to end (SIGTERM, SIGHUP), it tells cmd to. As soon as cmd ends or is told
// to, it also calls end, which ends what else belongs to this process, and waits for it. What is
// left of the group after a time of grace is killed, itself included. Interrupts are left to the
// group's others.
func Supervise(cmd *exec.Cmd, end func()) (status int, err error) {
	gone := ParentGone()
	if syscall.Getpgrp() != os.Getpid() {
		if err := syscall.Setpgid(0, 0); err != nil {
			return 0, err
		}
	}
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)

	// All that cmd starts inherits the writing end of this pipe: the reading end ends when the last
	// of them has.
	r, w, err := os.Pipe()
	if err != nil {
		return 0, err
	}
	cmd.ExtraFiles = append(cmd.ExtraFiles, w)
	err = cmd.Start()
	_ = w.Close()
	if err != nil {
		return 0, err
	}
	empty := make(chan struct{})
	go func() {
		_, _ = r.Read(make([]byte, 1))
		close(empty)
	}()
	exited := make(chan struct{})
	go func() {
		_ = cmd.Wait() // the exit status tells
		close(exited)
	}()

	var late <-chan time.Time
	ended := make(chan struct{})
	begin := sync.OnceFunc(func() {
		late = time.After(grace)
		go func() {
			end()
			close(ended)
		}()
	})
	terminate := func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		begin()
	}
	for running := true; running; {
		select {
		case <-exited:
			status = cmd.ProcessState.ExitCode()
			running = false
		case <-gone:
			gone = nil
			terminate()
		case s := <-signals:
			if s != os.Interrupt {
				terminate()
			}
		case <-late:
			return status, syscall.Kill(0, syscall.SIGKILL)
		}
	}
	begin()
	for _, done := range []<-chan struct{}{empty, ended} {
		select {
		case <-done:
		case <-late:
			return status, syscall.Kill(0, syscall.SIGKILL)
		}
	}
	return status, nil
}

// Command server is a session: the process behind a kernel that holds the device, the loaded models
// with what was compiled for them, and the trainings, while the programs of the cells come and go.
// The package [galdecon/kernels/session/host] builds and starts it.
//
//	server FOLDER
//
// It listens in FOLDER, which is the host's. Standard input is its line of life: when that ends, by
// intent or because the kernel was killed, it saves its trainings and ends, within host.SaveTime,
// and removes FOLDER. SIGTERM and SIGHUP end it, too, but leave FOLDER to the host.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"galdecon/galdecon/backend"
	"galdecon/kernels/session/host"
	"galdecon/kernels/session/internal/wire"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	if len(os.Args) != 2 {
		return fmt.Errorf("this is a part of galdecon's kernel; its package session starts it")
	}
	dir := os.Args[1]
	// An interrupt is meant for a cell, wherever it reaches this process from.
	signal.Ignore(os.Interrupt)
	kernel, gone := context.WithCancel(context.Background())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		gone()
	}()
	ctx, stop := signal.NotifyContext(kernel, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()

	if _, err := backend.Default(); err != nil {
		return err
	}
	listener, err := wire.Listen(filepath.Join(dir, host.SessionSocket))
	if err != nil {
		return fmt.Errorf("session: cannot listen: %w", err)
	}
	trainings := newTrainings(filepath.Join(dir, host.TrainingsFile))
	served := make(chan error, 1)
	go func() {
		served <- wire.Serve(ctx, listener, os.Getenv(host.TokenEnv),
			functions(newModels(), trainings))
	}()
	fmt.Println(host.Ready)
	select {
	case err = <-served:
	case <-ctx.Done():
	}
	// Calls that still go on, in the midst of a drawing for example, end with the process, and so
	// does a step that takes too long: a killed host can't end it.
	select {
	case <-trainings.close():
	case <-time.After(host.SaveTime):
	}
	if kernel.Err() == nil {
		return err // the host goes on in its folder, and may start another session
	}
	return errors.Join(err, os.RemoveAll(dir)) // which a killed host can't
}

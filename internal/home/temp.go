package home

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
)

// Executes returns an error unless programs in dir can be executed. They can't where a disk is
// mounted with the option noexec.
func Executes(dir string) error {
	program := filepath.Join(dir, fmt.Sprintf(".galdecon-%d", os.Getpid()))
	err := os.WriteFile(program, []byte("#!/bin/sh\n"), 0o700)
	if err == nil {
		defer os.Remove(program)
		err = exec.Command(program).Run()
	}
	switch {
	// a program that was started meanwhile holds the file: the disk is willing
	case errors.Is(err, syscall.ETXTBSY):
		return nil
	case errors.Is(err, os.ErrPermission):
		return fmt.Errorf("programs in %s can't be executed (%w), as on a disk that is mounted "+
			"noexec", dir, err)
	}
	return err
}

// Temp returns the directory for the temporary files of what executes programs there: the system's
// or, where it doesn't execute any, tmp/ in the home, which it makes.
func (h Home) Temp() (string, error) {
	if Executes(os.TempDir()) == nil {
		return os.TempDir(), nil
	}
	dir := filepath.Join(h.Dir, "tmp")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	if err := Executes(dir); err != nil {
		return "", fmt.Errorf("%w; set TMPDIR to a directory where they can", err)
	}
	return dir, nil
}

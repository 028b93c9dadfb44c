package home

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"

	"golang.org/x/mod/modfile"
)

// Package returns the import path of the package in a folder of this module, "" for the module's
// own.
func Package(folder string) string {
	module := strings.TrimSuffix(reflect.TypeFor[Home]().PkgPath(), "/internal/home")
	return path.Join(module, folder)
}

// FindRepo returns the directory of the galdecon module, which notebooks build against and programs
// are built from: $GALDECON_REPO, or else the one that this program was itself compiled from or,
// where that is gone or wasn't noted (go build
// -trimpath), the one that the go command takes in the current directory.
func FindRepo() (string, error) {
	_, source, _, _ := runtime.Caller(0)
	return findRepo(source)
}

// findRepo is FindRepo in a program that was compiled with this file as source.
func findRepo(source string) (string, error) {
	if dir := os.Getenv(RepoEnv); dir != "" {
		if !IsRepo(dir) {
			return "", fmt.Errorf("%s is %s, which has no go.mod of the module %s; "+
				"unset it or set it to a clone of galdecon", RepoEnv, dir, Package(""))
		}
		return filepath.Abs(dir)
	}
	// This file is in internal/home.
	if dir := filepath.Dir(filepath.Dir(filepath.Dir(source))); filepath.IsAbs(source) &&
		IsRepo(dir) {
		return dir, nil
	}
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", Package("")).Output()
	if dir := string(bytes.TrimSpace(out)); err == nil && IsRepo(dir) {
		return dir, nil
	}
	why := ""
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		why = fmt.Sprintf(" (%s)", bytes.TrimPrefix(bytes.TrimSpace(exit.Stderr), []byte("go: ")))
	} else if err != nil {
		why = fmt.Sprintf(" (%v)", err)
	}
	return "", fmt.Errorf("galdecon's sources aren't found from the current directory%s; "+
		"change to a clone of galdecon, or to a module with a go.work that names one "+
		"(go work init . PATH/TO/galdecon), or set %s to one", why, RepoEnv)
}

// IsRepo reports whether dir is that of the galdecon module.
func IsRepo(dir string) bool {
	data, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	return err == nil && modfile.ModulePath(data) == Package("")
}

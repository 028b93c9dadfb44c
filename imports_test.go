// Package galdecon_test holds what is true of the module as a whole.
package galdecon_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
)

// listed is a package as go list tells of it.
type listed struct {
	ImportPath                               string
	Dir                                      string
	Imports, TestImports, XTestImports, Deps []string
	Module                                   *struct{ Path string }
}

// packages are those of the module, by their folders in it, and the module's path.
func packages(t *testing.T) (all map[string]listed, module string) {
	t.Helper()
	out, err := exec.Command("go", "list", "-json", "./...").Output()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		t.Fatalf("%s", exit.Stderr)
	} else if err != nil {
		t.Fatal(err)
	}
	all = map[string]listed{}
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		module = p.Module.Path
		all[strings.Trim(strings.TrimPrefix(p.ImportPath, module), "/")] = p
	}
	if len(all) < 40 {
		t.Fatalf("go list finds %d packages only", len(all))
	}
	return all, module
}

// within tells whether a folder is another or below it.
func within(folder, other string) bool {
	return folder == other || strings.HasPrefix(folder, other+"/")
}

// xla is the module of XLA's plugins, which costs a program 12 MB and half a second of linking.
const xla = "github.com/gomlx/go-xla"

// TestDirection checks that imports run one way between the top folders, in tests too.
func TestDirection(t *testing.T) {
	order := []string{"internal", "galdecon", "plotting", "kernels", "notebooks"}
	all, module := packages(t)
	for folder, p := range all {
		top, _, _ := strings.Cut(folder, "/")
		at := slices.Index(order, top)
		if top != "" && at < 0 {
			t.Errorf("%s is in none of the top folders %v", folder, order)
		}
		for _, i := range slices.Concat(p.Imports, p.TestImports, p.XTestImports) {
			inside, ok := strings.CutPrefix(i, module+"/")
			if !ok {
				continue
			}
			if to, _, _ := strings.Cut(inside, "/"); top != "" && slices.Index(order, to) > at {
				t.Errorf("%s imports %s: imports run from right to left in %v", folder, inside,
					order)
			}
		}
	}
}

// TestRooms checks who reaches whom within galdecon.
func TestRooms(t *testing.T) {
	const facade = "galdecon"
	room := func(names ...string) (folders []string) {
		for _, name := range names {
			folders = append(folders, path.Join(facade, name))
		}
		return folders
	}
	// Each floor reaches only those above it in this list; rooms of one floor don't reach each
	// other.
	floors := [][]string{
		room("galaxy"), room("psf"), room("unet"), room("ddpm", "cvae"),
		{facade}, room("sweep", "pretrained"), room("scorecard", "speed"),
	}
	models := slices.Concat(floors[2:]...)
	// in is the place in the list of the room that a folder is in, or else -1.
	in := func(folder string) (floor int, name string) {
		for i, floor := range floors {
			for _, name := range floor {
				if folder == name || name != facade && within(folder, name) {
					return i, name
				}
			}
		}
		return -1, ""
	}
	all, module := packages(t)
	for _, floor := range floors {
		for _, name := range floor {
			if _, ok := all[name]; !ok {
				t.Errorf("there is no %s", name)
			}
		}
	}
	for folder, p := range all {
		floor, name := in(folder)
		for _, d := range p.Deps {
			reached, ok := strings.CutPrefix(d, module+"/")
			if !ok {
				continue
			}
			if to, other := in(reached); floor >= 0 && to >= floor && other != name {
				t.Errorf("%s reaches %s, which is on the same floor or further down in %v",
					folder, reached, floors)
			}
			for _, host := range room("posterior", "score", "calibration", "galaxy", "psf") {
				if within(folder, host) && slices.Contains(models, reached) {
					t.Errorf("%s reaches the model package %s", folder, reached)
				}
			}
		}
	}
}

// TestXLA checks which packages know of XLA: galdecon/backend opens it, and what must start or link
// fast doesn't have it.
func TestXLA(t *testing.T) {
	const opener = "galdecon/backend"
	// Those in the table and all below them don't reach XLA. Of score, inception computes on a
	// device that it is given.
	free := []string{
		"internal", "galdecon/posterior", "galdecon/score", "galdecon/calibration",
		"galdecon/galaxy", "galdecon/psf", "galdecon/catalogue", "galdecon/unet", "galdecon/ddpm",
		"galdecon/cvae",
		"plotting", "kernels/watch", "kernels/launch", "kernels/doctor", "kernels/notebook",
	}
	// Those reach none of it themselves, though programs below them do.
	alone := []string{
		"kernels", "kernels/session", "kernels/session/host", "kernels/session/internal/wire",
	}
	isXLA := func(p string) bool { return within(p, xla) }
	all, _ := packages(t)
	opens := false
	for folder, p := range all {
		if slices.ContainsFunc(p.Imports, isXLA) {
			if !within(folder, opener) {
				t.Errorf("%s imports go-xla; %s alone does, and packages below it", folder, opener)
			}
			opens = true
		}
		isFree := slices.Contains(alone, folder) ||
			slices.ContainsFunc(free, func(f string) bool { return within(folder, f) })
		if i := slices.IndexFunc(p.Deps, isXLA); isFree && i >= 0 {
			t.Errorf("%s reaches %s", folder, p.Deps[i])
		}
	}
	if !opens {
		t.Errorf("%s doesn't import %s: is that still XLA's module?", opener, xla)
	}
	for _, folder := range slices.Concat(free[1:], alone) {
		if _, ok := all[folder]; !ok {
			t.Errorf("there is no %s", folder)
		}
	}
}

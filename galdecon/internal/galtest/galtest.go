// Package galtest holds what tests of several packages share, and needs galaxies alone.
package galtest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"galdecon/galdecon/galaxy"
)

// Ramp returns images whose pixels count up from 0.
func Ramp(n, h, w, c int) *galaxy.Images {
	im := galaxy.NewImages(n, h, w, c)
	for k := range im.Pixels {
		im.Pixels[k] = float32(k)
	}
	return im
}

// Wants fails the test where err is nil or lacks one of the parts.
func Wants(t testing.TB, what string, err error, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%s: error %v, want one with %q", what, err, part)
			return
		}
	}
}

// Shared returns the path of what is given by its elements in the folder shared beside the
// repository, which isn't part of it. The test is skipped where it isn't there; a pattern stands
// for all that match.
func Shared(t testing.TB, elements ...string) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("the test runs outside of a module")
		}
		dir = filepath.Dir(dir)
	}
	path := filepath.Join(append([]string{filepath.Dir(dir), "shared"}, elements...)...)
	if matches, _ := filepath.Glob(path); len(matches) == 0 {
		t.Skipf("%s is not there", path)
	}
	return path
}

// Contents reads all of a source: the stamps, their images, and errors by ID where they can't be
// read.
func Contents(t testing.TB, source galaxy.Source) (stamps []galaxy.Stamp, images []*galaxy.Images,
	unreadable map[string]string) {
	t.Helper()
	unreadable = map[string]string{}
	seen := map[string]bool{}
	done := 0.0
	for s, err := range source.Galaxies(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if seen[s.ID] {
			t.Errorf("the ID %s comes twice", s.ID)
		}
		if seen[s.ID] = true; !(s.Done >= done && s.Done <= 1) {
			t.Errorf("%s: progress %v after %v", s.ID, s.Done, done)
		}
		done = s.Done
		im, err := s.Read()
		if err != nil {
			unreadable[s.ID] = err.Error()
			continue
		}
		stamps, images = append(stamps, s), append(images, im)
	}
	return stamps, images, unreadable
}

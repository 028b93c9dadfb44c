package dataset

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"galdecon/galdecon/galaxy/synthetic"
)

func TestClosedSet(t *testing.T) {
	dir := t.TempDir()
	prepareSet(t, dir, gaussians(2), Config{Size: 8})
	closed, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	if err := closed.Images().Validate(); err == nil {
		t.Error("the images of a closed set are valid")
	}
	for want, s := range map[string]*Set{"open it again": closed, "did Open fail": nil} {
		_, partErr := s.Subset(Training)
		_, listErr := s.Rejected()
		for what, err := range map[string]error{"Part": partErr, "Rejected": listErr,
			"Verify": s.Verify(t.Context())} {
			if err == nil || !strings.HasPrefix(err.Error(), "dataset: ") ||
				!strings.Contains(err.Error(), want) {
				t.Errorf("%s: error %v, want one with %q", what, err, want)
			}
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestOpenRefusesDamage(t *testing.T) {
	for name, c := range map[string]struct {
		damage func(s *Set) error
		want   string
	}{
		"no set": {func(s *Set) error {
			return os.Remove(filepath.Join(s.dir,
				manifestFile))
		}, "Write"},
		"empty manifest": {func(s *Set) error {
			return os.Truncate(filepath.Join(s.dir,
				manifestFile), 0)
		}, "damaged"},
		"another version": {func(s *Set) error {
			return edit(filepath.Join(s.dir, manifestFile),
				`"version": 1`, `"version": 9`)
		}, "version 9"},
		"another format": {func(s *Set) error {
			return edit(filepath.Join(s.dir, manifestFile),
				formatName, "cats")
		}, "cats"},
		"negative shape": {func(s *Set) error {
			return edit(filepath.Join(s.dir, manifestFile),
				"    8,", "    -8,")
		}, "shape"},
		"large shape": {func(s *Set) error {
			return edit(filepath.Join(s.dir, manifestFile),
				"    8,", "    9999,")
		}, "bytes"},
		"huge shape": {func(s *Set) error {
			return edit(filepath.Join(s.dir, manifestFile),
				"    8,", "    1073741824,")
		}, "shape"},
		"parts": {func(s *Set) error {
			return edit(filepath.Join(s.dir, manifestFile),
				`"training": 4`, `"training": 5`)
		}, "parts"},
		"negative part": {func(s *Set) error {
			return edit(filepath.Join(s.dir, manifestFile),
				`"training": 4`, `"training": 5, "test": -1`)
		}, "parts"},
		"index": {func(s *Set) error {
			return edit(filepath.Join(s.dir, s.m.Index),
				"g1", "g9")
		}, "hash"},
		"no index": {func(s *Set) error {
			return os.Remove(filepath.Join(s.dir,
				s.m.Index))
		}, "no such file"},
		"truncated images": {func(s *Set) error {
			return os.Truncate(filepath.Join(s.dir,
				s.m.Images), 500)
		}, "truncated"},
		"empty images": {func(s *Set) error {
			return os.Truncate(filepath.Join(s.dir,
				s.m.Images), 0)
		}, "truncated"},
		"header of another": {func(s *Set) error {
			return edit(filepath.Join(s.dir, s.m.Images),
				"<f4", ">f4")
		}, "header"},
	} {
		dir := t.TempDir()
		prepareSet(t, dir, gaussians(4), Config{Size: 8})
		s, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if err := c.damage(s); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(dir); err == nil || !strings.Contains(err.Error(), c.want) ||
			!strings.HasPrefix(err.Error(), "dataset: ") {
			t.Errorf("%s: error %v, want one with %q", name, err, c.want)
		}
	}
}

// edit replaces a text in a file.
func edit(path, old, new string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if !bytes.Contains(data, []byte(old)) {
		return fmt.Errorf("there is no %q in %s", old, path)
	}
	return os.WriteFile(path, bytes.ReplaceAll(data, []byte(old), []byte(new)), 0o644)
}

func TestVerifyFindsChangedPixels(t *testing.T) {
	dir := t.TempDir()
	prepareSet(t, dir, gaussians(6), Config{Size: 8})
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, s.m.Images)
	if err := errors.Join(s.Close(), s.Close()); err != nil { // the second does nothing
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte{1}, pixelsAt+2*8*8*4+17); err != nil {
		t.Fatal(err)
	}
	f.Close()
	if err := opened(t, dir).Verify(t.Context()); err == nil ||
		!strings.Contains(err.Error(), "1 images, g2 first") {
		t.Errorf("error %v", err)
	}
}

func BenchmarkOpen(b *testing.B) {
	dir := b.TempDir()
	if _, err := Write(b.Context(), dir, synthetic.Config{N: 10_000, Size: 8}, Config{Size: 8},
		nil); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		s, err := Open(dir)
		if err != nil {
			b.Fatal(err)
		}
		s.Close()
	}
}

// What is done to the images in place is seen in this set alone.
func TestImagesInPlace(t *testing.T) {
	dir := t.TempDir()
	prepareSet(t, dir, gaussians(6), Config{Size: 8})
	s, other := opened(t, dir), opened(t, dir)
	part, err := s.Subset(Training)
	if err != nil {
		t.Fatal(err)
	}
	before := slices.Clone(part.Pixels)
	if err := part.Subtract([]float64{1, 2, 3, 4, 5, 6}); err != nil {
		t.Fatal(err)
	}
	if err := s.Images().Divide([]float64{2, 2, 2, 2, 2, 2}); err != nil {
		t.Fatal(err)
	}
	for k, v := range part.Pixels {
		if want := (before[k] - float32(1+k/64)) / 2; v != want {
			t.Fatalf("pixel %d is %g, want %g", k, v, want)
		}
	}
	if err := s.Verify(t.Context()); err != nil {
		t.Errorf("the file has changed: %v", err)
	}
	if !slices.Equal(other.Images().Pixels, before) ||
		!slices.Equal(opened(t, dir).Images().Pixels, before) {
		t.Error("the set has changed for others")
	}
}

package main

import (
	"math"
	"path/filepath"
	"slices"
	"testing"

	"galdecon/galdecon/galaxy/files"
)

// The example is what the program makes.
func TestExample(t *testing.T) {
	dir := t.TempDir()
	if err := write(dir); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"exposure.fits", "exposure.fits[ERR]", "psf.fits", "truth.fits"} {
		before, err := files.Read(name)
		if err != nil {
			t.Fatal(err)
		}
		after, err := files.Read(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		committed, made := before.Images, after.Images
		if after.Header.Len() != before.Header.Len() || made.N != committed.N ||
			made.Height != committed.Height || made.Width != committed.Width {
			t.Fatalf("%s is another", name)
		}
		if !slices.Equal(made.Bad, committed.Bad) {
			t.Fatalf("%s: other pixels have no data", name)
		}
		for k, v := range made.Pixels {
			limit := max(1e-6*math.Abs(float64(v)), 1e-9)
			if name == "exposure.fits" {
				limit = 1 // another processor's rounding may move a photon
			}
			if off := math.Abs(float64(v - committed.Pixels[k])); off > limit {
				t.Fatalf("%s: pixel %d is %g, want %g", name, k, committed.Pixels[k], v)
			}
		}
	}
}

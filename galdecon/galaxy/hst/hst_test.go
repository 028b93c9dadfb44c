package hst

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"galdecon/galdecon/galaxy/files"
	"galdecon/galdecon/galaxy/internal/raster"
	"galdecon/galdecon/internal/galtest"
)

func TestHST(t *testing.T) {
	records, err := Records()
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{32, 64, 128} {
		im, err := Galaxies(size)
		if err != nil {
			t.Fatal(err)
		}
		if err := im.Validate(); err != nil {
			t.Error(err)
		}
		if im.N != 10 || im.Height != size || im.Width != size || im.Channels != 1 ||
			len(records) != im.N {
			t.Errorf("size %d: shape [%d, %d, %d, %d], %d records", size, im.N, im.Height, im.Width,
				im.Channels, len(records))
		}
		for i, r := range records {
			if peak := raster.CentralMax(im.At(i), size, size, 1); peak != 1 ||
				slices.Max(im.At(i)) != 1 {
				t.Errorf("size %d, %s: peak %v", size, im.ID(i), peak)
			}
			if im.ID(i) != r.ID || r.Credit == "" || r.PixelScale <= 0 {
				t.Errorf("record %d is %+v of %s", i, r, im.ID(i))
			}
		}
	}
	if _, err := Galaxies(100); err == nil {
		t.Error("size 100 gave no error")
	}
}

// TestHSTAgreesWithTheSurveyStamps compares with stamps that were averaged down before the 128
// pixel ones were clipped.
func TestHSTAgreesWithTheSurveyStamps(t *testing.T) {
	for _, size := range []int{32, 64} {
		want, err := files.Load(galtest.Shared(t, "data", fmt.Sprintf("galaxies/hst%d.npy", size)))
		if err != nil {
			t.Fatal(err)
		}
		got, err := Galaxies(size)
		if err != nil {
			t.Fatal(err)
		}
		for k, v := range got.Pixels {
			if math.Abs(float64(v-want.Pixels[k])) > 1e-6 {
				t.Fatalf("size %d, value %d: %v, want %v", size, k, v, want.Pixels[k])
			}
		}
	}
}

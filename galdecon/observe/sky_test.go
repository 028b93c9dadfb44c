package observe_test

import (
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"testing"

	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/galaxy/files/fits"
	"galdecon/galdecon/galaxy/wcs"
	"galdecon/galdecon/observe"
)

func parseSky(t *testing.T, cards map[string]any) *wcs.WCS {
	t.Helper()
	h := &fits.Header{}
	for key, value := range cards {
		if err := h.Set(key, value, ""); err != nil {
			t.Fatal(err)
		}
	}
	w, err := wcs.Parse(h)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// Exposures are placed where astropy's coordinates of both images have their center, and those
// that aren't shifted and binned only are refused with what was measured.
func TestLocateAsAstropy(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("..", "galaxy", "wcs", "testdata", "golden.json"))
	if err != nil {
		t.Fatal(err)
	}
	var golden struct {
		Places []struct {
			Name          string
			Target, Image map[string]any
			Height, Width int
			Bin           int
			Refused       observe.Alignment
			Angle, Ratio  float64
			Row, Column   float64
		}
	}
	if err := json.Unmarshal(data, &golden); err != nil {
		t.Fatal(err)
	}
	if len(golden.Places) < 20 {
		t.Fatal("nothing to compare with")
	}
	worst := 0.0
	for _, p := range golden.Places {
		e := observe.Exposure{Image: galaxy.NewImages(1, p.Height, p.Width, 1)}
		got, err := e.Locate(parseSky(t, p.Image), parseSky(t, p.Target))
		var refused *observe.AlignmentError
		if errors.As(err, &refused) {
			if refused.Kind != p.Refused || refused.Off <= refused.Limit {
				t.Errorf("%s: error %v", p.Name, err)
			}
			off := math.Remainder(refused.Angle-p.Angle, 360)
			if p.Refused != observe.Mirrored && p.Refused != observe.Distorted &&
				math.Abs(off) > 1e-4 {
				t.Errorf("%s: turned by %g, want %g", p.Name, refused.Angle, p.Angle)
			}
			if p.Ratio != 0 && math.Abs(refused.ColumnScale-p.Ratio) > 1e-4 {
				t.Errorf("%s: pixels are %g wide, want %g", p.Name, refused.ColumnScale, p.Ratio)
			}
			continue
		}
		if err != nil || p.Refused != "" {
			t.Errorf("%s: error %v", p.Name, err)
			continue
		}
		d := math.Hypot(got.Row-p.Row, got.Column-p.Column)
		worst = max(worst, d)
		if got.Bin != p.Bin || d > 1e-4 {
			t.Errorf("%s: bin %d at (%.5f, %.5f), want %d at (%.5f, %.5f)", p.Name, got.Bin, got.Row,
				got.Column, p.Bin, p.Row, p.Column)
		}
	}
	t.Logf("the largest difference is %.1e pixels", worst)
}

// An image that was cut out and binned is placed where it was cut out.
func TestLocateWindow(t *testing.T) {
	h := fits.NewHeader("CTYPE1  = 'RA---TAN'", "CTYPE2  = 'DEC--TAN'", "CRVAL1  = 10.0",
		"CRVAL2  = -33.0", "CRPIX1  = 64.5", "CRPIX2  = 60.0", "CD1_1   = -1E-5",
		"CD1_2   = 3E-6", "CD2_1   = 3E-6", "CD2_2   = 1E-5")
	target, err := wcs.Parse(h)
	if err != nil {
		t.Fatal(err)
	}
	for bin := 1; bin <= 5; bin++ {
		image, err := wcs.Parse(h.Window(7, 12, float64(bin)))
		if err != nil {
			t.Fatal(err)
		}
		e := observe.Exposure{Image: galaxy.NewImages(1, 10, 14, 1)}
		got, err := e.Locate(image, target)
		if err != nil || got.Bin != bin || math.Abs(got.Row-12) > 1e-7 ||
			math.Abs(got.Column-7) > 1e-7 {
			t.Errorf("bin %d is %d at (%g, %g), %v", bin, got.Bin, got.Row, got.Column, err)
		}
	}
	e := observe.Exposure{Image: galaxy.NewImages(1, 4, 4, 1)}
	if _, err := e.Locate(nil, target); err == nil {
		t.Error("an image without coordinates has a place")
	}
	if _, err := (observe.Exposure{}).Locate(target, target); err == nil {
		t.Error("an exposure without an image has a place")
	}
}

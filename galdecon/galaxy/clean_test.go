package galaxy

import (
	"math"
	"slices"
	"testing"

	"galdecon/galdecon/galaxy/internal/raster"
)

func TestFind(t *testing.T) {
	im := blob(64, 80, 1, 26, 47, 3, 10)
	im.Pixels[40*80+30] = 20 // a hot pixel
	im.Pixels[2*80+2] = 99   // a star beyond the central half
	for center, want := range map[Center][2]float64{CenterBrightest: {26.5, 47.5},
		CenterCentroid: {26.5, 47.5}} {
		y, x := im.Find(center)
		if math.Abs(y-want[0]) > 0.05 || math.Abs(x-want[1]) > 0.05 {
			t.Errorf("%s: (%.2f, %.2f), want %v", center, y, x, want)
		}
	}
	// Between pixels only the centroid tells.
	y, x := blob(64, 80, 1, 30.3, 40.8, 3, 10).Find(CenterCentroid)
	if math.Abs(y-30.8) > 0.05 || math.Abs(x-41.3) > 0.05 {
		t.Errorf("centroid (%.2f, %.2f), want (30.8, 41.3)", y, x)
	}
}

func TestFill(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	im := ramp(1, 8, 8, 2)
	for k := range im.Pixels {
		im.Pixels[k]++
	}
	// linear in row and column: the mean of the neighbors is the value itself
	plane := im.Pixels[(3*8+4)*2]
	im.Pixels[(3*8+4)*2] = nan
	im.Pixels[(6*8+0)*2+1] = inf
	got, err := im.Fill(BadInterpolate, MaxBad)
	if err != nil {
		t.Fatal(err)
	}
	if got.Pixels[(3*8+4)*2] != plane || raster.IsBad(got.Pixels[(6*8)*2+1]) {
		t.Errorf("interpolated %v, want %v; at the edge %v", got.Pixels[(3*8+4)*2], plane,
			got.Pixels[(6*8)*2+1])
	}
	if !raster.IsBad(im.Pixels[(3*8+4)*2]) {
		t.Error("the source was changed")
	}
	if got, err := im.Fill(BadZero, MaxBad); err != nil || got.Pixels[(3*8+4)*2] != 0 ||
		got.Pixels[0] != 1 {
		t.Errorf("zero: %v, %v", got, err)
	}
	// A hole of 3 x 3 pixels is filled from its border inwards.
	hole := NewImages(1, 16, 16, 1)
	for k := range hole.Pixels {
		hole.Pixels[k] = 5
	}
	for _, k := range []int{100, 101, 102, 116, 117, 118, 132, 133, 134} {
		hole.Pixels[k] = nan
	}
	if got, err := hole.Fill(BadInterpolate, MaxBad); err != nil || slices.Max(got.Pixels) != 5 ||
		slices.Min(got.Pixels) != 5 {
		t.Errorf("a hole: %v, %v", got, err)
	}
	half := ramp(1, 8, 8, 2)
	for k := 1; k < len(half.Pixels); k += 2 {
		half.Pixels[k] = nan
	}
	for name, c := range map[string]struct {
		how  Bad
		most float64
		im   *Images
	}{
		"reject":                 {BadReject, MaxBad, im},
		"more than most":         {BadInterpolate, 0.01, im},
		"more than MaxBad":       {BadInterpolate, MaxBad, half},
		"a channel without good": {BadInterpolate, 0.9, half},
	} {
		if _, err := c.im.Fill(c.how, c.most); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// blob is a stamp of h x w pixels with a round Gaussian of the given peak and σ at (row, col),
// pixel centers being whole numbers, on a sky of 0.
func blob(h, w, channels int, row, col, sigma, peak float64) *Images {
	im := NewImages(1, h, w, channels)
	for k := range im.Pixels {
		y, x := float64(k/channels/w)-row, float64(k/channels%w)-col
		im.Pixels[k] = float32(peak * math.Exp(-(x*x+y*y)/(2*sigma*sigma)))
	}
	return im
}

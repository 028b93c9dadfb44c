package score_test

import (
	"encoding/json"
	"math"
	"os"
	"strings"
	"testing"

	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/score"
)

// TestQualityGolden compares with scikit-image, see testdata/quality.py.
func TestQualityGolden(t *testing.T) {
	file, err := os.ReadFile("testdata/quality.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Shape        [3]int
		Range        float64
		Truth, Image []float32
		PSNR, SSIM   float64
	}
	if err := json.Unmarshal(file, &cases); err != nil || len(cases) != 3 {
		t.Fatalf("%d cases, error %v", len(cases), err)
	}
	for _, c := range cases {
		truth := &galaxy.Images{N: 1, Height: c.Shape[0], Width: c.Shape[1], Channels: c.Shape[2],
			Pixels: c.Truth}
		// The image, and the truth itself: many images have one truth.
		images := galaxy.NewImages(2, c.Shape[0], c.Shape[1], c.Shape[2])
		copy(images.At(0), c.Image)
		copy(images.At(1), c.Truth)
		psnr, err := score.PSNR(truth, images, c.Range)
		if err != nil {
			t.Fatal(err)
		}
		ssim, err := score.SSIM(truth, images, c.Range)
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(psnr[0]-c.PSNR) > 1e-9 || math.Abs(ssim[0]-c.SSIM) > 1e-9 {
			t.Errorf("shape %v: PSNR %v and SSIM %v, want %v and %v", c.Shape, psnr[0], ssim[0],
				c.PSNR, c.SSIM)
		}
		if !math.IsInf(psnr[1], 1) || math.Abs(ssim[1]-1) > 1e-12 {
			t.Errorf("shape %v: of the truth itself the PSNR is %v, the SSIM %v", c.Shape, psnr[1],
				ssim[1])
		}
	}
}

// By hand: an MSE of 0.01 is 20 dB below 1. Of constant images a and b, SSIM is (2ab + C1)/(a² + b²
// + C1). In units of the range nothing changes when all is scaled.
func TestQualityByHand(t *testing.T) {
	constant := func(v float32) *galaxy.Images {
		im := galaxy.NewImages(1, 12, 12, 1)
		for i := range im.Pixels {
			im.Pixels[i] = v
		}
		return im
	}
	for _, scale := range []float64{1, 100} {
		a, b := constant(float32(0.5*scale)), constant(float32(0.6*scale))
		psnr, err := score.PSNR(a, b, scale)
		if err != nil || math.Abs(psnr[0]-20) > 1e-5 {
			t.Errorf("PSNR %v, error %v; want 20 dB", psnr, err)
		}
		ssim, err := score.SSIM(a, b, scale)
		if want := (2*0.5*0.6 + 1e-4) / (0.25 + 0.36 + 1e-4); err != nil ||
			math.Abs(ssim[0]-want) > 1e-6 {
			t.Errorf("SSIM %v, error %v; want %v", ssim, err, want)
		}
	}
	// Each image is compared with its own truth.
	truth := galaxy.NewImages(2, 1, 2, 1)
	copy(truth.At(1), []float32{1, 1})
	psnr, err := score.PSNR(truth, truth, 1)
	if err != nil || !math.IsInf(psnr[0], 1) || !math.IsInf(psnr[1], 1) {
		t.Errorf("PSNR %v of pairs of equal images, error %v", psnr, err)
	}
}

func TestQualityErrors(t *testing.T) {
	one, two, three := galaxy.NewImages(1, 12, 12, 1), galaxy.NewImages(2, 12, 12, 1),
		galaxy.NewImages(3, 12, 12, 1)
	small, nan := galaxy.NewImages(1, 10, 12, 1), galaxy.NewImages(1, 12, 12, 1)
	nan.Pixels[0] = float32(math.NaN())
	for name, test := range map[string]struct {
		truth, images *galaxy.Images
		dataRange     float64
		want          string
	}{
		"nothing":           {one, nil, 1, "images: there are none"},
		"no images":         {one, &galaxy.Images{}, 1, "images: "},
		"NaN truth":         {nan, one, 1, "truth: "},
		"NaN image":         {one, nan, 1, "images: "},
		"another number":    {two, three, 1, "[2, 12, 12, 1]"},
		"another size":      {one, small, 1, "[1, 10, 12, 1]"},
		"a range of 0":      {one, one, 0, "range of the pixels"},
		"an infinite range": {one, one, math.Inf(1), "range of the pixels"},
	} {
		for _, quality := range []func(truth, images *galaxy.Images, dataRange float64) ([]float64,
			error){score.PSNR, score.SSIM} {
			if _, err := quality(test.truth, test.images, test.dataRange); err == nil ||
				!strings.HasPrefix(err.Error(), "score: ") ||
				!strings.Contains(err.Error(), test.want) {
				t.Errorf("%s: error %v, want one with %q", name, err, test.want)
			}
		}
	}
	if _, err := score.SSIM(small, small, 1); err == nil ||
		!strings.Contains(err.Error(), "11×11") || !strings.Contains(err.Error(), "10×12") {
		t.Errorf("images smaller than the window: error %v", err)
	}
}

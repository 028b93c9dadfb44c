package raster

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestAreaAverageConservesTheMean(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, sizes := range [][2]int{{128, 32}, {100, 32}, {33, 32}, {423, 128}, {7, 4}, {64, 64}} {
		for _, channels := range []int{1, 3} {
			side, size := sizes[0], sizes[1]
			src := make([]float32, side*side*channels)
			for k := range src {
				src[k] = r.Float32()
			}
			dst := make([]float32, size*size*channels)
			AreaAverage(dst, src, side, size, channels)
			if before, after := mean(src), mean(dst); math.Abs(after-before) > 1e-6 {
				t.Errorf("%d to %d: mean %v became %v", side, size, before, after)
			}
		}
	}
}

func TestAreaAverageOfRatioThreeHalves(t *testing.T) {
	dst := make([]float32, 4)
	AreaAverage(dst, []float32{9, 0, 0, 0, 0, 0, 0, 0, 9}, 3, 2, 1)
	// A new pixel covers one old pixel, half of two and a quarter of the middle one, in all 9/4.
	if want := []float32{4, 0, 0, 4}; !slices.Equal(dst, want) {
		t.Errorf("got %v, want %v", dst, want)
	}
}

func mean(pixels []float32) float64 {
	sum := 0.0
	for _, v := range pixels {
		sum += float64(v)
	}
	return sum / float64(len(pixels))
}

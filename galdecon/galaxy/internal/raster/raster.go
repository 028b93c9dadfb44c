// Package raster holds what the packages of galaxies do to plain rows of pixels: averaging them
// down, and scaling them.
package raster

import (
	"math"
)

// Infinity is that of float32.
var Infinity = float32(math.Inf(1))

// IsBad reports whether a value is NaN or infinite.
func IsBad(v float32) bool { return v-v != 0 }

// AreaAverage averages a side x side image down to size x size: each new pixel is the mean of the
// source over the area that it covers, so the mean of the image is conserved.
func AreaAverage(dst, src []float32, side, size, channels int) {
	spans := areaSpans(side, size)
	// Rows first, into size x side, then columns: 2·side·size·(side/size) operations, not the
	// square of the ratio.
	rows := make([]float64, size*side*channels)
	width := side * channels
	for y, s := range spans {
		to := rows[y*width : (y+1)*width]
		for k, w := range s.weight {
			from := src[(s.first+k)*width : (s.first+k+1)*width]
			for x, v := range from {
				to[x] += w * float64(v)
			}
		}
	}
	for y := range size {
		for x, s := range spans {
			for c := range channels {
				var sum float64
				for k, w := range s.weight {
					sum += w * rows[y*width+(s.first+k)*channels+c]
				}
				dst[(y*size+x)*channels+c] = float32(sum)
			}
		}
	}
}

// span is the run of source pixels that one averaged pixel covers, with the share of each, which
// sum to 1.
type span struct {
	first  int
	weight []float64
}

func areaSpans(side, size int) []span {
	spans := make([]span, size)
	for j := range spans {
		// In units of 1/size of a source pixel all edges are integers, so no rounding can lose a
		// pixel.
		lo, hi := j*side, (j+1)*side
		first := lo / size
		for i := first; i*size < hi; i++ {
			overlap := min(hi, (i+1)*size) - max(lo, i*size)
			spans[j].weight = append(spans[j].weight, float64(overlap)/float64(side))
		}
		spans[j].first = first
	}
	return spans
}

// CentralMax returns the largest value, of any channel, within the central half of an image: rows
// and columns from a quarter of its height and width up to as much before their end.
func CentralMax(pixels []float32, height, width, channels int) float64 {
	peak := math.Inf(-1)
	for y := height / 4; y < height-height/4; y++ {
		for _, v := range pixels[(y*width+width/4)*channels : (y*width+width-width/4)*channels] {
			peak = max(peak, float64(v))
		}
	}
	return peak
}

// Normalize scales a size x size image to the convention of the package: the largest value within
// the central half becomes 1, and what is brighter outside is clipped to 1. It returns what it
// divided by; where that is not positive it leaves the image as it is.
func Normalize(pixels []float32, size, channels int) (peak float64) {
	peak = CentralMax(pixels, size, size, channels)
	if peak > 0 {
		for k, v := range pixels {
			pixels[k] = float32(min(float64(v)/peak, 1))
		}
	}
	return peak
}

package galaxy

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"galdecon/galdecon/galaxy/internal/raster"
)

// Center is a choice of where a galaxy is in its stamp.
type Center string

const (
	// Middle is the default: the middle of the stamp.
	CenterMiddle Center = ""
	// Brightest is the brightest pixel within the central half, of the mean over 3 x 3 pixels: a single hot pixel doesn't count.
	CenterBrightest Center = "brightest"
	// Centroid is the centre of the light that is above half of the brightest of those means, within the central half.
	CenterCentroid Center = "centroid"
)

// Bad is a choice of what is done with bad pixels.
type Bad string

const (
	// Interpolate is the default: a bad pixel becomes the mean of the good ones among its eight neighbours, again and again until none is left.
	BadInterpolate Bad = ""
	// Zero makes bad pixels 0.
	BadZero Bad = "zero"
	// Reject rejects stamps with bad pixels.
	BadReject Bad = "reject"
)

// MaxBad is the largest share of bad pixels that are filled where nothing else is said.
const MaxBad = 0.05

// Fill returns an image [1, height, width, channels] without bad pixels, NaN or infinite: itself if it has none, else a
// copy, where they are treated as how says. It is an error if their share is above most, a fraction of 1, if how is
// [BadReject], or if a channel has nothing else.
func (im *Images) Fill(how Bad, most float64) (*Images, error) {
	bad := 0
	for _, v := range im.Pixels {
		if raster.IsBad(v) {
			bad++
		}
	}
	if bad == 0 {
		return im, nil
	}
	if share := float64(bad) / float64(len(im.Pixels)); how == BadReject || share > most {
		return nil, fmt.Errorf("%d of %d values are not finite", bad, len(im.Pixels))
	}
	out := im.Select(0)
	if how == BadZero {
		for k, v := range out.Pixels {
			if raster.IsBad(v) {
				out.Pixels[k] = 0
			}
		}
		return out, nil
	}
	// Each pass reads what the one before has left, so that the result doesn't depend on the order of pixels.
	for bad > 0 {
		before, left := slices.Clone(out.Pixels), bad
		for y := range im.Height {
			for x := range im.Width {
				for ch := range im.Channels {
					k := (y*im.Width+x)*im.Channels + ch
					if !raster.IsBad(before[k]) {
						continue
					}
					sum, n := 0.0, 0
					for i := max(y-1, 0); i <= min(y+1, im.Height-1); i++ {
						for j := max(x-1, 0); j <= min(x+1, im.Width-1); j++ {
							if v := before[(i*im.Width+j)*im.Channels+ch]; !raster.IsBad(v) {
								sum += float64(v)
								n++
							}
						}
					}
					if n > 0 {
						out.Pixels[k] = float32(sum / float64(n))
						bad--
					}
				}
			}
		}
		if bad == left {
			return nil, errors.New("a channel has no finite value")
		}
	}
	return out, nil
}

// Find returns where the galaxy of a single image is, which has no bad pixels: the row and column from the upper left corner of the first pixel, whose centre is (0.5, 0.5).
func (im *Images) Find(center Center) (y, x float64) {
	grey := im.Gray()
	at := func(y, x int) float64 { return float64(grey.Pixels[y*im.Width+x]) }
	smooth := NewImages(1, im.Height, im.Width, 1)
	brightest := math.Inf(-1)
	for i := im.Height / 4; i < im.Height-im.Height/4; i++ {
		for j := im.Width / 4; j < im.Width-im.Width/4; j++ {
			sum, n := 0.0, 0.0
			for a := max(i-1, 0); a <= min(i+1, im.Height-1); a++ {
				for b := max(j-1, 0); b <= min(j+1, im.Width-1); b++ {
					sum += at(a, b)
					n++
				}
			}
			smooth.Pixels[i*im.Width+j] = float32(sum / n)
			if sum/n > brightest {
				brightest, y, x = sum/n, float64(i)+0.5, float64(j)+0.5
			}
		}
	}
	if center == CenterBrightest || brightest <= 0 {
		return y, x
	}
	var weight, sumY, sumX float64
	for i := im.Height / 4; i < im.Height-im.Height/4; i++ {
		for j := im.Width / 4; j < im.Width-im.Width/4; j++ {
			if v := float64(smooth.Pixels[i*im.Width+j]) - brightest/2; v > 0 {
				weight += v
				sumY += v * (float64(i) + 0.5)
				sumX += v * (float64(j) + 0.5)
			}
		}
	}
	return sumY / weight, sumX / weight
}

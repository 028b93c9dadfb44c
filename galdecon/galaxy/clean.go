package galaxy

import (
	"math"
	"slices"
)

// Center is a choice of where a galaxy is in its stamp.
type Center string

const (
	// CenterMiddle is the default: the middle of the stamp.
	CenterMiddle Center = ""
	// CenterBrightest is the brightest pixel within the central half, of the mean over 3 x 3
	// pixels: a single hot pixel doesn't count.
	CenterBrightest Center = "brightest"
	// CenterCentroid is the center of the light that is above half of the brightest of those means,
	// within the central half.
	CenterCentroid Center = "centroid"
)

// Bad is a choice of what is done with bad pixels.
type Bad string

const (
	// BadInterpolate is the default: a bad pixel becomes the mean of the good ones among its eight
	// neighbors, again and again until none is left.
	BadInterpolate Bad = ""
	// BadZero makes bad pixels 0.
	BadZero Bad = "zero"
	// BadReject rejects stamps with bad pixels.
	BadReject Bad = "reject"
)

// MaxBad is the largest share of bad pixels that are filled where nothing else is said.
const MaxBad = 0.05

// Fill returns the images with a value in each pixel: themselves if none is bad, else a copy, where
// bad ones, those that Bad marks and those that are NaN or infinite, are treated as how says. The
// copy's Bad marks them, so that what was filled is known. Of a pixel that isn't marked only the
// channels that aren't finite are filled. It is a [Refusal] if their share of an image's values is
// above most, a fraction of 1, if how is [BadReject], or if a channel has nothing else.
func (im *Images) Fill(how Bad, most float64) (*Images, error) {
	out := im
	for i := range im.N {
		first := i * len(im.At(i))
		bad := 0
		for k := range im.At(i) {
			if im.isBad(first + k) {
				bad++
			}
		}
		if bad == 0 {
			continue
		}
		n := len(im.At(i))
		if how == BadReject {
			most = 0
		}
		if share := float64(bad) / float64(n); share > most {
			return nil, im.refuse(i, TooMuchBad, share, most, "take another place, or allow more",
				"%d of %d values (%.1f %%) are bad or not finite; at most %.1f %% are filled",
				bad, n, 100*share, 100*most)
		}
		if out == im {
			out = im.Clone()
		}
		holes := make([]bool, n)
		for k := range holes {
			if holes[k] = im.isBad(first + k); holes[k] {
				out.mark((first + k) / im.Channels)
			}
		}
		if how == BadZero {
			for k, hole := range holes {
				if hole {
					out.Pixels[first+k] = 0
				}
			}
		} else if !out.interpolate(i, holes, bad) {
			return nil, im.refuse(i, NoPixels, 1, most,
				"see whether it is the right file or extension",
				"a channel has no finite value that isn't marked as bad")
		}
	}
	return out, nil
}

// interpolate fills the bad values of image i, of which there are so many, from their neighbors. It
// returns false if a channel has no other.
func (im *Images) interpolate(i int, holes []bool, bad int) bool {
	pixels := im.At(i)
	// Each pass reads what the one before has left, so that the result doesn't depend on the order
	// of pixels.
	for bad > 0 {
		before, left := slices.Clone(holes), bad
		for k, hole := range before {
			if !hole {
				continue
			}
			sum, n := 0.0, 0
			for _, j := range neighbors(k/im.Channels, im.Height, im.Width) {
				if at := j*im.Channels + k%im.Channels; !before[at] {
					sum += float64(pixels[at])
					n++
				}
			}
			if n > 0 {
				pixels[k], holes[k] = float32(sum/float64(n)), false
				bad--
			}
		}
		if bad == left {
			return false
		}
	}
	return true
}

// Find returns where the galaxy of a single image is, which has no bad pixels: the row and column
// from the upper left corner of the first pixel, whose center is (0.5, 0.5).
func (im *Images) Find(center Center) (y, x float64) {
	gray := im.Gray()
	at := func(y, x int) float64 { return float64(gray.Pixels[y*im.Width+x]) }
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

package score

import (
	"fmt"
	"math"

	"galdecon/galdecon/galaxy"
)

// PSNR returns the peak signal-to-noise ratio 10 log₁₀(L²/MSE) in dB of each image [n, height,
// width, channels] against the truth, which has as many images or is one for all. dataRange is L,
// the range of the pixels: 1 for galaxies whose peak is 1. Where image and truth are equal it is
// +Inf.
func PSNR(truth, images *galaxy.Images, dataRange float64) ([]float64, error) {
	if err := pairs(truth, images, dataRange); err != nil {
		return nil, err
	}
	values := make([]float64, images.N)
	for i := range values {
		values[i] = 10 * math.Log10(dataRange*dataRange/MSE(images.At(i), truth.At(i%truth.N)))
	}
	return values, nil
}

// The constants of SSIM, from Wang et al. (2004), Section III-C.
const (
	ssimRadius = 5 // the window has 11×11 pixels
	ssimSigma  = 1.5
	ssimK1     = 0.01
	ssimK2     = 0.03
)

// SSIM returns the mean structural similarity of each image [n, height, width, channels] with the
// truth, which has as many images or is one for all (Wang et al. 2004, IEEE Trans. Image Process.
// 13, 600): 1 for equal images, and 0 for unrelated ones. It is the mean over channels and over all
// positions of a window that lies within the image, Gaussian of σ = 1.5 pixels on 11×11, of
//
//	(2 μx μy + C1)(2 σxy + C2) / ((μx² + μy² + C1)(σx² + σy² + C2))
//
// with C1 = (0.01 L)², C2 = (0.03 L)² and the weighted means μ, variances and covariance σ there.
// dataRange is L, the range of the pixels: 1 for galaxies whose peak is 1. On a dark sky C2
// decides: noise well below 0.03 L doesn't count. Images must have at least 11×11 pixels.
func SSIM(truth, images *galaxy.Images, dataRange float64) ([]float64, error) {
	if err := pairs(truth, images, dataRange); err != nil {
		return nil, err
	}
	height, width := images.Height, images.Width
	if min(height, width) <= 2*ssimRadius {
		return nil, fmt.Errorf("score: SSIM needs images of at least %d×%[1]d pixels, these have "+
			"%d×%d", 2*ssimRadius+1, height, width)
	}
	c1, c2 := math.Pow(ssimK1*dataRange, 2), math.Pow(ssimK2*dataRange, 2)
	values := make([]float64, images.N)
	x, y := make([]float64, height*width), make([]float64, height*width)
	product := func(a, b []float64) []float64 {
		out := make([]float64, len(a))
		for p := range a {
			out[p] = a[p] * b[p]
		}
		return windowed(out, height, width)
	}
	for i := range values {
		for c := range images.Channels {
			for p := range x {
				x[p] = float64(images.At(i)[p*images.Channels+c])
				y[p] = float64(truth.At(i % truth.N)[p*images.Channels+c])
			}
			mx, my, xx, yy, xy := windowed(x, height, width), windowed(y, height, width),
				product(x, x), product(y, y), product(x, y)
			sum := 0.0
			for p := range mx {
				vx, vy, cov := xx[p]-mx[p]*mx[p], yy[p]-my[p]*my[p], xy[p]-mx[p]*my[p]
				sum += (2*mx[p]*my[p] + c1) * (2*cov + c2) / ((mx[p]*mx[p] + my[p]*my[p] + c1) *
					(vx + vy + c2))
			}
			values[i] += sum / float64(len(mx)*images.Channels)
		}
	}
	return values, nil
}

// windowed returns the weighted mean of an image within the window of SSIM, at all positions where
// it fits in: [height-10, width-10].
func windowed(image []float64, height, width int) []float64 {
	var weights [2*ssimRadius + 1]float64
	total := 0.0
	for k := range weights {
		d := float64(k - ssimRadius)
		weights[k] = math.Exp(-d * d / (2 * ssimSigma * ssimSigma))
		total += weights[k]
	}
	h, w := height-2*ssimRadius, width-2*ssimRadius
	rows, out := make([]float64, height*w), make([]float64, h*w)
	for k, weight := range weights {
		for p := range rows {
			rows[p] += weight / total * image[p/w*width+p%w+k]
		}
	}
	for k, weight := range weights {
		for p := range out {
			out[p] += weight / total * rows[p+k*w]
		}
	}
	return out
}

// pairs returns an error if images can't be compared one by one with the truth, or in units of the
// range of their pixels.
func pairs(truth, images *galaxy.Images, dataRange float64) error {
	if err := valid("truth", truth); err != nil {
		return err
	}
	if err := valid("images", images); err != nil {
		return err
	}
	if truth.N != 1 && truth.N != images.N || truth.Height != images.Height ||
		truth.Width != images.Width || truth.Channels != images.Channels {
		return fmt.Errorf("score: images of shape [%d, %d, %d, %d] can't be compared with the "+
			"truth, which has the shape [%d, %d, %d, %d]; it must be one for each or one for all",
			images.N, images.Height, images.Width, images.Channels, truth.N, truth.Height,
			truth.Width, truth.Channels)
	}
	if !(dataRange > 0) || math.IsInf(dataRange, 1) {
		return fmt.Errorf("score: the range of the pixels must be positive and finite, got %g",
			dataRange)
	}
	return nil
}

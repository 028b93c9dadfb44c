package observe

import (
	"fmt"
	"math"
	"slices"
)

// NoiseLevel estimates the standard deviation of white noise in one band, image and inverse
// variances [height, width], from the pixels with data (invVar > 0, or nil for all; finite): the
// median absolute response to the mask (1, −2, 1)⊗(1, −2, 1) over its value for unit noise, as
// [galdecon/galdecon/galaxy.Images.NoiseLevels] does for whole images. Noise that neighbors share
// is taken for too little. An image with fewer than 32 places where the mask sees data alone has no
// estimate: a [*NoDataError].
func NoiseLevel(image []float32, invVar []float64, height, width int) (float64, error) {
	if len(image) != height*width || (invVar != nil && len(invVar) != height*width) {
		return 0, &ShapeError{
			What: "an image with its inverse variances",
			Got:  []int{len(image), len(invVar)},
			Want: fmt.Sprintf("%d×%d values each", height, width),
		}
	}
	const least = 32
	mask := [3]float64{1, -2, 1}
	var responses []float64
	for row := 1; row < height-1; row++ {
	place:
		for col := 1; col < width-1; col++ {
			sum := 0.0
			for dy, a := range mask {
				for dx, b := range mask {
					k := (row+dy-1)*width + col + dx - 1
					if !finite(image[k]) || (invVar != nil && !(invVar[k] > 0)) {
						continue place
					}
					sum += a * b * float64(image[k])
				}
			}
			responses = append(responses, math.Abs(sum))
		}
	}
	if len(responses) < least {
		return 0, &NoDataError{What: "the noise's estimate", Got: len(responses), Need: least,
			Hint: "give inverse variances, or an image with fewer gaps"}
	}
	slices.Sort(responses)
	return responses[len(responses)/2] / (0.6745 * 6), nil
}

// Correlation is how the noise of neighboring pixels hangs together: the correlation coefficient at
// each lag of up to Size/2 rows and columns, Size × Size values, row-major, with 1 at the center
// (lag 0), and none beyond. It is the same everywhere in an image, where the variance may differ.
type Correlation struct {
	Size   int
	Values []float64
}

// CorrelationOf returns the correlation of white noise after a linear filter of size × size
// weights, such as an interpolation's or drizzling's: Σ h(p) h(p+d) / Σ h(p)², at lags of up to
// size−1 pixels.
func CorrelationOf(size int, filter []float64) (Correlation, error) {
	if size < 1 || len(filter) != size*size {
		return Correlation{}, &ShapeError{
			What: "the filter",
			Got:  []int{size, len(filter)},
			Want: "size×size weights, size ≥ 1",
		}
	}
	full := 2*size - 1
	c := Correlation{Size: full, Values: make([]float64, full*full)}
	for i, a := range filter {
		for j, b := range filter {
			c.Values[(i/size-j/size+size-1)*full+i%size-j%size+size-1] += a * b
		}
	}
	power := c.Values[len(c.Values)/2]
	if !(power > 0) || math.IsInf(power, 0) {
		return Correlation{}, &ValueError{
			What: "the filter's sum of squares",
			Got:  power,
			Want: "positive and finite",
			Hint: "check its weights",
		}
	}
	for i := range c.Values {
		c.Values[i] /= power
	}
	return c, nil
}

// Validate returns an error if the correlation isn't one: no odd grid, not 1 at lag 0 or more
// elsewhere, not the same at lags d and −d, or of a power spectrum that is negative by more than 5
// % of the variance. (Smaller negative power comes from an estimate's own noise; it is taken for
// the floor of [Grid.NoisePower].)
func (c Correlation) Validate() error {
	if c.Size < 1 || c.Size%2 == 0 || len(c.Values) != c.Size*c.Size {
		return &ShapeError{
			What: "a correlation of noise",
			Got:  []int{c.Size, len(c.Values)},
			Want: "an odd size and size×size values",
		}
	}
	const tolerance = 1e-6
	for i, v := range c.Values {
		wrong := func(want string) error {
			return &ValueError{
				What:   "a correlation of noise",
				Row:    i / c.Size,
				Column: i % c.Size,
				Got:    v,
				Want:   want,
				Hint:   "divide the autocovariance by its value at lag 0",
			}
		}
		switch mirrored := c.Values[len(c.Values)-1-i]; {
		case !(math.Abs(v) <= 1+tolerance):
			return wrong("between −1 and 1")
		case i == len(c.Values)/2 && math.Abs(v-1) > tolerance:
			return wrong("1 at lag 0, the center")
		case math.Abs(v-mirrored) > tolerance:
			return wrong(fmt.Sprintf("%g as at the opposite lag", mirrored))
		}
	}
	const negative = -0.05
	if least := c.leastPower(); least < negative {
		return &ValueError{
			What: "the least power of a correlation of noise",
			Got:  least,
			Want: fmt.Sprintf("at least %g", negative),
			Hint: "include larger lags, or let it fall to 0 smoothly",
		}
	}
	return nil
}

// leastPower returns the least of the power spectrum Σ C(d) cos(2π k·d) at 64 × 64 frequencies, row
// by row.
func (c Correlation) leastPower() float64 {
	const n = 64
	half, least := c.Size/2, math.Inf(1)
	for u := range n {
		re, im := make(
			[]float64,
			c.Size,
		), make(
			[]float64,
			c.Size,
		) // over rows, for each column's lag
		for i, v := range c.Values {
			sin, cos := math.Sincos(2 * math.Pi * float64(u*(i/c.Size-half)) / n)
			re[i%c.Size] += v * cos
			im[i%c.Size] += v * sin
		}
		for w := range n/2 + 1 {
			sum := 0.0
			for j := range re {
				sin, cos := math.Sincos(2 * math.Pi * float64(w*(j-half)) / n)
				sum += re[j]*cos - im[j]*sin
			}
			least = min(least, sum)
		}
	}
	return least
}

// Positive returns a correlation that noise can have, for one that was measured at a few lags: its
// power spectrum is raised to 5 % of the variance where it is less, or negative, which leaves small
// coefficients at lags of up to 15 pixels. 49 coefficients that are known to 0.01 each know the
// power to 7 %. Where it is believed to be too low, and the PSF shows nothing of the galaxy, noise
// would be taken for a galaxy of much detail.
func (c Correlation) Positive() (Correlation, error) {
	const floor = 0.05
	const n, reach = 64, 15
	if err := c.Validate(); err == nil && c.leastPower() >= floor {
		return c, nil
	}
	if c.Size < 1 || c.Size%2 == 0 || c.Size > n/2 || len(c.Values) != c.Size*c.Size {
		return Correlation{}, &ShapeError{
			What: "a correlation of noise",
			Got:  []int{c.Size, len(c.Values)},
			Want: fmt.Sprintf("an odd size up to %d and size×size values", n/2-1),
		}
	}
	var cos [n]float64
	for i := range cos {
		cos[i] = math.Cos(2 * math.Pi * float64(i) / n)
	}
	wave := func(u, w, row, column int) float64 { return cos[((u*row+w*column)%n+n)%n] }
	out := Correlation{Size: 2*reach + 1, Values: make([]float64, (2*reach+1)*(2*reach+1))}
	half := c.Size / 2
	for k := range n * n {
		u, w := k/n, k%n
		power := 0.0
		for i, v := range c.Values {
			power += v * wave(u, w, i/c.Size-half, i%c.Size-half)
		}
		power = max(power, floor)
		for i := range out.Values {
			out.Values[i] += power * wave(u, w, i/out.Size-reach, i%out.Size-reach)
		}
	}
	middle := out.Values[len(out.Values)/2]
	for i := range out.Values {
		out.Values[i] /= middle
	}
	return out, out.Validate()
}

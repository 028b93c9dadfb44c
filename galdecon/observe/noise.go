package observe

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
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

// leastPower returns the least of the power spectrum Σ C(d) cos(2π k·d) at 64 × 64 frequencies.
func (c Correlation) leastPower() float64 {
	const n = 64
	return slices.Min(waves(c.Values, c.Size, c.Size/2, n, 0, n))
}

// Positive returns a correlation that noise can have, for one that was measured at a few lags: its
// power spectrum is raised to 5 % of the variance where it is less, or negative, which leaves small
// coefficients at lags of 15 pixels, or as many as it has. 49 coefficients that are known to 0.01
// each know the power to 7 %. Where it is believed to be too low, and the PSF shows nothing of the
// galaxy, noise would be taken for a galaxy of much detail.
func (c Correlation) Positive() (Correlation, error) {
	const floor = 0.05
	err := c.Validate()
	if err == nil && c.leastPower() >= floor {
		return c, nil
	}
	var shape *ShapeError
	if errors.As(err, &shape) {
		return Correlation{}, err
	}
	reach := max(15, c.Size/2)
	n := 4 * (reach + 1)
	power := waves(c.Values, c.Size, c.Size/2, n, 0, n)
	for i, p := range power {
		power[i] = max(p, floor)
	}
	out := Correlation{Size: 2*reach + 1}
	out.Values = waves(power, n, 0, out.Size, reach, n)
	middle := out.Values[len(out.Values)/2]
	for i := range out.Values {
		out.Values[i] /= middle
	}
	return out, out.Validate()
}

// waves returns Σ v(y, x) cos(2π(u·y + w·x)/n) at to × to places (u, w), where v is size × size
// values; both are counted from an origin at row and column middle and at respectively.
func waves(v []float64, size, middle, to, at, n int) []float64 {
	cos, sin := make([]float64, n), make([]float64, n)
	for i := range n {
		sin[i], cos[i] = math.Sincos(2 * math.Pi * float64(i) / float64(n))
	}
	turn := func(a, b int) int { return (a*b%n + n) % n }
	out := make([]float64, to*to)
	re, im := make([]float64, size), make([]float64, size)
	for u := range to {
		clear(re)
		clear(im)
		for i, value := range v {
			k := turn(u-at, i/size-middle)
			re[i%size] += value * cos[k]
			im[i%size] += value * sin[k]
		}
		for w := range to {
			sum := 0.0
			for x := range re {
				k := turn(w-at, x-middle)
				sum += re[x]*cos[k] - im[x]*sin[k]
			}
			out[u*to+w] = sum
		}
	}
	return out
}

// White returns the shape of the white noise that [Grid.Noise] takes for a look: float32 numbers of
// unit variance. Where the noise is correlated they lie on the whole padded ring, [batch, 1, rows,
// cols], and else on the pixels, as X does.
func (g Grid) White(l Look) shapes.Shape {
	if l.NoisePower == nil {
		return l.InvVar.Shape()
	}
	return shapes.Make(dtypes.Float32, l.InvVar.Shape().Dim(0), 1, g.rows(), g.cols())
}

// Noise returns noise as a look's image has it, in its unit, [batch, height, width, 1], made of
// white noise of the shape [Grid.White]. It is 0 where there is no data.
func (g Grid) Noise(l Look, white *graph.Node) *graph.Node {
	if l.NoisePower != nil {
		white = g.noise(white, l.NoisePower)
	}
	seen := less(graph.ZerosLike(l.InvVar), l.InvVar)
	deviation := graph.Div(seen, graph.Sqrt(graph.Add(l.InvVar, graph.OneMinus(seen))))
	return graph.Mul(white, deviation)
}

package observe

import (
	"math"

	"github.com/gomlx/gomlx/core/graph"
)

// Wiener returns the data step from a flat galaxy of 0 that is uncertain by prior, a scalar or
// [batch]: Wiener's deconvolution of all looks together, [batch, height, width, channels].
func (g Grid) Wiener(prior *graph.Node, steps int, looks ...Look) *graph.Node {
	return g.Step(graph.ZerosLike(looks[0].X), prior, steps, looks...)
}

// Precision returns the local precision Aᵀ N⁻¹ A 1 of all looks, [batch, height, width, channels],
// in 1/unit²: how well the data know the light around a pixel, 0 where nothing is seen. N⁻¹ of
// correlated noise is taken as W½ C⁻¹ W½ with the inverse of C on the whole padded grid, which is
// exact but for the neighborhood of gaps.
func (g Grid) Precision(looks ...Look) *graph.Node {
	f := g.fourier(looks[0].X.Graph())
	ones := f.forward(graph.OnesLike(planes(looks[0].X)))
	precision := f.backProject(looks, func(w whitened) *graph.Node { return w.observe(f, ones) })
	return graph.MaxScalar(precision, 0) // rounding may leave less than nothing
}

// Filled returns the looks brought to the target grid together, Aᵀ N⁻¹ x / Aᵀ N⁻¹ A 1, [batch,
// height, width, channels] in the unit of the looks: the mean of what is seen around each pixel,
// weighted by its precision and the PSF. Gaps are filled from as far as the PSFs reach; what is
// known less than 10⁻³ as well as the best pixel fades to 0. Noise as in [Grid.Precision].
func (g Grid) Filled(looks ...Look) *graph.Node {
	f := g.fourier(looks[0].X.Graph())
	precision := g.Precision(looks...)
	light := f.backProject(
		looks,
		func(w whitened) *graph.Node { return graph.Mul(w.root, planes(w.X)) },
	)
	floor := graph.MulScalar(graph.ReduceAndKeep(precision, graph.ReduceMax, 1, 2), 1e-3)
	floor = graph.MaxScalar(floor, math.SmallestNonzeroFloat32*1e8)
	return graph.Div(light, graph.Add(precision, floor))
}

// backProject returns Σ Aᵀ W½ C⁻¹ v of what each look gives, as images.
func (f fourier) backProject(looks []Look, of func(whitened) *graph.Node) *graph.Node {
	var sum spectrum
	for i, l := range looks {
		w := whiten(l)
		v := of(w)
		if w.NoisePower != nil {
			v = f.image(f.forward(v).scale(graph.Reciprocal(w.NoisePower)))
		}
		if term := w.project(f, v); i == 0 {
			sum = term
		} else {
			sum = sum.plus(term)
		}
	}
	return images(f.image(sum))
}

// Frequency is a spatial frequency in cycles per pixel of the target grid, from −½ to ½.
type Frequency struct{ Row, Column float64 }

// Frequencies returns those at the given radii in cycles per pixel, each at n angles that are
// spread evenly over half a turn: |K̂|² is the same at opposite ones.
func Frequencies(radii []float64, n int) []Frequency {
	var out []Frequency
	for _, r := range radii {
		for i := range n {
			sin, cos := math.Sincos(math.Pi * float64(i) / float64(n))
			out = append(out, Frequency{r * sin, r * cos})
		}
	}
	return out
}

// Sensitivity returns the precision at fixed frequencies, Σ w̄ |K̂|²/Ĉ, [batch, channels,
// frequencies], in 1/unit², with the mean w̄ of each look's inverse variances over the pixels seen.
// A network that is given its logarithm knows the PSFs, of any size, and the noise. Channels are 1
// where neither PSF nor noise differs between them. It is not for the body of a loop.
func (g Grid) Sensitivity(frequencies []Frequency, looks ...Look) *graph.Node {
	f := g.fourier(looks[0].X.Graph())
	var sum *graph.Node
	for _, l := range looks {
		mean := whiten(l).mean
		k := f.at(frequencies, spectrum{l.Transfer.Re, l.Transfer.Im})
		power := graph.Add(graph.Square(k.re), graph.Square(k.im))
		term := graph.Mul(graph.Reshape(mean, append(mean.Shape().Dimensions[:2:2], 1)...), power)
		if l.NoisePower != nil {
			noise := f.at(frequencies, spectrum{l.NoisePower, graph.ZerosLike(l.NoisePower)})
			term = graph.Div(term, graph.MaxScalar(noise.re, minPower))
		}
		if sum == nil {
			sum = term
		} else {
			sum = graph.Add(sum, term)
		}
	}
	return sum
}

// at returns a spectrum between the frequencies of its grid, [batch, channels, frequencies], of a
// kernel around place 0.
func (f fourier) at(frequencies []Frequency, s spectrum) spectrum {
	ring := f.inverse(s, f.rows(), f.cols())
	// waves returns cos and sin of the phase −2π f·d at each place d of a ring, [places,
	// frequencies].
	waves := func(places int, of func(Frequency) float64) spectrum {
		cos, sin := make([][]float32, places), make([][]float32, places)
		for i := range places {
			d := i
			if i > places/2 {
				d -= places
			}
			for _, f := range frequencies {
				im, re := math.Sincos(-2 * math.Pi * of(f) * float64(d))
				cos[i], sin[i] = append(cos[i], float32(re)), append(sin[i], float32(im))
			}
		}
		return spectrum{graph.Const(ring.Graph(), cos), graph.Const(ring.Graph(), sin)}
	}
	column := waves(f.cols(), func(f Frequency) float64 { return f.Column })
	row := waves(f.rows(), func(f Frequency) float64 { return f.Row })
	byRow := spectrum{
		graph.Einsum("bcyx,xf->bcyf", ring, column.re),
		graph.Einsum("bcyx,xf->bcyf", ring, column.im),
	}
	lift := func(n *graph.Node) *graph.Node { return graph.ExpandAxes(n, 0, 1) }
	full := byRow.times(Transfer{lift(row.re), lift(row.im)})
	return spectrum{graph.ReduceSum(full.re, 2), graph.ReduceSum(full.im, 2)}
}

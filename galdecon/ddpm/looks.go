package ddpm

import (
	"math"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"galdecon/galdecon/observe"
	"galdecon/galdecon/unet"
)

// What the network is told of the exposures. It sees nothing of their form: neither their number
// nor the pixels of a PSF.
var (
	// frequencies at which it is told how well the data know the galaxy.
	frequencies = append([]observe.Frequency{{}}, observe.Frequencies(
		[]float64{0.03, 0.06, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5}, 4)...)
)

const (
	// wienerSteps, and those of the data step in training and in sampling, are steps of conjugate
	// gradients, see package observe. Behind gaps, and with little noise, a sampler needs more: an
	// error that stays at a high noise level can't be mended at the last ones, where little is left
	// to be moved.
	wienerSteps, trainingSteps, samplingSteps = 6, 4, 16
	// wienerPrior is the deviation of y around 0 in units of c.Std that Wiener's filter assumes.
	wienerPrior = 1
	// range of the logarithms of precision, which are divided by it.
	logRange = 5
	// Velocities pass as they are up to nearest, beyond which noise hardly gets, and not at all from
	// farthest on: there y_t speaks against the image that they lead to.
	nearest, farthest = 4, 9
)

// known is what a network is told of looks. It doesn't change from step to step.
type known struct {
	filled, wiener, // the looks on the grid, and deconvolved, normalized
	precision, // log(1 + Std² of the local precision), [batch, height, width, 1]
	sensitivity *graph.Node // the same at the frequencies, [batch, len(frequencies)]
}

func (k known) nodes() []*graph.Node {
	return []*graph.Node{k.filled, k.wiener, k.precision, k.sensitivity}
}

// knows returns what the network is told of looks whose unit is that of the model. The images must
// have one channel.
func (c Config) knows(grid observe.Grid, looks []observe.Look) known {
	log := func(precision *graph.Node) *graph.Node {
		return graph.DivScalar(graph.Log1P(graph.MulScalar(precision, c.Std*c.Std)), logRange)
	}
	x := looks[0].X
	sensitivity := grid.Sensitivity(frequencies, looks...)
	prior := graph.Const(x.Graph(), float32(wienerPrior*c.Std))
	return known{
		filled:      graph.DivScalar(grid.Filled(looks...), c.Std),
		wiener:      graph.DivScalar(grid.Wiener(prior, wienerSteps, looks...), c.Std),
		precision:   log(grid.Precision(looks...)),
		sensitivity: log(graph.Reshape(sensitivity, x.Shape().Dimensions[0], len(frequencies))),
	}
}

// predictKnown returns the network's output, of the shape of yt = √ᾱ u + √(1−ᾱ) ε, at times t/T
// [batch] with signal = √ᾱ and sigma = √(1−ᾱ), scalars or [batch, 1, 1, 1]. The prediction is a sum
// over images that are known,
//
//	a + σ (b·y_t + c·f + d·w) + Σ_i e_i·v_i,  v_i = (√ᾱ y_t − u_i)/σ,  σ = √(1−ᾱ)
//
// with the looks f on the grid and w deconvolved, of which the network decides how much passes in
// each pixel. The v_i are the velocities that follow if u is one of the images u_i: 0, as in a dark
// sky, f, w, or √ᾱ y_t smoothed a little or more, as within a galaxy. So the noise of the sky and
// the light of bright pixels needn't pass through it, whatever their range, and with little noise
// what it gets wrong is small. What it sees of them is compressed, asinh. Where there is an
// exchange, the batch is that of the bands of galaxies.
func (c Config) predictKnown(
	scope *model.Scope, yt, time, signal, sigma *graph.Node, k known, exchange *unet.Exchange,
) *graph.Node {
	embedding := c.Network.EmbedKnown(scope.In("embed"), time, k.sensitivity)
	noisy := graph.Mul(signal, yt)
	little := smooth(noisy)
	much := smooth(smooth(smooth(little)))
	seen := []*graph.Node{yt, k.filled, k.wiener}
	var terms []*graph.Node
	for _, image := range seen {
		terms = append(terms, graph.Mul(sigma, image))
	}
	for _, u := range []*graph.Node{graph.ZerosLike(yt), k.filled, k.wiener, little, much} {
		velocity := towards(graph.Div(graph.Sub(noisy, u), sigma))
		seen, terms = append(seen, velocity), append(terms, velocity)
	}
	var images []*graph.Node
	for _, image := range seen {
		images = append(images, asinh(image))
	}
	images = append(images, k.precision)
	out := c.Network.ForwardBands(scope.In("unet"), graph.Concatenate(images, -1), embedding,
		1+len(terms), exchange)
	channel := func(i int) *graph.Node {
		return graph.Slice(out, graph.AxisRange().Spacer(), graph.AxisRange(i, i+1))
	}
	predicted := channel(0)
	for i, term := range terms {
		predicted = graph.Add(predicted, graph.Mul(channel(i+1), term))
	}
	return predicted
}

// towards returns velocities as they are up to nearest, and 0 from farthest on.
func towards(velocity *graph.Node) *graph.Node {
	left := graph.DivScalar(graph.SubScalar(graph.Abs(velocity), farthest), nearest-farthest)
	return graph.Mul(velocity, graph.ClipScalar(left, 0, 1))
}

// smooth returns images [batch, height, width, 1] convolved with the binomial weights (1 2 1)/4
// along both axes, of those pixels that there are.
func smooth(images *graph.Node) *graph.Node {
	g := images.Graph()
	weights := graph.Reshape(graph.Const(g, []float32{1, 2, 1, 2, 4, 2, 1, 2, 1}), 3, 3, 1, 1)
	sum := func(x *graph.Node) *graph.Node {
		return graph.Convolve(x, weights).PadSame().Done()
	}
	one := graph.Ones(g, shapes.Make(images.DType(), 1, images.Shape().Dim(1),
		images.Shape().Dim(2), 1))
	return graph.Div(sum(images), sum(one))
}

// asinh returns the inverse hyperbolic sine, sign(x) log(|x| + √(x²+1)).
func asinh(x *graph.Node) *graph.Node {
	size := graph.Abs(x)
	return graph.Mul(graph.Sign(x), graph.Log(graph.Add(size,
		graph.Sqrt(graph.OnePlus(graph.Square(size))))))
}

// LookNetwork returns the shapes of what the network for looks takes for a batch of square images,
// and its graph function, with the weights below a scope: y_t, the looks on the grid, the same
// deconvolved and the local precision, all [batch, size, size, 1], times t/T [batch], at which the
// signal is cos(π/2 t/T) here, and the precision at a number of frequencies [batch, frequencies].
// The output is [batch, size, size, 1].
func (c Config) LookNetwork(batch, size int) (
	inputs []shapes.Shape, forward func(scope *model.Scope, in []*graph.Node) *graph.Node,
) {
	float := func(dims ...int) shapes.Shape { return shapes.Make(dtypes.Float32, dims...) }
	image := float(batch, size, size, 1)
	return []shapes.Shape{image, image, image, image, float(batch),
			float(batch, len(frequencies))},
		func(scope *model.Scope, in []*graph.Node) *graph.Node {
			angle := graph.MulScalar(graph.Reshape(in[4], batch, 1, 1, 1), math.Pi/2)
			return c.predictKnown(scope, in[0], in[4], graph.Cos(angle), graph.Sin(angle),
				known{in[1], in[2], in[3], in[5]}, nil)
		}
}

// correctLooks moves an estimate of y_0, normalized, towards what was seen, by the exact data step
// ([observe.Grid.Step]) for an estimate that is uncertain by Std·√(1−ᾱ).
func (c Config) correctLooks(
	clean, sigma *graph.Node, steps int, grid observe.Grid, looks []observe.Look,
) *graph.Node {
	tau := graph.MulScalar(graph.Reshape(sigma, sigma.Shape().Size()), c.Std)
	if tau.Shape().Size() == 1 {
		tau = graph.Reshape(tau)
	}
	return c.normalize(grid.Step(c.restore(clean), tau, steps, looks...))
}

// LookLoss returns the loss of clean images y [batch, height, width, 1] that are seen in looks, in
// their unit, at random times and noise. The unit of the model is [observe.Grid.Unit]. Errors count
// relative to the velocity's own size, as far as the looks tell it: the brightest of a hundred
// galaxies would else outweigh all others.
func (c Config) LookLoss(
	scope *model.Scope, y *graph.Node, grid observe.Grid, looks ...observe.Look,
) *graph.Node {
	return c.lookLoss(scope, scope, y, 1, nil, grid, looks)
}

// lookLoss is LookLoss of images y of which so many that follow each other are bands of one galaxy,
// at the same times. Random numbers come from scope, and the weights lie below weights.
func (c Config) lookLoss(
	scope, weights *model.Scope, y *graph.Node, bands int, exchange *unet.Exchange,
	grid observe.Grid, looks []observe.Look,
) *graph.Node {
	unit := grid.Unit(looks...)
	for i, l := range looks {
		looks[i] = l.Scale(unit)
	}
	y = graph.Div(y, graph.Reshape(unit, unit.Shape().Dimensions[0], 1, 1, 1))
	var size *graph.Node
	return c.loss(scope, y, bands, func(yt, time, signal, sigma *graph.Node) *graph.Node {
		k := c.knows(grid, looks)
		power := graph.ReduceAndKeep(graph.Square(k.filled), graph.ReduceMean, 1, 2, 3)
		size = graph.Sqrt(graph.Add(graph.Square(signal),
			graph.Mul(graph.Square(sigma), graph.MaxScalar(power, 1))))
		return c.predictKnown(weights, yt, time, signal, sigma, k, exchange)
	}, func(clean, sigma *graph.Node) *graph.Node {
		return c.correctLooks(clean, sigma, trainingSteps, grid, looks)
	}, Schedule.byLogSNR, func(errors *graph.Node) *graph.Node {
		return scales(graph.Div(errors, size))
	})
}

// scales returns the mean square of errors [batch, height, width, 1] at many scales: half of it is
// that of pixels, and half the average of those of means over 2×2, 4×4, … of them, as long as they
// divide the image, times the number of pixels in each. The errors of white noise are alike at all
// scales. Least it is, as any quadratic form, for the posterior mean; but what a network gets wrong
// by little in every pixel, such as the level of the sky, adds up in a flux, and would else not be
// seen beside the grain.
func scales(errors *graph.Node) *graph.Node {
	pixels := meanSquare(errors)
	var coarse *graph.Node
	n := 0
	for area := 4.; ; area *= 4 {
		d := errors.Shape().Dimensions
		if d[1]%2 != 0 || d[2]%2 != 0 {
			break
		}
		errors = graph.MeanPool(errors).Window(2).NoPadding().Done()
		term := graph.MulScalar(meanSquare(errors), area)
		if n++; n == 1 {
			coarse = term
		} else {
			coarse = graph.Add(coarse, term)
		}
	}
	if n == 0 {
		return pixels
	}
	return graph.MulScalar(graph.Add(pixels, graph.DivScalar(coarse, float64(n))), 0.5)
}

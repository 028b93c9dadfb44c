// Package ddpm holds the conditional diffusion model of the paper's Section 2.2: the noise
// schedule, its loss, and the samplers that draw candidates y from p(y | x = Π*y, Π). [Config.Loss]
// is Eq. 2.
package ddpm

import (
	"fmt"
	"math"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"galdecon/galdecon/internal/random"
	"galdecon/galdecon/psf"
	"galdecon/galdecon/unet"
)

// Config is a conditional diffusion model.
type Config struct {
	// T is the number of noise levels; the paper uses 950.
	T int `json:"T"`
	// Cosine chooses the cosine schedule instead of the paper's linear one.
	Cosine bool `json:"cosine"`
	// Prediction is what the network predicts, and what its loss is the error of.
	Prediction Prediction `json:"prediction"`
	// Network is the denoiser, and Paper, where it is set, the one of the paper in its place.
	Network unet.Config `json:"network,omitzero"`
	Paper   *unet.Paper `json:"paper,omitempty"`
	// DataConsistency corrects each estimate of y_0 towards Π*y = x, in training as in sampling, by
	// the Wiener step ([psf.WienerStep]) that is the posterior mean for Gaussian images: what x
	// decides, such as the flux, is right to within its noise, and the network learns what the PSF
	// has hidden. It excludes Dropout.
	DataConsistency bool `json:"consistent,omitzero"`
	// Dropout is the probability with which the PSF is withheld from the network while it is
	// trained, so that it can be guided ([Sampler.Guidance]). The paper uses 0.1.
	Dropout float64 `json:"dropout,omitzero"`
	// Mean and Std of the clean images' pixels; the diffusion runs on (y − Mean)/Std.
	Mean float64 `json:"mean"`
	Std  float64 `json:"std"`
}

// Prediction is what a denoiser's output stands for in y_t = √ᾱ y_0 + √(1−ᾱ) ε.
type Prediction string

const (
	// Epsilon is the noise ε: Eq. 2 as it stands.
	Epsilon Prediction = "epsilon"
	// Clean is y_0. Its squared error is that of ε times (1−ᾱ)/ᾱ.
	Clean Prediction = "clean"
	// Velocity is v = √ᾱ ε − √(1−ᾱ) y_0 (Salimans and Ho 2022). Its squared error is that of ε
	// times 1/ᾱ, so it weighs high noise, where the shape of the galaxy is decided, more than Eq. 2
	// does; and y_0 is never divided by a small number.
	Velocity Prediction = "velocity"
)

// target returns what the network should predict, of clean images u and noise with weights signal =
// √ᾱ and sigma = √(1−ᾱ).
func (p Prediction) target(u, epsilon, signal, sigma *graph.Node) *graph.Node {
	switch p {
	case Epsilon:
		return epsilon
	case Clean:
		return u
	}
	return graph.Sub(graph.Mul(signal, epsilon), graph.Mul(sigma, u))
}

// clean returns the estimate of y_0 that a prediction implies.
func (p Prediction) clean(predicted, yt, signal, sigma *graph.Node) *graph.Node {
	switch p {
	case Epsilon:
		return graph.Div(graph.Sub(yt, graph.Mul(sigma, predicted)), signal)
	case Clean:
		return predicted
	}
	return graph.Sub(graph.Mul(signal, yt), graph.Mul(sigma, predicted))
}

// predicted returns the prediction that implies an estimate of y_0.
func (p Prediction) predicted(clean, yt, signal, sigma *graph.Node) *graph.Node {
	switch p {
	case Epsilon:
		return graph.Div(graph.Sub(yt, graph.Mul(signal, clean)), sigma)
	case Clean:
		return clean
	}
	return graph.Div(graph.Sub(graph.Mul(signal, yt), clean), sigma)
}

// Validate returns an error if the model is impossible for images of size×size pixels.
func (c Config) Validate(size int) error {
	if !(c.Std > 0) || math.IsInf(c.Std, 0) || math.IsNaN(c.Mean) || math.IsInf(c.Mean, 0) {
		return fmt.Errorf("ddpm: mean and standard deviation of the images must be finite and "+
			"the latter positive, got %g and %g", c.Mean, c.Std)
	}
	if c.Prediction != Epsilon && c.Prediction != Clean && c.Prediction != Velocity {
		return fmt.Errorf("ddpm: a network predicts %q, %q or %q, not %q", Epsilon, Clean, Velocity,
			c.Prediction)
	}
	if !(c.Dropout >= 0 && c.Dropout < 1) {
		return fmt.Errorf("ddpm: the PSF must be withheld with a probability in [0, 1), got %g",
			c.Dropout)
	}
	if c.DataConsistency && c.Dropout > 0 {
		return fmt.Errorf("ddpm: a consistent model knows the PSF even where it is withheld from "+
			"the network; choose DataConsistency or Dropout (%g), not both", c.Dropout)
	}
	if _, err := c.Schedule(); err != nil {
		return err
	}
	if c.Paper != nil {
		return c.Paper.Validate(size)
	}
	return c.Network.Validate(size)
}

// Schedule returns the model's noise schedule.
func (c Config) Schedule() (Schedule, error) {
	if c.Cosine {
		return Cosine(c.T)
	}
	return Linear(c.T)
}

// Condition is c = (x, Π) of Eq. 2, and the noise of x, which the paper neglects.
type Condition struct {
	X     *graph.Node // [batch, height, width, channels]
	PSFs  *graph.Node // [batch, k, k], or [1, k, k] for all
	Noise *graph.Node // standard deviation in units of x, [batch]
}

// prepared is a condition as the network takes it. It doesn't change from step to step.
type prepared struct {
	blurred, // x, normalized as the noisy image is
	wiener, // x deconvolved by Wiener's filter, normalized
	psfs, // [batch, k, k]
	logNoise *graph.Node // [batch]
}

// prepare brings a condition into the form that the network takes. Wiener's filter, with a white
// prior, is a function of x, Π and the noise; it spares the network to learn deconvolution for
// every Π.
func (c Config) prepare(o Condition) prepared {
	const (
		prior   = 0.1  // standard deviation of y around its blurred image
		typical = 0.01 // of the noise
	)
	noise := graph.MaxScalar(o.Noise, psf.MinNoise)
	p := prepared{blurred: c.normalize(o.X), psfs: o.PSFs,
		logNoise: graph.Log(graph.DivScalar(noise, typical))}
	if c.Paper == nil {
		p.wiener = c.normalize(psf.WienerStep(o.X, o.X, o.PSFs,
			graph.Square(graph.DivScalar(noise, prior)), 3))
	} else {
		p.wiener = graph.ZerosLike(p.blurred)
	}
	if d := p.psfs.Shape().Dimensions; d[0] != o.X.Shape().Dimensions[0] {
		p.psfs = graph.BroadcastToDims(p.psfs, o.X.Shape().Dimensions[0], d[1], d[2])
	}
	return p
}

// withhold hides the PSF, and what was made with it, where keep [batch] is 0.
func (p prepared) withhold(keep *graph.Node) prepared {
	n := keep.Shape().Dimensions[0]
	p.psfs = graph.Mul(p.psfs, graph.Reshape(keep, n, 1, 1))
	p.wiener = graph.Mul(p.wiener, graph.Reshape(keep, n, 1, 1, 1))
	return p
}

func (c Config) normalize(y *graph.Node) *graph.Node {
	return graph.DivScalar(graph.SubScalar(y, c.Mean), c.Std)
}

func (c Config) restore(u *graph.Node) *graph.Node {
	return graph.AddScalar(graph.MulScalar(u, c.Std), c.Mean)
}

// predict returns the network's output, of the shape of yt, at times t/T [batch].
func (c Config) predict(scope *model.Scope, yt, time *graph.Node, p prepared) *graph.Node {
	if c.Paper != nil {
		return c.Paper.Forward(scope.In("unet"), p.blurred, yt, p.psfs, time)
	}
	embedding := c.Network.Embed(scope.In("embed"), time, p.psfs, p.logNoise)
	images := graph.Concatenate([]*graph.Node{yt, p.blurred, p.wiener}, -1)
	return c.Network.Forward(scope.In("unet"), images, embedding, yt.Shape().Dimensions[3])
}

// Loss returns Eq. 2, E‖ε − ε_θ(y_t, t, c)‖² per pixel, or that of another [Prediction], of clean
// images y [batch, height, width, channels], at random times and noise.
func (c Config) Loss(scope *model.Scope, y *graph.Node, condition Condition) *graph.Node {
	var p prepared
	return c.loss(scope, y, 1, func(yt, time, _, _ *graph.Node) *graph.Node {
		p = c.prepare(condition)
		if c.Dropout > 0 {
			drawn := scope.RandomUniform(y.Graph(), shapes.Make(dtypes.Float32, time.Shape().Size()))
			p = p.withhold(graph.ConvertDType(graph.GreaterOrEqual(drawn,
				graph.Const(y.Graph(), float32(c.Dropout))), dtypes.Float32))
		}
		return c.predict(scope, yt, time, p)
	}, func(clean, sigma *graph.Node) *graph.Node {
		return c.correct(clean, sigma, condition)
	}, Schedule.evenly, meanSquare)
}

// loss returns the loss of a network that predicts from y_t at times t/T [batch] with signal √ᾱ and
// sigma √(1−ᾱ), and whose estimates of y_0, normalized, are corrected where the model is consistent.
// Times are drawn evenly from those that quantiles returns, one for so many images that follow each
// other, and norm is that of an error.
func (c Config) loss(
	scope *model.Scope, y *graph.Node, together int,
	predict func(yt, time, signal, sigma *graph.Node) *graph.Node,
	correct func(clean, sigma *graph.Node) *graph.Node,
	quantiles func(Schedule) []int32, norm func(errors *graph.Node) *graph.Node,
) *graph.Node {
	schedule, err := c.Schedule()
	if err != nil {
		panic(err) // while a graph is built, as GoMLX does; Validate tells beforehand
	}
	g, batch := y.Graph(), y.Shape().Dimensions[0]
	// Uniform times, spread evenly over a batch by one common shift (Kingma et al. 2021, Appendix
	// I.1): less noise in the loss.
	groups := batch / together
	place := graph.DivScalar(graph.Iota(g, shapes.Make(dtypes.Float32, groups), 0),
		float64(groups))
	place = graph.Add(place, scope.RandomUniform(g, shapes.Make(dtypes.Float32)))
	place = graph.Sub(place, graph.Floor(place))
	times := quantiles(schedule)
	place = graph.ConvertDType(graph.Floor(graph.MulScalar(place, float64(len(times)))),
		dtypes.Int32)
	t := graph.Reshape(graph.Gather(graph.Const(g, times), graph.ExpandAxes(place, -1)), groups)
	if together > 1 {
		t = graph.Reshape(graph.BroadcastToDims(graph.ExpandAxes(t, -1), groups, together), batch)
	}
	table := make([]float32, len(schedule.AlphaBar))
	for i, a := range schedule.AlphaBar {
		table[i] = float32(a)
	}
	bar := graph.Gather(graph.Const(g, table), graph.ExpandAxes(t, -1))
	bar = graph.Reshape(bar, batch, 1, 1, 1)
	signal, sigma := graph.Sqrt(bar), graph.Sqrt(graph.OneMinus(bar))
	u, epsilon := c.normalize(y), random.Scoped(scope, g, y.Shape())
	yt := graph.Add(graph.Mul(signal, u), graph.Mul(sigma, epsilon))
	time := graph.DivScalar(graph.ConvertDType(t, dtypes.Float32), float64(c.T))
	predicted := predict(yt, time, signal, sigma)
	if c.DataConsistency {
		clean := correct(c.Prediction.clean(predicted, yt, signal, sigma), sigma)
		predicted = c.Prediction.predicted(clean, yt, signal, sigma)
	}
	return norm(graph.Sub(predicted, c.Prediction.target(u, epsilon, signal, sigma)))
}

// meanSquare returns the mean square of errors, which the posterior mean makes least.
func meanSquare(errors *graph.Node) *graph.Node {
	return graph.ReduceAllMean(graph.Square(errors))
}

// correctionSteps is the number of conjugate-gradient steps of a correction.
const correctionSteps = 2

// correct moves an estimate of y_0, normalized, towards Π*y = x. Without x, y_0 is uncertain by
// Std·√(1−ᾱ) where y_t is known: for white Gaussian images that is exact.
func (c Config) correct(clean, sigma *graph.Node, o Condition) *graph.Node {
	sigma = graph.Reshape(sigma, sigma.Shape().Size()) // of each image, or of all
	lambda := graph.Square(graph.Div(graph.MaxScalar(o.Noise, psf.MinNoise),
		graph.MulScalar(sigma, c.Std)))
	return c.normalize(psf.WienerStep(c.restore(clean), o.X, o.PSFs, lambda, correctionSteps))
}

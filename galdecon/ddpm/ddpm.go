// Package ddpm holds the conditional diffusion model of the paper's Section 2.2: the noise schedule, the loss of Eq. 2, and the
// samplers that draw candidates y from p(y | x = Π*y, Π).
package ddpm

import (
	"fmt"
	"math"

	"galdecon/galdecon/psf"
	"galdecon/galdecon/unet"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
)

// Config is a conditional diffusion model.
type Config struct {
	// T is the number of noise levels; the paper uses 950.
	T int `json:"T"`
	// Cosine chooses the cosine schedule instead of the paper's linear one.
	Cosine bool `json:"cosine"`
	// Network is the denoiser.
	Network unet.Config `json:"network"`
	// Mean and Std of the clean images' pixels; the diffusion runs on (y − Mean)/Std.
	Mean float64 `json:"mean"`
	Std  float64 `json:"std"`
}

// Validate reports what makes the model impossible for images of size×size pixels.
func (c Config) Validate(size int) error {
	if !(c.Std > 0) || math.IsInf(c.Std, 0) || math.IsNaN(c.Mean) || math.IsInf(c.Mean, 0) {
		return fmt.Errorf("ddpm: mean and standard deviation of the images must be finite and the latter positive, got %g and %g", c.Mean, c.Std)
	}
	if _, err := c.Schedule(); err != nil {
		return err
	}
	return c.Network.Validate(size)
}

// Schedule is the model's noise schedule.
func (c Config) Schedule() (Schedule, error) {
	if c.Cosine {
		return Cosine(c.T)
	}
	return Linear(c.T)
}

// Condition is c = (x, Π) of Eq. 2 as the network takes it, and the noise of x.
type Condition struct {
	X     *graph.Node // [batch, height, width, channels]
	PSFs  *graph.Node // [batch, k, k], or [1, k, k] for all
	Noise float64     // standard deviation, in units of x
}

// minNoise stands for the noise of an observation that is said to have none, where something must be divided by it: rounding
// and the model's own error are not smaller.
const minNoise = 1e-3

func (c Condition) noise() float64 { return max(c.Noise, minNoise) }

// images is the condition as input channels of the network, scaled as the noisy image is: x, and x deconvolved by Wiener's filter
// with a white prior. The second is a function of the first and Π; it spares the network to learn deconvolution for every Π.
func (c Condition) images(normalise func(*graph.Node) *graph.Node) *graph.Node {
	const prior = 0.1 // standard deviation of y around its blurred image
	lambda := graph.Const(c.X.Graph(), float32(c.noise()*c.noise()/(prior*prior)))
	wiener := psf.Correct(c.X, c.X, c.PSFs, lambda, 3)
	return graph.Concatenate([]*graph.Node{normalise(c.X), normalise(wiener)}, -1)
}

func (c Config) normalise(y *graph.Node) *graph.Node {
	return graph.DivScalar(graph.SubScalar(y, c.Mean), c.Std)
}

func (c Config) restore(u *graph.Node) *graph.Node {
	return graph.AddScalar(graph.MulScalar(u, c.Std), c.Mean)
}

// velocity is the network v_θ(y_t, t, c) = √ᾱ ε − √(1−ᾱ) y_0 (Salimans and Ho 2022), of the shape of yt. Both predictions follow
// from it with weights ≤ 1: ε_θ = √(1−ᾱ) y_t + √ᾱ v, ŷ_0 = √ᾱ y_t − √(1−ᾱ) v. So ε_θ starts as a good guess at high noise, and
// ŷ_0 is never divided by a small number. time is [batch].
func (c Config) velocity(scope *model.Scope, yt, condition, time, psfs *graph.Node) *graph.Node {
	embedding := c.Network.Embed(scope.In("embed"), time, psfs)
	channels := yt.Shape().Dimensions[3]
	return c.Network.Forward(scope.In("unet"), graph.Concatenate([]*graph.Node{yt, condition}, -1), embedding, channels)
}

// Loss is Eq. 2, E‖ε − ε_θ(y_t, t, c)‖² per pixel, of clean images y [batch, height, width, channels], at random times and noise.
func (c Config) Loss(scope *model.Scope, y *graph.Node, condition Condition) *graph.Node {
	schedule, err := c.Schedule()
	if err != nil {
		panic(err) // while a graph is built, as GoMLX does; Validate tells beforehand
	}
	g, batch := y.Graph(), y.Shape().Dimensions[0]
	// Uniform times, spread evenly over a batch by one common shift (Kingma et al. 2021, Appendix I.1): less noise in the loss.
	place := graph.DivScalar(graph.Iota(g, shapes.Make(dtypes.Float32, batch), 0), float64(batch))
	place = graph.Add(place, scope.RandomUniform(g, shapes.Make(dtypes.Float32)))
	place = graph.Sub(place, graph.Floor(place))
	t := graph.OnePlus(graph.ConvertDType(graph.Floor(graph.MulScalar(place, float64(c.T))), dtypes.Int32))
	table := make([]float32, len(schedule.AlphaBar))
	for i, a := range schedule.AlphaBar {
		table[i] = float32(a)
	}
	bar := graph.Gather(graph.Const(g, table), graph.ExpandAxes(t, -1))
	bar = graph.Reshape(bar, batch, 1, 1, 1)
	signal, noise := graph.Sqrt(bar), graph.Sqrt(graph.OneMinus(bar))
	epsilon := scope.RandomNormal(g, y.Shape())
	yt := graph.Add(graph.Mul(signal, c.normalise(y)), graph.Mul(noise, epsilon))
	time := graph.DivScalar(graph.ConvertDType(t, dtypes.Float32), float64(c.T))
	v := c.velocity(scope, yt, condition.images(c.normalise), time, condition.PSFs)
	predicted := graph.Add(graph.Mul(noise, yt), graph.Mul(signal, v))
	return graph.ReduceAllMean(graph.Square(graph.Sub(epsilon, predicted)))
}

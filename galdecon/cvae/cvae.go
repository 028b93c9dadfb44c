// Package cvae holds the conditional variational autoencoder of the paper's Section 2.1, the
// baseline of the diffusion model: an encoder q(z | x, Π), a decoder from z to a clean candidate y,
// and a last layer that is fixed, Π*y. [Config.Terms] and [Terms.Loss] are Eq. 1; the fixed layer
// of Figure 1 is [psf.Convolve].
package cvae

import (
	"fmt"
	"math"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/layers"
	"github.com/gomlx/gomlx/ml/layers/activation"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/ml/model/initializer"

	"galdecon/galdecon/internal/random"
	"galdecon/galdecon/psf"
)

// Config is a conditional VAE.
type Config struct {
	// Latent is the number of dimensions of z.
	Latent int `json:"latent"`
	// Features is the number of channels after each convolution of the encoder, which halves the
	// resolution; the decoder has them in reverse.
	Features []int `json:"features"`
	// Alpha and Beta weigh the clean and the blurred reconstruction in Eq. 1.
	Alpha float64 `json:"alpha"`
	Beta  float64 `json:"beta"`
	// SigmaY and SigmaX are the standard deviations of the Gaussian likelihoods p(y | z) and p(x |
	// y, z), per pixel, in units of the scaled image.
	SigmaY float64 `json:"sigma_y"`
	SigmaX float64 `json:"sigma_x"`
}

// Validate returns an error if the model is impossible for images of size×size pixels.
func (c Config) Validate(size int) error {
	if c.Latent < 1 || len(c.Features) == 0 {
		return fmt.Errorf("cvae: a model needs at least one latent dimension and one "+
			"convolution, got %d and %d", c.Latent, len(c.Features))
	}
	for _, f := range c.Features {
		if f < 1 {
			return fmt.Errorf("cvae: every convolution needs at least one feature, got %v",
				c.Features)
		}
	}
	if side := 1 << len(c.Features); size < side || size%side != 0 {
		return fmt.Errorf("cvae: %d convolutions halve the image as often, so its size must be a "+
			"multiple of %d pixels, got %d", len(c.Features), side, size)
	}
	for _, v := range []float64{c.Alpha, c.Beta} {
		if !(v >= 0) || math.IsInf(v, 0) {
			return fmt.Errorf("cvae: α and β must be finite and at least 0, got %g and %g", c.Alpha,
				c.Beta)
		}
	}
	for _, v := range []float64{c.SigmaY, c.SigmaX} {
		if !(v > 0) || math.IsInf(v, 0) {
			return fmt.Errorf("cvae: the likelihoods need positive standard deviations, got %g "+
				"and %g", c.SigmaY, c.SigmaX)
		}
	}
	return nil
}

// Terms are those of Eq. 1, in nats, summed over pixels and latent dimensions and averaged over the
// batch: scalars.
type Terms struct {
	// Clean is E log p(y | z), Blurred is E log p(x | y, z), both without their constants −½ log
	// 2πσ².
	Clean, Blurred *graph.Node
	// KL is D(q(z | x, Π) ‖ N(0, 1)).
	KL *graph.Node
}

// Terms evaluates Eq. 1 with one draw of z for each galaxy: y and x are [batch, height, width,
// channels], psfs [batch, k, k].
func (c Config) Terms(scope *model.Scope, y, x, psfs *graph.Node) Terms {
	mean, logVariance := c.Encode(scope, x, psfs)
	noise := random.Scoped(scope, x.Graph(), mean.Shape())
	candidate := c.Decode(scope, Reparametrize(mean, logVariance, noise), y.Shape().Dimensions[1],
		y.Shape().Dimensions[3])
	return Terms{
		Clean:   logLikelihood(y, candidate, c.SigmaY),
		Blurred: logLikelihood(x, psf.Convolve(candidate, psfs), c.SigmaX),
		KL:      KL(mean, logVariance),
	}
}

// Loss returns −L of Eq. 1, to be minimized: the weights α and β are scalars, constants or inputs
// of the graph.
func (t Terms) Loss(alpha, beta *graph.Node) *graph.Node {
	return graph.Sub(t.KL, graph.Add(graph.Mul(t.Clean, alpha), graph.Mul(t.Blurred, beta)))
}

// Loss returns that of [Config.Terms] with the weights of the configuration.
func (c Config) Loss(scope *model.Scope, y, x, psfs *graph.Node) *graph.Node {
	t, g := c.Terms(scope, y, x, psfs), y.Graph()
	return t.Loss(graph.Const(g, float32(c.Alpha)), graph.Const(g, float32(c.Beta)))
}

// logLikelihood returns Σ −(truth − image)²/2σ² over the pixels, averaged over the batch.
func logLikelihood(truth, image *graph.Node, sigma float64) *graph.Node {
	sums := graph.ReduceSum(graph.Square(graph.Sub(truth, image)), 1, 2, 3)
	return graph.MulScalar(graph.ReduceAllMean(sums), -0.5/(sigma*sigma))
}

// KL returns the divergence of N(mean, e^logVariance) from N(0, 1), both [batch, latent]: ½ Σ (μ² +
// σ² − 1 − log σ²), averaged over the batch (Kingma and Welling 2013, Appendix B).
func KL(mean, logVariance *graph.Node) *graph.Node {
	each := graph.Sub(graph.Add(graph.Square(mean), graph.Exp(logVariance)),
		graph.OnePlus(logVariance))
	return graph.MulScalar(graph.ReduceAllMean(graph.ReduceSum(each, -1)), 0.5)
}

// Reparametrize returns z = μ + σ·noise, all [batch, latent].
func Reparametrize(mean, logVariance, noise *graph.Node) *graph.Node {
	return graph.Add(mean, graph.Mul(graph.Exp(graph.MulScalar(logVariance, 0.5)), noise))
}

// Encode returns q(z | x, Π): x [batch, size, size, channels] and psfs [batch, k, k] → mean and
// log-variance of z, both [batch, latent]. The PSF passes through a one-layer CNN and joins x as a
// channel (paper, Section 3).
func (c Config) Encode(scope *model.Scope, x, psfs *graph.Node) (mean, logVariance *graph.Node) {
	scope = scope.In("encoder")
	d, k := x.Shape().Dimensions, psfs.Shape().Dimensions[1]
	// Weights of sum 1 are small on a large grid; the network sees them relative to a flat PSF.
	p := graph.MulScalar(graph.ExpandAxes(psfs, -1), float64(k*k))
	p = activation.Swish(convolution(scope.In("psf"), p, 8, 1))
	p = layers.DenseWithBias(scope.In("psf_channel"), graph.Reshape(p, d[0], 8*k*k), d[1]*d[2])
	h := graph.Concatenate([]*graph.Node{x, graph.Reshape(p, d[0], d[1], d[2], 1)}, -1)
	for i, f := range c.Features {
		h = activation.Swish(convolution(scope.In("conv_%d", i), h, f, 2))
	}
	h = graph.Reshape(h, d[0], h.Shape().Size()/d[0])
	// It starts at the prior, where the divergence is 0.
	out := layers.DenseWithBias(scope.In("latent").WithInitializer(initializer.Zero), h, 2*c.Latent)
	mean = graph.Slice(out, graph.AxisRange(), graph.AxisRange(0, c.Latent))
	logVariance = graph.Slice(out, graph.AxisRange(), graph.AxisRange(c.Latent))
	return mean, logVariance
}

// Decode returns the mean of p(y | z): z [batch, latent] → a clean candidate [batch, size, size,
// channels]. Every transposed convolution doubles the resolution.
func (c Config) Decode(scope *model.Scope, z *graph.Node, size, channels int) *graph.Node {
	scope = scope.In("decoder")
	batch, last := z.Shape().Dimensions[0], len(c.Features)-1
	side := size >> len(c.Features)
	h := activation.Swish(layers.DenseWithBias(scope.In("latent"), z, side*side*c.Features[last]))
	h = graph.Reshape(h, batch, side, side, c.Features[last])
	for i := last; i >= 0; i-- {
		f := c.Features[max(i-1, 0)]
		h = activation.Swish(transposed(scope.In("transposed_%d", i), h, f))
		h = activation.Swish(convolution(scope.In("conv_%d", i), h, f, 1))
	}
	return convolution(scope.In("out").WithInitializer(initializer.Zero), h, channels, 1)
}

func convolution(scope *model.Scope, x *graph.Node, features, stride int) *graph.Node {
	return layers.Convolution(scope,
		x).Channels(features).KernelSize(3).Strides(stride).PadSame().CurrentScope().Done()
}

// transposed applies a transposed convolution of 2×2 pixels with stride 2: as its squares don't
// overlap, a dense layer to four pixels.
func transposed(scope *model.Scope, x *graph.Node, features int) *graph.Node {
	d := x.Shape().Dimensions
	h := graph.Reshape(layers.DenseWithBias(scope, x, 4*features), d[0], d[1], d[2], 2, 2, features)
	return graph.Reshape(graph.TransposeAllAxes(h, 0, 1, 3, 2, 4, 5), d[0], 2*d[1], 2*d[2],
		features)
}

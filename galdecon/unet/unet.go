// Package unet holds the denoiser network ε_θ of the paper's Section 3: a convolutional U-Net,
// conditioned on a vector.
//
// It follows the practice of the years since: residual blocks with RMS normalization, a sinusoidal
// embedding of the noise level that scales and shifts the features of every block (FiLM),
// downsampling by folding pixels into channels, attention on the coarsest level, and residual
// branches that start at zero.
package unet

import (
	"fmt"
	"math"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/layers"
	"github.com/gomlx/gomlx/ml/layers/activation"
	"github.com/gomlx/gomlx/ml/layers/attention"
	"github.com/gomlx/gomlx/ml/layers/norm"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/ml/model/initializer"
)

// Config is the size of a network.
type Config struct {
	// Features is the number of channels on each level, the finest first; every further level
	// halves the resolution. The first level sees squares of 2×2 pixels as one, which costs a
	// quarter of the time and little accuracy.
	Features []int `json:"features"`
	// Blocks is the number of residual blocks on each level, on the way down and again on the way
	// up.
	Blocks int `json:"blocks"`
	// Embedding is the width of the vector that the noise level and the PSF are embedded in.
	Embedding int `json:"embedding"`
	// Attention adds self-attention on the coarsest level, between its way down and its way up:
	// [AttentionHeads] heads.
	Attention bool `json:"attention,omitzero"`
	// HalfPrecision computes the convolutions with bfloat16 numbers, as fast GPUs like it: half of
	// the memory for what the gradient needs of them. Weights, normalization and sums stay float32.
	// On a CPU it is slower.
	HalfPrecision bool `json:"half_precision,omitzero"`
}

// AttentionHeads is the number of heads of self-attention, which share the features of the level.
const AttentionHeads = 4

// Validate returns an error if the network is impossible for images of size×size pixels.
func (c Config) Validate(size int) error {
	if len(c.Features) == 0 || c.Blocks < 1 || c.Embedding < 2 || c.Embedding%2 != 0 {
		return fmt.Errorf("unet: a network needs at least one level, one block and an even "+
			"embedding ≥ 2, got %+v", c)
	}
	for _, f := range c.Features {
		if f < 1 {
			return fmt.Errorf("unet: every level needs at least one feature, got %v", c.Features)
		}
	}
	if last := c.Features[len(c.Features)-1]; c.Attention && last%AttentionHeads != 0 {
		return fmt.Errorf("unet: %d heads of attention share the features of the coarsest level, "+
			"so these must be a multiple of it, got %d", AttentionHeads, last)
	}
	if side := 1 << len(c.Features); size < side || size%side != 0 {
		return fmt.Errorf("unet: %d levels halve the image as often, so its size must be a "+
			"multiple of %d pixels, got %d",
			len(c.Features), side, size)
	}
	return nil
}

// Forward applies the network: images [batch, size, size, any] and a condition [batch, Embedding] →
// [batch, size, size, channels]. It starts as the zero function.
func (c Config) Forward(
	scope *model.Scope, images, condition *graph.Node, channels int,
) *graph.Node {
	return c.ForwardBands(scope, images, condition, channels, nil)
}

// forward applies the network. The features behind the blocks of each level, on the way down and
// up, go through exchange.
func (c Config) forward(
	scope *model.Scope, images, condition *graph.Node, channels int,
	exchange func(place string, level int, h *graph.Node) *graph.Node,
) *graph.Node {
	h := images
	var skips []*graph.Node
	for level, features := range c.Features {
		at := scope.In("down_%d", level)
		h = c.conv(at.In("in"), fold(h), features)
		for b := range c.Blocks {
			h = c.block(at.In("block_%d", b), h, condition, features)
		}
		h = exchange("down", level, h)
		skips = append(skips, h)
	}
	if c.Attention {
		h = attend(scope.In("attention"), h)
	}
	for level := len(c.Features) - 1; level >= 0; level-- {
		at := scope.In("up_%d", level)
		if level < len(c.Features)-1 {
			h = unfold(layers.DenseWithBias(at.In("in"), h, 4*c.Features[level]))
			h = graph.Concatenate([]*graph.Node{h, skips[level]}, -1)
		}
		for b := range c.Blocks {
			h = c.block(at.In("block_%d", b), h, condition, c.Features[level])
		}
		h = exchange("up", level, h)
	}
	out := scope.In("out").WithInitializer(initializer.Zero)
	h = activation.Swish(norm.RMSNorm(out, h).Done())
	return unfold(c.conv(out, h, 4*channels))
}

// block applies a residual block, its branch scaled and shifted by the condition (FiLM; Perez et
// al. 2018).
func (c Config) block(scope *model.Scope, x, condition *graph.Node, features int) *graph.Node {
	h := activation.Swish(norm.RMSNorm(scope.In("norm_0"), x).Done())
	h = c.conv(scope.In("conv_0"), h, features)
	film := layers.DenseWithBias(scope.In("film").WithInitializer(initializer.Zero), condition,
		2*features)
	film = graph.Reshape(film, film.Shape().Dimensions[0], 1, 1, 2*features)
	scale, shift := graph.Slice(film, graph.AxisRange().Spacer(), graph.AxisRange(0, features)),
		graph.Slice(film, graph.AxisRange().Spacer(), graph.AxisRange(features, 2*features))
	h = norm.RMSNorm(scope.In("norm_1"), h).Done()
	h = activation.Swish(graph.Add(graph.Mul(h, graph.OnePlus(scale)), shift))
	h = c.conv(scope.In("conv_1").WithInitializer(initializer.Zero), h, features)
	if x.Shape().Dimensions[3] != features {
		x = layers.DenseWithBias(scope.In("skip"), x, features)
	}
	return graph.Add(x, h)
}

// attend applies a residual self-attention between all pixels (Vaswani et al. 2017). Where a pixel
// is, it knows from the convolutions, which see the edges.
func attend(scope *model.Scope, x *graph.Node) *graph.Node {
	d := x.Shape().Dimensions
	h := graph.Reshape(norm.RMSNorm(scope, x).Done(), d[0], d[1]*d[2], d[3])
	h = attention.SelfAttention(scope, h, AttentionHeads, d[3]/AttentionHeads).Done()
	h = layers.DenseWithBias(scope.In("out").WithInitializer(initializer.Zero), h, d[3])
	return graph.Add(x, graph.Reshape(h, d...))
}

// conv applies a convolution with 3×3 pixels of the same size. (GoMLX's layer would keep its
// weights in the precision of x.)
func (c Config) conv(scope *model.Scope, x *graph.Node, features int) *graph.Node {
	g, channels := x.Graph(), x.Shape().Dimensions[3]
	weights := scope.VariableWithShape("weights", shapes.Make(dtypes.Float32, 3, 3, channels,
		features)).NodeValue(g)
	biases := scope.VariableWithShape("biases", shapes.Make(dtypes.Float32, features)).NodeValue(g)
	y := precise(c.HalfPrecision, convolve, x, weights)
	return graph.Add(y, graph.Reshape(biases, 1, 1, 1, features))
}

func convolve(x, weights *graph.Node) *graph.Node {
	return graph.Convolve(x, weights).PadSame().Done()
}

// precise returns the product of float32 images and weights, computed in float32 or, for half of
// it, in bfloat16.
func precise(
	half bool, product func(x, weights *graph.Node) *graph.Node, x, weights *graph.Node,
) *graph.Node {
	if !half {
		return product(x, weights)
	}
	return graph.ConvertDType(product(graph.ConvertDType(x, dtypes.BFloat16),
		graph.ConvertDType(weights, dtypes.BFloat16)), dtypes.Float32)
}

// fold moves squares of 2×2 pixels into the channels: [b, h, w, c] → [b, h/2, w/2, 4c].
func fold(x *graph.Node) *graph.Node {
	d := x.Shape().Dimensions
	x = graph.Reshape(x, d[0], d[1]/2, 2, d[2]/2, 2, d[3])
	return graph.Reshape(graph.TransposeAllAxes(x, 0, 1, 3, 2, 4, 5), d[0], d[1]/2, d[2]/2, 4*d[3])
}

// unfold undoes fold.
func unfold(x *graph.Node) *graph.Node {
	d := x.Shape().Dimensions
	x = graph.Reshape(x, d[0], d[1], d[2], 2, 2, d[3]/4)
	return graph.Reshape(graph.TransposeAllAxes(x, 0, 1, 3, 2, 4, 5), d[0], 2*d[1], 2*d[2], d[3]/4)
}

// Embed turns a time of the diffusion and what is known of the observation into the condition of
// the network: time [batch], between 0 and 1, psfs [batch, k, k] of sum 1 (or zeros for an unknown
// one), and the noise of the observation relative to some typical one, as its logarithm [batch] →
// [batch, Embedding]. The PSF passes through a one-layer CNN, as in the paper's Section 3.
func (c Config) Embed(scope *model.Scope, time, psfs, logNoise *graph.Node) *graph.Node {
	k := psfs.Shape().Dimensions[1]
	batch := time.Shape().Dimensions[0]
	if psfs.Shape().Dimensions[0] != batch {
		psfs = graph.BroadcastToDims(psfs, batch, k, k)
	}
	// Weights of sum 1 are small on a large grid; the network sees them relative to a flat PSF.
	p := graph.MulScalar(graph.ExpandAxes(psfs, -1), float64(k*k))
	p = activation.Swish(c.conv(scope.In("psf_conv"), p, 8))
	p = layers.DenseWithBias(scope.In("psf"), graph.Reshape(p, batch, 8*k*k), c.Embedding)
	t := layers.DenseWithBias(scope.In("time"), sinusoids(time, c.Embedding), c.Embedding)
	n := layers.DenseWithBias(scope.In("noise"), graph.ExpandAxes(logNoise, -1), c.Embedding)
	h := activation.Swish(graph.Add(graph.Add(t, p), n))
	return activation.Swish(layers.DenseWithBias(scope.In("both"), h, c.Embedding))
}

// EmbedKnown turns a time of the diffusion and numbers of order 1 that are known of the observation
// into the condition of the network: time [batch], between 0 and 1, known [batch, any] → [batch,
// Embedding].
func (c Config) EmbedKnown(scope *model.Scope, time, known *graph.Node) *graph.Node {
	t := layers.DenseWithBias(scope.In("time"), sinusoids(time, c.Embedding), c.Embedding)
	k := activation.Swish(layers.DenseWithBias(scope.In("known_0"), known, c.Embedding))
	k = layers.DenseWithBias(scope.In("known_1"), k, c.Embedding)
	h := activation.Swish(graph.Add(t, k))
	return activation.Swish(layers.DenseWithBias(scope.In("both"), h, c.Embedding))
}

// sinusoids embeds t in [0, 1] at angular frequencies of 1 to 1000 (after Ho et al. 2020): [batch]
// → [batch, width].
func sinusoids(t *graph.Node, width int) *graph.Node {
	half := width / 2
	exponent := graph.DivScalar(graph.Iota(t.Graph(), shapes.Make(dtypes.Float32, 1, half), 1),
		float64(max(half-1, 1)))
	frequency := graph.Exp(graph.MulScalar(exponent, math.Log(1000)))
	phase := graph.Mul(graph.ExpandAxes(t, -1), frequency)
	return graph.Concatenate([]*graph.Node{graph.Sin(phase), graph.Cos(phase)}, -1)
}

package unet

import (
	"fmt"
	"math"
	"slices"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/layers/activation"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/ml/model/initializer"
)

// Paper is the network ε_θ of the paper's released program (class ContextUnet of
// github.com/yashpatel5400/galgen, after github.com/TeaPearce/Conditional_Diffusion_MNIST): three
// max-pooled levels of F, 2F and 4F features, batch-normalized; on the way up the features are
// multiplied with an embedding of the PSF and shifted by one of the time. It computes what PyTorch
// computes, in training too, so that [Paper.LoadStateDict] brings in weights from there.
//
// The paper's own is Paper{Channels: 3, Features: 128, PSFSize: 10}, on images of 128×128 pixels.
type Paper struct {
	// Channels of an image.
	Channels int `json:"channels"`
	// Features is F, a multiple of 8.
	Features int `json:"features"`
	// PSFSize is k, the side of the PSFs in pixels, at least 2. The network depends on it.
	PSFSize int `json:"psf_size"`
	// HalfPrecision computes the convolutions with bfloat16 numbers, see [Config]. The paper
	// doesn't.
	HalfPrecision bool `json:"half_precision,omitzero"`
}

const (
	// groups of the group normalization.
	groups = 8
	// normEpsilon is added to the variance in both normalizations.
	normEpsilon = 1e-5
	// batchMomentum is the weight of a batch in the running statistics of the batch normalization.
	batchMomentum = 0.1
	// psfFeatures is the number of channels of the convolution of the PSF.
	psfFeatures = 16
)

// Validate returns an error if the network is impossible for images whose height or width is size
// pixels.
func (p Paper) Validate(size int) error {
	if err := p.validate(); err != nil {
		return err
	}
	if size < 8 || size%8 != 0 {
		return fmt.Errorf("unet: three levels halve the image as often, so its size must be a "+
			"multiple of 8 pixels, got %d", size)
	}
	return nil
}

func (p Paper) validate() error {
	switch {
	case p.Channels < 1:
		return fmt.Errorf("unet: images need at least one channel, got %d", p.Channels)
	case p.Features < 1 || p.Features%groups != 0:
		return fmt.Errorf("unet: features are normalized in %d groups, so they must be a "+
			"positive multiple of %d, got %d", groups, groups, p.Features)
	case p.PSFSize < 2:
		return fmt.Errorf("unet: PSFs must have at least 2×2 pixels, got %d×%d", p.PSFSize,
			p.PSFSize)
	}
	return nil
}

// Weights returns the number of trained weights: 20,656,483 for the paper's own network.
func (p Paper) Weights() int {
	n := 0
	for _, s := range p.parameters() {
		if s.trained {
			n += size(s.torch)
		}
	}
	return n
}

// Forward predicts the noise ε in noisy = √ᾱ y + √(1−ᾱ) ε: blurred and noisy images [batch, height,
// width, Channels], PSFs [batch, k, k] and times t/T [batch] in (0, 1] → [batch, height, width,
// Channels]. PSFs and times may also be one for all, [1, k, k] and [1]. Zeros stand for no PSF, in
// classifier-free guidance. Variables are named as in PyTorch's state dict.
//
// While training, the statistics of the batch normalize it and move the running ones, which
// normalize otherwise.
//
// It panics, as GoMLX does, on what Validate refuses and on other shapes.
func (p Paper) Forward(scope *model.Scope, blurred, noisy, psfs, time *graph.Node) *graph.Node {
	p.check(blurred, noisy, psfs, time)
	n := p.network(scope, noisy.Graph())
	half := func(name string, x *graph.Node) *graph.Node {
		return activation.Gelu(n.batchNorm(name+".1", n.conv(name+".0", x)))
	}
	block := func(name string, x *graph.Node) *graph.Node {
		return half(name+".conv2", half(name+".conv1", x))
	}
	stem := half("stem.conv1", graph.Concatenate([]*graph.Node{blurred, noisy}, -1))
	stem = graph.DivScalar(graph.Add(stem, half("stem.conv2", stem)), 1.414) // not √2

	var skips [3]*graph.Node
	h := stem
	for i := range skips {
		h = maxPool(block(fmt.Sprintf("down%d", i+1), h))
		skips[i] = h
	}
	h = n.conv("up0.0", activation.Gelu(n.conv("hidden", h)))
	h = activation.Relu(n.groupNorm("up0.1", h))
	for i := range skips {
		h = graph.Add(graph.Mul(n.psf(i, psfs), h), n.time(i, time))
		h = graph.Concatenate([]*graph.Node{h, skips[len(skips)-1-i]}, -1)
		up := fmt.Sprintf("up%d", i+1)
		h = block(up+".block2", block(up+".block1", n.grow(up+".grow", h)))
	}
	h = n.conv("out.0", graph.Concatenate([]*graph.Node{h, stem}, -1))
	return n.conv("out.3", activation.Relu(n.groupNorm("out.1", h)))
}

// check panics where the inputs of Forward don't fit the network or each other.
func (p Paper) check(blurred, noisy, psfs, time *graph.Node) {
	images, dims := noisy.Shape().Dimensions, blurred.Shape().Dimensions
	if len(images) != 4 || images[3] != p.Channels {
		panic(fmt.Errorf("unet: the network takes images [batch, height, width, %d], got %v",
			p.Channels, images))
	}
	if !slices.Equal(images, dims) {
		panic(fmt.Errorf("unet: noisy and blurred images must have the same shape, got %v and %v",
			images, dims))
	}
	for _, size := range images[1:3] {
		if err := p.Validate(size); err != nil {
			panic(err)
		}
	}
	batch := images[0]
	if k, dims := p.PSFSize, psfs.Shape().Dimensions; !slices.Equal(dims, []int{batch, k, k}) &&
		!slices.Equal(dims, []int{1, k, k}) {
		panic(fmt.Errorf("unet: the network takes PSFs [%d, %d, %d], or one for all, got %v", batch,
			k, k, dims))
	}
	if dims := time.Shape().Dimensions; len(dims) != 1 || dims[0] != batch && dims[0] != 1 {
		panic(fmt.Errorf("unet: the network takes times [%d], or one for all, got %v", batch, dims))
	}
}

// network is a Paper with its variables in a graph, by their names in the state dict.
type network struct {
	scope     *model.Scope
	graph     *graph.Graph
	half      bool
	variables map[string]*model.Variable
}

func (p Paper) network(scope *model.Scope, g *graph.Graph) network {
	n := network{scope: scope, graph: g, half: p.HalfPrecision,
		variables: map[string]*model.Variable{}}
	for _, s := range p.parameters() {
		v := scope.WithInitializer(s.initial(scope)).VariableWithShape(s.name, s.shape())
		if !s.trained {
			v.SetTrainable(false)
		}
		n.variables[s.name] = v
	}
	return n
}

func (n network) value(name string) *graph.Node { return n.variables[name].NodeValue(n.graph) }

// channels lays [c] along the last axis of images, [1, 1, 1, c].
func channels(x *graph.Node) *graph.Node {
	return graph.Reshape(x, 1, 1, 1, x.Shape().Dimensions[0])
}

// conv applies a 3×3 convolution of the same size.
func (n network) conv(name string, x *graph.Node) *graph.Node {
	y := precise(n.half, convolve, x, n.value(name+".weight"))
	return graph.Add(y, channels(n.value(name+".bias")))
}

// grow applies a transposed convolution of 2×2 pixels and stride 2, which don't overlap: [b, h, w,
// i] → [b, 2h, 2w, o].
func (n network) grow(name string, x *graph.Node) *graph.Node {
	spread := func(x, weights *graph.Node) *graph.Node {
		return graph.Einsum("bhwi,ijko->bhjwko", x, weights)
	}
	y := precise(n.half, spread, x, n.value(name+".weight"))
	d := y.Shape().Dimensions
	return graph.Add(graph.Reshape(y, d[0], d[1]*2, d[3]*2, d[5]), channels(n.value(name+".bias")))
}

// dense applies a linear layer: [b, i] → [b, o].
func (n network) dense(name string, x *graph.Node) *graph.Node {
	bias := n.value(name + ".bias")
	return graph.Add(graph.Einsum("bi,io->bo", x, n.value(name+".weight")),
		graph.Reshape(bias, 1, bias.Shape().Dimensions[0]))
}

// time embeds [batch] → [batch, 1, 1, features of level i on the way up].
func (n network) time(i int, t *graph.Node) *graph.Node {
	name := fmt.Sprintf("time.%d", i)
	h := activation.Gelu(n.dense(name+".fc1", graph.Reshape(t, t.Shape().Dimensions[0], 1)))
	return pixel(n.dense(name+".fc2", h))
}

// psf embeds [batch, k, k] → [batch, 1, 1, features of level i on the way up].
func (n network) psf(i int, psfs *graph.Node) *graph.Node {
	name := fmt.Sprintf("psf.%d", i)
	h := maxPool(activation.Relu(n.conv(name+".conv", graph.ExpandAxes(psfs, -1))))
	h = graph.Einsum("byxc,yxco->bo", h, n.value(name+".fc1.weight"))
	bias := n.value(name + ".fc1.bias")
	h = activation.Relu(graph.Add(h, graph.Reshape(bias, 1, bias.Shape().Dimensions[0])))
	return pixel(n.dense(name+".fc2", h))
}

// pixel returns [b, c] as images of one pixel, [b, 1, 1, c].
func pixel(x *graph.Node) *graph.Node {
	d := x.Shape().Dimensions
	return graph.Reshape(x, d[0], 1, 1, d[1])
}

// maxPool keeps the largest of every 2×2 pixels; the last row or column of an odd number is
// dropped.
func maxPool(x *graph.Node) *graph.Node {
	return graph.MaxPool(x).Window(2).Strides(2).NoPadding().Done()
}

// batchNorm normalizes each channel. GoMLX's layer isn't PyTorch's: its running variance is the
// biased one, and its momentum is less in the first steps.
func (n network) batchNorm(name string, x *graph.Node) *graph.Node {
	mean, variance := n.value(name+".running_mean"), n.value(name+".running_var")
	if n.scope.IsTraining(n.graph) {
		batchMean := graph.ReduceMean(x, 0, 1, 2)
		batchVariance := graph.ReduceMean(graph.Square(graph.Sub(x, channels(batchMean))), 0, 1, 2)
		count := float64(x.Shape().Size() / x.Shape().Dimensions[3])
		unbiased := graph.MulScalar(batchVariance, count/(count-1))
		n.move(name+".running_mean", batchMean)
		n.move(name+".running_var", unbiased)
		mean, variance = batchMean, batchVariance
	}
	scale := graph.Mul(n.value(name+".weight"), inverseStd(variance))
	return graph.Add(graph.Mul(graph.Sub(x, channels(mean)), channels(scale)),
		channels(n.value(name+".bias")))
}

// inverseStd returns 1/√(variance+ε).
func inverseStd(variance *graph.Node) *graph.Node {
	return graph.Reciprocal(graph.Sqrt(graph.AddScalar(variance, normEpsilon)))
}

// move updates a running statistic with that of a batch.
func (n network) move(name string, batch *graph.Node) {
	old := n.value(name)
	n.variables[name].SetNodeValue(graph.Add(old, graph.MulScalar(graph.Sub(batch, old),
		batchMomentum)))
}

// groupNorm normalizes each image's channels in groups (Wu and He 2018).
func (n network) groupNorm(name string, x *graph.Node) *graph.Node {
	d := x.Shape().Dimensions
	grouped := graph.Reshape(x, d[0], d[1]*d[2], groups, d[3]/groups)
	grouped = graph.Sub(grouped, graph.ReduceAndKeep(grouped, graph.ReduceMean, 1, 3))
	variance := graph.ReduceAndKeep(graph.Square(grouped), graph.ReduceMean, 1, 3)
	grouped = graph.Mul(grouped, inverseStd(variance))
	return graph.Add(graph.Mul(graph.Reshape(grouped, d...), channels(n.value(name+".weight"))),
		channels(n.value(name+".bias")))
}

// parameter describes a variable of the network.
type parameter struct {
	// name in the state dict.
	name string
	// torch is the shape in the state dict, view the same split into the axes of which order makes
	// the variable's.
	torch, view, order []int
	// fanIn is n where the initial values are uniform in ±1/√n, PyTorch's default; else they are
	// all fill.
	fanIn int
	fill  initializer.VariableInitializer
	// trained weights follow the gradient; others are running statistics.
	trained bool
}

// shape returns that of the variable.
func (s parameter) shape() shapes.Shape {
	dims := make([]int, len(s.order))
	for i, axis := range s.order {
		dims[i] = s.view[axis]
	}
	return shapes.Make(dtypes.Float32, dims...)
}

func (s parameter) initial(scope *model.Scope) initializer.VariableInitializer {
	if s.fanIn == 0 {
		return s.fill
	}
	bound := 1 / math.Sqrt(float64(s.fanIn))
	return initializer.RandomUniformFn(scope, -bound, bound)
}

// size returns the number of values of a shape.
func size(dims []int) int {
	n := 1
	for _, d := range dims {
		n *= d
	}
	return n
}

// parameters returns all variables of the network.
func (p Paper) parameters() []parameter {
	var all []parameter
	add := func(name string, fanIn int, torch, view, order []int) {
		all = append(all, parameter{name: name, torch: torch, view: view, order: order,
			fanIn: fanIn, trained: true})
	}
	vector := func(name string, size, fanIn int) {
		add(name, fanIn, []int{size}, []int{size},
			[]int{0})
	}
	filled := func(name string, size int, fill initializer.VariableInitializer, trained bool) {
		dims := []int{size}
		all = append(all, parameter{name: name, torch: dims, view: dims, order: []int{0},
			fill: fill, trained: trained})
	}
	conv := func(name string, in, out int) {
		dims := []int{out, in, 3, 3}
		add(name+".weight", 9*in, dims, dims, []int{2, 3, 1, 0})
		vector(name+".bias", out, 9*in)
	}
	dense := func(name string, in, out int) {
		dims := []int{out, in}
		add(name+".weight", in, dims, dims, []int{1, 0})
		vector(name+".bias", out, in)
	}
	norm := func(name string, size int) {
		filled(name+".weight", size, initializer.One, true)
		filled(name+".bias", size, initializer.Zero, true)
	}
	block := func(name string, in, out int) {
		for i, in := range []int{in, out} {
			half := fmt.Sprintf("%s.conv%d", name, i+1)
			conv(half+".0", in, out)
			norm(half+".1", out)
			filled(half+".1.running_mean", out, initializer.Zero, false)
			filled(half+".1.running_var", out, initializer.One, false)
		}
	}
	f, m := p.Features, p.PSFSize/2
	block("stem", 2*p.Channels, f)
	block("down1", f, f)
	block("down2", f, 2*f)
	block("down3", 2*f, 4*f)
	conv("hidden", 4*f, 8*f)
	conv("up0.0", 8*f, 4*f)
	norm("up0.1", 4*f)
	for i, level := range []struct{ features, out int }{{4 * f, 2 * f}, {2 * f, f}, {f, f}} {
		time := fmt.Sprintf("time.%d", i)
		dense(time+".fc1", 1, level.features)
		dense(time+".fc2", level.features, level.features)

		psf, flat := fmt.Sprintf("psf.%d", i), psfFeatures*m*m
		conv(psf+".conv", 1, psfFeatures)
		// PyTorch flattens [channels, rows, columns].
		add(psf+".fc1.weight", flat, []int{level.features, flat},
			[]int{level.features, psfFeatures, m, m}, []int{2, 3, 1, 0})
		vector(psf+".fc1.bias", level.features, flat)
		dense(psf+".fc2", level.features, level.features)

		up := fmt.Sprintf("up%d", i+1)
		dims := []int{2 * level.features, level.out, 2, 2}
		// PyTorch takes the outputs of a transposed convolution for its inputs here.
		add(up+".grow.weight", 4*level.out, dims, dims, []int{0, 2, 3, 1})
		vector(up+".grow.bias", level.out, 4*level.out)
		block(up+".block1", level.out, level.out)
		block(up+".block2", level.out, level.out)
	}
	conv("out.0", 2*f, f)
	norm("out.1", f)
	conv("out.3", f, p.Channels)
	return all
}

// Package inception turns images into the features that the paper's variance is measured on
// (Section 2.3, Eq. 3-4): the 2048 pool3 features of the InceptionV3 network (Szegedy et al. 2016)
// in the version of the Fréchet inception distance (Heusel et al. 2017).
//
// The network is that of the Python package pytorch-fid, to which its features agree within 1e-4.
// It differs from torchvision's in that padding doesn't count in average pools, and that the pool
// of Mixed_7c takes the maximum.
//
// [Load] reads the official weights, which [Fetch] downloads. [Random] does without: its features
// serve to try things out, and are not comparable with the paper's, which a [Network] says of
// itself.
package inception

import (
	"github.com/gomlx/gomlx/core/graph"
)

// Size is the length of the feature vector of an image.
const Size = 2048

// side is the height and width of the images within the network.
const side = 299

// A stage maps features [batch, height, width, channels] to others: it is a conv, a pool, a chain
// or a fork.
type stage any

type (
	// conv is a convolution without bias, batch normalization with ε = bnEpsilon, and a ReLU:
	// torchvision's BasicConv2d. With padding its output is as large as its input, if the stride is
	// 1.
	conv struct {
		name          string
		out           int
		height, width int
		stride        int
		padded        bool
	}
	// pool reduces windows of 3x3. With padding, which takes no part in the result, the output is
	// as large as the input; without, the stride is 2.
	pool struct {
		reduce func(*graph.Node) *graph.PoolBuilder
		padded bool
	}
	// chain applies one stage after the other.
	chain []stage
	// fork applies all stages to the same input, and concatenates their outputs along the channels.
	fork []stage
)

// bnEpsilon is added to the variance in the batch normalizations.
const bnEpsilon = 1e-3

// The names and sizes are those of torchvision, so that weights are found by their names in its
// state dict.
var (
	shrink = pool{graph.MaxPool, false}

	network = chain{
		conv{"Conv2d_1a_3x3", 32, 3, 3, 2, false},
		conv{"Conv2d_2a_3x3", 32, 3, 3, 1, false},
		same("Conv2d_2b_3x3", 64, 3, 3),
		shrink,
		same("Conv2d_3b_1x1", 80, 1, 1),
		conv{"Conv2d_4a_3x3", 192, 3, 3, 1, false},
		shrink,
		inceptionA("Mixed_5b", 32),
		inceptionA("Mixed_5c", 64),
		inceptionA("Mixed_5d", 64),
		inceptionB("Mixed_6a"),
		inceptionC("Mixed_6b", 128),
		inceptionC("Mixed_6c", 160),
		inceptionC("Mixed_6d", 160),
		inceptionC("Mixed_6e", 192),
		inceptionD("Mixed_7a"),
		inceptionE("Mixed_7b", graph.MeanPool),
		inceptionE("Mixed_7c", graph.MaxPool),
	}
)

func same(name string, out, height, width int) conv {
	return conv{name, out, height, width, 1, true}
}

func inceptionA(name string, poolFeatures int) stage {
	return fork{
		same(name+".branch1x1", 64, 1, 1),
		chain{
			same(name+".branch5x5_1", 48, 1, 1),
			same(name+".branch5x5_2", 64, 5, 5),
		},
		chain{
			same(name+".branch3x3dbl_1", 64, 1, 1),
			same(name+".branch3x3dbl_2", 96, 3, 3),
			same(name+".branch3x3dbl_3", 96, 3, 3),
		},
		chain{pool{graph.MeanPool, true}, same(name+".branch_pool", poolFeatures, 1, 1)},
	}
}

func inceptionB(name string) stage {
	return fork{
		conv{name + ".branch3x3", 384, 3, 3, 2, false},
		chain{
			same(name+".branch3x3dbl_1", 64, 1, 1),
			same(name+".branch3x3dbl_2", 96, 3, 3),
			conv{name + ".branch3x3dbl_3", 96, 3, 3, 2, false},
		},
		shrink,
	}
}

func inceptionC(name string, c7 int) stage {
	return fork{
		same(name+".branch1x1", 192, 1, 1),
		chain{
			same(name+".branch7x7_1", c7, 1, 1),
			same(name+".branch7x7_2", c7, 1, 7),
			same(name+".branch7x7_3", 192, 7, 1),
		},
		chain{
			same(name+".branch7x7dbl_1", c7, 1, 1),
			same(name+".branch7x7dbl_2", c7, 7, 1),
			same(name+".branch7x7dbl_3", c7, 1, 7),
			same(name+".branch7x7dbl_4", c7, 7, 1),
			same(name+".branch7x7dbl_5", 192, 1, 7),
		},
		chain{pool{graph.MeanPool, true}, same(name+".branch_pool", 192, 1, 1)},
	}
}

func inceptionD(name string) stage {
	return fork{
		chain{
			same(name+".branch3x3_1", 192, 1, 1),
			conv{name + ".branch3x3_2", 320, 3, 3, 2, false},
		},
		chain{
			same(name+".branch7x7x3_1", 192, 1, 1),
			same(name+".branch7x7x3_2", 192, 1, 7),
			same(name+".branch7x7x3_3", 192, 7, 1),
			conv{name + ".branch7x7x3_4", 192, 3, 3, 2, false},
		},
		shrink,
	}
}

func inceptionE(name string, reduce func(*graph.Node) *graph.PoolBuilder) stage {
	return fork{
		same(name+".branch1x1", 320, 1, 1),
		chain{
			same(name+".branch3x3_1", 384, 1, 1),
			fork{
				same(name+".branch3x3_2a", 384, 1, 3),
				same(name+".branch3x3_2b", 384, 3, 1),
			},
		},
		chain{
			same(name+".branch3x3dbl_1", 448, 1, 1),
			same(name+".branch3x3dbl_2", 384, 3, 3),
			fork{
				same(name+".branch3x3dbl_3a", 384, 1, 3),
				same(name+".branch3x3dbl_3b", 384, 3, 1),
			},
		},
		chain{pool{reduce, true}, same(name+".branch_pool", 192, 1, 1)},
	}
}

// operations is a meaning of the stages for values of type T: see [channels] and [forward].
type operations[T any] struct {
	conv   func(conv, T) T
	pool   func(pool, T) T
	concat func([]T) T
}

// run passes x through a stage. The convolutions are visited in a fixed order, that of the text
// above.
func (o operations[T]) run(s stage, x T) T {
	switch s := s.(type) {
	case conv:
		return o.conv(s, x)
	case pool:
		return o.pool(s, x)
	case chain:
		for _, next := range s {
			x = o.run(next, x)
		}
		return x
	case fork:
		out := make([]T, len(s))
		for i, branch := range s {
			out[i] = o.run(branch, x)
		}
		return o.concat(out)
	}
	panic("inception: unknown stage")
}

// eachConv visits every convolution with the number of its input channels.
func eachConv(visit func(c conv, in int)) {
	operations[int]{
		conv: func(c conv, in int) int {
			visit(c, in)
			return c.out
		},
		pool: func(_ pool, channels int) int { return channels },
		concat: func(channels []int) int {
			sum := 0
			for _, n := range channels {
				sum += n
			}
			return sum
		},
	}.run(network, 3)
}

// forward applies the network: images [batch, 299, 299, 3] in [-1, 1] → pool3 features [batch,
// Size]. weights holds, for each convolution in the order of eachConv, its kernel [height, width,
// in, out] and its bias [out], with the batch normalization folded in.
func forward(images *graph.Node, weights []*graph.Node) *graph.Node {
	x := operations[*graph.Node]{
		conv: func(c conv, x *graph.Node) *graph.Node {
			kernel, bias := weights[0], weights[1]
			weights = weights[2:]
			convolve := graph.Convolve(x, kernel).Strides(c.stride)
			if c.padded {
				convolve = convolve.PadSame()
			}
			return graph.MaxScalar(graph.Add(convolve.Done(), graph.Reshape(bias, 1, 1, 1, c.out)),
				0)
		},
		pool: func(p pool, x *graph.Node) *graph.Node {
			if p.padded {
				return p.reduce(x).Window(3).Strides(1).PadSame().Done()
			}
			return p.reduce(x).Window(3).Strides(2).NoPadding().Done()
		},
		concat: func(x []*graph.Node) *graph.Node { return graph.Concatenate(x, -1) },
	}.run(network, images)
	return graph.ReduceMean(x, 1, 2)
}

// resize brings images [batch, height, width, 1 or 3] in [0, 1] to what forward takes: [batch, 299,
// 299, 3] in [-1, 1], interpolated bilinearly between the centers of pixels, without a filter where
// it shrinks: torch's interpolate with align_corners false.
//
// It multiplies by the weights of the rows and of the columns. GoMLX's Interpolate means the same,
// but its positions are rounded to float32, which costs 1e-4 in some features of an image of 340
// pixels, and it takes twice as long.
func resize(images *graph.Node) *graph.Node {
	g := images.Graph()
	d := images.Shape().Dimensions
	x := graph.Einsum("yh,bhwc->bywc", graph.Const(g, bilinear(d[1])), images)
	x = graph.Einsum("xw,bywc->byxc", graph.Const(g, bilinear(d[2])), x)
	x = graph.BroadcastToDims(x, d[0], side, side, 3)
	return graph.AddScalar(graph.MulScalar(x, 2), -1)
}

// bilinear returns the weights [side][n] that interpolate n values at side places. Beyond the
// center of the first and the last of them it repeats their values.
func bilinear(n int) [][]float32 {
	weights := make([][]float32, side)
	for i := range weights {
		weights[i] = make([]float32, n)
		x := min(max((float64(i)+0.5)*float64(n)/side-0.5, 0), float64(n-1))
		low := int(x)
		weights[i][low] = float32(1 - (x - float64(low)))
		if low+1 < n {
			weights[i][low+1] = float32(x - float64(low))
		}
	}
	return weights
}

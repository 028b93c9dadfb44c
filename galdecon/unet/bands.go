package unet

import (
	"fmt"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/layers"
	"github.com/gomlx/gomlx/ml/layers/activation"
	"github.com/gomlx/gomlx/ml/layers/norm"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/ml/model/initializer"
)

// Exchange lets the bands of a galaxy hear of each other. Each band passes through the network as
// an image of its own; behind the blocks of each level, what the others' features say is added to
// its own:
//
//	h + W₃ swish(W₂ (h, m, c)),  m = the mean over the others of swish(W₁ (h, c))
//
// at every pixel, with normalized features h and the condition c. W₃ starts as 0. A band that hears
// of no other stays as it is. Nothing depends on the order of bands, or on their number.
type Exchange struct {
	// Scope holds its weights.
	Scope *model.Scope
	// Shares says how much a band, the second axis, hears of each, the third: [galaxies, bands,
	// bands]. Each row's sum is 1, or 0 where the band hears of none. The bands of a galaxy follow
	// each other in the batch.
	Shares *graph.Node
}

// EqualShares returns the shares of galaxies that were all seen in the same number of bands, at
// least 2, each of which hears of all others alike.
func EqualShares(g *graph.Graph, galaxies, bands int) *graph.Node {
	rows := make([][]float32, bands)
	for i := range rows {
		rows[i] = make([]float32, bands)
		for k := range rows[i] {
			if k != i {
				rows[i][k] = 1 / float32(bands-1)
			}
		}
	}
	return graph.BroadcastToDims(graph.ExpandAxes(graph.Const(g, rows), 0), galaxies, bands, bands)
}

// ForwardBands applies the network as [Config.Forward] does, to images [galaxies × bands, size,
// size, any] whose bands exchange what they see. A nil exchange is none.
func (c Config) ForwardBands(
	scope *model.Scope, images, condition *graph.Node, channels int, exchange *Exchange,
) *graph.Node {
	return c.forward(scope, images, condition, channels,
		func(place string, level int, h *graph.Node) *graph.Node {
			if exchange == nil {
				return h
			}
			return exchange.add(exchange.Scope.In("%s_%d", place, level), h, condition)
		})
}

// add adds to the features h [galaxies × bands, height, width, features] of a level what each band
// hears.
func (e *Exchange) add(scope *model.Scope, h, condition *graph.Node) *graph.Node {
	d, s := h.Shape().Dimensions, e.Shares.Shape().Dimensions
	if d[0] != s[0]*s[1] || s[1] != s[2] {
		// While a graph is built, as GoMLX does.
		panic(fmt.Errorf("unet: shares %v of bands don't fit a batch of %d images", s, d[0]))
	}
	width := (d[3] + 1) / 2
	dense := func(name string, x *graph.Node) *graph.Node {
		known := layers.DenseWithBias(scope.In("%s_condition", name), condition, width)
		return activation.Swish(graph.Add(layers.Dense(scope.In("%s", name), x, false, width),
			graph.Reshape(known, d[0], 1, 1, width)))
	}
	own := norm.RMSNorm(scope.In("norm"), h).Done()
	said := graph.Reshape(dense("say", own), s[0], s[1], d[1]*d[2]*width)
	heard := graph.Reshape(graph.Einsum("gab,gbx->gax", e.Shares, said), d[0], d[1], d[2], width)
	answer := dense("hear", graph.Concatenate([]*graph.Node{own, heard}, -1))
	out := layers.Dense(scope.In("out").WithInitializer(initializer.Zero), answer, false,
		d[3])
	any := graph.Reshape(graph.ReduceSum(e.Shares, 2), d[0], 1, 1, 1)
	return graph.Add(h, graph.Mul(any, out))
}

package ddpm

import (
	"fmt"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"galdecon/galdecon/internal/weights"
	"galdecon/galdecon/observe"
	"galdecon/galdecon/unet"
)

// ExchangeScope is the name of the scope, below that of a model's weights, with those of the
// exchange between bands.
const ExchangeScope = "exchange"

// exchangeOf returns the exchange of so many bands with the weights below a scope, nil for one.
func exchangeOf(scope *model.Scope, images *graph.Node, bands int) *unet.Exchange {
	if bands == 1 {
		return nil
	}
	galaxies := images.Shape().Dimensions[0] / bands
	return &unet.Exchange{Scope: scope.In(ExchangeScope),
		Shares: unet.EqualShares(images.Graph(), galaxies, bands)}
}

// BandLoss returns the loss of galaxies y [galaxies, height, width, bands] whose bands exchange
// what they see, the looks being of the images that [Bands] makes of them. shares is that of
// [unet.Exchange]. Bands of a galaxy are seen at the same time of the diffusion, each with noise of
// its own. The weights of the exchange lie below scope, those of the model below base.
func (c Config) BandLoss(
	scope, base *model.Scope, y, shares *graph.Node, grid observe.Grid, looks ...observe.Look,
) *graph.Node {
	bands := y.Shape().Dimensions[3]
	return c.lookLoss(scope, base, Bands(y), bands, &unet.Exchange{Scope: scope, Shares: shares},
		grid, looks)
}

// Bands returns the bands of galaxies [galaxies, height, width, bands] as images of their own,
// those of a galaxy one after the other: [galaxies × bands, height, width, 1].
func Bands(y *graph.Node) *graph.Node {
	d := y.Shape().Dimensions
	return graph.Reshape(graph.TransposeAllAxes(y, 0, 3, 1, 2), d[0]*d[3], d[1], d[2], 1)
}

// Together returns the same sampler for galaxies in so many bands, which follow each other in a
// batch: candidates of the bands of a galaxy belong together. What is compiled is shared. With more
// than one band the weights must hold those of the exchange, see [Config.CheckBands].
func (p *LookGenerator) Together(bands int) *LookGenerator {
	other := *p
	other.bands = bands
	return &other
}

// CheckBands returns an error if the weights below a scope aren't those of the model's network for
// looks and of its exchange between bands.
func (c Config) CheckBands(device compute.Backend, scope *model.Scope, size int) error {
	const bands = 2
	inputs, _ := c.LookNetwork(bands, size)
	err := weights.Check(device, scope, func(scope *model.Scope, in []*graph.Node) {
		signal := graph.ScalarOne(in[0].Graph(), in[0].DType())
		c.predictKnown(scope, in[0], in[4], signal, signal, known{in[1], in[2], in[3], in[5]},
			exchangeOf(scope, in[0], bands))
	}, inputs...)
	if err != nil {
		return fmt.Errorf("ddpm: %w", err)
	}
	return nil
}

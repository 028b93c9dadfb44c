// Package classical deconvolves galaxies without learning: what a learned posterior must be
// compared with, beside doing nothing.
package classical

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"galdecon/galdecon/backend"
	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/internal/executor"
	"galdecon/galdecon/psf"
)

// RichardsonLucy deconvolves observations x [n, height, width, channels], with a PSF for each or
// one for all (Richardson 1972, J. Opt. Soc. Am. 62, 55; Lucy 1974, AJ 79, 745). From an even image
// of its mean it goes, that many times,
//
//	y ← y/(Πᵀ1) · Πᵀ( (x+b) / (Π*y+b) )
//
// and so climbs the likelihood of x+b as Poisson counts (Shepp and Vardi 1982), without end: more
// iterations are sharper and noisier, 10 to 100 are usual. y is never negative.
//
// background is b ≥ 0 in units of x, one for each image or one for all: the sky that was
// subtracted. Pixels below −b count as −b. Where x has noise, b = 0 cuts off the sky's negative
// half, and the rest becomes light. With b at three times the standard deviation of the noise faint
// galaxies are given back with about half of that excess, and with smaller errors; the other half
// remains, since y can't be negative.
//
// Division by Πᵀ1, the share of a pixel's light that stays on the stamp, corrects for the dark
// boundaries (see [psf]): with b = 0, Π*y sums up to the positive pixels of x after every
// iteration, so that flux is conserved for PSFs without negative weights. IDs, objects and scales
// are those of x.
func RichardsonLucy(
	x *galaxy.Images, psfs []psf.PSF, background []float64, iterations int,
) (*galaxy.Images, error) {
	if x == nil {
		return nil, errors.New("classical: there are no observations")
	}
	if err := x.Validate(); err != nil {
		return nil, fmt.Errorf("classical: %w", err)
	}
	if len(psfs) != 1 && len(psfs) != x.N {
		return nil, fmt.Errorf("classical: %d observations need as many PSFs, or one for all; "+
			"got %d", x.N, len(psfs))
	}
	if len(background) != 1 && len(background) != x.N {
		return nil,
			fmt.Errorf("classical: %d observations need as many backgrounds, or one for all; got "+
				"%d", x.N, len(background))
	}
	for i, b := range background {
		if !(b >= 0) || math.IsInf(b, 1) {
			return nil, fmt.Errorf("classical: the background of %s must be finite and ≥ 0 in "+
				"units of its pixels, got %g", x.ID(i), b)
		}
	}
	if iterations < 1 || iterations > math.MaxInt32 {
		return nil,
			fmt.Errorf("classical: Richardson and Lucy's method needs at least 1 iteration, got %d",
				iterations)
	}
	stacked, err := psf.Stack(psfs...)
	if err != nil {
		return nil, fmt.Errorf("classical: %w", err)
	}
	exec, err := richardsonLucyExec()
	if err != nil {
		return nil, fmt.Errorf("classical: %w", err)
	}

	start, counts := galaxy.NewImages(x.N, x.Height, x.Width, x.Channels),
		galaxy.NewImages(x.N, x.Height, x.Width, x.Channels)
	sky, peaks := make([]float32, x.N), make([]float64, x.N)
	for i := range x.N {
		// The device works in units of the largest pixel: float32 can't hold the squares of all
		// units of flux.
		peaks[i] = float64(slices.Max(x.At(i)))
		if peaks[i] <= 0 {
			peaks[i] = 1
		}
		sky[i] = float32(background[i%len(background)] / peaks[i])
		mean, positive := make([]float64, x.Channels), make([]float64, x.Channels)
		for k, v := range x.At(i) {
			value := float64(v) / peaks[i]
			counts.At(i)[k] = max(float32(value)+sky[i], 0)
			mean[k%x.Channels] += value / float64(x.Height*x.Width)
			positive[k%x.Channels] += max(value, 0) / float64(x.Height*x.Width)
		}
		for k := range start.At(i) {
			c := k % x.Channels
			start.At(i)[k] = float32(max(mean[c], positive[c]/100)) // a start at 0 would stay there
		}
	}
	side := psfs[0].Size
	y, err := executor.Images(exec, start.Tensor(), counts.Tensor(),
		tensors.FromFlatDataAndDimensions(stacked, len(psfs), side, side),
		tensors.FromFlatDataAndDimensions(sky, x.N, 1, 1, 1),
		tensors.FromScalar(int32(iterations)))
	if err != nil {
		return nil, fmt.Errorf("classical: cannot deconvolve: %w", err)
	}
	for i, peak := range peaks {
		for k, v := range y.At(i) {
			y.At(i)[k] = float32(float64(v) * peak)
		}
	}
	y.LabelAs(x)
	return y, nil
}

// richardsonLucyExec compiles richardsonLucy once for each shape, whatever the number of
// iterations.
var richardsonLucyExec = sync.OnceValues(
	func() (*graph.Exec, error) { return backend.NewExec(richardsonLucy) })

// richardsonLucy takes y to start with, the counts x+b, both [batch, height, width, channels], the
// PSFs [batch, k, k] or [1, k, k], b [batch, 1, 1, 1] and the number of iterations. It is one loop
// on the device. Even what doesn't change is computed within the loop, for GoMLX can't share
// constants across its border; the compiler moves it out.
func richardsonLucy(in []*graph.Node) *graph.Node {
	g := in[0].Graph()
	state := append([]*graph.Node{graph.ScalarZero(g, dtypes.Int32)}, in...)
	parameters := func(g *graph.Graph) []*graph.Node {
		nodes := make([]*graph.Node, len(state))
		for i, outside := range state {
			nodes[i] = graph.Parameter(g, fmt.Sprintf("state_%d", i), outside.Shape())
		}
		return nodes
	}
	more := graph.NewClosure(g, func(g *graph.Graph) []*graph.Node {
		in := parameters(g)
		return []*graph.Node{graph.LessThan(in[0], in[5])}
	})
	step := graph.NewClosure(g, func(g *graph.Graph) []*graph.Node {
		in := parameters(g)
		i, y, counts, psfs, background := in[0], in[1], in[2], in[3], in[4]
		stays := psf.Adjoint(graph.Ones(g, y.Shape()), psfs)
		predicted := graph.Add(psf.Convolve(y, psfs), background)
		ratio := divide(counts, predicted)
		in[0] = graph.AddScalar(i, 1)
		// The transforms leave rounding errors below 0.
		in[1] = graph.MaxScalar(divide(graph.Mul(y, psf.Adjoint(ratio, psfs)), stays), 0)
		return in
	})
	return graph.While(more, step, state...)[1]
}

// divide returns a/b, and 0 where b isn't positive: where no light is, or none arrives.
func divide(a, b *graph.Node) *graph.Node {
	positive := graph.GreaterThan(b, graph.Scalar(b.Graph(), b.DType(), 1e-12))
	return graph.Where(positive, graph.Div(a, graph.Where(positive, b, graph.OnesLike(b))),
		graph.ZerosLike(a))
}

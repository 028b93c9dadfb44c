package speed

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/support/exceptions"

	"galdecon/galdecon"
	"galdecon/galdecon/backend"
	"galdecon/galdecon/fit"
	"galdecon/galdecon/internal/executor"
)

// network returns the shapes of what a diffusion model's network takes for so many images, and its
// graph function: what it predicts with the weights below a scope.
func network(c galdecon.Config, batch int) (
	inputs []shapes.Shape, forward func(scope *model.Scope, in []*graph.Node) *graph.Node,
) {
	if c.Survey != nil {
		return c.Diffusion.LookNetwork(batch, c.Size)
	}
	float := func(dims ...int) shapes.Shape { return shapes.Make(dtypes.Float32, dims...) }
	psfs, each := float(batch, c.Instrument.Size, c.Instrument.Size), float(batch)
	d := c.Diffusion
	if d.Paper != nil {
		images := float(batch, c.Size, c.Size, c.Channels)
		return []shapes.Shape{images, images, psfs, each},
			func(scope *model.Scope, in []*graph.Node) *graph.Node {
				return d.Paper.Forward(scope.In("unet"), in[0], in[1], in[2], in[3])
			}
	}
	// y_t, the observation and its Wiener filtering
	images := float(batch, c.Size, c.Size, 3*c.Channels)
	return []shapes.Shape{images, psfs, each, each},
		func(scope *model.Scope, in []*graph.Node) *graph.Node {
			condition := d.Network.Embed(scope.In("embed"), in[2], in[1], in[3])
			return d.Network.Forward(scope.In("unet"), in[0], condition, c.Channels)
		}
}

// evaluate times evaluations of the network of a trained diffusion model.
func (j job) evaluate(ctx context.Context) (r result, err error) {
	m, err := j.load()
	if err != nil {
		return r, err
	}
	device, err := backend.Default()
	if err != nil {
		return r, err
	}
	store, err := fit.Load(j.Folder)
	if err != nil {
		return r, err
	}
	defer store.Finalize()
	each, err := operations(device, m.Config)
	if err != nil {
		return r, err
	}
	for _, batch := range j.Evaluations {
		shapes, forward := network(m.Config, batch)
		exec, err := model.NewExec(device, store,
			func(scope *model.Scope, in []*graph.Node) *graph.Node {
				// The largest number depends on all, and copying it takes no time. Of a sum the
				// compiler might make less work.
				return graph.ReduceAllMax(forward(fit.Average(scope.Store()), in))
			})
		if err != nil {
			return r, err
		}
		var in []any
		for _, s := range shapes {
			in = append(in, drawn(s))
		}
		seconds, err := j.repeat(ctx, func() error { return scalar(exec.Call1(in...)) })
		exec.Finalize()
		for _, t := range in {
			err = errors.Join(err, executor.Free(t.(*tensors.Tensor)))
		}
		more, err := r.add(fmt.Sprint(batch), seconds, float64(batch)*each, err)
		if !more {
			return r, err
		}
	}
	return r, nil
}

// drawn returns random numbers between 0 and 1.
func drawn(s shapes.Shape) *tensors.Tensor {
	rng := rand.New(rand.NewPCG(1, 2))
	flat := make([]float32, s.Size())
	for i := range flat {
		flat[i] = rng.Float32()
	}
	return tensors.FromFlatDataAndDimensions(flat, s.Dimensions...)
}

// scalar waits for a number, and returns an error if it isn't finite.
func scalar(result *tensors.Tensor, err error) error {
	if err != nil {
		return err
	}
	v := float64(tensors.ToScalar[float32](result))
	if math.IsNaN(v) || math.IsInf(v, 0) {
		err = fmt.Errorf("speed: the device computes %g where the result is finite", v)
	}
	return errors.Join(err, executor.Free(result))
}

// operations returns the number of floating-point operations in the products and convolutions of a
// network's evaluation for one image. Nothing is compiled.
func operations(device compute.Backend, c galdecon.Config) (n float64, err error) {
	inputs, forward := network(c, 1)
	g := graph.NewGraph(device, "operations")
	defer g.Finalize()
	panicked := exceptions.TryCatch[error](func() {
		var in []*graph.Node
		for i, shape := range inputs {
			in = append(in, graph.Parameter(g, fmt.Sprintf("input_%d", i), shape))
		}
		forward(model.NewStore().RootScope(), in)
		n, err = count(g)
	})
	return n, errors.Join(panicked, err)
}

// count returns the number of floating-point operations in the products and convolutions of a
// graph, a multiplication and an addition for each pair of numbers. Convolutions have the channels
// last, as GoMLX's do by default, and those with zeros beyond the border count as the others.
func count(g *graph.Graph) (n float64, err error) {
	for _, node := range g.Nodes() {
		if t := node.Type(); t != graph.NodeTypeConvGeneral && t != graph.NodeTypeDotGeneral {
			continue
		}
		pairs, ok := pairs(node)
		if !ok {
			return 0, fmt.Errorf("speed: how much GoMLX computes for %s isn't known", node)
		}
		n += 2 * float64(node.Shape().Size()) * float64(pairs)
	}
	return n, nil
}

// contracted finds, in how GoMLX describes a product, the axes of the left factor that it sums
// over.
var contracted = regexp.MustCompile(`lhsContractingAxes=\[([0-9 ]*)\]`)

// pairs returns how many products of numbers each element of a convolution or a product is the sum
// of; false where GoMLX describes it in an unknown way.
func pairs(node *graph.Node) (n int, ok bool) {
	if node.Type() == graph.NodeTypeConvGeneral {
		weights, out := node.Inputs()[1].Shape(), node.Shape()
		features := out.Dimensions[out.Rank()-1]
		return weights.Size() / features, weights.Dimensions[weights.Rank()-1] == features
	}
	axes := contracted.FindStringSubmatch(node.String())
	if axes == nil {
		return 0, false
	}
	n = 1
	for _, axis := range strings.Fields(axes[1]) {
		i, err := strconv.Atoi(axis)
		if err != nil {
			return 0, false
		}
		n *= node.Inputs()[0].Shape().Dimensions[i]
	}
	return n, true
}

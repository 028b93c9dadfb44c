package unet

import (
	"math"
	"os"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/ml/train"
	"github.com/gomlx/gomlx/ml/train/optimizer"
)

// fixtures are networks with what PyTorch makes of them, written by testdata/golden.py.
var fixtures = []struct {
	name    string
	weights string
	network Paper
}{
	{"gray, odd PSF, npz", "testdata/paper_1.npz", Paper{Channels: 1, Features: 8, PSFSize: 5}},
	{"color, even PSF, the authors' safetensors", "testdata/paper_3.safetensors",
		Paper{Channels: 3, Features: 8, PSFSize: 10}},
}

// golden holds what PyTorch computed in float64, by name.
type golden map[string]stored

func openGolden(t *testing.T, weights string) golden {
	t.Helper()
	path, _, _ := strings.Cut(weights, ".")
	f, err := os.Open(path + "_golden.npz")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	g, err := openNPZ(f, info.Size())
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func (g golden) values(t *testing.T, name string) []float32 {
	t.Helper()
	values, err := g[name].values()
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return values
}

// images returns values of PyTorch's [batch, channels, height, width] as [batch, height, width,
// channels].
func (g golden) images(t *testing.T, name string) *tensors.Tensor {
	t.Helper()
	d := g[name].Shape
	return tensors.FromFlatDataAndDimensions(transpose(g.values(t, name), d, []int{0, 2, 3, 1}),
		d[0], d[2], d[3], d[1])
}

func (g golden) inputs(t *testing.T) []any {
	t.Helper()
	plain := func(name string) any {
		return tensors.FromFlatDataAndDimensions(g.values(t, name), g[name].Shape...)
	}
	return []any{g.images(t, "in.blurred"), g.images(t, "in.noisy"), plain("in.psf"), plain("in.t")}
}

// deviation is the largest difference from want, relative to the largest value there.
func deviation(got, want []float32) float64 {
	if len(got) != len(want) {
		return math.Inf(1)
	}
	var difference, scale float64
	for i := range want {
		difference = max(difference, math.Abs(float64(got[i])-float64(want[i])))
		scale = max(scale, math.Abs(float64(want[i])))
	}
	return difference / scale
}

func flat(x *tensors.Tensor) []float32 { return tensors.MustCopyFlatData[float32](x) }

// load returns a store with a network's weights, in its root scope.
func load(t *testing.T, p Paper, weights string) *model.Store {
	t.Helper()
	store := model.NewStore()
	if _, err := p.LoadStateDict(store.RootScope(), weights); err != nil {
		t.Fatal(err)
	}
	return store
}

func (p Paper) graph(scope *model.Scope, in []*graph.Node) *graph.Node {
	return p.Forward(scope, in[0], in[1], in[2], in[3])
}

// trainStep is one step of PyTorch's Adam on the prediction of the noise, in[4]; it returns the
// output, the loss, and the gradients by the scope's order of trainable variables.
func (p Paper) trainStep(scope *model.Scope, in []*graph.Node) []*graph.Node {
	g := in[0].Graph()
	scope.Store().SetTraining(g, true)
	out := p.graph(scope, in)
	loss := graph.ReduceAllMean(graph.Square(graph.Sub(out, in[4])))
	gradients := scope.BuildTrainableVariablesGradientsGraph(loss)
	adam := optimizer.Adam().LearningRate(rate).Epsilon(1e-8).Done().(train.OptimizeWithGradients)
	adam.UpdateGraphWithGradients(scope, gradients, loss.DType())
	return append([]*graph.Node{out, loss}, gradients...)
}

const rate = 1e-4

// trainable are the trained variables' names in the scope's order.
func trainable(scope *model.Scope) []string {
	var names []string
	for v := range scope.IterVariables() {
		if v.Trainable {
			names = append(names, v.Name())
		}
	}
	return names
}

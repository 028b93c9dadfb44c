package fit

import (
	"errors"
	"fmt"
	"math"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/ml/model/initializer"
	"github.com/gomlx/gomlx/ml/train"
	"github.com/gomlx/gomlx/ml/train/optimizer"
)

// Input returns the value of a float32 scalar that is given to the training by name, see [Inputs];
// for use in an [Objective]. g is any node of its graph.
func Input(scope *model.Scope, g graph.GraphProvider, name string) *graph.Node {
	v := scope.Store().VariableWithShape(inputScope+"/"+name, shapes.Make(dtypes.Float32),
		initializer.Zero)
	return v.SetTrainable(false).NodeValue(g)
}

// Record marks a part of the loss, a float32 scalar, that is to be shown apart from the rest under
// a name; for use in an [Objective].
func Record(scope *model.Scope, name string, value *graph.Node) {
	v := scope.Store().VariableWithShape(termScope+"/"+name, shapes.Make(dtypes.Float32),
		initializer.Zero)
	v.SetTrainable(false).SetNodeValue(value)
}

// stepGraph builds the training step for galaxies y, with the random numbers of a state, and
// returns the loss. Of one part of several it only adds the gradient to the sum over parts.
func (t *Trainer) stepGraph(scope *model.Scope, y, state *graph.Node) *graph.Node {
	g := y.Graph()
	t.store.SetTraining(g, true)
	loss := t.withRandom(state, func() *graph.Node {
		return t.problem.Objective(t.store.Scope(weightsScope),
			shift(t.store, turn(t.store, y), t.config.Shift))
	})
	gradient := scope.BuildTrainableVariablesGradientsGraph(loss)
	for w := range t.store.Scope(weightsScope).IterVariables() {
		if !w.Trainable && w.ChangedInGraph(g) { // statistics of batches
			w.SetNodeValue(t.overDevices(w.NodeValue(g))[0])
		}
	}
	for v := range t.store.Scope(termScope).IterVariables() {
		v.SetNodeValue(t.overDevices(v.NodeValue(g))[0])
	}
	if t.config.parts() == 1 {
		t.apply(scope, gradient)
	} else {
		for i, sum := range t.sums(g) {
			sum.SetNodeValue(graph.Add(sum.NodeValue(g), gradient[i]))
		}
	}
	return t.overDevices(loss)[0]
}

// validationGraph builds the loss of held-out galaxies y with averaged weights and the random
// numbers of a state.
func (t *Trainer) validationGraph(_ *model.Scope, y, state *graph.Node) *graph.Node {
	g := y.Graph()
	t.store.SetTraining(g, false)
	loss := t.withRandom(state, func() *graph.Node {
		return t.problem.Objective(Average(t.store), y)
	})
	for v := range t.store.IterVariables() {
		if v.ChangedInGraph(g) && !temporary(v) {
			panic(fmt.Errorf("the loss changes %s outside of training", v.Path()))
		}
	}
	return t.overDevices(loss)[0]
}

// withRandom builds a graph whose random numbers come from the given state. The store's own state
// is that of the initial weights.
func (t *Trainer) withRandom(state *graph.Node, f func() *graph.Node) *graph.Node {
	v := t.store.GetVariable(randomPath)
	before := v.NodeValue(state)
	v.SetNodeValue(state)
	defer v.SetNodeValue(before)
	return f()
}

// overDevices returns the means over all devices.
func (t *Trainer) overDevices(nodes ...*graph.Node) []*graph.Node {
	n := t.config.devices()
	if n == 1 {
		return nodes
	}
	means := nodes[0].Graph().Distributed().AllReduce(nodes, compute.ReduceOpSum)
	for i := range means {
		means[i] = graph.DivScalar(means[i], float64(n))
	}
	return means
}

// updateGraph builds the update of the weights from the sum of the parts' gradients.
func (t *Trainer) updateGraph(scope *model.Scope, g *graph.Graph) {
	var gradient []*graph.Node
	for _, sum := range t.sums(g) {
		gradient = append(gradient, graph.DivScalar(sum.NodeValue(g), float64(t.config.parts())))
		sum.SetNodeValue(graph.ZerosLike(gradient[len(gradient)-1]))
	}
	t.apply(scope, gradient)
}

// sums returns the variables of the summed gradients, in the order of the weights.
func (t *Trainer) sums(g *graph.Graph) []*model.Variable {
	var all []*model.Variable
	for w := range t.store.Scope(weightsScope).IterVariables() {
		if !w.Trainable {
			continue
		}
		w.NodeValue(g) // the optimizer updates what the graph uses
		sum := t.store.VariableWithShape(gradientScope+w.Path()[len(weightsScope):], w.Shape(),
			initializer.Zero)
		all = append(all, sum.SetTrainable(false))
	}
	return all
}

// apply builds the update of the weights with a gradient, and of their average.
func (t *Trainer) apply(scope *model.Scope, gradient []*graph.Node) {
	if len(gradient) == 0 {
		panic(errors.New("the loss has no weights to train"))
	}
	g := gradient[0].Graph()
	gradient = t.overDevices(gradient...)
	setLearningRate(t.config, scope, g)
	if t.config.ClipNorm > 0 {
		clip(gradient, t.config.ClipNorm)
	}
	adam := optimizer.Adam().LearningRate(t.config.LearningRate).Done()
	adam.(train.OptimizeWithGradients).UpdateGraphWithGradients(scope, gradient, dtypes.Float32)
	average(t.config, t.store, g)
}

// clip shortens the gradient to the given norm (Pascanu, Mikolov & Bengio 2013, algorithm 1).
func clip(gradient []*graph.Node, limit float64) {
	square := graph.ScalarZero(gradient[0].Graph(), dtypes.Float32)
	for _, part := range gradient {
		square = graph.Add(square, graph.L2NormSquare(part))
	}
	factor := graph.MinScalar(graph.Div(graph.Scalar(square.Graph(), dtypes.Float32, limit),
		graph.Sqrt(square)), 1)
	for i := range gradient {
		gradient[i] = graph.Mul(gradient[i], factor)
	}
}

// setLearningRate builds the schedule of Config.LearningRate into the step.
func setLearningRate(c Config, scope *model.Scope, g *graph.Graph) {
	step := graph.ConvertDType(optimizer.GetGlobalStepVar(scope).NodeValue(g), dtypes.Float32)
	rise := graph.DivScalar(graph.OnePlus(step), float64(max(c.WarmUp, 1)))
	fall := graph.DivScalar(graph.Sub(graph.Const(g, float32(c.Steps)), step),
		float64(max(c.Steps-c.WarmUp, 1)))
	factor := graph.Min(graph.Min(rise, fall), graph.ScalarOne(g, dtypes.Float32))
	optimizer.LearningRateVar(scope, dtypes.Float32,
		c.LearningRate).SetNodeValue(graph.MulScalar(factor, c.LearningRate))
}

// average moves the averaged weights, and statistics of batches, towards those that the step has
// just made. The decay rises from 0, so that the start of the training is soon forgotten.
func average(c Config, store *model.Store, g *graph.Graph) {
	// 1 in the first step
	step := graph.ConvertDType(optimizer.GetGlobalStepVar(store).NodeValue(g), dtypes.Float32)
	decay := graph.MinScalar(graph.Div(graph.MinusOne(step), graph.AddScalar(step, 9)), c.EMA)
	for w := range store.Scope(weightsScope).IterVariables() {
		path := averageScope + w.Path()[len(weightsScope):]
		mean := store.VariableWithShape(path, w.Shape(), initializer.Zero).SetTrainable(false)
		value := w.NodeValue(g)
		mean.SetNodeValue(graph.Add(value, graph.Mul(decay, graph.Sub(mean.NodeValue(g), value))))
	}
}

// shift moves each galaxy [batch, height, width, channels] by up to limit pixels along either axis,
// periodically, by the phases of its Fourier transform: noise stays white, and flux is kept.
func shift(store *model.Store, y *graph.Node, limit float64) *graph.Node {
	if limit == 0 {
		return y
	}
	g, batch := y.Graph(), y.Shape().Dimensions[0]
	u := graph.MulScalar(graph.AddScalar(store.RandomUniform(g,
		shapes.Make(dtypes.Float32, 2, batch, 1, 1, 1)), -0.5), 2*limit)
	// The axis to shift along comes last: [batch, channels, height, width], then [batch, channels,
	// width, height].
	for i, order := range [][]int{{0, 3, 1, 2}, {0, 1, 3, 2}} {
		y = graph.TransposeAllAxes(y, order...)
		n := y.Shape().Dimensions[3]
		k := graph.Iota(g, shapes.Make(dtypes.Float32, 1, 1, 1, n), 3)
		frequency := graph.Sub(k, graph.MulScalar(graph.ConvertDType(graph.GreaterThan(k,
			graph.Const(g, float32(n/2))), dtypes.Float32), float64(n)))
		phase := graph.MulScalar(graph.Mul(graph.Reshape(graph.Slice(u, graph.AxisElem(i)), batch,
			1, 1, 1), frequency), -2*math.Pi/float64(n))
		spectrum := graph.FFT(graph.Complex(y, graph.ZerosLike(y)))
		y = graph.Real(graph.InverseFFT(graph.Mul(spectrum,
			graph.Complex(graph.Cos(phase), graph.Sin(phase)))))
	}
	return graph.TransposeAllAxes(y, 0, 3, 2, 1)
}

// turn mirrors each galaxy at random along rows, columns and the diagonal: they have no preferred
// orientation.
func turn(store *model.Store, y *graph.Node) *graph.Node {
	batch := y.Shape().Dimensions[0]
	u := store.RandomUniform(y.Graph(), shapes.Make(dtypes.Float32, 3, batch, 1, 1, 1))
	for i, mirrored := range []func() *graph.Node{
		func() *graph.Node { return graph.Reverse(y, 1) },
		func() *graph.Node { return graph.Reverse(y, 2) },
		func() *graph.Node { return graph.TransposeAllAxes(y, 0, 2, 1, 3) },
	} {
		heads := graph.LessThan(graph.Reshape(graph.Slice(u, graph.AxisElem(i)), batch, 1, 1, 1),
			graph.Const(y.Graph(), float32(0.5)))
		y = graph.Where(graph.BroadcastToDims(heads, y.Shape().Dimensions...), mirrored(), y)
	}
	return y
}

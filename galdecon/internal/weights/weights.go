// Package weights hands the weights of a model to its executables as inputs, so that what is
// compiled serves whatever weights a training arrives at.
package weights

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/ml/model/initializer"
	"github.com/gomlx/gomlx/support/exceptions"
)

// Layout tells which input of an executable is which weight. It holds no weights itself.
type Layout struct {
	scope  string
	paths  []string // below the scope, in the order of the inputs
	shapes []shapes.Shape
}

// Of returns the layout of the weights below a scope, in the order of their names.
func Of(scope *model.Scope) Layout {
	l := Layout{scope: scope.Scope()}
	for _, v := range slices.SortedFunc(scope.IterVariables(),
		func(v, w *model.Variable) int { return strings.Compare(v.Path(), w.Path()) }) {
		l.paths, l.shapes = append(l.paths, strings.TrimPrefix(v.Path(), l.scope)),
			append(l.shapes, v.Shape())
	}
	return l
}

// Check returns an error if the weights below a scope aren't those which a network makes on inputs
// of some shapes; it names one that differs. The network's graph is built, which takes
// milliseconds, and never compiled.
func Check(
	backend compute.Backend, scope *model.Scope,
	network func(scope *model.Scope, in []*graph.Node), inputs ...shapes.Shape,
) error {
	g := graph.NewGraph(backend, "weights")
	defer g.Finalize()
	made := model.NewStore().Scope("/made")
	err := exceptions.TryCatch[error](func() {
		var in []*graph.Node
		for i, shape := range inputs {
			in = append(in, graph.Parameter(g, fmt.Sprintf("input_%d", i), shape))
		}
		network(made, in)
	})
	if err != nil {
		return err
	}
	return Of(scope).checkNetwork(Of(made))
}

// checkNetwork returns an error if the weights aren't those of a network, or not in its shapes.
func (l Layout) checkNetwork(network Layout) error {
	for i, path := range network.paths {
		switch k, ok := slices.BinarySearch(l.paths, path); {
		case !ok:
			return fmt.Errorf("the network has a weight %s %s, which the model lacks: they are "+
				"of different architectures", path, network.shapes[i])
		case !l.shapes[k].Equal(network.shapes[i]):
			return fmt.Errorf("the weight %s is %s in the model, but %s in the network: they are "+
				"of different architectures", path, l.shapes[k], network.shapes[i])
		}
	}
	for k, path := range l.paths {
		if _, ok := slices.BinarySearch(network.paths, path); !ok {
			return fmt.Errorf("the model has a weight %s %s, which the network lacks: they are "+
				"of different architectures", path, l.shapes[k])
		}
	}
	return nil
}

// Len returns how many weights there are.
func (l Layout) Len() int { return len(l.paths) }

// Values returns the weights below a scope, tensors in the order of the inputs. It is an error if
// they have other names or shapes.
func (l Layout) Values(scope *model.Scope) ([]any, error) {
	if n := scope.NumVariables(); n != len(l.paths) {
		return nil,
			fmt.Errorf("there are %d weights below %s instead of %d: they are of another "+
				"architecture", n, scope.Scope(), len(l.paths))
	}
	values := make([]any, len(l.paths))
	for i, path := range l.paths {
		v := scope.Store().GetVariable(scope.Scope() + path)
		if v == nil {
			return nil,
				fmt.Errorf("there is no weight %s below %s: the weights are of another "+
					"architecture", path, scope.Scope())
		}
		if !v.Shape().Equal(l.shapes[i]) {
			return nil,
				fmt.Errorf("weight %s is %s instead of %s: the weights are of another architecture",
					v.Path(), v.Shape(), l.shapes[i])
		}
		value, err := v.Value()
		if err != nil {
			return nil, fmt.Errorf("weight %s: %w", v.Path(), err)
		}
		values[i] = value
	}
	return values, nil
}

// Parameter makes weight i a parameter of the function that g builds, and in a store, where a
// network finds it, a variable with that value.
func (l Layout) Parameter(g *graph.Graph, store *model.Store, i int) *graph.Node {
	return store.VariableWithShape(l.scope+l.paths[i], l.shapes[i], initializer.Zero).NodeValue(g)
}

// Scope returns where a network finds the weights in the store.
func (l Layout) Scope(store *model.Store) *model.Scope { return store.Scope(l.scope) }

// Complete returns an error if a network has made weights in the store, since the model lacks them.
func (l Layout) Complete(store *model.Store) error {
	if n := store.NumVariables(); n != len(l.paths) {
		return fmt.Errorf("the network has %d weights that the model lacks (it has %d below %s): "+
			"they are of different architectures",
			n-len(l.paths), len(l.paths), l.scope)
	}
	return nil
}

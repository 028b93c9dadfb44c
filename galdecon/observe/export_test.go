package observe

import "github.com/gomlx/gomlx/core/graph"

// Course returns what remains to be done after each of so many conjugate-gradient steps of a data
// step, [steps, 2, batch, channels]: the mean square of y − y* in units of τ, and in units of the
// posterior given estimate and data, (y − y*)ᵀ H (y − y*) per pixel. y* is where a number of
// further steps ends.
func (g Grid) Course(estimate, tau *graph.Node, steps, further int, looks ...Look) *graph.Node {
	tau = graph.Reshape(tau, tau.Shape().Dimensions[0], 1, 1, 1)
	s := newSystem(g.fourier(tau.Graph()), graph.Square(tau), looks)
	y := planes(estimate)
	residual := s.residual(y)
	var path []*graph.Node
	s.each(residual, steps+further, func(moved *graph.Node) { path = append(path, moved) })
	last := path[len(path)-1]
	var out []*graph.Node
	mean := func(n *graph.Node) *graph.Node { return graph.ReduceMean(n, 2, 3) }
	for _, moved := range append([]*graph.Node{graph.ZerosLike(last)}, path[:steps]...) {
		e := graph.Sub(moved, last)
		plain := mean(graph.Square(graph.Div(e, tau)))
		total := plain
		f := s.fourier.forward(e)
		for _, w := range s.looks {
			v := w.observe(s.fourier, f)
			u := v
			if w.NoisePower != nil {
				u = s.fourier.image(s.fourier.forward(v).scale(graph.Reciprocal(w.NoisePower)))
			}
			total = graph.Add(total, mean(graph.Mul(u, v)))
		}
		out = append(out, graph.Stack([]*graph.Node{plain, total}, 0))
	}
	return graph.Stack(out, 0)
}

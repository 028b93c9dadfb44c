package ddpm

import (
	"fmt"
	"math"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/graph"
)

// Level is a noise level within a sampler's graph: scalars t/T and ᾱ_t.
type Level struct {
	Time, AlphaBar *graph.Node
}

// Denoiser estimates the clean image: y_t [batch, height, width, channels] at a noise level → E[y_0 | y_t], of the same shape. It is
// called within the body of a loop, with what it captured there.
type Denoiser func(yt *graph.Node, at Level, captured []*graph.Node) *graph.Node

// Sampler goes from noise to an image in Steps of the schedule's T steps.
type Sampler struct {
	// Steps is the number of evaluations of the denoiser, 1 to T.
	Steps int `json:"steps"`
	// Eta is the share of fresh noise in each step (Song et al. 2021, Eq. 16): 1 is the ancestral sampling of the DDPM with
	// σ² = β̃, 0 is the deterministic DDIM.
	Eta float64 `json:"eta"`
}

// Validate reports what makes the sampler impossible.
func (s Sampler) Validate(schedule Schedule) error {
	if !(s.Eta >= 0 && s.Eta <= 1) {
		return fmt.Errorf("ddpm: η of a sampler must be between 0 (DDIM) and 1 (ancestral), got %g", s.Eta)
	}
	_, err := schedule.Times(s.Steps)
	return err
}

// coefficients of one step, see Sampler.Run.
const (
	atTime = iota
	atAlphaBar
	ofClean
	ofNoise
	ofFresh
	columns
)

// table is [Steps, columns] of the numbers that differ from step to step.
func (s Sampler) table(schedule Schedule) ([][]float32, error) {
	times, err := schedule.Times(s.Steps)
	if err != nil {
		return nil, err
	}
	table := make([][]float32, s.Steps)
	for i := range table {
		// From t to the next *kept* time.
		now, next := schedule.AlphaBar[times[i]], schedule.AlphaBar[times[i+1]]
		fresh := s.Eta * math.Sqrt((1-next)/(1-now)*(1-now/next))
		row := make([]float32, columns)
		row[atTime] = float32(times[i]) / float32(schedule.T())
		row[atAlphaBar] = float32(now)
		row[ofClean] = float32(math.Sqrt(next))
		row[ofNoise] = float32(math.Sqrt(max(0, 1-next-fresh*fresh)))
		row[ofFresh] = float32(fresh)
		table[i] = row
	}
	return table, nil
}

// Captured is what a denoiser needs besides y_t. A loop's body can't use nodes from outside of it in arithmetic (a limit of
// go-xla v0.4.1), so they travel with its state, unchanged.
type Captured struct {
	Outside *graph.Node
	// Inside makes the parameter that stands for it in the body; nil is a plain one, which the denoiser is handed.
	Inside func(g *graph.Graph) *graph.Node
}

// Run builds the whole reverse process as one loop on the device (graph.While), with no round trip to the host: from Gaussian
// noise y_T [batch, height, width, channels] to samples of the same shape, with the state of a random number generator. Each step is
//
//	y_s = √ᾱ_s ŷ_0 + √(1−ᾱ_s−σ²) ε̂ + σ z,  ε̂ = (y_t − √ᾱ_t ŷ_0)/√(1−ᾱ_t),  σ = η √((1−ᾱ_s)/(1−ᾱ_t)) √(1−ᾱ_t/ᾱ_s)
//
// where s is the next kept time after t. The schedule and the sampler must be valid. GoMLX shares constants within a graph, but not
// across a loop's border: do other arithmetic in another graph.
func (s Sampler) Run(rng, yT *graph.Node, schedule Schedule, captured []Captured, denoise Denoiser) *graph.Node {
	g := rng.Graph()
	rows, err := s.table(schedule)
	if err != nil {
		panic(err) // while a graph is built, as GoMLX does; Validate tells beforehand
	}
	state := []*graph.Node{graph.Const(g, int32(0)), yT, rng, graph.Const(g, rows)}
	for _, c := range captured {
		state = append(state, c.Outside)
	}
	parameters := func(g *graph.Graph, inside bool) []*graph.Node {
		var nodes []*graph.Node
		for i, outside := range state {
			if k := i - (len(state) - len(captured)); inside && k >= 0 && captured[k].Inside != nil {
				nodes = append(nodes, captured[k].Inside(g))
			} else {
				nodes = append(nodes, graph.Parameter(g, fmt.Sprintf("state_%d", i), outside.Shape()))
			}
		}
		return nodes
	}
	more := graph.NewClosure(g, func(g *graph.Graph) []*graph.Node {
		return []*graph.Node{graph.LessThan(parameters(g, false)[0], graph.Const(g, int32(s.Steps)))}
	})
	step := graph.NewClosure(g, func(g *graph.Graph) []*graph.Node {
		in := parameters(g, true)
		i, y, rng, table := in[0], in[1], in[2], in[3]
		row := graph.Reshape(graph.DynamicSlice(table, []*graph.Node{i, graph.ScalarZero(g, dtypes.Int32)}, []int{1, columns}), columns)
		at := func(column int) *graph.Node { return graph.Reshape(graph.Slice(row, graph.AxisElem(column))) }
		level := Level{Time: at(atTime), AlphaBar: at(atAlphaBar)}
		clean := denoise(y, level, in[4:])
		noise := graph.Div(graph.Sub(y, graph.Mul(graph.Sqrt(level.AlphaBar), clean)), graph.Sqrt(graph.OneMinus(level.AlphaBar)))
		next := graph.Add(graph.Mul(clean, at(ofClean)), graph.Mul(noise, at(ofNoise)))
		if s.Eta > 0 {
			var fresh *graph.Node
			rng, fresh = graph.RandomNormal(rng, y.Shape())
			next = graph.Add(next, graph.Mul(fresh, at(ofFresh)))
		}
		return append([]*graph.Node{graph.OnePlus(i), next, rng, table}, in[4:]...)
	})
	return graph.While(more, step, state...)[1]
}

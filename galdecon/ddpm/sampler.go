package ddpm

import (
	"errors"
	"fmt"
	"math"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/graph"

	"galdecon/galdecon/internal/random"
)

// Level is a noise level within a sampler's graph: scalars t/T and ᾱ_t.
type Level struct {
	Time, AlphaBar *graph.Node
}

// Denoiser estimates the clean image: y_t [batch, height, width, channels] at a noise level → E[y_0
// | y_t], of the same shape. It is called within the body of a loop, with what it captured there.
type Denoiser func(yt *graph.Node, at Level, captured []*graph.Node) *graph.Node

// Sampler goes from noise to an image in Steps of the schedule's T steps.
type Sampler struct {
	// Steps is the number of evaluations of the denoiser, 1 to T.
	Steps int `json:"steps"`
	// Eta is the share of fresh noise in each step (Song et al. 2021, Eq. 16): 1 is the ancestral
	// sampling of the DDPM with σ² = β̃, 0 is the deterministic DDIM.
	Eta float64 `json:"eta"`
	// SecondOrder extrapolates ŷ_0 from the last two steps: with η = 0 this is DPM-Solver++(2M),
	// with η = 1 its stochastic form (Lu et al. 2022). Without it, few steps give too small a
	// variance.
	SecondOrder bool `json:"second_order"`
	// LargeVariance makes the variance of the fresh noise β of the step, the larger choice of Ho et
	// al. (2020, Section 3.2) and the paper's, rather than β̃; the rest is as with η = 1, which it
	// needs.
	LargeVariance bool `json:"beta,omitzero"`
	// DataConsistency corrects ŷ_0 in every step towards Π*y = x, by a Wiener step at the noise of
	// x and the uncertainty that is left at the step's level ([psf.WienerStep]). It makes
	// candidates of a poorly trained model pass ε, at the cost of fitting some of x's noise.
	DataConsistency bool `json:"consistent,omitzero"`
	// Guidance is the weight w of classifier-free guidance (Ho and Salimans 2022), ≥ 0; 0 is none,
	// and evaluates the network once a step instead of twice. Guided samples are sharper than the
	// posterior.
	Guidance float64 `json:"guidance,omitzero"`
}

// Validate returns an error if the sampler is impossible.
func (s Sampler) Validate(schedule Schedule) error {
	if !(s.Eta >= 0 && s.Eta <= 1) {
		return fmt.Errorf("ddpm: η of a sampler must be between 0 (DDIM) and 1 (ancestral), got %g",
			s.Eta)
	}
	if s.LargeVariance && (s.Eta != 1 || s.SecondOrder) {
		return errors.New("ddpm: a sampler with the variance β is ancestral and of first order: " +
			"η must be 1 and SecondOrder off")
	}
	if !(s.Guidance >= 0) || math.IsInf(s.Guidance, 0) {
		return fmt.Errorf("ddpm: the guidance of a sampler must be finite and at least 0, got %g",
			s.Guidance)
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
	ofChange
	columns
)

// table returns [Steps, columns] of the numbers that differ from step to step.
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
		if s.LargeVariance && times[i+1] > 0 {
			row[ofFresh] = float32(math.Sqrt(1 - now/next))
		}
		if last := i - 1; s.SecondOrder && last >= 0 && times[i+1] > 0 {
			// ŷ_0 enters the step with this weight, directly and through ε̂; its change since the
			// last step is continued for half of this step in log-SNR.
			weight := math.Sqrt(next) - float64(row[ofNoise])*math.Sqrt(now/(1-now))
			step, before := schedule.LogSNR(times[i+1])-schedule.LogSNR(times[i]),
				schedule.LogSNR(times[i])-schedule.LogSNR(times[last])
			row[ofChange] = float32(weight * step / (2 * before))
		}
		table[i] = row
	}
	return table, nil
}

// Captured is what a denoiser needs besides y_t. A loop's body can't use nodes from outside of it
// in arithmetic (a limit of go-xla v0.4.1), so they travel with its state, unchanged.
type Captured struct {
	Outside *graph.Node
	// Inside makes the parameter that stands for it in the body; nil is a plain one, which the
	// denoiser is handed.
	Inside func(g *graph.Graph) *graph.Node
}

// Run builds the whole reverse process as one loop on the device (graph.While), with no round trip
// to the host: from Gaussian noise y_T [batch, height, width, channels] to samples of the same
// shape, with the state of a random number generator. Each step is
//
//	y_s = √ᾱ_s ŷ_0 + √(1−ᾱ_s−σ²) ε̂ + σ z
//	ε̂ = (y_t − √ᾱ_t ŷ_0)/√(1−ᾱ_t)
//	σ = η √((1−ᾱ_s)/(1−ᾱ_t)) √(1−ᾱ_t/ᾱ_s)
//
// where s is the next kept time after t; with LargeVariance the σ of the last term is √(1−ᾱ_t/ᾱ_s),
// except in the last step; SecondOrder adds w (ŷ_0 − ŷ_0 of the last step). The schedule and the
// sampler must be valid. GoMLX shares constants within a graph, but not across a loop's border: do
// other arithmetic in another graph.
func (s Sampler) Run(
	rng, yT *graph.Node, schedule Schedule, captured []Captured, denoise Denoiser,
) *graph.Node {
	y, _ := s.run(rng, yT, schedule, captured, denoise, false)
	return y
}

// Path does as Run does and returns all its steps: the images y_s after each, [Steps, batch,
// height, width, channels]. The last ones are the samples of Run.
func (s Sampler) Path(
	rng, yT *graph.Node, schedule Schedule, captured []Captured, denoise Denoiser,
) *graph.Node {
	_, path := s.run(rng, yT, schedule, captured, denoise, true)
	return path
}

func (s Sampler) run(
	rng, yT *graph.Node, schedule Schedule, captured []Captured, denoise Denoiser, record bool,
) (y, path *graph.Node) {
	g := rng.Graph()
	rows, err := s.table(schedule)
	if err != nil {
		panic(err) // while a graph is built, as GoMLX does; Validate tells beforehand
	}
	state := []*graph.Node{graph.Const(g, int32(0)), yT, yT, rng, graph.Const(g, rows)}
	if record {
		// Every place is written over. (Zeros would be a constant on the wrong side of the loop's
		// border.)
		state = append(state, graph.BroadcastToDims(graph.ExpandAxes(yT, 0),
			append([]int{s.Steps}, yT.Shape().Dimensions...)...))
	}
	fixed := len(state)
	for _, c := range captured {
		state = append(state, c.Outside)
	}
	parameters := func(g *graph.Graph, inside bool) []*graph.Node {
		var nodes []*graph.Node
		for i, outside := range state {
			if k := i - fixed; inside && k >= 0 && captured[k].Inside != nil {
				nodes = append(nodes, captured[k].Inside(g))
			} else {
				nodes = append(nodes, graph.Parameter(g, fmt.Sprintf("state_%d", i),
					outside.Shape()))
			}
		}
		return nodes
	}
	more := graph.NewClosure(g, func(g *graph.Graph) []*graph.Node {
		return []*graph.Node{graph.LessThan(parameters(g, false)[0],
			graph.Const(g, int32(s.Steps)))}
	})
	step := graph.NewClosure(g, func(g *graph.Graph) []*graph.Node {
		in := parameters(g, true)
		i, y, last, rng, table := in[0], in[1], in[2], in[3], in[4]
		row := graph.Reshape(graph.DynamicSlice(table,
			[]*graph.Node{i, graph.ScalarZero(g, dtypes.Int32)}, []int{1, columns}), columns)
		at := func(column int) *graph.Node {
			return graph.Reshape(graph.Slice(row, graph.AxisElem(column)))
		}
		level := Level{Time: at(atTime), AlphaBar: at(atAlphaBar)}
		clean := denoise(y, level, in[fixed:])
		noise := graph.Div(graph.Sub(y, graph.Mul(graph.Sqrt(level.AlphaBar), clean)),
			graph.Sqrt(graph.OneMinus(level.AlphaBar)))
		next := graph.Add(graph.Mul(clean, at(ofClean)), graph.Mul(noise, at(ofNoise)))
		if s.SecondOrder {
			next = graph.Add(next, graph.Mul(graph.Sub(clean, last), at(ofChange)))
		}
		if s.Eta > 0 {
			var fresh *graph.Node
			rng, fresh = random.Normal(rng, y.Shape())
			next = graph.Add(next, graph.Mul(fresh, at(ofFresh)))
		}
		out := []*graph.Node{graph.OnePlus(i), next, clean, rng, table}
		if record {
			zero := graph.ScalarZero(g, dtypes.Int32)
			out = append(out, graph.DynamicUpdateSlice(in[fixed-1], graph.ExpandAxes(next, 0),
				[]*graph.Node{i, zero, zero, zero, zero}))
		}
		return append(out, in[fixed:]...)
	})
	final := graph.While(more, step, state...)
	return final[1], final[fixed-1]
}

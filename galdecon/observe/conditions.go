package observe

import (
	"errors"
	"fmt"
	"math"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"galdecon/galdecon/internal/random"
)

// Conditions are what the observations of a survey were made under: their PSFs, gaps, weights and
// correlations of noise, to see other galaxies with, in a model's training. Noise is in units of
// the brightest pixel that is seen.
type Conditions struct {
	grid      Grid
	n         int
	exposures []condition
}

// condition holds the host's copies of one exposure of all observations, one after the other; noise
// and shifts are nil where none has them.
type condition struct {
	invVar, psfs, noise, rows, columns []float32
	size                               int // pixels along a side of PSFs and noise
}

// NewConditions returns the conditions of observations on a grid of size × size pixels, the middle
// of larger ones. bright is the brightest pixel that the first exposure of each would show without
// noise, positive, in the unit of the observation. An observation with no data on the grid is an
// error, a [*MemberError].
func NewConditions(size int, observations []Observation, bright []float64) (*Conditions, error) {
	if len(observations) == 0 || len(bright) != len(observations) {
		return nil, &ShapeError{What: "observations and their brightest pixels",
			Got: []int{len(observations), len(bright)}, Want: "at least one, and as many"}
	}
	middle := make([]Observation, len(observations))
	for i, o := range observations {
		height, width := o.Size()
		top, left := max(0, height-size)/2, max(0, width-size)/2
		cut := Observation{Height: min(height, size), Width: min(width, size), Unit: bright[i]}
		for _, e := range o.Exposures {
			e.Row, e.Column = e.Row-float64(top), e.Column-float64(left)
			cut.Exposures = append(cut.Exposures, e)
		}
		middle[i] = cut
	}
	b, err := NewBatch(size, size, middle...)
	if err != nil {
		return nil, err
	}
	c := &Conditions{grid: b.Grid, n: len(observations)}
	var errs []error
	flat := func(t *tensors.Tensor) []float32 {
		if t == nil {
			return nil
		}
		values, err := tensors.CopyFlatData[float32](t)
		errs = append(errs, err)
		return values
	}
	for _, e := range b.exposures {
		c.exposures = append(c.exposures, condition{invVar: flat(e.invVar), psfs: flat(e.psfs),
			noise: flat(e.noise), rows: flat(e.rows), columns: flat(e.columns),
			size: e.psfs.Shape().Dimensions[1]})
	}
	if err := errors.Join(append(errs, b.Free())...); err != nil {
		return nil, fmt.Errorf("observe: cannot copy conditions: %w", err)
	}
	return c, nil
}

// Observe sees each clean galaxy y [batch, size, size, 1], in any unit, under the conditions of an
// observation that is drawn, and returns the exposures with their grid. Random numbers come from
// the store of the scope, so they are seeded with it.
func (c *Conditions) Observe(scope *model.Scope, y *graph.Node) (Grid, []Look) {
	batch := y.Shape().Dimensions[0]
	index := lottery{scope, y.Graph(), batch}.index(c.n)
	pick := func(values []float32, dims ...int) *graph.Node {
		all := graph.ConstTensor(y.Graph(), tensors.FromFlatDataAndDimensions(values,
			append([]int{c.n}, dims...)...))
		return graph.Gather(all, index)
	}
	side := c.grid.Height
	var looks []Look
	var bright *graph.Node
	for _, e := range c.exposures {
		l := Look{Transfer: c.grid.Transfer(pick(e.psfs, e.size, e.size))}
		if e.rows != nil {
			l.Transfer = c.grid.Shift(l.Transfer, pick(e.rows), pick(e.columns))
		}
		if e.noise != nil {
			l.NoisePower = c.grid.NoisePower(pick(e.noise, e.size, e.size))
		}
		clean := c.grid.A(l, y)
		if bright == nil {
			bright = graph.MaxScalar(graph.ReduceAndKeep(clean, graph.ReduceMax, 1, 2, 3), faint)
		}
		l.InvVar = graph.Div(pick(e.invVar, side, side, 1), graph.Square(bright))
		seen := less(graph.ZerosLike(l.InvVar), l.InvVar)
		noise := c.grid.Noise(l, random.Scoped(scope, y.Graph(), c.grid.White(l)))
		l.X = graph.Mul(seen, graph.Add(clean, noise))
		looks = append(looks, l)
	}
	return c.grid, looks
}

// Sharpness returns how much more one observation says than another because its PSF is narrower:
// the mean over all spatial frequencies of the squared share of a white prior's variance that its
// first exposure takes away, by a Gaussian PSF as wide as its own. The noise is the same for all,
// in units of the prior's deviation; so nothing of it depends on the galaxies.
func Sharpness(observations []Observation, noise float64) []float64 {
	const modes = 32
	out := make([]float64, len(observations))
	for i, o := range observations {
		if len(o.Exposures) == 0 || len(o.Exposures[0].PSFs) == 0 {
			continue
		}
		width := 2 * math.Pi * o.Exposures[0].PSFs[0].EffectiveSigma()
		for k := range modes * modes {
			fy, fx := (float64(k/modes)+0.5)/modes-0.5, (float64(k%modes)+0.5)/modes-0.5
			power := math.Exp(-width * width * (fy*fy + fx*fx))
			share := power / (power + noise*noise)
			out[i] += share * share / (modes * modes)
		}
	}
	return out
}

package observe

import (
	"fmt"
	"math"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"galdecon/galdecon/internal/random"
)

// Survey is what a model is trained to look at: one exposure of each galaxy, whose PSF, noise and
// gaps are drawn anew in every step. What a user brings should lie within it.
//
// What is drawn for each exposure ("log a…b" is uniform in the logarithm; lengths in pixels):
//
//	quantity                        distribution
//	PSF                             one of PSFs that are drawn once: see [Survey.Optics]
//	noise σ / brightest pixel       log NoiseMin…NoiseMax, of the blurred galaxy
//	photon noise                    a share Photon: variance at the brightest pixel seen over
//	                                that of the sky log 0.1…30
//	depth                           a fifth: beyond a line the variance is log 1/3…3 times that
//	correlation of noise            a share Correlated: a bilinear interpolation's, a box's or a
//	                                Gaussian's of σ 0.3…1.2
//	gaps                            a share Gaps, in which each of these may be:
//	  dead pixels                   40 %: log 0.002…0.1 of all
//	  a row or column               25 %: log 1…4 wide
//	  a trail at any angle          20 %: log 1…5 wide
//	  a disc                        30 %: radius log 1…8
//	  an edge                       20 %: up to EdgeMax of the side
//	a smaller stamp                 a share Padded: 0.5…1 of each side, in the middle
//	a coarser stamp                 a share Coarse: data at one of 2×2 pixels
type Survey struct {
	// Seed, PSFSize and PSFs determine the PSFs: their number and the pixels along their side.
	Seed    int64 `json:"seed"`
	PSFSize int   `json:"psf_size"`
	PSFs    int   `json:"psfs"`
	// SigmaMin and SigmaMax bound the width of the PSFs in pixels, log-uniform: σ of the Gaussian
	// with the same full width at half maximum, before the pixel's own width is added.
	SigmaMin float64 `json:"sigma_min"`
	SigmaMax float64 `json:"sigma_max"`
	// ShearMax is the largest |g| of their ellipticity.
	ShearMax float64 `json:"shear_max"`
	// NoiseMin and NoiseMax bound the noise in units of the brightest pixel that is seen without
	// noise.
	NoiseMin float64 `json:"noise_min"`
	NoiseMax float64 `json:"noise_max"`
	// Shares of the exposures, 0 to 1.
	Photon     float64 `json:"photon"`
	Correlated float64 `json:"correlated"`
	Gaps       float64 `json:"gaps"`
	Padded     float64 `json:"padded"`
	Coarse     float64 `json:"coarse"`
	// EdgeMax is the largest share of a side that an edge without data takes.
	EdgeMax float64 `json:"edge_max"`
}

// Validate returns an error if nothing can be drawn from the survey.
func (s Survey) Validate() error {
	shares := map[string]float64{"photon": s.Photon, "correlated": s.Correlated, "gaps": s.Gaps,
		"padded": s.Padded, "coarse": s.Coarse, "edge_max": s.EdgeMax}
	for name, v := range shares {
		if !(v >= 0 && v <= 1) {
			return fmt.Errorf("observe: %s of a survey is a share from 0 to 1, got %g", name, v)
		}
	}
	switch {
	case s.PSFSize < 3 || s.PSFSize%2 == 0 || s.PSFs < 1:
		return fmt.Errorf("observe: a survey needs at least one PSF on an odd grid of 3 pixels "+
			"and more, got %d of %d", s.PSFs, s.PSFSize)
	case !(s.SigmaMin > 0 && s.SigmaMax >= s.SigmaMin) || math.IsInf(s.SigmaMax, 0):
		return fmt.Errorf("observe: σ of a survey's PSFs must satisfy 0 < min ≤ max, got %g to %g "+
			"pixels", s.SigmaMin, s.SigmaMax)
	case !(s.ShearMax >= 0 && s.ShearMax < 1):
		return fmt.Errorf("observe: the largest ellipticity |g| of a survey's PSFs must be in "+
			"[0, 1), got %g", s.ShearMax)
	case !(s.NoiseMin > 0 && s.NoiseMax >= s.NoiseMin) || math.IsInf(s.NoiseMax, 0):
		return fmt.Errorf("observe: the noise of a survey must satisfy 0 < min ≤ max in units of "+
			"the brightest pixel, got %g to %g", s.NoiseMin, s.NoiseMax)
	}
	return nil
}

// Observe draws an exposure of each clean galaxy y [batch, height, width, 1], in any unit, and
// returns it with its grid. The PSFs and correlations are those of [Survey.Draw]. Random
// numbers come from the store of the scope, so they are seeded with it.
func (s Survey) Observe(scope *model.Scope, y *graph.Node, bank Bank) (Grid, Look) {
	grid, look, _, _ := s.expose(scope, y, bank)
	return grid, look
}

// Expose draws as Observe does, and returns what the exposures consist of: images and inverse
// variances [batch, height, width, 1], PSFs [batch, PSFSize, PSFSize] and correlations of noise
// [batch, k, k], see [Bank.Exposures].
func (s Survey) Expose(scope *model.Scope, y *graph.Node, bank Bank) []*graph.Node {
	_, look, psfs, correlations := s.expose(scope, y, bank)
	return []*graph.Node{look.X, look.InvVar, psfs, correlations}
}

func (s Survey) expose(
	scope *model.Scope, y *graph.Node, bank Bank,
) (grid Grid, look Look, psfs, correlations *graph.Node) {
	d := y.Shape().Dimensions
	grid = NewGrid(d[1], d[2], s.PSFSize)
	draw := lottery{scope, y.Graph(), d[0]}
	psfs = draw.pick(bank.psfs, s.PSFSize)
	look.Transfer = grid.Transfer(psfs)
	correlation := draw.pick(bank.correlations, bank.lags)
	white := draw.pick(bank.correlations[:1], bank.lags)
	shared := graph.Reshape(draw.chance(s.Correlated), d[0], 1, 1)
	correlations = graph.Add(graph.Mul(shared, correlation),
		graph.Mul(graph.OneMinus(shared), white))
	look.NoisePower = grid.NoisePower(correlations)

	clean := grid.A(look, y)
	bright := graph.MaxScalar(graph.ReduceAndKeep(clean, graph.ReduceMax, 1, 2), 1e-6)
	level := graph.Mul(bright, draw.logUniform(s.NoiseMin, s.NoiseMax))
	photons := graph.Mul(draw.chance(s.Photon), draw.logUniform(0.1, 30))
	variance := graph.OnePlus(graph.Mul(photons, graph.Div(graph.MaxScalar(clean, 0), bright)))
	beyond := graph.Mul(draw.chance(0.2), draw.half(d[1], d[2]))
	variance = graph.Mul(variance, graph.OnePlus(graph.Mul(beyond,
		graph.MinusOne(draw.logUniform(1./3, 3)))))
	variance = graph.Mul(variance, graph.Square(level))
	noise := grid.noise(random.Scoped(scope, draw.graph,
		shapes.Make(dtypes.Float32, d[0], 1, grid.rows(), grid.cols())), look.NoisePower)
	seen := s.seen(draw, d[1], d[2])
	look.X = graph.Mul(seen, graph.Add(clean, graph.Mul(noise, graph.Sqrt(variance))))
	look.InvVar = graph.Div(seen, variance)
	return grid, look, psfs, correlations
}

// noise gives white noise on the whole padded ring, [batch, channels, rows, cols], a power
// spectrum, and returns what falls on the grid.
func (g Grid) noise(white, power *graph.Node) *graph.Node {
	f := g.fourier(white.Graph())
	return images(f.image(f.forward(white).scale(graph.Sqrt(power))))
}

// seen draws where there is data, 1 or 0 for each pixel, [batch, height, width, 1].
func (s Survey) seen(draw lottery, height, width int) *graph.Node {
	row, column := draw.places(height, width)
	// Pixel centers in sides, −½ to ½.
	y := graph.AddScalar(graph.DivScalar(row, float64(height)), 0.5/float64(height)-0.5)
	x := graph.AddScalar(graph.DivScalar(column, float64(width)), 0.5/float64(width)-0.5)
	side := float64(height+width) / 2
	any := draw.chance(s.Gaps)
	gap := func(share float64, where *graph.Node) *graph.Node {
		return graph.OneMinus(graph.Mul(graph.Mul(any, draw.chance(share)), where))
	}
	vertical := draw.chance(0.5)
	along := graph.Add(graph.Mul(vertical, x), graph.Mul(graph.OneMinus(vertical), y))
	alive := gap(0.4, less(draw.field(height, width), draw.logUniform(0.002, 0.1)))
	lined := gap(0.25, less(graph.Abs(graph.Sub(along, draw.uniform(-0.5, 0.5))),
		graph.DivScalar(draw.logUniform(1, 4), 2*side)))
	angle := draw.uniform(0, math.Pi)
	across := graph.Add(
		graph.Mul(graph.Sub(x, draw.uniform(-0.4, 0.4)), graph.Cos(angle)),
		graph.Mul(graph.Sub(y, draw.uniform(-0.4, 0.4)), graph.Sin(angle)))
	crossed := gap(0.2, less(graph.Abs(across), graph.DivScalar(draw.logUniform(1, 5), 2*side)))
	away := graph.Add(graph.Square(graph.Sub(x, draw.uniform(-0.5, 0.5))),
		graph.Square(graph.Sub(y, draw.uniform(-0.5, 0.5))))
	covered := gap(0.3, less(away, graph.Square(graph.DivScalar(draw.logUniform(1, 8), side))))
	flip := graph.AddScalar(graph.MulScalar(draw.chance(0.5), 2), -1)
	cut := gap(0.2, less(graph.AddScalar(graph.Mul(flip, along), 0.5), draw.uniform(0, s.EdgeMax)))

	padded := draw.chance(s.Padded)
	outside := graph.Max(
		less(graph.MulScalar(draw.uniform(0.5, 1), 0.5), graph.Abs(y)),
		less(graph.MulScalar(draw.uniform(0.5, 1), 0.5), graph.Abs(x)))
	inside := graph.OneMinus(graph.Mul(padded, outside))
	odd := func(n *graph.Node) *graph.Node {
		half := graph.MulScalar(n, 0.5)
		return graph.MulScalar(graph.Sub(half, graph.Floor(half)), 2)
	}
	between := graph.Max(odd(row), odd(column))
	fine := graph.OneMinus(graph.Mul(draw.chance(s.Coarse), between))
	seen := fine
	for _, part := range []*graph.Node{alive, lined, crossed, covered, cut, inside} {
		seen = graph.Mul(seen, part)
	}
	return seen
}

// less returns 1 where a < b and 0 elsewhere.
func less(a, b *graph.Node) *graph.Node {
	return graph.ConvertDType(graph.LessThan(a, b), dtypes.Float32)
}

// lottery draws one number for each of a batch, [batch, 1, 1, 1].
type lottery struct {
	scope *model.Scope
	graph *graph.Graph
	batch int
}

func (l lottery) field(height, width int) *graph.Node {
	return l.scope.RandomUniform(l.graph, shapes.Make(dtypes.Float32, l.batch, height, width, 1))
}

func (l lottery) uniform(low, high float64) *graph.Node {
	return graph.AddScalar(graph.MulScalar(l.field(1, 1), high-low), low)
}

func (l lottery) logUniform(low, high float64) *graph.Node {
	return graph.Exp(l.uniform(math.Log(low), math.Log(high)))
}

// chance is 1 with a probability, and 0 else.
func (l lottery) chance(p float64) *graph.Node {
	return less(l.field(1, 1), graph.Const(l.graph, float32(p)))
}

// places returns the numbers of rows [1, height, 1, 1] and columns [1, 1, width, 1].
func (l lottery) places(height, width int) (row, column *graph.Node) {
	return graph.Iota(l.graph, shapes.Make(dtypes.Float32, 1, height, 1, 1), 1),
		graph.Iota(l.graph, shapes.Make(dtypes.Float32, 1, 1, width, 1), 2)
}

// half is 1 on one side of a line through the stamp.
func (l lottery) half(height, width int) *graph.Node {
	row, column := l.places(height, width)
	angle := l.uniform(0, 2*math.Pi)
	y := graph.AddScalar(graph.DivScalar(row, float64(height)), -0.5)
	x := graph.AddScalar(graph.DivScalar(column, float64(width)), -0.5)
	along := graph.Add(graph.Mul(x, graph.Cos(angle)), graph.Mul(y, graph.Sin(angle)))
	return less(along, l.uniform(-0.3, 0.3))
}

// pick draws one of some kernels, size × size values each, for each of the batch: [batch, size,
// size].
func (l lottery) pick(kernels [][]float32, size int) *graph.Node {
	all := graph.Const(l.graph, kernels)
	return graph.Reshape(graph.Gather(all, l.index(len(kernels))), l.batch, size, size)
}

// index draws a number from 0 to n−1 for each of the batch, [batch, 1].
func (l lottery) index(n int) *graph.Node {
	place := graph.Reshape(graph.MulScalar(l.field(1, 1), float64(n)), l.batch, 1)
	return graph.MinScalar(graph.ConvertDType(graph.Floor(place), dtypes.Int32), n-1)
}

package observe_test

import (
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"gonum.org/v1/gonum/mat"

	"galdecon/galdecon/backend"
	"galdecon/galdecon/observe"
)

// look is an exposure of one galaxy on a square grid in float64, its operator as matrices.
type look struct {
	x, invVar []float64
	psf       []float64 // k × l
	k, l      int
	noise     []float64 // m × m correlation, nil is white
	m         int
}

// convolution is the matrix of a convolution of size × size pixels with dark borders, from its
// definition.
func convolution(size int, kernel []float64, k, l int) *mat.Dense {
	out := mat.NewDense(size*size, size*size, nil)
	for r := range size {
		for c := range size {
			for i := range k {
				for j := range l {
					if r2, c2 := r-(i-k/2), c-(j-l/2); r2 >= 0 && r2 < size && c2 >= 0 &&
						c2 < size {
						out.Set(r*size+c, r2*size+c2, kernel[i*l+j])
					}
				}
			}
		}
	}
	return out
}

// covariance is that of the noise of the pixels seen, whose indices it returns too.
func (l look) covariance(size int) (seen []int, n *mat.SymDense) {
	for i, w := range l.invVar {
		if w > 0 {
			seen = append(seen, i)
		}
	}
	var c *mat.Dense
	if l.noise != nil {
		c = convolution(size, l.noise, l.m, l.m)
	}
	n = mat.NewSymDense(len(seen), nil)
	for a, i := range seen {
		for b, j := range seen[:a+1] {
			v := 0.0
			if c != nil {
				v = c.At(i, j)
			} else if i == j {
				v = 1
			}
			n.SetSym(b, a, v/math.Sqrt(l.invVar[i]*l.invVar[j]))
		}
	}
	return seen, n
}

// posterior solves the data step from its definition, by dense matrices: mean and covariance for
// the prior N(estimate, tau²).
func posterior(
	t *testing.T,
	size int,
	estimate []float64,
	tau float64,
	looks ...look,
) (*mat.VecDense, *mat.SymDense) {
	t.Helper()
	n := size * size
	precision := mat.NewSymDense(n, nil)
	right := mat.NewVecDense(n, nil)
	for i := range n {
		precision.SetSym(i, i, 1/(tau*tau))
		right.SetVec(i, estimate[i]/(tau*tau))
	}
	for _, l := range looks {
		seen, noise := l.covariance(size)
		all := convolution(size, l.psf, l.k, l.l)
		a, x := mat.NewDense(len(seen), n, nil), mat.NewVecDense(len(seen), nil)
		for row, i := range seen {
			a.SetRow(row, all.RawRowView(i))
			x.SetVec(row, l.x[i])
		}
		var factor mat.Cholesky
		if !factor.Factorize(noise) {
			t.Fatal("the noise of the test isn't positive definite")
		}
		var weighted, term mat.Dense
		var wx, tx mat.VecDense
		if factor.SolveTo(&weighted, a) != nil || factor.SolveVecTo(&wx, x) != nil {
			t.Fatal("the noise of the test is nearly singular")
		}
		term.Mul(a.T(), &weighted)
		tx.MulVec(a.T(), &wx)
		right.AddVec(right, &tx)
		for i := range n {
			for j := i; j < n; j++ {
				precision.SetSym(i, j, precision.At(i, j)+(term.At(i, j)+term.At(j, i))/2)
			}
		}
	}
	var factor mat.Cholesky
	if !factor.Factorize(precision) {
		t.Fatal("the precision isn't positive definite")
	}
	mean, covariance := mat.NewVecDense(n, nil), mat.NewSymDense(n, nil)
	if factor.SolveVecTo(mean, right) != nil || factor.InverseTo(covariance) != nil {
		t.Fatal("the precision is nearly singular")
	}
	return mean, covariance
}

// nodes makes the look of a graph from four tensors, the last of them the noise's correlation or
// nothing.
func nodes(g observe.Grid, in []*graph.Node) observe.Look {
	l := observe.Look{X: in[0], InvVar: in[1], Transfer: g.Transfer(in[2])}
	if len(in) > 3 {
		l.NoisePower = g.NoisePower(in[3])
	}
	return l
}

func tensor(values []float64, dimensions ...int) *tensors.Tensor {
	flat := make([]float32, len(values))
	for i, v := range values {
		flat[i] = float32(v)
	}
	return tensors.FromFlatDataAndDimensions(flat, dimensions...)
}

// inputs are the tensors of a look of one galaxy.
func (l look) inputs(size int) []any {
	in := []any{
		tensor(l.x, 1, size, size, 1),
		tensor(l.invVar, 1, size, size, 1),
		tensor(l.psf, 1, l.k, l.l),
	}
	if l.noise != nil {
		in = append(in, tensor(l.noise, 1, l.m, l.m))
	}
	return in
}

// call runs a graph function once.
func call(t testing.TB, f func([]*graph.Node) *graph.Node, in ...any) []float32 {
	t.Helper()
	exec, err := backend.NewExec(f)
	if err != nil {
		t.Fatal(err)
	}
	defer exec.Finalize()
	out, err := exec.Call1(in...)
	if err != nil {
		t.Fatal(err)
	}
	values, err := tensors.CopyFlatData[float32](out)
	if err != nil {
		t.Fatal(err)
	}
	return values
}

func normal(rng *rand.Rand, n int, scale float64) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = scale * rng.NormFloat64()
	}
	return out
}

// blur is an elongated PSF of k × l pixels, off its center, so that a flipped or transposed one is
// noticed.
func blur(k, l int, sigma float64) []float64 {
	out, sum := make([]float64, k*l), 0.0
	for i := range k {
		for j := range l {
			y, x := float64(i-k/2)-0.2, float64(j-l/2)+0.3
			out[i*l+j] = math.Exp(-(y*y + 0.6*x*x + 0.3*x*y) / (2 * sigma * sigma))
			sum += out[i*l+j]
		}
	}
	for i := range out {
		out[i] /= sum
	}
	return out
}

// neighbors is the correlation of noise after a bilinear interpolation: c between neighbors.
func neighbors(c float64) []float64 {
	return []float64{c * c, c, c * c, c, 1, c, c * c, c, c * c}
}

// scenes are the cases of the data step on 16 × 16 pixels: what is missing, how the noise varies,
// whether neighbors share it.
func scenes(rng *rand.Rand, size int) map[string][]look {
	const noise = 0.02
	one := func(mask, varied, correlated bool, k, l int) look {
		out := look{psf: blur(k, l, 1.2), k: k, l: l, invVar: make([]float64, size*size)}
		for i := range out.invVar {
			row, col := i/size, i%size
			sigma := noise
			if varied {
				sigma *= 1 + 2*math.Exp(
					-float64((row-size/2)*(row-size/2)+(col-size/2)*(col-size/2))/8,
				)
			}
			out.invVar[i] = 1 / (sigma * sigma)
			if mask && (col == size/3 || row < size/5 || rng.Float64() < 0.05) {
				out.invVar[i] = 0
			}
		}
		if correlated {
			out.noise, out.m = neighbors(0.35), 3
		}
		out.x = normal(rng, size*size, 0.1)
		return out
	}
	return map[string][]look{
		"white":                {one(false, false, false, 7, 7)},
		"mask":                 {one(true, false, false, 7, 9)},
		"map":                  {one(false, true, false, 6, 5)},
		"correlation":          {one(false, false, true, 7, 7)},
		"mask and correlation": {one(true, false, true, 7, 7)},
		"all at once":          {one(true, true, true, 9, 8)},
		"a PSF that is larger": {one(true, false, false, 41, 37)},
		"two exposures":        {one(true, true, true, 7, 7), one(true, false, false, 5, 11)},
		"three exposures": {
			one(true, true, false, 7, 7),
			one(false, false, true, 5, 5),
			one(true, true, true, 3, 9),
		},
	}
}

// size covers the largest kernel of all looks.
func gridOf(size int, looks []look) observe.Grid {
	largest := 1
	for _, l := range looks {
		largest = max(largest, l.k, l.l, l.m)
	}
	return observe.NewGrid(size, size, largest)
}

// stepper is the data step as a graph function of ŷ, τ and the looks' inputs.
func stepper(g observe.Grid, looks []look, steps int) func([]*graph.Node) *graph.Node {
	return func(in []*graph.Node) *graph.Node {
		rest := in[2:]
		var seen []observe.Look
		for _, l := range looks {
			n := 3
			if l.noise != nil {
				n = 4
			}
			seen = append(seen, nodes(g, rest[:n]))
			rest = rest[n:]
		}
		return g.Step(in[0], in[1], steps, seen...)
	}
}

func stepInputs(size int, estimate []float64, tau float64, looks []look) []any {
	in := []any{tensor(estimate, 1, size, size, 1), tensor([]float64{tau}, 1)}
	for _, l := range looks {
		in = append(in, l.inputs(size)...)
	}
	return in
}

// The data step is the mean of the posterior by dense matrices in double precision.
func TestStepAgainstDenseMatrices(t *testing.T) {
	const size, tau = 16, 0.1
	rng := rand.New(rand.NewPCG(3, 4))
	scenes := scenes(rng, size)
	for _, name := range slices.Sorted(maps.Keys(scenes)) {
		looks := scenes[name]
		t.Run(name, func(t *testing.T) {
			estimate := normal(rng, size*size, 0.1)
			want, _ := posterior(t, size, estimate, tau, looks...)
			got := call(
				t,
				stepper(gridOf(size, looks), looks, 24),
				stepInputs(size, estimate, tau, looks)...)
			worst, largest := 0.0, 0.0
			for i, v := range got {
				worst = max(worst, math.Abs(float64(v)-want.AtVec(i)))
				largest = max(largest, math.Abs(want.AtVec(i)))
			}
			if !(worst <= 1e-4*largest) {
				t.Errorf("the data step is off by %.2g of its largest value", worst/largest)
			}
		})
	}
}

// Data in other units give the same galaxy in those units.
func TestStepKeepsUnits(t *testing.T) {
	const size, tau = 16, 0.1
	rng := rand.New(rand.NewPCG(5, 6))
	looks := scenes(rng, size)["two exposures"]
	estimate := normal(rng, size*size, 0.1)
	step := stepper(gridOf(size, looks), looks, 5)
	want := call(t, step, stepInputs(size, estimate, tau, looks)...)
	for _, unit := range []float64{1e-8, 3.7e5} {
		scaled := make([]look, len(looks))
		times := func(v []float64, by float64) []float64 {
			out := make([]float64, len(v))
			for i := range v {
				out[i] = v[i] * by
			}
			return out
		}
		for i, l := range looks {
			scaled[i] = l
			scaled[i].x, scaled[i].invVar = times(l.x, unit), times(l.invVar, 1/(unit*unit))
		}
		got := call(t, step, stepInputs(size, times(estimate, unit), tau*unit, scaled)...)
		for i := range got {
			if d := math.Abs(float64(got[i])/unit - float64(want[i])); !(d <= 1e-5) {
				t.Fatalf("pixel %d is %g in units of %g, not %g", i, got[i], unit, want[i])
			}
		}
	}
}

// Where nothing is seen the estimate stays, and so does its gradient.
func TestStepWithoutData(t *testing.T) {
	const size = 16
	rng := rand.New(rand.NewPCG(7, 8))
	blind := look{
		x:      normal(rng, size*size, 1),
		invVar: make([]float64, size*size),
		psf:    blur(5, 5, 1),
		k:      5,
		l:      5,
	}
	estimate := normal(rng, size*size, 1)
	looks := []look{blind}
	step := stepper(gridOf(size, looks), looks, 4)
	in := stepInputs(size, estimate, 0.1, looks)
	for i, v := range call(t, step, in...) {
		if v != float32(estimate[i]) {
			t.Fatalf("pixel %d moved from %g to %g without data", i, estimate[i], v)
		}
	}
	gradient := call(t, func(in []*graph.Node) *graph.Node {
		return graph.Gradient(graph.ReduceAllSum(step(in)), in[0])[0]
	}, in...)
	for i, v := range gradient {
		if v != 1 {
			t.Fatalf("the gradient by pixel %d is %g, not 1", i, v)
		}
	}
}

// flat returns the values of an input that is a tensor.
func flat(t *testing.T, input any) []float32 {
	t.Helper()
	values, err := tensors.CopyFlatData[float32](input.(*tensors.Tensor))
	if err != nil {
		t.Fatal(err)
	}
	return values
}

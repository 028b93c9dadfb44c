package psf_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"gonum.org/v1/gonum/dsp/fourier"
	"gonum.org/v1/gonum/mat"

	"galdecon/galdecon/internal/devicetest"
	"galdecon/galdecon/psf"
)

func random(rng *rand.Rand, n int) []float32 {
	values := make([]float32, n)
	for i := range values {
		values[i] = rng.Float32()
	}
	return values
}

// randomPSF is lopsided on purpose: a flipped or shifted convolution must not pass.
func randomPSF(t *testing.T, rng *rand.Rand, size int) psf.PSF {
	t.Helper()
	k, err := psf.New(size, random(rng, size*size))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// directSum is the definition of Π*y with a dark sky around the image, pixel by pixel in float64.
func directSum(y []float32, h, w, c int, k psf.PSF) []float64 {
	out := make([]float64, len(y))
	for row := range h {
		for col := range w {
			for u := range k.Size {
				for v := range k.Size {
					r, s := row-(u-k.Size/2), col-(v-k.Size/2)
					if r < 0 || r >= h || s < 0 || s >= w {
						continue
					}
					for ch := range c {
						out[(row*w+col)*c+
							ch] += float64(k.Pixels[u*k.Size+v]) * float64(y[(r*w+s)*c+ch])
					}
				}
			}
		}
	}
	return out
}

// gonumFFT is the same by the convolution theorem, with gonum's transform on a padded square.
func gonumFFT(y []float32, h, w int, k psf.PSF) []float64 {
	n := max(h, w) + k.Size
	spectrum := func(values []float32, rows, cols int) [][]complex128 {
		grid := make([][]complex128, n)
		for i := range grid {
			grid[i] = make([]complex128, n)
			if i < rows {
				for j := range cols {
					grid[i][j] = complex(float64(values[i*cols+j]), 0)
				}
			}
		}
		return grid
	}
	fft := fourier.NewCmplxFFT(n)
	transform := func(grid [][]complex128, apply func(dst, seq []complex128) []complex128) {
		column := make([]complex128, n)
		for i := range grid {
			apply(grid[i], grid[i])
		}
		for j := range n {
			for i := range n {
				column[i] = grid[i][j]
			}
			apply(column, column)
			for i := range n {
				grid[i][j] = column[i]
			}
		}
	}
	a, b := spectrum(y, h, w), spectrum(k.Pixels, k.Size, k.Size)
	transform(a, fft.Coefficients)
	transform(b, fft.Coefficients)
	for i := range a {
		for j := range a[i] {
			a[i][j] *= b[i][j]
		}
	}
	transform(a, fft.Sequence)
	out := make([]float64, h*w)
	for row := range h {
		for col := range w {
			out[row*w+col] = real(a[row+k.Size/2][col+k.Size/2]) / float64(n*n)
		}
	}
	return out
}

func convolve(t *testing.T, y []float32, b, h, w, c int, psfs ...psf.PSF) []float32 {
	t.Helper()
	stack, err := psf.Stack(psfs...)
	if err != nil {
		t.Fatal(err)
	}
	k := psfs[0].Size
	out, err := graph.CallOnce(devicetest.Device(t), psf.Convolve,
		tensors.FromFlatDataAndDimensions(y, b, h, w, c),
		tensors.FromFlatDataAndDimensions(stack, len(psfs), k, k))
	if err != nil {
		t.Fatal(err)
	}
	return tensors.MustCopyFlatData[float32](out)
}

func TestConvolveAgainstDirectSumAndGonum(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, shape := range []struct{ h, w, c, k int }{{32, 32, 1, 9}, {32, 32, 1, 10},
		{17, 24, 3, 5}, {8, 8, 1, 1}, {12, 12, 1, 33}} {
		const batch = 3
		psfs := make([]psf.PSF, batch)
		for i := range psfs {
			psfs[i] = randomPSF(t, rng, shape.k)
		}
		each := shape.h * shape.w * shape.c
		y := random(rng, batch*each)
		got := convolve(t, y, batch, shape.h, shape.w, shape.c, psfs...)
		for i := range batch {
			want := directSum(y[i*each:(i+1)*each], shape.h, shape.w, shape.c, psfs[i])
			compare(t, "direct sum", got[i*each:(i+1)*each], want, 1e-5)
			if shape.c == 1 {
				compare(t, "gonum", got[i*each:(i+1)*each],
					gonumFFT(y[i*each:(i+1)*each], shape.h, shape.w, psfs[i]), 1e-5)
			}
		}
	}
}

func compare(t *testing.T, what string, got []float32, want []float64, tolerance float64) {
	t.Helper()
	for i := range got {
		if d := math.Abs(float64(got[i]) - want[i]); !(d <= tolerance) {
			t.Fatalf("%s: pixel %d is %g, want %g (difference %g > %g)", what, i, got[i], want[i],
				d, tolerance)
		}
	}
}

func TestPointSourceStaysWhereItIs(t *testing.T) {
	for _, size := range []int{9, 10} {
		k, err := psf.Gaussian{Sigma: 1}.Render(size)
		if err != nil {
			t.Fatal(err)
		}
		y := make([]float32, 21*21)
		y[10*21+10] = 1
		x := convolve(t, y, 1, 21, 21, 1, k)
		for i, v := range x {
			if v > x[10*21+10] {
				t.Errorf("size %d: the peak moved to pixel %d", size, i)
			}
		}
	}
}

func TestAdjoint(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	const b, h, w, c = 2, 16, 13, 2
	for _, k := range []int{7, 10} {
		psfs, err := psf.Stack(randomPSF(t, rng, k), randomPSF(t, rng, k))
		if err != nil {
			t.Fatal(err)
		}
		products, err := graph.CallOnceN(devicetest.Device(t),
			func(y, v, p *graph.Node) []*graph.Node {
				return []*graph.Node{
					graph.ReduceAllSum(graph.Mul(psf.Convolve(y, p), v)),
					graph.ReduceAllSum(graph.Mul(y, psf.Adjoint(v, p)))}
			}, tensors.FromFlatDataAndDimensions(random(rng, b*h*w*c), b, h, w, c),
			tensors.FromFlatDataAndDimensions(random(rng, b*h*w*c), b, h, w, c),
			tensors.FromFlatDataAndDimensions(psfs, b, k, k))
		if err != nil {
			t.Fatal(err)
		}
		left, right := float64(tensors.ToScalar[float32](products[0])),
			float64(tensors.ToScalar[float32](products[1]))
		if math.Abs(left-right) > 1e-5*math.Abs(left) {
			t.Errorf("k=%d: ⟨Πy, v⟩ = %g, ⟨y, Πᵀv⟩ = %g", k, left, right)
		}
	}
}

// Widths whose padded grids have an even and an odd number of columns.
func TestGradientIsAdjoint(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	const k = 5
	for _, size := range [][2]int{{11, 14}, {14, 11}} {
		h, w := size[0], size[1]
		p := randomPSF(t, rng, k)
		gradient, err := graph.CallOnce(devicetest.Device(t),
			func(y, v, p *graph.Node) *graph.Node {
				loss := graph.ReduceAllSum(graph.Mul(psf.Convolve(y, p), v))
				return graph.Sub(graph.Gradient(loss, y)[0], psf.Adjoint(v, p))
			}, tensors.FromFlatDataAndDimensions(random(rng, h*w), 1, h, w, 1),
			tensors.FromFlatDataAndDimensions(random(rng, h*w), 1, h, w, 1),
			tensors.FromFlatDataAndDimensions(p.Pixels, 1, k, k))
		if err != nil {
			t.Fatal(err)
		}
		compare(t, "gradient", tensors.MustCopyFlatData[float32](gradient), make([]float64, h*w),
			1e-5)
	}
}

// With enough iterations the correction is the solution of its normal equations; here they are
// solved by Cholesky in float64.
func TestCorrectAgainstDenseSolution(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	const n, lambda = 9, 1e-2
	p := randomPSF(t, rng, 4)
	y, x := random(rng, n*n), random(rng, n*n)
	a := mat.NewDense(n*n, n*n, nil) // the matrix of Π*, column by column
	for j := range n * n {
		unit := make([]float32, n*n)
		unit[j] = 1
		a.SetCol(j, directSum(unit, n, n, 1, p))
	}
	var normal mat.SymDense
	normal.SymOuterK(1, a)
	for i := range n * n {
		normal.SetSym(i, i, normal.At(i, i)+lambda)
	}
	var cholesky mat.Cholesky
	if !cholesky.Factorize(&normal) {
		t.Fatal("Π Πᵀ + λ is not positive")
	}
	var residual, solution, step mat.VecDense
	residual.MulVec(a, vector(y))
	residual.SubVec(vector(x), &residual)
	if err := cholesky.SolveVecTo(&solution, &residual); err != nil {
		t.Fatal(err)
	}
	step.MulVec(a.T(), &solution)
	step.AddVec(vector(y), &step)

	got, err := graph.CallOnce(devicetest.Device(t), func(y, x, p *graph.Node) *graph.Node {
		return psf.WienerStep(y, x, p, graph.Const(p.Graph(), float32(lambda)), 40)
	},
		tensors.FromFlatDataAndDimensions(y, 1, n, n, 1),
		tensors.FromFlatDataAndDimensions(x, 1, n, n, 1),
		tensors.FromFlatDataAndDimensions(p.Pixels, 1, 4, 4))
	if err != nil {
		t.Fatal(err)
	}
	compare(t, "Cholesky", tensors.MustCopyFlatData[float32](got), step.RawVector().Data, 1e-3)
}

func vector(values []float32) *mat.VecDense {
	v := mat.NewVecDense(len(values), nil)
	for i, value := range values {
		v.SetVec(i, float64(value))
	}
	return v
}

// Three iterations must explain all of x that λ allows for a galaxy on a dark sky, and must not
// touch a y that agrees with x.
func TestCorrect(t *testing.T) {
	const h, w = 32, 32
	p, err := psf.Gaussian{Sigma: 1}.Render(9)
	if err != nil {
		t.Fatal(err)
	}
	exec, err := graph.NewExec(devicetest.Device(t), func(y, truth, p *graph.Node) []*graph.Node {
		x := psf.Convolve(truth, p)
		corrected := psf.WienerStep(y, x, p, graph.Const(p.Graph(), float32(1e-3)), 3)
		return []*graph.Node{
			graph.ReduceAllMean(graph.Square(graph.Sub(psf.Convolve(corrected, p), x))),
			graph.ReduceAllMax(graph.Abs(graph.Sub(corrected, y)))}
	})
	if err != nil {
		t.Fatal(err)
	}
	run := func(start, truth []float32) (mse, moved float64) {
		out, err := exec.Call(tensors.FromFlatDataAndDimensions(start, 1, h, w, 1),
			tensors.FromFlatDataAndDimensions(truth, 1, h, w, 1),
			tensors.FromFlatDataAndDimensions(p.Pixels, 1, 9, 9))
		if err != nil {
			t.Fatal(err)
		}
		return float64(tensors.ToScalar[float32](out[0])),
			float64(tensors.ToScalar[float32](out[1]))
	}
	truth := make([]float32, h*w) // an exponential disc, inclined
	for row := range h {
		for col := range w {
			r := math.Hypot(float64(row)-15.7, (float64(col)-16.2)*2)
			truth[row*w+col] = float32(math.Exp(-r / 4))
		}
	}
	if mse, moved := run(truth, truth); mse > 1e-10 || moved > 1e-4 {
		t.Errorf("a consistent image was moved by %g, MSE %g", moved, mse)
	}
	if mse, _ := run(make([]float32, h*w), truth); mse > 1e-6 {
		t.Errorf("after the correction of a black image the MSE is %g, want < 1e-6", mse)
	}
}

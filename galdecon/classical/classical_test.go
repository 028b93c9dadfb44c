package classical

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"galdecon/galdecon/backend"
	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/internal/executor"
	"galdecon/galdecon/psf"
)

// kernel is a lopsided random PSF: a flipped or shifted convolution must not pass.
func kernel(t *testing.T, rng *rand.Rand, size int) psf.PSF {
	t.Helper()
	weights := make([]float32, size*size)
	for i := range weights {
		weights[i] = rng.Float32() + 0.01
	}
	k, err := psf.New(size, weights)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func random(rng *rand.Rand, n, h, w, c int) *galaxy.Images {
	im := galaxy.NewImages(n, h, w, c)
	for i := range im.Pixels {
		im.Pixels[i] = rng.Float32()
	}
	return im
}

// convolve is Π*y by its definition, or Πᵀy, of one channel of one image in float64.
func convolve(y []float64, h, w int, k psf.PSF, transpose bool) []float64 {
	out := make([]float64, h*w)
	for row := range h {
		for col := range w {
			for u := range k.Size {
				for v := range k.Size {
					r, s := row+u-k.Size/2, col+v-k.Size/2 // where light of (row, col) goes
					if r < 0 || r >= h || s < 0 || s >= w {
						continue
					}
					weight := float64(k.Pixels[u*k.Size+v])
					if transpose {
						out[row*w+col] += weight * y[r*w+s]
					} else {
						out[r*w+s] += weight * y[row*w+col]
					}
				}
			}
		}
	}
	return out
}

// plane is one channel of image i.
func plane(im *galaxy.Images, i, channel int) []float64 {
	out := make([]float64, im.Height*im.Width)
	for p := range out {
		out[p] = float64(im.At(i)[p*im.Channels+channel])
	}
	return out
}

func sum(values []float64) float64 {
	s := 0.0
	for _, v := range values {
		s += v
	}
	return s
}

// direct is the method by its formula.
func direct(x []float64, h, w int, k psf.PSF, b float64, iterations int) []float64 {
	y, ones := make([]float64, h*w), make([]float64, h*w)
	for p := range y {
		ones[p] = 1
		for _, v := range x {
			y[p] += v / float64(h*w)
		}
	}
	stays := convolve(ones, h, w, k, true)
	for range iterations {
		ratio := convolve(y, h, w, k, false)
		for p := range ratio {
			ratio[p] = max(x[p]+b, 0) / (ratio[p] + b)
		}
		back := convolve(ratio, h, w, k, true)
		for p := range y {
			y[p] *= back[p] / stays[p]
		}
	}
	return y
}

func deconvolve(t *testing.T, x *galaxy.Images, kernels []psf.PSF, background float64,
	iterations int) *galaxy.Images {
	t.Helper()
	y, err := RichardsonLucy(x, kernels, []float64{background}, iterations)
	if err != nil {
		t.Fatal(err)
	}
	return y
}

func TestAgainstTheFormula(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	x := random(rng, 2, 12, 9, 3)
	for i := range x.Pixels {
		x.Pixels[i] -= 0.2 // some pixels are negative
	}
	x.IDs, x.Objects, x.Scale = []string{"a", "b"}, []string{"m51", "m51"}, []float64{2, 3}
	background := []float64{0.05, 0.3}
	for _, size := range []int{4, 15} {
		kernels := []psf.PSF{kernel(t, rng, size), kernel(t, rng, size)}
		y, err := RichardsonLucy(x, kernels, background, 7)
		if err != nil {
			t.Fatal(err)
		}
		for i := range x.N {
			for c := range x.Channels {
				want := direct(plane(x, i, c), x.Height, x.Width, kernels[i], background[i], 7)
				for p, got := range plane(y, i, c) {
					if math.Abs(got-want[p]) > 1e-4*(1+want[p]) {
						t.Fatalf("PSF of %d pixels: image %d, channel %d, pixel %d is %v, want %v",
							size, i, c, p, got, want[p])
					}
				}
			}
		}
		if y.ID(1) != "b" || y.Objects[1] != "m51" || y.Scale[1] != 3 {
			t.Errorf("IDs %v, objects %v and scales %v are not those of the observations", y.IDs,
				y.Objects, y.Scale)
		}
	}
}

// What explains the observation is a fixed point: Π*y = x.
func TestFixedPoint(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	k := kernel(t, rng, 5)
	y := random(rng, 1, 16, 16, 1)
	counts := galaxy.NewImages(1, 16, 16, 1)
	for p, v := range convolve(plane(y, 0, 0), 16, 16, k, false) {
		counts.Pixels[p] = float32(v)
	}
	exec, err := richardsonLucyExec()
	if err != nil {
		t.Fatal(err)
	}
	result, err := exec.Call1(y.Tensor(), counts.Tensor(),
		tensors.FromFlatDataAndDimensions(k.Pixels, 1, 5, 5),
		tensors.FromFlatDataAndDimensions([]float32{0}, 1, 1, 1, 1), int32(20))
	if err != nil {
		t.Fatal(err)
	}
	for p, v := range tensors.MustCopyFlatData[float32](result) {
		if math.Abs(float64(v-y.Pixels[p])) > 1e-4 {
			t.Fatalf("pixel %d went from %v to %v", p, y.Pixels[p], v)
		}
	}
}

// Flux is kept after every iteration, also where light crosses the edge; nothing is negative, and
// the Poisson likelihood never falls.
func TestFluxPositivityLikelihood(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	k := kernel(t, rng, 7)
	x := random(rng, 1, 16, 16, 1)
	for p := range x.Pixels {
		x.Pixels[p] = max(0, x.Pixels[p]-0.5)
	}
	counts := plane(x, 0, 0)
	last := math.Inf(-1)
	for _, iterations := range []int{1, 2, 3, 5, 10, 30} {
		y := plane(deconvolve(t, x, []psf.PSF{k}, 0, iterations), 0, 0)
		predicted := convolve(y, 16, 16, k, false)
		if got, want := sum(predicted), sum(counts); math.Abs(got-want) > 1e-4*want {
			t.Errorf("after %d iterations Π*y sums up to %v, x to %v", iterations, got, want)
		}
		likelihood := 0.0
		for p, v := range y {
			if v < 0 {
				t.Fatalf("pixel %d is %v", p, v)
			}
			likelihood += counts[p]*math.Log(predicted[p]) - predicted[p]
		}
		if likelihood < last-1e-4 {
			t.Errorf("after %d iterations the likelihood fell from %v to %v", iterations, last,
				likelihood)
		}
		last = likelihood
	}
}

// Without noise the galaxy comes back: the better, the more iterations, and by a point-like PSF at
// once.
func TestConvergence(t *testing.T) {
	const size = 24
	y := galaxy.NewImages(1, size, size, 1)
	for p := range y.Pixels {
		dy, dx := float64(p/size-size/2), float64(p%size-size/2)
		y.Pixels[p] = float32(math.Exp(-math.Hypot(dx, 2*dy) / 3))
	}
	k, err := psf.Gaussian{Sigma: 1}.Render(9)
	if err != nil {
		t.Fatal(err)
	}
	x := galaxy.NewImages(1, size, size, 1)
	for p, v := range convolve(plane(y, 0, 0), size, size, k, false) {
		x.Pixels[p] = float32(v)
	}
	distance := func(im *galaxy.Images) float64 {
		s := 0.0
		for p, v := range im.Pixels {
			s += math.Pow(float64(v-y.Pixels[p]), 2)
		}
		return math.Sqrt(s)
	}
	last := distance(x)
	for _, iterations := range []int{10, 100, 1000} {
		d := distance(deconvolve(t, x, []psf.PSF{k}, 0, iterations))
		if d > last/1.5 {
			t.Errorf("after %d iterations the distance to the truth is %v, it was %v", iterations,
				d, last)
		}
		last = d
	}
	point, err := psf.New(1, []float32{1})
	if err != nil {
		t.Fatal(err)
	}
	if d := distance(deconvolve(t, y, []psf.PSF{point}, 0, 1)); d > 1e-5 {
		t.Errorf("without blur the distance to the truth is %v", d)
	}
}

// The sky's noise holds no light. Without a background its positive half becomes some, σ/√(2π) a
// pixel; a background of 3σ avoids half of that.
func TestBackground(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	k, err := psf.Gaussian{Sigma: 1}.Render(9)
	if err != nil {
		t.Fatal(err)
	}
	const n, size, noise, flux = 8, 24, 0.01, 4.0
	x := galaxy.NewImages(n, size, size, 1)
	for i := range n {
		for p := range size * size {
			dy, dx := float64(p/size-size/2), float64(p%size-size/2)
			x.At(i)[p] = float32(flux/(2*math.Pi*4)*math.Exp(-(dx*dx+dy*dy)/8) +
				noise*rng.NormFloat64())
		}
	}
	bias := func(background float64) float64 {
		y := deconvolve(t, x, []psf.PSF{k}, background, 100)
		mean := 0.0
		for i := range n {
			mean += sum(plane(y, i, 0)) / n
		}
		return mean/flux - 1
	}
	// Where the galaxy is below the noise, σ/√(2π) of it a pixel: 0.57 of the flux if that were
	// everywhere.
	without, with := bias(0), bias(3*noise)
	if without < 0.4 || without > 0.6 || with > 0.6*without || with < -0.06 {
		t.Errorf("the flux is too large by %v without a background, and %v with one", without, with)
	}
}

// Units don't matter.
func TestUnits(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 10))
	k := kernel(t, rng, 5)
	x := random(rng, 1, 16, 16, 1)
	want := deconvolve(t, x, []psf.PSF{k}, 0.1, 5)
	for _, unit := range []float64{1e-25, 1e25} {
		scaled := x.Select(0)
		for p := range scaled.Pixels {
			scaled.Pixels[p] = float32(float64(scaled.Pixels[p]) * unit)
		}
		for p, got := range deconvolve(t, scaled, []psf.PSF{k}, 0.1*unit, 5).Pixels {
			if math.Abs(float64(got)/unit-float64(want.Pixels[p])) > 1e-4 {
				t.Fatalf("in units of %g pixel %d is %v, want %v", unit, p, float64(got)/unit,
					want.Pixels[p])
			}
		}
	}
}

func TestNoLight(t *testing.T) {
	k, err := psf.Gaussian{Sigma: 1}.Render(5)
	if err != nil {
		t.Fatal(err)
	}
	for p, v := range deconvolve(t, galaxy.NewImages(1, 8, 8, 1), []psf.PSF{k}, 0, 3).Pixels {
		if v != 0 {
			t.Fatalf("pixel %d of a dark image became %v", p, v)
		}
	}
}

func TestErrors(t *testing.T) {
	k, err := psf.Gaussian{Sigma: 1}.Render(5)
	if err != nil {
		t.Fatal(err)
	}
	small, err := psf.Gaussian{Sigma: 1}.Render(3)
	if err != nil {
		t.Fatal(err)
	}
	x, nan := galaxy.NewImages(2, 8, 8, 1), galaxy.NewImages(1, 8, 8, 1)
	nan.Pixels[9] = float32(math.NaN())
	one, none := []psf.PSF{k}, []float64{0}
	for name, test := range map[string]struct {
		x          *galaxy.Images
		kernels    []psf.PSF
		background []float64
		iterations int
		want       string
	}{
		"nothing":             {nil, one, none, 1, "no observations"},
		"no images":           {&galaxy.Images{}, one, none, 1, "[0, 0, 0, 0]"},
		"NaN":                 {nan, one, none, 1, "row 1, column 1"},
		"no PSF":              {x, nil, none, 1, "as many PSFs, or one for all; got 0"},
		"three PSFs":          {x, []psf.PSF{k, k, k}, none, 1, "got 3"},
		"PSFs of two sizes":   {x, []psf.PSF{k, small}, none, 1, "Resize"},
		"a PSF of no weights": {x, []psf.PSF{{Size: 3}}, none, 1, "needs 9 weights"},
		"no background":       {x, one, nil, 1, "as many backgrounds"},
		"negative background": {x, one, []float64{0, -1}, 1, "background of image 1"},
		"NaN background":      {x, one, []float64{math.NaN()}, 1, "background"},
		"no iterations":       {x, one, none, 0, "at least 1 iteration"},
	} {
		_, err := RichardsonLucy(test.x, test.kernels, test.background, test.iterations)
		if err == nil || !strings.HasPrefix(err.Error(), "classical: ") ||
			!strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v, want one with %q", name, err, test.want)
		}
	}
}

func TestManyShapes(t *testing.T) {
	// which compiles faster than richardsonLucy
	exec, err := backend.NewExec(func(in []*graph.Node) *graph.Node { return in[0] })
	if err != nil {
		t.Fatal(err)
	}
	for n := 1; n <= graph.DefaultExecMaxCacheSize+1; n++ {
		if y, err := executor.Images(exec, galaxy.NewImages(n, 1, 1, 1).Tensor()); err != nil ||
			y.N != n {
			t.Fatalf("shape %d: %+v, error %v", n, y, err)
		}
	}
}

// What is on the device is freed, also where nothing is computed.
func TestTensorsAreFreed(t *testing.T) {
	exec, err := richardsonLucyExec()
	if err != nil {
		t.Fatal(err)
	}
	for name, psfs := range map[string]int{"good": 1, "PSFs for three images": 3} {
		weights := make([]float32, psfs)
		for i := range weights {
			weights[i] = 1
		}
		x := galaxy.NewImages(2, 4, 4, 1)
		inputs := []*tensors.Tensor{x.Tensor(), x.Tensor(),
			tensors.FromFlatDataAndDimensions(weights, psfs, 1, 1),
			tensors.FromFlatDataAndDimensions([]float32{0, 0}, 2, 1, 1, 1),
			tensors.FromScalar(int32(1))}
		arguments := make([]any, len(inputs))
		for i, in := range inputs {
			arguments[i] = in
		}
		y, err := executor.Images(exec, arguments...)
		if good := psfs == 1; good != (err == nil) || good != (y != nil) {
			t.Errorf("%s: %v, error %v", name, y, err)
		}
		for i, in := range inputs {
			if in.Ok() {
				t.Errorf("%s: input %d is still there", name, i)
			}
		}
	}
}

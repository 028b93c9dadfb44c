package unet

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
	"gonum.org/v1/gonum/floats"

	"galdecon/galdecon/internal/devicetest"
)

func noise(rng *rand.Rand, dims ...int) *tensors.Tensor {
	n := 1
	for _, d := range dims {
		n *= d
	}
	values := make([]float32, n)
	for i := range values {
		values[i] = float32(rng.NormFloat64())
	}
	return tensors.FromFlatDataAndDimensions(values, dims...)
}

func kernels(batch, k int) *tensors.Tensor {
	values := make([]float32, batch*k*k)
	for i := range values {
		values[i] = float32(1+i%7) / float32(4*k*k)
	}
	return tensors.FromFlatDataAndDimensions(values, batch, k, k)
}

func set(t *testing.T, v *model.Variable, values []float32) {
	t.Helper()
	if err := v.SetValue(tensors.FromFlatDataAndDimensions(values,
		v.Shape().Dimensions...)); err != nil {
		t.Fatal(err)
	}
}

// perturb moves every weight, so that those which start at zero no longer are.
func perturb(t *testing.T, store *model.Store) {
	t.Helper()
	rng := rand.New(rand.NewPCG(3, 4))
	for v := range store.IterVariables() {
		if v.DType() != dtypes.Float32 {
			continue
		}
		values := tensors.MustCopyFlatData[float32](v.MustValue())
		for i := range values {
			values[i] += 0.1 * float32(rng.NormFloat64())
		}
		set(t, v, values)
	}
}

// logNoise is a noise level for each image; tests of the condition vary it together with the time.
func logNoise(time *graph.Node) *graph.Node { return graph.MulScalar(time, -2) }

// forward runs Embed and Forward together: images, time, psfs → output.
func forward(
	t *testing.T, c Config, store *model.Store, channels int,
) func(images, time, psfs *tensors.Tensor) *tensors.Tensor {
	t.Helper()
	if err := store.SetRNGStateFromSeed(1); err != nil {
		t.Fatal(err)
	}
	exec, err := model.NewExec(devicetest.Device(t), store,
		func(scope *model.Scope, images, time, psfs *graph.Node) *graph.Node {
			return c.Forward(scope.In("net"), images, c.Embed(scope.In("embed"), time, psfs,
				logNoise(time)), channels)
		})
	if err != nil {
		t.Fatal(err)
	}
	return func(images, time, psfs *tensors.Tensor) *tensors.Tensor {
		t.Helper()
		out, err := exec.Call1(images, time, psfs)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
}

func TestFoldAndUnfold(t *testing.T) {
	const b, h, w, c = 2, 4, 6, 3
	pixels := make([]float32, b*h*w*c)
	for i := range pixels {
		pixels[i] = float32(i)
	}
	y := func() *tensors.Tensor { return tensors.FromFlatDataAndDimensions(pixels, b, h, w, c) }
	out, err := graph.CallOnceN(devicetest.Device(t), func(y *graph.Node) []*graph.Node {
		return []*graph.Node{fold(y), unfold(fold(y)), fold(unfold(graph.Reshape(y, b, 2, 3, 4*c)))}
	}, y())
	if err != nil {
		t.Fatal(err)
	}
	if got := out[0].Shape().Dimensions; !slices.Equal(got, []int{b, h / 2, w / 2, 4 * c}) {
		t.Fatalf("the shape of fold is %v", got)
	}
	folded := tensors.MustCopyFlatData[float32](out[0])
	for i := range folded {
		ch, square := i%(4*c), i/(4*c)
		image, row, col := square/(h/2*w/2), square/(w/2)%(h/2), square%(w/2)
		r, s := 2*row+ch/c/2, 2*col+ch/c%2
		if want := float32(((image*h+r)*w+s)*c + ch%c); folded[i] != want {
			t.Fatalf("value %d of fold is pixel %g, want %g", i, folded[i], want)
		}
	}
	for i, name := range []string{"unfold(fold)", "fold(unfold)"} {
		if !slices.Equal(tensors.MustCopyFlatData[float32](out[i+1]), pixels) {
			t.Errorf("%s is not the identity", name)
		}
	}
}

// At the start the output is exactly 0, whatever the size, channels and PSFs.
func TestStartsAsZero(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, test := range []struct {
		size, channels, levels, k int
	}{{16, 1, 1, 1}, {32, 3, 2, 6}, {64, 1, 3, 3}} {
		t.Run(fmt.Sprintf("%+v", test), func(t *testing.T) {
			c := Config{Features: []int{4, 6, 8, 3}[:test.levels], Blocks: 1, Embedding: 8,
				Attention: test.levels != 2}
			if err := c.Validate(test.size); err != nil {
				t.Fatal(err)
			}
			store := model.NewStore()
			out := forward(t, c, store, test.channels)(noise(rng, 2, test.size, test.size,
				2*test.channels+1),
				tensors.FromValue([]float32{0.1, 0.9}), kernels(2, test.k))
			if got, want := out.Shape().Dimensions, []int{2, test.size, test.size,
				test.channels}; !slices.Equal(got, want) {
				t.Errorf("the shape is %v, want %v", got, want)
			}
			for i, v := range tensors.MustCopyFlatData[float32](out) {
				if v != 0 {
					t.Fatalf("value %d is %g, want 0", i, v)
				}
			}
		})
	}
}

// In half precision the network computes the same to two or three digits, its gradient too.
func TestHalfPrecision(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	c := Config{Features: []int{8, 8}, Blocks: 1, Embedding: 8}
	store := model.NewStore()
	inputs := []any{noise(rng, 2, 8, 8, 2), tensors.FromValue([]float32{0.1, 0.9}), kernels(2, 3)}
	forward(t, c, store, 1)(inputs[0].(*tensors.Tensor), inputs[1].(*tensors.Tensor),
		inputs[2].(*tensors.Tensor))
	perturb(t, store)
	var results [2][]float64
	for i := range results {
		c.HalfPrecision = i == 1
		out, err := model.CallOnceN(devicetest.Device(t), store,
			func(scope *model.Scope, images, time, psfs *graph.Node) []*graph.Node {
				y := c.Forward(scope.In("net"), images, c.Embed(scope.In("embed"), time, psfs,
					logNoise(time)), 1)
				return []*graph.Node{y, graph.Gradient(graph.ReduceAllSum(graph.Square(y)),
					images)[0]}
			}, inputs...)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range out {
			for _, v := range tensors.MustCopyFlatData[float32](o) {
				results[i] = append(results[i], float64(v))
			}
		}
	}
	size := floats.Norm(results[0], 2)
	if d := floats.Distance(results[0], results[1], 2) / size; d > 0.03 || d == 0 {
		t.Errorf("half precision differs by %g, want some, at most 0.03", d)
	}
}

func TestDependsOnTheCondition(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	c := Config{Features: []int{4, 6}, Blocks: 1, Embedding: 8}
	store := model.NewStore()
	run := forward(t, c, store, 1)
	images := noise(rng, 2, 8, 8, 2)
	psfs := kernels(2, 3)
	run(images, tensors.FromValue([]float32{0.1, 0.9}), psfs)
	perturb(t, store)
	values := func(x *tensors.Tensor) (first, second []float32) {
		all := tensors.MustCopyFlatData[float32](x)
		return all[:64], all[64:]
	}
	first, second := values(run(images, tensors.FromValue([]float32{0.1, 0.9}), psfs))
	otherTime, sameTime := values(run(images, tensors.FromValue([]float32{0.101, 0.9}), psfs))
	if slices.Equal(first, otherTime) {
		t.Error("the time of an image doesn't matter to it")
	}
	if !slices.Equal(second, sameTime) {
		t.Error("the time of one image matters to another")
	}
	moved := tensors.MustCopyFlatData[float32](psfs)
	moved[0], moved[8] = moved[8], moved[0]
	otherPSF, samePSF := values(run(images, tensors.FromValue([]float32{0.1, 0.9}),
		tensors.FromFlatDataAndDimensions(moved, 2, 3, 3)))
	if slices.Equal(first, otherPSF) {
		t.Error("the PSF of an image doesn't matter to it")
	}
	if !slices.Equal(second, samePSF) {
		t.Error("the PSF of one image matters to another")
	}
	// One PSF for all is as good as a copy for each.
	one := tensors.MustCopyFlatData[float32](psfs)[:9]
	a := run(images, tensors.FromValue([]float32{0.1, 0.9}),
		tensors.FromFlatDataAndDimensions(slices.Clone(one), 1, 3, 3))
	b := run(images, tensors.FromValue([]float32{0.1, 0.9}),
		tensors.FromFlatDataAndDimensions(slices.Concat(one, one), 2, 3, 3))
	if !slices.Equal(tensors.MustCopyFlatData[float32](a), tensors.MustCopyFlatData[float32](b)) {
		t.Error("one PSF for all differs from a copy for each")
	}
}

// ∂loss/∂w of every weight tensor against central differences along a random direction.
func TestGradientAgainstFiniteDifferences(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	c := Config{Features: []int{3, 4}, Blocks: 1, Embedding: 4}
	store := model.NewStore()
	images, time, psfs, weights := noise(rng, 2, 8, 8, 2), tensors.FromValue([]float32{0.2, 0.7}),
		kernels(2, 3), noise(rng, 2, 8, 8, 1)
	forward(t, c, store, 1)(images, time, psfs)
	perturb(t, store)
	loss := func(scope *model.Scope, images, time, psfs, weights *graph.Node) *graph.Node {
		out := c.Forward(scope.In("net"), images, c.Embed(scope.In("embed"), time, psfs,
			logNoise(time)), 1)
		return graph.ReduceAllSum(graph.Mul(graph.Add(out, graph.Square(out)), weights))
	}
	value, err := model.NewExec(devicetest.Device(t), store, loss)
	if err != nil {
		t.Fatal(err)
	}
	at := func() float64 {
		out, err := value.Call1(images, time, psfs, weights)
		if err != nil {
			t.Fatal(err)
		}
		return float64(tensors.ToScalar[float32](out))
	}
	var variables []*model.Variable
	for v := range store.IterVariables() {
		if v.Trainable && v.DType() == dtypes.Float32 {
			variables = append(variables, v)
		}
	}
	gradients, err := model.CallOnceN(devicetest.Device(t), store,
		func(scope *model.Scope, in []*graph.Node) []*graph.Node {
			l := loss(scope, in[0], in[1], in[2], in[3])
			var nodes []*graph.Node
			for _, v := range variables {
				nodes = append(nodes, v.NodeValue(l.Graph()))
			}
			return graph.Gradient(l, nodes...)
		}, images, time, psfs, weights)
	if err != nil {
		t.Fatal(err)
	}
	if len(variables) < 30 {
		t.Fatalf("only %d weight tensors", len(variables))
	}
	for i, v := range variables {
		center := tensors.MustCopyFlatData[float32](v.MustValue())
		slope := tensors.MustCopyFlatData[float32](gradients[i])
		direction := make([]float64, len(center))
		length := 0.0
		for j := range direction {
			direction[j] = rng.NormFloat64()
			length += direction[j] * direction[j]
		}
		got := 0.0
		for j := range direction {
			direction[j] /= math.Sqrt(length)
			got += direction[j] * float64(slope[j])
		}
		difference := func(step float64) float64 {
			var sides [2]float64
			for side, sign := range []float64{1, -1} {
				moved := make([]float32, len(center))
				for j := range moved {
					moved[j] = center[j] + float32(sign*step*direction[j])
				}
				set(t, v, moved)
				sides[side] = at()
			}
			return (sides[0] - sides[1]) / (2 * step)
		}
		// Richardson's extrapolation: large steps keep the rounding of float32 small.
		want := (4*difference(0.01) - difference(0.02)) / 3
		set(t, v, center)
		if math.Abs(got-want) > 0.01*math.Abs(want)+0.02 {
			t.Errorf("%s: the gradient along a direction is %g, want %g", v.Path(), got, want)
		}
	}
}

func TestValidate(t *testing.T) {
	good := Config{Features: []int{4, 8}, Blocks: 1, Embedding: 8}
	for _, size := range []int{4, 32, 36} {
		if err := good.Validate(size); err != nil {
			t.Errorf("size %d: %v", size, err)
		}
	}
	for name, test := range map[string]struct {
		c    Config
		size int
		want string
	}{
		"no level": {Config{Blocks: 1, Embedding: 8}, 32, "at least one level"},
		"no block": {Config{Features: []int{4}, Embedding: 8}, 32, "one block"},
		"odd embedding": {Config{Features: []int{4}, Blocks: 1, Embedding: 7}, 32,
			"even embedding"},
		"no embedding":      {Config{Features: []int{4}, Blocks: 1}, 32, "even embedding"},
		"level of nothing":  {Config{Features: []int{4, 0}, Blocks: 1, Embedding: 8}, 32, "[4 0]"},
		"odd size":          {good, 34, "multiple of 4 pixels, got 34"},
		"size below a fold": {good, 2, "multiple of 4 pixels, got 2"},
		"size zero":         {good, 0, "multiple of 4 pixels, got 0"},
	} {
		if err := test.c.Validate(test.size); err == nil ||
			!strings.HasPrefix(err.Error(), "unet: ") || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v, want one with %q", name, err, test.want)
		}
	}
}

// All times of a schedule of 1000 are told apart.
func TestSinusoids(t *testing.T) {
	const T, width = 1000, 8
	times := make([]float32, T)
	for i := range times {
		times[i] = float32(i+1) / T
	}
	out, err := graph.CallOnce(devicetest.Device(t),
		func(t *graph.Node) *graph.Node { return sinusoids(t, width) }, times)
	if err != nil {
		t.Fatal(err)
	}
	values := tensors.MustCopyFlatData[float32](out)
	for i, time := range times {
		for j := range width / 2 {
			phase := float64(time) * math.Pow(1000, float64(j)/(width/2-1))
			for part, want := range []float64{math.Sin(phase), math.Cos(phase)} {
				if got := float64(values[i*width+part*width/2+j]); math.Abs(got-want) > 1e-3 {
					t.Fatalf("t = %g, frequency %d: %g, want %g", time, j, got, want)
				}
			}
		}
		for k := range i {
			distance := 0.0
			for j := range width {
				d := float64(values[i*width+j] - values[k*width+j])
				distance += d * d
			}
			if distance < 0.01 {
				t.Fatalf("times %g and %g look the same", time, times[k])
			}
		}
	}
}

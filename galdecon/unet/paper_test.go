package unet

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"galdecon/galdecon/internal/devicetest"
)

// TestPaperEvaluation compares with PyTorch in evaluation mode.
func TestPaperEvaluation(t *testing.T) {
	for _, f := range fixtures {
		t.Run(f.name, func(t *testing.T) {
			g := openGolden(t, f.weights)
			store := load(t, f.network, f.weights)
			before := store.NumVariables()
			exec, err := model.NewExec(devicetest.Device(t), store, f.network.graph)
			if err != nil {
				t.Fatal(err)
			}
			out, err := exec.Call1(g.inputs(t)...)
			if err != nil {
				t.Fatal(err)
			}
			d := deviation(flat(out), flat(g.images(t, "evaluation")))
			t.Logf("relative deviation %.1e", d)
			if d > 1e-5 {
				t.Errorf("the output deviates by %g of its largest value", d)
			}
			if store.NumVariables() != before {
				t.Errorf("Forward made %d variables that a state dict doesn't set",
					store.NumVariables()-before)
			}
		})
	}
}

// TestPaperHalfPrecision checks that in half precision the output is PyTorch's to two digits and
// the gradients to one, while the weights stay in float32.
func TestPaperHalfPrecision(t *testing.T) {
	f := fixtures[0]
	p := f.network
	p.HalfPrecision = true
	store, g := load(t, p, f.weights), openGolden(t, f.weights)
	check := func(what string, d, most float64) {
		t.Helper()
		t.Logf("%s: relative deviation %.1e", what, d)
		if d > most || d < 1e-5 {
			t.Errorf("%s deviates by %g of its largest value, want some, at most %g", what, d, most)
		}
	}
	exec, err := model.NewExec(devicetest.Device(t), store, p.graph)
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Call1(g.inputs(t)...)
	if err != nil {
		t.Fatal(err)
	}
	check("output", deviation(flat(out), flat(g.images(t, "evaluation"))), 0.03)

	names := trainable(store.RootScope())
	step, err := model.NewExec(devicetest.Device(t), store, p.trainStep)
	if err != nil {
		t.Fatal(err)
	}
	results, err := step.Call(append(g.inputs(t), g.images(t, "in.noise"))...)
	if err != nil {
		t.Fatal(err)
	}
	check("output in training", deviation(flat(results[0]), flat(g.images(t, "training"))), 0.03)
	var got, want []float32
	for i, name := range names {
		s := p.parameters()[slices.IndexFunc(p.parameters(),
			func(s parameter) bool { return s.name == name })]
		got, want = append(got, flat(results[2+i])...),
			append(want, transpose(g.values(t, "gradient."+name), s.view, s.order)...)
	}
	check("gradients", deviation(got, want), 0.1)
	for v := range store.IterVariables() {
		if v.DType() == dtypes.BFloat16 {
			t.Errorf("%s is in half precision", v.Path())
		}
	}
}

// TestPaperTraining compares a step of training with PyTorch: output, loss, running statistics,
// gradients, and what Adam makes of them.
func TestPaperTraining(t *testing.T) {
	for _, f := range fixtures {
		t.Run(f.name, func(t *testing.T) {
			g := openGolden(t, f.weights)
			store := load(t, f.network, f.weights)
			scope := store.RootScope()
			names := trainable(scope)
			before := map[string][]float32{}
			for _, name := range names {
				before[name] = flat(scope.GetVariable(name).MustValue())
			}
			exec, err := model.NewExec(devicetest.Device(t), store, f.network.trainStep)
			if err != nil {
				t.Fatal(err)
			}
			results, err := exec.Call(append(g.inputs(t), g.images(t, "in.noise"))...)
			if err != nil {
				t.Fatal(err)
			}
			check := func(what string, d float64) {
				t.Helper()
				t.Logf("%s: relative deviation %.1e", what, d)
				if !(d < 1e-5) {
					t.Errorf("%s deviates by %g of the largest value", what, d)
				}
			}
			check("output", deviation(flat(results[0]), flat(g.images(t, "training"))))
			check("loss", deviation(flat(results[1]), g.values(t, "loss")))

			gradients := map[string][]float32{}
			for i, name := range names {
				gradients[name] = flat(results[2+i])
			}
			// A bias before a batch normalization has no effect: its gradient is 0 but for
			// rounding, so that the scale is that of all.
			var scale, worst, worstOwn, worstRunning float64
			var steps, wrong int
			for _, s := range f.network.parameters() {
				if s.trained {
					for _, v := range g.values(t, "gradient."+s.name) {
						scale = max(scale, math.Abs(float64(v)))
					}
				}
			}
			for _, s := range f.network.parameters() {
				if !s.trained {
					worstRunning = max(worstRunning,
						deviation(flat(scope.GetVariable(s.name).MustValue()),
							g.values(t, "running."+s.name)))
					continue
				}
				want := transpose(g.values(t, "gradient."+s.name), s.view, s.order)
				var own float64
				for i, v := range want {
					own = max(own, math.Abs(float64(v)))
					worst = max(worst, math.Abs(float64(gradients[s.name][i]-v))/scale)
				}
				if own > 1e-6*scale {
					worstOwn = max(worstOwn, deviation(gradients[s.name], want))
				}
				// Adam's first step has the size of the learning rate and the gradient's sign,
				// where that isn't rounding.
				after, step := flat(scope.GetVariable(s.name).MustValue()),
					transpose(g.values(t, "step."+s.name), s.view, s.order)
				for i := range after {
					if math.Abs(float64(want[i])) < 1e-5*scale {
						continue
					}
					steps++
					got := float64(after[i]-before[s.name][i]) / rate
					if math.Abs(got-float64(step[i])) > 2e-3 {
						wrong++
					}
				}
			}
			check("gradient", worst)
			t.Logf("gradient, relative to its own tensor: %.1e", worstOwn)
			if !(worstOwn < 1e-4) {
				t.Errorf("a gradient deviates by %g of the largest in its tensor", worstOwn)
			}
			check("running statistics", worstRunning)
			if n := f.network.Weights(); wrong > 0 || steps < n/2 {
				t.Errorf("of %d weights, %d were compared and %d moved otherwise than by "+
					"PyTorch's Adam", n, steps, wrong)
			}
		})
	}
}

// TestPaperOneForAll checks that one PSF and time for all images is the same as one for each.
func TestPaperOneForAll(t *testing.T) {
	p := fixtures[0].network
	store := load(t, p, fixtures[0].weights)
	exec, err := model.NewExec(devicetest.Device(t), store,
		func(scope *model.Scope, image, psf, time *graph.Node) *graph.Node {
			one := p.Forward(scope, image, image, psf, time)
			psf, time = graph.BroadcastToDims(psf, 2, 5, 5), graph.BroadcastToDims(time, 2)
			return graph.ReduceAllMax(graph.Abs(graph.Sub(one,
				p.Forward(scope, image, image, psf, time))))
		})
	if err != nil {
		t.Fatal(err)
	}
	image := tensors.FromFlatDataAndDimensions(ramp(2*8*16), 2, 8, 16, 1)
	difference, err := exec.Call1(image, tensors.FromFlatDataAndDimensions(ramp(25), 1, 5, 5),
		[]float32{0.5})
	if err != nil {
		t.Fatal(err)
	}
	if d := tensors.ToScalar[float32](difference); !(d < 1e-5) {
		t.Errorf("they differ by %g", d)
	}
}

func ramp(n int) []float32 {
	values := make([]float32, n)
	for i := range values {
		values[i] = float32(i%7) / 7
	}
	return values
}

// TestPaperWeights counts the weights of the paper's own network as PyTorch does.
func TestPaperWeights(t *testing.T) {
	if n := (Paper{Channels: 3, Features: 128, PSFSize: 10}).Weights(); n != 20_656_483 {
		t.Errorf("the paper's network has %d weights, but 20,656,483 in PyTorch", n)
	}
}

// TestPaperInitial checks that fresh weights are in PyTorch's default ranges.
func TestPaperInitial(t *testing.T) {
	bounds := map[string]float64{
		"down3.conv2.0.weight": 1 / math.Sqrt(9*32), // 32 channels in
		"up1.grow.weight":      1 / math.Sqrt(4*16), // 16 channels out
		"up1.grow.bias":        1 / math.Sqrt(4*16),
		"time.0.fc2.weight":    1 / math.Sqrt(32),
		"psf.0.fc1.weight":     1 / math.Sqrt(16),
		"up0.1.weight":         1, // a normalization, 1 throughout
	}
	store := model.NewStore()
	if err := store.SetRNGStateFromSeed(1); err != nil {
		t.Fatal(err)
	}
	scope := store.RootScope()
	for _, s := range (Paper{Channels: 1, Features: 8, PSFSize: 2}).parameters() {
		bound, ok := bounds[s.name]
		if !ok {
			continue
		}
		delete(bounds, s.name)
		exec, err := model.NewExec(devicetest.Device(t), scope.Store(),
			func(_ *model.Scope, g *graph.Graph) *graph.Node {
				return s.initial(scope)(g, s.shape())
			})
		if err != nil {
			t.Fatal(err)
		}
		value, err := exec.Call1()
		if err != nil {
			t.Fatal(err)
		}
		values := flat(value)
		largest := max(float64(slices.Max(values)), -float64(slices.Min(values)))
		if largest > bound*1.0001 || largest < bound*0.8 {
			t.Errorf("%s reaches %g, but uniform within ±%g in PyTorch", s.name, largest, bound)
		}
	}
	if len(bounds) > 0 {
		t.Errorf("no parameters %v", bounds)
	}
}

// TestPaperErrors checks that an impossible network or input gives an error with both sides.
func TestPaperErrors(t *testing.T) {
	good := Paper{Channels: 1, Features: 8, PSFSize: 4}
	if err := good.Validate(16); err != nil {
		t.Error(err)
	}
	for _, c := range []struct {
		p    Paper
		size int
		want string
	}{
		{Paper{Channels: 0, Features: 8, PSFSize: 4}, 16, "one channel, got 0"},
		{Paper{Channels: 1, Features: 12, PSFSize: 4}, 16, "multiple of 8, got 12"},
		{Paper{Channels: 1, Features: 0, PSFSize: 4}, 16, "multiple of 8, got 0"},
		{Paper{Channels: 1, Features: 8, PSFSize: 1}, 16, "got 1×1"},
		{good, 20, "multiple of 8 pixels, got 20"},
		{good, 0, "multiple of 8 pixels, got 0"},
	} {
		if err := c.p.Validate(c.size); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v.Validate(%d) = %v, want %q", c.p, c.size, err, c.want)
		}
	}
	b := devicetest.Device(t)
	for _, c := range []struct {
		blurred, noisy, psf, time []int
		want                      string
	}{
		{[]int{2, 16, 12, 1}, []int{2, 16, 12, 1}, []int{2, 4, 4}, []int{2},
			"multiple of 8 pixels, got 12"},
		{[]int{2, 16, 16, 3}, []int{2, 16, 16, 3}, []int{2, 4, 4}, []int{2},
			"width, 1], got [2 16 16 3]"},
		{[]int{2, 16, 8, 1}, []int{2, 16, 16, 1}, []int{2, 4, 4}, []int{2},
			"got [2 16 16 1] and [2 16 8 1]"},
		{[]int{2, 16, 16, 1}, []int{2, 16, 16, 1}, []int{2, 5, 5}, []int{2},
			"PSFs [2, 4, 4], or one for all, got [2 5 5]"},
		{[]int{2, 16, 16, 1}, []int{2, 16, 16, 1}, []int{3, 4, 4}, []int{2},
			"PSFs [2, 4, 4], or one for all, got [3 4 4]"},
		{[]int{2, 16, 16, 1}, []int{2, 16, 16, 1}, []int{2, 4, 4}, []int{3},
			"times [2], or one for all, got [3]"},
		{[]int{2, 16, 16}, []int{2, 16, 16}, []int{2, 4, 4}, []int{2}, "got [2 16 16]"},
	} {
		exec, err := model.NewExec(b, model.NewStore(), good.graph)
		if err != nil {
			t.Fatal(err)
		}
		zeros := func(dims []int) *tensors.Tensor {
			return tensors.FromShape(shapes.Make(dtypes.Float32, dims...))
		}
		_, err = exec.Call(zeros(c.blurred), zeros(c.noisy), zeros(c.psf), zeros(c.time))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("inputs %v: error %v lacks %q", c, err, c.want)
		}
	}
}

// BenchmarkPaper times what a PyTorch peer does at the same size: 32×32 pixels, 3 channels, 32
// features, batch 8.
func BenchmarkPaper(b *testing.B) {
	p := Paper{Channels: 3, Features: 32, PSFSize: 10}
	// About the same number of pixels in each, as testdata/compare_torch.py has them.
	for _, c := range []struct{ size, batch int }{{32, 16}, {64, 4}, {128, 1}} {
		image := tensors.FromFlatDataAndDimensions(ramp(c.batch*c.size*c.size*p.Channels), c.batch,
			c.size, c.size, p.Channels)
		psf := make([]float32, c.batch*p.PSFSize*p.PSFSize)
		for i := range psf {
			psf[i] = 1 / float32(p.PSFSize*p.PSFSize)
		}
		in := []any{image, image, tensors.FromFlatDataAndDimensions(psf, c.batch, p.PSFSize,
			p.PSFSize), ramp(c.batch), image}
		for name, f := range map[string]func(scope *model.Scope, in []*graph.Node) []*graph.Node{
			"evaluation": func(scope *model.Scope, in []*graph.Node) []*graph.Node {
				return []*graph.Node{graph.ReduceAllSum(p.graph(scope, in))}
			},
			"train": func(scope *model.Scope, in []*graph.Node) []*graph.Node {
				return p.trainStep(scope, in)[1:2]
			},
		} {
			b.Run(fmt.Sprintf("%s/%dpx", name, c.size), func(b *testing.B) {
				store := model.NewStore()
				if err := store.SetRNGStateFromSeed(1); err != nil {
					b.Fatal(err)
				}
				exec, err := model.NewExec(devicetest.Device(b), store, f)
				if err != nil {
					b.Fatal(err)
				}
				step := func() {
					results, err := exec.Call(in...)
					if err != nil {
						b.Fatal(err)
					}
					if v := tensors.ToScalar[float32](results[0]); v != v {
						b.Fatal("the result is NaN")
					}
				}
				step() // compiles
				for b.Loop() {
					step()
				}
			})
		}
	}
}

package speed

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/support/exceptions"

	"galdecon/galdecon"
	"galdecon/galdecon/galaxy/synthetic"
	"galdecon/galdecon/internal/devicetest"
	"galdecon/galdecon/internal/micro"
)

// serve has TestMain measure for a test, instead of testing.
const serve = "measure"

func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == serve {
		if err := Serve(context.Background(), os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// options measure each row once in a round.
func options(t *testing.T, rounds int) Options {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return Options{Program: []string{program, serve}, Rounds: rounds, Devices: 1}
}

// TestMeasure checks which rows there are of models that are trained and used, that each has a
// value of each round, and that a model that can't be trained is missing, and nothing else.
func TestMeasure(t *testing.T) {
	o := options(t, 2)
	setup, err := Describe(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if setup.Device == "" || setup.Cores < 1 || setup.Devices != 1 || len(setup.Program) != 16 ||
		len(setup.Versions) < 1 || !strings.Contains(setup.Plugin, " bytes, PJRT's API v") {
		t.Errorf("the setup is %+v", setup)
	}
	good := Model{Name: "micro", Config: micro.Config(), Evaluations: []int{1, 3},
		Trainings: []int{2, 4}, Samples: []Draw{{1, 1, 0}, {2, 3, 0}}, First: true}
	good.Config.Fit.HoldOut = 0.1
	bad := good
	bad.Name, bad.Config.Fit.LearningRate = "bad", -1
	run, err := Measure(t.Context(), setup, []Model{bad, good}, o, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := run.Validate(); err != nil {
		t.Error(err)
	}
	var rows []string
	for _, r := range run.Rows {
		rows = append(rows, strings.TrimSpace(fmt.Sprintln(r.What, r.Batch)))
		if len(r.Values) != 2 || (r.What != Peak) != (r.Model == "micro" && r.Pixels == 16) {
			t.Errorf("row %+v", r)
		}
		median, _, _ := r.Median()
		if r.What.Unit() == "MB" && (median < 20 || median > 20000) {
			t.Errorf("%s takes %g MB", r.What, median)
		}
	}
	want := []string{"matrix product", "training step 2", "memory, training 2", "training step 4",
		"memory, training 4", "evaluation 1", "evaluation 3",
		"candidates 1×1", "candidates 2×3", "memory, sampling", "first candidate, compiling",
		"first candidate, programs kept"}
	if !reflect.DeepEqual(rows, want) {
		t.Errorf("the rows are %q,\nwant %q", rows, want)
	}
	missing := map[What]int{}
	for _, m := range run.Missing {
		missing[m.What]++
		if m.Model != "bad" || m.Pixels != 16 || m.Why == "" {
			t.Errorf("missing: %s", m)
		}
	}
	if !strings.Contains(run.Missing[0].Why, "learning rate") || !reflect.DeepEqual(missing,
		map[What]int{Training: 2, Evaluation: 1, Sampling: 1, FirstCompiled: 1, FirstKept: 1}) {
		t.Errorf("missing: %v", run.Missing)
	}
	each, err := operations(devicetest.Device(t), good.Config)
	if err != nil {
		t.Fatal(err)
	}
	for i, factor := range map[int]float64{1: 3 * 2, 3: 3 * 4, 5: 1, 6: 3, 7: 4, 8: 4} {
		if got, want := run.Rows[i].Operations, factor*each; got != want {
			t.Errorf("%s: %g operations, want %g", rows[i], got, want)
		}
	}
}

// TestDevices checks that a step is spread over devices, and that one which can't be is missing.
func TestDevices(t *testing.T) {
	o := options(t, 1)
	if o.Devices = 2; devicetest.Device(t).NumDevices() < o.Devices {
		t.Skip("there is one device only")
	}
	m := Model{Name: "micro", Config: micro.Config(), Evaluations: []int{1}, Trainings: []int{2, 3}}
	run, err := Measure(t.Context(), Setup{}, []Model{m}, o, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !(Row{What: Training, Model: "micro", Pixels: 16, Batch: "2"}).same(run.Rows[1]) {
		t.Errorf("the rows are %+v", run.Rows)
	}
	if len(run.Missing) != 1 || run.Missing[0].Batch != "3" ||
		!strings.Contains(run.Missing[0].Why, "on 2 device(s)") {
		t.Errorf("missing: %v", run.Missing)
	}
}

// TestMeasureRefuses checks what is no measurement.
func TestMeasureRefuses(t *testing.T) {
	for _, o := range []Options{{Devices: 1}, {Rounds: 1}, {Rounds: -1, Devices: 1}} {
		if _, err := Describe(t.Context(), o); err == nil {
			t.Errorf("%+v is described", o)
		}
		if _, err := Measure(t.Context(), Setup{}, nil, o, nil); err == nil {
			t.Errorf("%+v is measured", o)
		}
	}
	o := Options{Program: []string{"false"}, Rounds: 2, Devices: 1}
	if _, err := Describe(t.Context(), o); err == nil || !strings.Contains(err.Error(), "exit") {
		t.Errorf("a program that fails: %v", err)
	}
	if _, err := Measure(t.Context(), Setup{}, nil, o, nil); err == nil ||
		!strings.Contains(err.Error(), "nothing could be measured") {
		t.Errorf("a program that fails: %v", err)
	}
	stopped, stop := context.WithCancel(t.Context())
	stop()
	if _, err := Measure(stopped, Setup{}, nil, options(t, 1), nil); !errors.Is(err,
		context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
}

// TestServeRefuses checks what a process isn't asked.
func TestServeRefuses(t *testing.T) {
	for asked, part := range map[string]string{
		"":                                       "EOF",
		`{"kind": "describe", "colour": 3}`:      "colour",
		`{"kind": "guess"}`:                      `"guess"`,
		`{"kind": "sample", "folder": "none"}`:   "no model in none",
		`{"kind": "train", "folder": "none"}`:    "positive",
		`{"kind": "first", "folder": "none"}`:    "no model in none",
		`{"kind": "evaluate", "folder": "none"}`: "no model in none",
	} {
		var out bytes.Buffer
		err := Serve(t.Context(), strings.NewReader(asked), &out)
		if err == nil || !strings.Contains(err.Error(), part) || out.Len() > 0 {
			t.Errorf("%s: error %v, want one with %q; output %s", asked, err, part, out.String())
		}
	}
}

// TestExhausted checks that what doesn't fit into memory ends a list of batches, not the bench.
func TestExhausted(t *testing.T) {
	var r result
	oom := fmt.Errorf("run: %w", errors.New("RESOURCE_EXHAUSTED: Out of memory allocating 4 bytes"))
	for _, c := range []struct {
		err  error
		more bool
		want error
	}{{nil, true, nil}, {oom, false, nil}, {failure(3), false, failure(3)}} {
		if more, err := r.add("1", 2, 3, c.err); more != c.more || err != c.want {
			t.Errorf("%v: %v, %v", c.err, more, err)
		}
	}
	if len(r.Timed) != 1 || r.Timed[0] != (timed{"1", 2, 3}) || r.Exhausted == "" {
		t.Errorf("the result is %+v", r)
	}
}

// failure is an error that can be compared.
type failure int

func (e failure) Error() string { return fmt.Sprint(int(e)) }

// TestRepeat checks that there is a call beside the one that compiles, and that an error or the end
// of the context ends it.
func TestRepeat(t *testing.T) {
	calls := 0
	seconds, err := job{}.repeat(t.Context(), func() error {
		calls++
		return nil
	})
	if err != nil || calls != 2 || seconds < 0 {
		t.Errorf("%d calls of %g s, %v; want 2", calls, seconds, err)
	}
	for last := range 2 {
		calls = 0
		_, err := job{}.repeat(t.Context(), func() error {
			if calls++; calls > last {
				return failure(calls)
			}
			return nil
		})
		if err != failure(last+1) {
			t.Errorf("error %v after %d calls", err, calls)
		}
	}
	ctx, stop := context.WithCancel(t.Context())
	_, err = job{AtLeast: time.Hour}.repeat(ctx, func() error { stop(); return nil })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("at the end of the context: %v", err)
	}
}

// TestCount checks numbers of operations by hand.
func TestCount(t *testing.T) {
	device := devicetest.Device(t)
	float := func(dims ...int) shapes.Shape { return shapes.Make(dtypes.Float32, dims...) }
	for what, c := range map[string]struct {
		f    func(a, b *graph.Node) *graph.Node
		a, b shapes.Shape
		want float64
	}{
		"a sum": {graph.Add, float(3, 4), float(3, 4), 0},
		"a product": {func(a, b *graph.Node) *graph.Node { return graph.Dot(a, b).Product() },
			float(4, 6), float(6, 5), 2 * 4 * 6 * 5},
		"a product of vectors": {func(a, b *graph.Node) *graph.Node {
			return graph.Dot(a, b).Product()
		}, float(7), float(7), 2 * 7},
		"products of a batch": {func(a, b *graph.Node) *graph.Node {
			return graph.Einsum("bhik,bhkj->bhij", a, b)
		}, float(2, 3, 4, 5), float(2, 3, 5, 6), 2 * 2 * 3 * 4 * 5 * 6},
		"a product over three axes": {func(a, b *graph.Node) *graph.Node {
			return graph.Einsum("bhwi,hwio->bo", a, b)
		}, float(2, 3, 4, 5), float(3, 4, 5, 6), 2 * 2 * (3 * 4 * 5) * 6},
		"a convolution": {func(a, b *graph.Node) *graph.Node {
			return graph.Convolve(a, b).PadSame().Done()
		}, float(2, 8, 9, 3), float(3, 3, 3, 5), 2 * 2 * 8 * 9 * (3 * 3 * 3) * 5},
		"one of every other pixel": {func(a, b *graph.Node) *graph.Node {
			return graph.Convolve(a, b).Strides(2).Done()
		}, float(1, 9, 9, 2), float(3, 3, 2, 4), 2 * 4 * 4 * (3 * 3 * 2) * 4},
	} {
		g := graph.NewGraph(device, what)
		var got float64
		var err error
		if panicked := exceptions.TryCatch[error](func() {
			c.f(graph.Parameter(g, "a", c.a), graph.Parameter(g, "b", c.b))
			got, err = count(g)
		}); panicked != nil {
			t.Fatal(panicked)
		}
		if err != nil || got != c.want {
			t.Errorf("%s: %g operations, %v, want %g", what, got, err, c.want)
		}
		g.Finalize()
	}
}

// TestOperations checks the number of a network by hand.
func TestOperations(t *testing.T) {
	const k, embedding, features, side = 7, 4, 4, 8 // pixels of the PSF, …, of the folded image
	embed := k*k*9*8 + 8*k*k*embedding + embedding*embedding + embedding + embedding*embedding
	convolution := func(in, out int) int { return side * side * 9 * in * out }
	block := 2*convolution(features, features) + embedding*2*features
	want := 2 * (embed + convolution(4*3, features) + 2*block + convolution(features, 4))
	c := micro.Config()
	if c.Instrument.Size != k || c.Size != 2*side || c.Diffusion.Network.Embedding != embedding {
		t.Fatalf("the micro model is another: %+v", c)
	}
	got, err := operations(devicetest.Device(t), c)
	if err != nil || got != float64(want) {
		t.Errorf("%g operations, %v, want %d", got, err, want)
	}
}

// TestSurvey checks that a model with a survey is evaluated and sampled as others are.
func TestSurvey(t *testing.T) {
	c, dir := micro.Survey(), t.TempDir()
	galaxies, err := synthetic.Galaxies(c.SyntheticGalaxies(4, 1))
	if err != nil {
		t.Fatal(err)
	}
	if err := galdecon.Train(t.Context(), c, galaxies, dir, nil); err != nil {
		t.Fatal(err)
	}
	each, err := operations(devicetest.Device(t), c)
	if err != nil || each < 1e4 {
		t.Errorf("%g operations, %v", each, err)
	}
	j := job{Folder: dir, Evaluations: []int{2}, Samples: []Draw{{1, 1, 0}, {1, 1, 2}}}
	evaluated, err := j.evaluate(t.Context())
	if err != nil || len(evaluated.Timed) != 1 || evaluated.Timed[0].Operations != 2*each {
		t.Errorf("evaluated: %+v, %v", evaluated.Timed, err)
	}
	sampled, err := j.sample(t.Context())
	if err != nil || len(sampled.Timed) != 2 || sampled.Timed[1].Batch != "1×1×2" ||
		sampled.Timed[0].Operations != each*float64(c.Sampler.Steps) {
		t.Errorf("sampled: %+v, %v", sampled.Timed, err)
	}
	j.Size = 2 * c.Size // of images that it wasn't trained on
	evaluated, err = j.evaluate(t.Context())
	if err != nil || len(evaluated.Timed) != 1 || evaluated.Timed[0].Operations < 6*each {
		t.Errorf("evaluated on four times the pixels: %+v, %v, %g before", evaluated.Timed, err,
			2*each)
	}
	if _, err := j.sample(t.Context()); err != nil {
		t.Errorf("sampled on four times the pixels: %v", err)
	}
}

// TestModels checks that there is something to measure of each size, less when it has to be quick,
// and enough to fit how cost grows.
func TestModels(t *testing.T) {
	for _, cpu := range []bool{true, false} {
		all, err := Models(cpu, All)
		if err != nil {
			t.Fatal(err)
		}
		quick, err := Models(cpu, Quick)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(quick, all[:len(all)-1]) {
			t.Errorf("%d models, %d quickly", len(all), len(quick))
		}
		var names []string
		for _, m := range all {
			names = append(names, fmt.Sprint(m.Name, m.Config.Size))
			if n, err := operations(devicetest.Device(t), m.Config); err != nil || n < 1e6 {
				t.Errorf("%s: %g operations, %v", m.Name, n, err)
			}
			trained := m.Config.Survey == nil || m.Config.Size == 64
			if len(m.Evaluations) == 0 || (len(m.Trainings) > 0) != trained ||
				(m.Folder == "") != (m.Name == "paper") ||
				(len(m.Samples) == 0) != (cpu && m.Name == "paper") {
				t.Errorf("%+v", m)
			}
		}
		want := "tiny32 small64 galaxy64 galaxy32 galaxy128 paper128"
		if got := strings.Join(names, " "); got != want {
			t.Errorf("the models are %s, want %s", got, want)
		}
		models, err := Models(cpu, Growing)
		if err != nil {
			t.Fatal(err)
		}
		checkGrowing(t, models)
	}
}

// checkGrowing checks that all numbers are varied enough for a fit, by rows whose times are made
// up: each image takes a second for each pixel, and for each exposure.
func checkGrowing(t *testing.T, models []Model) {
	t.Helper()
	var run Run
	for _, m := range models {
		pixels := float64(m.Config.Size * m.Config.Size)
		for _, n := range m.Evaluations {
			run.Rows = append(run.Rows, Row{What: Evaluation, Model: m.Name, Pixels: m.Config.Size,
				Batch: fmt.Sprint(n), Values: []float64{1e3 * float64(n) * pixels}})
		}
		for _, d := range m.Samples {
			run.Rows = append(run.Rows, Row{What: Sampling, Model: m.Name, Pixels: m.Config.Size,
				Batch: d.String(), Values: []float64{1 / (pixels * float64(max(d.Exposures, 1)))}})
		}
	}
	var with []string
	for _, g := range run.Growth() {
		with = append(with, fmt.Sprint(g.What, " ", g.With))
		if math.Abs(g.Exponent-1) > 1e-9 || g.Error > 1e-6 {
			t.Errorf("%+v, want a power of 1", g)
		}
	}
	want := []string{"evaluation pixels", "candidates pixels", "candidates observations",
		"candidates candidates", "candidates exposures"}
	slices.Sort(with)
	slices.Sort(want)
	if !slices.Equal(with, want) {
		t.Errorf("fitted are %q, want %q", with, want)
	}
}

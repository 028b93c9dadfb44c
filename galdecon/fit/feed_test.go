package fit

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/dataset"
	"github.com/gomlx/gomlx/ml/layers"
	"github.com/gomlx/gomlx/ml/layers/activation"
	"github.com/gomlx/gomlx/ml/model"

	"galdecon/galdecon/backend"
	"galdecon/galdecon/galaxy"
)

// The batches are the galaxies of the order, copied.
func TestFeedFollowsTheOrder(t *testing.T) {
	images := galaxy.NewImages(7, 2, 2, 3)
	for i := range images.Pixels {
		images.Pixels[i] = float32(i)
	}
	f := &feed{c: Config{Steps: 9, Batch: 4, Accumulate: 2, Seed: 1}, images: images,
		training: []int{0, 2, 3, 5, 6}, from: 2}
	var got, want [][]int
	for part := range f.order() {
		want = append(want, part)
	}
	for batch, err := range dataset.Buffer(f).Iter() {
		if err != nil {
			t.Fatal(err)
		}
		stacked, err := galaxy.FromTensor(batch.Inputs[0])
		if err != nil {
			t.Fatal(err)
		}
		var part []int
		for i := range stacked.N {
			first := int(stacked.At(i)[0])
			part = append(part, first/12)
			for k, v := range stacked.At(i) {
				if int(v) != first+k {
					t.Fatalf("pixel %d of a galaxy that begins with %d is %g", k, first, v)
				}
			}
		}
		got = append(got, part)
	}
	if len(got) != 14 || len(got) != len(want) {
		t.Fatalf("%d parts, the order has %d, want 14", len(got), len(want))
	}
	for i := range got {
		for k := range got[i] {
			if got[i][k] != want[i][k] {
				t.Errorf("part %d is %v, want %v", i, got[i], want[i])
			}
		}
	}
}

// BenchmarkFeed times a step of a small network on batches that are fed from the host, and on one
// that stays on the device: the ratio of the medians is what the feeding costs.
func BenchmarkFeed(b *testing.B) {
	device, err := backend.Default()
	if err != nil {
		b.Fatal(err)
	}
	images := galaxy.NewImages(2000, 64, 64, 1)
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range images.Pixels {
		images.Pixels[i] = rng.Float32()
	}
	objective := func(scope *model.Scope, y *graph.Node) *graph.Node {
		x := y
		for i := range 3 {
			x = activation.Swish(layers.Convolution(scope.In("%d", i),
				x).Channels(8).KernelSize(3).PadSame().Done())
		}
		return graph.ReduceAllMean(graph.Square(graph.Sub(graph.ReduceSum(x, -1),
			graph.Squeeze(y, -1))))
	}
	t, err := NewTrainer(Problem{Device: device, Images: images, Objective: objective},
		Config{Steps: 1 << 30, Batch: 16, LearningRate: 1e-3, Seed: 1})
	if err != nil {
		b.Fatal(err)
	}
	defer t.Close()
	if err := t.compile(); err != nil {
		b.Fatal(err)
	}
	if err := t.restore(model.NewStore(), ""); err != nil {
		b.Fatal(err)
	}
	resident := stack(images, t.training[:t.config.part()])
	state := t.random(stepStream, 0)
	defer resident.FinalizeAll()
	defer state.FinalizeAll()
	var stays, comes []float64
	// In turns, so that whatever else the machine does falls on both.
	for batch := range dataset.Buffer(&feed{c: t.config, images: images,
		training: t.training}).Iter() {
		if !b.Loop() {
			break
		}
		start := time.Now()
		if _, err := t.step.Call(resident, state); err != nil {
			b.Fatal(err)
		}
		middle := time.Now()
		if _, err := t.call(t.step, batch.Inputs[0], t.random(stepStream, 0)); err != nil {
			b.Fatal(err)
		}
		stays, comes = append(stays, middle.Sub(start).Seconds()),
			append(comes, time.Since(middle).Seconds())
	}
	slices.Sort(stays)
	slices.Sort(comes)
	n := len(stays) / 2
	b.ReportMetric(stays[n]*1e3, "resident-ms")
	b.ReportMetric(comes[n]*1e3, "fed-ms")
	b.ReportMetric(comes[n]/stays[n], "ratio")
}

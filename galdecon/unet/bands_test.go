package unet_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"galdecon/galdecon/internal/devicetest"
	"galdecon/galdecon/unet"
)

const bandSide = 8

// bandNet holds networks with the same weights.
type bandNet struct {
	config unet.Config
	store  *model.Store
}

// forward returns what the network makes of images, [galaxies × bands, side, side, 1], with shares
// [galaxies, bands, bands] of their exchange; nil is none.
func (n bandNet) forward(t *testing.T, images []float32, shares [][][]float32) []float32 {
	t.Helper()
	count := len(images) / bandSide / bandSide
	condition := make([]float32, count*n.config.Embedding)
	for i := range condition { // an image's own
		condition[i] = images[i/n.config.Embedding*bandSide*bandSide+i%n.config.Embedding]
	}
	device := devicetest.Device(t)
	exec, err := model.NewExec(device, n.store, func(scope *model.Scope, in []*graph.Node,
	) *graph.Node {
		base, again := scope.Store().Scope("/base"), scope.Store().Scope("/exchange")
		if shares == nil {
			return n.config.Forward(base, in[0], in[1], 1)
		}
		return n.config.ForwardBands(base, in[0], in[1], 1, &unet.Exchange{Scope: again,
			Shares: graph.Const(in[0].Graph(), shares)})
	})
	if err != nil {
		t.Fatal(err)
	}
	defer exec.Finalize()
	out, err := exec.Call(tensors.FromFlatDataAndDimensions(images, count, bandSide, bandSide, 1),
		tensors.FromFlatDataAndDimensions(condition, count, n.config.Embedding))
	if err != nil {
		t.Fatal(err)
	}
	values, err := tensors.CopyFlatData[float32](out[0])
	if err != nil {
		t.Fatal(err)
	}
	return values
}

// fill sets all weights of a scope that are 0 or not as said to random ones.
func (n bandNet) fill(t *testing.T, scope string, r *rand.Rand) {
	t.Helper()
	for v := range n.store.Scope(scope).IterVariables() {
		values := make([]float32, v.Shape().Size())
		for i := range values {
			values[i] = float32(0.5 * r.NormFloat64())
		}
		err := v.SetValue(tensors.FromFlatDataAndDimensions(values, v.Shape().Dimensions...))
		if err != nil {
			t.Fatal(err)
		}
	}
}

func equal(bands int) [][]float32 {
	rows := make([][]float32, bands)
	for i := range rows {
		rows[i] = make([]float32, bands)
		for k := range rows[i] {
			if k != i {
				rows[i][k] = 1 / float32(bands-1)
			}
		}
	}
	return rows
}

// An exchange starts as none; then bands hear of each other, whatever their order and number, and a
// band that hears of no other stays as it is to the bit.
func TestExchange(t *testing.T) {
	n := bandNet{unet.Config{Features: []int{6, 5}, Blocks: 1, Embedding: 4}, model.NewStore()}
	r := rand.New(rand.NewPCG(1, 2))
	image := func() []float32 {
		pixels := make([]float32, bandSide*bandSide)
		for i := range pixels {
			pixels[i] = float32(r.NormFloat64())
		}
		return pixels
	}
	a, b, c := image(), image(), image()
	three := [][][]float32{equal(3)}
	n.forward(t, slices.Concat(a, b, c), three) // makes the weights
	n.fill(t, "/base", r)
	alone := n.forward(t, slices.Concat(a, b, c), nil)
	if got := n.forward(t, slices.Concat(a, b, c), three); !slices.Equal(got, alone) {
		t.Error("an exchange that isn't trained changes what a network says")
	}
	n.fill(t, "/exchange", r)
	abc := n.forward(t, slices.Concat(a, b, c), three)
	plane := bandSide * bandSide
	for band := range 3 {
		if d := distance(abc[band*plane:][:plane], alone[band*plane:][:plane]); d < 0.01 {
			t.Errorf("band %d hears of no other: %g", band, d)
		}
	}
	cab := n.forward(t, slices.Concat(c, a, b), three)
	if d := distance(slices.Concat(cab[plane:], cab[:plane]), abc); d > 1e-4 {
		t.Errorf("in another order the bands differ by %g", d)
	}
	// Two galaxies in six bands together don't hear of each other, nor do groups within a galaxy.
	first, second := make([][]float32, 3), make([][]float32, 3)
	for i := range 3 {
		first[i], second[i] = equal(3)[i], make([]float32, 3)
	}
	second[0][1], second[1][0] = 1, 1
	both := n.forward(t, slices.Concat(a, b, c, a, b, c), [][][]float32{first, second})
	if d := distance(both[:3*plane], abc); d > 1e-4 {
		t.Errorf("beside another galaxy the bands differ by %g", d)
	}
	if !slices.Equal(both[5*plane:], alone[2*plane:]) {
		t.Error("a band that hears of no other isn't what it is alone")
	}
	pair := n.forward(t, slices.Concat(a, b), [][][]float32{equal(2)})
	if d := distance(pair, both[3*plane:5*plane]); d > 1e-4 {
		t.Errorf("two bands of three that hear of each other differ from two by %g", d)
	}
}

// distance returns the largest difference.
func distance(a, b []float32) float64 {
	largest := 0.0
	for i, v := range a {
		largest = max(largest, math.Abs(float64(v-b[i])))
	}
	return largest
}

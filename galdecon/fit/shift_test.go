package fit

import (
	"math"
	"testing"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"galdecon/galdecon/backend"
)

// A Gaussian blob is moved as a whole, by up to the limit in either direction, its channels
// together.
func TestShift(t *testing.T) {
	device, err := backend.Default()
	if err != nil {
		t.Fatal(err)
	}
	const n, h, w, c, sigma, limit = 200, 20, 24, 2, 2.0, 0.5
	pixels := make([]float32, n*h*w*c)
	at := func(row, col float64) float64 {
		return math.Exp(-(row*row + col*col) / (2 * sigma * sigma))
	}
	for p := range pixels {
		pixels[p] = float32(at(float64(p/(w*c)%h-10), float64(p/c%w-12)) * float64(1+p%c))
	}
	store := model.NewStore()
	if err := store.SetRNGStateFromSeed(1); err != nil {
		t.Fatal(err)
	}
	out, err := model.CallOnce(device, store, func(_ *model.Scope, y *graph.Node) *graph.Node {
		return shift(store, y, limit)
	},
		tensors.FromFlatDataAndDimensions(pixels, n, h, w, c))
	if err != nil {
		t.Fatal(err)
	}
	moved := tensors.MustCopyFlatData[float32](out)
	most, rows, cols := 0.0, 0.0, 0.0
	for i := range n {
		var sum, row, col float64
		for p := i * h * w * c; p < (i+1)*h*w*c; p += c {
			v := float64(moved[p])
			sum, row, col = sum+v, row+v*float64(p/(w*c)%h-10), col+v*float64(p/c%w-12)
		}
		row, col = row/sum, col/sum
		most, rows, cols = max(most, math.Abs(row), math.Abs(col)), rows+row/n, cols+col/n
		for p := i * h * w * c; p < (i+1)*h*w*c; p++ {
			want := at(float64(p/(w*c)%h-10)-row, float64(p/c%w-12)-col) * float64(1+p%c)
			if math.Abs(float64(moved[p])-want) > 2e-3 {
				t.Fatalf("galaxy %d, shifted by (%.2f, %.2f): value %d is %g, want %g", i, row, col,
					p, moved[p], want)
			}
		}
	}
	if most > limit || most < 0.9*limit || math.Abs(rows) > 4*limit/math.Sqrt(3*n) ||
		math.Abs(cols) > 4*limit/math.Sqrt(3*n) {
		t.Errorf("the largest shift is %g, the mean (%g, %g): want up to %g, around 0", most, rows,
			cols, limit)
	}
}

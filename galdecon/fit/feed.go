package fit

import (
	"iter"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/ml/train"

	"galdecon/galdecon/galaxy"
)

// maxHeldOut bounds the galaxies that are held out: more would hardly make their mean loss more
// certain.
const maxHeldOut = 256

// heldOut returns how many of n galaxies are held out, in whole parts.
func (c Config) heldOut(n int) int {
	if c.HoldOut == 0 {
		return 0
	}
	parts := int(math.Round(c.HoldOut * float64(n) / float64(c.part())))
	return max(1, min(parts, maxHeldOut/c.part())) * c.part()
}

// Streams of random numbers of the seed, beside the epochs, which count from 0: each step and each
// part of a validation has its own, so that they depend on nothing that came before, and one draws
// the galaxies that are held out.
const (
	stepStream       = 1 << 62
	validationStream = 2 << 62
	holdOutStream    = 3 << 62
)

// randomPath is GoMLX's variable of the state of random numbers.
const randomPath = "/" + model.RNGStateVariableName

// split draws the held-out galaxies; both lists are sorted.
func (c Config) split(n int) (training, held []int) {
	order := rand.New(rand.NewPCG(uint64(c.Seed), holdOutStream)).Perm(n)
	k := c.heldOut(n)
	slices.Sort(order[:k])
	slices.Sort(order[k:])
	return order[k:], order[:k]
}

// feed yields the parts of each step's batch: every epoch is a permutation drawn from the seed and
// its number, so that the order depends on the step alone and a resumed training sees what it would
// have seen. Galaxies are copied a batch at a time, so that a set that is mapped from a file
// needn't fit into memory, or a device's.
type feed struct {
	c      Config
	images *galaxy.Images
	// training are the indices of the images that are drawn from.
	training []int
	// from is the number of steps made before.
	from int
}

func (f *feed) Name() string { return "galaxies" }

func (f *feed) Iter() iter.Seq2[train.Batch, error] {
	return func(yield func(train.Batch, error) bool) {
		for part := range f.order() {
			if !yield(train.Batch{Inputs: []*tensors.Tensor{stack(f.images, part)}}, nil) {
				return
			}
		}
	}
}

// order yields the indices of the images in each part of each step.
func (f *feed) order() iter.Seq[[]int] {
	return func(yield func([]int) bool) {
		perEpoch := len(f.training) / f.c.Batch
		var permutation []int
		for step := f.from; step < f.c.Steps; step++ {
			epoch, batch := step/perEpoch, step%perEpoch
			if permutation == nil || batch == 0 {
				permutation = rand.New(rand.NewPCG(uint64(f.c.Seed),
					uint64(epoch))).Perm(len(f.training))
				for i, k := range permutation {
					permutation[i] = f.training[k]
				}
			}
			for part := range slices.Chunk(permutation[batch*f.c.Batch:][:f.c.Batch], f.c.part()) {
				if !yield(part) {
					return
				}
			}
		}
	}
}

// stack copies images with the given indices to a tensor [n, height, width, channels].
func stack(images *galaxy.Images, indices []int) *tensors.Tensor {
	t := tensors.FromShape(shapes.Make(dtypes.Float32, len(indices), images.Height, images.Width,
		images.Channels))
	tensors.MustMutableFlatData(t, func(flat []float32) {
		for _, i := range indices {
			flat = flat[copy(flat, images.At(i)):]
		}
	})
	return t
}

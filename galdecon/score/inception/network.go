package inception

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/internal/executor"
)

// Network computes features, with the weights that it was made with by [Load] or [Random].
type Network struct {
	// Official is true with the official weights. Without, every number made from the features is
	// to say that it can't be compared with the paper's, as String does.
	Official bool
	name     string

	resize, forward *graph.Exec
	weights         []any
}

// Random returns a network with random weights. Equal seeds give equal weights.
func Random(device compute.Backend, seed int64) (*Network, error) {
	n, err := newNetwork(device, random(seed))
	if err != nil {
		return nil, err
	}
	n.name = fmt.Sprintf("InceptionV3 with random weights (seed %d): random features, not "+
		"comparable with the paper", seed)
	return n, nil
}

// Load returns the network with the official weights, from a file as [Fetch] leaves it. A file of
// another size or SHA-256 is an error.
func Load(device compute.Backend, path string) (*Network, error) {
	if err := official.check(path); err != nil {
		return nil, err
	}
	s, err := stored(path)
	if err != nil {
		return nil, err
	}
	n, err := newNetwork(device, s)
	if err != nil {
		return nil, err
	}
	n.Official, n.name = true, "InceptionV3 of FID ("+FileName+")"
	return n, nil
}

func newNetwork(device compute.Backend, s state) (*Network, error) {
	values, err := weights(s)
	if err != nil {
		return nil, err
	}
	n := &Network{}
	for _, v := range values {
		n.weights = append(n.weights, v)
	}
	// The network compiles for seconds, so it is apart from what depends on the images' size.
	if n.resize, err = executor.New(device, resize); err == nil {
		n.forward, err = graph.NewExec(device, func(in []*graph.Node) *graph.Node {
			return forward(in[0], in[1:])
		})
	}
	if err != nil {
		return nil, fmt.Errorf("inception: cannot prepare the network: %w", err)
	}
	return n, nil
}

// String says which network it is, and of random weights that the features are not comparable with
// the paper's.
func (n *Network) String() string { return n.name }

// batch is the number of images that pass through the network at once, which bounds the memory. The
// rest of a division by it passes one by one, so that the network is compiled for two sizes only.
const batch = 8

// Features yields the pool3 features of images in [0, 1] with 1 or 3 channels, one vector of length
// [Size] per image, in their order, none of them negative. No more than a batch is held, so that of
// many images a sum such as [galdecon/galdecon/score.Variance] takes no memory. Images of any size
// are resized; those that aren't valid ([galaxy.Images.Validate]), or have another number of
// channels, are an error, and so is an end of ctx. An error is the last that it yields.
func (n *Network) Features(ctx context.Context, images *galaxy.Images) iter.Seq2[[]float64, error] {
	return func(yield func([]float64, error) bool) {
		if err := takes(images); err != nil {
			yield(nil, err)
			return
		}
		each := len(images.At(0))
		for first := 0; first < images.N; {
			if err := ctx.Err(); err != nil {
				yield(nil, fmt.Errorf("inception: stopped after %d of %d images: %w", first,
					images.N, err))
				return
			}
			size := batch
			if images.N-first < batch {
				size = 1
			}
			pixels := images.Pixels[first*each : (first+size)*each]
			values, err := n.chunk(tensors.FromFlatDataAndDimensions(pixels, size, images.Height,
				images.Width, images.Channels))
			if err != nil {
				yield(nil, fmt.Errorf("inception: images %d to %d of %d: %w", first, first+size-1,
					images.N, err))
				return
			}
			for image := range slices.Chunk(values, Size) {
				vector := make([]float64, Size)
				for j, v := range image {
					vector[j] = float64(v)
				}
				if !yield(vector, nil) {
					return
				}
			}
			first += size
		}
	}
}

// takes returns an error if images have no features.
func takes(images *galaxy.Images) error {
	if err := images.Validate(); err != nil {
		return fmt.Errorf("inception: %w", err)
	}
	if c := images.Channels; c != 1 && c != 3 {
		return fmt.Errorf("inception: features are those of gray or RGB images, with 1 or 3 "+
			"channels, not %d; take their mean (galaxy.Images.Gray) or choose 3", c)
	}
	return nil
}

// chunk does resize and forward: images [size, height, width, channels] → features, flat. It frees
// its tensors.
func (n *Network) chunk(images *tensors.Tensor) (features []float32, err error) {
	held := []*tensors.Tensor{images}
	defer func() { err = errors.Join(err, executor.Free(held...)) }()
	resized, err := n.resize.Call1(images)
	if err != nil {
		return nil, err
	}
	held = append(held, resized)
	pooled, err := n.forward.Call1(append([]any{resized}, n.weights...)...)
	if err != nil {
		return nil, err
	}
	held = append(held, pooled)
	return tensors.CopyFlatData[float32](pooled)
}

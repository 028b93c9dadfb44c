package inception

import (
	"errors"
	"fmt"
	"hash/fnv"
	"math"
	"slices"
	"strings"

	"github.com/gomlx/gomlx/core/tensors"
	"github.com/nlpodyssey/gopickle/pytorch"
)

// A state is where weights come from: it returns a tensor of torch's state dict by name, row-major;
// a kernel has the shape [out, in, height, width], all else [out]. It is an error if there is none
// of that name and shape.
type state func(name string, shape ...int) ([]float32, error)

// weights makes the inputs of forward: for each convolution its kernel and its bias. A batch
// normalization with fixed statistics, (x - mean)/sqrt(variance + ε)·weight + bias, is linear, so
// it becomes part of the convolution before it.
func weights(s state) ([]*tensors.Tensor, error) {
	var out []*tensors.Tensor
	var failed error
	eachConv(func(c conv, in int) {
		var read [5][]float32
		for i, name := range []string{".conv.weight", ".bn.weight", ".bn.bias", ".bn.running_mean",
			".bn.running_var"} {
			shape := []int{c.out}
			if i == 0 {
				shape = []int{c.out, in, c.height, c.width}
			}
			values, err := s(c.name+name, shape...)
			if err != nil {
				failed = errors.Join(failed, err)
				return
			}
			read[i] = values
		}
		weight, gamma, beta, mean, variance := read[0], read[1], read[2], read[3], read[4]
		kernel, bias := make([]float32, len(weight)), make([]float32, c.out)
		area := c.height * c.width
		for o := range c.out {
			scale := float64(gamma[o]) / math.Sqrt(float64(variance[o])+bnEpsilon)
			bias[o] = float32(float64(beta[o]) - scale*float64(mean[o]))
			for i := range in {
				for k := range area {
					kernel[(k*in+i)*c.out+o] = float32(scale * float64(weight[(o*in+i)*area+k]))
				}
			}
		}
		out = append(out, tensors.FromFlatDataAndDimensions(kernel, c.height, c.width, in, c.out),
			tensors.FromFlatDataAndDimensions(bias, c.out))
	})
	return out, failed
}

// random returns a state of random weights that keep the scale of the features (He et al. 2015),
// with batch normalizations that do something. testdata/golden.py makes the same ones for
// pytorch-fid.
func random(seed int64) state {
	return func(name string, shape ...int) ([]float32, error) {
		n, fanIn := 1, 1
		for i, d := range shape {
			n *= d
			if i > 0 {
				fanIn *= d
			}
		}
		values := uniform(seed, name, n)
		bound := math.Sqrt(6 / float64(fanIn))
		low, width := -bound, 2*bound
		switch {
		case strings.HasSuffix(name, ".bn.weight") || strings.HasSuffix(name, ".running_var"):
			low, width = 0.75, 0.5
		case strings.HasSuffix(name, ".bn.bias") || strings.HasSuffix(name, ".running_mean"):
			low, width = -0.25, 0.5
		}
		for i, u := range values {
			values[i] = float32(low + width*float64(u))
		}
		return values, nil
	}
}

// uniform returns n numbers in [0, 1), the upper 24 bits of SplitMix64 (Steele et al. 2014), whose
// initial state is the 64-bit FNV-1a hash of "seed/name": a sequence that is easy to repeat in any
// language, unlike that of a library.
func uniform(seed int64, name string, n int) []float32 {
	h := fnv.New64a()
	fmt.Fprintf(h, "%d/%s", seed, name)
	state := h.Sum64()
	out := make([]float32, n)
	for i := range out {
		state += 0x9e3779b97f4a7c15
		z := state
		z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		z ^= z >> 31
		out[i] = float32(z>>40) / (1 << 24)
	}
	return out
}

// stored returns the state in a file that torch.save wrote, of either format: the one of before
// version 1.6, and the zip.
func stored(path string) (state, error) {
	value, err := pytorch.Load(path)
	if err != nil {
		return nil, fmt.Errorf("inception: cannot read %s: %w", path, err)
	}
	// an OrderedDict or a Dict of gopickle
	dict, ok := value.(interface{ Get(key any) (any, bool) })
	if !ok {
		return nil, fmt.Errorf("inception: %s holds a %T, not a state dict", path, value)
	}
	return func(name string, shape ...int) ([]float32, error) {
		value, _ := dict.Get(name)
		tensor, ok := value.(*pytorch.Tensor)
		if !ok {
			return nil, fmt.Errorf("inception: %s has no tensor %s", path, name)
		}
		n := 1
		stride := make([]int, len(shape))
		for i, d := range slices.Backward(shape) {
			stride[i] = n
			n *= d
		}
		storage, ok := tensor.Source.(*pytorch.FloatStorage)
		if !ok || !slices.Equal(tensor.Size, shape) || !slices.Equal(tensor.Stride, stride) ||
			tensor.StorageOffset+n > len(storage.Data) {
			return nil, fmt.Errorf("inception: in %s, %s has the shape %v and the strides %v of "+
				"%T; expected contiguous float32 %v",
				path, name, tensor.Size, tensor.Stride, tensor.Source, shape)
		}
		return storage.Data[tensor.StorageOffset:][:n], nil
	}, nil
}

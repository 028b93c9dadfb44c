package galdecon

import (
	"iter"
	"strings"

	"github.com/gomlx/compute"
)

// chunkSize is how many candidates are drawn at a time: measured with the preset tiny on a CPU, a candidate takes as long in any
// chunk of 4 to 64, and half as long again alone. On other devices larger chunks pay.
const chunkSize = 8

// largestChunk bounds memory, and is enough to keep a device busy, with images of size×size pixels.
func largestChunk(device compute.Backend, size int) int {
	if strings.Contains(strings.ToLower(device.DeviceDescription(0)), "cpu") {
		return chunkSize
	}
	return gpuChunk(size)
}

// gpuChunk is a multiple of chunkSize: 64 images of 64×64 pixels, or fewer larger ones that take about as much memory.
func gpuChunk(size int) int {
	return chunkSize * min(max(8*64*64/(size*size), 1), 8)
}

// chunks are the sizes of the chunks for a number of candidates, each one of largest, chunkSize and 1. The last is filled up with
// repetitions where that is no more than a sixth of the work; else the rest is drawn one by one.
func chunks(total, largest int) iter.Seq[int] {
	return func(yield func(int) bool) {
		left := total
		for _, size := range []int{largest, chunkSize} {
			for ; left >= size; left -= size {
				if !yield(size) {
					return
				}
			}
		}
		if empty := chunkSize - left; left > 0 && 6*empty <= total+empty {
			yield(chunkSize)
			return
		}
		for range left {
			if !yield(1) {
				return
			}
		}
	}
}

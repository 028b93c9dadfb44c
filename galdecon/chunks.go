package galdecon

import (
	"strings"

	"github.com/gomlx/compute"
)

// chunkSize is how many candidates are drawn at a time: measured with the preset tiny on a CPU, a
// candidate takes as long in any chunk of 4 to 64, and half as long again alone. On other devices
// larger chunks pay.
const chunkSize = 8

// largestChunk bounds memory, and is enough to keep a device busy, with images of size×size pixels.
func largestChunk(device compute.Backend, size int) int {
	if strings.Contains(strings.ToLower(device.DeviceDescription(0)), "cpu") {
		return chunkSize
	}
	return gpuChunk(size)
}

// gpuChunk returns a multiple of chunkSize: 64 images of 64×64 pixels, or fewer larger ones that
// take about as much memory.
func gpuChunk(size int) int {
	return chunkSize * min(max(8*64*64/(size*size), 1), 8)
}

// nextChunk returns how many candidates to draw next where so many are left of a total: largest,
// chunkSize or 1. The last chunk is filled up with repetitions where that is no more than a sixth
// of the work; else the rest is drawn one by one.
func nextChunk(left, total, largest int) int {
	switch empty := chunkSize - left; {
	case left >= largest:
		return largest
	case left >= chunkSize, 6*empty <= total+empty:
		return chunkSize
	}
	return 1
}

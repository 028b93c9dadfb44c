package galdecon

import (
	"slices"
	"testing"
)

// chunks are the sizes in which a total is drawn.
func chunks(total, largest int) (sizes []int) {
	for left := total; left > 0; {
		size := nextChunk(left, total, largest)
		sizes = append(sizes, size)
		left -= size
	}
	return sizes
}

// Few sizes serve all numbers of candidates, with no more than a sixth of the work for nothing.
func TestChunks(t *testing.T) {
	for total, want := range map[int][]int{1: {1}, 7: {8}, 8: {8}, 10: {8, 1, 1}, 16: {8, 8},
		20: {8, 8, 8}} {
		if got := chunks(total, chunkSize); !slices.Equal(got, want) {
			t.Errorf("%d candidates are drawn as %v, want %v", total, got, want)
		}
	}
	if got, want := chunks(140, 64), []int{64, 64, 8, 8}; !slices.Equal(got, want) {
		t.Errorf("140 candidates are drawn as %v, want %v", got, want)
	}
	for _, largest := range []int{chunkSize, gpuChunk(128), gpuChunk(96), gpuChunk(64)} {
		for total := 1; total <= 300; total++ {
			made := 0
			for _, size := range chunks(total, largest) {
				if size != 1 && size != chunkSize && size != largest {
					t.Errorf("%d candidates: a chunk of %d", total, size)
				}
				made += size
			}
			if made < total || 6*(made-total) > made {
				t.Errorf("%d candidates: %d are drawn", total, made)
			}
		}
	}
}

// A chunk on a GPU has at most the pixels of 64 images of 64×64, where it isn't the least.
func TestGPUChunk(t *testing.T) {
	for size, want := range map[int]int{16: 64, 64: 64, 72: 48, 96: 24, 128: 16, 180: chunkSize,
		256: chunkSize, 1024: chunkSize} {
		if got := gpuChunk(size); got != want {
			t.Errorf("images of %d×%d pixels are drawn %d at a time, want %d", size, size, got,
				want)
		}
	}
}

package inception

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestStored reads what golden.py saved with torch in both of its formats.
func TestStored(t *testing.T) {
	for _, file := range []string{"testdata/legacy.pth", "testdata/zip.pth"} {
		s, err := stored(file)
		if err != nil {
			t.Fatal(err)
		}
		want, _ := random(1)("Conv2d_1a_3x3.bn.weight", 32)
		if got, err := s("bn.weight", 32); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: bn.weight is %v, %v; want %v", file, got, err, want)
		}
		if got, err := s("rows", 2, 3); err != nil || !slices.Equal(got,
			[]float32{3, 4, 5, 6, 7, 8}) {
			t.Errorf("%s: rows are %v, %v", file, got, err)
		}
		for _, c := range []struct {
			name, want string
			shape      []int
		}{
			{"rows", "expected contiguous float32 [3 2]", []int{3, 2}},
			{"columns", "expected contiguous", []int{3, 2}},
			{"bn.num_batches_tracked", "LongStorage", nil},
			{"elsewhere", "has no tensor elsewhere", []int{1}},
		} {
			if _, err := s(c.name, c.shape...); err == nil ||
				!strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: %s %v: got error %v, want one with %q", file, c.name, c.shape, err,
					c.want)
			}
		}
		if _, err := weights(s); err == nil || !strings.Contains(err.Error(),
			"has no tensor Conv2d_1a_3x3.conv.weight") {
			t.Errorf("%s: incomplete weights give the error %v", file, err)
		}
	}

	garbage := filepath.Join(t.TempDir(), "garbage.pth")
	if err := os.WriteFile(garbage, []byte("not a pickle"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := stored(garbage); err == nil || !strings.Contains(err.Error(), "cannot read") {
		t.Errorf("garbage gives the error %v", err)
	}
}

// TestLayers has the counts of pytorch-fid's network without its classifier.
func TestLayers(t *testing.T) {
	convs, kernels, channels := 0, 0, 0
	eachConv(func(c conv, in int) {
		convs++
		kernels += c.height * c.width * in * c.out
		channels += c.out
	})
	if convs != 94 || kernels != 21_751_136 || channels != 17_216 {
		t.Errorf("%d convolutions with %d weights and %d output channels; want 94, 21751136 and "+
			"17216", convs, kernels, channels)
	}
}

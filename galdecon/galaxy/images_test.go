package galaxy

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/core/tensors"
)

// ramp returns images whose pixels count up from 0.
func ramp(n, h, w, c int) *Images {
	im := NewImages(n, h, w, c)
	for k := range im.Pixels {
		im.Pixels[k] = float32(k)
	}
	return im
}

func TestAreaAverageConservesTheMean(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, sizes := range [][2]int{{128, 32}, {100, 32}, {33, 32}, {423, 128}, {7, 4}, {64, 64}} {
		for _, channels := range []int{1, 3} {
			side, size := sizes[0], sizes[1]
			src := make([]float32, side*side*channels)
			for k := range src {
				src[k] = r.Float32()
			}
			dst := make([]float32, size*size*channels)
			areaAverage(dst, src, side, size, channels)
			if before, after := mean(src), mean(dst); math.Abs(after-before) > 1e-6 {
				t.Errorf("%d to %d: mean %v became %v", side, size, before, after)
			}
		}
	}
}

func TestAreaAverageOfRatioThreeHalves(t *testing.T) {
	dst := make([]float32, 4)
	areaAverage(dst, []float32{9, 0, 0, 0, 0, 0, 0, 0, 9}, 3, 2, 1)
	// A new pixel covers one old pixel, half of two and a quarter of the middle one, in all 9/4.
	if want := []float32{4, 0, 0, 4}; !slices.Equal(dst, want) {
		t.Errorf("got %v, want %v", dst, want)
	}
}

func TestPrepare(t *testing.T) {
	im := NewImages(1, 8, 10, 1)
	im.IDs, im.Scale = []string{"m51"}, []float64{10}
	im.Pixels[3*10+4] = 8 // in the central half once the columns 0 and 9 are cropped
	im.Pixels[0*10+1] = 20
	im.Pixels[7*10+8] = -2
	out, err := im.Prepare(8)
	if err != nil {
		t.Fatal(err)
	}
	if out.Pixels[3*8+3] != 1 || out.Pixels[0] != 1 || out.Pixels[63] != -0.25 {
		t.Errorf("centre %v, star %v, sky %v; want 1, 1 (clipped), -0.25", out.Pixels[3*8+3], out.Pixels[0], out.Pixels[63])
	}
	if out.Scale[0] != 80 || out.ID(0) != "m51" {
		t.Errorf("scale %v and id %q, want 80 and m51", out.Scale[0], out.ID(0))
	}
	if im.Pixels[1] != 20 {
		t.Error("Prepare changed its source")
	}
}

func TestPrepareRefuses(t *testing.T) {
	bright := ramp(1, 16, 16, 1)
	nan := ramp(2, 16, 16, 1)
	nan.At(1)[16+3] = float32(math.NaN())
	for want, f := range map[string]func() (*Images, error){
		"never enlarged":    func() (*Images, error) { return bright.Prepare(17) },
		"no positive value": func() (*Images, error) { return NewImages(1, 16, 16, 1).Prepare(8) },
		"index 1) has the value NaN at row 1, column 3": func() (*Images, error) { return nan.Prepare(8) },
		"[0, 16, 16, 1]": func() (*Images, error) { return NewImages(0, 16, 16, 1).Prepare(8) },
	} {
		if _, err := f(); err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "galaxy: ") {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}

func TestSplit(t *testing.T) {
	im := ramp(20, 2, 2, 1)
	train, validation, err := im.Split(15, 3)
	if err != nil {
		t.Fatal(err)
	}
	again, _, _ := im.Split(15, 3)
	other, _, _ := im.Split(15, 4)
	if !slices.Equal(train.Pixels, again.Pixels) || slices.Equal(train.Pixels, other.Pixels) {
		t.Error("a split must depend on its seed, and only on it")
	}
	all := slices.Concat(train.Pixels, validation.Pixels)
	slices.Sort(all)
	if train.N != 15 || validation.N != 5 || !slices.Equal(all, im.Pixels) {
		t.Errorf("%d and %d images, which are not the 20 there were", train.N, validation.N)
	}
	for _, n := range []int{0, 20, -1} {
		if _, _, err := im.Split(n, 1); err == nil {
			t.Errorf("Split(%d) of 20 images gave no error", n)
		}
	}
}

func TestGrey(t *testing.T) {
	if got := ramp(1, 1, 2, 3).Grey(); !slices.Equal(got.Pixels, []float32{1, 4}) || got.Channels != 1 {
		t.Errorf("got %v", got.Pixels)
	}
}

func TestTensorRoundTrip(t *testing.T) {
	im := ramp(2, 3, 4, 3)
	tensor := im.Tensor()
	if got := tensor.Shape().Dimensions; !slices.Equal(got, []int{2, 3, 4, 3}) {
		t.Fatalf("shape %v", got)
	}
	back, err := FromTensor(tensor)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(back.Pixels, im.Pixels) || back.Validate() != nil {
		t.Errorf("got %+v", back)
	}
	for _, wrong := range []*tensors.Tensor{
		tensors.FromFlatDataAndDimensions([]float32{1, 2}, 2),
		tensors.FromFlatDataAndDimensions([]int32{1, 2}, 1, 1, 2, 1),
	} {
		if _, err := FromTensor(wrong); err == nil {
			t.Errorf("FromTensor of %s gave no error", wrong.Shape())
		}
	}
}

func TestSelectCopies(t *testing.T) {
	im := ramp(3, 1, 1, 1)
	im.IDs = []string{"a", "b", "c"}
	got := im.Select(2, 0)
	got.Pixels[0] = 7
	if im.Pixels[2] != 2 || !slices.Equal(got.IDs, []string{"c", "a"}) {
		t.Errorf("ids %v, source %v", got.IDs, im.Pixels)
	}
}

func TestValidateShapes(t *testing.T) {
	for want, im := range map[string]*Images{
		"need 4 values": {N: 1, Height: 2, Width: 2, Channels: 1, Pixels: make([]float32, 3)},
		"IDs":           {N: 1, Height: 1, Width: 1, Channels: 1, Pixels: make([]float32, 1), IDs: []string{"a", "b"}},
		"scales":        {N: 1, Height: 1, Width: 1, Channels: 1, Pixels: make([]float32, 1), Scale: []float64{}},
	} {
		if err := im.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}

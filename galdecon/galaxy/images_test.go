package galaxy

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/core/tensors"

	"galdecon/galdecon/galaxy/internal/raster"
)

// ramp returns images whose pixels count up from 0.
func ramp(n, h, w, c int) *Images {
	im := NewImages(n, h, w, c)
	for k := range im.Pixels {
		im.Pixels[k] = float32(k)
	}
	return im
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
		t.Errorf("center %v, star %v, sky %v; want 1, 1 (clipped), -0.25", out.Pixels[3*8+3],
			out.Pixels[0], out.Pixels[63])
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
		"index 1) has the value NaN at row 1, column 3": func() (*Images,
			error) {
			return nan.Prepare(8)
		},
		"[0, 16, 16, 1]": func() (*Images, error) { return NewImages(0, 16, 16, 1).Prepare(8) },
	} {
		if _, err := f(); err == nil || !strings.Contains(err.Error(), want) ||
			!strings.HasPrefix(err.Error(), "galaxy: ") {
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

func TestGray(t *testing.T) {
	if got := ramp(1, 1, 2, 3).Gray(); !slices.Equal(got.Pixels, []float32{1, 4}) ||
		got.Channels != 1 {
		t.Errorf("got %v", got.Pixels)
	}
}

func TestWithChannels(t *testing.T) {
	gray := ramp(2, 1, 2, 1)
	gray.IDs, gray.Objects, gray.Scale = []string{"a", "b"}, []string{"c", "d"}, []float64{3, 4}
	rgb, err := gray.WithChannels(3)
	if err != nil {
		t.Fatal(err)
	}
	if err := rgb.Validate(); err != nil {
		t.Error(err)
	}
	if rgb.Channels != 3 ||
		!slices.Equal(rgb.Pixels, []float32{0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3}) {
		t.Errorf("%d channels %v", rgb.Channels, rgb.Pixels)
	}
	if rgb.ID(1) != "b" || rgb.Objects[1] != "d" || rgb.Scale[1] != 4 {
		t.Errorf("%v, %v, %v", rgb.IDs, rgb.Objects, rgb.Scale)
	}
	back, err := rgb.WithChannels(1)
	if err != nil || !slices.Equal(back.Pixels, gray.Pixels) || back.Channels != 1 ||
		back.ID(1) != "b" {
		t.Errorf("the gray of colorless images is %v, %v", back, err)
	}
	if same, err := rgb.WithChannels(3); err != nil || same != rgb {
		t.Errorf("images that have as many channels: %v, %v", same, err)
	}
	for _, channels := range []int{-1, 0, 2} {
		if _, err := rgb.WithChannels(channels); err == nil ||
			!strings.HasPrefix(err.Error(), "galaxy: ") {
			t.Errorf("3 channels to %d: error %v", channels, err)
		}
	}
	for _, channels := range []int{-1, 0} {
		if _, err := gray.WithChannels(channels); err == nil {
			t.Errorf("1 channel to %d gave no error", channels)
		}
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
	if _, err := FromTensor(nil); err == nil || !strings.HasPrefix(err.Error(), "galaxy: ") {
		t.Errorf("error %v without a tensor", err)
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
		"IDs": {N: 1, Height: 1, Width: 1, Channels: 1, Pixels: make([]float32, 1),
			IDs: []string{"a", "b"}},
		"scales": {N: 1, Height: 1, Width: 1, Channels: 1, Pixels: make([]float32, 1),
			Scale: []float64{}},
	} {
		if err := im.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}

func TestDivide(t *testing.T) {
	im := NewImages(2, 1, 2, 1)
	copy(im.Pixels, []float32{2, float32(math.NaN()), 30, -60})
	im.Scale = []float64{1, 5}
	if err := im.Divide([]float64{2, 10}); err != nil {
		t.Fatal(err)
	}
	if im.Pixels[0] != 1 || !raster.IsBad(im.Pixels[1]) || im.Pixels[2] != 3 ||
		im.Pixels[3] != -6 || !slices.Equal(im.Scale, []float64{2, 50}) {
		t.Errorf("got %v with scales %v", im.Pixels, im.Scale)
	}
}

// What can't be done is said, and changes nothing.
func TestArithmeticRefuses(t *testing.T) {
	im := ramp(2, 2, 2, 1)
	im.Scale = []float64{1, 1}
	for name, test := range map[string]struct {
		err  error
		want string
	}{
		"no divisors":    {im.Divide(nil), "2 images need a divisor each, got 0"},
		"three divisors": {im.Divide([]float64{1, 1, 1}), "got 3"},
		"0":              {im.Divide([]float64{2, 0}), "image 1 (index 1) can't be divided by 0"},
		"NaN": {im.Divide([]float64{2, math.NaN()}),
			"the divisor of image 1 (index 1) is NaN"},
		"infinite":        {im.Divide([]float64{math.Inf(-1), 2}), "the divisor of image 0"},
		"tiny":            {im.Divide([]float64{2, 1e-40}), "too large to be divided by 1e-40"},
		"one level":       {im.Subtract([]float64{1}), "2 images need a level each, got 1"},
		"NaN level":       {im.Subtract([]float64{1, math.NaN()}), "the level of image 1"},
		"nothing divided": {(*Images)(nil).Divide([]float64{1}), "no images"},
		"nothing":         {(*Images)(nil).Subtract([]float64{1}), "no images"},
		"too few pixels": {(&Images{N: 1, Height: 2, Width: 2,
			Channels: 1}).Subtract([]float64{1}), "need 4 values"},
	} {
		if test.err == nil || !strings.HasPrefix(test.err.Error(), "galaxy: ") ||
			!strings.Contains(test.err.Error(), test.want) {
			t.Errorf("%s: error %v, want one with %q", name, test.err, test.want)
		}
	}
	if want := ramp(2, 2, 2, 1); !slices.Equal(im.Pixels, want.Pixels) ||
		!slices.Equal(im.Scale, []float64{1, 1}) {
		t.Errorf("the images became %v with scales %v", im.Pixels, im.Scale)
	}
}

// Every function that can say so says that there are no images, or too few pixels.
func TestNoImages(t *testing.T) {
	for name, im := range map[string]*Images{
		"nil": nil, "empty": {}, "no pixels": {N: 1, Height: 8, Width: 8, Channels: 1},
		"no image": NewImages(0, 8, 8, 1),
		"negative": {N: -1, Height: -1, Width: 1, Channels: 1, Pixels: make([]float32, 1)},
		"objects": {N: 1, Height: 8, Width: 8, Channels: 1, Pixels: make([]float32, 64),
			Objects: []string{}},
	} {
		for what, f := range map[string]func() error{
			"Validate": im.Validate,
			"Prepare":  func() error { _, err := im.Prepare(8); return err },
			"Peaks":    func() error { _, err := im.Peaks(); return err },
			"Channels": func() error { _, err := im.WithChannels(3); return err },
			"Sky":      func() error { _, err := im.Sky(); return err },
			"Average":  func() error { _, err := im.Average(2); return err },
			"Cutout":   func() error { _, err := im.Cutout(4, 4, 4); return err },
			"Split":    func() error { _, _, err := im.Split(1, 1); return err },
			"Join":     func() error { _, err := Join(im); return err },
		} {
			if err := f(); err == nil || !strings.HasPrefix(err.Error(), "galaxy: ") {
				t.Errorf("%s of %s images: error %v", what, name, err)
			}
		}
	}
}
